//! The port's options as constants. Nothing is configured here: `buildsrc/config.rs`
//! takes the values from the port's headers.

include!(concat!(env!("OUT_DIR"), "/config.rs"));

/// An entry of the mark stack (`MICROPY_GC_STACK_ENTRY_TYPE`).
pub type GcStackEntry = super::bindings::mpgc_gc_stack_entry_t;
