//! The C original and mpgc side by side: operations, comparison, and the report of a difference
//! with. The program of this package draws traces; a fuzzer or a test may bring its own.

pub mod compare;
pub mod core_step;
pub mod covered;
pub mod every;
pub mod faults;
pub mod generate;
pub mod hardened;
pub mod heap_step;
pub mod hooks;
pub mod known;
pub mod memory;
pub mod pair;
pub mod plant;
pub mod prove;
pub mod run;
pub mod shape;
pub mod shown;
pub mod shrink;
pub mod side;
pub mod small;
pub mod states;
pub mod steps;
pub mod triple;
pub mod twin;
