//! Areas of any size, and those that come and go by themselves.

use std::vec;

use super::{BLOCK, blocks, heap_of};
use crate::heap::testing::options::{Plain, SplitAuto, SplitAutoByRegions};
use crate::heap::testing::{Fields, Op, World};

#[test]
fn an_area_is_added_when_nothing_fits_and_given_back_when_nothing_of_it_is_used() {
    let mut w = heap_of::<SplitAuto>(64);
    w.state().max_new_area = 1 << 20;
    let keep = w.heap().alloc(60 * BLOCK, 0);
    let big = w.heap().alloc(100 * BLOCK, 0);
    assert!(!keep.is_null() && !big.is_null());
    assert_eq!(w.state().regions.len(), 1);
    // one block alive in the first block of the area: the C would give the area back under it
    w.state().roots = vec![keep.addr()];
    crate::heap::host::Host::collect(w.host());
    assert_eq!(w.state().regions.len(), 0);
    let big = w.heap().alloc(100 * BLOCK, 0);
    // SAFETY: the chunk is live.
    assert_eq!(unsafe { w.heap().realloc(big, 1, false) }, big);
    w.state().roots.push(big.addr());
    crate::heap::host::Host::collect(w.host());
    assert_eq!(w.state().regions.len(), 1, "its first block is in use");
    assert_eq!(w.heap().chunk_bytes(big), BLOCK);
    w.state().max_new_area = 100;
    assert!(w.heap().alloc(10_000 * BLOCK, 0).is_null());
    assert_eq!(w.heap().check(), Ok(()));
}

#[test]
fn a_region_too_small_for_a_block_is_a_heap_that_is_always_full() {
    for bytes in [32, 64, 96, 128] {
        let mut w = World::<Plain>::new(bytes);
        w.run(&[blocks(1), Op::Collect, Op::Info]);
        assert_eq!(w.model.seen.failed, 1, "{bytes} bytes");
    }
}

#[test]
#[should_panic(expected = "NoRoom")]
fn a_region_of_no_bytes_is_a_clear_stop() {
    World::<Plain>::new(0);
}

/// A heap of `n` blocks, all used, that may get areas of at most `most` bytes.
fn full(n: usize, most: usize) -> World<SplitAuto> {
    let mut w = heap_of::<SplitAuto>(n);
    let keep = w.heap().alloc(n * BLOCK, 0);
    w.state().roots = vec![keep.addr()];
    w.state().max_new_area = most;
    w
}

/// The bytes of the region that the heap has got by itself.
fn region_bytes(w: &mut World<SplitAuto>) -> Option<usize> {
    w.state().regions.first().map(|region| region.bytes())
}

#[test]
fn an_area_that_is_added_has_as_many_blocks_as_the_heap() {
    for n in (400..1000).step_by(28) {
        let mut w = full(n, 1 << 20);
        assert!(!w.heap().alloc(1, 0).is_null());
        // tables, gap, pool, and the area's fields in front
        let naive = n.div_ceil(4) + n / 8 + 1 + n * BLOCK + size_of::<Fields>();
        assert_eq!(
            region_bytes(&mut w),
            Some(naive.div_ceil(BLOCK) * BLOCK),
            "{n} blocks"
        );
    }
}

/// As in 1.21.
#[test]
fn an_area_that_is_added_by_regions_is_as_large_as_the_heap_with_its_tables() {
    for n in (400..1000).step_by(28) {
        let mut w = heap_of::<SplitAutoByRegions>(n);
        let keep = w.heap().alloc(n * BLOCK, 0);
        w.state().roots = vec![keep.addr()];
        w.state().max_new_area = 1 << 20;
        assert!(!w.heap().alloc(1, 0).is_null());
        // tables, pool, gap and fields; the pool ends at a border of blocks
        let least = n.div_ceil(4) + n / 8 + n * BLOCK + 1 + size_of::<Fields>();
        let bytes = w.state().regions[0].bytes();
        assert!(
            (least..least + 2 * BLOCK).contains(&bytes),
            "{n} blocks: {bytes} of {least}"
        );
    }
}

#[test]
fn an_area_that_is_added_is_as_large_as_what_is_asked_for() {
    let bytes = 1 << 20;
    // 13 of 512 bytes more, for the tables
    let needed = bytes + bytes / 512 * 13;
    let mut w = full(8, needed);
    assert!(!w.heap().alloc(bytes, 0).is_null(), "just enough");
    assert_eq!(region_bytes(&mut w), Some(needed));
    let mut w = full(8, needed - 1);
    assert!(w.heap().alloc(bytes, 0).is_null(), "a byte too few");
    assert_eq!(region_bytes(&mut w), None);
}

#[test]
fn an_area_that_is_added_takes_what_there_is() {
    let most = 5000;
    let mut w = full(400, most);
    assert!(!w.heap().alloc(1, 0).is_null());
    assert_eq!(region_bytes(&mut w), Some(most));
}

#[test]
fn no_area_is_added_while_a_collect_makes_room() {
    let mut w = heap_of::<SplitAuto>(64);
    w.state().max_new_area = 1 << 20;
    // nobody keeps the first: the second takes its place
    let first = w.heap().alloc(60 * BLOCK, 0);
    assert_eq!(w.heap().alloc(60 * BLOCK, 0), first);
    assert_eq!((w.collects_run(), region_bytes(&mut w)), (1, None));
}

#[test]
fn an_address_one_past_the_last_block_is_no_chunk() {
    let w = heap_of::<Plain>(64);
    let last = w.heap().alloc(64 * BLOCK, 0);
    assert_eq!(w.heap().chunk_bytes(last), 64 * BLOCK);
    assert_eq!(w.heap().chunk_bytes(last.wrapping_add(64 * BLOCK)), 0);
    assert_eq!(w.heap().chunk_around(last.wrapping_add(64 * BLOCK)), None);
    assert!(
        w.heap()
            .chunk_around(last.wrapping_add(64 * BLOCK - 1))
            .is_some()
    );
}
