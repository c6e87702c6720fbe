//! Which object is read next, and the prefetch in large heaps.

use std::vec::Vec;

use super::{BLOCK, heap_of};
use crate::heap::area::Area;
use crate::heap::testing::Options;
use crate::heap::testing::options::{Plain, Split};
use crate::heap::waiting::{Found, LARGE_HEAP, Prefetch, Waiting, fetches};

/// Whether a heap with a pool of so many bytes prefetches.
fn fetches_in<O: Options>(bytes: usize) -> bool {
    let w = heap_of::<O>(bytes / BLOCK);
    fetches(Area::first(w.host()).view())
}

#[test]
fn a_large_heap_of_one_area_uses_the_ring() {
    let wide = size_of::<usize>() == 8;
    assert_eq!(fetches_in::<Plain>(LARGE_HEAP), wide);
    assert_eq!(fetches_in::<Plain>(2 * LARGE_HEAP), wide);
    assert!(!fetches_in::<Plain>(LARGE_HEAP - 4 * BLOCK));
    assert!(!fetches_in::<Split>(2 * LARGE_HEAP));
}

#[test]
fn what_enters_the_ring_first_leaves_it_first() {
    let w = heap_of::<Plain>(64);
    let area = Area::first(w.host());
    w.heap().search().set_aside(None);
    let found = |block: usize| Found {
        area,
        address: area.pool().wrapping_add(block * BLOCK),
    };
    let (mut waiting, mut prefetch) = (
        Waiting::<_, true>::new(w.heap(), area.view()),
        Prefetch::new(),
    );
    let mut left = Vec::new();
    for pushed in [&[1, 2, 3][..], &[4, 5], &[], &[], &[]] {
        for &block in pushed {
            assert!(waiting.push(found(block)));
        }
        let next = waiting.next(&mut prefetch, Found::none(area)).address;
        left.push((next.addr() - area.pool().addr()) / BLOCK);
    }
    // by the stack alone it would be 3, 5, 4, 2, 1
    assert_eq!(left, [3, 2, 1, 5, 4]);
    assert!(
        waiting
            .next(&mut prefetch, Found::none(area))
            .address
            .is_null()
    );
    // a chain, while nothing else waits, does not go through it
    let next = waiting.next(&mut prefetch, found(6)).address;
    assert_eq!(next, found(6).address);
    assert!(
        waiting
            .next(&mut prefetch, Found::none(area))
            .address
            .is_null()
    );
}
