//! Non-local return: a jump out of any number of functions.

use core::ffi::{c_int, c_uint, c_void};
use core::mem::offset_of;

use super::hooks::{mpgc_error, stop};
use super::stack::give_back_to;
use super::thread::mpgc_thread;
use crate::nlr::{self, Buffer, CallbackNode, Thread, registers};

/// Registers of an `mpgc_nlr_buf`; the header has the number of each architecture.
pub const MPGC_NLR_REGISTERS: usize = registers::REGISTERS;

/// Where a jump lands. It lies on the C stack, in a function that does not return while it is
/// pushed.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_nlr_buf {
    /// The buffer pushed before this one.
    pub prev: *mut mpgc_nlr_buf,
    /// What was given to `mpgc_nlr_jump`, once a jump has landed here.
    pub value: *mut c_void,
    /// The library's.
    pub registers: [usize; MPGC_NLR_REGISTERS],
    /// The thread that pushed it.
    pub thread: *mut mpgc_thread,
    /// The library's: how far its LIFO stack was in use.
    pub stack: *mut c_void,
}

const _: () = {
    assert!(offset_of!(mpgc_nlr_buf, prev) == offset_of!(Buffer, prev));
    assert!(offset_of!(mpgc_nlr_buf, value) == offset_of!(Buffer, ret_val));
    assert!(offset_of!(mpgc_nlr_buf, registers) == registers::REGISTERS_OFFSET);
};

/// A callback that is called when a jump passes by it. It lies on the C stack.
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

/// Saves the registers, links the buffer to its thread and returns 0; and 1 once more for each jump
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

/// The thread that runs, which was made.
#[derive(Clone, Copy)]
struct Running(*mut mpgc_thread);

impl Thread for Running {
    fn top(self) -> *mut *mut Buffer {
        // SAFETY: the thread was made (the contract of every export), here and below.
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

/// Unlinks the newest buffer: to be called where the function that pushed it goes on without a
/// jump. Returns MPGC_OK, or MPGC_ERROR_NO_BUFFER if there is none.
///
/// # Safety
/// The thread was made, and is the running one.
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

/// Jumps to the newest buffer: its push returns 1, `value` is in it, it is unlinked, the LIFO stack
/// is as it was when it was pushed, and the callbacks pushed since have been called, newest first.
/// Without a buffer the error callback is told MPGC_ERROR_NO_BUFFER with `value`, and the processor
/// stops.
///
/// # Safety
/// The thread was made, and is the running one; what pushed the buffer has not returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_nlr_jump(thread: *mut mpgc_thread, value: *mut c_void) -> ! {
    // SAFETY: by this function's contract.
    unsafe { nlr::jump(Running(thread), value) }
}

/// Has `fun` called with `node` when a jump passes by the running function.
///
/// # Safety
/// The thread was made, and is the running one; `node` lies on the C stack and is valid until it is
/// popped.
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

/// Takes the newest callback away, and calls it if `run`. Returns MPGC_OK, or MPGC_ERROR_NO_BUFFER
/// if there is none.
///
/// # Safety
/// The thread was made, and is the running one.
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
