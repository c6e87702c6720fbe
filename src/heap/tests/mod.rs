//! The heap against its model: random traces, and the cases that random traces do not meet.

mod hardened;
mod noscan;

use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

use crate::heap::alloc::HAS_FINALISER;
use crate::heap::testing::options::{
    BigBlocks, Hardened, HardenedSplit, NoFinaliser, Noscan, NoscanHardened, NoscanSplit, Plain,
    SmallStack, Split, SplitAuto, SplitNoFinaliser, Steps, TinyBlocks,
};
use crate::heap::testing::{FinaliserAction, Op, Options, World};

const BLOCK: usize = <Plain as Options>::BLOCK_BYTES;

fn op() -> impl Strategy<Value = Op> {
    let chunk = 0usize..1000;
    prop_oneof![
        20 => (1usize..200, any::<bool>()).prop_map(|(bytes, finaliser)| Op::Alloc { bytes, finaliser }),
        6 => (1usize..40, any::<bool>()).prop_map(|(b, finaliser)| Op::Alloc { bytes: b * BLOCK, finaliser }),
        1 => Just(Op::Alloc { bytes: 0, finaliser: false }),
        12 => chunk.clone().prop_map(|chunk| Op::Free { chunk }),
        8 => (chunk.clone(), 0usize..1500, any::<bool>())
            .prop_map(|(chunk, bytes, may_move)| Op::Realloc { chunk, bytes, may_move }),
        12 => (chunk.clone(), 0usize..64, chunk.clone()).prop_map(|(from, word, to)| Op::Link { from, word, to }),
        4 => (chunk.clone(), 0usize..20).prop_map(|(chunk, o)| Op::Root { chunk, offset: o.saturating_sub(16) }),
        1 => Just(Op::NoRoots),
        2 => Just(Op::Collect),
        1 => Just(Op::Lock),
        3 => Just(Op::Unlock),
        1 => (0usize..100).prop_map(|blocks| Op::Threshold { blocks }),
        1 => any::<bool>().prop_map(|on| Op::AutoCollect { on }),
        1 => (256usize..4000).prop_map(|bytes| Op::AddArea { bytes }),
        2 => (chunk, 0usize..100).prop_map(|(chunk, offset)| Op::ChunkBytes { chunk, offset }),
        1 => Just(Op::Info),
        1 => prop_oneof![
            Just(FinaliserAction::Nothing),
            Just(FinaliserAction::Allocates),
            Just(FinaliserAction::FreesItself),
            Just(FinaliserAction::Collects),
            Just(FinaliserAction::FreesLinked),
            Just(FinaliserAction::Raises),
            Just(FinaliserAction::AsksInfo),
        ].prop_map(|action| Op::Finaliser { action }),
    ]
}

macro_rules! traces {
    ($($name:ident: $options:ty, $bytes:expr;)*) => { proptest! {
        #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 20_000, ..ProptestConfig::default() })]
        $(#[test]
        fn $name(bytes in $bytes, ops in prop::collection::vec(op(), 1..400)) {
            World::<$options>::new(bytes).run(&ops);
        })*
    } };
}

traces! {
    traces_agree_with_the_model_plain: Plain, 600usize..40_000;
    traces_agree_with_the_model_with_a_small_stack: SmallStack, 600usize..40_000;
    traces_agree_with_the_model_without_finalisers: NoFinaliser, 600usize..40_000;
    traces_agree_with_the_model_with_blocks_of_16_bytes: TinyBlocks, 600usize..20_000;
    traces_agree_with_the_model_with_blocks_of_128_bytes: BigBlocks, 600usize..60_000;
    traces_agree_with_the_model_when_hardened: Hardened, 600usize..40_000;
    traces_agree_with_the_model_in_a_hardened_split_heap: HardenedSplit, 600usize..10_000;
    traces_agree_with_the_model_in_a_split_heap: Split, 600usize..10_000;
    traces_agree_with_the_model_where_raw_data_is_not_read: Noscan, 600usize..40_000;
    traces_agree_with_the_model_where_raw_data_is_not_read_in_a_split_heap: NoscanSplit, 600usize..10_000;
    traces_agree_with_the_model_where_raw_data_is_not_read_when_hardened: NoscanHardened, 600usize..40_000;
    traces_agree_with_the_model_in_a_split_heap_without_finalisers: SplitNoFinaliser, 600usize..10_000;
}

