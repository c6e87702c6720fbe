//! The sweep: it first runs the finalisers of dying objects (1.25 on), then frees their blocks, a
//! word of the table at a time.
//!
//! In a word of 2-bit kinds the tails behind a dead head die with it. They are found without a
//! loop: an addition puts a one where the first tail behind each dead head is, and the carry runs
//! through the tails.
//!
//! ```text
//!   blocks (low first)     H  T  T  M  T  H  H  T  .         H head (dead), M mark, T tail, . free
//!   t: 11 under tails      0  11 11 0  11 0  0  11 0
//!   add 1 behind each H    0  1  0  0  0  0  0  1  0         (the first tail behind a dead head)
//!   sum                    0  0  0  1  11 0  0  0  1         the carry has emptied the dead tails
//!   t & !sum               0  11 11 0  0  0  0  11 0         the dead tails
//! ```
//!
//! When the dead blocks are cleared, marks become heads. A carry out of the top of a word continues
//! in the next.
//!
//! With `small` a byte takes the place of the word: see `AT_ONCE`.

use super::Heap;
use super::alloc_table::{AT_ONCE, BITS, LOW, PLAIN, SMALL, Word};
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::{Event, Host};
use super::layout::BLOCKS_PER_BIT_BYTE;
use super::word::lowest_pair;

/// The result of sweeping a word of the table.
struct Swept {
    /// The word without dead blocks and marks.
    word: Word,
    /// A bit (the low one of its pair) for each dead head.
    dead_heads: Word,
    /// A bit for each block that died, head or tail.
    dead: Word,
    /// 1 if tails at the start of the next word belong to a dead chunk.
    carry: Word,
}

/// What the sweep of an area has found so far.
#[derive(Default)]
struct AreaSweep {
    collected: usize,
    /// The last word of the table that has a block in use.
    last: usize,
    /// What that word holds; 0 if there is none.
    last_word: Word,
}

impl AreaSweep {
    /// The last block that is used; the first if none is.
    fn last_used(&self) -> BlockIndex {
        let mut top = 0;
        if PLAIN {
            let mut above = self.last_word >> 2;
            while above != 0 {
                (above, top) = (above >> 2, top + 1);
            }
        } else if self.last_word != 0 {
            top = (BITS - 1 - self.last_word.leading_zeros() as usize) / 2;
        }
        BlockIndex(self.last * AT_ONCE + top)
    }
}

/// Sweeps the blocks of `word`; `carry` is 1 if tails at its start belong to a dead chunk.
fn sweep_word(word: Word, carry: Word) -> Swept {
    let high = (word >> 1) & LOW;
    let dead_heads = word & LOW & !high;
    let tails = high & !word;
    let pairs = tails * 3;
    let (sum, overflow) = pairs.overflowing_add(((dead_heads << 2) | carry) & tails);
    let overflow = if SMALL {
        sum >> (2 * AT_ONCE)
    } else {
        overflow as Word
    };
    let dead_tails = pairs & !sum;
    let marks = word & high;
    Swept {
        word: word & !(dead_tails | (dead_heads * 3)) & !(marks << 1),
        dead_heads,
        dead: dead_heads | (dead_tails & LOW),
        carry: overflow | (dead_heads >> (2 * AT_ONCE - 2)),
    }
}

impl<H: Host> Heap<H> {
    /// Runs the finaliser of every dying object, in the order of addresses, area by area.
    ///
    /// A finaliser may free, but not allocate. Weak references to the dying objects of each 8
    /// blocks are noted after the finalisers of these 8.
    ///
    /// Mirrors `gc_sweep_run_finalisers` (py/gc.c). Differs: skips empty words of the finaliser
    /// table, not bytes, and never reads past its end.
    pub(super) fn run_finalisers(self) {
        for area in Area::all(self.host()) {
            let end = area.end().min(area.last_used() + BlockCount(1));
            if H::WEAKREF {
                self.finalise_and_note(area, end);
            } else if H::FINALISER && H::FINALISER_PASS {
                self.finalise_range(area, BlockIndex(0), end);
            }
        }
    }

    /// Runs the finalisers of the dying objects in `from .. end`.
    fn finalise_range(self, area: Area<H>, mut from: BlockIndex, end: BlockIndex) {
        while let Some(block) = area.finalisers().next_set(from, end) {
            self.hook_in_bits(from, block);
            if area.table().is_head(block) {
                self.finalise_at(area, block);
            }
            from = block + BlockCount(1);
        }
    }

    /// The hook of a pass over the bits of a table, for the step from `from` to `block`: the C
    /// calls it for each bit of a byte that is not zero.
    fn hook_in_bits(self, from: BlockIndex, block: BlockIndex) {
        let first = block.0 & !(BLOCKS_PER_BIT_BYTE - 1);
        if H::HOOK && from.0 <= first {
            self.host().hook(first, BLOCKS_PER_BIT_BYTE);
        }
    }

