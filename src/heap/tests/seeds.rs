//! The design's seeds that the pure heap shows, each with a test that is named for it.
//! `docs/testing.md` lists all of them; those that need C or Python are in `c-tests/port/seeds.c`
//! and `tests/seeds/`.

use super::*;
use crate::heap::host::Callbacks;
use std::vec::Vec;

const OBJECT: Op = WITH_FINALISER;

#[test]
fn seed_sweep_all_runs_the_remaining_finalisers() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[OBJECT, blocks(3), OBJECT]);
    let expected: Vec<usize> = [0, 2].map(|i| w.chunks()[i].addr()).to_vec();
    // with or without roots
    w.state().roots = expected.clone();
    // SAFETY: no chunk is used any more.
    unsafe { w.heap().sweep_all() };
    assert_eq!(w.state().finalised, expected);
    assert_eq!(w.heap().info().used, 0);
}

#[test]
fn seed_a_threshold_hit_collects_once_and_not_twice() {
    let mut w = heap_of::<Plain>(64);
    let kept = w.heap().alloc(50 * BLOCK, 0);
    w.state().roots = vec![kept.addr()];
    w.state().alloc_threshold = 1;
    let before = w.collects_run();
    // the threshold is reached, and the heap is still full after the collection
    assert!(w.heap().alloc(40 * BLOCK, 0).is_null());
    assert_eq!(w.collects_run() - before, 1);
    // below the threshold only a full heap collects
    w.state().alloc_threshold = usize::MAX;
    assert!(w.heap().alloc(40 * BLOCK, 0).is_null());
    assert_eq!(w.collects_run() - before, 2);
}

#[test]
fn seed_the_threshold_counts_allocated_blocks_since_the_last_collect() {
    let mut w = heap_of::<Plain>(64);
    w.state().alloc_threshold = 8;
    let collects = |w: &World<Plain>, blocks: usize| {
        w.heap().alloc(blocks * BLOCK, 0);
        w.collects_run()
    };
    assert_eq!(
        [3, 4, 1, 1, 7, 1].map(|n| collects(&w, n)),
        [0, 0, 0, 1, 1, 2]
    );
}

#[test]
fn seed_clear_on_sweep_zeroes_the_dead() {
    let w = World::<TinyBlocks>::new(2000);
    let chunk = w.heap().alloc(40, 0);
    // SAFETY: the chunk has three blocks of 16 bytes; after the collection the region is still the
    // world's.
    let bytes = unsafe {
        chunk.write_bytes(0xee, 40);
        w.host().collect();
        core::slice::from_raw_parts(chunk, 48)
    };
    assert_eq!(bytes, [0; 48]);
}

#[test]
fn seed_conservative_clear_zeroes_all_of_a_chunk() {
    let mut w = heap_of::<Plain>(64);
    // SAFETY: live chunks of the bytes that were asked for.
    unsafe {
        let first = w.heap().alloc(7 * BLOCK, 0);
        first.write_bytes(0xee, 7 * BLOCK);
        w.heap().free(first);
        let again = w.heap().alloc(4 * BLOCK + 1, 0);
        assert_eq!(again, first);
        assert_eq!(
            core::slice::from_raw_parts(again, 5 * BLOCK),
            [0; 5 * BLOCK]
        );
        // the blocks that realloc gains are cleared too
        let longer = w.heap().realloc(again, 6 * BLOCK, false);
        assert_eq!(longer, first);
        assert_eq!(
            core::slice::from_raw_parts(longer, 6 * BLOCK),
            [0; 6 * BLOCK]
        );
    }
    assert_eq!(w.state().steps, 0);
}

#[test]
fn seed_the_last_chain_at_the_end_of_the_heap_is_counted() {
    for last in 1..=4 {
        let w = heap_of::<Plain>(64);
        w.heap().alloc((64 - last) * BLOCK, 0);
        w.heap().alloc(last * BLOCK, 0);
        let info = w.heap().info();
        assert_eq!(
            (info.free, info.max_block),
            (0, 64 - last),
            "{last} blocks at the end"
        );
        let ones_and_twos = (usize::from(last == 1), usize::from(last == 2));
        assert_eq!(
            (info.num_1block, info.num_2block),
            ones_and_twos,
            "{last} blocks at the end"
        );
    }
    // and so is a free run
    let w = heap_of::<Plain>(64);
    w.heap().alloc(61 * BLOCK, 0);
    assert_eq!(
        (w.heap().info().max_free, w.heap().info().free),
        (3, 3 * BLOCK)
    );
}
