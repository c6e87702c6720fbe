//! The free runs of a heap: how many there are, and how long the longest is.

use super::Heap;
use super::alloc_table::{AllocTable, BARE, BITS, BLOCKS_PER_WORD, SMALL, free_bits};
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::Host;
use super::info::Longest;

/// Free runs: of how many blocks the longest is, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreeRuns {
    /// Blocks of the longest.
    pub longest: BlockCount,
    /// How many.
    pub count: usize,
}

impl<H: Host> Heap<H> {
    /// The free runs that there are now.
    pub fn free_runs(self) -> FreeRuns {
        let host = self.host();
        host.enter();
        let runs = self.free_runs_inside();
        host.exit();
        runs
    }

    /// The same, entered with the mutex.
    pub(super) fn free_runs_inside(self) -> FreeRuns {
        let mut runs = FreeRuns::default();
        for area in Area::all(self.host()) {
            let before = runs;
            let hook = |first, steps| {
                if H::HOOK {
                    self.host().hook(first, steps);
                }
            };
            if SMALL || BARE {
                runs.count_by_chunk(area.table(), hook);
            } else {
                runs.count_by_word(area.table(), hook);
            }
            if H::TWINS {
                let mut twin = before;
                twin.count_naive(area.table());
                assert!(runs == twin, "the free runs differ from their twin");
            }
        }
        runs
    }
}

impl FreeRuns {
    /// Adds the runs of a table: a step a chunk and one a run, where less code is worth more.
    fn count_by_chunk(&mut self, table: AllocTable, hook: impl Fn(usize, usize)) {
        let end = BlockIndex(table.blocks().0);
        let mut block = BlockIndex(0);
        while block < end {
            let n = if table.kind(block) == BlockKind::Free {
                let free = table.free_from(block, table.blocks());
                self.count += 1;
                self.longest = self.longest.max(free);
                free
            } else {
                table.chunk_len(block)
            };
            hook(block.0, n.0);
            block = block + n;
        }
    }

    /// Adds the runs of a table, a word at a time. A run begins where a free block follows one that
    /// is not.
    fn count_by_word(&mut self, table: AllocTable, hook: impl Fn(usize, usize)) {
        let mut longest = Longest::starting_at(self.longest.0);
        let mut before = 0;
        for i in 0..table.words() {
            hook(i * BLOCKS_PER_WORD, BLOCKS_PER_WORD);
            let free = free_bits(table.word(i)) & table.valid_pairs(i);
            let begins = free & !((free << 2) | before);
            before = free >> (BITS - 2);
            self.count += begins.count_ones() as usize;
            longest.see(free);
        }
        self.longest = BlockCount(longest.end());
    }

    /// The twin of both: looks at every block.
    fn count_naive(&mut self, table: AllocTable) {
        let mut run = 0;
        for b in 0..table.blocks().0 {
            if table.kind(BlockIndex(b)) == BlockKind::Free {
                run += 1;
                self.count += usize::from(run == 1);
                self.longest = self.longest.max(BlockCount(run));
            } else {
                run = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::every;

    const BLOCKS: usize = 2 * BLOCKS_PER_WORD + 8;

    #[test]
    fn free_runs_agree_with_their_naive_twin_on_every_pattern_of_8_blocks() {
        for pattern in (0..=u16::MAX).step_by(every(21841)) {
            for at in [0, BLOCKS_PER_WORD - 5, BLOCKS - 8] {
                for fill in [0, 0x55] {
                    let mut bytes = [fill; BLOCKS / 4 + 16];
                    let mut was_free = false;
                    for b in 0..BLOCKS {
                        let shift = 2 * (b % 4);
                        let mut kind = bytes[b / 4] >> shift & 3;
                        if (at..at + 8).contains(&b) {
                            kind = (pattern >> (2 * (b - at)) & 3) as u8;
                        }
                        // a tail follows a chunk
                        if kind == BlockKind::Tail as u8 && (b == 0 || was_free) {
                            kind = BlockKind::Head as u8;
                        }
                        was_free = kind == BlockKind::Free as u8;
                        bytes[b / 4] = bytes[b / 4] & !(3 << shift) | kind << shift;
                    }
                    bytes[BLOCKS / 4..].fill(0);
                    // SAFETY: the array has a word more than the table needs.
                    let table = unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(BLOCKS)) };
                    let before = FreeRuns {
                        longest: BlockCount(2),
                        count: 7,
                    };
                    let [mut fast, mut short, mut slow] = [before; 3];
                    fast.count_by_word(table, |_, _| {});
                    short.count_by_chunk(table, |_, _| {});
                    slow.count_naive(table);
                    assert_eq!(fast, slow, "by the word: {pattern:#x} at {at}, {fill:#x}");
                    assert_eq!(short, slow, "by the chunk: {pattern:#x} at {at}, {fill:#x}");
                }
            }
        }
    }
}
