//! Growing and shrinking chunks, in place or by moving them.

use core::ptr;

use super::Heap;
use super::alloc::{HAS_FINALISER, UNREAD};
use super::block::{BlockCount, BlockKind};
use super::host::{Event, Host};

impl<H: Host> Heap<H> {
    /// Resizes a chunk to `bytes` bytes, in place where possible, or else by moving it if it may
    /// move. Returns its address, or null on failure, which leaves the chunk unchanged.
    ///
    /// A null `chunk` means [`Self::alloc`], 0 bytes mean [`Self::free`]. Returns null while the
    /// heap is locked. Blocks gained are cleared as by `alloc`. A moved chunk keeps its finaliser,
    /// and stays unread if it was.
    ///
    /// Mirrors `gc_realloc` (py/gc.c). Differs: when a chunk grows to the last block of its area,
    /// the highest used block stays inside the area; a size that wraps around when rounded up to
    /// blocks is refused, where the C frees the chunk and returns it.
    ///
    /// # Safety
    ///
    /// `chunk` is null or a chunk of this heap. If another address is returned, the old one is not
    /// used afterwards.
    pub unsafe fn realloc(self, chunk: *mut u8, bytes: usize, may_move: bool) -> *mut u8 {
        if chunk.is_null() {
            return self.alloc_again(bytes, 0);
        }
        let wanted = self.blocks_for(bytes);
        if wanted == BlockCount(0) {
            // otherwise the size wraps around: keep the chunk
            if bytes == 0 {
                // SAFETY: by this function's contract.
                unsafe { self.host().free(chunk) };
            } else {
                self.stats_failed_bytes(bytes);
            }
            return ptr::null_mut();
        }
        if self.lock_word() != 0 {
            self.stats_failed(wanted);
            return ptr::null_mut();
        }
        let host = self.host();
        host.enter();
        let (area, head) = self.locate(chunk);
        debug_assert_eq!(area.table().kind(head), BlockKind::Head);
        let n = area.chunk_len(head);
        self.expect_slack(area, head);
        let in_use = n.0 * H::BLOCK_BYTES - area.slack(head);

        if wanted <= n {
            if wanted < n {
                self.free_blocks(area, head + wanted, n - wanted, false);
            }
            if H::HARDENED {
                self.resize_slack(area, head, wanted, in_use..bytes);
            }
            host.exit();
            if wanted < n {
                self.tell_resized(wanted);
            }
            return chunk;
        }

        let (end, gained) = (head + n, wanted - n);
        if area.table().free_from(end, gained) == gained {
            self.expect_poison(area, end, gained);
            area.table().free_to_tails(end, gained);
            self.stats_grown(gained);
            self.search().cut(area, end, gained);
            area.raise_last_used(end + gained - BlockCount(1));
            if H::HARDENED {
                self.resize_slack(area, head, wanted, in_use..bytes);
                host.exit();
                self.tell_resized(wanted);
                return chunk;
            }
            host.exit();
            let keep = if H::CONSERVATIVE_CLEAR {
                n.0 * H::BLOCK_BYTES
            } else {
                bytes
            };
            // SAFETY: the chunk has `wanted` blocks now, of which the caller had the first n.
            unsafe {
                chunk
                    .add(keep)
                    .write_bytes(0, wanted.0 * H::BLOCK_BYTES - keep)
            }
            self.tell_resized(wanted);
            return chunk;
        }
        let mut flags = if area.has_finaliser(head) {
            HAS_FINALISER
        } else {
            0
        };
        if !area.is_read(head) {
            flags |= UNREAD;
        }
        host.exit();

        if !may_move {
            return ptr::null_mut();
        }
        let moved = self.alloc_again(bytes, flags);
        if !moved.is_null() {
            if H::VERBOSE {
                host.log(Event::Move {
                    from: chunk,
                    to: moved,
                });
            }
            // SAFETY: both chunks are live, the new one is longer, and they do not overlap;
            // afterwards nobody uses the old one.
            unsafe {
                moved.copy_from_nonoverlapping(chunk, in_use);
                self.host().free(chunk);
            }
        }
        moved
    }

    /// Tells the host of a chunk that was resized where it lies.
    fn tell_resized(self, blocks: BlockCount) {
        if H::PROFILE {
            self.host().changed();
        }
        if H::MONITOR {
            self.host().resized(blocks);
        }
    }
}
