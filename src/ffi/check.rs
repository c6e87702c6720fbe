//! Exports that check and describe the heap (`include/mpgc.h`).

use crate::abi::mpgc_broken;
use crate::host::heap::HEAP;
use core::ffi::{c_int, c_void};

unsafe extern "C" {
    /// Only in a MicroPython port. Called when something is wrong at `ptr` and continuing would
    /// damage memory; `kind` is an `mpgc_fault_kind`. The library has a weak definition that prints
    /// both and the chunk that `ptr` lies in; a port may define its own. The program stops when it
    /// returns. The heap's mutex is held, except while a heap or an area is initialised.
    pub fn mpgc_fault(kind: c_int, ptr: *const c_void);
}

/// Only in a MicroPython port. Returns the chunk that `ptr` lies in, which need not be its start,
/// and writes its length to `n_bytes` unless that is NULL. Returns NULL if `ptr` lies in no chunk.
///
/// # Safety
/// `gc_init` was called; `n_bytes` is NULL or may be written.
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

/// Only in a MicroPython port. Checks every block of the heap and every claim of the search's
/// hints. Returns true if all invariants hold. Otherwise returns false and writes the first one
/// that does not to `out`, unless that is NULL; `what` is valid for ever. Must not be called during
/// a collection.
///
/// # Safety
/// `gc_init` was called; `out` is NULL or may be written.
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
