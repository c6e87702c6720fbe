//! Measuring: both sides in turns until the time is up, and the statistics of the samples.

use crate::cases::Case;
use crate::world::World;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// At least that many samples of a case on each side, however long they take.
const LEAST_SAMPLES: usize = 3;
/// At most that many.
const MOST_SAMPLES: usize = 2000;

/// A line of the report. Times are those of one operation.
#[derive(Clone)]
pub struct Line {
    /// The case.
    pub case: String,
    /// The least time of the C.
    pub c_ns: f64,
    /// The least time of the Rust.
    pub rust_ns: f64,
    /// C / Rust of the least times.
    pub ratio: f64,
    /// The median of the C's times.
    pub c_median_ns: f64,
    /// The median of the Rust's times.
    pub rust_median_ns: f64,
    /// The median of C / Rust, each two samples that were taken one after the other.
    pub median_ratio: f64,
    /// On each side.
    pub samples: usize,
    /// In one sample.
    pub operations: usize,
}

impl Line {
    /// The line as an object of the report.
    pub fn to_json(&self) -> Value {
        json!({
            "case": self.case, "c_ns": self.c_ns, "rust_ns": self.rust_ns, "ratio": self.ratio,
            "c_median_ns": self.c_median_ns, "rust_median_ns": self.rust_median_ns,
            "median_ratio": self.median_ratio, "samples": self.samples, "operations": self.operations,
        })
    }
}

/// The samples of one thing, in the histogram's unit.
struct Samples {
    histogram: Histogram<u64>,
    least: f64,
    unit: f64,
}

impl Samples {
    /// Samples whose differences matter down to `unit`.
    fn new(unit: f64) -> Self {
        Samples {
            histogram: Histogram::new(4).expect("four digits are within its bounds"),
            least: f64::INFINITY,
            unit,
        }
    }

    fn add(&mut self, value: f64) {
        self.least = self.least.min(value);
        let recorded = self.histogram.record((value / self.unit) as u64);
        recorded.expect("the histogram grows by itself");
    }

    fn quantile(&self, quantile: f64) -> f64 {
        self.histogram.value_at_quantile(quantile) as f64 * self.unit
    }
}

/// Nanoseconds are reported to three decimals.
const PICOSECOND: f64 = 1e-3;

/// Measures a case for about `budget`. A case of latency gives a line for each percentile.
pub fn measure(
    case: &Case,
    worlds: &mut [World; 2],
    budget: Duration,
) -> Result<Vec<Line>, String> {
    let begun = Instant::now();
    if case.keeps {
        worlds.iter_mut().for_each(|w| (case.build)(w));
    }
    // the first run warms up
    sample(case, worlds, [0, 1])?;
    let mut times = [Samples::new(PICOSECOND), Samples::new(PICOSECOND)];
    let mut ratios = Samples::new(1e-6);
    let mut latencies = [Vec::new(), Vec::new()];
    let mut samples = 0;
    while samples < LEAST_SAMPLES || (samples < MOST_SAMPLES && begun.elapsed() < budget) {
        let order = if samples % 2 == 0 { [0, 1] } else { [1, 0] };
        let taken = sample(case, worlds, order)?;
        for (side, ns) in times.iter_mut().zip(taken) {
            side.add(ns);
        }
        ratios.add(taken[0] / taken[1]);
        samples += 1;
        for (least, world) in latencies.iter_mut().zip(worlds.iter()) {
            keep_least(least, &world.latencies);
        }
    }
    let line = |name: &str, best: [f64; 2], median: [f64; 2], median_ratio: f64| Line {
        case: name.into(),
        c_ns: best[0],
        rust_ns: best[1],
        ratio: best[0] / best[1],
        c_median_ns: median[0],
        rust_median_ns: median[1],
        median_ratio,
        samples,
        operations: worlds[0].ops,
    };
    if !case.latency {
        let best = [times[0].least, times[1].least];
        let median = [times[0].quantile(0.5), times[1].quantile(0.5)];
        return Ok(vec![line(&case.name, best, median, ratios.quantile(0.5))]);
    }
    let least = latencies.map(|all| {
        let mut samples = Samples::new(1.0);
        // times below the clock's resolution count as one nanosecond
        all.iter().for_each(|ns| samples.add((*ns).max(1) as f64));
        samples
    });
    let percentiles = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];
    Ok(percentiles
        .map(|(name, quantile)| {
            let at = [least[0].quantile(quantile), least[1].quantile(quantile)];
            line(&format!("{}-{name}", case.name), at, at, at[0] / at[1])
        })
        .into())
}

/// One run on either side, in that order: the nanoseconds of an operation, the C's first.
fn sample(case: &Case, worlds: &mut [World; 2], order: [usize; 2]) -> Result<[f64; 2], String> {
    let mut taken = [0.0; 2];
    let mut digests = [0; 2];
    for side in order {
        let w = &mut worlds[side];
        if !case.keeps {
            (case.build)(w);
        }
        w.forget_elapsed();
        (case.run)(w);
        taken[side] = w.take_elapsed().as_nanos().max(1) as f64 / w.ops as f64;
        digests[side] = w.digest();
    }
    if digests[0] != digests[1] || worlds[0].ops != worlds[1].ops {
        return Err(format!(
            "{}: the C and the Rust gave different results",
            case.name
        ));
    }
    Ok(taken)
}

/// The same operation was measured in each sample: its least time is nearest to what it takes.
fn keep_least(least: &mut Vec<u64>, taken: &[u64]) {
    if least.len() != taken.len() {
        *least = taken.to_vec();
        return;
    }
    for (least, taken) in least.iter_mut().zip(taken) {
        *least = taken.min(least).to_owned();
    }
}

/// Runs a case once on each side, to be counted under callgrind. Returns the number of operations
/// on each side. The pool of a hardened mpgc is a little smaller, so that its results are others:
/// not `alike`.
pub fn count(case: &Case, worlds: &mut [World; 2], alike: bool) -> Result<[usize; 2], String> {
    let case = case.smaller.as_deref().unwrap_or(case);
    for (w, side) in worlds.iter_mut().zip(["c", "rust"]) {
        (case.build)(w);
        w.forget_elapsed();
        w.count_as(Some(&format!("{side} {}", case.name)));
        (case.run)(w);
        w.count_as(None);
        w.take_elapsed();
    }
    let digests = worlds.each_mut().map(World::digest);
    if alike && digests[0] != digests[1] {
        return Err(format!(
            "{}: the C and the Rust gave different results",
            case.name
        ));
    }
    Ok(worlds.each_ref().map(|w| w.ops))
}
