//! The search's hints: claims about where free blocks are, and are not.
//!
//! The addresses that are handed out are fixed by the C, so a hint is never a guess: it is a claim
//! that must be true. There are three kinds:
//!
//! - **one block**: in each area no block below its hint is free. The blocks at the hint are tried
//!   first for any size: where they fit, they are the lowest.
//! - **the last size**: no run of `run` or more free blocks starts before `position` in `area`,
//!   areas counted in the order of the list. A loop that allocates one size continues where it
//!   stopped.
//! - **bounds**: no free run that starts in segment `s` is longer than `bounds[s]` blocks, where
//!   255 stands for any length. A search that fails in a segment learns its bound, and a free
//!   raises it. A search skips segments whose bound is too low without reading them. No segment
//!   before `bounded_from` has a bound, so most frees need not check.
//!
//! ```text
//!   area 0:  | segment 0 | segment 1 | segment 2 |     area 1:  | segment 3 | segment 4 |
//!   bounds       1           255          7                        0           255
//! ```
//!
//! The bounds cost no memory: they lie in the mark stack, which is used only during a collection. A
//! collection frees blocks anywhere, so it forgets all hints when it ends.
//!
//! On a bare machine and with the feature `small` there is only the first kind, as in C: see
//! [`super::plain`].
//!
//! The border between segments needs care. When the front of a free run is taken, the rest of the
//! run starts later, perhaps in another segment, whose bound does not cover it: see
//! [`Search::cut`].

use super::alloc_table::PLAIN;
use super::area::Area;
use super::block::{BlockCount, BlockIndex};
use super::bytes::first_at_least;
use super::host::Host;
use super::search::Search;

/// The bound that excludes nothing.
pub(super) const ANY_LENGTH: u8 = u8::MAX;
/// log2 of the least number of blocks in a segment.
const MIN_SEGMENT_SHIFT: u32 = 8;
/// A run that fills a segment has the bound "any length": [`Search::is_bounded_near`] relies on
/// this.
const _: () = assert!(1 << MIN_SEGMENT_SHIFT >= ANY_LENGTH as usize);
/// No block has this number.
const NOTHING: BlockIndex = BlockIndex(usize::MAX);
/// How far from a freed chunk the search for free neighbours goes, in blocks: as far as a bound can
/// express.
const NEIGHBOURHOOD: BlockCount = BlockCount(256);

/// The state of the search, except for the bounds.
#[repr(C)]
#[derive(Debug)]
pub struct Hints<A> {
    /// The area of `position`.
    area: *mut A,
    /// No free run of this many blocks, at least 2, starts before `position`.
    run: usize,
    /// See `run`.
    position: usize,
    /// No segment that starts before this block has a bound below "any", in any area.
    bounded_from: usize,
    /// log2 of the blocks in a segment.
    segment_shift: u32,
}

impl<A> Hints<A> {
    /// The hints of a heap before `init`: zero-initialised, so that a static takes no flash.
    pub const NONE: Self = Hints {
        area: core::ptr::null_mut(),
        run: 0,
        position: 0,
        bounded_from: 0,
        segment_shift: 0,
    };
}

impl<H: Host> Search<H> {
    /// How many bounds fit: a byte each, in the mark stack's memory.
    pub(super) const BOUNDS: usize = H::STACK_ENTRIES * size_of::<H::Entry>();

    fn hints(self) -> *mut Hints<H::Area> {
        self.0.hints()
    }

    pub(super) fn run(self) -> BlockCount {
        // SAFETY: only the heap uses the hints (a promise of Host).
        BlockCount(unsafe { (*self.hints()).run })
    }

    pub(super) fn position(self) -> (Area<H>, BlockIndex) {
        if !H::SPLIT {
            // SAFETY: as in `run`.
            return (
                Area::first(self.0),
                BlockIndex(unsafe { (*self.hints()).position }),
            );
        }
        // SAFETY: as in `run`.
        let hints = unsafe { &*self.hints() };
        let area = Area::from_fields(hints.area).unwrap_or_else(|| Area::first(self.0));
        (area, BlockIndex(hints.position))
    }

    pub(super) fn set_position(self, area: Area<H>, position: BlockIndex) {
        // SAFETY: as in `run`.
        let hints = unsafe { &mut *self.hints() };
        if H::SPLIT {
            hints.area = area.fields();
        }
        hints.position = position.0;
    }

    /// The object that was set aside, which the words of the position hold while marking: see
    /// [`super::waiting`].
    pub(super) fn aside(self) -> Option<(Area<H>, BlockIndex)> {
        let (area, block) = self.position();
        (block != NOTHING).then_some((area, block))
    }

    /// Sets an object aside, or nothing. See [`Self::aside`].
    pub(super) fn set_aside(self, object: Option<(Area<H>, BlockIndex)>) {
        let (area, block) = object.unwrap_or((Area::first(self.0), NOTHING));
        self.set_position(area, block);
    }

