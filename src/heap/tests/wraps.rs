//! Sizes so large that a sum with them wraps around: none is taken for a small one.

use std::vec;

use super::{BLOCK, heap_of};
use crate::heap::grow::bytes_with_tables;
use crate::heap::testing::Options;
use crate::heap::testing::options::{
    Hardened, HardenedAuto, NoFinaliser, Plain, SmallStack, Split, SplitAuto, TinyBlocks, Verbose,
};

/// Sizes that no heap can meet: the last ones wrap around when they are rounded up to blocks.
fn huge(block: usize) -> [usize; 8] {
    let end = usize::MAX;
    [
        end / 2,
        end / 2 + 1,
        end - 2 * block,
        end - block,
        end - block + 1,
        end - block + 2,
        end - 1,
        end,
    ]
}

fn a_huge_size_is_refused_and_the_chunk_is_kept<O: Options>() {
    let mut w = heap_of::<O>(64);
    let first = w.heap().alloc(3 * O::BLOCK_BYTES, 0);
    // A hardened heap adds a guard behind it.
    let wall = w.heap().alloc(O::BLOCK_BYTES - 1, 0);
    // SAFETY: the chunk is live and has three blocks.
    unsafe { first.write_bytes(0x5b, 3 * O::BLOCK_BYTES) };
    w.state().roots = vec![first.addr(), wall.addr()];
    let before = w.heap().info();
    for bytes in huge(O::BLOCK_BYTES) {
        assert!(w.heap().alloc(bytes, 0).is_null(), "{bytes:#x}");
        for chunk in [first, wall] {
            for may_move in [false, true] {
                // SAFETY: the chunk is live.
                let moved = unsafe { w.heap().realloc(chunk, bytes, may_move) };
                assert!(moved.is_null(), "{bytes:#x} {may_move}");
            }
        }
        assert_eq!(w.heap().info(), before, "{bytes:#x}");
    }
    for i in 0..3 * O::BLOCK_BYTES {
        // SAFETY: the chunk is live and has three blocks.
        assert_eq!(unsafe { first.add(i).read() }, 0x5b);
    }
    let next = w.heap().alloc(1, 0);
    assert_eq!(next, wall.wrapping_add(O::BLOCK_BYTES), "nobody else's");
    assert_eq!(w.heap().check(), Ok(()));
}

#[test]
fn alloc_and_realloc_of_a_size_that_wraps_are_refused_and_the_chunk_is_kept() {
    a_huge_size_is_refused_and_the_chunk_is_kept::<Plain>();
    a_huge_size_is_refused_and_the_chunk_is_kept::<SmallStack>();
    a_huge_size_is_refused_and_the_chunk_is_kept::<NoFinaliser>();
    a_huge_size_is_refused_and_the_chunk_is_kept::<TinyBlocks>();
    a_huge_size_is_refused_and_the_chunk_is_kept::<Split>();
    a_huge_size_is_refused_and_the_chunk_is_kept::<Verbose>();
    a_huge_size_is_refused_and_the_chunk_is_kept::<Hardened>();
}

/// The size for which a sum that wraps asks for an area of some 100 KB.
const WRAPS_TO_100_KB: usize = (usize::MAX / 525).wrapping_neg() + 100_000;

fn no_area_is_added_for<O: Options>(bytes: usize) {
    let mut w = heap_of::<O>(64);
    w.state().max_new_area = 1 << 20;
    assert!(w.heap().alloc(bytes, 0).is_null());
    assert_eq!(w.state().regions.len(), 0, "{bytes:#x}");
}

#[test]
fn no_area_is_added_for_a_size_that_wraps() {
    for bytes in huge(BLOCK).into_iter().chain([WRAPS_TO_100_KB]) {
        no_area_is_added_for::<SplitAuto>(bytes);
        no_area_is_added_for::<HardenedAuto>(bytes);
    }
}

#[test]
fn what_an_area_needs_is_the_c_s_sum_without_its_wrap() {
    let sizes = [
        0,
        1,
        511,
        512,
        80_000,
        80_659,
        1 << 28,
        400 << 20,
        WRAPS_TO_100_KB,
    ];
    for bytes in sizes.into_iter().chain(huge(BLOCK)) {
        let wide = bytes as u128;
        let right = wide + (wide * 13 / 512).max(2048);
        let right = usize::try_from(right).unwrap_or(usize::MAX);
        assert_eq!(bytes_with_tables(bytes), right, "{bytes:#x}");
    }
}
