//! The LIFO stack: chunks that are given back in the order opposite to that in which they were handed out.
//!
//! ```text
//!   start           cur               end
//!   | chunk | chunk | free            | map: a bit for each unit of ALIGN bytes |
//!     1 0 0   1 0                       set where a chunk begins
//! ```
//!
//! The map tells a chunk from what lies inside one. It is written when a chunk is handed out, and only then: a jump
//! gives back chunks without a look at it, so above `cur` it says where chunks have begun.

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

/// Units that share a byte of the map.
const UNITS_PER_BYTE: usize = 8;

/// The bytes for chunks, a multiple of [`ALIGN`], in so many for chunks and the map.
pub(super) const fn room(n_bytes: usize) -> usize {
    const WITH_A_BYTE: usize = UNITS_PER_BYTE * ALIGN + 1;
    let rest = (n_bytes % WITH_A_BYTE).saturating_sub(1);
    n_bytes / WITH_A_BYTE * UNITS_PER_BYTE * ALIGN + rest / ALIGN * ALIGN
}

/// The bytes of the map for so many of chunks.
pub(super) const fn map_bytes(room: usize) -> usize {
    (room / ALIGN).div_ceil(UNITS_PER_BYTE)
}

/// Notes that a chunk begins at unit `first` and ends before unit `end`.
///
/// # Safety
/// The map is that of a stack which has these units.
#[inline(always)]
unsafe fn note_chunk(map: *mut u8, first: usize, end: usize) {
    let mut unit = first;
    let mut begins = 1u8 << (first % UNITS_PER_BYTE);
    while unit < end {
        let at = unit % UNITS_PER_BYTE;
        let here = (UNITS_PER_BYTE - at).min(end - unit);
        let units = (u8::MAX >> (UNITS_PER_BYTE - here)) << at;
        // SAFETY: the unit is one of the stack's, so its byte is in the map.
        unsafe {
            let byte = map.wrapping_add(unit / UNITS_PER_BYTE);
            byte.write((byte.read() & !units) | begins);
        }
        begins = 0;
        unit += here;
    }
}

/// Whether a chunk begins at a unit, or has begun there.
///
/// # Safety
/// As for [`note_chunk`].
#[inline(always)]
unsafe fn begins_at(map: *const u8, unit: usize) -> bool {
    // SAFETY: the unit is one of the stack's, so its byte is in the map.
    let byte = unsafe { map.wrapping_add(unit / UNITS_PER_BYTE).read() };
    (byte >> (unit % UNITS_PER_BYTE)) & 1 != 0
}

/// Hands out a chunk of the LIFO stack, aligned to two words and not cleared; NULL when there is no room, and
/// the stack is as it was: MPGC_ERROR_STACK_EXHAUSTED. A chunk of 0 bytes takes as many as one of 1, so each has an
/// address of its own.
///
/// # Safety
/// The thread was made, and is the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stack_alloc(thread: *mut mpgc_thread, n_bytes: usize) -> *mut c_void {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract; cur <= end holds from `mpgc_thread_init` on, and the map begins at the end.
    unsafe {
        let (chunk, end) = ((*state).cur, (*state).end);
        if let Ok(taken) = LAYOUT.chunk_bytes(n_bytes.max(1), end.addr() - chunk.addr()) {
            let first = (chunk.addr() - (*state).start.addr()) / ALIGN;
            note_chunk(end, first, first + taken / ALIGN);
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
/// there), MPGC_FAULT_DOUBLE_FREE (it was given back, or a jump has given it back), and then nothing is changed.
///
/// # Safety
/// The thread was made, and is the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stack_free(thread: *mut mpgc_thread, chunk: *mut c_void) -> c_int {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract; the map begins at the end.
    unsafe {
        let end = (*state).end;
        let offset = chunk.addr().wrapping_sub((*state).start.addr());
        let fault = if offset >= end.addr() - (*state).start.addr() {
            Fault::Foreign
        } else if !offset.is_multiple_of(ALIGN) || !begins_at(end, offset / ALIGN) {
            Fault::Inner
        } else if chunk.addr() >= (*state).cur.addr() {
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
