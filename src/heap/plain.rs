//! The plain search: it knows one hint an area, as the C does, and reads the table by the word.
//!
//! That is enough for a machine without an operating system, whose heap has a few thousand blocks,
//! and for the least code. What the hints of [`super::hints`] save there is less than what keeping
//! them true costs: in flash, and with each chunk that is freed.

use super::alloc_table::{BITS, BLOCKS_PER_WORD, LOW, SMALL, Word, free_bits};
use super::area::Area;
use super::block::{BlockCount, BlockIndex};
use super::host::Host;
use super::search::{Search, run_inside};
use super::word::lowest_pair;

impl<H: Host> Search<H> {
    /// Takes the lowest free block if it shares a word with that one, below which none is free. To
    /// find it there takes few instructions, but what is done next has to wait for the place: which
    /// is nothing to a processor that goes through them in order.
    #[inline(always)]
    pub(super) fn take_one_at(self, area: Area<H>, lowest: BlockIndex) -> Option<BlockIndex> {
        let (table, i) = (area.table(), lowest.0 / BLOCKS_PER_WORD);
        if lowest >= area.end() {
            return None;
        }
        let word = table.word(i);
        let free = free_bits(word);
        let at = lowest_pair(free);
        let block = BlockIndex(i * BLOCKS_PER_WORD + at);
        if free == 0 || block >= area.end() {
            return None;
        }
        table.free_to_head(i, word, at);
        self.passed_one(area, block);
        Some(block)
    }

    /// Finds and takes the lowest `n` free blocks.
    #[inline(always)]
    pub(super) fn take_plain(self, n: BlockCount) -> Option<(Area<H>, BlockIndex)> {
        let mut next = Some(self.last_free_area());
        while let Some(area) = next {
            if let Some(at) = self.run_in(area, n) {
                if SMALL || !area.table().chunk_if_free(at, n) {
                    area.table().free_to_chunk(at, n);
                }
                if n == BlockCount(1) {
                    self.passed_one(area, at);
                } else if at.0 == area.hint() {
                    area.set_hint((at + n).0);
                }
                return Some((area, at));
            }
            if H::SPLIT && n == BlockCount(1) {
                area.set_hint(area.blocks().0);
            }
            next = area.next();
        }
        None
    }

    /// The lowest `n` free blocks of an area.
    ///
    /// What the last word holds behind the end of the table is no block; but where a run reaches
    /// past the end, it begins with the last free blocks that there are, and they are too few.
    #[inline(always)]
    fn run_in(self, area: Area<H>, n: BlockCount) -> Option<BlockIndex> {
        if SMALL {
            return self.run_in_small(area, n);
        }
        let table = area.table();
        let n = n.0;
        let mut run = 0;
        let first = area.hint() / BLOCKS_PER_WORD;
        for i in first..table.words() {
            self.hook_for_word(i);
            // the blocks below the hint are used
            let free = free_bits(table.word(i));
            let base = i * BLOCKS_PER_WORD;
            let found = if free == LOW {
                run += BLOCKS_PER_WORD;
                if run < n {
                    continue;
                }
                base + BLOCKS_PER_WORD - run
            } else if run != 0 && run + lowest_pair(!free & LOW) >= n {
                base - run
            } else if (n == 1 || free & (free >> 2) != 0)
                && n < BLOCKS_PER_WORD
                && let Some(at) = run_inside(free, n)
            {
                base + at
            } else {
                run = free_at_the_top(free);
                continue;
            };
            return (found + n <= area.blocks().0).then_some(BlockIndex(found));
        }
        None
    }
}

/// How many of the last blocks of a word are free, given a bit for each free block. It goes by the
/// block: mostly there is none, and small processors cannot count the zeros at the top.
#[inline(always)]
fn free_at_the_top(free: Word) -> usize {
    let (mut free, mut run) = (free, 0);
    while free >> (BITS - 2) != 0 {
        (free, run) = (free << 2, run + 1);
    }
    run
}
