//! How often the hook of long loops (`MICROPY_GC_HOOK_LOOP`) is called: a port that polls its
//! devices there must not be called less often than by the C.
//!
//! - In a collection, in `gc_info` and in whatever else does not search, mpgc looks at what the C
//!   looks at, and calls the hook at least as often.
//! - Where the mark stack was full, the C reads marked objects again and again, and mpgc does not
//!   (docs/upstream.md, 4). The calls up to there are compared.
//! - A search of the C goes by the byte of the table. mpgc steps over what it knows to be full
//!   (docs/upstream.md, 20), and calls the hook once a search at least.

use crate::pair::{Outcome, Pair, same};
use crate::twin::Counts;
use mpgc::heap::testing::{CoreOp, Op, Step};

/// Whether a step may search for free blocks.
fn searches(step: Step) -> bool {
    match step {
        Step::Heap(op) => matches!(
            op,
            Op::Alloc { .. } | Op::AllocUnread { .. } | Op::Realloc { .. }
        ),
        // What runs there may allocate.
        Step::Core(op) => matches!(op, CoreOp::Pending { .. } | CoreOp::SchedUnlock),
    }
}

/// The calls between two counts.
#[derive(Clone, Copy)]
struct Calls {
    /// In collections.
    collect: usize,
    /// In collections, up to the first look at the mark stack.
    mark: usize,
    /// Anywhere else.
    other: usize,
    full_stacks: usize,
}

impl Calls {
    fn between(before: Counts, now: Counts) -> Self {
        let collect = now.collect_steps - before.collect_steps;
        Calls {
            collect,
            mark: now.mark_steps - before.mark_steps,
            other: now.steps - before.steps - collect,
            full_stacks: now.overflows - before.overflows,
        }
    }
}

impl Pair {
    /// The counts before a step.
    pub(crate) fn steps_before(&self) -> Option<[Counts; 2]> {
        self.twin(0).hook_loop.then(|| {
            [0, 1].map(|i| {
                // SAFETY: the heap was made.
                unsafe { (self.twin(i).settle)() };
                self.counts(i)
            })
        })
    }

    /// Whether the hook was called as often as it has to be in a step that has just been done.
    pub(crate) fn expect_steps(&self, step: Step, before: Option<[Counts; 2]>) -> Outcome {
        let Some(before) = before else {
            return Ok(());
        };
        let [c, rust] = [0, 1].map(|i| Calls::between(before[i], self.counts(i)));
        let least = if searches(step) {
            c.other.min(1)
        } else {
            c.other
        };
        let (c_collect, collect) = if c.full_stacks > 0 {
            (c.mark, rust.collect)
        } else {
            (c.collect, rust.collect)
        };
        for (what, c, rust) in [
            ("calls of the hook (C: the least)", least, rust.other),
            ("calls of the hook in collections", c_collect, collect),
        ] {
            if rust < c {
                same(what, c, rust)?;
            }
        }
        Ok(())
    }
}
