//! The trace of the heap (`include/mpgc.h`).

use crate::abi::mpgc_write_fn;
use crate::host::trace;
use core::ffi::c_void;

/// In a MicroPython port with MPGC_TRACE=1 only. Writes the last collections and failed allocations
/// as Trace Event JSON, which Perfetto and Chrome read, in pieces. `write` may jump: then the text
/// ends there.
///
/// # Safety
/// The heap was made with `gc_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_trace_dump(write: mpgc_write_fn, user: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { trace::dump(write, user) }
}
