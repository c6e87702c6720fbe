//! Where the tables and the pool of an area lie.
//!
//! ```text
//!  start                                                                                  end
//!  | alloc table: 2 bits/block | gap: 1 byte | finaliser, weakref, collect bits | pad | pool |
//!                                                          slack table (hardened) ^
//! ```
//!
//! The pool ends at `end`, which the caller has rounded down to a block; the tables start at
//! `start`. The length of the tables comes from an integer division; the remainder is the pad
//! before the pool. The gap byte stays zero, so that a chunk at the end of the pool is followed by
//! a block that reads as free.

#![forbid(unsafe_code)]

use super::block::BlockCount;
use super::host::Config;

/// Blocks whose kinds share a byte of the alloc table.
pub const BLOCKS_PER_TABLE_BYTE: usize = 4;
/// Blocks whose bits share a byte of a bit table.
pub const BLOCKS_PER_BIT_BYTE: usize = 8;
/// Bytes between the alloc table and the next table.
pub const GAP_BYTES: usize = 1;

/// Which tables an area has beside the alloc table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// One bit a block ([`Config::FINALISER`]).
    pub finaliser: bool,
    /// One bit a block ([`Config::WEAKREF`]).
    pub weakref: bool,
    /// One bit a block ([`Config::SELECTIVE_COLLECT`]).
    pub collect: bool,
    /// One byte a block ([`Config::HARDENED`]), which the C does not have.
    pub slack: bool,
    /// Whether a region of any size is used whole ([`Config::EXACT_TABLES`]).
    pub exact: bool,
}

impl Tables {
    /// The tables of a host's areas.
    pub const fn of<H: Config>() -> Tables {
        Tables {
            finaliser: H::FINALISER,
            weakref: H::WEAKREF,
            collect: H::SELECTIVE_COLLECT,
            slack: H::HARDENED,
            exact: H::EXACT_TABLES,
        }
    }

    /// How many tables have one bit a block.
    pub const fn bit_tables(self) -> usize {
        self.finaliser as usize + self.weakref as usize + self.collect as usize
    }
}

/// The layout of one area, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Length of the alloc table in bytes; four blocks a byte.
    pub table_bytes: usize,
    /// Offset of the finaliser table; meaningless where there is none.
    pub finaliser_table: usize,
    /// Length of the finaliser table in bytes; 0 where there is none.
    pub finaliser_bytes: usize,
    /// Offset of the weakref table; meaningless where there is none.
    pub weakref_table: usize,
    /// Length of the weakref table in bytes; 0 where there is none.
    pub weakref_bytes: usize,
    /// Offset of the collect table; meaningless where there is none.
    pub collect_table: usize,
    /// Length of the collect table in bytes; 0 where there is none.
    pub collect_bytes: usize,
    /// Length of the slack table in bytes, which ends where the pool starts; 0 where there is none.
    pub slack_bytes: usize,
    /// Offset of the pool.
    pub pool: usize,
}

impl Layout {
    /// Lays out an area of `total` bytes whose end lies on a block boundary.
    ///
    /// Returns `None` for `total == 0`, for which the behaviour of the C is undefined: its division
    /// starts from a number that has wrapped around. An area too small for one table byte has no
    /// blocks.
    ///
    /// Mirrors `gc_setup_area` (py/gc.c), the wrap-around of its multiplication included: a 32-bit
    /// heap of 512 MiB or more gets the smaller table that the C gives it, unless
    /// [`Tables::exact`]. Differs: where the last of the C's bit tables would overlap the pool,
    /// which takes two of them, there are four blocks fewer.
    ///
    /// A hardened heap also has a slack table, and so fewer blocks than in C.
    pub const fn new(total: usize, block_bytes: usize, tables: Tables) -> Option<Layout> {
        if total < GAP_BYTES {
            return None;
        }
        let pool_per_table_byte = BLOCKS_PER_TABLE_BYTE * (block_bytes + tables.slack as usize);
        let bit_tables = tables.bit_tables();
        let table_bytes = if bit_tables > 0 {
            // in bits, since a bit table has half a byte per byte of the alloc table
            let (bytes, share) = (
                total - GAP_BYTES,
                8 + 4 * bit_tables + 8 * pool_per_table_byte,
            );
            if tables.exact {
                bytes / share * 8 + bytes % share * 8 / share
            } else {
                bytes.wrapping_mul(8) / share
            }
        } else {
            (total - GAP_BYTES) / (1 + pool_per_table_byte)
        };
        let layout = Self::with_table(table_bytes, total, block_bytes, tables);
        if (bit_tables > 1 || tables.slack) && layout.is_none() && table_bytes > 0 {
            // each bit table may end in half a byte, which the division does not account for; what
            // two or three of them lack is less than a byte of the alloc table and its blocks
            return Self::with_table(table_bytes - 1, total, block_bytes, tables);
        }
        layout
    }

