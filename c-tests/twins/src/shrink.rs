//! Reduces a trace to the steps that it needs to fail.

use crate::pair::Setup;
use crate::run::{self, Failure, Progress, in_child, replay};
use crate::twin::Twin;
use mpgc::heap::testing::Step;

/// The most replays; each takes at most a few seconds, mostly far less.
const REPLAYS: usize = 4000;

/// The shortest trace found that still fails, and how it does. `None` if the trace does not fail
/// again.
pub fn shrink(
    twins: [&'static Twin; 2],
    setup: Setup,
    steps: &[Step],
    progress: &mut Progress,
) -> Option<(Vec<Step>, Failure)> {
    let fails = |steps: &[Step]| {
        let work = |_: &mut Progress| {
            run::be_quiet();
            replay(twins, setup, steps)
        };
        in_child(progress, work).err()
    };
    shortest(steps, fails)
}

/// The shortest list found for which `fails` still tells a failure, and that failure. `None` if it
/// does not fail as it is.
pub fn shortest<T: Clone, F>(
    steps: &[T],
    mut fails: impl FnMut(&[T]) -> Option<F>,
) -> Option<(Vec<T>, F)> {
    let mut shortest = steps.to_vec();
    let mut failure = fails(&shortest)?;
    let mut replays = 0;
    let mut chunk = shortest.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        let before = shortest.len();
        while at < shortest.len() && replays < REPLAYS {
            let mut shorter = shortest.clone();
            shorter.drain(at..(at + chunk).min(shortest.len()));
            replays += 1;
            match fails(&shorter) {
                Some(found) => {
                    shortest = shorter;
                    failure = found;
                }
                None => at += chunk,
            }
        }
        if chunk > 1 || shortest.len() == before || replays >= REPLAYS {
            chunk /= 2;
        }
    }
    Some((shortest, failure))
}

/// A trace as Rust source.
pub fn source(steps: &[Step]) -> String {
    let heap_only = steps.iter().all(|step| matches!(step, Step::Heap(_)));
    let lines = steps.iter().map(|step| match step {
        Step::Heap(op) => {
            // Debug names a variant without its type.
            let op = format!("Op::{op:?}").replace("action: ", "action: FinaliserAction::");
            if heap_only {
                format!("    {op},\n")
            } else {
                format!("    Step::Heap({op}),\n")
            }
        }
        Step::Core(op) => {
            let op = format!("{op:?}").replace("action: ", "action: CallbackAction::");
            format!("    Step::Core(CoreOp::{op}),\n")
        }
    });
    format!("vec![\n{}]", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mpgc::heap::testing::{CallbackAction, CoreOp, FinaliserAction, Op};

    #[test]
    fn a_trace_of_the_heap_alone_is_a_list_of_op() {
        let action = FinaliserAction::Raises;
        let trace = [
            Step::Heap(Op::Collect),
            Step::Heap(Op::Finaliser { action }),
        ];
        assert_eq!(
            source(&trace),
            "vec![\n    Op::Collect,\n    Op::Finaliser { action: FinaliserAction::Raises },\n]"
        );
    }

    #[test]
    fn other_traces_are_lists_of_step() {
        let action = CallbackAction::Locks;
        let trace = [
            Step::Heap(Op::Lock),
            Step::Core(CoreOp::Callback { action }),
        ];
        assert_eq!(
            source(&trace),
            "vec![\n    Step::Heap(Op::Lock),\n    Step::Core(CoreOp::Callback { action: CallbackAction::Locks }),\n]"
        );
    }
}
