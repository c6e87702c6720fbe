//! A finding as a test: the shortest steps that still fail, as Rust source.

use crate::Target;
use std::path::Path;
use twins::shrink::shortest;

/// Seconds after which a run hangs.
const PATIENCE: u32 = 20;

/// Writes the test into `file`, and ends the process.
pub fn show<T: Target>(setup: T::Setup, steps: &[T::Step], plant: bool, file: &Path) -> ! {
    let found = shortest(steps, |steps| fails::<T>(setup, steps, plant));
    let (note, steps) = match found {
        Some((steps, how)) => (how, steps),
        None => (
            "it does not fail again by itself; these are all steps of the input".into(),
            steps.to_vec(),
        ),
    };
    let source = T::source(setup, &steps);
    let text = format!("// {note}\n// for {}\n{}", source.file, source.text);
    let status = match std::fs::write(file, text) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            1
        }
    };
    // SAFETY: ends the process at once; the fuzzer takes an exit in the middle of an input for a
    // finding.
    unsafe { libc::_exit(status) }
}

/// How the steps end in a process of their own, if not well: a crash must not end this one.
fn fails<T: Target>(setup: T::Setup, steps: &[T::Step], plant: bool) -> Option<String> {
    // SAFETY: the child only runs the steps and ends; what other threads of this process do is
    // nothing to it.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork fails");
    if child == 0 {
        twins::run::be_quiet();
        // SAFETY: signals end the child as if no fuzzer watched.
        unsafe {
            for signal in [libc::SIGABRT, libc::SIGALRM, libc::SIGSEGV, libc::SIGBUS] {
                libc::signal(signal, libc::SIG_DFL);
            }
            libc::alarm(PATIENCE);
        }
        T::run(setup, steps, plant);
        // SAFETY: ends the child without what the parent has to do at its own end.
        unsafe { libc::_exit(0) }
    }
    let mut status = 0;
    // SAFETY: the child is ours.
    unsafe { libc::waitpid(child, &mut status, 0) };
    if libc::WIFSIGNALED(status) {
        return Some(match libc::WTERMSIG(status) {
            libc::SIGABRT => "it stops with a message".into(),
            libc::SIGALRM => format!("it hangs for {PATIENCE} s"),
            signal => format!("it stops with signal {signal}"),
        });
    }
    match libc::WEXITSTATUS(status) {
        0 => None,
        _ => Some("AddressSanitizer stops it".into()),
    }
}
