//! The state of a thread: a LIFO stack, a chain of buffers to jump to, and jump callbacks.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use super::hooks::{mpgc_error, mpgc_error_fn, tell};
use super::roots::end_of_range;
use super::stack;
use crate::nlr::{Buffer, CallbackNode};

/// Words of an `mpgc_thread`.
pub const MPGC_THREAD_WORDS: usize = 8;

/// The state of a thread of the program: a LIFO stack, and the buffers to which it jumps. Its
/// contents are private; `mpgc_thread_init` initialises it.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_thread {
    /// Private.
    pub opaque: [usize; MPGC_THREAD_WORDS],
}

/// The contents of an [`mpgc_thread`].
#[repr(C)]
#[derive(Debug)]
pub(super) struct State {
    pub(super) top: *mut Buffer,
    pub(super) callbacks: *mut CallbackNode,
    pub(super) start: *mut u8,
    pub(super) cur: *mut u8,
    pub(super) end: *mut u8,
    pub(super) error: mpgc_error_fn,
    pub(super) user: *mut c_void,
}

const _: () = {
    assert!(size_of::<State>() <= size_of::<mpgc_thread>());
    assert!(align_of::<State>() <= align_of::<mpgc_thread>());
};

impl mpgc_thread {
    pub(super) fn state(thread: *mut mpgc_thread) -> *mut State {
        thread.cast()
    }

    /// The part of the LIFO stack that is in use.
    ///
    /// # Safety
    /// The thread was initialised.
    pub(super) unsafe fn in_use(thread: *mut mpgc_thread) -> (*const c_void, usize) {
        let state = Self::state(thread);
        // SAFETY: by this function's contract.
        unsafe {
            let (start, cur) = ((*state).start, (*state).cur);
            (start.cast(), cur.addr() - start.addr())
        }
    }

    /// Reports an error to the thread's callback, which may jump.
    ///
    /// # Safety
    /// The thread was initialised.
    pub(super) unsafe fn fail(
        thread: *mut mpgc_thread,
        error: mpgc_error,
        address: *const c_void,
    ) -> c_int {
        // SAFETY: by this function's contract.
        unsafe { Self::tell(thread, error.code(), address) }
    }

    /// As [`Self::fail`], with the error's number in C.
    ///
    /// # Safety
    /// The thread was initialised.
    pub(super) unsafe fn tell(
        thread: *mut mpgc_thread,
        kind: c_int,
        address: *const c_void,
    ) -> c_int {
        let state = Self::state(thread);
        // SAFETY: by this function's contract.
        unsafe { tell((*state).error, (*state).user, kind, address) }
    }
}

/// While it is set, the thread has only the buffers and callbacks that were pushed since, so that
/// no jump leaves the library's frames below. It has no destructor.
#[must_use = "a barrier has to be taken away"]
pub(super) struct Barrier {
    thread: *mut mpgc_thread,
    top: *mut Buffer,
    callbacks: *mut CallbackNode,
}

impl Barrier {
    /// Sets it, where there is a thread.
    pub(super) fn set(thread: *mut mpgc_thread) -> Barrier {
        if thread.is_null() {
            return Barrier {
                thread,
                top: null_mut(),
                callbacks: null_mut(),
            };
        }
        let state = mpgc_thread::state(thread);
        // SAFETY: the thread of a configuration was initialised, as the program promised.
        unsafe {
            Barrier {
                thread,
                top: (&raw mut (*state).top).replace(null_mut()),
                callbacks: (&raw mut (*state).callbacks).replace(null_mut()),
            }
        }
    }

    pub(super) fn take_away(self) {
        if !self.thread.is_null() {
            let state = mpgc_thread::state(self.thread);
            // SAFETY: as in `set`.
            unsafe {
                (*state).top = self.top;
                (*state).callbacks = self.callbacks;
            }
        }
    }
}

/// Initialises a thread. `stack` is memory for its LIFO stack, NULL and 0 for none, of which one
/// bit for every two words is used for a map; memory that is longer than the address space counts
/// as none. `error` is called with `user` when the stack is exhausted, or a jump finds no buffer;
/// if NULL, errors are reported by return value only.
///
/// # Safety
/// `thread` may be written; the stack's memory is valid, and from now on only the thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_thread_init(
    thread: *mut mpgc_thread,
    stack: *mut c_void,
    n_bytes: usize,
    error: mpgc_error_fn,
    user: *mut c_void,
) {
    let is_memory = !stack.is_null() && end_of_range(stack, n_bytes).is_some();
    let n_bytes = if is_memory { n_bytes } else { 0 };
    let skipped = (stack.addr().wrapping_neg() % stack::ALIGN).min(n_bytes);
    let start = stack.cast::<u8>().wrapping_add(skipped);
    let space = stack::space(n_bytes - skipped);
    // SAFETY: by this function's contract; the map lies behind the chunks.
    unsafe {
        let end = start.wrapping_add(space);
        end.cast::<usize>().write_bytes(0, stack::map_words(space));
        mpgc_thread::state(thread).write(State {
            top: null_mut(),
            callbacks: null_mut(),
            start,
            cur: start,
            end,
            error,
            user,
        });
    }
}
