//! Pacing: the heap sets its own threshold, so that it collects before garbage fills it.
//!
//! If only a full heap collects, garbage spreads over all of it, and the chunks that survive leave
//! it fragmented. An earlier collection finds most of the heap untouched.
//!
//! The threshold is the word that `gc.threshold()` reads and writes, so an allocation takes no
//! further instruction. Pacing leaves a threshold alone that it did not write: it is the program's
//! own.

use super::Heap;
use super::area::Area;
use super::host::Host;

/// When a heap collects before it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Only when the program sets a threshold.
    Off,
    /// When an nth of all blocks has been allocated.
    OfHeap(usize),
    /// When a share of the blocks that the last collection left free is in use: an nth if a
    /// quarter of the heap or less is free, two nths if three quarters are, in between in
    /// proportion.
    ///
    /// Blocks that the program frees itself do not count. A heap that is mostly free can hold
    /// garbage in half of that. With little free memory each misplaced chunk matters, so
    /// collections come sooner. But the more is in use, the more a collection costs: at least a
    /// sixth of the blocks in use is waited for, so that collections take no more than so many
    /// steps for each new block.
    OfFree(usize),
}

/// The state of pacing.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    /// The threshold that it wrote last.
    threshold: usize,
    /// Blocks that were free at that time.
    free: usize,
}

impl Paced {
    /// The state of a new heap.
    pub const NONE: Paced = Paced {
        threshold: usize::MAX,
        free: 0,
    };
}

/// At least one in this many blocks is allocated between two counts of free blocks, since each
/// count reads the whole table.
const LEAST: usize = 256;

/// At least one in this many of the blocks in use is used anew between two collections.
const LEAST_OF_USED: usize = 6;

/// The blocks that may be used of those that are free, as [`Pace::OfFree`] says. No product of
/// two numbers of blocks: those of a large heap would not fit in a word.
fn part_of_free(free: usize, blocks: usize, n: usize) -> usize {
    let eighths = free.saturating_sub(blocks / 4) / (blocks / 16).max(1);
    let part = (free + free / 8 * eighths.min(8)) / n;
    part.max(blocks.saturating_sub(free) / LEAST_OF_USED).max(1)
}

impl<H: Host> Heap<H> {
    /// Starts pacing a new heap.
    pub(super) fn begin_pace(self) {
        if H::PACES {
            // SAFETY: the word is the heap's (a promise of Host).
            unsafe { self.host().paced().write(Paced::NONE) }
            self.keep_pace();
        }
    }

    /// Updates the threshold after a collection, and when areas are added or removed.
    pub(super) fn keep_pace(self) {
        let host = self.host();
        if !H::PACES || host.pace() == Pace::Off || !self.sets_threshold() {
            return;
        }
        let blocks: usize = Area::all(host).map(|area| area.blocks().0).sum();
        match host.pace() {
            Pace::Off => {}
            Pace::OfHeap(n) => self.set_paced((blocks / n).max(1), 0),
            Pace::OfFree(n) => {
                let free = self.count_free();
                let part = part_of_free(free, blocks, n);
                // SAFETY: the counter is the heap's (a promise of Host).
                let amount = unsafe { host.alloc_amount().read() };
                self.set_paced(amount.saturating_add(part), free);
            }
        }
    }

    /// Whether the collection that is due by the threshold can wait, since the program itself has
    /// freed enough. If so, moves the threshold to where the collection will be due if nothing more
    /// is freed.
    ///
    /// Counting free blocks takes a few instructions for each word of the table; a collection takes
    /// some for each byte in use.
    #[cold]
    #[inline(never)]
    pub(super) fn can_wait(self) -> bool {
        let host = self.host();
        let Pace::OfFree(n) = host.pace() else {
            return false;
        };
        if !self.sets_threshold() {
            return false;
        }
        let blocks: usize = Area::all(host).map(|area| area.blocks().0).sum();
        // SAFETY: both are the heap's (a promise of Host).
        let (before, amount) = unsafe { ((*host.paced()).free, host.alloc_amount().read()) };
        let used = before.saturating_sub(self.count_free());
        let part = part_of_free(before, blocks, n);
        if used >= part {
            return false;
        }
        let left = (part - used).max(part / 4).max(blocks / LEAST);
        self.set_paced(amount.saturating_add(left), before);
        true
    }

    /// Counts the free blocks of all areas; out of line, since both callers are cold.
    #[inline(never)]
    fn count_free(self) -> usize {
        Area::all(self.host())
            .map(|area| self.free_in(area).0)
            .sum()
    }

    /// Whether pacing wrote the current threshold.
    fn sets_threshold(self) -> bool {
        let host = self.host();
        // SAFETY: both words are the heap's (a promise of Host); C code may set the threshold
        // between calls.
        unsafe { host.alloc_threshold().read() == (*host.paced()).threshold }
    }

    fn set_paced(self, threshold: usize, free: usize) {
        // SAFETY: as in `sets_threshold`.
        unsafe {
            self.host().paced().write(Paced { threshold, free });
            self.host().alloc_threshold().write(threshold);
        }
    }
}
