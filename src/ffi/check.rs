//! The heap's own account of itself (`include/mpgc.h`).

use crate::abi::mpgc_broken;
use crate::host::heap::HEAP;
use core::ffi::{c_int, c_void};

unsafe extern "C" {
    /// In a MicroPython port only. Called when something is wrong at `ptr` and going on would
    /// damage memory; `kind` is an `mpgc_fault_kind`. The library has a weak one that prints both
    /// and the chunk that `ptr` lies in; a port may have its own. The program stops when it
    /// returns. The heap's mutex is held, unless a region is being made a heap.
    pub fn mpgc_fault(kind: c_int, ptr: *const c_void);
}

/// In a MicroPython port only. The chunk that `ptr` lies in, which need not be its start; its bytes
/// go to `n_bytes` unless that is NULL. Returns NULL if it lies in no chunk.
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

/// In a MicroPython port only. Looks at every block of the heap and at everything that the library
/// claims to know of it. Returns true if all of it is right. If not, it returns false and writes
/// the first thing that is wrong to `out`, unless that is NULL; `what` is valid for ever. Not
/// during a collection.
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
        unsafe { out.write(broken.into()) }
    }
    false
}
