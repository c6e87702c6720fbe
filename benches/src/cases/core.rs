//! pystack, nlr and the scheduler: loops in bench.c.

use super::{Case, KB};
use crate::twin::Bench;

const TIMES: usize = 1000;

pub fn cases() -> Vec<Case> {
    vec![
        case("pystack-3-frames", |b| b.pystack),
        case("nlr-push-pop", |b| b.push_pop),
        case("nlr-push-jump", |b| b.push_jump),
        case("sched-schedule-run-4", |b| b.schedule_run),
    ]
}

fn case(name: &str, step: fn(&Bench) -> unsafe extern "C" fn(usize)) -> Case {
    Case::new(
        name,
        |w| w.start(16 * KB),
        move |w| {
            let step = step(w.bench());
            w.begin();
            // SAFETY: leaves pystack, nlr and the queue as they were.
            unsafe { step(TIMES) };
            w.end();
            w.ops = TIMES;
        },
    )
    .keeps()
}
