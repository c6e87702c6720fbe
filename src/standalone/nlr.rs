//! Non-local return: a jump out of any number of functions.

use core::ffi::{c_int, c_uint, c_void};
use core::mem::offset_of;

use super::hooks::{mpgc_error, stop};
use super::stack::give_back_to;
use super::thread::mpgc_thread;
use crate::nlr::{self, Buffer, CallbackNode, Thread, registers};

/// Registers of an `mpgc_nlr_buf`; the header has the number for each architecture.
pub const MPGC_NLR_REGISTERS: usize = registers::REGISTERS;

/// A buffer: the place where a jump lands. It lies on the C stack, in a function that does not
/// return while the buffer is pushed.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_nlr_buf {
    /// The buffer pushed before this one.
    pub prev: *mut mpgc_nlr_buf,
    /// The value of the `mpgc_nlr_jump` that landed here.
    pub value: *mut c_void,
    /// Private.
    pub registers: [usize; MPGC_NLR_REGISTERS],
    /// The thread that pushed it.
    pub thread: *mut mpgc_thread,
    /// Private: the height of the thread's LIFO stack.
    pub stack: *mut c_void,
}

const _: () = {
    assert!(offset_of!(mpgc_nlr_buf, prev) == offset_of!(Buffer, prev));
    assert!(offset_of!(mpgc_nlr_buf, value) == offset_of!(Buffer, ret_val));
    assert!(offset_of!(mpgc_nlr_buf, registers) == registers::REGISTERS_OFFSET);
};

/// A callback for jumps that leave the function that pushed it. It lies on the C stack.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_nlr_callback {
    /// The callback pushed before this one.
    pub prev: *mut mpgc_nlr_callback,
    /// Called with the node itself.
    pub fun: Option<unsafe extern "C" fn(node: *mut c_void)>,
}

const _: () = {
    assert!(size_of::<mpgc_nlr_callback>() == size_of::<CallbackNode>());
    assert!(offset_of!(mpgc_nlr_callback, fun) == offset_of!(CallbackNode, fun));
};

/// Saves the registers, links the buffer to its thread and returns 0; returns 1 again for each jump
/// that lands here. The macro `mpgc_nlr_push` sets the thread and calls it.
/// cbindgen:prefix=MPGC_RETURNS_TWICE
///
/// # Safety
/// `buffer` is valid until it is popped or jumped to, and so is the caller's frame; its thread is
/// set.
// On Xtensa it is in src/nlr/xtensa.S.
#[cfg(not(target_arch = "xtensa"))]
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C" fn mpgc_nlr_push_buf(buffer: *mut mpgc_nlr_buf) -> c_uint {
    registers::nlr_push_body!(push_tail)
}

/// # Safety
/// As for `mpgc_nlr_push_buf`.
#[cfg_attr(target_arch = "xtensa", unsafe(export_name = "nlr_push_tail"))]
unsafe extern "C" fn push_tail(buffer: *mut mpgc_nlr_buf) -> c_uint {
    // SAFETY: by this function's contract.
    unsafe { nlr::push_saved(Running((*buffer).thread), buffer.cast()) };
    0
}

/// The running thread, which was initialised.
#[derive(Clone, Copy)]
struct Running(*mut mpgc_thread);

impl Thread for Running {
    fn top(self) -> *mut *mut Buffer {
        // SAFETY: the thread was initialised (the contract of every export), here and below.
        unsafe { &raw mut (*mpgc_thread::state(self.0)).top }
    }
    unsafe fn keep(self, buffer: *mut Buffer) {
        // SAFETY: as in `top`; the buffer is an `mpgc_nlr_buf`.
        unsafe { (*buffer.cast::<mpgc_nlr_buf>()).stack = (*mpgc_thread::state(self.0)).cur.cast() }
    }
    unsafe fn put_back(self, buffer: *mut Buffer) {
        // SAFETY: as in `keep`.
        unsafe { give_back_to(self.0, (*buffer.cast::<mpgc_nlr_buf>()).stack.cast()) }
    }
    unsafe fn call_callbacks(self, buffer: *mut Buffer) {
        // SAFETY: as in `top`; by this function's contract.
        unsafe { nlr::call_callbacks(&raw mut (*mpgc_thread::state(self.0)).callbacks, buffer) }
    }
    unsafe fn no_buffer(self, value: *mut c_void) -> ! {
        // SAFETY: as in `top`.
        unsafe { mpgc_thread::fail(self.0, mpgc_error::MPGC_ERROR_NO_BUFFER, value) };
        stop()
    }
    unsafe fn resume(buffer: *mut Buffer) -> ! {
        // SAFETY: by this function's contract.
        unsafe { registers::resume(buffer) }
    }
}

/// Unlinks the newest buffer. The function that pushed it calls this when no jump has landed there.
/// Returns MPGC_OK, or MPGC_ERROR_NO_BUFFER if there is none.
///
/// # Safety
/// The thread was initialised, and is the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_nlr_pop(thread: *mut mpgc_thread) -> c_int {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract; buffers of the chain are valid.
    unsafe {
        if (*state).top.is_null() {
            return mpgc_thread::fail(
                thread,
                mpgc_error::MPGC_ERROR_NO_BUFFER,
                core::ptr::null::<c_void>(),
            );
        }
        nlr::pop(&raw mut (*state).top);
    }
    mpgc_error::MPGC_OK.code()
}

/// Jumps to the newest buffer. Its push returns 1, it holds `value` and is unlinked, the LIFO stack
/// has the height that it had at the push, and the callbacks pushed since have been called, newest
/// first. If there is no buffer, MPGC_ERROR_NO_BUFFER is reported to the error callback with
/// `value`, and the processor stops.
///
/// # Safety
/// The thread was initialised, and is the running one; the function that pushed the buffer has not
/// returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_nlr_jump(thread: *mut mpgc_thread, value: *mut c_void) -> ! {
    // SAFETY: by this function's contract.
    unsafe { nlr::jump(Running(thread), value) }
}

/// Registers `fun` to be called with `node` when a jump leaves the running function.
///
/// # Safety
/// The thread was initialised, and is the running one; `node` lies on the C stack and is valid
/// until it is popped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_nlr_push_callback(
    thread: *mut mpgc_thread,
    node: *mut mpgc_nlr_callback,
    fun: Option<unsafe extern "C" fn(node: *mut c_void)>,
) {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract.
    unsafe { nlr::push_callback(&raw mut (*state).callbacks, node.cast(), fun) }
}

/// Unlinks the newest callback, and calls it if `run`. Returns MPGC_OK, or MPGC_ERROR_NO_BUFFER if
/// there is none.
///
/// # Safety
/// The thread was initialised, and is the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_nlr_pop_callback(thread: *mut mpgc_thread, run: bool) -> c_int {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract; callbacks of the chain are valid.
    unsafe {
        if (*state).callbacks.is_null() {
            return mpgc_thread::fail(
                thread,
                mpgc_error::MPGC_ERROR_NO_BUFFER,
                core::ptr::null::<c_void>(),
            );
        }
        let node = nlr::pop_callback(&raw mut (*state).callbacks);
        if run {
            nlr::call(node);
        }
    }
    mpgc_error::MPGC_OK.code()
}