    /// Runs the finaliser of the dying object at `block`. If its first word is zero, the object was
    /// never initialised.
    fn finalise_at(self, area: Area<H>, block: BlockIndex) {
        let object = area.address(block);
        // SAFETY: an unmarked head's block is in the pool, aligned, with at least one word; the
        // sweep frees it next.
        unsafe {
            if object.cast::<usize>().read() != 0 {
                self.stats_finalises();
                self.host().finalise(object);
            }
        }
        area.finalisers().clear(block);
    }

    /// For each 8 blocks that share a byte of the bit tables, up to `end`, runs the finalisers and
    /// then notes the weak references.
    fn finalise_and_note(self, area: Area<H>, end: BlockIndex) {
        let mut from = BlockIndex(0);
        loop {
            let next_weakref = area.weakrefs().next_set(from, end);
            let mut next = next_weakref.unwrap_or(end);
            if H::FINALISER {
                next = next.min(area.finalisers().next_set(from, end).unwrap_or(end));
            }
            if next == end {
                return;
            }
            let first = BlockIndex(next.0 & !(BLOCKS_PER_BIT_BYTE - 1));
            let last = end.min(first + BlockCount(BLOCKS_PER_BIT_BYTE));
            if H::FINALISER {
                self.finalise_range(area, first, last);
            }
            self.note_weakrefs(area, first, last);
            from = last;
        }
    }

    /// Notes the weak references to the dying objects in `from .. end`.
    fn note_weakrefs(self, area: Area<H>, mut from: BlockIndex, end: BlockIndex) {
        while let Some(block) = area.weakrefs().next_set(from, end) {
            self.hook_in_bits(from, block);
            if area.table().is_head(block) {
                // SAFETY: an unmarked head's block is in the pool; the sweep frees it next.
                unsafe { self.host().weakref_dies(area.address(block)) }
                area.weakrefs().clear(block);
            }
            from = block + BlockCount(1);
        }
    }

    /// Runs the finalisers of the dying objects in word `i`, each when the blocks below it are
    /// swept, as releases before 1.25 do. Returns the pairs of the word that are still to be swept.
    ///
    /// Nothing else changes the word: the heap is locked, so a finaliser can neither free nor
    /// allocate.
    #[cold]
    #[inline(never)]
    fn finalise_in_word(self, area: Area<H>, i: usize, carry: Word, swept: &mut AreaSweep) -> Word {
        let first = BlockIndex(i * AT_ONCE);
        let end = area.end().min(first + BlockCount(AT_ONCE));
        let mut left = area.table().part_pairs(i);
        let mut from = first;
        while let Some(block) = area.finalisers().next_set(from, end) {
            if area.table().is_head(block) {
                let above = Word::MAX << (2 * (block - first).0);
                // a head is next, which takes no carry
                self.sweep_pairs(area, i, left & !above, carry, swept);
                left &= above;
                self.finalise_at(area, block);
            }
            from = block + BlockCount(1);
        }
        left
    }

    /// Frees all unmarked chunks and unmarks the others.
    ///
    /// Mirrors `gc_sweep_free_blocks` (py/gc.c). Differs: an area that the heap added by itself is
    /// returned when no block of it is used; the C returns it also when only its first block is.
    ///
    /// Returns how many chunks died, with `Config::STATS`.
    pub(super) fn sweep(self) -> usize {
        let host = self.host();
        let mut collected = 0;
        let mut previous: Option<Area<H>> = None;
        let mut next = Some(Area::first(host));
        while let Some(area) = next {
            next = area.next();
            let empty = self.sweep_area(area, &mut collected);
            match previous {
                Some(previous) if H::SPLIT_AUTO && empty => {
                    if H::VERBOSE {
                        host.log(Event::EmptyArea(area.fields().cast()));
                    }
                    previous.set_next(next);
                    host.give_region(area.fields().cast());
                }
                _ => previous = Some(area),
            }
        }
        if H::COUNT_COLLECTED {
            // SAFETY: the counter is the heap's (a promise of Host).
            unsafe { host.collected().write(collected) }
        }
        if H::STATS { collected } else { 0 }
    }

