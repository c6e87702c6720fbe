//! What a heap has counted, in C's types (`include/mpgc.h`).

use crate::heap::Figures;
use crate::heap::stats::{PAUSES, REASONS, Reason, SHORT_PAUSE};

/// Classes of the times that collections took.
pub const MPGC_PAUSES: usize = 16;

const _: () = {
    assert!(MPGC_PAUSES == PAUSES && SHORT_PAUSE == 16 && REASONS == 4);
    assert!(Reason::Asked as usize == 0 && Reason::Full as usize == 1);
    assert!(Reason::Threshold as usize == 2 && Reason::Idle as usize == 3);
};

/// What was counted since the heap was made or the counters began anew. Counters wrap. Bytes are
/// those of whole blocks.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_figures {
    /// Microseconds that all collections took.
    pub total_us: u64,
    /// Microseconds of the last one.
    pub last_us: u32,
    /// Microseconds of the longest.
    pub longest_us: u32,
    /// How many collections took less than 16 microseconds, less than 32, less than 64 and so on;
    /// each is in one class, and the last class has all that took longer.
    pub pauses: [u32; MPGC_PAUSES],
    /// Collections that the program or the port asked for.
    pub asked: u32,
    /// Collections because no free run was long enough for a chunk.
    pub full: u32,
    /// Collections because the threshold was reached.
    pub threshold: u32,
    /// Collections while the program waited.
    pub idle: u32,
    /// How often a marked object found the mark stack full.
    pub mark_overflows: u32,
    /// Finalisers that ran.
    pub finalised: u32,
    /// Allocations that failed, in a locked heap too.
    pub failures: u32,
    /// Scheduled calls that were refused because the queue was full; 0 in the C library.
    pub sched_refused: u32,
    /// The bytes that the last failed allocation asked for.
    pub failed_bytes: usize,
    /// Chunks handed out.
    pub allocations: usize,
    /// Bytes handed out, with those that chunks have gained in place.
    pub allocated_bytes: usize,
    /// Chunks that collections freed.
    pub freed_objects: usize,
    /// Bytes of these.
    pub freed_bytes: usize,
    /// Chunks in use after the last collection, or when the counters began anew.
    pub live_objects: usize,
    /// Bytes of these.
    pub live_bytes: usize,
    /// The most bytes in use after any collection.
    pub peak_bytes: usize,
    /// Bytes of the longest free run after the last collection. Free runs are counted from the
    /// first call that asks for the figures on, and in it, for that takes a pass over the tables.
    pub max_free: usize,
    /// How many free runs there were.
    pub free_runs: usize,
    /// The most bytes of the running thread's Python stack that were ever in use, as far as they
    /// were written to; 0 in the C library.
    pub peak_pystack: usize,
    /// The most calls that ever waited in the scheduler's queue; 0 in the C library.
    pub peak_sched: usize,
    /// The most static nodes that ever waited; 0 in the C library.
    pub peak_nodes: usize,
}

impl From<Figures> for mpgc_figures {
    fn from(found: Figures) -> Self {
        mpgc_figures {
            total_us: found.total_us,
            last_us: found.last_us,
            longest_us: found.longest_us,
            pauses: found.pauses,
            asked: found.collections[Reason::Asked as usize],
            full: found.collections[Reason::Full as usize],
            threshold: found.collections[Reason::Threshold as usize],
            idle: found.collections[Reason::Idle as usize],
            mark_overflows: found.mark_overflows,
            finalised: found.finalised,
            failures: found.failures,
            sched_refused: 0,
            failed_bytes: found.failed_bytes,
            allocations: found.allocations,
            allocated_bytes: found.allocated_bytes,
            freed_objects: found.freed_objects,
            freed_bytes: found.freed_bytes,
            live_objects: found.live_objects,
            live_bytes: found.live_bytes,
            peak_bytes: found.peak_bytes,
            max_free: found.max_free,
            free_runs: found.free_runs,
            peak_pystack: 0,
            peak_sched: 0,
            peak_nodes: 0,
        }
    }
}
