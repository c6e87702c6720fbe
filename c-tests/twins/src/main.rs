//! Takes the C original and mpgc through the same operations in one process and compares them.
//!
//! ```text
//!   twins SHARED-OBJECT prove [functions]
//!   twins SHARED-OBJECT random OPERATIONS SEED [RUN]
//!   twins SHARED-OBJECT small [SHARE]
//!   twins SHARED-OBJECT faults
//! ```
//!
//! `tools/verify/twins.py` makes the shared object and calls this. Exit status 0: no difference.

use std::process::ExitCode;
use twins::run::{self, Failure, Progress};
use twins::twin::{self, Twin};
use twins::{faults, known, prove, shrink, small};

const USAGE: &str =
    "usage: twins SHARED-OBJECT prove|small [SHARE]|faults|random OPERATIONS SEED [RUN]";

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| {
        let word = arguments.get(at).ok_or(USAGE)?;
        word.parse::<u64>()
            .map_err(|_| format!("{word} is no number; {USAGE}"))
    };
    let path = arguments.first().ok_or(USAGE)?;
    let twins = twin::load(path)?;
    match arguments.get(1).map(String::as_str) {
        Some("prove") => {
            let functions_only = arguments.get(2).is_some_and(|word| word == "functions");
            prove::prove(twins, !functions_only)
        }
        Some("faults") => faults::faults(twins),
        Some("small") => {
            let share = if arguments.len() > 2 { number(2)? } else { 1 };
            small::small(twins, share.max(1) as usize)
        }
        Some("random") => {
            let run = if arguments.len() > 4 { number(4)? } else { 0 };
            random(twins, number(2)?, number(3)?, run)
        }
        _ => Err(USAGE.into()),
    }
}

fn random(twins: [&'static Twin; 2], operations: u64, seed: u64, run: u64) -> Result<(), String> {
    let progress = run::shared();
    for known in known::known(twins[0].block_bytes as usize) {
        let work = |_: &mut Progress| run::replay(twins, known.setup, &known.steps);
        run::in_child(progress, work)
            .map_err(|failure| format!("{}: {}", known.name, failure.what))?;
    }
    progress.run = run;
    let outcome = run::random(twins, seed, operations, progress, None);
    for (name, count) in progress.covered.all() {
        println!("{name} {count}");
    }
    let Err(failure) = outcome else {
        if progress.covered.operations == 0 || progress.covered.tables_compared == 0 {
            return Err("nothing was compared".into());
        }
        return Ok(());
    };
    Err(account(twins, seed, progress, &failure))
}

/// Everything that is needed to reproduce a difference.
fn account(
    twins: [&'static Twin; 2],
    seed: u64,
    progress: &mut Progress,
    failure: &Failure,
) -> String {
    let (run, setup, begun) = (progress.run, progress.setup, progress.begun);
    let mut text = format!(
        "seed {seed} run {run} operation {begun}: {}\n{setup:?}\n",
        failure.what
    );
    let steps = progress.steps[..begun].to_vec();
    match shrink::shrink(twins, setup, &steps, progress) {
        Some((steps, failure)) => {
            let n = steps.len();
            text += &format!(
                "in {n} steps: {}\n{}\n",
                failure.what,
                shrink::source(&steps)
            );
        }
        None => text += "the steps alone do not show it again: run it with the same seed and run\n",
    }
    text
}
