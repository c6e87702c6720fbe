//! The chains of buffers and callbacks of the running thread.

#[cfg(mpgc_jump_callbacks)]
use super::bindings::nlr_jump_callback_node_t;
use super::bindings::{mp_state_thread_t, nlr_buf_t, nlr_jump_fail};
use super::micropython::thread;
#[cfg(mpgc_jump_callbacks)]
use crate::nlr::CallbackNode;
use crate::nlr::{self, Buffer, Thread};
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

/// Where assembly finds the newest buffer: in the static of a port without threads, or in the state
/// of the running thread.
#[cfg(any(mpgc_nlr_linked, mpgc_nlr_in_thread))]
mod linked {
    #[cfg(mpgc_nlr_linked)]
    pub use super::super::bindings::mp_state_ctx as STATE;
    #[cfg(mpgc_nlr_linked)]
    use super::super::bindings::mp_state_ctx_t;
    #[cfg(mpgc_pystack)]
    use super::nlr_buf_t;
    use super::{mp_state_thread_t, offset_of};

    #[cfg(mpgc_nlr_linked)]
    const THREAD: usize = offset_of!(mp_state_ctx_t, thread);
    #[cfg(mpgc_nlr_in_thread)]
    const THREAD: usize = 0;
    /// The offset of the newest buffer in the state, in bytes.
    pub const TOP: usize = THREAD + offset_of!(mp_state_thread_t, nlr_top);
    /// The offset of the height of the Python stack.
    #[cfg(mpgc_pystack)]
    pub const PYSTACK_CUR: usize = THREAD + offset_of!(mp_state_thread_t, pystack_cur);
    /// The offset of that height in a buffer.
    #[cfg(mpgc_pystack)]
    pub const PYSTACK: usize = offset_of!(nlr_buf_t, pystack);
}
#[cfg(any(mpgc_nlr_linked, mpgc_nlr_in_thread))]
pub use linked::*;

/// The running thread.
#[derive(Clone, Copy)]
struct Running(*mut mp_state_thread_t);

impl Thread for Running {
    fn top(self) -> *mut *mut Buffer {
        // SAFETY: a field of the running thread's state is in bounds.
        unsafe { (&raw mut (*self.0).nlr_top).cast() }
    }
    unsafe fn keep(self, buffer: *mut Buffer) {
        #[cfg(mpgc_pystack)]
        // SAFETY: the buffer is valid by this function's contract, and one of py/nlr.h.
        unsafe {
            (*buffer.cast::<nlr_buf_t>()).pystack = (*self.0).pystack_cur.cast();
        }
        #[cfg(not(mpgc_pystack))]
        let _ = buffer;
    }
    unsafe fn put_back(self, buffer: *mut Buffer) {
        #[cfg(mpgc_pystack)]
        // SAFETY: as in `keep`.
        unsafe {
            (*self.0).pystack_cur = (*buffer.cast::<nlr_buf_t>()).pystack.cast();
        }
        #[cfg(not(mpgc_pystack))]
        let _ = buffer;
    }
    #[inline(always)]
    unsafe fn call_callbacks(self, buffer: *mut Buffer) {
        #[cfg(all(mpgc_jump_callbacks, not(feature = "small")))]
        // SAFETY: by this function's contract.
        unsafe {
            nlr::call_callbacks(callback_top(self.0), buffer);
        }
        #[cfg(all(mpgc_jump_callbacks, feature = "small"))]
        // SAFETY: likewise; the export contains the only copy of the loop.
        unsafe {
            super::bindings::nlr_call_jump_callbacks(buffer.cast());
        }
        #[cfg(not(mpgc_jump_callbacks))]
        let _ = buffer;
    }
    #[inline(always)]
    unsafe fn no_buffer(self, value: *mut c_void) -> ! {
        // SAFETY: the port's own function.
        unsafe { nlr_jump_fail(value) }
    }
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
}

/// The thread's newest callback.
#[cfg(mpgc_jump_callbacks)]
fn callback_top(thread: *mut mp_state_thread_t) -> *mut *mut CallbackNode {
    // SAFETY: a field of the running thread's state is in bounds.
    unsafe { (&raw mut (*thread).nlr_jump_callback_top).cast() }
}

/// Links `buffer` and saves the height of the Python stack in it.
///
/// # Safety
/// `buffer` is valid until it is popped or jumped to.
pub unsafe fn push_tail(buffer: *mut nlr_buf_t) {
    // SAFETY: by this function's contract.
    unsafe { nlr::push_saved(Running(thread()), buffer.cast()) }
}

/// Unlinks the newest buffer.
///
/// # Safety
/// A buffer was pushed on this thread.
pub unsafe fn pop() {
    // SAFETY: the chain is not empty by this function's contract.
    unsafe { nlr::pop(Running(thread()).top()) }
}

/// Lands in the newest buffer with `value`.
///
/// # Safety
/// No frame between here and the buffer's `nlr_push` has a destructor.
#[inline(always)]
pub unsafe fn jump(value: *mut c_void) -> ! {
    // SAFETY: by this function's contract.
    unsafe { nlr::jump(Running(thread()), value) }
}

/// Lands in the buffer that the port set for an abort, with no value.
///
/// # Safety
/// As for [`jump`].
#[cfg(mpgc_vm_abort)]
pub unsafe fn jump_abort() -> ! {
    // SAFETY: the port pushed the abort buffer in a function that has not returned.
    unsafe {
        let running = Running(thread());
        let buffer: *mut Buffer = (*super::micropython::vm()).nlr_abort.cast();
        *running.top() = buffer;
        #[cfg(mpgc_scheduler)]
        {
            // The callbacks come first: a finaliser's undoes the locks that were taken after the
            // pass's.
            running.call_callbacks(buffer);
            super::sched::abandon_pass(buffer);
        }
        nlr::jump(running, core::ptr::null_mut())
    }
}

/// Links a callback.
///
/// # Safety
/// `node` lies on the C stack and is valid until it is popped.
#[cfg(mpgc_jump_callbacks)]
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
pub unsafe fn pop_callback(run: bool) {
    // SAFETY: the chain is not empty by this function's contract.
    unsafe {
        let node = nlr::pop_callback(callback_top(thread()));
        if run {
            nlr::call(node);
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
    unsafe { nlr::call_callbacks(callback_top(thread()), buffer.cast()) }
}
