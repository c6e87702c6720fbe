//! Macros and inline functions of the port that the C has on its hot paths: each is in place, or
//! calls what they call, or calls the shim. Written by buildsrc/in_place.rs.

#![allow(
    clashing_extern_declarations,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "written by buildsrc, where each function is what the port's own is; it declares what \
              it calls, and the headers may have that in other types"
)]

#[allow(
    unused_imports,
    reason = "what is called, the port's macros and inline functions decide"
)]
use super::bindings::*;

include!(concat!(env!("OUT_DIR"), "/in_place.rs"));
