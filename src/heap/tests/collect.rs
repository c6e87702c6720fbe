//! Collections: when they run, what they read, and what may happen during one.

use std::vec;
use std::vec::Vec;

use super::{BLOCK, WITH_FINALISER, blocks, heap_of, root};
use crate::heap::alloc::HAS_FINALISER;
use crate::heap::alloc_table::SMALL;
use crate::heap::area::Area;
use crate::heap::block::{BlockIndex, BlockKind};
use crate::heap::testing::options::{
    NoFinaliser, Plain, SmallStack, Split, SplitNoFinaliser, Steps,
};
use crate::heap::testing::{FinaliserAction, Op, Options, World, every};

#[test]
fn realloc_to_the_last_block_keeps_the_finaliser_scan_inside() {
    for n in [8, 16, 24, 64] {
        let mut w = heap_of::<Plain>(n);
        w.run(&[WITH_FINALISER]);
        w.run(&[Op::Realloc {
            chunk: 0,
            bytes: n * BLOCK,
            may_move: false,
        }]);
        assert_eq!(w.model.seen.grown_in_place, 1);
        w.run(&[Op::Collect]);
        assert_eq!(w.model.seen.finalised, 1);
    }
}

#[test]
fn a_threshold_hit_collects_once_and_not_twice() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[blocks(60), root(0), Op::Threshold { blocks: 1 }]);
    let before = w.collects_run();
    w.run(&[blocks(30)]);
    assert_eq!((w.model.seen.failed, w.collects_run() - before), (1, 1));
}

#[test]
fn nothing_is_collected_when_automatic_collects_are_off() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[
        Op::AutoCollect { on: false },
        blocks(60),
        blocks(30),
        Op::Threshold { blocks: 1 },
        blocks(30),
    ]);
    assert_eq!((w.model.seen.failed, w.collects_run()), (2, 0));
}

#[test]
fn a_collection_started_by_a_finaliser_is_ignored() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[WITH_FINALISER, WITH_FINALISER, blocks(3), root(1), root(2)]);
    w.run(&[
        Op::Finaliser {
            action: FinaliserAction::Collects,
        },
        Op::Collect,
        Op::Collect,
    ]);
    assert_eq!((w.model.seen.finalised, w.chunks().len()), (1, 2));
}

#[test]
fn a_jump_out_of_a_finaliser_leaves_a_heap_that_works() {
    let mut w = heap_of::<SmallStack>(64);
    w.run(&[WITH_FINALISER, blocks(2), root(1)]);
    let (heap, roots) = (w.heap(), w.state().roots.clone());
    heap.collect_start();
    // SAFETY: the vector is live.
    unsafe {
        heap.collect_root(roots.as_ptr(), roots.len());
        heap.abandon_collect();
    }
    assert_eq!((heap.check(), heap.is_locked()), (Ok(()), false));
    // the clock was read at the start, and not at the end
    w.state().times.pop();
    w.run(&[Op::Collect, blocks(1)]);
    assert_eq!((w.model.seen.finalised, w.chunks().len()), (1, 2));
}

#[test]
fn sweep_all_runs_the_remaining_finalisers() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[WITH_FINALISER, blocks(3), root(0), Op::SweepAll]);
    assert_eq!((w.model.seen.finalised, w.chunks().len()), (1, 0));
}

/// Links of every shape that overflows a stack of 8, and a stack of 64.
fn overflow<O: Options>() {
    let scale = every(16);
    let n = 3000 / scale;
    let mut w = heap_of::<O>(8192 / scale);
    let mut ops: Vec<Op> = vec![Op::Alloc {
        bytes: 1000 / scale * 8,
        finaliser: false,
    }];
    ops.extend((0..n).map(|i| Op::Alloc {
        bytes: if i % 5 == 0 { 2 * BLOCK } else { BLOCK },
        finaliser: i % 3 == 0,
    }));
    for op in ops {
        // comparing everything after each of them takes long
        if let Op::Alloc { bytes, finaliser } = op {
            assert!(!w.heap().alloc(bytes, finaliser.into()).is_null());
        }
    }
    let info = w.heap().info();
    assert_eq!(info.num_1block + info.num_2block, n);
    let all = w.heap_chunks();
    let link = |from: usize, word: usize, to: usize| {
        // SAFETY: the chunks are live and have that many words.
        unsafe { all[from].cast::<usize>().add(word).write(all[to].addr()) }
    };
    // wide: the first chunk knows many others; each of those begins a list downwards
    for i in 0..900 / scale {
        link(0, i, 1 + i * 3);
    }
    for i in 1..=n - 2 {
        link(i, 1, i + 2);
        link(i, 2, i + 1);
    }
    for &chunk in &all[1..] {
        // SAFETY: as above. An object without a type has no finaliser.
        unsafe { chunk.cast::<usize>().write(1) }
    }
    let before = w.heap().info();
    let root = all[0].addr();
    w.state().roots = vec![root];
    crate::heap::host::Callbacks::collect(w.host());
    assert!(w.guards_are_whole(), "written behind the mark stack");
    assert_eq!(w.heap().info(), before, "all is reachable");
    assert_eq!(w.heap().check(), Ok(()));
    assert!(w.state().finalised.is_empty());
    w.state().roots.clear();
    crate::heap::host::Callbacks::collect(w.host());
    let flagged = (0..n).step_by(3).filter(|_| O::FINALISER);
    let flagged: Vec<usize> = flagged.map(|i| all[1 + i].addr()).collect();
    assert!(w.state().finalised == flagged, "the flags have changed");
    assert_eq!(w.heap().info().used, 0);
    assert_eq!(w.heap().check(), Ok(()));
}

