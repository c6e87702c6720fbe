//! Marking: from the roots to everything that they reach, without rescanning the heap.
//!
//! An object is white (an unmarked head), grey (marked, its words not read yet) or black (marked
//! and read). Grey objects wait on a stack of fixed size (`waiting.rs`). When the stack is full, an
//! object waits in the tables: its kind takes one of two codes that do not occur otherwise while
//! marking, and its segment of the area is noted as *dirty* in a word of bits. That word is the
//! area's hint at other times.
//!
//! ```text
//!   kind, finaliser bit:   FREE,0 free   HEAD,x white   TAIL,0 tail   MARK,x black or stacked
//!                          FREE,1 grey                    TAIL,1 grey, has a finaliser
//! ```
//!
//! At the end `Heap::trace_dirty` looks through the finaliser bits of the dirty segments, turns
//! each grey object black and traces it. So each object is traced once, however small the stack.
//! Only the tables are written, since objects may be in use by DMA.
//!
//! A chunk that is not to be read ([`Config::SELECTIVE_COLLECT`]) is black as soon as it is marked:
//! it is never grey, and never waits.
//!
//! Without a finaliser table there is no spare code, and the feature `small` uses none. Then an
//! object for which the stack has no space is only marked, and all marked objects of dirty segments
//! are read again.

use super::Heap;
use super::alloc_table::{BARE, BITS, BLOCKS_PER_WORD, PLAIN, SMALL};
use super::area::{Area, View};
use super::block::{BlockCount, BlockIndex, BlockKind};
#[cfg(doc)]
use super::host::{Callbacks, Config};
use super::host::{Event, Host};
use super::waiting::{self, Found, Prefetch, Waiting};
use super::word::lowest_bit;

impl<H: Host> Heap<H> {
    /// Whether grey objects have codes in the tables.
    const GREY: bool = H::FINALISER && !SMALL;

    /// Marks everything that is reachable from `len` words at `roots`. A word is a root if it
    /// equals the address of a live chunk.
    ///
    /// Mirrors `gc_collect_root` (py/gc.c). Differs: it does nothing in a collection that a
    /// finaliser started.
    ///
    /// # Safety
    ///
    /// `roots` must be valid for reads of `len` words (with [`Config::CHECK_ROOTS`], of those for
    /// which [`Callbacks::readable`] returns true). It must be called between `collect_start` and
    /// `collect_end`.
    pub unsafe fn collect_root(self, roots: *const usize, len: usize) {
        if self.is_nested_collect() {
            return;
        }
        let first = Area::first(self.host()).view();
        for i in 0..len {
            let root = roots.wrapping_add(i);
            if H::HOOK {
                self.host().hook(i, 1);
            }
            if H::CHECK_ROOTS && !self.host().readable(root) {
                continue;
            }
            // SAFETY: the caller says that the word may be read. It may be anything: a number, half
            // an address, a stale pointer. It is only compared.
            let word = unsafe { root.read_volatile() };
            if SMALL {
                if let Some((area, block)) = self.blacken(first.area, word) {
                    self.mark_from(area, block);
                }
                continue;
            }
            let found = match first.block_at(word) {
                Some(block) => Some((first, block)),
                None if H::SPLIT => self.elsewhere(word),
                None => None,
            };
            if let Some((there, block)) = found
                && there.table.mark_if_head(block)
            {
                self.mark_from(there.area, block);
            }
        }
    }

    /// The white object at exactly `address`; tries the area `likely` first.
    #[inline(always)]
    pub(super) fn white_at(self, likely: Area<H>, address: usize) -> Option<(Area<H>, BlockIndex)> {
        let (area, block) = match likely.block_at(address) {
            Some(block) => (likely, block),
            None if H::SPLIT => {
                Area::all(self.host()).find_map(|a| a.block_at(address).map(|b| (a, b)))?
            }
            None => return None,
        };
        area.table().is_head(block).then_some((area, block))
    }

    /// Traces from an object that is already marked.
    ///
    /// Mirrors `gc_mark_subtree` (py/gc.c). Differs: [`Waiting`] chooses the object to read next,
    /// and when the stack is full a child becomes grey in the tables.
    fn mark_from(self, area: Area<H>, block: BlockIndex) {
        if !area.is_read(block) {
            self.lives_unread(area, block);
            return;
        }
        if SMALL {
            return self.mark_from_small(area, block);
        }
        if waiting::fetches(area.view()) {
            self.mark_all_from::<true>(area, block);
        } else {
            self.mark_all_from::<false>(area, block);
        }
    }

