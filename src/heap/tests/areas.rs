//! Areas of any size, and those that the heap adds and gives back by itself.

use std::vec;

use super::{BLOCK, blocks, heap_of};
use crate::heap::area::Area;
use crate::heap::block::BlockIndex;
use crate::heap::host::AreaFields;
use crate::heap::testing::options::{
    HardenedAuto, Plain, SplitAuto, SplitAutoByRegions, SplitAutoPlain, SplitAutoWeakref,
};
use crate::heap::testing::{Fields, Op, Options, World, every};

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
    crate::heap::host::Callbacks::collect(w.host());
    assert_eq!(w.state().regions.len(), 0);
    let big = w.heap().alloc(100 * BLOCK, 0);
    // SAFETY: the chunk is live.
    assert_eq!(unsafe { w.heap().realloc(big, 1, false) }, big);
    w.state().roots.push(big.addr());
    crate::heap::host::Callbacks::collect(w.host());
    assert_eq!(w.state().regions.len(), 1, "its first block is in use");
    assert_eq!(w.heap().chunk_bytes(big), BLOCK);
    w.state().max_new_area = 100;
    assert!(w.heap().alloc(10_000 * BLOCK, 0).is_null());
    assert_eq!(w.heap().check(), Ok(()));
}

#[test]
fn a_region_too_small_for_a_block_is_a_heap_that_is_always_full() {
    for bytes in [1, 2, 3, 4].map(|n| n * BLOCK) {
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
fn full<O: Options>(n: usize, most: usize) -> World<O> {
    let mut w = heap_of::<O>(n);
    // the last byte is its guard in a hardened heap
    let keep = w.heap().alloc(w.heap().info().total - 1, 0);
    w.state().roots = vec![keep.addr()];
    w.state().max_new_area = most;
    w
}

/// The bytes of the region that the heap has added by itself.
fn region_bytes<O: Options>(w: &mut World<O>) -> Option<usize> {
    w.state().regions.first().map(|region| region.bytes())
}

/// An area that a full heap has added to itself.
struct Added {
    bytes: usize,
    blocks: usize,
    /// The blocks that the heap had before.
    before: usize,
}

/// The area that a full heap of `n` blocks, or a few less when it is hardened, adds to itself.
fn added<O: Options>(n: usize) -> Added {
    let mut w = full::<O>(n, 1 << 20);
    let before = w.heap().info().total / O::BLOCK_BYTES;
    assert!(!w.heap().alloc(1, 0).is_null());
    Added {
        bytes: region_bytes(&mut w).expect("an area was added"),
        blocks: w.heap().info().total / O::BLOCK_BYTES - before,
        before,
    }
}

/// The bytes of an area of `n` blocks beside its pool: the tables and the rest.
fn overhead<O: Options>(n: usize) -> usize {
    let bit_tables = [O::FINALISER, O::WEAKREF, O::SELECTIVE_COLLECT].map(usize::from);
    let bit_tables: usize = bit_tables.iter().sum();
    n.div_ceil(4) + n / 8 * bit_tables + 1 + size_of::<Fields>()
}

#[test]
fn an_area_that_is_added_has_as_many_blocks_as_the_heap() {
    fn check<O: Options>() {
        for n in (400..1000).step_by(4 * every(151)) {
            let naive = (overhead::<O>(n) + n * BLOCK).next_multiple_of(BLOCK);
            assert_eq!(added::<O>(n).bytes, naive, "{n} blocks");
        }
    }
    check::<SplitAuto>();
    check::<SplitAutoWeakref>();
    check::<SplitAutoPlain>();
}

/// As in 1.21.
#[test]
fn an_area_that_is_added_by_regions_is_as_large_as_the_heap_with_its_tables() {
    for n in (400..1000).step_by(4 * every(151)) {
        let mut w = full::<SplitAutoByRegions>(n, 1 << 20);
        let first = Area::first(w.host());
        // SAFETY: the fields of the area live as long as the heap.
        let tables = unsafe { Fields::alloc_table(first.fields()).read() }.addr();
        let pool_end = first.address(BlockIndex(first.blocks().0)).addr();
        assert!(!w.heap().alloc(1, 0).is_null());
        let naive = pool_end - tables + 1 + size_of::<Fields>();
        assert_eq!(region_bytes(&mut w), Some(naive), "{n} blocks");
    }
}

/// A hardened heap asks for a byte more for each block, so that it gets as many blocks.
#[test]
fn an_area_that_is_added_when_hardened_holds_its_slack_table_too() {
    for n in (400..1000).step_by(4 * every(151)) {
        let hardened = added::<HardenedAuto>(n);
        let plain = added::<SplitAuto>(hardened.before);
        let naive = plain.bytes + plain.blocks.next_multiple_of(size_of::<usize>());
        assert_eq!(hardened.bytes, naive, "{n} blocks");
    }
}

#[test]
fn an_area_that_is_added_is_as_large_as_what_is_asked_for() {
    let bytes = 1 << 20;
    // 13 of 512 bytes more, for the tables
    let needed = bytes + bytes / 512 * 13;
    let mut w = full::<SplitAuto>(8, needed);
    assert!(!w.heap().alloc(bytes, 0).is_null(), "just enough");
    assert_eq!(region_bytes(&mut w), Some(needed));
    let mut w = full::<SplitAuto>(8, needed - 1);
    assert!(w.heap().alloc(bytes, 0).is_null(), "a byte too few");
    assert_eq!(region_bytes(&mut w), None);
}

#[test]
fn an_area_that_is_added_takes_what_there_is() {
    let most = 5000;
    let mut w = full::<SplitAuto>(400, most);
    assert!(!w.heap().alloc(1, 0).is_null());
    assert_eq!(region_bytes(&mut w), Some(most));
}

#[test]
fn no_area_is_added_while_a_collection_frees_enough() {
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
