//! What a heap counts, so cheaply that it can stay on (`Config::STATS`).
//!
//! The paths that a program takes all the time have one addition each:
//!
//! ```text
//!   alloc            allocations; blocks handed out: `alloc_amount`, which is there anyway
//!   free             frees, blocks given back
//!   mark, an object  blocks that live
//!   sweep, a word    objects that died: counted anyway
//! ```
//!
//! What else there is to know follows when a collection ends:
//!
//! ```text
//!   objects alive  = alive before + allocations - frees - objects that died
//!   blocks freed   = alive before + handed out - given back - blocks that live
//! ```
//!
//! The free runs are another matter, for only a pass over the table finds them. A collection makes
//! that pass once the figures have been asked for.

use super::Heap;
use super::free_runs::FreeRuns;
use super::host::Host;

/// Why the heap collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The program, or the port, asks for it.
    Asked,
    /// No free run was long enough for a chunk.
    Full,
    /// The threshold was reached.
    Threshold,
    /// The program waits.
    Idle,
}

/// What is reported as it happens, with `Config::TRACE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// A collection has marked all that lives.
    Marked,
    /// A collection ends.
    Collected {
        /// Why it began.
        reason: Reason,
        /// What the clock said then.
        began_us: u32,
        /// Microseconds that it took.
        took_us: u32,
        /// Bytes of the blocks in use now.
        live_bytes: usize,
        /// Chunks that it has freed.
        freed_objects: usize,
    },
    /// No chunk of so many bytes could be had.
    Failed {
        /// Those of whole blocks.
        bytes: usize,
    },
}

/// How many reasons there are.
pub const REASONS: usize = 4;

/// Classes of the times that collections took.
pub const PAUSES: usize = 16;

/// A collection of fewer microseconds is in the first class; each further one begins at twice as
/// many.
pub const SHORT_PAUSE: u32 = 16;

/// The class of a collection that took so long.
pub const fn pause_class(us: u32) -> usize {
    let doublings = (u32::BITS - (us / SHORT_PAUSE).leading_zeros()) as usize;
    if doublings < PAUSES {
        doublings
    } else {
        PAUSES - 1
    }
}

/// What is counted, in memory of the host. Numbers of blocks; counters wrap.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// The lower half first: a number of 64 bits would need more alignment than a heap has.
    total_us: [u32; 2],
    pauses: [u32; PAUSES],
    collections: [u32; REASONS],
    last_us: u32,
    longest_us: u32,
    pub(super) began_us: u32,
    pub(super) mark_overflows: u32,
    pub(super) finalised: u32,
    pub(super) failures: u32,
    pub(super) failed_blocks: usize,
    /// By collections.
    freed_objects: usize,
    freed_blocks: usize,
    /// After the last collection, or when the counters began anew.
    live_objects: usize,
    pub(super) live_blocks: usize,
    peak_blocks: usize,
    /// Up to then.
    allocations_before: usize,
    handed_out_before: usize,
    /// Since then.
    pub(super) allocations: usize,
    pub(super) handed_out: usize,
    pub(super) frees: usize,
    pub(super) given_back: usize,
    /// How much of `alloc_amount` is in `handed_out` already.
    pub(super) amount_seen: usize,
    /// Blocks that the collection under way has marked.
    pub(super) marked: usize,
    /// At the end of the last collection, once they are watched.
    max_free: usize,
    free_runs: usize,
    pub(super) reason: Reason,
    /// Whether the free runs are counted at each collection.
    pub(super) watches_runs: bool,
}

impl Stats {
    /// What a heap begins with.
    pub const NONE: Stats = Stats {
        total_us: [0; 2],
        pauses: [0; PAUSES],
        collections: [0; REASONS],
        last_us: 0,
        longest_us: 0,
        began_us: 0,
        mark_overflows: 0,
        finalised: 0,
        failures: 0,
        failed_blocks: 0,
        freed_objects: 0,
        freed_blocks: 0,
        live_objects: 0,
        live_blocks: 0,
        peak_blocks: 0,
        allocations_before: 0,
        handed_out_before: 0,
        allocations: 0,
        handed_out: 0,
        frees: 0,
        given_back: 0,
        amount_seen: 0,
        marked: 0,
        max_free: 0,
        free_runs: 0,
        reason: Reason::Asked,
        watches_runs: false,
    };

    /// A counter that the C has says what was handed out since the last collection.
    pub(super) fn see_amount(&mut self, amount: usize) {
        self.handed_out = self
            .handed_out
            .wrapping_add(amount.wrapping_sub(self.amount_seen));
        self.amount_seen = amount;
    }

    /// The objects and the blocks in use now. The amount was seen, and no collection is under way.
    fn in_use(&self) -> (usize, usize) {
        let objects = self.live_objects.wrapping_add(self.allocations);
        let blocks = self.live_blocks.wrapping_add(self.handed_out);
        (
            objects.wrapping_sub(self.frees),
            blocks.wrapping_sub(self.given_back),
        )
    }

    /// So many objects and blocks are alive now: what follows is counted from here on.
    fn settle(&mut self, objects: usize, blocks: usize) {
        self.live_objects = objects;
        self.live_blocks = blocks;
        self.allocations_before = self.allocations_before.wrapping_add(self.allocations);
        self.handed_out_before = self.handed_out_before.wrapping_add(self.handed_out);
        (self.allocations, self.handed_out) = (0, 0);
        (self.frees, self.given_back) = (0, 0);
    }

