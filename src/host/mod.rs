//! The only module that uses MicroPython's state, headers and macros.

#[cfg(mpgc_enable_gc)]
mod area;
#[cfg(mpgc_enable_gc)]
mod callbacks;
pub mod config;
#[cfg(mpgc_enable_gc)]
pub mod dump;
#[cfg(mpgc_enable_gc)]
pub mod heap;
#[cfg(all(mpgc_enable_gc, feature = "idle-collect"))]
pub mod idle;
pub mod in_place;
pub mod micropython;
pub mod nlr;
mod panic;
#[cfg(mpgc_pystack)]
pub mod pystack;
#[cfg(all(mpgc_enable_gc, feature = "noscan"))]
pub mod raw;
pub mod sched;
mod sched_fields;
#[cfg(mpgc_enable_gc)]
pub mod snapshot;
#[cfg(all(mpgc_enable_gc, feature = "trace"))]
pub mod trace;

/// The port's headers, as bindgen reads them.
#[allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    clashing_extern_declarations,
    dead_code,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc,
    reason = "written by bindgen, with the names of the C headers"
)]
pub mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

/// The C shim: macros and inline functions of the port (`shim.h`).
#[allow(
    unused_imports,
    reason = "the options of a port decide which of them are called"
)]
pub mod shim {
    pub use super::bindings::{
        mpgc_shim_internal_event_hook as internal_event_hook,
        mpgc_shim_internal_wfe_indefinite as internal_wfe_indefinite,
        mpgc_shim_internal_wfe_ms as internal_wfe_ms, mpgc_shim_raise as raise,
    };

    #[cfg(mpgc_event_poll_hook)]
    pub use super::bindings::mpgc_shim_event_poll_hook as event_poll_hook;
    #[cfg(mpgc_event_poll_hook_fast)]
    pub use super::bindings::mpgc_shim_event_poll_hook_fast as event_poll_hook_fast;
    #[cfg(mpgc_gc_hook_loop)]
    pub use super::bindings::mpgc_shim_gc_hook_loop as gc_hook_loop;
    #[cfg(mpgc_nlr_setjmp)]
    pub use super::bindings::mpgc_shim_longjmp as longjmp;
    #[cfg(mpgc_pystack)]
    pub use super::bindings::mpgc_shim_raise_pystack_exhausted as raise_pystack_exhausted;
    #[cfg(mpgc_debug_valgrind)]
    pub use super::bindings::mpgc_shim_root_readable as root_readable;
    #[cfg(all(mpgc_enable_gc, mpgc_finaliser))]
    pub use super::bindings::mpgc_shim_run_finaliser as run_finaliser;
    #[cfg(all(mpgc_enable_gc, any(feature = "idle-collect", feature = "stats")))]
    pub use super::bindings::mpgc_shim_ticks_us as ticks_us;
    #[cfg(mpgc_enable_gc)]
    pub use super::bindings::{
        mpgc_shim_call_with_registers as call_with_registers,
        mpgc_shim_clear_dead_stack as clear_dead_stack, mpgc_shim_fault as fault,
        mpgc_shim_stack_top as stack_top,
    };
    #[cfg(mpgc_split_heap_auto)]
    pub use super::bindings::{
        mpgc_shim_plat_alloc_heap as plat_alloc_heap, mpgc_shim_plat_free_heap as plat_free_heap,
    };
    #[cfg(all(mpgc_enable_gc, feature = "trace"))]
    pub use super::bindings::{
        mpgc_shim_trace_is_open as trace_is_open, mpgc_shim_trace_put as trace_put,
    };
}
