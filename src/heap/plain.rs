//! The plain search: it keeps one hint for each area, as the C does, and reads the table by the
//! word.
//!
//! This is enough for a bare machine, whose heap has a few thousand blocks, and it is the smallest
//! code. There the hints of [`super::hints`] would save less than it costs to keep them true, both
//! in flash and in each free.

use super::alloc_table::{BITS, BLOCKS_PER_WORD, LOW, SMALL, Word, free_bits};
use super::area::Area;
use super::block::{BlockCount, BlockIndex};
use super::host::Host;
use super::search::{Search, run_inside};
use super::word::lowest_pair;

impl<H: Host> Search<H> {
    /// Takes the lowest free block if it lies in the same word as `lowest`, below which none is
    /// free. Finding it takes few instructions, but the next ones depend on the result, which costs
    /// nothing extra on an in-order processor.
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
    pub(super) fn take_plain(self, n: BlockCount) -> Option<(Area<H>, BlockIndex)> {
        let mut next = Some(self.last_free_area());
        while let Some(area) = next {
            if let Some(at) = self.run_in(area, n) {
                if SMALL || !area.table().chunk_if_free(at, n) {
                    area.table().free_to_chunk(at, n);
                }
                if n == BlockCount(1) && H::SPLIT {
                    self.passed_one(area, at);
                } else if n == BlockCount(1) || at.0 == area.hint() {
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
    /// The last word may hold pairs behind the end of the table, which are no blocks. A run that
    /// extends past the end starts with the last free blocks of the area, which are too few.
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

/// How many blocks at the top of a word are free, given a bit for each free block. It checks block
/// by block: usually there is none, and small processors cannot count leading zeros.
fn free_at_the_top(free: Word) -> usize {
    let (mut free, mut run) = (free, 0);
    while free >> (BITS - 2) != 0 {
        (free, run) = (free << 2, run + 1);
    }
    run
}