#[test]
fn a_full_mark_stack_loses_nothing() {
    overflow::<Plain>();
    overflow::<SmallStack>();
    overflow::<NoFinaliser>();
    overflow::<Split>();
    overflow::<SplitNoFinaliser>();
}

/// Grey objects with a finaliser look like tails of the chunk before them.
#[test]
fn each_object_is_read_once_though_grey_ones_look_like_tails() {
    let n = 2000 / every(10);
    let mut w = heap_of::<Steps>(4096 / every(4));
    let root = w.heap().alloc(n * size_of::<usize>(), 0);
    for i in 0..n {
        let child = w.heap().alloc(1, HAS_FINALISER);
        // SAFETY: the root chunk has n words.
        unsafe { root.cast::<usize>().add(i).write(child.addr()) };
    }
    w.state().roots = vec![root.addr()];
    let before = w.heap().info();
    w.state().steps = 0;
    crate::heap::host::Callbacks::collect(w.host());
    let words = before.used / size_of::<usize>();
    assert!(
        w.state().steps < 2 * words,
        "{} steps for {words} words",
        w.state().steps
    );
    assert_eq!(w.heap().info(), before);
}

#[test]
fn nothing_waits_in_the_tables_while_the_mark_stack_is_not_full() {
    let mut w = heap_of::<Plain>(256);
    let heap = w.heap();
    // a root whose children are all on the stack at once, except for the first if that is kept
    // beside it
    let n = Plain::STACK_ENTRIES + usize::from(!SMALL);
    let root = heap.alloc(n * size_of::<usize>(), 0);
    for i in 0..n {
        let child = heap.alloc(1, 0);
        // SAFETY: the root has n words.
        unsafe { root.cast::<usize>().add(i).write(child.addr()) };
    }
    let roots = [root.addr()];
    heap.collect_start();
    // SAFETY: the array is live.
    unsafe { heap.collect_root(roots.as_ptr(), 1) };
    assert_eq!(Area::first(w.host()).hint(), 0, "no segment is dirty");
    // SAFETY: the collection has begun; the root reaches all that is used.
    unsafe { heap.collect_end() };
    assert_eq!(w.heap_chunks().len(), 1 + n);
    assert!(w.guards_are_whole());
}

/// `l = (l, item)`, over and over: the chain is set aside while its items are read, again and
/// again.
#[test]
#[cfg_attr(mpgc_plain, ignore = "a plain build sets nothing aside")]
fn a_chain_whose_items_fill_the_mark_stack_is_set_aside() {
    // a heap too small for the ring, in which chain and items would take turns
    let levels = 5 * SmallStack::STACK_ENTRIES;
    let w = heap_of::<SmallStack>(2 * levels + 8);
    let heap = w.heap();
    let mut chain = 0;
    for _ in 0..levels {
        let (item, link) = (heap.alloc(1, 0), heap.alloc(1, 0));
        // SAFETY: a block has two words.
        unsafe { link.cast::<[usize; 2]>().write([chain, item.addr()]) };
        chain = link.addr();
    }
    let roots = [chain];
    heap.collect_start();
    // SAFETY: the array is live.
    unsafe { heap.collect_root(roots.as_ptr(), 1) };
    let area = Area::first(w.host());
    assert_eq!(area.hint(), 0, "no segment is dirty");
    assert_eq!(heap.search().aside().map(|(_, block)| block), None);
    let marked = |b: usize| area.table().kind(BlockIndex(b)) == BlockKind::Mark;
    assert!((0..2 * levels).all(marked));
    // SAFETY: the collection has begun; the root reaches all that is used.
    unsafe { heap.collect_end() };
}

