//! The alloc table: two bits a block, read and written a word at a time.
//!
//! ```text
//!  word i    block  | 16i+15 |   ...   | 16i+1 | 16i |     on a 32-bit target; 32 blocks on a 64-bit one
//!            bits    31 30              3 2     1 0
//! ```
//!
//! All accesses have one width. A byte written and a word read back do not forward from the store
//! buffer, which costs more than the rest of an allocation. The last word may reach past the table
//! into the gap and the bits behind it: such blocks are masked when read and kept when written.
//!
//! Masks live in this file only; the rest of the heap speaks of runs, kinds and transitions.

use super::block::{BlockCount, BlockIndex, BlockKind};

/// What the table is read and written in.
pub type Word = usize;

/// Bits in a [`Word`].
pub const BITS: usize = Word::BITS as usize;
/// Blocks whose kinds share a [`Word`].
pub const BLOCKS_PER_WORD: usize = BITS / 2;
/// The low bit of each pair: set for heads and marks.
pub const LOW: Word = Word::MAX / 3;
/// The high bit of each pair: set for tails and marks. It is also a word full of tails.
pub const HIGH: Word = LOW << 1;

/// The pairs of the first `n` blocks of a word.
#[inline(always)]
pub const fn first_pairs(n: usize) -> Word {
    if n >= BLOCKS_PER_WORD {
        Word::MAX
    } else {
        (1 << (2 * n)) - 1
    }
}

/// A bit (the low one of its pair) for each free block of `word`.
#[inline(always)]
pub const fn free_bits(word: Word) -> Word {
    !(word | (word >> 1)) & LOW
}

/// The alloc table of an area, as a value: copy it, do not point at it.
#[derive(Clone, Copy)]
pub struct AllocTable {
    base: *mut u8,
    blocks: BlockCount,
}

impl AllocTable {
    /// The table of `blocks` blocks that starts at `base`.
    ///
    /// # Safety
    ///
    /// As long as the value is used, every word that holds one of the blocks must be valid for reads
    /// and writes, and nothing else may write there meanwhile. The pool follows the table and has at
    /// least 64 bytes for each of its bytes, so the last word never reaches past the area.
    #[inline(always)]
    pub unsafe fn new(base: *mut u8, blocks: BlockCount) -> Self {
        AllocTable { base, blocks }
    }

    /// How many blocks the table speaks of.
    #[inline(always)]
    pub fn blocks(self) -> BlockCount {
        self.blocks
    }

    /// How many words hold the table's blocks, the last perhaps in part.
    #[inline(always)]
    pub fn words(self) -> usize {
        self.blocks.0.div_ceil(BLOCKS_PER_WORD)
    }

    /// Word `i`; blocks past the end of the table have any kind.
    #[inline(always)]
    pub(super) fn word(self, i: usize) -> Word {
        debug_assert!(i < self.words().max(1));
        // SAFETY: i < words (debug-checked), so the word holds a block and `new` was promised it.
        unsafe { self.base.cast::<Word>().wrapping_add(i).read_unaligned() }
    }

    /// Writes word `i`; the caller has kept the bits of blocks past the end of the table.
    #[inline(always)]
    pub(super) fn set_word(self, i: usize, word: Word) {
        debug_assert!(i < self.words());
        // SAFETY: as in `word`.
        unsafe {
            self.base
                .cast::<Word>()
                .wrapping_add(i)
                .write_unaligned(word)
        }
    }

    /// The pairs of word `i` that belong to blocks of the table.
    #[inline(always)]
    pub(super) fn valid_pairs(self, i: usize) -> Word {
        first_pairs(self.blocks.0 - i * BLOCKS_PER_WORD)
    }

    #[inline(always)]
    fn pair(self, block: BlockIndex) -> Word {
        debug_assert!(block.0 < self.blocks.0);
        (self.word(block.0 / BLOCKS_PER_WORD) >> (2 * (block.0 % BLOCKS_PER_WORD))) & 3
    }

