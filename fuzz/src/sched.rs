//! The scheduler with interrupts between any two of its steps.

use crate::{Source, Target, draw};
use arbitrary::{Result, Unstructured};
use mpgc::sched::testing::{CallbackAction, CoreOp, Interrupt, NODES, Scheduler, Step};

/// The queue's length, as a power of two, and where it starts.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    depth: usize,
    first: u8,
}

/// The target.
pub struct Sched;

type Run = fn(u8, &[Step], bool);

const DEPTHS: [(usize, Run); 4] = [
    (1, run::<1>),
    (2, run::<2>),
    (4, run::<4>),
    (128, run::<128>),
];

fn run<const DEPTH: usize>(first: u8, steps: &[Step], plant: bool) {
    let scheduler = Scheduler::<DEPTH>::new(first);
    for &step in steps {
        scheduler.step(step);
        if plant && scheduler.interrupted() >= 2 {
            scheduler.spoil();
        }
    }
    scheduler.finish();
}

impl Target for Sched {
    type Setup = Setup;
    type Step = Step;

    fn draw(u: &mut Unstructured) -> Result<(Setup, Vec<Step>)> {
        let setup = Setup {
            depth: draw::below(u, DEPTHS.len())?,
            first: u.arbitrary()?,
        };
        let steps = draw::steps(u, |u| {
            let kind: u8 = u.arbitrary()?;
            let number = usize::from(kind >> 4);
            let after = (kind >> 4) & 7;
            Ok(match kind & 15 {
                0 | 1 => Step::Main(CoreOp::Schedule {
                    function: 0,
                    argument: 0,
                }),
                2 => Step::Main(CoreOp::ScheduleNode {
                    node: number % NODES,
                }),
                3 => Step::Main(CoreOp::SchedLock),
                4 => Step::Main(CoreOp::SchedUnlock),
                5..8 => Step::Main(CoreOp::Pending {
                    how: kind >> 7,
                    abort_buffer: kind & 0x40 != 0,
                }),
                8 if number & 1 != 0 => Step::Main(CoreOp::VmAbort),
                8 => Step::Main(CoreOp::Exception { chunk: 0 }),
                9 => Step::Main(CoreOp::Callback {
                    action: CallbackAction::ALL[number % CallbackAction::ALL.len()],
                }),
                kind => Step::Interrupt {
                    after,
                    op: match kind {
                        10 => Interrupt::Schedule,
                        11 => Interrupt::ScheduleNode {
                            node: draw::below(u, NODES)?,
                        },
                        12 => Interrupt::Lock,
                        13 => Interrupt::Unlock,
                        14 => Interrupt::Locked,
                        15 if kind >> 7 != 0 => Interrupt::Abort,
                        _ => Interrupt::Exception,
                    },
                },
            })
        })?;
        Ok((setup, steps))
    }

    fn run(setup: Setup, steps: &[Step], plant: bool) {
        DEPTHS[setup.depth].1(setup.first, steps, plant);
    }

    fn source(setup: Setup, steps: &[Step]) -> Source {
        let depth = DEPTHS[setup.depth].0;
        let first = setup.first;
        // Debug names a variant without its type
        let lines = steps.iter().map(|step| {
            let text = match step {
                Step::Main(op) => format!("Main(CoreOp::{op:?})"),
                Step::Interrupt { after, op } => {
                    format!("Interrupt {{ after: {after}, op: Interrupt::{op:?} }}")
                }
            };
            let text = text.replace("action: ", "action: CallbackAction::");
            format!("        Step::{text},\n")
        });
        let lines: String = lines.collect();
        Source {
            file: "src/sched/tests.rs",
            text: format!(
                "#[test]\n#[rustfmt::skip]\nfn name_it_for_what_was_wrong() {{\n    use \
                 crate::sched::testing::*;\n    \
                 Scheduler::<{depth}>::new({first}).run(&[\n{lines}    ]);\n}}\n"
            ),
        }
    }
}
