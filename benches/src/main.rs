//! The driver of `make bench`: the C original and mpgc in one process, on the same memory, in
//! turns.
//!
//! It prints a JSON object a line, as soon as it has one; tools/measure/bench.py makes the report.

mod cases;
#[cfg(feature = "charts")]
mod charts;
mod growth;
mod measure;
#[cfg(any(feature = "charts", test))]
#[cfg_attr(
    not(feature = "charts"),
    expect(dead_code, reason = "only the charts use all of it")
)]
mod scale;
// The twins' own description of their interface, so that there is only one.
#[allow(dead_code, reason = "the benchmarks do not ask for everything")]
#[path = "../../c-tests/twins/src/twin.rs"]
mod twin;
mod world;

use cases::{Case, MB};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;
use world::{Memory, World};

const USAGE: &str = "usage: mpgc-bench list
       mpgc-bench run|count SHARED-OBJECT SECONDS-A-CASE WORDS-WITH-COMMAS
       mpgc-bench growth SHARED-OBJECT SECONDS-A-POINT LARGEST-HEAP-MB
       mpgc-bench draw-ratios|draw-growth IN.json OUT.svg";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["list"] => {
            cases::all()
                .iter()
                .for_each(|case| println!("{}", case.name));
            Ok(())
        }
        ["run", library, seconds, only] => run(library, seconds, only),
        ["count", library, _, only] => count(library, only),
        ["growth", library, seconds, largest] => grow(library, seconds, largest),
        #[cfg(feature = "charts")]
        ["draw-ratios", from, to] => charts::ratios(from, to),
        #[cfg(feature = "charts")]
        ["draw-growth", from, to] => charts::growth(from, to),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Both sides on the same memory.
fn worlds(library: &str, bytes: usize) -> Result<[World; 2], String> {
    let memory = Memory::new(bytes)?;
    let [c, rust] = twin::load(library)?;
    if c.configuration() != rust.configuration() {
        return Err(format!(
            "{library}: the twins have different configurations"
        ));
    }
    if c.build_info().is_some() || rust.build_info().is_none() {
        return Err(format!(
            "{library}: c_twin and rust_twin are not the C and mpgc"
        ));
    }
    let guard = if is_hardened(rust) { world::GUARD } else { 0 };
    Ok([
        World::new(c, &memory, 0)?,
        World::new(rust, &memory, guard)?,
    ])
}

fn is_hardened(twin: &twin::Twin) -> bool {
    let info = twin.build_info().unwrap_or_default();
    info.split(", ").any(|word| word == "hardened")
}

fn seconds(word: &str) -> Result<Duration, String> {
    let seconds: f64 = word
        .parse()
        .map_err(|_| format!("{word} is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

/// The cases whose names contain one of the words; all if there is none.
fn chosen(only: &str) -> Result<Vec<Case>, String> {
    let words: Vec<_> = only.split(',').filter(|word| !word.is_empty()).collect();
    let mut cases = cases::all();
    cases.retain(|case| words.is_empty() || words.iter().any(|word| case.name.contains(word)));
    if cases.is_empty() {
        return Err(format!(
            "no case has {only} in its name; `mpgc-bench list` shows them"
        ));
    }
    Ok(cases)
}

fn run(library: &str, budget: &str, only: &str) -> Result<(), String> {
    let budget = seconds(budget)?;
    let mut worlds = worlds(library, 128 * MB)?;
    for case in chosen(only)? {
        for line in measure::measure(&case, &mut worlds, budget)? {
            println!("{}", line.to_json());
        }
    }
    Ok(())
}

/// callgrind's counts are in its own files; a line says which file belongs to which case.
fn count(library: &str, only: &str) -> Result<(), String> {
    let mut worlds = worlds(library, 128 * MB)?;
    let hardened = is_hardened(twin::load(library)?[1]);
    for case in chosen(only)?.iter().filter(|case| !case.latency) {
        let operations = measure::count(case, &mut worlds, !hardened)?;
        let counted = case.smaller.as_deref().unwrap_or(case);
        let line = json!({"case": case.name, "counted_as": counted.name, "operations": operations});
        println!("{line}");
    }
    Ok(())
}

fn grow(library: &str, budget: &str, largest: &str) -> Result<(), String> {
    let budget = seconds(budget)?;
    let largest: usize = largest
        .parse()
        .map_err(|_| format!("{largest} is no size in MB"))?;
    let mut worlds = worlds(library, largest * MB)?;
    for series in growth::all(largest * MB) {
        for (x, case) in &series.points {
            let line = &measure::measure(case, &mut worlds, budget)?[0];
            let point = json!({
                "chart": series.chart, "series": series.name, "unit": series.unit, "x": x,
                "c_ns": line.c_ns, "rust_ns": line.rust_ns,
            });
            println!("{point}");
        }
    }
    Ok(())
}