    /// The kind of `block`.
    #[inline(always)]
    pub fn kind(self, block: BlockIndex) -> BlockKind {
        match self.pair(block) {
            0 => BlockKind::Free,
            1 => BlockKind::Head,
            2 => BlockKind::Tail,
            _ => BlockKind::Mark,
        }
    }

    /// Whether `block` is an unmarked head.
    #[inline(always)]
    pub fn is_head(self, block: BlockIndex) -> bool {
        self.pair(block) == BlockKind::Head as Word
    }

    /// Flips the bits of `pair` at `block`.
    #[inline(always)]
    fn flip(self, block: BlockIndex, pair: Word) {
        let i = block.0 / BLOCKS_PER_WORD;
        self.set_word(
            i,
            self.word(i) ^ (pair << (2 * (block.0 % BLOCKS_PER_WORD))),
        );
    }

    /// An unmarked head becomes marked.
    #[inline(always)]
    pub fn head_to_mark(self, block: BlockIndex) {
        debug_assert_eq!(self.kind(block), BlockKind::Head);
        self.flip(block, 0b10);
    }

    /// A marked head becomes grey, which the finaliser bit tells from a free block or a tail:
    /// see [`super::mark`].
    pub fn mark_to_grey(self, block: BlockIndex, has_finaliser: bool) {
        debug_assert_eq!(self.kind(block), BlockKind::Mark);
        self.flip(block, if has_finaliser { 0b01 } else { 0b11 });
    }

    /// A grey head becomes marked.
    pub fn grey_to_mark(self, block: BlockIndex) {
        debug_assert!(matches!(
            self.kind(block),
            BlockKind::Free | BlockKind::Tail
        ));
        self.flip(block, self.pair(block) ^ 0b11);
    }

    /// How many blocks from `block` on are tails, at most `max`.
    #[inline(always)]
    pub fn tails_from(self, block: BlockIndex, max: BlockCount) -> BlockCount {
        self.run(block, HIGH, max)
    }

    /// How many blocks from `block` on are free, at most `max`.
    #[inline(always)]
    pub fn free_from(self, block: BlockIndex, max: BlockCount) -> BlockCount {
        self.run(block, 0, max)
    }

    /// How many blocks from `block` on have the kind of which `like` is a word full.
    #[inline(always)]
    fn run(self, block: BlockIndex, like: Word, max: BlockCount) -> BlockCount {
        let max = max.0.min(self.blocks.0 - block.0);
        let mut n = 0;
        while n < max {
            let b = block.0 + n;
            let differ = self.word(b / BLOCKS_PER_WORD) ^ like;
            let other = ((differ | (differ >> 1)) & LOW) >> (2 * (b % BLOCKS_PER_WORD));
            if other != 0 {
                n += other.trailing_zeros() as usize / 2;
                break;
            }
            n += BLOCKS_PER_WORD - b % BLOCKS_PER_WORD;
        }
        BlockCount(n.min(max))
    }

    /// The twin of [`Self::tails_from`] and [`Self::free_from`], one block at a time.
    pub fn run_naive(self, block: BlockIndex, kind: BlockKind, max: BlockCount) -> BlockCount {
        let end = self.blocks.0.min(block.0.saturating_add(max.0));
        BlockCount(
            (block.0..end)
                .take_while(|&b| self.kind(BlockIndex(b)) == kind)
                .count(),
        )
    }

    /// Calls `f` for each marked head below `end`, in order: also for those that `f` marks on the way.
    pub(super) fn for_each_mark(self, end: BlockIndex, mut f: impl FnMut(BlockIndex)) {
        let end = end.0.min(self.blocks.0);
        for i in 0..end.div_ceil(BLOCKS_PER_WORD) {
            let mut ahead = first_pairs(end - i * BLOCKS_PER_WORD);
            loop {
                let word = self.word(i);
                let marks = word & (word >> 1) & LOW & ahead;
                if marks == 0 {
                    break;
                }
                let at = marks.trailing_zeros() as usize / 2;
                f(BlockIndex(i * BLOCKS_PER_WORD + at));
                ahead &= !first_pairs(at + 1);
            }
        }
    }

