//! The Python stack: a LIFO region for the state of running functions.
//!
//! ```text
//!   start            cur              end
//!   | chunk | chunk  | free           |
//! ```
//!
//! Only the arithmetic is here: whether a chunk fits and how long it is. Frees
//! are inline in the port's header, and a jump moves `cur` back by itself.

#![forbid(unsafe_code)]

#[cfg(any(test, feature = "testing"))]
pub mod testing;

/// The chunk does not fit into the region; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

/// How chunks are laid out in one build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLayout {
    /// Chunk sizes are multiples of this power of two (`MICROPY_PYSTACK_ALIGN`).
    pub align: usize,
    /// Each chunk ends with a slot of `align` bytes that holds its size (`MP_PYSTACK_DEBUG`).
    pub size_slot: bool,
}

impl ChunkLayout {
    /// The bytes that a chunk for `request` bytes takes from a region with
    /// `free` bytes left.
    ///
    /// ```
    /// use mpgc::pystack::{ChunkLayout, Exhausted};
    ///
    /// let words = ChunkLayout { align: 8, size_slot: false };
    /// assert_eq!(words.chunk_bytes(5, 64), Ok(8));
    /// assert_eq!(words.chunk_bytes(57, 63), Err(Exhausted));
    /// ```
    pub const fn chunk_bytes(self, request: usize, free: usize) -> Result<usize, Exhausted> {
        debug_assert!(self.align.is_power_of_two());
        let slot = if self.size_slot { self.align } else { 0 };
        let mask = self.align - 1;
        // The free bytes are rounded down, not the request up: a request near the end of the
        // address space would wrap. A request that fits cannot.
        let space = free & !mask;
        if space < slot || request > space - slot {
            return Err(Exhausted);
        }
        Ok(((request + mask) & !mask) + slot)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Stack;
    use super::*;
    use crate::heap::testing::CoreOp;
    use proptest::prelude::*;
    use std::vec::Vec;

    const PLAIN: ChunkLayout = ChunkLayout {
        align: 8,
        size_slot: false,
    };
    const SIZED: ChunkLayout = ChunkLayout {
        align: 8,
        size_slot: true,
    };

    #[test]
    fn a_chunk_may_fill_the_region_to_its_last_byte() {
        assert_eq!(PLAIN.chunk_bytes(64, 64), Ok(64));
        assert_eq!(PLAIN.chunk_bytes(65, 64), Err(Exhausted));
        assert_eq!(SIZED.chunk_bytes(56, 64), Ok(64));
        assert_eq!(SIZED.chunk_bytes(57, 64), Err(Exhausted));
    }

    #[test]
    fn a_request_that_rounds_past_the_end_is_refused() {
        assert_eq!(PLAIN.chunk_bytes(61, 63), Err(Exhausted));
    }

    #[test]
    fn a_request_near_the_end_of_the_address_space_does_not_wrap() {
        for n in [usize::MAX, usize::MAX - 6, usize::MAX - 7] {
            assert_eq!(PLAIN.chunk_bytes(n, 64), Err(Exhausted));
            assert_eq!(SIZED.chunk_bytes(n, usize::MAX), Err(Exhausted));
        }
    }

    #[test]
    fn an_empty_chunk_is_free_of_cost_unless_sizes_are_kept() {
        assert_eq!(PLAIN.chunk_bytes(0, 0), Ok(0));
        assert_eq!(SIZED.chunk_bytes(0, 0), Err(Exhausted));
        assert_eq!(SIZED.chunk_bytes(0, 8), Ok(8));
    }

    proptest! {
        #[test]
        fn chunks_are_aligned_hold_the_request_and_fit(
            request in 0usize..5000, free in 0usize..5000, shift in 0u32..6, size_slot: bool,
        ) {
            let layout = ChunkLayout { align: 1 << shift, size_slot };
            let slot = if size_slot { layout.align } else { 0 };
            let wanted = request.next_multiple_of(layout.align) + slot;
            match layout.chunk_bytes(request, free) {
                Ok(bytes) => {
                    prop_assert_eq!(bytes, wanted);
                    prop_assert!(bytes <= free);
                }
                Err(Exhausted) => prop_assert!(wanted > free),
            }
        }

        #[test]
        fn chunks_lie_in_a_row_and_do_not_overlap(
            bytes in 0usize..3000, shift in 0u32..6, size_slot: bool,
            requests in proptest::collection::vec((any::<bool>(), 0usize..300), 0..60),
        ) {
            let steps: Vec<CoreOp> = requests.into_iter().map(|(alloc, n)| {
                if alloc { CoreOp::PystackAlloc { bytes: n } } else { CoreOp::PystackFree { chunk: n } }
            }).collect();
            Stack::new(ChunkLayout { align: 1 << shift, size_slot }, bytes).run(&steps);
        }
    }
}
