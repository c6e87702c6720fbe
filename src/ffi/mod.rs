//! The exported C functions, each a few lines: translate, call, translate back.
//!
//! Every file ends with `same_as_the_header!`, which fails to compile if a
//! function's type is not the one that the port's header declares.

/// Proves that each function has the type that the port's header declares.
macro_rules! same_as_the_header {
    ($($(#[$attr:meta])* $name:ident),* $(,)?) => {
        $($(#[$attr])* const _: () = {
            // Two function items share an array only if they have one type.
            let _ = [crate::host::bindings::$name, $name];
        };)*
    };
}

/// Lets functions begin at a line of the processor's cache: one of a few instructions that lies
/// across two takes twice as long. Each has a section of its own, and whoever asks for more room at
/// the end of a section moves its beginning.
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
pub mod stack;
