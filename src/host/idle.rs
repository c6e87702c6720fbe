//! Collections while the program waits (`MPGC_IDLE_COLLECT`).
//!
//! A wait handles pending events, so Python may run in it, and so a collection may too. This file
//! checks for the exceptions: the heap or the scheduler is locked, or the caller is an interrupt or
//! another thread.

use super::bindings::gc_collect;
use super::heap::HEAP;
use super::micropython::is_main_thread;
use super::shim;
use crate::heap::Reason;
use crate::heap::idle::Pauses;

static PAUSES: Pauses = Pauses::none();

fn now() -> u32 {
    // SAFETY: the port's own clock.
    unsafe { shim::ticks_us() as u32 }
}

/// Notes that a collection begins.
pub fn begin() {
    PAUSES.begin(now());
}

/// Notes that it has ended.
pub fn end() {
    PAUSES.end(now());
}

/// Collects if a collection is due and fits into a wait of so many milliseconds (`None`: endless).
/// Returns how many it took, or `None` if it did not collect.
///
/// # Safety
/// As for a wait of the port: Python may run, and finalisers do. May jump if one of them aborts the
/// VM.
pub unsafe fn collect_within(wait_ms: Option<u32>) -> Option<u32> {
    if !is_main_thread()
        || in_interrupt()
        || scheduler_is_locked()
        || !HEAP.is_due_when_idle()
        || !PAUSES.fit_into(wait_ms)
    {
        return None;
    }
    let began = now();
    HEAP.stats_reason(Reason::Idle);
    // SAFETY: the port's own collection, which an allocation could start here as well.
    unsafe { gc_collect() }
    Some(now().wrapping_sub(began).div_ceil(1000))
}

/// Collects in a wait if possible, and returns the rest of the wait.
///
/// # Safety
/// As for [`collect_within`].
pub unsafe fn wait_ms(ms: super::bindings::mp_uint_t) -> super::bindings::mp_uint_t {
    let known = u32::try_from(ms).unwrap_or(u32::MAX);
    // SAFETY: by this function's contract.
    match unsafe { collect_within(Some(known)) } {
        Some(passed) => ms.saturating_sub(passed as super::bindings::mp_uint_t),
        None => ms,
    }
}

#[cfg(mpgc_scheduler)]
fn scheduler_is_locked() -> bool {
    super::sched_fields::state().lock_depth() > 0
}
#[cfg(not(mpgc_scheduler))]
fn scheduler_is_locked() -> bool {
    false
}

/// Whether an exception handler runs, or interrupts are off. On other processors MicroPython
/// requires that an interrupt handler locks the heap, so this need not be known.
#[cfg(mpgc_primask_atomic)]
fn in_interrupt() -> bool {
    let (handler, masked): (u32, u32);
    // SAFETY: both read a register of the processor.
    unsafe {
        core::arch::asm!(
            "mrs {0}, ipsr", // the number of the exception that is handled
            "mrs {1}, primask",
            out(reg) handler,
            out(reg) masked,
            options(nomem, nostack, preserves_flags)
        );
    }
    handler != 0 || masked & 1 != 0
}
#[cfg(not(mpgc_primask_atomic))]
fn in_interrupt() -> bool {
    false
}