    /// How many blocks directly before `block` are free. The count stops at `max` or a little above.
    pub fn free_before(self, block: BlockIndex, max: BlockCount) -> BlockCount {
        let mut n = 0;
        while n < block.0 && n < max.0 {
            let b = block.0 - n - 1;
            let used = !free_bits(self.word(b / BLOCKS_PER_WORD)) & LOW;
            // move block b to the top of the word: what lies above it is none of this run
            let used = used << (BITS - 2 - 2 * (b % BLOCKS_PER_WORD));
            if used != 0 {
                n += used.leading_zeros() as usize / 2;
                break;
            }
            n += b % BLOCKS_PER_WORD + 1;
        }
        BlockCount(n)
    }

    /// Makes a chunk of the `n` blocks at `block` if all of them are free: one load, one test, one store.
    /// Says whether it did.
    ///
    /// It may say no though they are free: for a run that does not end inside the word where it starts.
    #[inline(always)]
    pub fn chunk_if_free(self, block: BlockIndex, n: BlockCount) -> bool {
        let (i, at) = (block.0 / BLOCKS_PER_WORD, block.0 % BLOCKS_PER_WORD);
        if at + n.0 >= BLOCKS_PER_WORD || block.0 + n.0 > self.blocks.0 {
            return false;
        }
        let mask = ((1 << (2 * n.0)) - 1) << (2 * at);
        let word = self.word(i);
        if word & mask != 0 {
            return false;
        }
        // a tail with both bits flipped is a head
        self.set_word(i, word | ((HIGH & mask) ^ (0b11 << (2 * at))));
        true
    }

    /// Makes a chunk of `n` blocks at `block`: a head and its tails.
    #[inline(always)]
    pub fn free_to_chunk(self, block: BlockIndex, n: BlockCount) {
        debug_assert_eq!(self.free_from(block, n), n);
        // a tail with both bits flipped is a head
        self.put(block, n, HIGH, 0b11);
    }

    /// Makes tails of the `n` free blocks from `block` on.
    pub fn free_to_tails(self, block: BlockIndex, n: BlockCount) {
        debug_assert_eq!(self.free_from(block, n), n);
        self.put(block, n, HIGH, 0);
    }

    /// Frees the `n` blocks from `block` on, whatever they are.
    #[inline(always)]
    pub fn any_to_free(self, block: BlockIndex, n: BlockCount) {
        self.put(block, n, 0, 0);
    }

    /// Gives the `n` blocks from `block` on the kind of which `like` is a word full, with the bits of
    /// `first` flipped in the first of them.
    #[inline(always)]
    fn put(self, block: BlockIndex, n: BlockCount, like: Word, first: Word) {
        debug_assert!(block.0 + n.0 <= self.blocks.0);
        let at = block.0 % BLOCKS_PER_WORD;
        if at + n.0 < BLOCKS_PER_WORD {
            // all in one word, the common case
            let mask = ((1 << (2 * n.0)) - 1) << (2 * at);
            self.merge(block.0 / BLOCKS_PER_WORD, mask, like ^ (first << (2 * at)));
            return;
        }
        let (mut b, mut left, mut first) = (block.0, n.0, first);
        while left > 0 {
            let at = b % BLOCKS_PER_WORD;
            let here = left.min(BLOCKS_PER_WORD - at);
            self.merge(
                b / BLOCKS_PER_WORD,
                first_pairs(here) << (2 * at),
                like ^ (first << (2 * at)),
            );
            first = 0;
            b += here;
            left -= here;
        }
    }

