//! First fit: the lowest address at which a chunk fits.
//!
//! The search reads the table by the word and is guided by the claims of [`super::hints`], which it
//! keeps true when blocks are taken and freed.

use super::alloc_table::{BARE, BLOCKS_PER_WORD, LOW, PLAIN, Word, free_bits};
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::Host;
use super::layout::BLOCKS_PER_TABLE_BYTE;
use super::word::lowest_pair;

/// How many words a search for one block reads before it consults the bounds. A heap that is filled
/// from its start then learns no bounds, and frees in it need not check any.
pub(super) const NEAR: usize = 8;

/// The search over a host's areas.
#[derive(Clone, Copy)]
pub(super) struct Search<H: Host>(pub H);

impl<H: Host> Search<H> {
    /// Makes a chunk of the `n > 0` blocks at the hint, if they are free. This is the most likely
    /// place, and the branch is predictable. Nothing below is free, so they are the lowest. `None`
    /// means that the search has to look elsewhere.
    pub(super) fn take_first(self, n: BlockCount) -> Option<(Area<H>, BlockIndex)> {
        let expected = if H::TWINS { self.find_naive(n) } else { None };
        self.hook_for_search();
        let area = self.last_free_area();
        let lowest = BlockIndex(area.hint());
        let found = if BARE && n == BlockCount(1) {
            self.take_one_at(area, lowest)
        } else if area.table().chunk_if_free(lowest, n) {
            // the run that is cut goes on in the same word, hence in the same segment
            area.set_hint((lowest + n).0);
            Some(lowest)
        } else {
            None
        };
        let found = found.map(|block| (area, block));
        if H::TWINS {
            assert!(
                found.is_none() || found == expected,
                "first fit differs from its twin"
            );
        }
        found
    }

    /// Finds the lowest `n` free blocks, `n > 0`, and makes a chunk of them. `None` when no run is
    /// long enough.
    pub(super) fn take(self, n: BlockCount) -> Option<(Area<H>, BlockIndex)> {
        let expected = if H::TWINS { self.find_naive(n) } else { None };
        self.hook_for_search();
        let found = if PLAIN {
            self.take_plain(n)
        } else {
            self.take_led(n)
        };
        if H::TWINS {
            assert!(found == expected, "first fit differs from its twin");
        }
        found
    }

    /// The hook of a search, in which a port may poll its devices: the C reads at least one byte of
    /// the table.
    fn hook_for_search(self) {
        if H::HOOK {
            let first = self.last_free_area().hint() / BLOCKS_PER_TABLE_BYTE;
            self.0.hook(first, 1);
        }
    }

    /// The hook of a search that reads a word of the table, for each of its bytes.
    pub(super) fn hook_for_word(self, word: usize) {
        if H::HOOK {
            let bytes = BLOCKS_PER_WORD / BLOCKS_PER_TABLE_BYTE;
            self.0.hook(word * bytes, bytes);
        }
    }

    fn take_led(self, n: BlockCount) -> Option<(Area<H>, BlockIndex)> {
        if n == BlockCount(1) {
            return self.take_one();
        }
        if n >= self.run() {
            let (area, at) = self.position();
            if area.table().chunk_if_free(at, n) {
                self.passed(area, at, n);
                return Some((area, at));
            }
        }
        self.take_run(n)
    }

    /// Finds and takes one block. The first few words are read here, the rest segment by segment.
    fn take_one(self) -> Option<(Area<H>, BlockIndex)> {
        let area = self.last_free_area();
        let first = area.hint() / BLOCKS_PER_WORD;
        let near = (first + NEAR).min(area.table().words());
        match self.take_one_in(area, first, near) {
            Some(block) => Some((area, block)),
            None => self.take_one_far(area, near),
        }
    }

    /// [`Self::take_one`] from a word of an area on, below which nothing is free. Learns which
    /// segments are full.
    #[inline(never)]
    fn take_one_far(self, from: Area<H>, word: usize) -> Option<(Area<H>, BlockIndex)> {
        let (mut area, mut word) = (from, word);
        let words_shift = self.segment_shift() - BLOCKS_PER_WORD.trailing_zeros();
        loop {
            let first_segment = self.first_segment(area);
            let words = area.table().words();
            while word < words {
                let segment = self.next_segment(first_segment + (word >> words_shift), 1);
                let start = (segment - first_segment) << words_shift;
                let end = (start + (1 << words_shift)).min(words);
                if let Some(block) = self.take_one_in(area, start.max(word), end) {
                    return Some((area, block));
                }
                if start < words {
                    self.learn_bound(segment, BlockIndex(start * BLOCKS_PER_WORD), 0);
                }
                word = end;
            }
            area.set_hint(area.blocks().0);
            area = area.next()?;
            word = area.hint() / BLOCKS_PER_WORD;
        }
    }

    /// Takes the first free block in some words of an area, if there is one.
    #[inline(always)]
    fn take_one_in(self, area: Area<H>, from: usize, end: usize) -> Option<BlockIndex> {
        let table = area.table();
        for i in from..end {
            self.hook_for_word(i);
            let word = table.word(i);
            let free = free_bits(word);
            if free != 0 {
                let at = lowest_pair(free);
                let block = BlockIndex(i * BLOCKS_PER_WORD + at);
                if block >= area.end() {
                    break;
                }
                table.free_to_head(i, word, at);
                self.passed_one(area, block);
                self.cut(area, block, BlockCount(1));
                return Some(block);
            }
        }
        None
    }

