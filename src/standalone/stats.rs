//! What a heap has counted: its exports.

use super::heap::mpgc_heap;
use super::host::Program;
use crate::figures::mpgc_figures;
use crate::heap::host::Config;

/// Writes what was counted to `out`. Returns false, and writes nothing, if the library was built
/// without the feature `stats`: then nothing is counted.
///
/// # Safety
/// The heap was made; `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_stats(heap: *mut mpgc_heap, out: *mut mpgc_figures) -> bool {
    if !Program::STATS {
        return false;
    }
    let host = Program::of(heap);
    let held = host.hold();
    let figures = host.heap().figures();
    host.release(held);
    // SAFETY: by this function's contract.
    unsafe { out.write(figures.into()) }
    true
}

/// Begins to count anew: all figures are 0, but for what is in use now, and what the last
/// collection said of free runs. In a finaliser it does nothing.
///
/// # Safety
/// The heap was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_reset_stats(heap: *mut mpgc_heap) {
    if Program::STATS {
        let host = Program::of(heap);
        let held = host.hold();
        host.heap().reset_figures();
        host.release(held);
    }
}
