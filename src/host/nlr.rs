//! The chains of buffers and callbacks of the running thread.

#[cfg(mpgc_jump_callbacks)]
use super::bindings::nlr_jump_callback_node_t;
use super::bindings::{mp_state_thread_t, nlr_buf_t, nlr_jump_fail};
use super::micropython::thread;
#[cfg(mpgc_jump_callbacks)]
use crate::nlr::CallbackNode;
use crate::nlr::{self, Buffer};
use core::ffi::c_void;
use core::mem::offset_of;

const _: () = assert!(offset_of!(nlr_buf_t, prev) == offset_of!(Buffer, prev));
const _: () = assert!(offset_of!(nlr_buf_t, ret_val) == offset_of!(Buffer, ret_val));
#[cfg(mpgc_jump_callbacks)]
const _: () = assert!(size_of::<nlr_jump_callback_node_t>() == size_of::<CallbackNode>());
#[cfg(mpgc_jump_callbacks)]
const _: () = assert!(offset_of!(nlr_jump_callback_node_t, fun) == offset_of!(CallbackNode, fun));
#[cfg(mpgc_nlr_registers)]
const _: () = {
    assert!(offset_of!(nlr_buf_t, regs) == nlr::registers::REGISTERS_OFFSET);
    assert!(super::config::NLR_NUM_REGS == nlr::registers::REGISTERS);
};

/// Where assembly finds the newest buffer of the only thread.
#[cfg(mpgc_nlr_linked)]
mod linked {
    pub use super::super::bindings::mp_state_ctx as STATE;
    use super::super::bindings::mp_state_ctx_t;
    #[cfg(mpgc_pystack)]
    use super::nlr_buf_t;
    use super::{mp_state_thread_t, offset_of};

    const THREAD: usize = offset_of!(mp_state_ctx_t, thread);
    /// Where the state keeps the newest buffer, in bytes.
    pub const TOP: usize = THREAD + offset_of!(mp_state_thread_t, nlr_top);
    /// Where it keeps the height of the Python stack.
    #[cfg(mpgc_pystack)]
    pub const PYSTACK_CUR: usize = THREAD + offset_of!(mp_state_thread_t, pystack_cur);
    /// Where a buffer keeps it.
    #[cfg(mpgc_pystack)]
    pub const PYSTACK: usize = offset_of!(nlr_buf_t, pystack);
}
#[cfg(mpgc_nlr_linked)]
pub use linked::*;

/// The thread's newest buffer.
#[inline(always)]
fn top(thread: *mut mp_state_thread_t) -> *mut *mut Buffer {
    // SAFETY: a field of the running thread's state is in bounds.
    unsafe { (&raw mut (*thread).nlr_top).cast() }
}

/// The thread's newest callback.
#[cfg(mpgc_jump_callbacks)]
#[inline(always)]
fn callback_top(thread: *mut mp_state_thread_t) -> *mut *mut CallbackNode {
    // SAFETY: a field of the running thread's state is in bounds.
    unsafe { (&raw mut (*thread).nlr_jump_callback_top).cast() }
}

/// Links `buffer` and keeps the height of the Python stack in it.
///
/// # Safety
/// `buffer` is valid until it is popped or jumped to.
#[inline(always)]
pub unsafe fn push_tail(buffer: *mut nlr_buf_t) {
    let thread = thread();
    // SAFETY: `buffer` is valid by this function's contract.
    unsafe {
        nlr::push(top(thread), buffer.cast());
        #[cfg(mpgc_pystack)]
        {
            (*buffer).pystack = (*thread).pystack_cur.cast();
        }
    }
}

/// Unlinks the newest buffer.
///
/// # Safety
/// A buffer was pushed on this thread.
#[inline(always)]
pub unsafe fn pop() {
    // SAFETY: the chain is not empty by this function's contract.
    unsafe { nlr::pop(top(thread())) }
}

