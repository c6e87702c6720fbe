//! Runs traces in a child process, so that a crash of either side is a result like any other.

use crate::covered::Covered;
use crate::generate::{Generator, length, setup};
use crate::pair::{Difference, Outcome, Pair, Setup};
use crate::plant::{Plant, plant};
use crate::twin::Twin;
use fastrand::Rng;
use mpgc::heap::testing::Step;

/// The most steps of one run.
pub const MAX_STEPS: usize = 1 << 14;
/// Seconds after which a run hangs.
const PATIENCE: u32 = 120;
const DIFFERS: i32 = 10;
/// How the report of a child that ends through `mpgc_fault` begins.
pub const TELLS: &str = "mpgc_fault tells";
/// `TWIN_FAULT_STATUS` of twin.h.
const FAULT_STATUS: i32 = 110;

/// What the child reports to the parent, in memory that both share.
pub struct Progress {
    /// The number of the run: with the seed, its seed.
    pub run: u64,
    /// Its setup.
    pub setup: Setup,
    /// How many steps were begun.
    pub begun: usize,
    /// The steps.
    pub steps: [Step; MAX_STEPS],
    /// What was covered.
    pub covered: Covered,
    said: [u8; 4096],
    said_len: usize,
}

/// Makes the memory that parent and child share.
///
/// # Panics
///
/// When there is none.
pub fn shared() -> &'static mut Progress {
    let bytes = size_of::<Progress>();
    // SAFETY: asks for new memory; zeros are a value of all the fields that are read before they
    // are written (the counters).
    unsafe {
        let memory = libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert!(memory != libc::MAP_FAILED, "no shared memory");
        &mut *memory.cast::<Progress>()
    }
}

/// Suppresses further output of this process: the reason of a crash has been reported.
pub fn be_quiet() {
    // SAFETY: system calls on the process's own descriptors.
    unsafe {
        let nowhere = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY);
        libc::dup2(nowhere, 2);
    }
}

/// How a failed child ended.
#[derive(Debug)]
pub struct Failure {
    /// What differed, or which signal it was.
    pub what: String,
}

/// Runs `work` in a child; `Err` says how it differs or crashes.
///
/// # Panics
///
/// When there is no child.
pub fn in_child(
    progress: &mut Progress,
    work: impl FnOnce(&mut Progress) -> Outcome,
) -> Result<(), Failure> {
    progress.said_len = 0;
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork fails");
    if child == 0 {
        let status = match work(progress) {
            Ok(()) => 0,
            Err(difference) => {
                progress.say(&difference);
                DIFFERS
            }
        };
        // SAFETY: ends the child without what the parent has to do at its own end.
        unsafe { libc::_exit(status) }
    }
    let mut status = 0;
    // SAFETY: the child is ours.
    unsafe { libc::waitpid(child, &mut status, 0) };
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        let hangs = if signal == libc::SIGALRM {
            " (it hangs)"
        } else {
            ""
        };
        return Err(Failure {
            what: format!("signal {signal}{hangs}"),
        });
    }
    match libc::WEXITSTATUS(status) {
        0 => Ok(()),
        DIFFERS => Err(Failure {
            what: progress.heard(),
        }),
        other if other > FAULT_STATUS => Err(Failure {
            what: format!("{TELLS} a fault of kind {}", other - FAULT_STATUS),
        }),
        other => Err(Failure {
            what: format!("exit status {other}"),
        }),
    }
}

impl Progress {
    fn say(&mut self, difference: &Difference) {
        let Difference { what, c, rust } = difference;
        let text = format!("{what}\n    C:    {c}\n    Rust: {rust}");
        let len = text.len().min(self.said.len());
        self.said[..len].copy_from_slice(&text.as_bytes()[..len]);
        self.said_len = len;
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.said[..self.said_len]).into_owned()
    }
}

