//! Figures about the heap.

use super::Heap;
use super::alloc_table::{AllocTable, BARE, BITS, BLOCKS_PER_WORD, LOW, SMALL, Word, free_bits};
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::Host;
use super::search::run_inside;
use super::word::lowest_pair;

/// The result of [`Heap::info`].
///
/// The fields lie in the order of MicroPython's `gc_info_t`, so that `gc_info` is one write.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Bytes of all pools.
    pub total: usize,
    /// Bytes of all used blocks.
    pub used: usize,
    /// Bytes of all free blocks.
    pub free: usize,
    /// Blocks of the longest free run.
    pub max_free: usize,
    /// Chunks of one block.
    pub num_1block: usize,
    /// Chunks of two blocks.
    pub num_2block: usize,
    /// Blocks of the longest chunk.
    pub max_block: usize,
}

impl<H: Host> Heap<H> {
    /// Counts blocks and chunks, a word of the table at a time.
    ///
    /// Mirrors `gc_info` (py/gc.c). Differs: called by a finaliser, it counts marked objects like
    /// any other; the C does not count the first block of these.
    pub fn info(self) -> Info {
        let host = self.host();
        host.enter();
        let mut info = Info::default();
        for area in Area::all(host) {
            let before = info;
            let hook = |first, blocks| {
                if H::HOOK {
                    host.hook(first, blocks);
                }
            };
            if SMALL || BARE {
                info.count_by_chunk(area.table(), hook);
            } else {
                info.count(area.table(), hook);
            }
            if H::TWINS {
                let mut twin = before;
                twin.count_naive(area.table());
                assert!(info == twin, "info differs from its twin");
            }
        }
        host.exit();
        info.total = (info.used + info.free) * H::BLOCK_BYTES;
        info.used *= H::BLOCK_BYTES;
        info.free *= H::BLOCK_BYTES;
        info
    }

    /// Only the first three figures, counted by the word; the others are 0.
    ///
    /// Mirrors `gc_info_fast` (py/gc.c).
    pub fn info_fast(self) -> Info {
        let host = self.host();
        host.enter();
        let mut info = Info::default();
        for area in Area::all(host) {
            info.free += self.free_in(area).0 * H::BLOCK_BYTES;
            info.total += area.blocks().0 * H::BLOCK_BYTES;
        }
        info.used = info.total - info.free;
        host.exit();
        info
    }

    /// The free blocks of an area, counted by the word.
    pub(super) fn free_in(self, area: Area<H>) -> BlockCount {
        let table = area.table();
        let mut free = 0;
        for i in 0..table.words() {
            if H::HOOK {
                self.host().hook(i * BLOCKS_PER_WORD, BLOCKS_PER_WORD);
            }
            let word = free_bits(table.word(i)) & table.valid_pairs(i);
            free += word.count_ones() as usize;
        }
        BlockCount(free)
    }
}

impl Info {
    /// Adds the figures of an area, `used` and `free` in blocks, one chunk or free run at a time:
    /// smaller code than [`Self::count`].
    #[inline(always)]
    fn count_by_chunk(&mut self, table: AllocTable, hook: impl Fn(usize, usize)) {
        let end = BlockIndex(table.blocks().0);
        let mut block = BlockIndex(0);
        while block < end {
            if table.kind(block) == BlockKind::Free {
                let free = table.free_from(block, table.blocks());
                hook(block.0, free.0);
                self.free += free.0;
                self.max_free = self.max_free.max(free.0);
                block = block + free;
            } else {
                let len = table.chunk_len(block);
                hook(block.0, len.0);
                self.used += len.0;
                self.num_1block += usize::from(len.0 == 1);
                self.num_2block += usize::from(len.0 == 2);
                self.max_block = self.max_block.max(len.0);
                block = block + len;
            }
        }
    }

