//! Blocks, the unit in which the heap hands out memory: their numbers, counts and kinds.

#![forbid(unsafe_code)]

use core::ops::{Add, Sub};

/// The number of a block, counted from the start of its area's pool.
///
/// It lies in `0 .. area.blocks()`; as the end of a range it may be one past the last block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockIndex(pub usize);

/// A number of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockCount(pub usize);

impl BlockCount {
    /// The blocks that `bytes` bytes need when a block has `block_bytes` bytes.
    ///
    /// Mirrors the rounding in `gc_alloc` (py/gc.c): where rounding up wraps around, the result is
    /// 0 blocks. Callers refuse 0 blocks; they have to refuse 0 bytes anyway, so this costs
    /// nothing.
    pub const fn for_bytes(bytes: usize, block_bytes: usize) -> Self {
        BlockCount(bytes.wrapping_add(block_bytes - 1) / block_bytes)
    }
}

impl Add<BlockCount> for BlockIndex {
    type Output = BlockIndex;
    #[inline(always)]
    fn add(self, n: BlockCount) -> BlockIndex {
        BlockIndex(self.0.wrapping_add(n.0))
    }
}

impl Sub<BlockCount> for BlockIndex {
    type Output = BlockIndex;
    fn sub(self, n: BlockCount) -> BlockIndex {
        BlockIndex(self.0.wrapping_sub(n.0))
    }
}

impl Sub for BlockIndex {
    type Output = BlockCount;
    fn sub(self, other: BlockIndex) -> BlockCount {
        BlockCount(self.0.wrapping_sub(other.0))
    }
}

impl Add for BlockCount {
    type Output = BlockCount;
    #[inline(always)]
    fn add(self, other: BlockCount) -> BlockCount {
        BlockCount(self.0.wrapping_add(other.0))
    }
}

impl Sub for BlockCount {
    type Output = BlockCount;
    fn sub(self, other: BlockCount) -> BlockCount {
        BlockCount(self.0.wrapping_sub(other.0))
    }
}

/// The kind of a block, as the alloc table holds it.
///
/// While an area is being marked two more states exist; see [`super::mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BlockKind {
    /// Part of no chunk.
    Free = 0b00,
    /// The first block of a chunk.
    Head = 0b01,
    /// A further block of the chunk whose head comes before it.
    Tail = 0b10,
    /// A head that the running collection has reached.
    Mark = 0b11,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_no_number_of_blocks_can_meet_needs_none_and_is_refused() {
        assert_eq!(BlockCount::for_bytes(0, 32), BlockCount(0));
        assert_eq!(BlockCount::for_bytes(1, 32), BlockCount(1));
        assert_eq!(BlockCount::for_bytes(32, 32), BlockCount(1));
        assert_eq!(BlockCount::for_bytes(33, 32), BlockCount(2));
        assert_eq!(BlockCount::for_bytes(usize::MAX, 32), BlockCount(0));
    }
}
