//! A naive model of a layout.

use crate::heap::layout::{Layout, Tables};

/// A region of memory, and what has to fit into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutCase {
    /// The address of the region.
    pub start: usize,
    /// Its length.
    pub bytes: usize,
    /// Bytes of a block: a power of two.
    pub block_bytes: usize,
    /// Whether there is a finaliser table.
    pub finaliser: bool,
    /// Whether there is a collect table.
    pub collect: bool,
    /// Whether there is a slack table.
    pub hardened: bool,
}

impl LayoutCase {
    /// Lays it out and checks the result. Returns the number of blocks.
    ///
    /// # Panics
    ///
    /// When tables and pool are not where they should be.
    pub fn check(self) -> usize {
        // the caller of Layout rounds the end; a region without a whole block may end before its
        // start
        let end = self.start.saturating_add(self.bytes) / self.block_bytes * self.block_bytes;
        let Some(total) = end.checked_sub(self.start) else {
            return 0;
        };
        let tables = Tables {
            finaliser: self.finaliser,
            weakref: false,
            collect: self.collect,
            slack: self.hardened,
            exact: false,
        };
        let layout = Layout::new(total, self.block_bytes, tables);
        let Some(layout) = layout else {
            assert_eq!(total, 0, "{self:?} is refused");
            return 0;
        };
        let blocks = layout.blocks().0;
        let tables = self.naive_table_bytes(total);
        assert_eq!(layout.table_bytes as u128, tables, "{self:?}: {layout:?}");
        assert_eq!(blocks, 4 * layout.table_bytes);
        // the parts follow each other, do not overlap, and end before the end
        let bits = |on: bool| if on { blocks.div_ceil(8) } else { 0 };
        let (finaliser_bytes, collect_bytes) = (bits(self.finaliser), bits(self.collect));
        assert_eq!(layout.finaliser_table, layout.table_bytes + 1);
        assert_eq!(layout.finaliser_bytes, finaliser_bytes);
        assert_eq!(
            layout.collect_table,
            layout.finaliser_table + finaliser_bytes
        );
        assert_eq!(layout.collect_bytes, collect_bytes);
        assert_eq!(layout.slack_bytes, if self.hardened { blocks } else { 0 });
        assert_eq!(
            layout.bytes_to_clear(),
            layout.collect_table + collect_bytes
        );
        let used = layout.bytes_to_clear() + layout.slack_bytes;
        assert!(used <= layout.pool, "{self:?}: tables reach into the pool");
        let pool = self.start + layout.pool;
        assert_eq!(pool + blocks * self.block_bytes, end, "{self:?}");
        assert_eq!(
            pool % self.block_bytes,
            0,
            "{self:?}: the pool is not aligned"
        );
        blocks
    }

    /// How many bytes of the alloc table, each with everything for its four blocks, fit into the
    /// region. Tried out from the most significant bit on, in bits, wide enough for any product.
    fn naive_table_bytes(self, total: usize) -> u128 {
        let slack = u128::from(self.hardened);
        let four_blocks = 4 * (self.block_bytes as u128 + slack);
        // a byte of the table, and half a byte of each bit table
        let bit_tables = u128::from(self.finaliser) + u128::from(self.collect);
        let share = 8 + 4 * bit_tables + 8 * four_blocks;
        // all but the gap
        let mut space = (total as u128 - 1) * 8;
        if bit_tables > 0 {
            // the C multiplies in its size_t
            space %= 1 << usize::BITS;
        }
        let mut count = 0u128;
        for bit in (0..usize::BITS).rev() {
            let more = count | 1 << bit;
            if more * share <= space {
                count = more;
            }
        }
        // an odd number leaves half a byte at the end of each bit table, which is a whole one here
        let rounded = 1 + count + bit_tables * count.div_ceil(2) + count * four_blocks;
        count - u128::from(rounded > total as u128)
    }
}