    /// The layout with an alloc table of `table_bytes` bytes, or `None` if it does not fit.
    const fn with_table(
        table_bytes: usize,
        total: usize,
        block_bytes: usize,
        tables: Tables,
    ) -> Option<Layout> {
        let finaliser_table = table_bytes + GAP_BYTES;
        let bit_table_bytes = (table_bytes * BLOCKS_PER_TABLE_BYTE).div_ceil(BLOCKS_PER_BIT_BYTE);
        let finaliser_bytes = bit_table_bytes * tables.finaliser as usize;
        let weakref_table = finaliser_table + finaliser_bytes;
        let weakref_bytes = bit_table_bytes * tables.weakref as usize;
        let collect_table = weakref_table + weakref_bytes;
        let collect_bytes = bit_table_bytes * tables.collect as usize;
        let slack_bytes = table_bytes * BLOCKS_PER_TABLE_BYTE * tables.slack as usize;
        let pool = total - table_bytes * BLOCKS_PER_TABLE_BYTE * block_bytes;
        if collect_table + collect_bytes + slack_bytes > pool {
            return None;
        }
        Some(Layout {
            table_bytes,
            finaliser_table,
            finaliser_bytes,
            weakref_table,
            weakref_bytes,
            collect_table,
            collect_bytes,
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
        self.table_bytes
            + GAP_BYTES
            + self.finaliser_bytes
            + self.weakref_bytes
            + self.collect_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::{LayoutCase, every};
    use proptest::prelude::*;

    const FINALISER: Tables = Tables {
        finaliser: true,
        weakref: false,
        collect: false,
        slack: false,
        exact: false,
    };

    #[test]
    fn tables_and_pool_never_overlap_and_fill_the_area() {
        for block_bytes in [16, 32, 64, 128] {
            for which in 0..16 {
                let tables = Tables {
                    finaliser: which & 1 != 0,
                    weakref: which & 2 != 0,
                    slack: which & 4 != 0,
                    collect: which & 8 != 0,
                    exact: false,
                };
                for total in (1..20_000).step_by(every(397)) {
                    let l = Layout::new(total, block_bytes, tables).expect("defined for any size");
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
    fn an_exact_layout_wraps_at_no_size_and_is_else_that_of_the_c() {
        for weakref in [false, true] {
            let c = Tables {
                weakref,
                ..FINALISER
            };
            let exact = Tables { exact: true, ..c };
            for total in 1..20_000 {
                let exact = Layout::new(total, 32, exact);
                assert_eq!(exact, Layout::new(total, 32, c), "{total}");
            }
            // from an eighth of the address space on the product wraps
            for total in [
                usize::MAX / 8,
                usize::MAX / 8 + 2,
                usize::MAX / 2,
                usize::MAX - 31,
            ] {
                let l = Layout::new(total, 32, exact).expect("defined for any size");
                let in_use = l.blocks().0 as f64 * 32.0 / total as f64;
                assert!(in_use > 0.98, "{total:#x}: {in_use} of it are blocks");
                assert!(l.bytes_to_clear() <= l.pool, "{total:#x} {l:?}");
            }
        }
    }

    #[test]
    fn an_area_of_no_bytes_is_refused() {
        assert_eq!(Layout::new(0, 32, FINALISER), None);
        assert_eq!(Layout::new(0, 32, Tables::default()), None);
    }

    #[test]
    fn a_small_area_has_no_block_but_a_gap() {
        let l = Layout::new(32, 32, FINALISER).expect("one gap byte fits");
        assert_eq!(l.blocks(), BlockCount(0));
        assert_eq!(l.bytes_to_clear(), 1);
    }

    #[test]
    fn two_bit_tables_that_both_end_in_half_a_byte_take_four_blocks_fewer() {
        // an odd number of table bytes: 3 + 1 for the gap, and 2 for each bit table
        let both = Tables {
            collect: true,
            ..FINALISER
        };
        let exact_fit = 3 + 1 + 2 + 2 + 12 * 16;
        let fits = Layout::new(exact_fit, 16, both).expect("defined for any size");
        assert_eq!(fits.table_bytes, 3);
        let lacks_a_byte = Layout::new(exact_fit - 1, 16, both).expect("defined for any size");
        assert_eq!(lacks_a_byte.table_bytes, 2);
        for (bytes, blocks) in [(exact_fit, 12), (exact_fit - 1, 8)] {
            let case = LayoutCase {
                start: 16 - bytes % 16,
                bytes,
                block_bytes: 16,
                finaliser: true,
                collect: true,
                hardened: false,
            };
            assert_eq!(case.check(), blocks);
        }
    }

    proptest! {
        #[test]
        fn any_region_is_laid_out_as_is_naively_expected(
            start: usize, bytes: usize, cut in 0u32..usize::BITS, shift in 4u32..12,
            finaliser: bool, collect: bool, hardened: bool,
        ) {
            let (bytes, block_bytes) = (bytes >> cut, 1 << shift);
            LayoutCase { start, bytes, block_bytes, finaliser, collect, hardened }.check();
        }
    }
}
