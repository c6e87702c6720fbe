//! What a heap counts. The random traces compare all of it with the model after each step; here are
//! the cases that they do not meet, and what only a heap itself can count.

use super::*;
use crate::heap::alloc::HAS_FINALISER;
use crate::heap::alloc_table::SMALL;
use crate::heap::host::Callbacks;
use crate::heap::stats::{Figures, PAUSES, Reason, SHORT_PAUSE, Traced, pause_class};
use crate::heap::testing::options::{Counted, PacedByFree, Traced as TracedHeap};

fn figures<O: Options>(w: &mut World<O>) -> Figures {
    w.model.ask_figures();
    w.heap().figures()
}

#[test]
fn pauses_fall_into_classes_that_double() {
    assert_eq!(pause_class(0), 0);
    assert_eq!(pause_class(SHORT_PAUSE - 1), 0);
    for class in 1..PAUSES - 1 {
        let from = SHORT_PAUSE << (class - 1);
        assert_eq!(pause_class(from), class);
        assert_eq!(pause_class(2 * from - 1), class);
    }
    assert_eq!(pause_class(SHORT_PAUSE << (PAUSES - 2)), PAUSES - 1);
    assert_eq!(pause_class(u32::MAX), PAUSES - 1);
}

#[test]
fn each_reason_has_its_own_count() {
    let mut w = heap_of::<Counted>(64);
    w.run(&[Op::Collect, Op::Threshold { blocks: 3 }]);
    w.run(&[blocks(3), blocks(1), Op::Threshold { blocks: 0 }]);
    w.run(&[blocks(60), blocks(60)]);
    w.heap().stats_reason(Reason::Idle);
    w.host().collect();
    // and the next collection is on request again
    w.host().collect();
    assert_eq!(figures(&mut w).collections, [2, 1, 1, 1]);
}

#[test]
fn a_reason_is_forgotten_where_nothing_was_collected() {
    let mut w = heap_of::<PacedByFree>(64);
    w.step(Op::Collect);
    for _ in 0..200 / every(5) {
        w.step(blocks(8));
        w.step(Op::Free { chunk: 0 });
    }
    assert!(w.model.seen.waited > 0, "no collection was due");
    w.step(Op::Collect);
    assert_eq!(figures(&mut w).collections, [2, 0, 0, 0]);
}

#[test]
fn what_happens_is_reported_in_order() {
    let mut w = heap_of::<TracedHeap>(64);
    w.run(&[blocks(2), blocks(3), root(0)]);
    let collected = |w: &mut World<TracedHeap>, reason, freed_objects| {
        let [.., began_us, end_us] = w.state().times[..] else {
            panic!("the clock was read twice");
        };
        Traced::Collected {
            reason,
            began_us,
            took_us: end_us.wrapping_sub(began_us),
            live_bytes: 2 * BLOCK,
            freed_objects,
        }
    };
    w.step(Op::Collect);
    let expected = [Traced::Marked, collected(&mut w, Reason::Asked, 1)];
    assert_eq!(core::mem::take(&mut w.state().traced), expected);
    w.step(blocks(63));
    let expected = [
        Traced::Marked,
        collected(&mut w, Reason::Full, 0),
        Traced::Failed { bytes: 63 * BLOCK },
    ];
    assert_eq!(w.state().traced, expected);
}

#[test]
fn a_failure_is_reported_with_its_size() {
    let mut w = heap_of::<Counted>(64);
    w.run(&[blocks(65), blocks(0)]);
    assert_eq!(figures(&mut w).failures, 1);
    assert_eq!(figures(&mut w).failed_bytes, 65 * BLOCK);
    w.run(&[Op::Lock, blocks(2)]);
    let found = figures(&mut w);
    assert_eq!((found.failures, found.failed_bytes), (2, 2 * BLOCK));
    w.step(Op::Unlock);
    // no heap has that many blocks
    assert!(w.heap().alloc(usize::MAX, 0).is_null());
    let chunk = w.heap().alloc(1, 0);
    // SAFETY: a live chunk, which stays where it is.
    assert!(unsafe { w.heap().realloc(chunk, usize::MAX, true) }.is_null());
    let found = figures(&mut w);
    assert_eq!(found.failures, 4);
    assert_eq!(found.failed_bytes, usize::MAX / BLOCK * BLOCK);
}

#[test]
fn a_chunk_that_may_not_move_has_failed_at_nothing() {
    let mut w = heap_of::<Counted>(64);
    w.run(&[blocks(1), blocks(1)]);
    let realloc = |bytes| Op::Realloc {
        chunk: 0,
        bytes,
        may_move: false,
    };
    w.step(realloc(9 * BLOCK));
    assert_eq!(figures(&mut w).failures, 0);
}

#[test]
fn a_new_heap_has_counted_nothing() {
    let mut w = heap_of::<Counted>(64);
    w.run(&[blocks(3), Op::Collect, Op::Info]);
    let region = crate::heap::testing::Region::new(2000, 0);
    // SAFETY: the region outlives the last use of the heap.
    unsafe { w.heap().init(region.start(), region.end()) };
    let found = w.heap().peek_figures();
    assert_eq!((found.allocations, found.max_free), (0, 0));
    assert_eq!(found.collections, [0; 4]);
}