fn blocks(n: usize) -> Op {
    Op::Alloc {
        bytes: n * BLOCK,
        finaliser: false,
    }
}

/// A heap of exactly `n` blocks, a multiple of 4.
fn heap_of<O: Options>(n: usize) -> World<O> {
    let tables = n / 4 + 1 + if O::FINALISER { n / 8 + 1 } else { 0 };
    World::new((tables + n * O::BLOCK_BYTES).next_multiple_of(O::BLOCK_BYTES))
}

#[test]
fn the_lowest_address_that_fits_is_taken() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[
        blocks(3),
        blocks(1),
        blocks(5),
        blocks(1),
        Op::Free { chunk: 0 },
        Op::Free { chunk: 1 },
    ]);
    w.run(&[
        blocks(4),
        blocks(2),
        blocks(1),
        blocks(1),
        blocks(30),
        blocks(1),
    ]);
    assert_eq!(w.model.seen.failed, 0);
}

/// Block 0 free, so that the one-block hint stays there; then blocks used up to 800, with bounds learnt;
/// then a free run from 240 to 300, across the border of the segments of 256 blocks.
fn run_across_a_border() -> World<Plain> {
    let mut w = heap_of::<Plain>(4096);
    w.run(&[blocks(1), blocks(199)]);
    w.run(&vec![blocks(2); 300]);
    // a search for less than the last size starts at the hint, and passes over full segments
    w.run(&[Op::Free { chunk: 0 }, blocks(40), blocks(3)]);
    w.run(
        &[Op::Free {
            chunk: 1 + (240 - 200) / 2,
        }; 30],
    );
    w
}

/// When the front of a free run is taken, the rest may start in a segment whose bound is too low for it.
#[test]
fn a_run_cut_at_a_segment_border_is_still_found() {
    let mut w = run_across_a_border();
    w.run(&[blocks(20), blocks(10)]);
}

/// The same by growing in place.
#[test]
fn a_run_cut_at_a_segment_border_by_realloc_is_still_found() {
    let mut w = run_across_a_border();
    w.run(&[
        Op::Realloc {
            chunk: 20,
            bytes: 22 * BLOCK,
            may_move: false,
        },
        blocks(10),
    ]);
    assert_eq!(w.model.seen.grown_in_place, 1);
}

/// Two long runs that become one: longer than a bound can tell, so the hint for long runs must go.
#[test]
fn a_run_longer_than_the_neighbourhood_is_found_when_its_halves_join() {
    let mut w = heap_of::<Plain>(8192);
    w.run(&[
        blocks(600),
        blocks(10),
        blocks(690),
        blocks(10),
        blocks(1000),
        blocks(10),
    ]);
    w.run(&[Op::Free { chunk: 0 }, Op::Free { chunk: 1 }]);
    // remember that no run of 1000 starts before this one
    w.run(&[blocks(1000), blocks(1000)]);
    w.run(&[Op::Free { chunk: 0 }, blocks(1000)]);
    assert_eq!(w.chunks()[0], w.heap().alloc(0, 0).max(w.chunks()[0]));
}

#[test]
fn realloc_to_the_last_block_keeps_the_finaliser_scan_inside() {
    for n in [8, 16, 24, 64] {
        let mut w = heap_of::<Plain>(n);
        w.run(&[Op::Alloc {
            bytes: BLOCK,
            finaliser: true,
        }]);
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
    w.run(&[
        blocks(60),
        Op::Root {
            chunk: 0,
            offset: 0,
        },
        Op::Threshold { blocks: 1 },
    ]);
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
fn a_collect_started_by_a_finaliser_is_ignored() {
    let mut w = heap_of::<Plain>(64);
    let finaliser = Op::Alloc {
        bytes: BLOCK,
        finaliser: true,
    };
    w.run(&[
        finaliser,
        finaliser,
        blocks(3),
        Op::Root {
            chunk: 1,
            offset: 0,
        },
        Op::Root {
            chunk: 2,
            offset: 0,
        },
    ]);
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
    w.run(&[
        Op::Alloc {
            bytes: BLOCK,
            finaliser: true,
        },
        blocks(2),
        Op::Root {
            chunk: 1,
            offset: 0,
        },
    ]);
    let (heap, roots) = (w.heap(), w.state().roots.clone());
    heap.collect_start();
    // SAFETY: the vector is live.
    unsafe { heap.collect_root(roots.as_ptr(), roots.len()) };
    heap.abandon_collect();
    assert_eq!((heap.check(), heap.is_locked()), (Ok(()), false));
    w.run(&[Op::Collect, blocks(1)]);
    assert_eq!((w.model.seen.finalised, w.chunks().len()), (1, 2));
}

#[test]
fn sweep_all_runs_the_remaining_finalisers() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[
        Op::Alloc {
            bytes: BLOCK,
            finaliser: true,
        },
        blocks(3),
        Op::Root {
            chunk: 0,
            offset: 0,
        },
        Op::SweepAll,
    ]);
    assert_eq!((w.model.seen.finalised, w.chunks().len()), (1, 0));
}

