//! The heap against its naive model.

use crate::{Source, Target, draw};
use arbitrary::{Result, Unstructured};
use mpgc::heap::testing::options::{
    BigBlocks, Hardened, HardenedSplit, NoFinaliser, Noscan, NoscanHardened, NoscanSplit, Plain,
    Selective, SelectiveHardened, SelectiveSplit, SmallStack, Split, SplitNoFinaliser, TinyBlocks,
};
use mpgc::heap::testing::{Op, Options, Step, World};
use twins::shrink::source;

/// Where the heap is, and its options.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    options: usize,
    offset: usize,
    bytes: usize,
}

/// The target.
pub struct HeapModel;

type Run = fn(Setup, &[Op], bool);

/// The options by the names that tests have for them.
const ALL: [(&str, usize, Run); 15] = [
    ("Plain", Plain::BLOCK_BYTES, run::<Plain>),
    ("SmallStack", SmallStack::BLOCK_BYTES, run::<SmallStack>),
    ("NoFinaliser", NoFinaliser::BLOCK_BYTES, run::<NoFinaliser>),
    ("TinyBlocks", TinyBlocks::BLOCK_BYTES, run::<TinyBlocks>),
    ("BigBlocks", BigBlocks::BLOCK_BYTES, run::<BigBlocks>),
    ("Split", Split::BLOCK_BYTES, run::<Split>),
    (
        "SplitNoFinaliser",
        SplitNoFinaliser::BLOCK_BYTES,
        run::<SplitNoFinaliser>,
    ),
    ("Hardened", Hardened::BLOCK_BYTES, run::<Hardened>),
    (
        "HardenedSplit",
        HardenedSplit::BLOCK_BYTES,
        run::<HardenedSplit>,
    ),
    ("Noscan", Noscan::BLOCK_BYTES, run::<Noscan>),
    ("NoscanSplit", NoscanSplit::BLOCK_BYTES, run::<NoscanSplit>),
    (
        "NoscanHardened",
        NoscanHardened::BLOCK_BYTES,
        run::<NoscanHardened>,
    ),
    ("Selective", Selective::BLOCK_BYTES, run::<Selective>),
    (
        "SelectiveSplit",
        SelectiveSplit::BLOCK_BYTES,
        run::<SelectiveSplit>,
    ),
    (
        "SelectiveHardened",
        SelectiveHardened::BLOCK_BYTES,
        run::<SelectiveHardened>,
    ),
];

/// The most areas that a trace may add, because all of them are compared after each step.
const MOST_AREAS: usize = 4;

fn run<O: Options>(setup: Setup, ops: &[Op], plant: bool) {
    let mut world = World::<O>::at(setup.offset, setup.bytes);
    for &op in ops {
        if let (Op::AddArea { .. }, MOST_AREAS..) = (op, world.model.areas.len()) {
            continue;
        }
        world.run(&[op]);
        if plant && matches!(op, Op::AutoCollect { .. }) && world.chunks().len() >= 2 {
            world.spoil_table(0, 0b01);
        }
    }
    world.run(&[Op::Collect, Op::Info]);
}

impl Target for HeapModel {
    type Setup = Setup;
    type Step = Op;

    fn draw(u: &mut Unstructured) -> Result<(Setup, Vec<Op>)> {
        let options = draw::below(u, ALL.len())?;
        // mostly small, because a small heap soon meets each special case
        let size: u16 = u.arbitrary()?;
        let setup = Setup {
            options,
            offset: draw::below(u, 128)?,
            bytes: 256 + usize::from(size >> (size & 7)) / 2,
        };
        let block = ALL[options].1;
        Ok((setup, draw::steps(u, |u| draw::op(u, block))?))
    }

    fn run(setup: Setup, steps: &[Op], plant: bool) {
        ALL[setup.options].2(setup, steps, plant);
    }

    fn source(setup: Setup, steps: &[Op]) -> Source {
        let Setup { offset, bytes, .. } = setup;
        let name = ALL[setup.options].0;
        let steps: Vec<Step> = steps.iter().copied().map(Step::Heap).collect();
        let steps = source(&steps).replacen("vec!", "", 1);
        Source {
            file: "src/heap/tests/",
            text: format!(
                "#[test]\n#[rustfmt::skip]\nfn name_it_for_what_was_wrong() {{\n    use \
                 crate::heap::testing::{{*, options::*}};\n    \
                 let mut world = World::<{name}>::at({offset}, {bytes});\n    \
                 world.run(&{steps});\n    world.run(&[Op::Collect, Op::Info]);\n}}\n"
            ),
        }
    }
}
