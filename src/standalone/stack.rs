//! The LIFO stack: chunks that are given back in the order opposite to that in which they were handed out.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use super::hooks::{fault_code, mpgc_error};
use super::thread::mpgc_thread;
use crate::heap::Fault;
use crate::pystack::ChunkLayout;

/// Chunks are aligned to two words.
pub(super) const ALIGN: usize = 2 * size_of::<usize>();

const LAYOUT: ChunkLayout = ChunkLayout {
    align: ALIGN,
    size_slot: false,
};

/// Hands out a chunk of the LIFO stack, aligned to two words and not cleared; NULL when there is no room, and
/// the stack is as it was: MPGC_ERROR_STACK_EXHAUSTED.
///
/// # Safety
/// The thread was made, and is the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stack_alloc(thread: *mut mpgc_thread, n_bytes: usize) -> *mut c_void {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract; cur <= end holds from `mpgc_thread_init` on.
    unsafe {
        let chunk = (*state).cur;
        if let Ok(taken) = LAYOUT.chunk_bytes(n_bytes, (*state).end.addr() - chunk.addr()) {
            (*state).cur = chunk.wrapping_add(taken);
            return chunk.cast();
        }
        mpgc_thread::fail(
            thread,
            mpgc_error::MPGC_ERROR_STACK_EXHAUSTED,
            null_mut::<c_void>(),
        );
    }
    null_mut()
}

/// Gives a chunk of the LIFO stack back, and all that were handed out after it. Returns MPGC_OK; or, for what
/// is no chunk in use, MPGC_FAULT_FOREIGN (outside of the stack), MPGC_FAULT_INNER (inside, but no chunk begins
/// there), MPGC_FAULT_DOUBLE_FREE (it was given back), and then nothing is changed.
///
/// # Safety
/// The thread was made, and is the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stack_free(thread: *mut mpgc_thread, chunk: *mut c_void) -> c_int {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract.
    unsafe {
        let offset = chunk.addr().wrapping_sub((*state).start.addr());
        let fault = if offset > (*state).end.addr() - (*state).start.addr() {
            Fault::Foreign
        } else if !offset.is_multiple_of(ALIGN) {
            Fault::Inner
        } else if chunk.addr() > (*state).cur.addr() {
            Fault::DoubleFree
        } else {
            (*state).cur = chunk.cast();
            return mpgc_error::MPGC_OK.code();
        };
        mpgc_thread::tell(thread, fault_code(fault), chunk)
    }
}

/// The bytes of the LIFO stack that are in use.
///
/// # Safety
/// The thread was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stack_used(thread: *mut mpgc_thread) -> usize {
    // SAFETY: by this function's contract.
    unsafe { mpgc_thread::in_use(thread).1 }
}
