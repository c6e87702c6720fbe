//! A map of the heap as text, one character a block.

use super::Heap;
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::{AreaFields, Host};

/// Blocks in a line of the map.
const BLOCKS_PER_LINE: usize = 64;

/// Where the map is written.
pub trait Sink {
    /// A new area, whose pool starts at address `pool`.
    fn area(&mut self, pool: usize);
    /// Whole lines of free blocks are left out.
    fn free_lines(&mut self, lines: usize);
    /// A new line; `offset` is that of its first block, in bytes from the start of the pool.
    fn line(&mut self, offset: usize);
    /// A free block.
    fn free(&mut self);
    /// A tail.
    fn tail(&mut self);
    /// A marked head.
    fn mark(&mut self);
    /// A head; the character depends on the chunk's first word.
    fn head(&mut self, first_word: usize);
    /// The area ends.
    fn end_area(&mut self);
}

impl<H: Host> Heap<H> {
    /// Calls `f` with the start and the length of everything that makes up the heap: of each area
    /// its fields, and its tables with its pool.
    pub fn for_each_region(self, mut f: impl FnMut(*const u8, usize)) {
        for area in Area::all(self.host()) {
            let fields = area.fields();
            f(fields.cast_const().cast(), size_of::<H::Area>());
            // SAFETY: the fields of an area that is in the list are valid.
            let (start, end) = unsafe {
                (
                    H::Area::alloc_table(fields).read(),
                    H::Area::pool_end(fields).read(),
                )
            };
            f(start, end.addr().saturating_sub(start.addr()));
        }
    }

    /// Calls `f` with each area: the start and the length of its alloc table, and of its pool.
    pub fn for_each_area(self, mut f: impl FnMut([(*const u8, usize); 2])) {
        for area in Area::all(self.host()) {
            let fields = area.fields();
            // SAFETY: as in `for_each_region`.
            let table = unsafe {
                (
                    H::Area::alloc_table(fields).read().cast_const(),
                    H::Area::table_bytes(fields).read(),
                )
            };
            let pool_bytes = area.blocks().0 * H::BLOCK_BYTES;
            f([table, (area.pool().cast_const(), pool_bytes)]);
        }
    }

    /// Calls `f` with the start of each chunk.
    pub fn for_each_chunk(self, mut f: impl FnMut(*const u8)) {
        for area in Area::all(self.host()) {
            let mut block = BlockIndex(0);
            while block < area.end() {
                let kind = area.table().kind(block);
                if matches!(kind, BlockKind::Head | BlockKind::Mark) {
                    f(area.address(block));
                }
                block = block + BlockCount(1);
            }
        }
    }

    /// Writes the map of every area. Two or more lines of free blocks only are folded.
    ///
    /// Mirrors `gc_dump_alloc_table` (py/gc.c).
    pub fn dump(self, sink: &mut impl Sink) {
        let host = self.host();
        host.enter();
        for area in Area::all(host) {
            sink.area(area.pool().addr());
            self.dump_area(area, sink);
            sink.end_area();
        }
        host.exit();
    }

    fn dump_area(self, area: Area<H>, sink: &mut impl Sink) {
        let table = area.table();
        let mut block = BlockIndex(0);
        while block < area.end() {
            if block.0.is_multiple_of(BLOCKS_PER_LINE) {
                let lines = table.free_from(block, area.blocks()).0 / BLOCKS_PER_LINE;
                if lines >= 2 {
                    sink.free_lines(lines);
                    block = block + BlockCount(lines * BLOCKS_PER_LINE);
                    if block >= area.end() {
                        break;
                    }
                }
                sink.line(block.0 * H::BLOCK_BYTES);
            }
            match table.kind(block) {
                BlockKind::Free => sink.free(),
                BlockKind::Tail => sink.tail(),
                BlockKind::Mark => sink.mark(),
                // SAFETY: a head's block is in the pool, aligned; it has at least one word.
                BlockKind::Head => sink.head(unsafe { area.address(block).cast::<usize>().read() }),
            }
            block = block + BlockCount(1);
        }
    }
}
