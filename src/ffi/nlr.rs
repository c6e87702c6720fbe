//! py/nlr.h.

use crate::host::bindings::nlr_buf_t;
#[cfg(mpgc_jump_callbacks)]
use crate::host::bindings::{nlr_jump_callback_fun_t, nlr_jump_callback_node_t};
#[cfg(mpgc_nlr_in_thread)]
use crate::host::in_place::thread_state_in_r1;
use crate::host::nlr;
use core::ffi::{c_uint, c_void};

/// Mirrors `nlr_push` (py/nlr*.c of the architecture): returns 0, and 1 once more for each jump
/// here.
///
/// # Safety
/// `buffer` is valid until it is popped or jumped to, and so is the caller's frame.
// On Xtensa it is in src/nlr/xtensa.S.
#[cfg(all(mpgc_nlr_registers, not(target_arch = "xtensa")))]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn nlr_push(buffer: *mut nlr_buf_t) -> c_uint {
    #[cfg(not(any(mpgc_nlr_linked, mpgc_nlr_in_thread)))]
    crate::nlr::registers::nlr_push_body!(nlr_push_tail);
    #[cfg(all(mpgc_nlr_linked, not(mpgc_pystack)))]
    crate::nlr::registers::nlr_push_linked!(nlr::STATE, nlr::TOP);
    #[cfg(all(mpgc_nlr_linked, mpgc_pystack))]
    crate::nlr::registers::nlr_push_linked!(nlr::STATE, nlr::TOP, nlr::PYSTACK_CUR, nlr::PYSTACK);
    #[cfg(all(mpgc_nlr_in_thread, not(mpgc_pystack)))]
    crate::nlr::registers::nlr_push_in_thread!([thread_state_in_r1!()] nlr::TOP);
    #[cfg(all(mpgc_nlr_in_thread, mpgc_pystack))]
    crate::nlr::registers::nlr_push_in_thread!(
        [thread_state_in_r1!()] nlr::TOP, nlr::PYSTACK_CUR, nlr::PYSTACK
    );
}

/// Mirrors `nlr_push_tail` (py/nlr.c): links the buffer, returns 0.
///
/// # Safety
/// `buffer` is valid until it is popped or jumped to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_push_tail(buffer: *mut nlr_buf_t) -> c_uint {
    // SAFETY: by this function's contract.
    unsafe { nlr::push_tail(buffer) };
    0
}

/// Mirrors `nlr_pop` (py/nlr.c).
///
/// # Safety
/// A buffer was pushed on this thread.
#[cfg(any(mpgc_nlr_linked, mpgc_nlr_in_thread))]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn nlr_pop() {
    #[cfg(mpgc_nlr_linked)]
    crate::nlr::registers::nlr_pop_linked!(nlr::STATE, nlr::TOP);
    #[cfg(mpgc_nlr_in_thread)]
    crate::nlr::registers::nlr_pop_in_thread!([thread_state_in_r1!()] nlr::TOP);
}

/// Mirrors `nlr_pop` (py/nlr.c).
///
/// # Safety
/// A buffer was pushed on this thread.
#[cfg(not(any(mpgc_nlr_linked, mpgc_nlr_in_thread)))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_pop() {
    // SAFETY: by this function's contract.
    unsafe { nlr::pop() }
}

/// Mirrors `nlr_jump` (py/nlr*.c of the architecture, py/nlrsetjmp.c).
///
/// # Safety
/// No frame between here and the newest buffer's `nlr_push` has a destructor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_jump(val: *mut c_void) -> ! {
    // SAFETY: by this function's contract.
    unsafe { nlr::jump(val) }
}

/// Mirrors `nlr_jump_abort` (py/nlr.c).
///
/// # Safety
/// As for [`nlr_jump`], with the abort buffer of the port.
#[cfg(mpgc_vm_abort)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_jump_abort() -> ! {
    // SAFETY: by this function's contract.
    unsafe { nlr::jump_abort() }
}

/// Mirrors `nlr_push_jump_callback` (py/nlr.c).
///
/// # Safety
/// `node` lies on the C stack and is valid until it is popped.
#[cfg(mpgc_jump_callbacks)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_push_jump_callback(
    node: *mut nlr_jump_callback_node_t,
    fun: nlr_jump_callback_fun_t,
) {
    // SAFETY: by this function's contract.
    unsafe { nlr::push_callback(node, fun) }
}

/// Mirrors `nlr_pop_jump_callback` (py/nlr.c).
///
/// # Safety
/// A callback was pushed on this thread.
#[cfg(mpgc_jump_callbacks)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_pop_jump_callback(run_callback: bool) {
    // SAFETY: by this function's contract.
    unsafe { nlr::pop_callback(run_callback) }
}

/// Mirrors `nlr_call_jump_callbacks` (py/nlr.c).
///
/// # Safety
/// The callbacks of this thread lie on its C stack.
#[cfg(mpgc_jump_callbacks)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nlr_call_jump_callbacks(nlr: *mut nlr_buf_t) {
    // SAFETY: by this function's contract.
    unsafe { nlr::call_callbacks(nlr) }
}

at_a_cache_line!(nlr_push, nlr_pop);
same_as_the_header!(nlr_push_tail, nlr_pop, nlr_jump);
#[cfg(mpgc_jump_callbacks)]
same_as_the_header!(
    nlr_push_jump_callback,
    nlr_pop_jump_callback,
    nlr_call_jump_callbacks,
);
#[cfg(all(mpgc_nlr_registers, not(target_arch = "xtensa")))]
same_as_the_header!(nlr_push);
#[cfg(mpgc_vm_abort)]
same_as_the_header!(nlr_jump_abort);
