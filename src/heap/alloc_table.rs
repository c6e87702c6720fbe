//! The alloc table: two bits a block, read and written a word at a time.
//!
//! ```text
//!  word i    block  | 16i+15 |   ...   | 16i+1 | 16i |     32-bit target; 32 blocks on 64-bit
//!            bits    31 30              3 2     1 0
//! ```
//!
//! With `small` the table is read and written a byte at a time. Otherwise all accesses have the
//! width of a word: a byte written and a word read back do not forward from the store buffer, which
//! costs more than the rest of an allocation. The last word may reach past the table into the gap
//! and the bits behind it: such blocks are masked when read and kept when written.
//!
//! This file, `runs` and `small` hold the masks; the rest of the heap uses runs, kinds and
//! transitions. The sweep and the figures work on whole words of pairs.

use super::block::{BlockCount, BlockIndex, BlockKind};
use super::layout::BLOCKS_PER_TABLE_BYTE;
pub use super::word::Word;
use super::word::{lowest_pair, read_word, write_word};

/// Whether size matters more than speed: the table is then accessed by the byte, as in C, instead
/// of by the word. Bytes have no alignment, which saves code on processors that require aligned
/// access.
pub const SMALL: bool = cfg!(feature = "small");
/// Whether the code is for a machine without an operating system: an in-order processor that runs
/// from flash. There a test is worthwhile if it often saves a few instructions (on a processor that
/// speculates, an unpredictable branch costs more than it saves), and a call is cheaper than a
/// second copy of the callee.
pub const BARE: bool = cfg!(mpgc_bare);
/// Whether the search has only the C's hint: see `plain.rs`.
pub const PLAIN: bool = SMALL || BARE;
/// How many blocks are swept at once: those of a word, or with `small` those of a byte, which has
/// no alignment and never extends past the table.
pub(super) const AT_ONCE: usize = if SMALL {
    BLOCKS_PER_TABLE_BYTE
} else {
    BLOCKS_PER_WORD
};

/// Bits in a [`Word`].
pub const BITS: usize = Word::BITS as usize;
/// Blocks whose kinds share a [`Word`].
pub const BLOCKS_PER_WORD: usize = BITS / 2;
/// The low bit of each pair: set for heads and marks.
pub const LOW: Word = Word::MAX / 3;
/// The high bit of each pair: set for tails and marks. It is also a word full of tails.
pub const HIGH: Word = LOW << 1;

/// The pairs of the first `n` blocks of a word.
pub const fn first_pairs(n: usize) -> Word {
    if n >= BLOCKS_PER_WORD {
        Word::MAX
    } else {
        (1 << (2 * n)) - 1
    }
}