    pub(super) fn set_run(self, run: BlockCount) {
        // SAFETY: as in `run`.
        unsafe { (*self.hints()).run = run.0 }
    }

    pub(super) fn segment_shift(self) -> u32 {
        // SAFETY: as in `run`.
        unsafe { (*self.hints()).segment_shift }
    }

    /// The number of the area's first segment.
    pub(super) fn first_segment(self, area: Area<H>) -> usize {
        if !H::SPLIT || area == Area::first(self.0) {
            return 0;
        }
        let before = Area::all(self.0).take_while(|&a| a != area);
        before
            .map(|a| (a.blocks().0 >> self.segment_shift()) + 1)
            .sum()
    }

    pub(super) fn segment(self, area: Area<H>, block: BlockIndex) -> usize {
        self.first_segment(area) + (block.0 >> self.segment_shift())
    }

    /// The bound of a segment. A segment without a byte has the bound "any length".
    pub(super) fn bound(self, segment: usize) -> u8 {
        if segment >= Self::BOUNDS {
            return ANY_LENGTH;
        }
        // SAFETY: the stack has BOUNDS bytes, and outside a collection they are bounds.
        unsafe { self.0.stack().cast::<u8>().add(segment).read() }
    }

    pub(super) fn set_bound(self, segment: usize, bound: u8) {
        if segment < Self::BOUNDS {
            // SAFETY: as in `bound`.
            unsafe { self.0.stack().cast::<u8>().add(segment).write(bound) }
        }
    }

    /// The block before which no segment starts that has a bound.
    pub(super) fn bounded_from(self) -> BlockIndex {
        // SAFETY: as in `run`.
        BlockIndex(unsafe { (*self.hints()).bounded_from })
    }

    /// Records that a search has failed: no free run that starts in the segment, whose first block
    /// is `start`, is longer than `bound`.
    pub(super) fn learn_bound(self, segment: usize, start: BlockIndex, bound: u8) {
        self.set_bound(segment, bound);
        // SAFETY: as in `run`.
        let hints = unsafe { &mut *self.hints() };
        hints.bounded_from = hints.bounded_from.min(start.0);
    }

    /// The first segment from `from` on whose bound is at least `least`; a segment without a byte
    /// if no bound is.
    pub(super) fn next_segment(self, from: usize, least: u8) -> usize {
        // SAFETY: as in `bound`; nothing writes to the bounds while the slice lives.
        let bounds = unsafe {
            core::slice::from_raw_parts(self.0.stack().cast::<u8>().cast_const(), Self::BOUNDS)
        };
        let Some(bounds) = bounds.get(from..) else {
            return from;
        };
        from + first_at_least(bounds, least)
    }

    pub(super) fn bound_for(n: BlockCount) -> u8 {
        n.0.min(ANY_LENGTH as usize) as u8
    }

    /// Forgets everything: after a collection, and when the list of areas has changed.
    ///
    /// In C: the resets of `gc_last_free_atb_index` and `gc_last_free_area` in `gc_collect_end`.
    pub(super) fn forget(self) {
        let first = Area::first(self.0);
        if H::SPLIT {
            // SAFETY: as in `run`.
            unsafe { self.0.last_free_area().write(first.fields()) }
        }
        for area in Area::all(self.0) {
            area.set_hint(0);
        }
        if PLAIN {
            return;
        }
        self.set_run(BlockCount(2));
        self.set_position(first, BlockIndex(0));
        // SAFETY: as in `run`.
        unsafe { (*self.hints()).bounded_from = usize::MAX }
        self.size_segments();
        // SAFETY: as in `bound`.
        unsafe {
            self.0
                .stack()
                .cast::<u8>()
                .write_bytes(ANY_LENGTH, Self::BOUNDS)
        }
    }

    /// Chooses the length of segments so that there is a bound for each, or nearly each.
    fn size_segments(self) {
        let blocks: usize = Area::all(self.0).map(|a| a.blocks().0).sum();
        let per_bound = blocks / Self::BOUNDS.max(1) + 1;
        let shift = per_bound
            .next_power_of_two()
            .trailing_zeros()
            .max(MIN_SEGMENT_SHIFT);
        // SAFETY: as in `run`.
        unsafe { (*self.hints()).segment_shift = shift }
    }

    /// In a split heap, the area before which no block is free.
    pub(super) fn last_free_area(self) -> Area<H> {
        if !H::SPLIT {
            return Area::first(self.0);
        }
        // SAFETY: the word points at an area of the list (kept so by this file and gc_add).
        Area::from_fields(unsafe { self.0.last_free_area().read() })
            .unwrap_or_else(|| Area::first(self.0))
    }

    /// Updates the hints after the `n > 1` blocks at `at`, the lowest free run of that length, were
    /// taken.
    pub(super) fn passed(self, area: Area<H>, at: BlockIndex, n: BlockCount) {
        self.set_run(n);
        self.set_position(area, at + n);
        if at.0 == area.hint() {
            area.set_hint((at + n).0);
        }
    }

