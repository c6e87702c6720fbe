//! The search's claims: its bounds compared with a naive reading, and a claim that is easily too
//! strong.

use std::vec;
use std::vec::Vec;

use super::{blocks, heap_of};
use crate::heap::area::Area;
use crate::heap::block::{BlockCount, BlockIndex};
use crate::heap::hints::ANY_LENGTH;
use crate::heap::host::Memory;
use crate::heap::search::Search;
use crate::heap::testing::options::{Plain, SmallStack, Split};
use crate::heap::testing::{Op, Options, TestHost, every};

/// The length of the new run is not looked at only if both bounds already say "any".
#[test]
fn a_run_is_looked_for_unless_both_bounds_near_it_say_any() {
    let w = heap_of::<SmallStack>(2000);
    let search = w.heap().search();
    let area = Area::first(w.host());
    let segment = 1 << search.segment_shift();
    // nothing was learnt: one comparison
    assert!(!search.is_bounded_near(area, BlockIndex(segment)));
    search.learn_bound(0, BlockIndex(0), ANY_LENGTH);
    for before in (0..=ANY_LENGTH).step_by(every(15)) {
        for own in (0..=ANY_LENGTH).step_by(every(17)) {
            search.set_bound(0, before);
            search.set_bound(1, own);
            let naive = before != ANY_LENGTH || own != ANY_LENGTH;
            assert_eq!(
                search.is_bounded_near(area, BlockIndex(segment)),
                naive,
                "{before} {own}"
            );
        }
        search.set_bound(0, before);
        assert_eq!(
            search.is_bounded_near(area, BlockIndex(segment - 1)),
            before != ANY_LENGTH,
            "{before}"
        );
    }
    let without = BlockIndex(Search::<TestHost<SmallStack>>::BOUNDS * segment);
    assert!(search.is_bounded_near(area, without));
}

#[test]
fn a_segment_without_a_bound_gets_none() {
    let mut w = heap_of::<SmallStack>(200);
    let search = w.heap().search();
    let bounds = size_of::<<SmallStack as Options>::Entry>() * SmallStack::STACK_ENTRIES;
    for segment in bounds..bounds + 3 {
        search.set_bound(segment, 7);
        assert_eq!(search.bound(segment), ANY_LENGTH);
    }
    // checks that nothing was written behind the mark stack
    w.run(&[Op::Info]);
}

/// Before the position a single block is free; then the block at the position is freed.
#[test]
fn a_run_that_starts_before_the_position_is_found() {
    for more in 2..6 {
        let mut w = heap_of::<Plain>(64);
        w.run(&vec![blocks(1); 7]);
        // chunks 1 to 3, in the order of their addresses, with searches for two blocks in between
        w.run(&[blocks(2), Op::Free { chunk: 1 }, blocks(2)]);
        w.run(&[Op::Free { chunk: 2 }, Op::Free { chunk: 1 }, blocks(more)]);
        assert_eq!(w.model.seen.failed, 0);
    }
}

/// A bound for each segment, and no more segments than that needs.
#[test]
fn segments_are_as_long_as_the_space_for_bounds_requires() {
    let bounds = Search::<TestHost<SmallStack>>::BOUNDS;
    for n in [100, 3000, 4000, 16_000, 20_000] {
        let w = heap_of::<SmallStack>(n);
        let search = w.heap().search();
        let segments = |shift: u32| (n >> shift) + 1;
        let shift = search.segment_shift();
        assert!(segments(shift) <= bounds + 1, "{n} blocks");
        assert!(shift == 8 || segments(shift - 1) > bounds, "{n} blocks");
    }
}

#[test]
fn the_segments_of_a_second_area_follow_those_of_the_first() {
    let mut w = heap_of::<Split>(3000);
    w.run(&[Op::AddArea { bytes: 4000 }]);
    let search = w.heap().search();
    let areas: Vec<_> = Area::all(w.host()).collect();
    assert_eq!(search.first_segment(areas[0]), 0);
    let segments = (areas[0].blocks().0 >> search.segment_shift()) + 1;
    assert_eq!(search.first_segment(areas[1]), segments);
}

#[test]
fn in_a_split_heap_what_is_known_is_known_of_an_area() {
    let mut w = heap_of::<Split>(100);
    w.run(&[Op::AddArea { bytes: 4000 }]);
    let search = w.heap().search();
    for area in Area::all(w.host()) {
        search.set_position(area, BlockIndex(7));
        assert!(search.position() == (area, BlockIndex(7)));
        // SAFETY: the word is the heap's, and points at one of its areas.
        unsafe { w.host().last_free_area().write(area.fields()) };
        assert!(search.last_free_area() == area);
    }
}

/// The front of a run is taken inside a segment: its bound stays.
#[test]
fn a_cut_inside_a_segment_forgets_nothing() {
    let w = heap_of::<Plain>(600);
    let (search, area) = (w.heap().search(), Area::first(w.host()));
    search.set_bound(1, 5);
    search.cut(area, BlockIndex(256 + 3), BlockCount(4));
    assert_eq!(search.bound(1), 5);
    search.cut(area, BlockIndex(250), BlockCount(10));
    assert_eq!(search.bound(1), ANY_LENGTH);
}

/// A run freed behind the position does not start before it, even if it is as long as a run before
/// it may be.
#[test]
fn the_position_stays_where_what_is_freed_cannot_matter() {
    let w = heap_of::<Plain>(600);
    let (search, area) = (w.heap().search(), Area::first(w.host()));
    for (run, at, stays) in [
        (2, 101, true),
        (2, 100, false),
        (9, 108, true),
        (9, 107, false),
    ] {
        search.set_run(BlockCount(run));
        search.set_position(area, BlockIndex(100));
        search.freed(area, BlockIndex(at), BlockCount(1));
        assert_eq!(search.position().1 == BlockIndex(100), stays, "{run} {at}");
    }
    // a longer run than a bound can express, while the last size is a short one
    search.learn_bound(1, BlockIndex(256), 0);
    search.set_run(BlockCount(2));
    search.set_position(area, BlockIndex(5));
    search.freed(area, BlockIndex(300), BlockCount(10));
    assert_eq!(search.position().1, BlockIndex(5));
}

/// A run that extends beyond what is looked at may be as long as the last size, on either side.
#[test]
fn a_run_too_long_to_measure_may_start_before_the_position() {
    // the block in use, and the one that has just become free
    for (used, freed) in [(400, 399), (400, 401), (900, 450)] {
        let w = heap_of::<Plain>(1000);
        let (search, area) = (w.heap().search(), Area::first(w.host()));
        area.table().free_to_chunk(BlockIndex(used), BlockCount(1));
        search.set_run(BlockCount(350));
        search.set_position(area, BlockIndex(950));
        search.learn_bound(1, BlockIndex(256), 0);
        search.freed(area, BlockIndex(freed), BlockCount(1));
        assert_eq!(search.position().1, BlockIndex(0), "{used} {freed}");
    }
}
