//! The heap's own account of itself (`include/mpgc.h`).

use crate::heap::Fault;
use crate::host::heap::HEAP;
use core::ffi::{c_char, c_int, c_void};

/// What is wrong: the first argument of `mpgc_fault`.
#[repr(C)]
pub enum mpgc_fault_kind {
    /// A region of no bytes, or a null one, was to be made a heap.
    MPGC_FAULT_NO_ROOM = 1,
    /// What was given back lies in no area of the heap.
    MPGC_FAULT_FOREIGN = 2,
    /// What was given back lies in the heap, but is not the start of a chunk.
    MPGC_FAULT_INNER = 3,
    /// What was given back is free already.
    MPGC_FAULT_DOUBLE_FREE = 4,
    /// A table says what cannot be.
    MPGC_FAULT_BROKEN_TABLE = 5,
    /// A free block was written to.
    MPGC_FAULT_WRITE_AFTER_FREE = 6,
    /// The bytes behind those that were asked for were written to.
    MPGC_FAULT_OVERRUN = 7,
}

const _: () = {
    assert!(mpgc_fault_kind::MPGC_FAULT_NO_ROOM as u8 == Fault::NoRoom as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_FOREIGN as u8 == Fault::Foreign as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_INNER as u8 == Fault::Inner as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_DOUBLE_FREE as u8 == Fault::DoubleFree as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_BROKEN_TABLE as u8 == Fault::BrokenTable as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_WRITE_AFTER_FREE as u8 == Fault::WriteAfterFree as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_OVERRUN as u8 == Fault::Overrun as u8);
};

unsafe extern "C" {
    /// Called when something is wrong at `ptr` and going on would damage memory; `kind` is an
    /// `mpgc_fault_kind`. The library has a weak one that prints both and the chunk that `ptr` lies
    /// in; a port may have its own. The program stops when it returns. The heap's mutex is held.
    pub fn mpgc_fault(kind: c_int, ptr: *const c_void);
}

/// The chunk that `ptr` lies in, which need not be its start; its bytes go to `n_bytes` unless that
/// is NULL. Returns NULL if it lies in no chunk.
///
/// # Safety
/// The heap was made with `gc_init`; `n_bytes` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_chunk_of(ptr: *const c_void, n_bytes: *mut usize) -> *mut c_void {
    let Some((chunk, bytes)) = HEAP.chunk_around(ptr.cast()) else {
        return core::ptr::null_mut();
    };
    if !n_bytes.is_null() {
        // SAFETY: by this function's contract.
        unsafe { n_bytes.write(bytes) }
    }
    chunk.as_ptr().cast()
}

/// What `mpgc_check` found to be wrong.
#[repr(C)]
pub struct mpgc_broken {
    /// What is wrong, in words; no NUL ends it.
    pub what: *const c_char,
    /// The length of `what` in bytes.
    pub what_len: usize,
    /// The number of the area where it is wrong: 0 is the one of `gc_init`.
    pub area: usize,
    /// The block where it is wrong, counted from the start of the area's pool;
    /// `SIZE_MAX` if it is not a block.
    pub block: usize,
}

/// Looks at every block of the heap and at everything that the library claims to know of it.
/// Returns true if all of it is right. If not, it returns false and writes the first thing
/// that is wrong to `out`, unless that is NULL; `what` is valid for ever. Not during a collect.
///
/// # Safety
/// The heap was made with `gc_init`; `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_check(out: *mut mpgc_broken) -> bool {
    let Err(broken) = HEAP.check() else {
        return true;
    };
    if !out.is_null() {
        // SAFETY: by this function's contract.
        unsafe {
            out.write(mpgc_broken {
                what: broken.what.as_ptr().cast(),
                what_len: broken.what.len(),
                area: broken.area,
                block: broken.block.map_or(usize::MAX, |block| block.0),
            });
        }
    }
    false
}
