//! A snapshot of memory (`include/mpgc.h`).

use crate::abi::mpgc_write_fn;
use crate::host::snapshot;
use core::ffi::c_void;

/// In a MicroPython port only. Writes a snapshot of the heap, the state and the stacks of the
/// running thread, in pieces of at most 64 bytes, in the format of docs/snapshot.md, which
/// mpgc-heap reads. It allocates nothing, and works with a heap that is full or locked, in a
/// collection too. `write` may jump: then the snapshot ends there.
///
/// # Safety
/// The heap was made with `gc_init`. What `write` does to the heap may leave a snapshot that makes
/// no sense.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_snapshot(write: mpgc_write_fn, user: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { snapshot::write(write, user) }
}