    /// Sweeps one area up to its highest used block. Returns whether the area is now empty.
    fn sweep_area(self, area: Area<H>, collected: &mut usize) -> bool {
        let table = area.table();
        let words = (area.last_used().0 / AT_ONCE + 1).min(area.blocks().0.div_ceil(AT_ONCE));
        let mut carry = 0;
        let mut swept = AreaSweep::default();
        for i in 0..words {
            if H::HOOK {
                self.host().hook(i * AT_ONCE, AT_ONCE);
            }
            if table.part(i) == 0 {
                carry = 0;
                continue;
            }
            let mut pairs = table.part_pairs(i);
            if H::FINALISER
                && !H::FINALISER_PASS
                && area.has_finaliser_in(BlockIndex(i * AT_ONCE), BlockCount(AT_ONCE))
            {
                pairs = self.finalise_in_word(area, i, carry, &mut swept);
            }
            carry = self.sweep_pairs(area, i, pairs, carry, &mut swept);
        }
        if H::HOOK {
            // in C the highest used block may be one higher
            self.host().hook(words * AT_ONCE, 1);
        }
        *collected += swept.collected;
        area.set_last_used(swept.last_used());
        swept.last_word == 0
    }

    /// Sweeps those blocks of word `i` whose pairs are set; returns the carry out of the word.
    #[inline(always)]
    fn sweep_pairs(
        self,
        area: Area<H>,
        i: usize,
        pairs: Word,
        carry: Word,
        tally: &mut AreaSweep,
    ) -> Word {
        let before = area.table().part(i);
        let swept = sweep_word(before & pairs, carry);
        if H::TWINS {
            assert!((swept.word, swept.carry) == sweep_word_naive(before & pairs, carry));
        }
        tally.collected += swept.dead_heads.count_ones() as usize;
        if swept.word != 0 {
            (tally.last, tally.last_word) = (i, swept.word);
        }
        area.table().set_part(i, (before & !pairs) | swept.word);
        if H::VERBOSE {
            for_each_block(i, swept.dead_heads, |block| {
                self.host().log(Event::Sweep(area.address(block)))
            });
        }
        if H::HARDENED {
            for_each_block(i, swept.dead, |block| area.poison(block, BlockCount(1)));
        } else if H::CLEAR_ON_SWEEP {
            // SAFETY: the block was just freed, so nobody uses it.
            for_each_block(i, swept.dead, |block| unsafe {
                area.address(block).write_bytes(0, H::BLOCK_BYTES)
            });
        }
        swept.carry
    }
}

impl<H: Host> Heap<H> {
    /// Unmarks all chunks and frees none.
    pub(super) fn unmark_all(self) {
        for area in Area::all(self.host()) {
            let table = area.table();
            for i in 0..table.words() {
                let word = table.word(i);
                let marks = word & (word >> 1) & LOW & table.valid_pairs(i);
                table.set_word(i, word & !(marks << 1));
            }
        }
    }
}

/// Calls `f` for the block of each bit that is set in `bits`, the low ones of pairs of word `i`.
fn for_each_block(i: usize, bits: Word, f: impl Fn(BlockIndex)) {
    let mut rest = bits;
    while rest != 0 {
        f(BlockIndex(i * AT_ONCE + lowest_pair(rest)));
        rest &= rest - 1;
    }
}

/// The naive twin of [`sweep_word`]: a block at a time, as the C does it. Returns the word and the
/// carry.
fn sweep_word_naive(word: Word, carry: Word) -> (Word, Word) {
    let mut out = 0;
    let mut in_dead = carry != 0;
    for b in 0..AT_ONCE {
        let kind = (word >> (2 * b)) & 3;
        let kept = match kind {
            k if k == BlockKind::Head as Word => {
                in_dead = true;
                BlockKind::Free
            }
            k if k == BlockKind::Mark as Word => {
                in_dead = false;
                BlockKind::Head
            }
            k if k == BlockKind::Tail as Word && !in_dead => BlockKind::Tail,
            k => {
                // a free block ends whatever chunk came before it
                in_dead &= k == BlockKind::Tail as Word;
                BlockKind::Free
            }
        };
        out |= (kept as Word) << (2 * b);
    }
    (out, in_dead as Word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::alloc_table::first_pairs;
    use crate::heap::testing::every;

    #[test]
    fn sweeping_a_word_agrees_with_its_naive_twin_on_every_pattern_of_8_blocks() {
        for pattern in (0..=u16::MAX as Word).step_by(every(9973)) {
            for at in [0, 3, AT_ONCE.saturating_sub(8)] {
                for fill in [0, LOW, LOW << 1, Word::MAX] {
                    for carry in [0, 1] {
                        let hole: Word = 0xffff << (2 * at);
                        let word = ((fill & !hole) | (pattern << (2 * at))) & first_pairs(AT_ONCE);
                        let swept = sweep_word(word, carry);
                        let (expected, expected_carry) = sweep_word_naive(word, carry);
                        assert_eq!(swept.word, expected, "word {word:#x} carry {carry}");
                        // a carry into a block that is no tail has no effect
                        let ends_in_tail_or_head = word >> (2 * AT_ONCE - 2) != 0;
                        assert!(
                            swept.carry == expected_carry || !ends_in_tail_or_head,
                            "word {word:#x} carry {carry}"
                        );
                    }
                }
            }
        }
    }
}
