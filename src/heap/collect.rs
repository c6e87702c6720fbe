//! A collection from start to end.
//!
//! ```text
//!   collect_start   lock, forget what was counted
//!   collect_root    mark what the roots reach: the host's own words, then its stacks and registers
//!   collect_end     trace what waits, run finalisers, sweep, forget the hints, unlock
//! ```

use super::Heap;
use super::alloc_table::PLAIN;
use super::area::Area;
use super::host::Host;
use super::stats::Reason;

impl<H: Host> Heap<H> {
    /// Begins a collection: until it ends, this thread cannot allocate and other threads cannot
    /// enter. Resets the allocation counter.
    ///
    /// Mirrors `gc_collect_start` (py/gc.c), but leaves the roots in the host's state to the host.
    /// Differs: a collection that a finaliser starts inside another is ignored; in C it unmarks
    /// what the outer one has marked.
    pub fn collect_start(self) {
        self.begin();
        if (H::THRESHOLD || H::STATS) && !self.is_nested_collect() {
            // SAFETY: the counter is the heap's (a promise of Host).
            unsafe { self.host().alloc_amount().write(0) }
            self.stats_amount_starts();
        }
    }

    /// Runs all remaining finalisers and frees everything: a collection without roots.
    ///
    /// Mirrors `gc_sweep_all` (py/gc.c).
    ///
    /// # Safety
    ///
    /// No chunk is used afterwards, except by a collection under way.
    pub unsafe fn sweep_all(self) {
        self.begin();
        // SAFETY: a collection has begun; by this function's contract no chunk needs a root.
        unsafe { self.collect_end() }
    }

    /// The first half of [`Self::sweep_all`]; the second is [`Self::collect_end`].
    #[cfg_attr(mpgc_bare, inline(never))]
    pub(crate) fn begin(self) {
        self.host().enter();
        // SAFETY: the counter is the heap's (a promise of Host).
        unsafe { *self.host().collects() += 1 }
        if self.is_nested_collect() {
            return;
        }
        self.expect_whole();
        self.stats_collects();
        self.set_collecting(true);
        if !PLAIN {
            self.search().set_aside(None);
        }
        // from here on, an area's hint holds its dirty segments
        for area in Area::all(self.host()) {
            area.set_hint(0);
        }
    }

    /// Ends a collection: frees what was not marked.
    ///
    /// Mirrors `gc_collect_end` (py/gc.c).
    ///
    /// # Safety
    ///
    /// [`Self::collect_start`] was called by this thread, and every chunk that is still in use is
    /// reachable from the words that were passed to [`Self::collect_root`] since.
    pub unsafe fn collect_end(self) {
        if !self.is_nested_collect() {
            self.trace_dirty();
            if H::NOSCAN {
                self.mark_raw_data();
            }
            self.stats_marked();
            self.run_finalisers();
            let died = self.sweep();
            self.search().forget();
            self.keep_pace();
            self.stats_collected(died);
            self.set_collecting(false);
        }
        // SAFETY: as in `begin`.
        let left = unsafe {
            *self.host().collects() -= 1;
            *self.host().collects()
        };
        self.host().exit();
        if H::WEAKREF && left == 0 {
            self.host().sweep_weakrefs();
        }
    }

    /// Ends a collection that a jump leaves from inside a finaliser. Nothing is freed, and the
    /// finalisers that have not run are left to the next collection.
    ///
    /// In C the heap then stays locked until the program calls `gc.collect()`.
    ///
    /// # Safety
    ///
    /// This thread's collection is running a finaliser, and control does not return to it.
    pub unsafe fn abandon_collect(self) {
        self.stats_reason(Reason::Asked);
        self.unmark_all();
        self.search().forget();
        self.keep_pace();
        self.set_collecting(false);
        // SAFETY: as in `begin`.
        let collects = unsafe { self.host().collects().replace(0) };
        (0..collects).for_each(|_| self.host().exit());
    }

    /// Whether the collection under way was started by a finaliser of another.
    pub(super) fn is_nested_collect(self) -> bool {
        // SAFETY: as in `begin`.
        unsafe { *self.host().collects() > 1 }
    }
}