    /// Updates the hints after the block at `at`, the lowest free one, was taken.
    pub(super) fn passed_one(self, area: Area<H>, at: BlockIndex) {
        area.set_hint(at.0 + 1);
        if H::SPLIT {
            // SAFETY: as in `last_free_area`; the areas before this one are full.
            unsafe { self.0.last_free_area().write(area.fields()) }
        }
    }

    /// Updates the bounds after `n` blocks at `at` were cut from the front of a free run: the rest
    /// may start in another segment, whose bound does not cover it.
    pub(super) fn cut(self, area: Area<H>, at: BlockIndex, n: BlockCount) {
        if PLAIN {
            return;
        }
        let rest = at + n;
        let shift = self.segment_shift();
        if (at.0 ^ rest.0) >> shift != 0 {
            self.set_bound(self.segment(area, rest), ANY_LENGTH);
        }
    }

    /// Corrects every claim that became false when blocks `at .. at + n` of `area` were freed.
    ///
    /// In C: the updates of `gc_last_free_atb_index` and `gc_last_free_area` in `gc_free` and
    /// `gc_realloc`.
    pub(super) fn freed(self, area: Area<H>, at: BlockIndex, n: BlockCount) {
        if at.0 < area.hint() {
            area.set_hint(at.0);
        }
        if H::SPLIT && self.comes_before(area, self.last_free_area()) {
            // SAFETY: as in `last_free_area`.
            unsafe { self.0.last_free_area().write(area.fields()) }
        }
        if PLAIN {
            return;
        }
        if self.is_bounded_near(area, at) {
            return self.raise_bound(area, at, n);
        }
        // the start of the run is unknown, but not earlier than this: a free run before the
        // position is shorter than the last size
        let shorter = self.run().0 - 1;
        let (known_area, known) = self.position();
        if area == known_area && at.0 >= known.0 + shorter {
            return;
        }
        self.long_run_from(area, BlockIndex(at.0.saturating_sub(shorter)));
    }

    /// Finds the free run that the freed blocks are part of, and raises the bound of its segment.
    #[inline(never)]
    fn raise_bound(self, area: Area<H>, at: BlockIndex, n: BlockCount) {
        match area.table().run_in_word(at, n) {
            Some((start, len)) => self.has_run(area, start, len),
            _ => self.freed_over_words(area, at, n),
        }
    }

    /// Whether a free run around `at` may have a bound that is too low.
    ///
    /// Usually no bound was learnt for this part of the heap, and one comparison decides. Otherwise
    /// the run starts in the block's segment or the one before; if it starts earlier, it was as
    /// long as a segment even before this free, and its bound is "any length" already. The segment
    /// before an area's first may belong to another area; the answer is then true more often than
    /// necessary.
    pub(super) fn is_bounded_near(self, area: Area<H>, at: BlockIndex) -> bool {
        if at < self.bounded_from() {
            return false;
        }
        let segment = self.segment(area, at);
        segment >= Self::BOUNDS
            || self.bound(segment) & self.bound(segment.saturating_sub(1)) != ANY_LENGTH
    }

    /// Notes that a free run of the last size or longer may start at `start`, and that no new one
    /// starts before.
    fn long_run_from(self, area: Area<H>, start: BlockIndex) {
        let (known_area, known) = self.position();
        let earlier = if area == known_area {
            start < known
        } else {
            self.comes_before(area, known_area)
        };
        if earlier {
            self.set_position(area, start);
        }
    }

    /// Notes that a free run of `len` blocks starts at `start`.
    fn has_run(self, area: Area<H>, start: BlockIndex, len: BlockCount) {
        let segment = self.segment(area, start);
        if self.bound(segment) < Self::bound_for(len) {
            self.set_bound(segment, Self::bound_for(len));
        }
        if len >= self.run() {
            self.long_run_from(area, start);
        }
    }

    /// [`Self::has_run`] for the run around freed blocks, which may start or end in other words.
    fn freed_over_words(self, area: Area<H>, at: BlockIndex, n: BlockCount) {
        let before = area.table().free_before(at, NEIGHBOURHOOD);
        let after = area.table().free_from(at + n, NEIGHBOURHOOD);
        let far = before >= NEIGHBOURHOOD || after >= NEIGHBOURHOOD;
        self.has_run(area, at - before, before + n + after);
        if self.run() > NEIGHBOURHOOD && far {
            // the length and start of the run are unknown: forget what is known of long runs
            self.set_position(Area::first(self.0), BlockIndex(0));
        }
    }

    /// Whether `area` comes before `other` in the list.
    pub(super) fn comes_before(self, area: Area<H>, other: Area<H>) -> bool {
        area != other && core::iter::successors(area.next(), |a| a.next()).any(|a| a == other)
    }
}