/// The seed of a run.
fn rng_of(seed: u64, run: u64) -> Rng {
    let mut rng = Rng::with_seed(seed ^ run.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    // The first numbers of neighbouring seeds resemble each other.
    rng.u64(..);
    rng.fork()
}

/// One run of drawn steps.
fn drawn(
    twins: [&'static Twin; 2],
    seed: u64,
    progress: &mut Progress,
    planted: Option<Plant>,
) -> Outcome {
    let mut rng = rng_of(seed, progress.run);
    progress.setup = setup(&mut rng, twins[0]);
    let steps = length(&mut rng, &progress.setup).min(MAX_STEPS);
    let mut generator = Generator::new(rng.fork(), &progress.setup, twins[0]);
    progress.begun = 0;
    // SAFETY: a system call that interrupts the process if it hangs.
    unsafe { libc::alarm(PATIENCE) };
    let mut pair = Pair::new(twins, progress.setup);
    let outcome = (0..steps).try_for_each(|i| {
        // What the generator asks of one side is no part of a step.
        let logged_before = pair.side(0).log.len();
        progress.steps[i] = generator.next(&pair);
        pair.side_mut(0).log.truncate(logged_before);
        progress.begun = i + 1;
        pair.step(progress.steps[i])?;
        if Some(i) == planted.map(|_| steps / 2) {
            plant(&mut pair, planted);
        }
        periodic(&mut pair, i, progress.setup.bytes)
    });
    let outcome = outcome.and_then(|()| pair.compare_all());
    progress.covered.add(&pair.covered);
    outcome
}

/// What is compared after step `i`. The larger the heap, the rarer the comparisons of all of it.
///
/// # Errors
///
/// The first difference.
pub fn periodic(pair: &mut Pair, i: usize, bytes: usize) -> Outcome {
    let scale = (bytes / 4096 + 1).next_power_of_two();
    let every = |steps: usize| i.is_multiple_of(steps);
    if every((2 * scale).min(64)) {
        pair.compare_tables()?;
    }
    if every(16 * scale) {
        pair.compare_figures()?;
    }
    if every(32 * scale) {
        pair.compare_pools()?;
    }
    if every(256 * scale) {
        pair.compare_dumps()?;
    }
    Ok(())
}

/// Runs until `operations` are done.
///
/// # Errors
///
/// How the first run that fails does.
pub fn random(
    twins: [&'static Twin; 2],
    seed: u64,
    operations: u64,
    progress: &mut Progress,
    planted: Option<Plant>,
) -> Result<(), Failure> {
    in_child(progress, |progress| {
        while progress.covered.operations < operations {
            drawn(twins, seed, progress, planted)?;
            progress.run += 1;
        }
        Ok(())
    })
}

/// Runs given steps and compares everything after each.
///
/// # Errors
///
/// The first difference.
pub fn replay(twins: [&'static Twin; 2], setup: Setup, steps: &[Step]) -> Outcome {
    // SAFETY: as in `drawn`.
    unsafe { libc::alarm(PATIENCE) };
    let mut pair = Pair::new(twins, setup);
    replay_in(&mut pair, setup, steps).map_err(|difference| {
        let [c, rust] = [0, 1].map(|i| pair.side(i).dump());
        if c.len() > 1000 {
            return difference;
        }
        let both = [(difference.c, c), (difference.rust, rust)];
        let [c, rust] = both.map(|(value, dump)| format!("{value}\n{dump}"));
        Difference {
            c,
            rust,
            ..difference
        }
    })
}

/// Runs given steps on two heaps that were just made, and compares.
///
/// # Errors
///
/// The first difference.
pub fn replay_in(pair: &mut Pair, setup: Setup, steps: &[Step]) -> Outcome {
    pair.compare_all()?;
    let thorough = setup.bytes < 100_000;
    for (i, &step) in steps.iter().enumerate() {
        pair.step(step)?;
        if thorough || i % 64 == 0 {
            pair.compare_tables()?;
            pair.compare_figures()?;
            pair.compare_pools()?;
        }
    }
    pair.compare_all()
}
