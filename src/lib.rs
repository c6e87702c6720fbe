//! `mpgc` takes the place of `py/gc.c`, `py/pystack.c`, `py/nlr*.c` and
//! `py/scheduler.c` in a MicroPython tree, behind the same C ABI.
//!
//! The modules depend one way only; nothing on the right names anything on its left:
//!
//! ```text
//!   C of the port
//!        |  gc_alloc, nlr_push, mp_sched_schedule, ...
//!        v
//!      ffi  ----->  host  ----->  heap | pystack | sched | nlr
//!   translate     mp_state_ctx      pure: no MicroPython type,
//!   and raise     and the shim      testable with `cargo test`
//! ```
//!
//! `ffi` and `host` exist only with the feature `micropython`, whose build reads the headers of the
//! port with the port's own compiler flags. With the feature `standalone`, `standalone` takes their
//! place: the same modules for C programs without MicroPython.

#![no_std]
#![warn(missing_docs)]
// MIPS has no prebuilt core, so it is built with -Zbuild-std, which allows unstable features.
#![cfg_attr(target_arch = "mips", feature(asm_experimental_arch))]

#[cfg(any(test, feature = "testing"))]
extern crate std;

#[cfg(any(
    all(mpgc_port, mpgc_enable_gc),
    feature = "standalone",
    all(test, target_arch = "x86_64", not(windows))
))]
mod abi;
// tests count in any case
#[cfg(any(
    all(feature = "micropython", mpgc_enable_gc, feature = "stats"),
    feature = "standalone",
    all(test, not(feature = "micropython"), target_arch = "x86_64")
))]
mod figures;
pub mod heap;
pub mod nlr;
pub mod pystack;
pub mod sched;
#[cfg(any(
    test,
    feature = "standalone",
    all(feature = "micropython", mpgc_enable_gc)
))]
mod snapshot;

#[cfg(any(
    all(test, not(feature = "micropython")),
    all(feature = "micropython", mpgc_enable_gc, feature = "trace")
))]
#[cfg_attr(test, allow(dead_code, reason = "hosts begin and end a trace"))]
mod trace;

#[cfg(mpgc_port)]
pub mod ffi;
#[cfg(mpgc_port)]
#[allow(
    dead_code,
    reason = "the options of a port decide which of its functions the exports call"
)]
mod host;
// Its tests run with those of the pure modules.
#[cfg(any(
    feature = "standalone",
    all(test, not(mpgc_port), target_arch = "x86_64", not(windows))
))]
mod standalone;

#[cfg(all(mpgc_port, feature = "standalone"))]
compile_error!(
    "the features `micropython` and `standalone` are two libraries, and a port was named: choose \
     one"
);