/// A bit (the low one of its pair) for each free block of `word`.
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
    /// While the value is in use, every word that holds one of the blocks must be valid for reads
    /// and writes, and nothing else may write there. The pool follows the table and has at least 64
    /// bytes for each of its bytes, so the last word never reaches past the area.
    pub unsafe fn new(base: *mut u8, blocks: BlockCount) -> Self {
        AllocTable { base, blocks }
    }

    /// The number of blocks that the table describes.
    pub fn blocks(self) -> BlockCount {
        self.blocks
    }

    /// How many words hold the table's blocks, the last perhaps in part.
    #[allow(
        clippy::manual_div_ceil,
        reason = "div_ceil checks for a sum that wraps, but there are fewer blocks than bytes"
    )]
    pub fn words(self) -> usize {
        (self.blocks.0 + BLOCKS_PER_WORD - 1) / BLOCKS_PER_WORD
    }

    /// Word `i`. Blocks past the end of the table may have any kind.
    pub(super) fn word(self, i: usize) -> Word {
        debug_assert!(i < self.words().max(1));
        // SAFETY: i < words (debug-checked), so the word holds a block and `new` was promised it.
        unsafe { read_word(self.base.cast::<Word>().wrapping_add(i)) }
    }

    /// Writes word `i`; the caller has kept the bits of blocks past the end of the table.
    pub(super) fn set_word(self, i: usize, word: Word) {
        debug_assert!(i < self.words());
        // SAFETY: as in `word`.
        unsafe { write_word(self.base.cast::<Word>().wrapping_add(i), word) }
    }

    /// The pairs of word `i` that belong to blocks of the table.
    pub(super) fn valid_pairs(self, i: usize) -> Word {
        first_pairs(self.blocks.0 - i * BLOCKS_PER_WORD)
    }

    /// The kinds of the [`AT_ONCE`] blocks from `i * AT_ONCE` on. Blocks past the end of the table
    /// may have any kind.
    pub(super) fn part(self, i: usize) -> Word {
        if SMALL {
            self.byte_word(i)
        } else {
            self.word(i)
        }
    }

    /// Writes what [`Self::part`] reads; the caller has kept the bits of blocks past the end of the
    /// table.
    pub(super) fn set_part(self, i: usize, part: Word) {
        if SMALL {
            self.set_byte_word(i, part);
        } else {
            self.set_word(i, part);
        }
    }

    /// The pairs of [`Self::part`] that belong to blocks of the table.
    pub(super) fn part_pairs(self, i: usize) -> Word {
        if SMALL {
            first_pairs(AT_ONCE)
        } else {
            self.valid_pairs(i)
        }
    }

    pub(super) fn pair(self, block: BlockIndex) -> Word {
        debug_assert!(block.0 < self.blocks.0);
        if PLAIN {
            // SAFETY: the block is one of the table's (debug-checked), so its byte is in it.
            let byte = unsafe { self.byte(block).read() };
            return (Word::from(byte) >> Self::shift(block)) & 3;
        }
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
    pub fn is_head(self, block: BlockIndex) -> bool {
        self.pair(block) == BlockKind::Head as Word
    }

    pub(super) fn byte(self, block: BlockIndex) -> *mut u8 {
        // wrapping_add, since computing the address is harmless; the callers argue the access
        self.base.wrapping_add(block.0 / BLOCKS_PER_TABLE_BYTE)
    }

    /// Where the pair of `block` lies in its byte.
    pub(super) fn shift(block: BlockIndex) -> usize {
        2 * (block.0 % BLOCKS_PER_TABLE_BYTE)
    }

    /// Flips the bits of `pair` at `block`.
    #[inline(always)]
    pub(super) fn flip(self, block: BlockIndex, pair: Word) {
        if PLAIN {
            let byte = self.byte(block);
            // SAFETY: as in `pair`; the heap alone writes the table (a promise to `new`).
            return unsafe { byte.write(byte.read() ^ ((pair as u8) << Self::shift(block))) };
        }
        let i = block.0 / BLOCKS_PER_WORD;
        self.set_word(
            i,
            self.word(i) ^ (pair << (2 * (block.0 % BLOCKS_PER_WORD))),
        );
    }

    /// An unmarked head becomes marked.
    pub fn head_to_mark(self, block: BlockIndex) {
        debug_assert_eq!(self.kind(block), BlockKind::Head);
        self.flip(block, 0b10);
    }

    /// Marks `block` if it is an unmarked head, and returns whether it was: one load, one test, one
    /// store.
    pub(super) fn mark_if_head(self, block: BlockIndex) -> bool {
        if PLAIN {
            let is_head = self.is_head(block);
            if is_head {
                self.head_to_mark(block);
            }
            return is_head;
        }
        let (i, shift) = (block.0 / BLOCKS_PER_WORD, 2 * (block.0 % BLOCKS_PER_WORD));
        let word = self.word(i);
        if (word >> shift) & 0b11 != BlockKind::Head as Word {
            return false;
        }
        self.set_word(i, word | (0b10 << shift));
        true
    }

    /// A marked head becomes grey: the finaliser bit distinguishes it from a free block or a tail.
    /// See [`super::mark`].
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

    /// Calls `f` for each marked head below `end`, in order, including those that `f` itself marks.
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
                let at = lowest_pair(marks);
                f(BlockIndex(i * BLOCKS_PER_WORD + at));
                ahead &= !first_pairs(at + 1);
            }
        }
    }

    /// Makes a chunk of the `n` blocks at `block` if all of them are free: one load, one test, one
    /// store. Returns whether it did.
    ///
    /// It may return false although they are free, if the run does not end inside the word where it
    /// starts.
    #[inline(always)]
    pub fn chunk_if_free(self, block: BlockIndex, n: BlockCount) -> bool {
        let (i, at) = (block.0 / BLOCKS_PER_WORD, block.0 % BLOCKS_PER_WORD);
        if at + n.0 >= BLOCKS_PER_WORD || block.0 + n.0 > self.blocks.0 {
            return false;
        }
        let pairs = (1 << (2 * n.0)) - 1;
        let word = self.word(i);
        if (word >> (2 * at)) & pairs != 0 {
            return false;
        }
        // a pattern of tails, minus one at the lowest, starts with a head
        self.set_word(i, word | (((HIGH & pairs) - 1) << (2 * at)));
        true
    }

    /// Makes a chunk of one block, `at` blocks into word `i`, which was read as `word`.
    pub(super) fn free_to_head(self, i: usize, word: Word, at: usize) {
        debug_assert!(word == self.word(i) && (word >> (2 * at)) & 0b11 == 0);
        self.set_word(i, word | (1 << (2 * at)));
    }

    /// Makes a chunk of `n` blocks at `block`: a head and its tails.
    pub fn free_to_chunk(self, block: BlockIndex, n: BlockCount) {
        debug_assert_eq!(self.free_from(block, n), n);
        if SMALL {
            self.flip(block, BlockKind::Head as Word);
            return self.free_to_tails_small(block + BlockCount(1), block + n);
        }
        // a tail with both bits flipped is a head
        self.put(block, n, HIGH, 0b11);
    }

    /// Makes tails of the `n` free blocks from `block` on.
    pub fn free_to_tails(self, block: BlockIndex, n: BlockCount) {
        debug_assert_eq!(self.free_from(block, n), n);
        if SMALL {
            return self.free_to_tails_small(block, block + n);
        }
        self.put(block, n, HIGH, 0);
    }

    /// Frees the `n` blocks from `block` on, whatever they are.
    pub fn any_to_free(self, block: BlockIndex, n: BlockCount) {
        if SMALL {
            return (block.0..block.0 + n.0)
                .map(BlockIndex)
                .for_each(|b| self.flip(b, self.pair(b)));
        }
        self.put(block, n, 0, 0);
    }

    /// Gives the `n` blocks from `block` on the kind that fills the word `like`, and flips the bits
    /// of `first` in the first of them.
    #[inline(always)]
    fn put(self, block: BlockIndex, n: BlockCount, like: Word, first: Word) {
        debug_assert!(block.0 + n.0 <= self.blocks.0);
        let at = block.0 % BLOCKS_PER_WORD;
        if !BARE && at + n.0 < BLOCKS_PER_WORD {
            // all in one word, the common case
            let mask = ((1 << (2 * n.0)) - 1) << (2 * at);
            self.merge(block.0 / BLOCKS_PER_WORD, mask, like ^ (first << (2 * at)));
            return;
        }
        self.put_over_words(block, n, like, first);
    }

    /// [`Self::put`] where the blocks may lie in several words.
    #[cold]
    #[inline(never)]
    fn put_over_words(self, block: BlockIndex, n: BlockCount, like: Word, first: Word) {
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

    fn merge(self, i: usize, mask: Word, bits: Word) {
        self.set_word(i, (self.word(i) & !mask) | (bits & mask));
    }
}
