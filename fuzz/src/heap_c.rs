//! The heap, the Python stack, the scheduler and nlr against the C original: the pair of
//! c-tests/twins.

use crate::{Source, Target, draw};
use arbitrary::{Result, Unstructured};
use mpgc::heap::testing::Step;
use std::cell::OnceCell;
use twins::pair::{Pair, Setup as PairSetup};
use twins::plant::{Plant, plant};
use twins::run;
use twins::shrink::source;
use twins::twin::{self, Twin};

/// The twins of a configuration.
struct Configuration {
    name: String,
    twins: [&'static Twin; 2],
}

thread_local! {
    /// Of the one thread that runs inputs.
    static CONFIGURATIONS: OnceCell<&'static [Configuration]> = const { OnceCell::new() };
}

/// libFuzzer reads further coverage from this section: that of the twins, which it cannot see
/// otherwise.
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static mut COUNTERS: [u8; COUNTERS_LEN] = [0; COUNTERS_LEN];
const COUNTERS_LEN: usize = 1 << 15;

/// Loads the shared objects that `MPGC_FUZZ_TWINS` names: `name=path,name=path`.
///
/// Without them nothing can be compared, so the process ends.
pub fn load(cover: bool) {
    let loaded = std::env::var("MPGC_FUZZ_TWINS")
        .map_err(|_| "MPGC_FUZZ_TWINS names no shared object of the twins: run it by `make fuzz TARGET=heap_c`".into())
        .and_then(|names| names.split(',').map(|named| load_one(named, cover)).collect::<std::result::Result<Vec<_>, _>>());
    match loaded {
        Ok(all) => CONFIGURATIONS.with(|here| _ = here.set(all.leak())),
        Err(message) => {
            eprintln!("error: {message}");
            std::process::exit(1)
        }
    }
}

fn load_one(named: &str, cover: bool) -> std::result::Result<Configuration, String> {
    let (name, path) = named
        .split_once('=')
        .ok_or_else(|| format!("MPGC_FUZZ_TWINS: `{named}` is not `name=path`"))?;
    let twins = twin::load(path)?;
    if cover {
        let counters = &raw mut COUNTERS;
        // SAFETY: the counters are there as long as the process; the fuzzer reads them between
        // runs.
        unsafe { twin::cover(path, counters.cast(), COUNTERS_LEN)? };
    }
    Ok(Configuration {
        name: name.into(),
        twins,
    })
}

fn configurations() -> &'static [Configuration] {
    let loaded = CONFIGURATIONS.with(|here| here.get().copied());
    loaded.expect("loaded before the first input")
}

/// Which twins, and their memory.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    configuration: usize,
    pair: PairSetup,
}

/// The target.
pub struct HeapC;

impl Target for HeapC {
    type Setup = Setup;
    type Step = Step;

    fn draw(u: &mut Unstructured) -> Result<(Setup, Vec<Step>)> {
        let all = configurations();
        let configuration = draw::below(u, 64)? % all.len();
        let block = all[configuration].twins[0].block_bytes as usize;
        let size: u8 = u.arbitrary()?;
        // never too few for a table byte's four blocks: docs/upstream.md, 1
        let blocks = 4 + (usize::from(size >> 3) << (size & 7)) / 4;
        let pair = PairSetup {
            bytes: (blocks + 1) * (block + 1) + draw::below(u, 256)? + 64,
            offset: draw::below(u, 256)?,
            budget: 1024 * draw::below(u, 64)?,
            stack: 8 * (2 + draw::below(u, 128)?),
            fill: draw::one_of(u, &[0, 0xcc, 0xff, 0x55])?,
        };
        let setup = Setup {
            configuration,
            pair,
        };
        Ok((setup, draw::steps(u, |u| draw::step(u, block))?))
    }

    fn run(setup: Setup, steps: &[Step], planted: bool) {
        let twins = configurations()[setup.configuration].twins;
        let mut pair = Pair::new(twins, setup.pair);
        let mut done = pair.compare_all();
        for (i, &step) in steps.iter().enumerate() {
            done = done.and_then(|()| pair.step(step));
            if planted && i >= 5 && pair.live.len() >= 2 {
                plant(&mut pair, Some(Plant::AllocTable));
            }
            done = done.and_then(|()| run::periodic(&mut pair, i, setup.pair.bytes));
        }
        if let Err(difference) = done.and_then(|()| pair.compare_all()) {
            panic!(
                "{}:\n    C:    {}\n    Rust: {}",
                difference.what, difference.c, difference.rust
            );
        }
    }

    fn source(setup: Setup, steps: &[Step]) -> Source {
        let name = &configurations()[setup.configuration].name;
        let pair = format!("{:?}", setup.pair).replace("Setup {", "setup: Setup {");
        let heap_only = steps.iter().all(|step| matches!(step, Step::Heap(_)));
        let steps = source(steps);
        let map = if heap_only {
            ".into_iter().map(Step::Heap).collect()"
        } else {
            ""
        };
        Source {
            file: "the list in c-tests/twins/src/known.rs",
            text: format!(
                "Known {{\n    name: \"what was wrong (found with {name})\",\n    {pair},\n    \
                 steps: {steps}{map},\n}},\n"
            ),
        }
    }
}
