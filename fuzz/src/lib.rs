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

use arbitrary::{Result, Unstructured};
use std::env::var_os;

/// A fuzz target.
pub trait Target {
    /// What the steps need around them.
    type Setup: Copy;
    /// One step.
    type Step: Copy;

    /// Makes a setup and steps of the bytes of an input.
    ///
    /// # Errors
    ///
    /// When the bytes mean nothing.
    fn draw(bytes: &mut Unstructured) -> Result<(Self::Setup, Vec<Self::Step>)>;

    /// Runs them. With `plant`, what is wrong is wrong on purpose.
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
/// - `MPGC_FUZZ_PLANT`: plant a fault, to see what becomes of it.
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
