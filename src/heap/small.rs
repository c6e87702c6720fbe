//! The replacements of the fast paths with the feature `small`: the table, the search and marking
//! in the least code.
//!
//! They work by the block and by the byte of the table, as the C does. The search keeps one hint
//! for each area, the lowest block that may be free. No grey codes are used: when the mark stack
//! overflows, the marked objects of a dirty segment are read again.

use super::Heap;
use super::alloc_table::{AllocTable, Word, free_bits};
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::{Event, Host, StackEntry};
use super::layout::BLOCKS_PER_TABLE_BYTE;
use super::search::Search;

impl AllocTable {
    /// The kinds of the four blocks that share byte `i`.
    pub(super) fn byte_word(self, i: usize) -> Word {
        // SAFETY: the block is one of the table's, so its byte is in it.
        Word::from(unsafe { self.byte(BlockIndex(i * BLOCKS_PER_TABLE_BYTE)).read() })
    }

    /// Writes what [`Self::byte_word`] reads.
    pub(super) fn set_byte_word(self, i: usize, word: Word) {
        // SAFETY: as in `byte_word`; the heap alone writes the table (a promise to `new`).
        unsafe {
            self.byte(BlockIndex(i * BLOCKS_PER_TABLE_BYTE))
                .write(word as u8)
        }
    }

    /// Whether the chunk before `block` extends to it. `block` may be one past the last: the byte
    /// behind the table is zero, which is no tail.
    pub(super) fn goes_on_at(self, block: BlockIndex) -> bool {
        // SAFETY: the byte is one of the table, or the one right behind it, which is the area's.
        let byte = unsafe { self.byte(block).read() };
        (byte >> Self::shift(block)) & 0b11 == BlockKind::Tail as u8
    }

    /// [`Self::chunk_len`] by the block.
    #[inline(always)]
    pub(super) fn chunk_len_small(self, head: BlockIndex) -> BlockCount {
        let mut end = head + BlockCount(1);
        while self.goes_on_at(end) {
            end = end + BlockCount(1);
        }
        end - head
    }

    /// Frees a chunk of one block, by the byte.
    pub(super) fn head_to_free(self, head: BlockIndex) -> BlockCount {
        let byte = self.byte(head);
        // SAFETY: the block is one of the table's, so its byte is in it; the heap alone writes the
        // table (a promise to `new`).
        unsafe { byte.write(byte.read() & !(0b11 << Self::shift(head))) };
        BlockCount(1)
    }

    /// Frees a block of a chunk and all tails behind it, and returns their number.
    #[inline(always)]
    pub(super) fn end_to_free_small(self, block: BlockIndex) -> BlockCount {
        let mut end = block;
        loop {
            self.flip(end, self.pair(end));
            end = end + BlockCount(1);
            if !self.goes_on_at(end) {
                return end - block;
            }
        }
    }

    /// [`Self::free_to_tails`] by the block.
    #[inline(always)]
    pub(super) fn free_to_tails_small(self, from: BlockIndex, end: BlockIndex) {
        for b in from.0..end.0 {
            self.flip(BlockIndex(b), BlockKind::Tail as Word);
        }
    }

    /// How many blocks from `block` on have the kind `pair`, at most `max`.
    pub(super) fn run_small(self, block: BlockIndex, pair: Word, max: BlockCount) -> BlockCount {
        let end = self.blocks().0.min(block.0.saturating_add(max.0));
        let mut b = block;
        while b.0 < end && self.pair(b) == pair {
            b = b + BlockCount(1);
        }
        b - block
    }
}

