//! The heap against its model: random traces, and the cases that random traces do not meet.

mod alloc_table;
mod areas;
mod check;
mod collect;
mod dump;
mod events;
mod hardened;
#[cfg(not(mpgc_plain))]
mod hints;
mod least;
mod noscan;
mod pacing;
mod releases;
mod search;
mod seeds;
mod selective;
mod stats;
#[cfg(not(mpgc_plain))]
mod waiting;
mod wraps;

use crate::heap::layout::Tables;
use crate::heap::testing::options::{
    Before21, Before25, BigBlocks, Hardened, HardenedSplit, NoFinaliser, Noscan, NoscanHardened,
    NoscanSplit, Paced, PacedByFree, PacedSplit, Plain, Selective, SelectiveHardened,
    SelectiveSplit, SmallStack, Split, SplitNoFinaliser, TinyBlocks, Weakref, WeakrefAlone,
};
use crate::heap::testing::{FinaliserAction, Op, Options, TestHost, World, every};
use core::ops::Range;
use proptest::prelude::*;
use std::vec;

const BLOCK: usize = <Plain as Options>::BLOCK_BYTES;

fn op() -> impl Strategy<Value = Op> {
    let chunk = 0usize..1000;
    prop_oneof![
        20 => (1usize..200, any::<bool>()).prop_map(|(bytes, finaliser)| Op::Alloc { bytes, finaliser }),
        6 => (1usize..40, any::<bool>()).prop_map(|(b, finaliser)| Op::Alloc { bytes: b * BLOCK, finaliser }),
        6 => (1usize..200, any::<bool>()).prop_map(|(bytes, finaliser)| Op::AllocUnread { bytes, finaliser }),
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
        1 => Just(Op::ResetFigures),
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

/// How many traces each of the tests below draws; MPGC_TRACES asks for more. Under Miri they are
/// few and short, in a heap that still fills up.
fn traces() -> u32 {
    let asked = std::env::var("MPGC_TRACES").ok();
    asked.map_or(if cfg!(miri) { 2 } else { 150 }, |n| {
        n.parse().expect("MPGC_TRACES is a number")
    })
}

/// The bytes of a region, fewer under Miri.
fn region(bytes: Range<usize>) -> Range<usize> {
    bytes.start..if cfg!(miri) { 3000 } else { bytes.end }
}

macro_rules! traces {
    ($($name:ident: $options:ty, $bytes:expr;)*) => { proptest! {
        #![proptest_config(ProptestConfig { cases: traces(), max_shrink_iters: 20_000, ..ProptestConfig::default() })]
        $(#[test]
        fn $name(bytes in region($bytes), ops in prop::collection::vec(op(), 1..400 / every(4))) {
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
    traces_agree_with_the_model_as_before_1_25: Before25, 600usize..40_000;
    traces_agree_with_the_model_as_before_1_21: Before21, 600usize..10_000;
    traces_agree_with_the_model_with_weak_references: Weakref, 600usize..40_000;
    traces_agree_with_the_model_with_weak_references_alone: WeakrefAlone, 600usize..10_000;
    traces_agree_with_the_model_with_selective_collect: Selective, 600usize..40_000;
    traces_agree_with_the_model_with_selective_collect_in_a_split_heap: SelectiveSplit, 600usize..10_000;
    traces_agree_with_the_model_with_selective_collect_when_hardened: SelectiveHardened, 600usize..40_000;
    traces_agree_with_the_model_at_a_pace: Paced, 600usize..10_000;
    traces_agree_with_the_model_at_a_pace_by_what_is_free: PacedByFree, 600usize..40_000;
    traces_agree_with_the_model_at_a_pace_in_a_split_heap: PacedSplit, 600usize..10_000;
    traces_agree_with_the_model_in_a_split_heap_without_finalisers: SplitNoFinaliser, 600usize..10_000;
}

fn blocks(n: usize) -> Op {
    Op::Alloc {
        bytes: n * BLOCK,
        finaliser: false,
    }
}

/// A block with a finaliser.
const WITH_FINALISER: Op = Op::Alloc {
    bytes: BLOCK,
    finaliser: true,
};

/// Makes the start of a chunk a root.
const fn root(chunk: usize) -> Op {
    Op::Root { chunk, offset: 0 }
}

/// A heap of exactly `n` blocks, a multiple of 4.
fn heap_of<O: Options>(n: usize) -> World<O> {
    let bit_tables = Tables::of::<TestHost<O>>().bit_tables();
    let tables = n / 4 + 1 + bit_tables * (n / 8 + 1);
    World::new((tables + n * O::BLOCK_BYTES).next_multiple_of(O::BLOCK_BYTES))
}
