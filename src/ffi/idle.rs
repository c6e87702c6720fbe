//! Collections while the program waits, and words that nobody uses any more (`include/mpgc.h`).

use crate::host::idle;

/// In a MicroPython port with MPGC_IDLE_COLLECT=1 only. Collects, if the program waits for so many
/// milliseconds (`UINT32_MAX`: without end), the last collection took less, and enough was
/// allocated since. Returns whether it did. It does nothing in another thread than the main one, in
/// a Cortex-M exception handler, and with the heap or the scheduler locked.
///
/// # Safety
/// The heap was made with `gc_init`; Python may run where it is called, and finalisers do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_idle(ms: u32) -> bool {
    let wait = (ms != u32::MAX).then_some(ms);
    // SAFETY: by this function's contract.
    unsafe { idle::collect_within(wait) }.is_some()
}