    /// A collection has ended in which so many objects died.
    pub(super) fn collected(&mut self, died: usize) {
        let (objects, blocks) = self.in_use();
        self.freed_objects = self.freed_objects.wrapping_add(died);
        self.freed_blocks = self
            .freed_blocks
            .wrapping_add(blocks.wrapping_sub(self.marked));
        self.settle(objects.wrapping_sub(died), self.marked);
        self.peak_blocks = self.peak_blocks.max(self.live_blocks);
        let reason = core::mem::replace(&mut self.reason, Reason::Asked);
        let count = &mut self.collections[reason as usize];
        *count = count.wrapping_add(1);
    }

    fn total_us(&self) -> u64 {
        u64::from(self.total_us[1]) << 32 | u64::from(self.total_us[0])
    }

    pub(super) fn took(&mut self, us: u32) {
        self.last_us = us;
        self.longest_us = self.longest_us.max(us);
        let total = self.total_us().wrapping_add(u64::from(us));
        self.total_us = [total as u32, (total >> 32) as u32];
        let count = &mut self.pauses[pause_class(us)];
        *count = count.wrapping_add(1);
    }

    pub(super) fn see_runs(&mut self, runs: FreeRuns) {
        (self.max_free, self.free_runs) = (runs.longest.0, runs.count);
    }

    /// Everything anew, but for what is alive and whether free runs are watched.
    fn reset(&mut self) {
        let (objects, blocks) = self.in_use();
        *self = Stats {
            live_objects: objects,
            live_blocks: blocks,
            peak_blocks: 0,
            amount_seen: self.amount_seen,
            began_us: self.began_us,
            reason: self.reason,
            watches_runs: self.watches_runs,
            max_free: self.max_free,
            free_runs: self.free_runs,
            ..Stats::NONE
        };
    }
}

/// What [`Heap::figures`] tells. Bytes are those of whole blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Collections by [`Reason`].
    pub collections: [u32; REASONS],
    /// How many of them were in each class (`pause_class`).
    pub pauses: [u32; PAUSES],
    /// Microseconds of the last one.
    pub last_us: u32,
    /// Of the longest.
    pub longest_us: u32,
    /// Of all.
    pub total_us: u64,
    /// Objects that collections freed.
    pub freed_objects: usize,
    /// Bytes of these.
    pub freed_bytes: usize,
    /// Objects in use after the last collection.
    pub live_objects: usize,
    /// Bytes of these.
    pub live_bytes: usize,
    /// The most that was in use after any collection.
    pub peak_bytes: usize,
    /// How often an object found the mark stack full.
    pub mark_overflows: u32,
    /// Finalisers that ran.
    pub finalised: u32,
    /// Chunks handed out.
    pub allocations: usize,
    /// Bytes handed out, with those that chunks have gained in place.
    pub allocated_bytes: usize,
    /// Allocations that failed.
    pub failures: u32,
    /// The bytes that the last of them asked for.
    pub failed_bytes: usize,
    /// The longest free run after the last collection, once the figures have been asked for.
    pub max_free: usize,
    /// How many free runs there were.
    pub free_runs: usize,
}

impl<H: Host> Heap<H> {
    /// What was counted. The first call has all later collections count the free runs, and counts
    /// them itself. With `Config::STATS`.
    pub fn figures(self) -> Figures {
        let host = self.host();
        host.enter();
        // SAFETY: the memory is the heap's (a promise of Host).
        let stats = unsafe { &mut *host.stats() };
        if !stats.watches_runs {
            stats.watches_runs = true;
            stats.see_runs(self.free_runs_inside());
        }
        let figures = self.peek_figures();
        host.exit();
        figures
    }

    /// What was counted, and nothing changes; entered with the mutex.
    pub(super) fn peek_figures(self) -> Figures {
        // SAFETY: both are the heap's (a promise of Host).
        let (mut stats, amount) = unsafe {
            (
                self.host().stats().read(),
                self.host().alloc_amount().read(),
            )
        };
        stats.see_amount(amount);
        let bytes = |blocks: usize| blocks.wrapping_mul(H::BLOCK_BYTES);
        Figures {
            collections: stats.collections,
            pauses: stats.pauses,
            last_us: stats.last_us,
            longest_us: stats.longest_us,
            total_us: stats.total_us(),
            freed_objects: stats.freed_objects,
            freed_bytes: bytes(stats.freed_blocks),
            live_objects: stats.live_objects,
            live_bytes: bytes(stats.live_blocks),
            peak_bytes: bytes(stats.peak_blocks),
            mark_overflows: stats.mark_overflows,
            finalised: stats.finalised,
            allocations: stats.allocations_before.wrapping_add(stats.allocations),
            allocated_bytes: bytes(stats.handed_out_before.wrapping_add(stats.handed_out)),
            failures: stats.failures,
            failed_bytes: bytes(stats.failed_blocks),
            max_free: bytes(stats.max_free),
            free_runs: stats.free_runs,
        }
    }

    /// Begins to count anew. What is in use now counts as what the last collection left. Inside a
    /// collection nothing is done. With `Config::STATS`.
    pub fn reset_figures(self) {
        let host = self.host();
        host.enter();
        // SAFETY: the words are the heap's (a promise of Host).
        unsafe {
            if host.collects().read() == 0 {
                let stats = &mut *host.stats();
                stats.see_amount(host.alloc_amount().read());
                stats.reset();
            }
        }
        host.exit();
    }
}
