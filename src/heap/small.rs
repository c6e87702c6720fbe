//! What the feature `small` puts in place of the fast paths: marking and the search in the least code.
//!
//! A block at a time and a byte of the table at a time, as the C does it. The search knows one hint an area, the
//! lowest block that may be free. Where the mark stack is full, the marked objects of a dirty segment are read again:
//! no grey codes are used. The sweep by the block is in [`super::sweep`], the table by the byte in
//! [`super::alloc_table`].

use super::Heap;
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::{Host, StackEntry, Trace};
use super::search::Search;

impl<H: Host> Search<H> {
    /// Finds and takes the lowest `n` free blocks.
    pub(super) fn take_small(self, n: BlockCount) -> Option<(Area<H>, BlockIndex)> {
        let mut next = Some(self.last_free_area());
        while let Some(area) = next {
            let from = area.hint();
            let mut run = 0;
            for b in from..area.blocks().0 {
                if H::HOOK {
                    self.0.hook(b);
                }
                run += 1;
                if area.table().kind(BlockIndex(b)) != BlockKind::Free {
                    run = 0;
                }
                if run == n.0 {
                    let at = BlockIndex(b + 1 - n.0);
                    area.table().free_to_chunk(at, n);
                    if at.0 == from || n == BlockCount(1) {
                        area.set_hint(b + 1);
                    }
                    return Some((area, at));
                }
            }
            next = area.next();
        }
        None
    }
}

impl<H: Host> Heap<H> {
    /// Marks the white object at exactly that address, and says where it is.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(super) fn blacken(self, likely: Area<H>, address: usize) -> Option<(Area<H>, BlockIndex)> {
        let (area, block) = self.white_at(likely, address)?;
        area.table().head_to_mark(block);
        Some((area, block))
    }

    /// Reads the words of an object that is marked already, and of all that it leads to.
    pub(super) fn mark_from_small(self, area: Area<H>, block: BlockIndex) {
        let (mut area, mut block) = (area, block);
        let mut depth = 0;
        loop {
            // the child seen last, marked, not on the stack
            let mut newest: Option<(Area<H>, BlockIndex)> = None;
            let mut word = area.address(block).cast::<usize>().cast_const();
            let words = self.extent(area, block).0 * (H::BLOCK_BYTES / size_of::<usize>());
            let end = word.wrapping_add(words);
            let raw = if H::NOSCAN {
                self.raw_field(area, block)
            } else {
                None
            };
            while word != end {
                if H::HOOK {
                    self.host().hook(word.addr() / size_of::<usize>());
                }
                // SAFETY: the word lies in a live chunk of the pool, which is aligned. The program may
                // hold references to it, and what is read may be anything: it is only compared.
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
                if H::VERBOSE || H::TRACE_MARKS {
                    self.host().trace(Trace::Mark(child_area.address(child)));
                }
                if let Some((newest_area, newest)) = newest {
                    depth = self.push_small(depth, newest_area, newest);
                }
                newest = Some((child_area, child));
            }
            (area, block) = match newest {
                Some(newest) => newest,
                None if depth == 0 => return,
                None => {
                    depth -= 1;
                    self.entry_small(depth)
                }
            };
        }
    }

    /// Puts a marked object on the stack of `depth` entries, or in the tables; returns the new depth.
    #[inline(always)]
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
                self.defer(area, block);
                depth
            }
        }
    }

    #[inline(always)]
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