/// Lands in the newest buffer with `value`.
///
/// # Safety
/// No frame between here and the buffer's `nlr_push` has a destructor.
#[inline(always)]
pub unsafe fn jump(value: *mut c_void) -> ! {
    let thread = thread();
    let top = top(thread);
    // SAFETY: the chain holds valid buffers. The callbacks are C of the port; they
    // may push and pop buffers of their own but leave the chain as it was.
    unsafe {
        let buffer = *top;
        if buffer.is_null() {
            nlr_jump_fail(value);
        }
        (*buffer).ret_val = value;
        #[cfg(all(mpgc_jump_callbacks, not(feature = "small")))]
        call_callbacks_on(thread, buffer);
        // the export holds the one copy of the loop
        #[cfg(all(mpgc_jump_callbacks, feature = "small"))]
        super::bindings::nlr_call_jump_callbacks(buffer.cast());
        #[cfg(mpgc_pystack)]
        {
            (*thread).pystack_cur = (*buffer.cast::<nlr_buf_t>()).pystack.cast();
        }
        *top = (*buffer).prev;
        resume(buffer)
    }
}

/// Gives the registers back; `nlr_push` returns a second time.
///
/// # Safety
/// As for [`jump`], with the buffer to land in.
#[inline(always)]
unsafe fn resume(buffer: *mut Buffer) -> ! {
    #[cfg(mpgc_nlr_setjmp)]
    // SAFETY: setjmp filled the buffer in a function that has not returned.
    unsafe {
        super::shim::longjmp(buffer.cast())
    }
    #[cfg(mpgc_nlr_registers)]
    // SAFETY: nlr_push filled the buffer in a function that has not returned.
    unsafe {
        nlr::registers::resume(buffer)
    }
}

/// Lands in the buffer that the port set for an abort, with no value.
///
/// # Safety
/// As for [`jump`].
#[cfg(mpgc_vm_abort)]
#[inline(always)]
pub unsafe fn jump_abort() -> ! {
    // SAFETY: the port pushed the abort buffer in a function that has not returned.
    unsafe {
        *top(thread()) = (*super::micropython::vm()).nlr_abort.cast();
        jump(core::ptr::null_mut())
    }
}

/// Links a callback.
///
/// # Safety
/// `node` lies on the C stack and is valid until it is popped.
#[cfg(mpgc_jump_callbacks)]
#[inline(always)]
pub unsafe fn push_callback(
    node: *mut nlr_jump_callback_node_t,
    fun: Option<unsafe extern "C" fn(*mut c_void)>,
) {
    // SAFETY: `node` is valid by this function's contract.
    unsafe { nlr::push_callback(callback_top(thread()), node.cast(), fun) }
}

/// Unlinks the newest callback, and calls it if `run`.
///
/// # Safety
/// A callback was pushed on this thread.
#[cfg(mpgc_jump_callbacks)]
#[inline(always)]
pub unsafe fn pop_callback(run: bool) {
    // SAFETY: the chain is not empty by this function's contract.
    unsafe {
        let node = nlr::pop_callback(callback_top(thread()));
        if run {
            call(node.as_ptr());
        }
    }
}

/// Unlinks and calls every callback that was pushed after `buffer`.
///
/// # Safety
/// The callbacks of this thread lie on its C stack.
#[cfg(mpgc_jump_callbacks)]
#[inline(always)]
pub unsafe fn call_callbacks(buffer: *const nlr_buf_t) {
    // SAFETY: by this function's contract.
    unsafe { call_callbacks_on(thread(), buffer.cast()) }
}

#[cfg(mpgc_jump_callbacks)]
#[inline(always)]
unsafe fn call_callbacks_on(thread: *mut mp_state_thread_t, buffer: *const Buffer) {
    // SAFETY: the chain's nodes lie on the C stack of this thread.
    unsafe {
        while let Some(node) = nlr::pop_callback_below(callback_top(thread), buffer) {
            call(node.as_ptr());
        }
    }
}

#[cfg(mpgc_jump_callbacks)]
#[inline(always)]
unsafe fn call(node: *mut CallbackNode) {
    // SAFETY: the node was just popped, so it is valid, and its function takes it.
    unsafe {
        if let Some(fun) = (*node).fun {
            fun(node.cast());
        }
    }
}
