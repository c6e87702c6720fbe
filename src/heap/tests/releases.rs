//! The differences between releases of MicroPython.

use super::*;
use crate::heap::area::Area;
use crate::heap::block::BlockKind;
use crate::heap::host::Callbacks;
use std::vec::Vec;

/// One object with a finaliser.
const OBJECT: Op = WITH_FINALISER;

fn gives_its_info_to_the_model<O: Options>() -> World<O> {
    let mut w = heap_of::<O>(64);
    w.run(&[blocks(3), OBJECT, blocks(2), OBJECT, blocks(1)]);
    w.run(&[Op::Finaliser {
        action: FinaliserAction::AsksInfo,
    }]);
    w
}

/// The bytes in use that each finaliser saw.
fn used_seen_by_finalisers<O: Options>() -> Vec<usize> {
    let mut w = gives_its_info_to_the_model::<O>();
    w.run(&[Op::Collect]);
    w.state()
        .used_seen
        .iter()
        .map(|u| u / O::BLOCK_BYTES)
        .collect()
}

#[test]
fn finalisers_see_the_heap_whole_from_1_25_on() {
    assert_eq!(used_seen_by_finalisers::<Plain>(), [8, 8]);
}

#[test]
fn before_1_25_what_lies_below_a_finalisers_object_is_free_already() {
    assert_eq!(used_seen_by_finalisers::<Before25>(), [5, 2]);
    assert_eq!(used_seen_by_finalisers::<Before21>(), [5, 2]);
}

/// A chunk longer than a word of the table, so that the sweep continues in the next word.
#[test]
fn before_1_25_a_chunk_across_words_is_swept_before_the_finaliser_behind_it() {
    let mut w = heap_of::<Before25>(128);
    w.run(&[blocks(1), OBJECT, blocks(70), OBJECT, blocks(3)]);
    w.run(&[
        Op::Finaliser {
            action: FinaliserAction::AsksInfo,
        },
        Op::Collect,
    ]);
    let seen = &w.state().used_seen;
    assert_eq!(seen.iter().map(|u| u / BLOCK).collect::<Vec<_>>(), [75, 4]);
}

#[test]
fn before_1_25_a_collection_is_one_lock_more_and_a_finaliser_cannot_free() {
    let mut w = heap_of::<Before25>(64);
    w.run(&[OBJECT, blocks(2)]);
    let heap = w.heap();
    let kept = w.chunks()[1];
    heap.collect_start();
    assert_eq!(w.state().lock_depth, 1);
    // SAFETY: a chunk that the collection is about to free.
    unsafe { heap.free(kept) };
    assert_eq!(heap.chunk_bytes(kept), 2 * BLOCK);
    // SAFETY: the collection has begun, and no chunk is used any more.
    unsafe { heap.collect_end() };
    assert_eq!((w.state().lock_depth, heap.info().used), (0, 0));
}

#[test]
fn an_area_has_no_highest_used_block_before_1_21() {
    let mut w = heap_of::<Before21>(64);
    w.run(&[blocks(1)]);
    let area = Area::first(w.host());
    assert_eq!(area.last_used().0 + 1, area.blocks().0);
}

/// Marks a chunk as having a weak reference.
fn refer<O: Options>(w: &World<O>, chunk: usize) {
    // SAFETY: a live chunk.
    unsafe { w.heap().mark_weakref(w.chunks()[chunk]) }
}

#[test]
fn weak_references_are_noted_after_the_finalisers_of_each_8_blocks() {
    let mut w = heap_of::<Weakref>(64);
    w.run(&[OBJECT; 20]);
    let chunks = w.chunks();
    for chunk in [1, 2, 6, 9, 18] {
        refer(&w, chunk);
    }
    // the third lives
    let root = chunks[2].addr();
    w.state().roots = vec![root];
    w.host().collect();
    let at = |i: usize| chunks[i].addr();
    // of 8 blocks each: seven, eight and four objects have died
    assert_eq!(
        w.state().noted,
        [(at(1), 7), (at(6), 7), (at(9), 15), (at(18), 19)]
    );
    assert_eq!(w.state().weakref_sweeps, 1);
    w.state().noted.clear();
    w.state().roots.clear();
    w.host().collect();
    assert_eq!(w.state().noted, [(at(2), 20)], "it was still flagged");
}

#[test]
fn weak_references_are_noted_without_finalisers_too() {
    let mut w = heap_of::<WeakrefAlone>(64);
    w.run(&[blocks(1), blocks(9), blocks(2)]);
    let chunks = w.chunks();
    refer(&w, 1);
    refer(&w, 2);
    // SAFETY: no chunk is used any more.
    unsafe { w.heap().sweep_all() };
    assert_eq!(
        w.state().noted,
        [(chunks[1].addr(), 0), (chunks[2].addr(), 0)]
    );
    assert_eq!(w.state().weakref_sweeps, 1);
}

#[test]
fn the_fast_figures_are_those_of_info() {
    let mut w = heap_of::<Split>(36);
    w.run(&[blocks(3), OBJECT, blocks(20), Op::AddArea { bytes: 3000 }]);
    w.run(&[blocks(30), Op::Free { chunk: 0 }]);
    let (info, fast) = (w.heap().info(), w.heap().info_fast());
    assert_eq!(
        (fast.total, fast.used, fast.free),
        (info.total, info.used, info.free)
    );
    assert_eq!(
        (
            fast.max_free,
            fast.num_1block,
            fast.num_2block,
            fast.max_block
        ),
        (0, 0, 0, 0)
    );
}

#[test]
fn the_bounds_of_all_pools_are_kept() {
    let mut w = heap_of::<Split>(64);
    w.run(&[Op::AddArea { bytes: 3000 }, Op::AddArea { bytes: 1000 }]);
    let pools = Area::all(w.host()).map(|area| {
        let start = area.pool().addr();
        (start, start + area.blocks().0 * BLOCK)
    });
    let pools: Vec<_> = pools.collect();
    let min = pools.iter().map(|p| p.0).min();
    let max = pools.iter().map(|p| p.1).max();
    let found = w.state().pool_bounds.map(|p| Some(p.addr()));
    assert_eq!(found, [min, max]);
}

/// The twin of the sweep with finalisers in it: random kinds, a block at a time.
#[test]
fn before_1_25_each_dying_object_is_finalised_once_in_order() {
    let mut w = heap_of::<Before25>(256);
    w.run(&vec![OBJECT; 120]);
    let chunks = w.chunks();
    let live: Vec<usize> = chunks.iter().step_by(3).map(|c| c.addr()).collect();
    w.state().roots = live.clone();
    w.host().collect();
    let dead: Vec<usize> = chunks
        .iter()
        .map(|c| c.addr())
        .filter(|c| !live.contains(c))
        .collect();
    assert_eq!(w.state().finalised, dead);
    let area = Area::first(w.host());
    let heads = (0..area.blocks().0)
        .filter(|&b| area.table().kind(crate::heap::block::BlockIndex(b)) == BlockKind::Head);
    assert_eq!(heads.count(), live.len());
}
