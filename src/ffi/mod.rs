//! The exported C functions, each a few lines: translate, call, translate back.
//!
//! Files that mirror a header end with `same_as_the_header!`, which fails to compile if a
//! function's type differs from the port's declaration.

/// Proves that each function has the type that the port's header declares.
macro_rules! same_as_the_header {
    ($($(#[$attr:meta])* $name:ident),* $(,)?) => {
        $($(#[$attr])* const _: () = {
            // Two function items can share an array only if their types are equal.
            let _ = [crate::host::bindings::$name, $name];
        };)*
    };
}

/// Aligns functions to a cache line: one of a few instructions that crosses a line takes twice as
/// long. Each function has its own section, and padding at its end aligns the next.
#[cfg(all(target_arch = "x86_64", not(windows), not(feature = "small")))]
macro_rules! at_a_cache_line {
    ($($name:ident),* $(,)?) => {
        $(core::arch::global_asm!(
            concat!(".pushsection .text.", stringify!($name), ", \"ax\", @progbits"),
            ".balign 64",
            ".popsection",
        );)*
    };
}
#[cfg(not(all(target_arch = "x86_64", not(windows), not(feature = "small"))))]
macro_rules! at_a_cache_line {
    ($($name:ident),* $(,)?) => {};
}

include!(concat!(env!("OUT_DIR"), "/sections.rs"));

#[cfg(mpgc_enable_gc)]
pub mod check;
#[cfg(mpgc_enable_gc)]
pub mod gc;
#[cfg(all(mpgc_enable_gc, feature = "idle-collect"))]
pub mod idle;
pub mod info;
pub mod nlr;
#[cfg(mpgc_pystack)]
pub mod pystack;
pub mod sched;
#[cfg(mpgc_enable_gc)]
pub mod snapshot;
#[cfg(mpgc_enable_gc)]
pub mod stack;
#[cfg(all(mpgc_enable_gc, feature = "stats"))]
pub mod stats;
#[cfg(all(mpgc_enable_gc, feature = "trace"))]
pub mod trace;