    /// Finds and takes a run of `n > 1` blocks.
    #[inline(never)]
    fn take_run(self, n: BlockCount) -> Option<(Area<H>, BlockIndex)> {
        let (known_area, known) = self.position();
        let mut next = Some(self.last_free_area());
        // while `skip`, the areas come before the one where the last search of this size stopped
        let mut skip =
            n >= self.run() && H::SPLIT && self.comes_before(self.last_free_area(), known_area);
        while let Some(area) = next {
            let mut from = BlockIndex(area.hint());
            if n >= self.run() && area == known_area {
                from = from.max(known);
                skip = false;
            }
            if !skip && let Some(at) = self.find_run(area, from, n) {
                area.table().free_to_chunk(at, n);
                self.passed(area, at, n);
                self.cut(area, at, n);
                return Some((area, at));
            }
            next = area.next();
            if next.is_none() {
                // none found, and no longer run can be found either until something is freed
                self.set_run(n);
                self.set_position(area, area.end());
            }
        }
        None
    }

    /// The first run of `n` free blocks of an area, none of which starts before `from`. Learns
    /// bounds on the way.
    ///
    /// ```text
    ///           run = free blocks up to the word being read
    ///           v------v
    ///   |.###.##|......|..####..|........|   word by word; a whole free word only extends `run`
    /// ```
    fn find_run(self, area: Area<H>, from: BlockIndex, n: BlockCount) -> Option<BlockIndex> {
        let table = area.table();
        let shift = self.segment_shift();
        let first_segment = self.first_segment(area);
        let end = table.words() * BLOCKS_PER_WORD;
        let (n, mut b) = (n.0, from.0);
        let mut run = 0;
        // the segment whose runs so far are all shorter than n
        let mut searched = None;
        while b < end {
            self.hook_for_word(b / BLOCKS_PER_WORD);
            let segment = b >> shift;
            if run == 0 && searched != Some(segment) {
                // a run in progress would belong to the segment where it started
                if let Some(done) = searched
                    && done + 1 == segment
                {
                    let longest = Self::bound_for(BlockCount(n - 1));
                    self.learn_bound(first_segment + done, BlockIndex(done << shift), longest);
                }
                let least = Self::bound_for(BlockCount(n));
                if self.bound(first_segment + segment) < least {
                    searched = None;
                    let next = self.next_segment(first_segment + segment + 1, least);
                    b = (next - first_segment) << shift;
                    continue;
                }
                searched = Some(segment);
            }
            let i = b / BLOCKS_PER_WORD;
            let free = free_bits(table.word(i))
                & table.valid_pairs(i)
                & (Word::MAX << (2 * (b % BLOCKS_PER_WORD)));
            let base = i * BLOCKS_PER_WORD;
            b = base + BLOCKS_PER_WORD;
            let used = !free & LOW;
            let front = if used == 0 {
                BLOCKS_PER_WORD
            } else {
                lowest_pair(used)
            };
            if run + front >= n {
                return Some(BlockIndex(base - run));
            }
            if used == 0 {
                run += BLOCKS_PER_WORD;
                continue;
            }
            if n < BLOCKS_PER_WORD
                && let Some(at) = run_inside(free, n)
            {
                return Some(BlockIndex(base + at));
            }
            run = used.leading_zeros() as usize / 2;
        }
        None
    }

    /// The naive twin of [`Self::take`], which reads every block.
    pub(super) fn find_naive(self, n: BlockCount) -> Option<(Area<H>, BlockIndex)> {
        Area::all(self.0).find_map(|area| {
            let mut run = 0;
            (0..area.blocks().0).find_map(|b| {
                run = if area.table().kind(BlockIndex(b)) == BlockKind::Free {
                    run + 1
                } else {
                    0
                };
                (run >= n.0).then(|| (area, BlockIndex(b + 1 - n.0)))
            })
        })
    }
}

/// The first run of `n` free blocks inside a word, given a bit for each free block; `n > 0`.
///
/// `x` holds the starts of runs of `have` blocks; a shift and an `and` double `have`.
#[inline(always)]
pub(super) fn run_inside(free: Word, n: usize) -> Option<usize> {
    let (mut x, mut have) = (free, 1);
    while have < n && x != 0 {
        let step = have.min(n - have);
        x &= x >> (2 * step);
        have += step;
    }
    (x != 0).then(|| lowest_pair(x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::every;

    #[test]
    fn run_inside_agrees_with_a_scan_of_every_block() {
        for pattern in (0..1usize << 16).step_by(every(8191)) {
            let free = (0..16)
                .filter(|b| pattern >> b & 1 != 0)
                .fold(0, |w, b| w | 1 << (2 * b));
            for n in 1..16 {
                let slow = (0..=16 - n).find(|&s| (s..s + n).all(|b| pattern >> b & 1 != 0));
                assert_eq!(run_inside(free, n), slow, "pattern {pattern:016b} n {n}");
            }
        }
    }
}
