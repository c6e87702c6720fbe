//! A table with one bit for each block: the finaliser table and the weakref table.

use super::alloc_table::{SMALL, Word};
use super::block::{BlockCount, BlockIndex};
use super::word::{lowest_bit, read_word};

const BITS: usize = Word::BITS as usize;

/// One bit a block, lowest bit first, as a value: copy it, do not point at it.
#[derive(Clone, Copy)]
pub struct BitTable {
    base: *mut u8,
}

impl BitTable {
    /// The table whose bytes start at `base`.
    ///
    /// # Safety
    ///
    /// While the value is in use, `base` must be valid for reads and writes of one bit for each
    /// block that the methods are given, and nothing else may write there.
    pub unsafe fn new(base: *mut u8) -> Self {
        BitTable { base }
    }

    fn byte(self, block: BlockIndex) -> *mut u8 {
        // wrapping_add, since computing the address is harmless; the callers below argue the access
        self.base.wrapping_add(block.0 / 8)
    }

    fn mask(block: BlockIndex) -> u8 {
        1 << (block.0 % 8)
    }

    /// Whether the bit of `block` is set.
    pub fn get(self, block: BlockIndex) -> bool {
        // SAFETY: the caller of `new` promised a bit for each block that is passed.
        unsafe { self.byte(block).read() & Self::mask(block) != 0 }
    }

    /// Sets the bit of `block`.
    pub fn set(self, block: BlockIndex) {
        let p = self.byte(block);
        // SAFETY: the caller of `new` promised a bit for each block that is passed, and no other
        // writer.
        unsafe { p.write(p.read() | Self::mask(block)) }
    }

    /// Clears the bit of `block`.
    pub fn clear(self, block: BlockIndex) {
        let p = self.byte(block);
        // SAFETY: as in `set`.
        unsafe { p.write(p.read() & !Self::mask(block)) }
    }

    /// The first block in `from .. end` whose bit is set. Empty words are skipped whole.
    pub fn next_set(self, from: BlockIndex, end: BlockIndex) -> Option<BlockIndex> {
        if SMALL {
            let mut b = from;
            while b < end {
                // SAFETY: b < end, so its byte is in the table.
                let byte = unsafe { self.byte(b).read() };
                if byte == 0 {
                    b = BlockIndex((b.0 | 7) + 1);
                    continue;
                }
                if byte & Self::mask(b) != 0 {
                    return Some(b);
                }
                b = b + BlockCount(1);
            }
            return None;
        }
        let mut b = from.0;
        while b < end.0 {
            let p = self.byte(BlockIndex(b));
            let aligned = b & !7;
            if aligned + BITS <= end.0 {
                // SAFETY: the word covers the bits aligned .. aligned + BITS, all below `end`.
                if unsafe { read_word(p.cast::<Word>()) } == 0 {
                    b = aligned + BITS;
                    continue;
                }
            }
            // SAFETY: b < end, so its byte is in the table.
            let rest = unsafe { p.read() } >> (b % 8);
            if rest != 0 {
                let found = b + lowest_bit(rest.into());
                return (found < end.0).then_some(BlockIndex(found));
            }
            b = aligned + 8;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::heap::testing::every;
    use std::vec;

    #[test]
    fn next_set_agrees_with_a_scan_of_every_bit() {
        let blocks = 200;
        for seed in (0..200u64).step_by(every(101)) {
            let mut bytes = vec![0u8; blocks / 8];
            // SAFETY: 200 bits, and only this value touches them.
            let table = unsafe { BitTable::new(bytes.as_mut_ptr()) };
            let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            for _ in 0..seed % 7 {
                x = x
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                table.set(BlockIndex((x >> 33) as usize % blocks));
            }
            for from in (0..blocks).step_by(every(23)) {
                for end in [from, from + 1, blocks - 9, blocks] {
                    let slow = (from..end)
                        .find(|&b| table.get(BlockIndex(b)))
                        .map(BlockIndex);
                    let end = BlockIndex(end.min(blocks));
                    if end.0 >= from {
                        assert_eq!(
                            table.next_set(BlockIndex(from), end),
                            slow,
                            "seed {seed} from {from} end {end:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn set_and_clear_touch_one_bit() {
        let mut bytes = [0u8; 4];
        // SAFETY: 32 bits, and only this value touches them.
        let table = unsafe { BitTable::new(bytes.as_mut_ptr()) };
        table.set(BlockIndex(9));
        table.set(BlockIndex(10));
        table.clear(BlockIndex(9));
        assert!(!table.get(BlockIndex(9)) && table.get(BlockIndex(10)));
        assert_eq!(bytes, [0, 4, 0, 0]);
    }
}