impl<H: Host> Search<H> {
    /// The lowest `n` free blocks of an area.
    pub(super) fn run_in_small(self, area: Area<H>, n: BlockCount) -> Option<BlockIndex> {
        let table = area.table();
        let mut end = area.hint();
        let mut run = 0;
        while end < area.blocks().0 {
            if H::HOOK {
                self.0.hook(end / BLOCKS_PER_TABLE_BYTE, 1);
            }
            let byte = table.byte_word(end / BLOCKS_PER_TABLE_BYTE);
            if free_bits(byte) & 0xff == 0 {
                run = 0;
                end = (end | (BLOCKS_PER_TABLE_BYTE - 1)) + 1;
                continue;
            }
            // a one behind the last pair marks the end of the loop
            let mut pairs = (byte | 0x100) >> AllocTable::shift(BlockIndex(end));
            loop {
                run = if pairs & 0b11 == 0 { run + 1 } else { 0 };
                end += 1;
                if run == n.0 {
                    return Some(BlockIndex(end - n.0));
                }
                pairs >>= 2;
                if pairs == 1 {
                    break;
                }
            }
        }
        None
    }
}

impl<H: Host> Heap<H> {
    /// Marks the white object at exactly `address`, and returns where it lies.
    #[inline(always)]
    pub(super) fn blacken(self, likely: Area<H>, address: usize) -> Option<(Area<H>, BlockIndex)> {
        let (area, block) = self.white_at(likely, address)?;
        area.table().head_to_mark(block);
        Some((area, block))
    }

    /// Traces from an object that is already marked.
    pub(super) fn mark_from_small(self, area: Area<H>, block: BlockIndex) {
        let (mut area, mut block) = (area, block);
        let mut depth = 0;
        loop {
            let mut word = area.address(block).cast::<usize>().cast_const();
            let n = self.extent(area, block);
            self.stats_lives(n);
            let words = n.0 * (H::BLOCK_BYTES / size_of::<usize>());
            let end = word.wrapping_add(words);
            let raw = if H::NOSCAN {
                self.raw_field(area, block)
            } else {
                None
            };
            while word != end {
                if H::HOOK {
                    self.host().hook(word.addr() / size_of::<usize>(), 1);
                }
                // SAFETY: the word lies in a live chunk of the pool, which is aligned. The program
                // may hold references to it, and what is read may be anything: it is only compared.
                let value = unsafe { word.read() };
                word = word.wrapping_add(1);
                let found = if H::NOSCAN {
                    self.white_at(area, value)
                } else {
                    self.blacken(area, value)
                };
                let Some((child_area, child)) = found else {
                    continue;
                };
                if H::NOSCAN {
                    if raw == Some(word.wrapping_sub(1)) && self.is_raw(child_area, child) {
                        continue;
                    }
                    child_area.table().head_to_mark(child);
                }
                if H::VERBOSE || H::LOG_MARKS {
                    self.host().log(Event::Mark(child_area.address(child)));
                }
                if child_area.is_read(child) {
                    depth = self.push_small(depth, child_area, child);
                } else {
                    self.lives_unread(child_area, child);
                }
            }
            if depth == 0 {
                return;
            }
            depth -= 1;
            (area, block) = self.entry_small(depth);
        }
    }

    /// Puts a marked object on the stack of `depth` entries, or in the tables; returns the new
    /// depth.
    fn push_small(self, depth: usize, area: Area<H>, block: BlockIndex) -> usize {
        match H::Entry::from_block(block.0) {
            Some(entry) if depth < H::STACK_ENTRIES => {
                // SAFETY: depth < STACK_ENTRIES, and while marking the memory is the stack's.
                unsafe {
                    self.host().stack().add(depth).write(entry);
                    if H::SPLIT {
                        self.host().area_stack().add(depth).write(area.fields());
                    }
                }
                depth + 1
            }
            _ => {
                self.stats_overflow();
                self.defer(area, block);
                depth
            }
        }
    }

    fn entry_small(self, depth: usize) -> (Area<H>, BlockIndex) {
        // SAFETY: `push_small` has written the entry.
        unsafe {
            let area = if H::SPLIT {
                Area::from_fields(self.host().area_stack().add(depth).read())
            } else {
                None
            };
            let block = self.host().stack().add(depth).read().block();
            (
                area.unwrap_or_else(|| Area::first(self.host())),
                BlockIndex(block),
            )
        }
    }
}
