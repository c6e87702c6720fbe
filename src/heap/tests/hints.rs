//! What the search knows: its bounds against a naive reading of them, and a claim that is easily made too strong.

use std::vec;

use super::{blocks, heap_of};
use crate::heap::area::Area;
use crate::heap::block::BlockIndex;
use crate::heap::hints::ANY_LENGTH;
use crate::heap::search::Search;
use crate::heap::testing::options::{Plain, SmallStack};
use crate::heap::testing::{Op, Options, TestHost};

/// Only where both bounds already say "any" does nobody look how long the run has become.
#[test]
fn a_run_is_looked_for_unless_both_bounds_near_it_say_any() {
    let w = heap_of::<SmallStack>(2000);
    let search = w.heap().search();
    let area = Area::first(w.host());
    let segment = 1 << search.segment_shift();
    for before in 0..=ANY_LENGTH {
        for own in 0..=ANY_LENGTH {
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
    // looks whether anything was written behind the mark stack
    w.run(&[Op::Info]);
}

/// A block alone is free before the position; then the block at the position gets free.
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
