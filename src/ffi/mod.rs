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

include!(concat!(env!("OUT_DIR"), "/sections.rs"));

#[cfg(mpgc_enable_gc)]
pub mod check;
#[cfg(mpgc_enable_gc)]
pub mod gc;
pub mod info;
pub mod nlr;
#[cfg(mpgc_pystack)]
pub mod pystack;
pub mod sched;