    #[inline(always)]
    fn merge(self, i: usize, mask: Word, bits: Word) {
        self.set_word(i, (self.word(i) & !mask) | (bits & mask));
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// A table of `BLOCKS` blocks in memory of its own, with a word to spare.
    const BLOCKS: usize = 2 * BLOCKS_PER_WORD + 8;

    fn with_table(pattern: u16, at: usize, check: impl Fn(AllocTable)) {
        for fill in [0u8, 0x55, 0xaa] {
            let mut bytes: Vec<u8> = [fill; BLOCKS / 4 + 16].to_vec();
            for b in 0..8 {
                let block = at + b;
                let pair = (pattern >> (2 * b) & 3) as u8;
                let shift = 2 * (block % 4);
                bytes[block / 4] = bytes[block / 4] & !(3 << shift) | pair << shift;
            }
            // SAFETY: the vector has a word more than the table needs.
            check(unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(BLOCKS)) });
        }
    }

    #[test]
    fn runs_agree_with_their_naive_twin_on_every_pattern_of_8_blocks() {
        for at in [0, 1, BLOCKS_PER_WORD - 5, BLOCKS - 8] {
            for pattern in 0..=u16::MAX {
                with_table(pattern, at, |t| {
                    for b in at.saturating_sub(1)..BLOCKS.min(at + 9) {
                        let b = BlockIndex(b);
                        for max in [1, 3, BLOCKS] {
                            let max = BlockCount(max);
                            assert_eq!(t.tails_from(b, max), t.run_naive(b, BlockKind::Tail, max));
                            assert_eq!(t.free_from(b, max), t.run_naive(b, BlockKind::Free, max));
                        }
                        let before = (0..b.0)
                            .rev()
                            .take_while(|&c| t.kind(BlockIndex(c)) == BlockKind::Free)
                            .count();
                        assert_eq!(t.free_before(b, BlockCount(BLOCKS)).0, before);
                        for n in [1, 2, 3, 8] {
                            let n = BlockCount(n);
                            let free = t.run_naive(b, BlockKind::Free, n) == n;
                            let in_word = b.0 % BLOCKS_PER_WORD + n.0 < BLOCKS_PER_WORD;
                            let done = t.chunk_if_free(b, n);
                            assert_eq!(done, free && in_word);
                            if done {
                                assert_eq!(t.kind(b), BlockKind::Head);
                                let tails = t.run_naive(b + BlockCount(1), BlockKind::Tail, n);
                                assert!(tails.0 >= n.0 - 1);
                                t.any_to_free(b, n);
                            }
                        }
                    }
                });
            }
        }
    }

    #[test]
    fn putting_a_chunk_changes_its_blocks_and_no_other() {
        for start in 0..BLOCKS {
            for n in 1..=BLOCKS - start {
                let mut bytes = [0u8; BLOCKS / 4 + 16];
                bytes[BLOCKS / 4..].fill(0x5a);
                // SAFETY: the array has a word more than the table needs.
                let t = unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(BLOCKS)) };
                t.free_to_chunk(BlockIndex(start), BlockCount(n));
                for b in 0..BLOCKS {
                    let expected = match b {
                        b if b == start => BlockKind::Head,
                        b if b > start && b < start + n => BlockKind::Tail,
                        _ => BlockKind::Free,
                    };
                    assert_eq!(
                        t.kind(BlockIndex(b)),
                        expected,
                        "chunk {start}+{n}, block {b}"
                    );
                }
                t.any_to_free(BlockIndex(start), BlockCount(n));
                assert!(bytes[..BLOCKS / 4].iter().all(|&b| b == 0));
                assert!(
                    bytes[BLOCKS / 4..].iter().all(|&b| b == 0x5a),
                    "chunk {start}+{n} wrote past the table"
                );
            }
        }
    }

    #[test]
    fn grey_is_told_from_free_and_tail_by_the_finaliser_bit_alone() {
        let mut bytes = [0u8; 32];
        // SAFETY: 32 bytes for 16 blocks.
        let t = unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(16)) };
        for (b, fin, grey) in [(0, false, BlockKind::Free), (5, true, BlockKind::Tail)] {
            let b = BlockIndex(b);
            t.free_to_chunk(b, BlockCount(1));
            t.head_to_mark(b);
            t.mark_to_grey(b, fin);
            assert_eq!(t.kind(b), grey);
            t.grey_to_mark(b);
            assert_eq!(t.kind(b), BlockKind::Mark);
        }
    }
}