    /// An object that is not read is alive.
    pub(super) fn lives_unread(self, area: Area<H>, block: BlockIndex) {
        if H::STATS {
            self.stats_lives(self.extent(area, block));
        }
    }

    #[inline(never)]
    fn mark_all_from<const FETCH: bool>(self, area: Area<H>, block: BlockIndex) {
        let here = area.view();
        let mut reader = Reader::<H, FETCH> {
            heap: self,
            here,
            raw: None,
            first: Found::none(area),
            waiting: Waiting::new(self, here),
        };
        let mut prefetch = Prefetch::new();
        let mut object = area.address(block);
        loop {
            let here = reader.here;
            let block = BlockIndex((object.addr() - here.pool.addr()) >> Area::<H>::BLOCK_SHIFT);
            let mut word = object.cast::<usize>().cast_const();
            let n = self.extent_in(here, block);
            self.stats_lives(n);
            let end = word.wrapping_add(n.0 * Self::BLOCK_WORDS);
            if H::NOSCAN {
                reader.raw = self.raw_field(here.area, block);
            }
            reader.first = Found::none(here.area);
            while word != end {
                if Self::BLOCK_WORDS == 4 && !BARE {
                    // unrolled by hand: common sizes are multiples of a block
                    reader.read(word);
                    reader.read(word.wrapping_add(1));
                    reader.read(word.wrapping_add(2));
                    reader.read(word.wrapping_add(3));
                    word = word.wrapping_add(4);
                } else {
                    reader.read(word);
                    word = word.wrapping_add(1);
                }
            }
            let next = reader.waiting.next(&mut prefetch, reader.first);
            if next.address.is_null() {
                return;
            }
            object = next.address;
            if H::SPLIT && next.area != here.area {
                reader.here = next.area.view();
            }
        }
    }

    const BLOCK_WORDS: usize = H::BLOCK_BYTES / size_of::<usize>();

    /// The area and the block that starts at `address`, in any area. Most words are no addresses,
    /// and their low bits show it, since pools end on a block boundary.
    fn elsewhere(self, address: usize) -> Option<(View<H>, BlockIndex)> {
        if address == 0 || !address.is_multiple_of(H::BLOCK_BYTES) {
            return None;
        }
        self.in_any_area(address)
    }

    #[inline(never)]
    fn in_any_area(self, address: usize) -> Option<(View<H>, BlockIndex)> {
        Area::all(self.host()).find_map(|area| {
            let view = area.view();
            view.block_at(address).map(|block| (view, block))
        })
    }

    /// The blocks of a marked chunk.
    ///
    /// A grey object with a finaliser has the code of a tail. In an area that may have such
    /// objects, the chunk ends before the next finaliser bit.
    pub(super) fn extent(self, area: Area<H>, head: BlockIndex) -> BlockCount {
        self.extent_in(area.view(), head)
    }

    fn extent_in(self, view: View<H>, head: BlockIndex) -> BlockCount {
        let n = if SMALL {
            view.area.chunk_len(head)
        } else {
            view.table.chunk_len(head)
        };
        if Self::GREY
            && n > BlockCount(1)
            && view.area.hint() != 0
            && let Some(grey) = view
                .area
                .finalisers()
                .next_set(head + BlockCount(1), head + n)
        {
            return grey - head;
        }
        n
    }

    /// Lets a marked object wait in the tables, when the stack is full.
    #[cold]
    #[inline(never)]
    pub(super) fn defer(self, area: Area<H>, block: BlockIndex) {
        if Self::GREY {
            let has_finaliser = area.finalisers().get(block);
            area.table().mark_to_grey(block, has_finaliser);
            area.finalisers().set(block);
        } else if H::STATS {
            // all that is marked, and not on the stack, counts: `trace_marked` reads it again
            self.stats_lives(area.chunk_len(block));
        }
        area.set_hint(area.hint() | 1 << dirty_segment(block, area.blocks()));
    }

    /// Traces all objects that wait in the tables.
    ///
    /// Mirrors `gc_deal_with_stack_overflow` (py/gc.c). Differs: reads the finaliser bits of dirty
    /// segments, by the word, instead of every block's kind in passes over the whole heap.
    pub(super) fn trace_dirty(self) {
        while let Some(area) = Area::all(self.host()).find(|area| area.hint() != 0) {
            let shift = dirty_shift(area.blocks());
            let segment = lowest_bit(area.hint());
            let from = BlockIndex(segment << shift);
            let end = if PLAIN && segment == BITS - 1 {
                area.end()
            } else {
                area.end().min(BlockIndex((segment + 1) << shift))
            };
            if Self::GREY {
                // the segment stays dirty until a pass finds nothing: `extent` relies on it
                while self.trace_grey(area, from, end) {}
                area.set_hint(area.hint() & !(1 << segment));
            } else {
                area.set_hint(area.hint() & !(1 << segment));
                self.trace_marked(area, from, end);
            }
        }
    }