    /// Adds the figures of a table, `used` and `free` in blocks.
    ///
    /// ```text
    ///   blocks (low first)   H  H  T  .  H  T  T  H    H head or mark, T tail, . free
    ///   heads                1  1  0  0  1  0  0  1
    ///   second               0  0  1  0  0  1  0  0    tails behind a head: chunks of two or more
    ///   third                0  0  0  0  0  0  1  0    tails behind those: chunks of three or more
    /// ```
    #[inline(always)]
    fn count(&mut self, table: AllocTable, hook: impl Fn(usize, usize)) {
        let mut tally = [Tally::default(); 4];
        let mut runs = [
            Longest::starting_at(self.max_block.saturating_sub(1)),
            Longest::starting_at(self.max_free),
        ];
        // the kind of the last block of the previous word
        let (mut head_before, mut second_before) = (0, 0);
        let mut words_left = Tally::WORDS;
        for i in 0..table.words() {
            hook(i * BLOCKS_PER_WORD, BLOCKS_PER_WORD);
            let valid = table.valid_pairs(i);
            let word = table.word(i) & valid;
            let free = free_bits(word) & valid;
            let heads = word & LOW;
            let tails = (word >> 1) & LOW & !heads;
            let second = tails & ((heads << 2) | head_before);
            let third = tails & ((second << 2) | second_before);
            head_before = heads >> (BITS - 2);
            second_before = second >> (BITS - 2);
            runs[0].see(tails);
            runs[1].see(free);
            tally[0].add(heads);
            tally[1].add(second);
            tally[2].add(third);
            tally[3].add(free);
            words_left -= 1;
            if words_left == 0 {
                tally.iter_mut().for_each(Tally::carry);
                words_left = Tally::WORDS;
            }
        }
        let [heads, two_or_more, three_or_more, free] = tally.map(Tally::sum);
        self.used += table.blocks().0 - free;
        self.free += free;
        self.num_1block += heads - two_or_more;
        self.num_2block += two_or_more - three_or_more;
        let [tails, max_free] = runs.map(Longest::end);
        self.max_free = max_free;
        if heads > 0 {
            self.max_block = tails + 1;
        }
    }

    /// The naive twin of [`Self::count`], which reads every block.
    fn count_naive(&mut self, table: AllocTable) {
        let (mut chunk, mut run) = (0, 0);
        for b in 0..=table.blocks().0 {
            let kind = if b < table.blocks().0 {
                table.kind(BlockIndex(b))
            } else {
                BlockKind::Head
            };
            if kind != BlockKind::Tail && chunk > 0 {
                self.used += chunk;
                self.num_1block += usize::from(chunk == 1);
                self.num_2block += usize::from(chunk == 2);
                self.max_block = self.max_block.max(chunk);
                chunk = 0;
            }
            if kind == BlockKind::Free {
                run += 1;
                self.free += 1;
                self.max_free = self.max_free.max(run);
            } else {
                run = 0;
                chunk += 1;
            }
        }
    }
}

/// A count of the set bits of words in which only the low bits of pairs are set.
///
/// Many processors have no instruction that counts bits. This takes four simple instructions for
/// each word; the partial sums, of four bits each, are added up before they can overflow.
#[derive(Clone, Copy, Default)]
struct Tally {
    nibbles: Word,
    sum: usize,
}

impl Tally {
    /// A word adds at most two to four bits.
    const WORDS: u32 = 7;

    fn add(&mut self, bits: Word) {
        debug_assert!(bits & !LOW == 0);
        self.nibbles += (bits + (bits >> 2)) & (Word::MAX / 5);
    }

    /// Adds up the partial sums, after at most [`Self::WORDS`] words.
    fn carry(&mut self) {
        let each = Word::MAX / 17;
        let bytes = (self.nibbles & each) + ((self.nibbles >> 4) & each);
        // the top byte of the product is the sum of all bytes, at most 28 * 8
        self.sum += bytes.wrapping_mul(Word::MAX / 255) >> (BITS - 8);
        self.nibbles = 0;
    }

    fn sum(mut self) -> usize {
        self.carry();
        self.sum
    }
}

/// The longest run of set bits, in words in which only the low bits of pairs are set.
#[derive(Clone, Copy)]
pub(super) struct Longest {
    max: usize,
    /// The length of the run at the end of the last word.
    run: usize,
}

impl Longest {
    pub(super) fn starting_at(max: usize) -> Self {
        Longest { max, run: 0 }
    }

    #[cfg_attr(mpgc_bare, inline(never))]
    #[cfg_attr(not(mpgc_bare), inline(always))]
    pub(super) fn see(&mut self, bits: Word) {
        let others = !bits & LOW;
        if others == 0 {
            self.run += BLOCKS_PER_WORD;
            return;
        }
        let front = lowest_pair(others);
        self.max = self.max.max(self.run + front);
        self.run = others.leading_zeros() as usize / 2;
        if may_be_longer(bits, self.max) {
            while self.max < BLOCKS_PER_WORD && run_inside(bits, self.max + 1).is_some() {
                self.max += 1;
            }
        }
    }

