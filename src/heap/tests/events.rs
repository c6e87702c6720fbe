//! The events of a verbose heap, and the heap's calls of its host.

use std::vec;

use super::{BLOCK, heap_of};
use crate::heap::alloc::HAS_FINALISER;
use crate::heap::block::BlockCount;
use crate::heap::host::{Callbacks, Event};
use crate::heap::testing::options::{Aids, CheckRoots, Plain, Verbose, VerboseAuto};
use crate::heap::testing::{Options, World};

/// The events since the last call.
fn events<O: Options>(w: &mut World<O>) -> std::vec::Vec<Event> {
    core::mem::take(&mut w.state().events)
}

#[test]
fn a_verbose_heap_tells_allocations_frees_and_moves() {
    let mut w = heap_of::<Verbose>(8);
    assert!(matches!(events(&mut w)[..], [Event::Init { .. }]));
    let request = |blocks: usize| Event::AllocRequest {
        bytes: blocks * BLOCK,
        blocks: BlockCount(blocks),
    };
    let heap = w.heap();
    let (a, b) = (heap.alloc(BLOCK, 0), heap.alloc(BLOCK, 0));
    assert_eq!(
        events(&mut w),
        [request(1), Event::Alloc(a), request(1), Event::Alloc(b)]
    );
    // SAFETY: the chunk is live, and used no more.
    let moved = unsafe { heap.realloc(a, 3 * BLOCK, true) };
    assert_eq!(
        events(&mut w),
        [
            request(3),
            Event::Alloc(moved),
            Event::Move { from: a, to: moved },
            Event::Free(a),
        ]
    );
    // SAFETY: as above.
    unsafe { heap.free(b) };
    assert_eq!(events(&mut w), [Event::Free(b)]);
}

#[test]
fn each_change_is_reported_once() {
    let mut w = heap_of::<Aids>(16);
    let heap = w.heap();
    let [a, long, _object] =
        [(1, 0), (5, 0), (1, HAS_FINALISER)].map(|(n, f)| heap.alloc(n * BLOCK, f));
    assert_eq!(w.state().changes, 3);
    // SAFETY: the chunk is live, and used where it is afterwards.
    let resize = |chunk, blocks: usize| unsafe { heap.realloc(chunk, blocks * BLOCK, true) };
    // shrunk, as long as it was, grown in place; moved is an allocation and a free
    for (blocks, changes) in [(3, 4), (3, 4), (4, 5), (6, 7)] {
        resize(long, blocks);
        assert_eq!(w.state().changes, changes, "{blocks} blocks");
    }
    // too large, locked, nothing to free
    assert!(heap.alloc(100 * BLOCK, 0).is_null());
    heap.lock();
    // SAFETY: while the heap is locked nothing is freed.
    unsafe { heap.free(a) };
    heap.unlock();
    // SAFETY: null is fine.
    unsafe { heap.free(core::ptr::null_mut()) };
    assert_eq!(w.state().changes, 7);
    // when the heap was full the first chunk, which has no root, was collected; another has its
    // place.
    let freed = heap.alloc(BLOCK, 0);
    assert_eq!(freed, a);
    // SAFETY: the chunk is live, and used no more.
    unsafe { heap.free(freed) };
    assert_eq!(w.state().changes, 9);
    assert_eq!(events(&mut w), []);
}

#[test]
fn marks_are_reported_where_nothing_else_is() {
    let mut w = heap_of::<Aids>(8);
    let heap = w.heap();
    let [root, child, _dead] = [2, 1, 2].map(|n| heap.alloc(n * BLOCK, 0));
    // SAFETY: the chunk is live and has a word.
    unsafe { root.cast::<usize>().write(child.addr()) };
    w.state().roots = vec![root.addr()];
    Callbacks::collect(w.host());
    assert_eq!(events(&mut w), [Event::Mark(child)]);
}

#[test]
fn a_verbose_heap_tells_marks_and_what_is_swept() {
    let mut w = heap_of::<Verbose>(8);
    let heap = w.heap();
    let [root, child, dead] = [2, 1, 2].map(|n| heap.alloc(n * BLOCK, 0));
    // SAFETY: the chunk is live and has a word.
    unsafe { root.cast::<usize>().write(child.addr()) };
    w.state().roots = vec![root.addr()];
    events(&mut w);
    Callbacks::collect(w.host());
    // like the C, it logs only children
    assert_eq!(events(&mut w), [Event::Mark(child), Event::Sweep(dead)]);
}

#[test]
fn a_verbose_heap_tells_a_collection_for_want_of_memory_but_none_by_threshold() {
    let mut w = heap_of::<Verbose>(8);
    let heap = w.heap();
    let keep = heap.alloc(8 * BLOCK, 0);
    w.state().roots = vec![keep.addr()];
    events(&mut w);
    assert!(heap.alloc(2 * BLOCK, 0).is_null());
    let collects = Event::AllocCollects { bytes: 2 * BLOCK };
    assert_eq!(events(&mut w)[1..], [collects]);
    w.set_threshold(0);
    assert!(heap.alloc(2 * BLOCK, 0).is_null());
    assert_eq!(events(&mut w).len(), 1, "only the request");
}

#[test]
fn a_verbose_heap_tells_areas_that_come_and_go() {
    let mut w = heap_of::<VerboseAuto>(8);
    w.state().max_new_area = 1 << 16;
    events(&mut w);
    let big = w.heap().alloc(100 * BLOCK, 0);
    let start = w.state().regions[0].start();
    let added = events(&mut w);
    assert!(
        matches!(added[2], Event::Add { start: s, .. } if s > start),
        "{added:?}"
    );
    assert_eq!(added[3], Event::Alloc(big));
    Callbacks::collect(w.host());
    assert_eq!(events(&mut w), [Event::Sweep(big), Event::EmptyArea(start)]);
}

#[test]
fn a_root_that_may_not_be_read_is_passed_over() {
    let mut w = heap_of::<CheckRoots>(8);
    let heap = w.heap();
    let [first, second, third] = [1, 1, 1].map(|n| heap.alloc(n * BLOCK, 0));
    let roots = [first.addr(), second.addr(), third.addr()];
    w.state().unreadable = vec![&raw const roots[1]];
    heap.collect_start();
    // SAFETY: the array is live.
    unsafe {
        heap.collect_root(roots.as_ptr(), roots.len());
        heap.collect_end();
    }
    let live = [first, second, third].map(|chunk| heap.chunk_bytes(chunk));
    assert_eq!(live, [BLOCK, 0, BLOCK]);
}

#[test]
fn an_allocation_takes_the_mutex_once_and_once_more_to_flag_a_finaliser() {
    let mut w = heap_of::<Plain>(8);
    for (flags, times) in [(0, 1), (HAS_FINALISER, 2)] {
        w.state().entries = 0;
        assert!(!w.heap().alloc(BLOCK, flags).is_null());
        assert_eq!(w.state().entries, times);
    }
}
