//! The Python stack against a naive one.

use crate::{Source, Target, draw};
use arbitrary::{Result, Unstructured};
use mpgc::heap::testing::{CoreOp, Step};
use mpgc::pystack::ChunkLayout;
use mpgc::pystack::testing::Stack;
use twins::shrink::source;

/// The region, and how chunks lie in it.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    layout: ChunkLayout,
    bytes: usize,
}

/// The target.
pub struct Pystack;

impl Target for Pystack {
    type Setup = Setup;
    type Step = CoreOp;

    fn draw(u: &mut Unstructured) -> Result<(Setup, Vec<CoreOp>)> {
        let layout = ChunkLayout {
            align: 1 << draw::below(u, 8)?,
            size_slot: u.arbitrary()?,
        };
        let bytes = draw::below(u, 1 << 13)?;
        let steps = draw::steps(u, |u| {
            let kind: u8 = u.arbitrary()?;
            let number = usize::from(kind >> 2);
            Ok(match kind & 3 {
                0 => CoreOp::PystackFree { chunk: number },
                1 => CoreOp::PystackAlloc { bytes: number },
                2 => CoreOp::PystackAlloc {
                    bytes: draw::below(u, 1 << 13)?,
                },
                // near the end of the address space, and near powers of two
                _ => CoreOp::PystackAlloc {
                    bytes: (usize::MAX >> number).wrapping_sub(draw::below(u, 256)?),
                },
            })
        })?;
        Ok((Setup { layout, bytes }, steps))
    }

    fn run(setup: Setup, steps: &[CoreOp], plant: bool) {
        let mut stack = Stack::new(setup.layout, setup.bytes);
        for (i, &step) in steps.iter().enumerate() {
            stack.step(step);
            if plant && i >= 2 && stack.depth() == 2 {
                stack.spoiled = 1;
            }
        }
        stack.finish();
    }

    fn source(setup: Setup, steps: &[CoreOp]) -> Source {
        let Setup { layout, bytes } = setup;
        let steps: Vec<Step> = steps.iter().copied().map(Step::Core).collect();
        let steps = source(&steps).replacen("vec!", "", 1);
        // these steps are of one kind
        let steps = steps.replace("Step::Core(", "").replace("),\n", ",\n");
        Source {
            file: "src/pystack.rs",
            text: format!(
                "#[test]\n#[rustfmt::skip]\nfn name_it_for_what_was_wrong() {{\n    use \
                 crate::heap::testing::*;\n    \
                 use crate::pystack::{{testing::*, *}};\n    \
                 Stack::new({layout:?}, {bytes}).run(&{steps});\n}}\n"
            ),
        }
    }
}