/// With entries of a byte, a block above 255 waits in the tables instead.
#[test]
fn a_block_whose_number_does_not_fit_on_the_mark_stack_is_traced_too() {
    let mut w = heap_of::<SplitNoFinaliser>(1024);
    let heap = w.heap();
    let children = 8;
    let root = heap.alloc(children * size_of::<usize>(), 0);
    heap.alloc(300 * BLOCK, 0);
    for i in 0..children {
        let (child, grandchild) = (heap.alloc(1, 0), heap.alloc(1, 0));
        // SAFETY: the chunks are live, and the root has a word for each child.
        unsafe {
            root.cast::<usize>().add(i).write(child.addr());
            child.cast::<usize>().write(grandchild.addr());
        }
    }
    w.state().roots = vec![root.addr()];
    crate::heap::host::Callbacks::collect(w.host());
    assert_eq!(heap.info().used, (2 + 2 * children) * BLOCK);
}

/// A port acts at every 256th number, so the numbers must not skip any.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn the_hook_of_long_loops_gets_each_number() {
    let mut w = heap_of::<Steps>(4096);
    let root = root(0);
    w.run(&[blocks(2000), root]);
    let expect_each_from =
        |w: &mut World<Steps>, least: usize, something: &dyn Fn(&World<Steps>)| {
            (w.state().numbers, w.state().rounds) = (0, 0);
            something(w);
            let (numbers, rounds) = (w.state().numbers, w.state().rounds);
            assert!(numbers >= least, "{numbers}, of {least}");
            assert!(
                (numbers / 512..numbers / 128).contains(&rounds),
                "{rounds} of {numbers}"
            );
        };
    // the words of the live chunks, and for the sweep each block in use
    let words = 2000 * BLOCK / size_of::<usize>();
    expect_each_from(&mut w, words + 2001, &|w| {
        crate::heap::host::Callbacks::collect(w.host())
    });
    // each block
    expect_each_from(&mut w, 4096, &|w| {
        w.heap().info();
    });
    expect_each_from(&mut w, 4096, &|w| {
        w.heap().info_fast();
    });
}

/// The C calls the hook for each bit of a byte of the finaliser table in which one is set.
#[test]
fn the_hook_is_called_for_each_bit_that_the_c_looks_at() {
    let mut w = heap_of::<Steps>(64);
    w.run(&[
        blocks(7),
        WITH_FINALISER,
        blocks(20),
        WITH_FINALISER,
        WITH_FINALISER,
    ]);
    w.state().numbers = 0;
    w.run(&[Op::Collect]);
    // two bytes, of which one has two; and a step for each block in use in the sweep
    let numbers = w.state().numbers;
    assert!(numbers >= 2 * 8 + 30, "{numbers}");
    assert_eq!(w.model.seen.finalised, 3);
}

/// Objects that do not fit into the stack, in a part of a large heap that the last dirty segment
/// stands for.
fn overflow_far_up<O: Options>() {
    let mut w = heap_of::<O>(36_000);
    w.run(&[blocks(33_500), blocks(16)]);
    w.run(&vec![blocks(1); 32]);
    w.run(&[root(1)]);
    for i in 0..16 {
        let links = [(1, i, 2 + i), (2 + i, 0, 18 + i)];
        w.run(&links.map(|(from, word, to)| Op::Link { from, word, to }));
    }
    w.run(&[Op::Collect]);
    assert_eq!(w.chunks().len(), 33);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn objects_far_up_in_a_large_heap_are_traced_when_the_stack_is_full() {
    overflow_far_up::<SmallStack>();
    overflow_far_up::<NoFinaliser>();
}

#[test]
fn the_chunks_that_a_collection_frees_are_counted_over_all_areas() {
    let mut w = heap_of::<Split>(100);
    w.run(&[Op::AddArea { bytes: 4000 }]);
    w.run(&vec![blocks(3); 50]);
    for chunk in [0, 7, 40] {
        w.run(&[root(chunk)]);
    }
    w.run(&[Op::Collect]);
    assert_eq!((w.chunks().len(), w.state().collected), (3, 47));
    w.run(&[Op::Collect]);
    assert_eq!(w.state().collected, 0);
}

/// Several wait at once, in a heap that is large enough for the ring, and each is read to its end.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn objects_of_a_second_area_wait_as_those_of_the_first_do() {
    let mut w = heap_of::<Split>(1000);
    w.run(&[blocks(5), blocks(995), Op::AddArea { bytes: 8000 }]);
    w.run(&vec![blocks(3); 20]);
    w.run(&vec![blocks(1); 20]);
    w.run(&[root(0)]);
    for i in 0..20 {
        let links = [(0, i, 2 + i), (2 + i, 11, 22 + i)];
        w.run(&links.map(|(from, word, to)| Op::Link { from, word, to }));
    }
    w.run(&[Op::Collect]);
    assert_eq!(w.chunks().len(), 41);
}
