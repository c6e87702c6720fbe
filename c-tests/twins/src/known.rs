//! Traces that once showed a difference, or that random ones rarely produce. A trace that `make
//! twins` prints is pasted here. Each runs before the drawn ones, in every configuration.

use crate::pair::Setup;
use mpgc::heap::testing::{CallbackAction, CoreOp, FinaliserAction, Op, Step};

/// A trace with a name that describes it.
pub struct Known {
    /// Its description.
    pub name: &'static str,
    /// The heap that it needs.
    pub setup: Setup,
    /// Its steps.
    pub steps: Vec<Step>,
}

fn heap(name: &'static str, setup: Setup, steps: Vec<Op>) -> Known {
    let steps = steps.into_iter().map(Step::Heap).collect();
    Known { name, setup, steps }
}

fn alloc(bytes: usize) -> Op {
    Op::Alloc {
        bytes,
        finaliser: false,
    }
}

/// All of them, for blocks of that many bytes.
pub fn known(block: usize) -> Vec<Known> {
    let setup = |blocks: usize| Setup {
        bytes: (blocks + 1) * (block + 1) + 64,
        offset: 3,
        budget: 64 * 1024,
        stack: 256,
        fill: 0x55,
    };
    vec![
        heap(
            "a chunk grows to the last block, and a collection follows",
            setup(8),
            vec![
                Op::Alloc {
                    bytes: block,
                    finaliser: true,
                },
                alloc(block),
                Op::Root {
                    chunk: 0,
                    offset: 0,
                },
                Op::Root {
                    chunk: 1,
                    offset: 0,
                },
                Op::Realloc {
                    chunk: 1,
                    bytes: 7 * block,
                    may_move: false,
                },
                Op::Collect,
                alloc(block),
            ],
        ),
        heap(
            "the rest of a run that is cut at the border of a segment is found",
            setup(1024),
            vec![
                alloc(250 * block),
                alloc(20 * block),
                alloc(240 * block),
                alloc(500 * block),
                Op::Free { chunk: 1 },
                alloc(30 * block),
                Op::Free { chunk: 0 },
                alloc(251 * block),
                alloc(19 * block),
                alloc(2 * block),
            ],
        ),
        heap(
            "finalisers free what lies behind them, and what lives",
            setup(64),
            vec![
                Op::Finaliser {
                    action: FinaliserAction::FreesLinked,
                },
                Op::Alloc {
                    bytes: block,
                    finaliser: true,
                },
                Op::Alloc {
                    bytes: 2 * block,
                    finaliser: true,
                },
                Op::Alloc {
                    bytes: block,
                    finaliser: true,
                },
                alloc(3 * block),
                Op::Link {
                    from: 0,
                    word: 1,
                    to: 1,
                },
                Op::Link {
                    from: 1,
                    word: 1,
                    to: 0,
                },
                Op::Link {
                    from: 2,
                    word: 1,
                    to: 3,
                },
                Op::Root {
                    chunk: 3,
                    offset: 0,
                },
                Op::Collect,
                alloc(block),
                alloc(3 * block),
            ],
        ),
        Known {
            name: "a callback that queues itself into a full queue, an abort and an interrupt at once",
            setup: setup(64),
            steps: [
                Step::Core(CoreOp::Callback {
                    action: CallbackAction::Schedules,
                }),
                Step::Heap(alloc(block)),
            ]
            .into_iter()
            .chain((0..5).map(|_| {
                Step::Core(CoreOp::Schedule {
                    function: 0,
                    argument: 0,
                })
            }))
            .chain([
                Step::Core(CoreOp::KeyboardInterrupt),
                Step::Core(CoreOp::VmAbort),
                Step::Core(CoreOp::Pending {
                    how: 2,
                    abort_buffer: true,
                }),
                Step::Core(CoreOp::Pending {
                    how: 2,
                    abort_buffer: true,
                }),
                Step::Core(CoreOp::Pending {
                    how: 3,
                    abort_buffer: false,
                }),
                Step::Heap(Op::Collect),
            ])
            .collect(),
        },
    ]
}
