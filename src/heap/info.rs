//! Numbers about the heap.

use super::Heap;
use super::alloc_table::free_bits;
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::Host;

/// What [`Heap::info`] tells.
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
    /// Counts blocks and chunks, one step a chunk and one a free run.
    ///
    /// Mirrors `gc_info` (py/gc.c). Differs: asked by a finaliser, it counts an object that the collect
    /// has marked like any other; the C does not count its first block at all.
    pub fn info(self) -> Info {
        let host = self.host();
        host.enter();
        let mut info = Info::default();
        for area in Area::all(host) {
            let table = area.table();
            info.total += area.blocks().0 * H::BLOCK_BYTES;
            let mut block = BlockIndex(0);
            while block < area.end() {
                if H::HOOK {
                    host.hook(block.0);
                }
                let free = table.free_from(block, area.blocks());
                info.free += free.0;
                info.max_free = info.max_free.max(free.0);
                block = block + free;
                if block < area.end() {
                    let len = area.chunk_len(block);
                    info.count_chunk(len);
                    block = block + len;
                }
            }
        }
        if H::TWINS {
            assert!(info == self.info_naive(), "info differs from its twin");
        }
        host.exit();
        info.used *= H::BLOCK_BYTES;
        info.free *= H::BLOCK_BYTES;
        info
    }

    /// The first three figures alone, by the word: the others are 0.
    ///
    /// Mirrors `gc_info_fast` (py/gc.c).
    pub fn info_fast(self) -> Info {
        let host = self.host();
        host.enter();
        let mut info = Info::default();
        for area in Area::all(host) {
            let table = area.table();
            for i in 0..table.words() {
                if H::HOOK {
                    host.hook(i);
                }
                let free = free_bits(table.word(i)) & table.valid_pairs(i);
                info.free += free.count_ones() as usize * H::BLOCK_BYTES;
            }
            info.total += area.blocks().0 * H::BLOCK_BYTES;
        }
        info.used = info.total - info.free;
        host.exit();
        info
    }

    /// The twin of [`Self::info`], with `used` and `free` still in blocks: looks at every block.
    fn info_naive(self) -> Info {
        let mut info = Info::default();
        for area in Area::all(self.host()) {
            info.total += area.blocks().0 * H::BLOCK_BYTES;
            let (mut chunk, mut run) = (0, 0);
            for b in 0..=area.blocks().0 {
                let kind = if b < area.blocks().0 {
                    area.table().kind(BlockIndex(b))
                } else {
                    BlockKind::Head
                };
                if kind != BlockKind::Tail && chunk > 0 {
                    info.count_chunk(BlockCount(chunk));
                    chunk = 0;
                }
                if kind == BlockKind::Free {
                    run += 1;
                    info.free += 1;
                    info.max_free = info.max_free.max(run);
                } else {
                    run = 0;
                    chunk += 1;
                }
            }
        }
        info
    }
}

impl Info {
    fn count_chunk(&mut self, len: BlockCount) {
        self.used += len.0;
        self.num_1block += usize::from(len.0 == 1);
        self.num_2block += usize::from(len.0 == 2);
        self.max_block = self.max_block.max(len.0);
    }
}
