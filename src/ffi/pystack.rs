//! py/pystack.h.

use crate::host::{pystack, shim};
use core::ffi::c_void;

/// Mirrors `mp_pystack_init` (py/pystack.c).
///
/// # Safety
/// `[start, end)` is valid for reads and writes as long as the thread runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_pystack_init(start: *mut c_void, end: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { pystack::init(start.cast(), end.cast()) }
}

placed! { mp_pystack_alloc,
/// Mirrors `mp_pystack_alloc` (py/pystack.c). Differs: a request near the end of the
/// address space raises too, where the C's sum wraps.
///
/// # Safety
/// The Python stack of this thread was initialised; raises when it is exhausted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_pystack_alloc(n_bytes: usize) -> *mut c_void {
    // SAFETY: by this function's contract; no value here has a destructor.
    unsafe {
        match pystack::alloc(n_bytes) {
            Ok(chunk) => chunk.cast(),
            Err(_) => shim::raise_pystack_exhausted(),
        }
    }
}}

at_a_cache_line!(mp_pystack_alloc);
same_as_the_header!(mp_pystack_init, mp_pystack_alloc);