    pub(super) fn end(self) -> usize {
        self.max.max(self.run)
    }
}

/// Whether a word may have a run of more than `max` bits. It has none if it has no run of the
/// largest power of two that is at most `max + 1`.
const fn may_be_longer(bits: Word, max: usize) -> bool {
    let mut starts = bits;
    let mut have = 1;
    // 1, 2, 4, 8: the compiler unrolls these steps
    while have < BLOCKS_PER_WORD / 2 && max + 1 >= 2 * have {
        starts &= starts >> (2 * have);
        have *= 2;
    }
    starts != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::block::BlockCount;
    use crate::heap::testing::every;

    const BLOCKS: usize = 2 * BLOCKS_PER_WORD + 8;

    /// Compares the figures of `words` words of `fill` with `pattern` at block `at`; a tail that
    /// follows no chunk becomes a head.
    fn compare(pattern: u16, at: usize, fill: u8, blocks: usize) {
        let mut bytes = [fill; BLOCKS / 4 + 16];
        for b in 0..blocks + 8 {
            let pair = |bytes: &[u8], b: usize| bytes[b / 4] >> (2 * (b % 4)) & 3;
            let mut kind = pair(&bytes, b);
            if (at..at + 8).contains(&b) {
                kind = (pattern >> (2 * (b - at)) & 3) as u8;
            }
            if kind == BlockKind::Tail as u8 && (b == 0 || pair(&bytes, b - 1) == 0) {
                kind = BlockKind::Head as u8;
            }
            bytes[b / 4] = bytes[b / 4] & !(3 << (2 * (b % 4))) | kind << (2 * (b % 4));
        }
        // SAFETY: the array has a word more than the table needs.
        let table = unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(blocks)) };
        // figures of a previous area, whose longest chunk may stay the longest
        for max in [0, 3, 50] {
            let before = Info {
                used: 7,
                max_free: max,
                max_block: max,
                ..Info::default()
            };
            let (mut fast, mut slow) = (before, before);
            fast.count(table, |_, _| {});
            slow.count_naive(table);
            assert_eq!(
                fast, slow,
                "{blocks} blocks, {pattern:#x} at {at}, {fill:#x}"
            );
        }
    }

    #[test]
    fn figures_agree_with_their_naive_twin_on_every_pattern_of_8_blocks() {
        for pattern in (0..=u16::MAX).step_by(every(21841)) {
            for at in [0, BLOCKS_PER_WORD - 5, BLOCKS - 8] {
                for fill in [0, 0x55, 0xaa] {
                    compare(pattern, at, fill, BLOCKS);
                }
            }
        }
    }

    #[test]
    fn figures_of_a_table_of_any_length_stop_at_its_end() {
        for blocks in (0..=BLOCKS - 8).step_by(4 * every(5)) {
            for fill in [0, 0x55, 0xaa, 0xff] {
                compare(0x9a61, 0, fill, blocks);
            }
        }
    }

    /// The filter looks for a run whose length is the largest power of two that is not longer than
    /// the run searched for.
    #[test]
    fn a_word_is_searched_only_if_it_has_half_of_a_longer_run() {
        for max in (0..2 * BLOCKS_PER_WORD).step_by(every(11)) {
            let power = (max + 1).next_power_of_two();
            let half = if power == max + 1 { power } else { power / 2 };
            let asked = half.min(BLOCKS_PER_WORD / 2);
            for len in 0..=BLOCKS_PER_WORD {
                for at in [0, 1, BLOCKS_PER_WORD - len] {
                    let run = (0..len).fold(0, |bits: Word, b| bits | 1 << (2 * b));
                    let bits = run.checked_shl(2 * at as u32).unwrap_or(0) & LOW;
                    let len = bits.count_ones() as usize;
                    assert_eq!(may_be_longer(bits, max), len >= asked, "{max} {len} {at}");
                    // and two runs count as the longer one
                    let both = bits | bits.checked_shl(2 * len as u32 + 2).unwrap_or(0);
                    assert_eq!(may_be_longer(both, max), len >= asked, "{max} {len} {at}");
                }
            }
        }
    }

    #[test]
    fn a_tally_holds_as_many_words_as_it_says() {
        let mut tally = Tally::default();
        for _ in 0..Tally::WORDS {
            tally.add(LOW);
        }
        assert_eq!(tally.sum(), Tally::WORDS as usize * BLOCKS_PER_WORD);
    }
}