/// Links of every shape that overflows a stack of 8, and a stack of 64.
fn overflow<O: Options>() {
    let n = 3000;
    let mut w = heap_of::<O>(8192);
    let mut ops: Vec<Op> = vec![Op::Alloc {
        bytes: 1000 * 8,
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
    // wide: the first chunk knows 900 others; each of those begins a list downwards
    for i in 0..900 {
        link(0, i, 1 + i * 3);
    }
    for i in 1..=n - 2 {
        link(i, 1, i + 2);
        link(i, 2, i + 1);
    }
    let before = w.heap().info();
    let root = all[0].addr();
    w.state().roots = vec![root];
    crate::heap::host::Host::collect(w.host());
    assert_eq!(w.heap().info(), before, "all is reachable");
    assert_eq!(w.heap().check(), Ok(()));
    assert!(w.state().finalised.is_empty());
    w.state().roots.clear();
    crate::heap::host::Host::collect(w.host());
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
    let n = 2000;
    let mut w = heap_of::<Steps>(4096);
    let root = w.heap().alloc(n * size_of::<usize>(), 0);
    for i in 0..n {
        let child = w.heap().alloc(1, HAS_FINALISER);
        // SAFETY: the root chunk has n words.
        unsafe { root.cast::<usize>().add(i).write(child.addr()) };
    }
    w.state().roots = vec![root.addr()];
    let before = w.heap().info();
    w.state().steps = 0;
    crate::heap::host::Host::collect(w.host());
    let words = before.used / size_of::<usize>();
    assert!(
        w.state().steps < 2 * words,
        "{} steps for {words} words",
        w.state().steps
    );
    assert_eq!(w.heap().info(), before);
}

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
    crate::heap::host::Host::collect(w.host());
    assert_eq!(w.state().regions.len(), 0);
    let big = w.heap().alloc(100 * BLOCK, 0);
    // SAFETY: the chunk is live.
    assert_eq!(unsafe { w.heap().realloc(big, 1, false) }, big);
    w.state().roots.push(big.addr());
    crate::heap::host::Host::collect(w.host());
    assert_eq!(w.state().regions.len(), 1, "its first block is in use");
    assert_eq!(w.heap().chunk_bytes(big), BLOCK);
    w.state().max_new_area = 100;
    assert!(w.heap().alloc(10_000 * BLOCK, 0).is_null());
    assert_eq!(w.heap().check(), Ok(()));
}

#[test]
fn a_region_too_small_for_a_block_is_a_heap_that_is_always_full() {
    for bytes in [32, 64, 96, 128] {
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

#[test]
#[should_panic(expected = "first fit differs")]
fn the_twin_of_the_search_would_notice_a_wrong_hint() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[blocks(1), blocks(1)]);
    w.spoil_hint(5);
    w.heap().alloc(1, 0);
}

#[test]
fn check_notices_what_is_broken() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[blocks(2), blocks(1)]);
    w.spoil_hint(5);
    assert!(w.heap().check().is_err());
    let mut w = heap_of::<Plain>(64);
    w.run(&[blocks(2), blocks(1)]);
    // the head of the first chunk goes, its tail stays
    w.spoil_table(0, 0b01);
    assert_eq!(
        w.heap().check().map_err(|b| b.what),
        Err("a tail follows a free block")
    );
}
