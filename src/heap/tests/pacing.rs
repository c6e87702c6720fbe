//! The threshold that the heap sets itself.

use super::{blocks, heap_of, root};
use crate::heap::testing::options::{Paced, PacedAuto, PacedByFree, Plain};
use crate::heap::testing::{Op, Options, World, every};
use std::vec;
use std::vec::Vec;

const ROOT: Op = root(0);

fn threshold<O: Options>(w: &mut World<O>) -> usize {
    w.state().alloc_threshold
}

/// The number of chunks of one block after which the heap collects, and one more.
fn until_a_collection<O: Options>(w: &mut World<O>) -> usize {
    let before = w.collects_run();
    let mut n = 0;
    while w.collects_run() == before {
        w.step(blocks(1));
        n += 1;
    }
    n
}

#[test]
fn without_pacing_only_a_full_heap_collects() {
    let mut w = heap_of::<Plain>(64);
    assert_eq!(threshold(&mut w), usize::MAX);
    assert_eq!(until_a_collection(&mut w), 65);
}

#[test]
fn a_paced_heap_collects_after_its_share_of_blocks() {
    let mut w = heap_of::<Paced>(64);
    assert_eq!(threshold(&mut w), 16);
    for _ in 0..3 {
        // the chunk for which a collection was made counts towards the next
        let counted = w.model.amount;
        assert_eq!(until_a_collection(&mut w), 17 - counted);
    }
}

#[test]
fn a_heap_that_grows_sets_its_threshold_anew() {
    let mut w = heap_of::<Paced>(64);
    w.step(Op::AddArea { bytes: 4000 });
    let all: usize = w.model.areas.iter().map(|area| area.blocks).sum();
    assert!(all > 64);
    assert_eq!(threshold(&mut w), all / 4);
}

#[test]
fn a_threshold_of_the_program_wins_whatever_becomes_of_the_areas() {
    for own in [5, usize::MAX] {
        let mut w = heap_of::<Paced>(64);
        let blocks = if own == usize::MAX { 0 } else { own };
        w.run(&[
            Op::Threshold { blocks },
            Op::AddArea { bytes: 4000 },
            Op::Collect,
            ROOT,
            Op::Collect,
        ]);
        assert_eq!(threshold(&mut w), own);
    }
}

#[test]
fn a_threshold_of_the_program_wins_over_pacing_by_what_is_free() {
    let mut w = heap_of::<PacedByFree>(64);
    w.run(&[Op::Threshold { blocks: 5 }, Op::Collect]);
    for _ in 0..3 {
        w.step(blocks(1));
        w.step(Op::Free { chunk: 0 });
    }
    assert_eq!(threshold(&mut w), 5);
    // all three are freed, and count, because the program set the threshold
    let counted = w.model.amount;
    assert_eq!(until_a_collection(&mut w), 6 - counted);
}

#[test]
fn a_new_heap_forgets_the_threshold_of_the_one_before() {
    let mut w = heap_of::<Paced>(64);
    w.state().alloc_threshold = 3;
    let region = crate::heap::testing::Region::new(2000, 0);
    // SAFETY: the region outlives the last use of the heap.
    unsafe { w.heap().init(region.start(), region.end()) };
    let blocks = crate::heap::area::Area::first(w.host()).blocks().0;
    assert_eq!(threshold(&mut w), blocks / 4);
}

#[test]
fn an_area_given_back_takes_its_share_along() {
    let mut w = heap_of::<PacedAuto>(64);
    w.state().max_new_area = 8000;
    let heap = w.heap();
    let kept = heap.alloc(60 * PacedAuto::BLOCK_BYTES, 0);
    w.state().roots = vec![kept.addr()];
    let alone = threshold(&mut w);
    assert!(!heap.alloc(60 * PacedAuto::BLOCK_BYTES, 0).is_null());
    assert!(threshold(&mut w) > alone);
    crate::heap::host::Callbacks::collect(w.host());
    assert!(w.state().regions.is_empty(), "the area is empty");
    assert_eq!(threshold(&mut w), alone);
}

#[test]
fn what_the_program_frees_itself_starts_no_collection() {
    let n = 256 / every(4);
    let mut w = heap_of::<PacedByFree>(n);
    w.step(Op::Collect);
    let before = w.collects_run();
    // several times what may be allocated between two collections
    w.run(&[blocks(8), Op::Free { chunk: 0 }].repeat(if cfg!(miri) { 60 } else { 2000 }));
    assert_eq!(w.collects_run(), before);
    assert!(w.model.seen.waited > 0, "no collection was due");
    // and what it leaves lying does
    assert!(until_a_collection(&mut w) <= 2 * n / 3 + 1);
}

#[test]
fn the_interval_falls_with_what_is_free_until_a_sixth_of_what_is_in_use() {
    let mut w = heap_of::<PacedByFree>(256);
    // two thirds of a heap that is all free
    assert_eq!(threshold(&mut w), 512 / 3);
    let mut intervals = Vec::new();
    for n in [64, 64, 64, 32] {
        w.step(blocks(n));
        let last = w.model.all().len() - 1;
        w.run(&[root(last), Op::Collect]);
        intervals.push(threshold(&mut w));
    }
    // of three quarters, of half; where a quarter or less is free, of the blocks in use
    assert_eq!(intervals, [2 * 192 / 3, (128 + 64) / 3, 192 / 6, 224 / 6]);
}
