//! Where the tables and the pool of an area lie.
//!
//! ```text
//!  start                                                                    end
//!  | alloc table: 2 bits/block | gap: 1 byte | finaliser bits | pad | pool: blocks |
//!                                                             slack table ^ (hardened)
//! ```
//!
//! The pool ends at `end`, which the caller has rounded down to a block; the tables start at `start`.
//! The table's length comes from an integer division, so the pad between the tables and the pool is
//! whatever is left. The gap byte stays zero: a chunk at the end of the pool is followed by a block
//! that reads as free.

#![forbid(unsafe_code)]

use super::block::BlockCount;

/// Blocks whose kinds share a byte of the alloc table.
pub const BLOCKS_PER_TABLE_BYTE: usize = 4;
/// Blocks whose bits share a byte of a bit table.
pub const BLOCKS_PER_BIT_BYTE: usize = 8;
/// Bytes between the alloc table and what follows it.
pub const GAP_BYTES: usize = 1;

/// The layout of one area, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Length of the alloc table in bytes; four blocks a byte.
    pub table_bytes: usize,
    /// Offset of the finaliser table; meaningless where there is none.
    pub finaliser_table: usize,
    /// Length of the finaliser table in bytes; 0 where there is none.
    pub finaliser_bytes: usize,
    /// Length of the slack table in bytes, which ends where the pool starts; 0 where there is none.
    pub slack_bytes: usize,
    /// Offset of the pool.
    pub pool: usize,
}

impl Layout {
    /// Lays out an area of `total` bytes whose end lies on a block boundary.
    ///
    /// Returns `None` where the C is not defined: for `total == 0` its division starts from a
    /// number that has wrapped around. An area too small for one table byte has no block.
    ///
    /// Mirrors `gc_setup_area` (py/gc.c), the wrap-around of its multiplication included: a 32-bit
    /// heap of 512 MiB or more gets the smaller table that the C gives it.
    ///
    /// A hardened heap has one more table, the slack table, and so fewer blocks than the C gives it.
    pub const fn new(
        total: usize,
        block_bytes: usize,
        finaliser: bool,
        hardened: bool,
    ) -> Option<Layout> {
        if total < GAP_BYTES {
            return None;
        }
        let slack_per_block = if hardened { 1 } else { 0 };
        let pool_per_table_byte = BLOCKS_PER_TABLE_BYTE * (block_bytes + slack_per_block);
        let table_bytes = if finaliser {
            // in bits, for the finaliser table has half a byte per byte of the alloc table
            (total - GAP_BYTES).wrapping_mul(8) / (8 + 4 + 8 * pool_per_table_byte)
        } else {
            (total - GAP_BYTES) / (1 + pool_per_table_byte)
        };
        let finaliser_table = table_bytes + GAP_BYTES;
        let finaliser_bytes = if finaliser {
            (table_bytes * BLOCKS_PER_TABLE_BYTE).div_ceil(BLOCKS_PER_BIT_BYTE)
        } else {
            0
        };
        let slack_bytes = table_bytes * BLOCKS_PER_TABLE_BYTE * slack_per_block;
        let pool = total - table_bytes * BLOCKS_PER_TABLE_BYTE * block_bytes;
        if finaliser_table + finaliser_bytes + slack_bytes > pool {
            return None;
        }
        Some(Layout {
            table_bytes,
            finaliser_table,
            finaliser_bytes,
            slack_bytes,
            pool,
        })
    }

    /// The blocks of the pool; always a multiple of four.
    pub const fn blocks(&self) -> BlockCount {
        BlockCount(self.table_bytes * BLOCKS_PER_TABLE_BYTE)
    }

    /// The bytes that must be zero before the area is used: the tables and the gap.
    pub const fn bytes_to_clear(&self) -> usize {
        self.table_bytes + GAP_BYTES + self.finaliser_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::LayoutCase;
    use proptest::prelude::*;

    #[test]
    fn tables_and_pool_never_overlap_and_fill_the_area() {
        for block_bytes in [16, 32, 64, 128] {
            for (finaliser, hardened) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                for total in 1..20_000 {
                    let l = Layout::new(total, block_bytes, finaliser, hardened)
                        .expect("defined for any size");
                    assert!(
                        l.bytes_to_clear() + l.slack_bytes <= l.pool,
                        "{total} {l:?}"
                    );
                    assert_eq!(l.pool + l.blocks().0 * block_bytes, total);
                }
            }
        }
    }

    #[test]
    fn an_area_of_no_bytes_is_refused() {
        assert_eq!(Layout::new(0, 32, true, false), None);
        assert_eq!(Layout::new(0, 32, false, false), None);
    }

    #[test]
    fn a_small_area_has_no_block_but_a_gap() {
        let l = Layout::new(32, 32, true, false).expect("one gap byte fits");
        assert_eq!(l.blocks(), BlockCount(0));
        assert_eq!(l.bytes_to_clear(), 1);
    }

    proptest! {
        #[test]
        fn any_region_is_laid_out_as_is_naively_expected(
            start: usize, bytes: usize, cut in 0u32..usize::BITS, shift in 4u32..12, finaliser: bool, hardened: bool,
        ) {
            let (bytes, block_bytes) = (bytes >> cut, 1 << shift);
            LayoutCase { start, bytes, block_bytes, finaliser, hardened }.check();
        }
    }
}
