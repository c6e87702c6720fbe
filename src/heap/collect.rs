//! A collection, from its start to its end.
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

impl<H: Host> Heap<H> {
    /// Begins a collection: until its end this thread cannot allocate and other threads stay out.
    /// The allocation counter starts anew.
    ///
    /// Mirrors `gc_collect_start` (py/gc.c), whose own roots are the host's to trace. Differs: a
    /// collection that a finaliser starts inside a collection is ignored up to its end; in C it
    /// unmarks what the outer one has marked.
    pub fn collect_start(self) {
        self.begin();
        if H::THRESHOLD && !self.is_nested_collect() {
            // SAFETY: the counter is the heap's (a promise of Host).
            unsafe { self.host().alloc_amount().write(0) }
        }
    }

    /// Frees everything and runs all finalisers that are left: a collection without roots.
    ///
    /// Mirrors `gc_sweep_all` (py/gc.c).
    ///
    /// # Safety
    ///
    /// No chunk is used any more, but by a collection under way.
    pub unsafe fn sweep_all(self) {
        self.begin();
        // SAFETY: a collection has begun; by this function's contract nothing needs a root.
        unsafe { self.collect_end() }
    }

    /// The first half of [`Self::sweep_all`]; [`Self::collect_end`] is the other.
    #[cfg_attr(mpgc_bare, inline(never))]
    pub(crate) fn begin(self) {
        self.host().enter();
        // SAFETY: the counter is the heap's (a promise of Host).
        unsafe { *self.host().collects() += 1 }
        if self.is_nested_collect() {
            return;
        }
        self.expect_whole();
        self.set_collecting(true);
        if !PLAIN {
            self.search().set_aside(None);
        }
        // from here on, an area's hint says which of its segments are dirty
        for area in Area::all(self.host()) {
            area.set_hint(0);
        }
    }

    /// Ends a collection: what was not marked dies.
    ///
    /// Mirrors `gc_collect_end` (py/gc.c).
    ///
    /// # Safety
    ///
    /// [`Self::collect_start`] was called by this thread, and every chunk that is still used is
    /// reached by what [`Self::collect_root`] was given since.
    pub unsafe fn collect_end(self) {
        if !self.is_nested_collect() {
            self.trace_dirty();
            if H::NOSCAN {
                self.mark_raw_data();
            }
            self.run_finalisers();
            self.sweep();
            self.search().forget();
            self.keep_pace();
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

    /// Ends a collection that cannot go on, because a jump leaves it from inside a finaliser.
    /// Nothing is freed, and what was not finalised yet is left to the next collection.
    ///
    /// In C the heap stays locked in this case until somebody collects by hand.
    ///
    /// # Safety
    ///
    /// This thread's collection is running a finaliser, and is not gone back to.
    pub unsafe fn abandon_collect(self) {
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
