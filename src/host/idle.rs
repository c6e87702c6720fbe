//! Collections while the program waits (`MPGC_IDLE_COLLECT`).
//!
//! A wait handles pending events, so Python may run there; what may run Python may collect. What
//! may not is asked here: the heap or the scheduler is locked, the caller is an interrupt or
//! another thread.

use super::bindings::gc_collect;
use super::heap::HEAP;
use super::micropython::is_main_thread;
use super::shim;
use crate::heap::idle::Pauses;

static PAUSES: Pauses = Pauses::none();

fn now() -> u32 {
    // SAFETY: the port's own clock.
    unsafe { shim::ticks_us() as u32 }
}

/// A collection begins.
pub fn begin() {
    PAUSES.begin(now());
}

/// It has ended.
pub fn end() {
    PAUSES.end(now());
}

/// Collects, if that is due and fits into a wait of so many milliseconds (`None`: without end).
/// Returns how many have passed, `None` if nothing was done.
///
/// # Safety
/// As for a wait of the port: Python may run, finalisers do. May jump if one of those aborts the
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
    // SAFETY: the port's own collection, which an allocation here could have made.
    unsafe { gc_collect() }
    Some(now().wrapping_sub(began).div_ceil(1000))
}

/// What is left of a wait after a collection in it.
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

/// Whether an exception handler runs, or interrupts are off. Where that cannot be asked, an
/// interrupt handler has the heap locked, as MicroPython wants it.
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
