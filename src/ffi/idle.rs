//! Collections while the program waits (`include/mpgc.h`).

use crate::host::idle;

/// Only in a MicroPython port with MPGC_IDLE_COLLECT=1. Collects if the last collection took less
/// than `ms` milliseconds, for which the program is about to wait (`UINT32_MAX`: an endless wait),
/// and enough was allocated since. Returns whether it did. It does nothing in another thread than
/// the main one, in a Cortex-M exception handler, and with the heap or the scheduler locked.
///
/// # Safety
/// `gc_init` was called. Python may run where this is called, and finalisers do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_idle(ms: u32) -> bool {
    let wait = (ms != u32::MAX).then_some(ms);
    // SAFETY: by this function's contract.
    unsafe { idle::collect_within(wait) }.is_some()
}
