//! A host for tests, one language of operations, and a naive model to compare the heap with.
//!
//! Tests, fuzzers and benchmarks share [`Op`], so that a failing list of operations can be pasted
//! as a regression test.

extern crate std;

mod apply;
mod counted;
mod expect;
mod host;
mod layout;
mod model;
mod op;
pub mod options;
mod step;
mod world;

pub use crate::heap::harden::{CANARY, GUARD, POISON};
pub use crate::heap::layout::{Layout, Tables};
pub use host::{Fields, Options, Region, State, TestHost};
pub use layout::LayoutCase;
pub use model::{At, Chunk, Model, Seen};
pub use op::{FinaliserAction, Op};
pub use step::{CallbackAction, CoreOp, Step};
pub use world::World;

/// The step from one case of a test to the next: 1, but `n` under Miri, which takes hundreds of
/// times as long.
pub const fn every(n: usize) -> usize {
    if cfg!(miri) { n } else { 1 }
}
