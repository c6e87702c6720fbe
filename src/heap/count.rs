//! Where the heap counts what it does: the other half of `stats.rs`.
//!
//! With `Config::STATS` off none of these functions has an instruction.

use super::Heap;
use super::block::BlockCount;
use super::host::Host;
use super::stats::{Reason, Stats, Traced};

impl<H: Host> Heap<H> {
    fn stats(self) -> *mut Stats {
        self.host().stats()
    }

    /// A heap was made.
    pub(super) fn stats_begin(self) {
        if H::STATS {
            // SAFETY: the memory is the heap's (a promise of Host).
            unsafe { self.stats().write(Stats::NONE) }
        }
    }

    /// A chunk was handed out.
    pub(super) fn stats_alloc(self) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            unsafe { (*self.stats()).allocations = (*self.stats()).allocations.wrapping_add(1) }
        }
    }

    /// A chunk was given back; its blocks are counted by [`Self::stats_given_back`].
    pub(super) fn stats_free(self) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            unsafe { (*self.stats()).frees = (*self.stats()).frees.wrapping_add(1) }
        }
    }

    /// Blocks of a chunk have become free, all of it or its end.
    pub(super) fn stats_given_back(self, n: BlockCount) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            unsafe { (*self.stats()).given_back = (*self.stats()).given_back.wrapping_add(n.0) }
        }
    }

    /// A chunk has gained blocks in place.
    pub(super) fn stats_grown(self, n: BlockCount) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            unsafe { (*self.stats()).handed_out = (*self.stats()).handed_out.wrapping_add(n.0) }
        }
    }

    /// No chunk of that many blocks could be had; of 0 blocks there is none.
    pub(super) fn stats_failed(self, n: BlockCount) {
        if H::STATS && n.0 > 0 {
            // SAFETY: as in `stats_begin`.
            let stats = unsafe { &mut *self.stats() };
            stats.failures = stats.failures.wrapping_add(1);
            stats.failed_blocks = n.0;
            if H::TRACE {
                let bytes = n.0.saturating_mul(H::BLOCK_BYTES);
                self.host().traced(Traced::Failed { bytes });
            }
        }
    }

    /// The same of a chunk of that many bytes, which may be more than blocks can be counted for.
    pub(super) fn stats_failed_bytes(self, bytes: usize) {
        if H::STATS {
            let n = match self.blocks_for(bytes) {
                BlockCount(0) => BlockCount(bytes / H::BLOCK_BYTES),
                n => n,
            };
            self.stats_failed(n);
        }
    }

    /// The next collection has this reason.
    pub fn stats_reason(self, reason: Reason) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            unsafe { (*self.stats()).reason = reason }
        }
    }

    /// A collection begins.
    pub(super) fn stats_collects(self) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            let stats = unsafe { &mut *self.stats() };
            stats.began_us = self.host().now_us();
            stats.marked = 0;
            self.stats_see_amount();
        }
    }

    /// The counter of blocks starts anew.
    pub(super) fn stats_amount_starts(self) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            unsafe { (*self.stats()).amount_seen = 0 }
        }
    }

    /// Takes note of what was handed out up to now.
    fn stats_see_amount(self) {
        // SAFETY: both are the heap's (a promise of Host).
        unsafe { (*self.stats()).see_amount(self.host().alloc_amount().read()) }
    }

    /// An object of that many blocks lives.
    pub(super) fn stats_lives(self, n: BlockCount) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            unsafe { (*self.stats()).marked = (*self.stats()).marked.wrapping_add(n.0) }
        }
    }

    /// An object that was counted as living does not, or is counted once more.
    pub(super) fn stats_lives_not(self, n: BlockCount) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            unsafe { (*self.stats()).marked = (*self.stats()).marked.wrapping_sub(n.0) }
        }
    }

    /// An object has found the mark stack full.
    pub(super) fn stats_overflow(self) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            let overflows = unsafe { &mut (*self.stats()).mark_overflows };
            *overflows = overflows.wrapping_add(1);
        }
    }

    /// A finaliser runs.
    pub(super) fn stats_finalises(self) {
        if H::STATS {
            // SAFETY: as in `stats_begin`.
            let finalised = unsafe { &mut (*self.stats()).finalised };
            *finalised = finalised.wrapping_add(1);
        }
    }

    /// A collection has marked all that lives.
    pub(super) fn stats_marked(self) {
        if H::TRACE {
            self.host().traced(Traced::Marked);
        }
    }

    /// A collection ends in which so many objects died.
    pub(super) fn stats_collected(self, died: usize) {
        if H::STATS {
            self.note_collection(died);
        }
    }

    #[inline(never)]
    fn note_collection(self, died: usize) {
        self.stats_see_amount();
        // SAFETY: as in `stats_begin`.
        let stats = unsafe { &mut *self.stats() };
        let reason = stats.reason;
        stats.collected(died);
        if stats.watches_runs {
            stats.see_runs(self.free_runs_inside());
        }
        let took_us = self.host().now_us().wrapping_sub(stats.began_us);
        stats.took(took_us);
        if H::TRACE {
            self.host().traced(Traced::Collected {
                reason,
                began_us: stats.began_us,
                took_us,
                live_bytes: stats.live_blocks.wrapping_mul(H::BLOCK_BYTES),
                freed_objects: died,
            });
        }
    }
}
