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

/// The sum of the weights below.
const WEIGHTS: usize = 84;

/// Four numbers become an operation. `prop_oneof!` makes a generator for each of its choices before
/// it takes one, which took longer than the operations.
fn op() -> impl Strategy<Value = Op> {
    let number = 0usize..1 << 16;
    let numbers = (0..WEIGHTS, number.clone(), number.clone(), number);
    numbers.prop_map(|(weight, a, b, c)| match weight {
        0..20 => Op::Alloc {
            bytes: 1 + a % 199,
            finaliser: is_odd(b),
        },
        20..26 => Op::Alloc {
            bytes: (1 + a % 39) * BLOCK,
            finaliser: is_odd(b),
        },
        26..32 => Op::AllocUnread {
            bytes: 1 + a % 199,
            finaliser: is_odd(b),
        },
        32 => Op::Alloc {
            bytes: 0,
            finaliser: false,
        },
        33..45 => Op::Free { chunk: a },
        45..53 => Op::Realloc {
            chunk: a,
            bytes: b % 1500,
            may_move: is_odd(c),
        },
        53..65 => Op::Link {
            from: a,
            word: b % 64,
            to: c,
        },
        65..69 => Op::Root {
            chunk: a,
            offset: (b % 20).saturating_sub(16),
        },
        69 => Op::NoRoots,
        70..72 => Op::Collect,
        72 => Op::Lock,
        73..76 => Op::Unlock,
        76 => Op::Threshold { blocks: a % 100 },
        77 => Op::AutoCollect { on: is_odd(a) },
        78 => Op::AddArea {
            bytes: 256 + a % 3744,
        },
        79..81 => Op::ChunkBytes {
            chunk: a,
            offset: b % 100,
        },
        81 => Op::Info,
        82 => Op::ResetFigures,
        _ => Op::Finaliser {
            action: FinaliserAction::ALL[a % FinaliserAction::ALL.len()],
        },
    })
}

fn is_odd(n: usize) -> bool {
    n % 2 == 1
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
    bytes.start..if cfg!(miri) { 2000 } else { bytes.end }
}

macro_rules! traces {
    ($($name:ident: $options:ty, $bytes:expr;)*) => { proptest! {
        #![proptest_config(ProptestConfig { cases: traces(), max_shrink_iters: 20_000, ..ProptestConfig::default() })]
        $(#[test]
        fn $name(bytes in region($bytes), ops in prop::collection::vec(op(), 1..400 / every(5))) {
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
