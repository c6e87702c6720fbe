//! The library for C programs without MicroPython (`include/mpgc.h`, docs/firmware.md).
//!
//! ```text
//!   C of a program
//!        |  mpgc_alloc, mpgc_nlr_push, mpgc_sched_schedule, ...
//!        v
//!   heap | stack | nlr | sched      the exports: translate, call, translate back
//!        |
//!        v
//!      host | thread | hooks        state in the caller's memory, so several heaps at a time
//!        |
//!        v
//!   crate::{heap, pystack, nlr, sched}
//! ```
//!
//! Two things may jump: [`nlr::mpgc_nlr_jump`], and the error callback to which a call reports an
//! error. No value with a destructor is alive there, and no lock is held.

#![expect(
    non_camel_case_types,
    reason = "the names of the C header, which cbindgen writes from these files"
)]

pub mod heap;
pub mod hooks;
pub mod host;
pub mod info;
pub mod nlr;
#[cfg(not(any(test, feature = "testing")))]
mod panic;
pub mod roots;
pub mod sched;
pub mod snapshot;
pub mod stack;
pub mod stats;
#[cfg(test)]
mod tests;
pub mod thread;
pub mod version;

#[cfg(not(any(
    all(target_arch = "x86_64", not(windows)),
    all(target_arch = "x86", not(windows)),
    target_arch = "arm",
    target_arch = "aarch64",
    target_arch = "riscv32",
    target_arch = "riscv64",
    target_arch = "xtensa",
)))]
compile_error!(
    "the library for C programs supports x86-64, x86, arm, aarch64, riscv and xtensa: build for \
     one of these, or add this one here, in hooks.rs (how to stop) and in tests/header.rs (its \
     registers)"
);