/// An object with more children than the mark stack has entries: the others find it full.
#[test]
fn objects_that_find_the_mark_stack_full_are_counted() {
    fn overflows<O: Options>(children: usize) -> u32 {
        let mut w = heap_of::<O>(4 * (children + 64));
        let heap = w.heap();
        let parent = heap.alloc(children * size_of::<usize>(), 0);
        for i in 0..children {
            let child = heap.alloc(1, 0);
            // SAFETY: the chunk has that many words.
            unsafe { parent.cast::<usize>().add(i).write(child.addr()) };
        }
        w.state().roots = vec![parent.addr()];
        w.host().collect();
        let found = figures(&mut w);
        assert_eq!(found.live_objects, children + 1);
        assert_eq!(found.freed_objects, 0);
        found.mark_overflows
    }
    // one child is read next, without the stack
    let fitting = if SMALL { 8 } else { 9 };
    assert_eq!(overflows::<SmallStack>(fitting), 0);
    assert_eq!(overflows::<SmallStack>(fitting + 1), 1);
    assert_eq!(overflows::<NoFinaliser>(fitting + 30), 30);
}

/// Without spare codes the marked objects of a segment are read again.
#[test]
fn an_object_that_is_read_twice_lives_once() {
    let mut w = heap_of::<NoFinaliser>(512);
    let heap = w.heap();
    // an object with children that have children: the stack overflows on both levels
    let chunks = |n| (0..n).map(move |_| heap.alloc(40 * size_of::<usize>(), 0));
    let top: std::vec::Vec<*mut u8> = chunks(20).collect();
    let parent = heap.alloc(20 * size_of::<usize>(), 0);
    for (i, &chunk) in top.iter().enumerate() {
        // SAFETY: the chunks have so many words.
        unsafe { parent.cast::<usize>().add(i).write(chunk.addr()) };
        for word in 0..9 {
            let leaf = heap.alloc(1, 0);
            // SAFETY: likewise.
            unsafe { chunk.cast::<usize>().add(word).write(leaf.addr()) };
        }
    }
    w.state().roots = vec![parent.addr()];
    w.host().collect();
    let found = figures(&mut w);
    assert!(found.mark_overflows > 20, "{}", found.mark_overflows);
    assert_eq!(found.live_objects, 1 + 20 + 180);
    assert_eq!(found.live_bytes, heap.info().used);
}

/// An object is counted when it is marked; a finaliser may free it later.
#[test]
fn what_a_finaliser_frees_is_not_what_the_collection_freed() {
    for frees_a_living_one in [false, true] {
        let mut w = heap_of::<Counted>(64);
        let heap = w.heap();
        let linked = heap.alloc(5 * BLOCK, 0);
        let object = heap.alloc(BLOCK, HAS_FINALISER);
        // SAFETY: the chunk has two words.
        unsafe {
            object.cast::<usize>().write(1);
            object.cast::<usize>().add(1).write(linked.addr());
        }
        w.state().action = FinaliserAction::FreesLinked;
        w.state().roots = if frees_a_living_one {
            vec![linked.addr()]
        } else {
            vec![]
        };
        w.host().collect();
        let found = figures(&mut w);
        assert_eq!((found.freed_objects, found.freed_bytes), (1, BLOCK));
        assert_eq!((found.live_objects, found.live_bytes), (0, 0));
        assert_eq!(found.finalised, 1);
    }
}

#[test]
fn a_collection_that_a_jump_leaves_is_none() {
    let mut w = heap_of::<Counted>(64);
    w.run(&[blocks(3), Op::Collect, blocks(4)]);
    let before = w.heap().peek_figures();
    w.heap().stats_reason(Reason::Full);
    w.heap().collect_start();
    // SAFETY: the collection is not gone back to.
    unsafe { w.heap().abandon_collect() };
    assert_eq!(w.heap().peek_figures(), before);
    w.host().collect();
    let found = figures(&mut w);
    assert_eq!(found.collections, [2, 0, 0, 0]);
    assert_eq!((found.freed_objects, found.freed_bytes), (2, 7 * BLOCK));
}

#[test]
fn free_runs_are_counted_from_the_first_question_on() {
    let mut w = heap_of::<Counted>(64);
    w.run(&[blocks(20), blocks(1), blocks(20), Op::Free { chunk: 0 }]);
    w.host().collect();
    assert_eq!(w.heap().peek_figures().free_runs, 0);
    let mut w = heap_of::<Counted>(64);
    w.run(&[blocks(20), blocks(1), blocks(20), Op::Free { chunk: 0 }]);
    let runs = w.heap().free_runs();
    assert_eq!((runs.longest.0, runs.count), (23, 2));
    assert_eq!(
        (figures(&mut w).max_free, figures(&mut w).free_runs),
        (23 * BLOCK, 2)
    );
    w.run(&[Op::Free { chunk: 0 }]);
    assert_eq!(figures(&mut w).free_runs, 2, "no collection since");
    w.host().collect();
    assert_eq!(
        (figures(&mut w).max_free, figures(&mut w).free_runs),
        (64 * BLOCK, 1)
    );
}

#[test]
fn figures_counted_anew_go_on_from_what_is_in_use() {
    let mut w = heap_of::<Counted>(64);
    w.run(&[blocks(3), blocks(4), Op::Collect, blocks(5), blocks(6)]);
    w.run(&[Op::Free { chunk: 0 }, Op::ResetFigures]);
    let found = figures(&mut w);
    assert_eq!((found.live_objects, found.live_bytes), (1, 6 * BLOCK));
    assert_eq!((found.allocations, found.allocated_bytes), (0, 0));
    assert_eq!((found.freed_objects, found.total_us), (0, 0));
    w.run(&[blocks(2), Op::Collect]);
    let found = figures(&mut w);
    assert_eq!((found.allocations, found.allocated_bytes), (1, 2 * BLOCK));
    assert_eq!((found.freed_objects, found.freed_bytes), (2, 8 * BLOCK));
}
