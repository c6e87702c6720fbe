//! The end of an allocation: the chunk is counted, cleared and returned.

use super::Heap;
use super::alloc::{HAS_FINALISER, UNREAD};
use super::alloc_table::SMALL;
use super::area::Area;
use super::block::{BlockCount, BlockIndex};
use super::host::{Event, Host};
use super::waiting::fetch;

impl<H: Host> Heap<H> {
    /// Prepares and returns the chunk that the search made, and leaves the heap.
    ///
    /// The address is computed before leaving: another thread may then collect, and only the
    /// pointer in this thread's registers or stack keeps the chunk alive.
    #[inline(always)]
    pub(super) fn hand_out(
        self,
        area: Area<H>,
        block: BlockIndex,
        n: BlockCount,
        bytes: usize,
        flags: u32,
    ) -> *mut u8 {
        let host = self.host();
        area.raise_last_used(block + n - BlockCount(1));
        let chunk = host.keep_address(area.address(block));
        self.stats_alloc();
        if H::THRESHOLD || H::STATS {
            // SAFETY: only the heap writes the counter (a promise of Host).
            unsafe { *host.alloc_amount() = (*host.alloc_amount()).wrapping_add(n.0) }
        }
        if H::HARDENED {
            self.expect_poison(area, block, n);
            if H::CONSERVATIVE_CLEAR {
                // SAFETY: the chunk was just made of n free blocks, and nobody uses it yet.
                unsafe { chunk.write_bytes(0, n.0 * H::BLOCK_BYTES) }
            }
            self.set_slack(area, block, n, bytes, flags & HAS_FINALISER != 0);
        }
        if H::SELECTIVE_COLLECT {
            // with the mutex, since another thread may collect as soon as it is released
            area.set_read(block, flags & UNREAD == 0);
        }
        host.exit();
        if H::VERBOSE {
            host.log(Event::Alloc(chunk));
        }

        let finaliser = H::FINALISER && flags & HAS_FINALISER != 0;
        // with a finaliser, a length that is never cleared here: one comparison covers both cases
        // and keeps fewer values alive
        let long = BlockCount(n.0 + SHORT.0 * usize::from(finaliser));
        let plain = !H::HARDENED && !H::PROFILE && !H::MONITOR;
        if !SMALL && H::CONSERVATIVE_CLEAR && plain && long <= SHORT {
            fetch(chunk.wrapping_add(AHEAD));
            // SAFETY: the chunk was just made of n free blocks, and nobody uses it yet; n is
            // `long`.
            unsafe { clear_short::<H>(chunk, long) }
            return chunk;
        }
        self.clear(chunk, area, block, n, bytes, finaliser)
    }

    /// Clears the new chunk and notes its finaliser: the end of [`Self::hand_out`], except for
    /// short chunks. It takes the address, since nothing else keeps the chunk alive.
    #[cfg_attr(not(feature = "small"), inline(never))]
    fn clear(
        self,
        chunk: *mut u8,
        area: Area<H>,
        block: BlockIndex,
        n: BlockCount,
        bytes: usize,
        finaliser: bool,
    ) -> *mut u8 {
        if !H::HARDENED {
            let keep = if H::CONSERVATIVE_CLEAR { 0 } else { bytes };
            // SAFETY: the chunk was just made of n free blocks, and nobody uses it yet; bytes is at
            // most its size.
            unsafe { chunk.add(keep).write_bytes(0, n.0 * H::BLOCK_BYTES - keep) }
        }
        if finaliser {
            // SAFETY: a block has at least two words, and the pool is aligned to a block.
            unsafe { chunk.cast::<usize>().write(0) }
            self.host().enter();
            area.finalisers().set(block);
            self.host().exit();
        }
        if H::PROFILE {
            self.host().changed();
        }
        if H::MONITOR {
            self.host().resized(n);
        }
        chunk
    }
}

/// The distance of the prefetch when a short chunk is allocated. Consecutive chunks lie next to
/// each other, and in a heap larger than the caches clearing the next ones would wait for memory.
const AHEAD: usize = 1024;

/// The longest chunk that is cleared inline; for longer ones memset is called.
const SHORT: BlockCount = BlockCount(2);

/// Zeroes a chunk of at most [`SHORT`] blocks.
///
/// # Safety
///
/// `chunk` must be valid for writes of `n` blocks and aligned to a block.
unsafe fn clear_short<H: Host>(chunk: *mut u8, n: BlockCount) {
    /// A block is a multiple of 16 bytes and aligned to 16, so that the compiler may use 16-byte
    /// stores.
    #[repr(align(16))]
    struct Part {
        _bytes: [u8; 16],
    }
    let (parts, block) = (chunk.cast::<Part>(), H::BLOCK_BYTES / size_of::<Part>());
    debug_assert!(parts.is_aligned());
    // SAFETY: the caller says that n blocks may be written, and that they are aligned.
    unsafe {
        parts.write_bytes(0, block);
        if n > BlockCount(1) {
            parts.add(block).write_bytes(0, block);
        }
    }
}
