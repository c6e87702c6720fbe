//! What the fuzz targets share: an input becomes a setup and a list of steps, in the same language
//! as the tests' own; what is found is cut down and printed as a test.
//!
//! ```text
//!   bytes --draw--> setup and steps --run--> all is well, or a panic
//!                        |
//!                        +---- show: the shortest steps that still fail, as Rust source
//! ```

pub mod draw;
pub mod heap_c;
pub mod heap_model;
pub mod layout;
pub mod pystack;
pub mod sched;
mod show;
pub mod snapshot;

use arbitrary::{Result, Unstructured};
use std::env::var_os;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A fuzz target.
pub trait Target {
    /// The setup that the steps need.
    type Setup: Copy;
    /// One step.
    type Step: Copy;

    /// Makes a setup and steps of the bytes of an input.
    ///
    /// # Errors
    ///
    /// When the bytes mean nothing.
    fn draw(bytes: &mut Unstructured) -> Result<(Self::Setup, Vec<Self::Step>)>;

    /// Runs them. With `plant`, a fault is planted.
    ///
    /// # Panics
    ///
    /// When something is found.
    fn run(setup: Self::Setup, steps: &[Self::Step], plant: bool);

    /// The test that does the same.
    fn source(setup: Self::Setup, steps: &[Self::Step]) -> Source;
}

/// A test to be pasted.
pub struct Source {
    /// Where it belongs.
    pub file: &'static str,
    /// Its Rust.
    pub text: String,
}

/// The most steps of an input.
pub const MAX_STEPS: usize = 600;

/// Runs an input. tools/verify/fuzz.py sets the variables:
///
/// - `MPGC_FUZZ_SHOW`: print the input as a test into that file instead;
/// - `MPGC_FUZZ_PLANT`: plant a fault, to test that it is found.
///
/// # Panics
///
/// When something is found.
pub fn fuzz<T: Target>(data: &[u8]) {
    let Ok((setup, steps)) = T::draw(&mut Unstructured::new(data)) else {
        return;
    };
    let plant = var_os("MPGC_FUZZ_PLANT").is_some();
    match var_os("MPGC_FUZZ_SHOW") {
        Some(file) => show::show::<T>(setup, &steps, plant, file.as_ref()),
        None => T::run(setup, &steps, plant),
    }
}

/// The program of a fuzz target, which may need something done first: libFuzzer's with the feature
/// `libfuzzer`, else [`replay`] with the arguments.
#[macro_export]
macro_rules! program {
    ($target:ty $(, init: $init:expr)?) => {
        #[cfg(feature = "libfuzzer")]
        libfuzzer_sys::fuzz_target!(
            $(init: $init,)?
            |data: &[u8]| $crate::fuzz::<$target>(data)
        );

        #[cfg(not(feature = "libfuzzer"))]
        fn main() -> std::process::ExitCode {
            $($init;)?
            $crate::replay(std::env::args().nth(1), $crate::fuzz::<$target>)
        }
    };
}

/// Runs the inputs of a folder once, without libFuzzer.
///
/// Prints the name of each input before it is run, so that the last line names what crashed, and
/// how many there were at the end.
pub fn replay(folder: Option<String>, run: fn(&[u8])) -> ExitCode {
    let Some(folder) = folder else {
        eprintln!("give the folder of the inputs, or build it by `make fuzz` to look for new ones");
        return ExitCode::FAILURE;
    };
    match run_all(run, Path::new(&folder)) {
        Ok(count) => {
            println!("{count} inputs");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_all(run: fn(&[u8]), folder: &Path) -> std::io::Result<usize> {
    let paths = inputs(folder)?;
    for path in &paths {
        println!("{}", path.display());
        run(&std::fs::read(path)?);
    }
    Ok(paths.len())
}

fn inputs(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in folder.read_dir()? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}