    /// Returns whether there was any.
    fn trace_grey(self, area: Area<H>, from: BlockIndex, end: BlockIndex) -> bool {
        let (mut from, mut any) = (from, false);
        while let Some(block) = area.finalisers().next_set(from, end) {
            if H::HOOK {
                self.host().hook(block.0, 1);
            }
            let kind = area.table().kind(block);
            if kind == BlockKind::Free {
                area.finalisers().clear(block);
            }
            if matches!(kind, BlockKind::Free | BlockKind::Tail) {
                area.table().grey_to_mark(block);
                self.mark_from(area, block);
                any = true;
            }
            from = block + BlockCount(1);
        }
        any
    }

    fn trace_marked(self, area: Area<H>, from: BlockIndex, end: BlockIndex) {
        for block in from.0..end.0 {
            if H::HOOK {
                self.host().hook(block, 1);
            }
            if area.table().kind(BlockIndex(block)) == BlockKind::Mark {
                if H::STATS {
                    // it has been counted, and is once more
                    self.stats_lives_not(area.chunk_len(BlockIndex(block)));
                }
                self.mark_from(area, BlockIndex(block));
            }
        }
    }
}

/// Reads the words of one object after the other. Its methods are inlined, so that its fields stay
/// in registers.
struct Reader<H: Host, const FETCH: bool> {
    heap: Heap<H>,
    /// The area of the object.
    here: View<H>,
    /// Its word that points at data without pointers, if it has one.
    raw: Option<*const usize>,
    /// The first of its children that was marked: it is read next.
    first: Found<H>,
    waiting: Waiting<H, FETCH>,
}

impl<H: Host, const FETCH: bool> Reader<H, FETCH> {
    /// Reads a word of the object. If it points at a white object, marks that and lets it wait.
    #[inline(always)]
    fn read(&mut self, word: *const usize) {
        if H::HOOK {
            self.heap.host().hook(word.addr() / size_of::<usize>(), 1);
        }
        // SAFETY: the word lies in a live chunk of the pool, which is aligned. The program may
        // hold references to it, and what is read may be anything: it is only compared.
        let value = unsafe { word.read() };
        let (there, child) = match self.here.block_at(value) {
            Some(child) => (self.here, child),
            None if H::SPLIT => match self.heap.elsewhere(value) {
                Some(found) => found,
                None => return,
            },
            None => return,
        };
        if H::NOSCAN
            && self.raw == Some(word)
            && there.table.is_head(child)
            && self.heap.is_raw(there.area, child)
        {
            return;
        }
        if !there.table.mark_if_head(child) {
            return;
        }
        let address = there.pool.with_addr(value);
        if H::VERBOSE || H::LOG_MARKS {
            self.heap.host().log(Event::Mark(address));
        }
        if !there.area.is_read(child) {
            self.heap.lives_unread(there.area, child);
            return;
        }
        let found = Found {
            area: there.area,
            address,
        };
        if self.first.address.is_null() {
            self.first = found;
        } else if !self.waiting.push(found) {
            self.first = self.heap.set_aside(self.first, found);
        }
    }
}

/// The dirty segment of a block, in an area of `blocks` blocks.
fn dirty_segment(block: BlockIndex, blocks: BlockCount) -> usize {
    let segment = block.0 >> dirty_shift(blocks);
    if PLAIN {
        segment.min(BITS - 1)
    } else {
        segment
    }
}

/// log2 of the blocks in a dirty segment: a word has a bit for each segment. With `small` and on
/// bare machines all segments have the same length, and the last extends to the end of the area.
#[inline(always)]
fn dirty_shift(blocks: BlockCount) -> u32 {
    if PLAIN {
        return BITS.trailing_zeros() + 3;
    }
    let per_bit = blocks.0 / BITS + 1;
    per_bit
        .next_power_of_two()
        .max(BLOCKS_PER_WORD)
        .trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::every;

    #[test]
    fn every_block_has_a_dirty_bit() {
        for blocks in (4..100_000)
            .step_by(4 * every(97))
            .chain([1 << 20, (1 << 20) + 4])
        {
            let last = dirty_segment(BlockIndex(blocks - 1), BlockCount(blocks));
            assert!(last < BITS, "{blocks} blocks, segment {last}");
            if PLAIN {
                assert_eq!(1 << dirty_shift(BlockCount(blocks)), 8 * BITS);
            }
        }
    }
}
