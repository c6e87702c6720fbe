//! What the heap, the Python stack and the scheduler have counted (`include/mpgc.h`).

use crate::figures::mpgc_figures;
use crate::host::heap::HEAP;
#[cfg(mpgc_pystack)]
use crate::host::pystack;
#[cfg(mpgc_scheduler)]
use crate::host::sched;

/// In a MicroPython port with MPGC_STATS=1 only. Writes what was counted to `out`.
///
/// # Safety
/// The heap was made with `gc_init`; `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stats(out: *mut mpgc_figures) {
    #[cfg_attr(not(any(mpgc_scheduler, mpgc_pystack)), expect(unused_mut))]
    let mut figures = mpgc_figures::from(HEAP.figures());
    #[cfg(mpgc_scheduler)]
    {
        let counts = sched::counts(false);
        figures.sched_refused = counts.refused();
        figures.peak_sched = counts.most_calls();
        figures.peak_nodes = counts.most_nodes();
    }
    #[cfg(mpgc_pystack)]
    {
        // SAFETY: the port has made the running thread's Python stack before it makes objects.
        figures.peak_pystack = unsafe { pystack::most_used() };
    }
    // SAFETY: by this function's contract.
    unsafe { out.write(figures) }
}

/// In a MicroPython port with MPGC_STATS=1 only. Begins to count anew: all figures are 0, but for
/// what is in use now, and what the last collection said of free runs. Not during a collection.
///
/// # Safety
/// The heap was made with `gc_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_reset_stats() {
    HEAP.reset_figures();
    #[cfg(mpgc_scheduler)]
    sched::counts(true);
    #[cfg(mpgc_pystack)]
    // SAFETY: as in `mpgc_stats`.
    unsafe {
        pystack::forget_most_used()
    }
}
