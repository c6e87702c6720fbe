//! Runs of blocks of one kind in the alloc table: the length of a chunk, and the free space around
//! it.
//!
//! A run is measured a word at a time: the word is compared with one full of that kind, and the
//! lowest bit that differs is where the run ends.

use super::alloc_table::{
    AllocTable, BARE, BITS, BLOCKS_PER_WORD, HIGH, LOW, SMALL, Word, free_bits,
};
#[cfg(test)]
use super::block::BlockKind;
use super::block::{BlockCount, BlockIndex};
use super::word::lowest_pair;

/// A word whose first block is a head, with the pairs of the head and its tails cleared: the lowest
/// bit left is where the chunk ends.
const fn behind_tails(word: Word) -> Word {
    (word & !0b11) ^ (HIGH & !0b11)
}

impl AllocTable {
    /// How many blocks from `block` on are tails, at most `max`.
    pub fn tails_from(self, block: BlockIndex, max: BlockCount) -> BlockCount {
        self.run(block, HIGH, max)
    }

    /// The blocks of the chunk whose head is `head`.
    ///
    /// Few chunks extend into another word. The byte behind the table is zero, which ends the last
    /// chunk.
    #[inline(always)]
    pub fn chunk_len(self, head: BlockIndex) -> BlockCount {
        if SMALL {
            return self.chunk_len_small(head);
        }
        if BARE {
            return if self.goes_on_at(head + BlockCount(1)) {
                self.chunk_len_over_words(head, BlockCount(1))
            } else {
                BlockCount(1)
            };
        }
        let at = head.0 % BLOCKS_PER_WORD;
        let word = self.word(head.0 / BLOCKS_PER_WORD) >> (2 * at);
        if word & 0b0100 != 0 {
            // another head is next, marked or not: the most likely end
            return BlockCount(1);
        }
        let n = lowest_pair(behind_tails(word));
        if at + n < BLOCKS_PER_WORD {
            return BlockCount(n);
        }
        self.chunk_len_over_words(head, BlockCount(n))
    }

    #[cold]
    #[inline(never)]
    fn chunk_len_over_words(self, head: BlockIndex, n: BlockCount) -> BlockCount {
        n + self.tails_from(head + n, self.blocks())
    }

    /// Frees the chunk whose head is `head`, with one load and one store, and returns its length.
    /// Returns `None` and frees nothing if the chunk may extend into another word.
    ///
    /// On a bare machine it frees only chunks of one block, which a few instructions recognise.
    pub(super) fn chunk_to_free(self, head: BlockIndex) -> Option<BlockCount> {
        if SMALL {
            return Some(self.end_to_free_small(head));
        }
        if BARE {
            let one = !self.goes_on_at(head + BlockCount(1));
            return one.then(|| self.head_to_free(head));
        }
        let (i, at) = (head.0 / BLOCKS_PER_WORD, head.0 % BLOCKS_PER_WORD);
        let word = self.word(i);
        let from = word >> (2 * at);
        let other = behind_tails(from);
        let n = lowest_pair(other);
        if at + n >= BLOCKS_PER_WORD {
            return None;
        }
        // the bits below the lowest of `other`; where that is the high one of its pair, the low one
        // is zero anyway
        let pairs = other.wrapping_sub(1) & !other;
        self.set_word(i, word & !(pairs << (2 * at)));
        Some(BlockCount(n))
    }

    /// The free run that the `n` free blocks at `block` are part of: its start and length, if a
    /// used block on either side ends it inside the word.
    pub(super) fn run_in_word(
        self,
        block: BlockIndex,
        n: BlockCount,
    ) -> Option<(BlockIndex, BlockCount)> {
        let at = block.0 % BLOCKS_PER_WORD;
        let word = self.word(block.0 / BLOCKS_PER_WORD);
        let below = word & ((1 << (2 * at)) - 1);
        let above = word >> (2 * at);
        debug_assert!(self.free_from(block, n) == n);
        // if the run extends into another word, one of these is zero
        if below == 0 || above == 0 {
            return None;
        }
        let before = at - (BITS + 1 - below.leading_zeros() as usize) / 2;
        let len = before + lowest_pair(above);
        Some((BlockIndex(block.0 - before), BlockCount(len)))
    }

    /// How many blocks from `block` on are free, at most `max`.
    #[inline(always)]
    pub fn free_from(self, block: BlockIndex, max: BlockCount) -> BlockCount {
        self.run(block, 0, max)
    }

    /// How many blocks from `block` on have the kind that fills the word `like`.
    #[cfg_attr(mpgc_bare, inline(never))]
    #[cfg_attr(not(mpgc_bare), inline(always))]
    fn run(self, block: BlockIndex, like: Word, max: BlockCount) -> BlockCount {
        if SMALL {
            return self.run_small(block, like & 3, max);
        }
        let max = max.0.min(self.blocks().0 - block.0);
        let mut n = 0;
        while n < max {
            let b = block.0 + n;
            let differ = self.word(b / BLOCKS_PER_WORD) ^ like;
            let other = ((differ | (differ >> 1)) & LOW) >> (2 * (b % BLOCKS_PER_WORD));
            if other != 0 {
                n += lowest_pair(other);
                break;
            }
            n += BLOCKS_PER_WORD - b % BLOCKS_PER_WORD;
        }
        BlockCount(n.min(max))
    }

    /// The twin of [`Self::tails_from`] and [`Self::free_from`], one block at a time.
    #[cfg(test)]
    pub(super) fn run_naive(
        self,
        block: BlockIndex,
        kind: BlockKind,
        max: BlockCount,
    ) -> BlockCount {
        let end = self.blocks().0.min(block.0.saturating_add(max.0));
        BlockCount(
            (block.0..end)
                .take_while(|&b| self.kind(BlockIndex(b)) == kind)
                .count(),
        )
    }

    /// How many blocks directly before `block` are free. The count stops at `max` or a little
    /// later.
    pub fn free_before(self, block: BlockIndex, max: BlockCount) -> BlockCount {
        let mut n = 0;
        while n < block.0 && n < max.0 {
            let b = block.0 - n - 1;
            let used = !free_bits(self.word(b / BLOCKS_PER_WORD)) & LOW;
            // move block b to the top of the word, since the blocks above it are not part of this
            // run
            let used = used << (BITS - 2 - 2 * (b % BLOCKS_PER_WORD));
            if used != 0 {
                n += used.leading_zeros() as usize / 2;
                break;
            }
            n += b % BLOCKS_PER_WORD + 1;
        }
        BlockCount(n)
    }
}
