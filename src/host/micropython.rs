//! `mp_state_ctx`, and the state of the running thread.
//!
//! All access is through raw pointers: the port's C, other threads and interrupts read and write
//! the same state at any time.

use super::bindings::{
    mp_obj_t, mp_state_ctx, mp_state_ctx_t, mp_state_mem_t, mp_state_thread_t, mp_state_vm_t,
};

/// The port's only context.
pub fn ctx() -> *mut mp_state_ctx_t {
    &raw mut mp_state_ctx
}

/// The memory system's state (`MP_STATE_MEM`).
pub fn mem() -> *mut mp_state_mem_t {
    // SAFETY: a field of a static is in bounds.
    unsafe { &raw mut (*ctx()).mem }
}

/// The virtual machine's state (`MP_STATE_VM`).
pub fn vm() -> *mut mp_state_vm_t {
    // SAFETY: a field of a static is in bounds.
    unsafe { &raw mut (*ctx()).vm }
}

/// The main thread's state (`MP_STATE_MAIN_THREAD`).
pub fn main_thread() -> *mut mp_state_thread_t {
    // SAFETY: a field of a static is in bounds.
    unsafe { &raw mut (*ctx()).thread }
}

/// The running thread's state (`MP_STATE_THREAD`).
#[inline(always)]
pub fn thread() -> *mut mp_state_thread_t {
    #[cfg(mpgc_thread)]
    // SAFETY: the port's own accessor, without arguments or side effects.
    let state = unsafe { super::in_place::thread_state() };
    #[cfg(not(mpgc_thread))]
    let state = main_thread();
    state
}

/// Whether the running thread is the main one (`mp_thread_is_main_thread`).
pub fn is_main_thread() -> bool {
    !cfg!(mpgc_thread) || thread() == main_thread()
}

/// No object (`MP_OBJ_NULL`).
pub const OBJ_NULL: mp_obj_t = super::config::MP_OBJ_NULL as usize as mp_obj_t;

/// Reads the pending exception of `thread`, a `volatile` field in C.
///
/// # Safety
/// `thread` is the state of a thread.
pub unsafe fn pending_exception(thread: *const mp_state_thread_t) -> mp_obj_t {
    // SAFETY: valid by this function's contract; an interrupt may write it.
    unsafe { (&raw const (*thread).mp_pending_exception).read_volatile() }
}

/// Writes the pending exception of `thread`, a `volatile` field in C.
///
/// # Safety
/// `thread` is the state of a thread.
pub unsafe fn set_pending_exception(thread: *mut mp_state_thread_t, exc: mp_obj_t) {
    // SAFETY: valid by this function's contract.
    unsafe { (&raw mut (*thread).mp_pending_exception).write_volatile(exc) }
}
