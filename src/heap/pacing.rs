//! Pacing: the heap sets its own threshold, so that garbage cannot fill it before a collection
//! comes.
//!
//! Where only a full heap collects, garbage reaches every part of it, and the few chunks that live
//! keep all of it in pieces. A collection that comes earlier finds most of the heap untouched.
//!
//! The threshold is the word that `gc.threshold()` reads and writes, so an allocation has no
//! instruction more. A threshold that is not the one written here is the program's own, and stays.

use super::Heap;
use super::area::Area;
use super::host::Host;

/// When a heap collects that is not full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// When the program asks for it.
    Off,
    /// After each nth part of all blocks has been handed out.
    OfHeap(usize),
    /// When a share of the blocks that the last collection left free is used: an nth where a quarter
    /// of the heap is free or less, two nths where three quarters are, and in between in proportion.
    ///
    /// What a program frees itself does not count. A heap that is mostly free can bear garbage in
    /// half of it. Where little is left each chunk that stays in the wrong place is felt, and
    /// collections come sooner: never much more than n times as often as without pacing.
    OfFree(usize),
}

/// What pacing keeps between collections.
#[derive(Clone, Copy, Debug)]
pub struct Paced {
    /// The threshold that it wrote last.
    threshold: usize,
    /// Blocks that were free when it did.
    free: usize,
}

impl Paced {
    /// What a heap begins with.
    pub const NONE: Paced = Paced {
        threshold: usize::MAX,
        free: 0,
    };
}

/// The least of a heap that is handed out between two looks at what is free, for each reads the
/// whole table: one in so many blocks.
const LEAST: usize = 256;

/// The blocks that may be used of those that are free, as [`Pace::OfFree`] says. No product of two
/// numbers of blocks: those of a large heap would not fit in a word.
fn part_of_free(free: usize, blocks: usize, n: usize) -> usize {
    let eighths = free.saturating_sub(blocks / 4) / (blocks / 16).max(1);
    ((free + free / 8 * eighths.min(8)) / n).max(1)
}

impl<H: Host> Heap<H> {
    /// Begins to pace a heap that was just made.
    pub(super) fn begin_pace(self) {
        if H::PACES {
            // SAFETY: the word is the heap's (a promise of Host).
            unsafe { self.host().paced().write(Paced::NONE) }
            self.keep_pace();
        }
    }

    /// Sets the threshold for the blocks that there are now: after a collection, and when areas
    /// come or go.
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

    /// Whether the collection that is due by the threshold can wait, since the program has freed by
    /// itself what it used. Then the threshold is moved to where it will be due, if nothing more is
    /// freed.
    ///
    /// Counting free blocks takes a few instructions for each word of the table, and a collection
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

    /// Counted by the word, in one copy.
    #[inline(never)]
    fn count_free(self) -> usize {
        Area::all(self.host())
            .map(|area| self.free_in(area).0)
            .sum()
    }

    /// Whether the threshold is the one that pacing wrote.
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
