//! The LIFO stack: chunks that are freed in the reverse order of allocation.
//!
//! ```text
//!   start           cur               end
//!   | chunk | chunk | free            | map: a bit for each unit of ALIGN bytes |
//!     1 0 0   1 0     0 0 0             set where a chunk in use begins
//! ```
//!
//! The map distinguishes the start of a chunk from an address inside one. No bit above `cur` is
//! set, so that an allocation only sets one bit. A free or a jump, which lowers `cur`, clears the
//! bits above it.

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

/// Units that share a word of the map.
const UNITS_PER_WORD: usize = usize::BITS as usize;

/// The bytes for chunks, a multiple of [`ALIGN`], when chunks and map share `n_bytes` bytes.
pub(super) const fn space(n_bytes: usize) -> usize {
    const UNITS: usize = UNITS_PER_WORD * ALIGN;
    const UNITS_AND_WORD: usize = UNITS + size_of::<usize>();
    let rest = (n_bytes % UNITS_AND_WORD).saturating_sub(size_of::<usize>());
    n_bytes / UNITS_AND_WORD * UNITS + rest / ALIGN * ALIGN
}

/// The words of the map for `space` bytes of chunks.
pub(super) const fn map_words(space: usize) -> usize {
    (space / ALIGN).div_ceil(UNITS_PER_WORD)
}

/// Clears the bits of the chunks from unit `from` up to unit `end`, of which there is at least one.
///
/// # Safety
/// The map is that of a stack with these units.
unsafe fn forget_chunks(map: *mut usize, from: usize, end: usize) {
    let (first, last) = (from / UNITS_PER_WORD, (end - 1) / UNITS_PER_WORD);
    // SAFETY: the units lie in the stack, so their words lie in the map.
    unsafe {
        *map.add(first) &= (1 << (from % UNITS_PER_WORD)) - 1;
        if first < last {
            clear_words(map.add(first + 1), last - first);
        }
    }
}

/// # Safety
/// The words are in the map.
#[cold]
#[inline(never)]
unsafe fn clear_words(words: *mut usize, n: usize) {
    // SAFETY: by this function's contract.
    unsafe { words.write_bytes(0, n) }
}

/// Frees what was allocated since a jump's buffer was pushed, when the stack was in use up to
/// `cur`.
///
/// # Safety
/// The thread was initialised, and `cur` is a former top of its stack.
pub(super) unsafe fn give_back_to(thread: *mut mpgc_thread, cur: *mut u8) {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract; the map begins at the end.
    unsafe {
        let start = (*state).start.addr();
        if cur < (*state).cur {
            let (from, end) = (cur.addr() - start, (*state).cur.addr() - start);
            forget_chunks((*state).end.cast(), from / ALIGN, end / ALIGN);
        }
        (*state).cur = cur;
    }
}

/// Allocates a chunk of the LIFO stack, aligned to two words and not cleared. Returns NULL if the
/// stack is exhausted, and leaves it unchanged: MPGC_ERROR_STACK_EXHAUSTED. A chunk of 0 bytes
/// takes as much as one of 1, so that each has its own address.
///
/// # Safety
/// The thread was initialised, and is the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stack_alloc(thread: *mut mpgc_thread, n_bytes: usize) -> *mut c_void {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract; cur <= end holds from `mpgc_thread_init` on, and the map
    // begins at the end.
    unsafe {
        let (chunk, end) = ((*state).cur, (*state).end);
        if let Ok(taken) = LAYOUT.chunk_bytes(n_bytes.max(1), end.addr() - chunk.addr()) {
            let unit = (chunk.addr() - (*state).start.addr()) / ALIGN;
            *end.cast::<usize>().add(unit / UNITS_PER_WORD) |= 1 << (unit % UNITS_PER_WORD);
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

/// Frees a chunk of the LIFO stack, and all that were allocated after it. Returns MPGC_OK; or, for
/// a pointer to no chunk, MPGC_FAULT_FOREIGN (outside of the stack), MPGC_FAULT_INNER (inside of a
/// chunk, or not aligned), MPGC_FAULT_DOUBLE_FREE (free already, by a call or by a jump), and then
/// nothing is changed.
///
/// # Safety
/// The thread was initialised, and is the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stack_free(thread: *mut mpgc_thread, chunk: *mut c_void) -> c_int {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract; the map begins at the end, and a unit in use has a bit
    // in it.
    unsafe {
        let start = (*state).start.addr();
        let used = ((*state).cur.addr() - start) / ALIGN;
        // an unaligned address becomes a large number, as does one below the stack
        let unit = chunk
            .addr()
            .wrapping_sub(start)
            .rotate_right(ALIGN.trailing_zeros());
        let map = (*state).end.cast::<usize>();
        if unit < used && (*map.add(unit / UNITS_PER_WORD) >> (unit % UNITS_PER_WORD)) & 1 != 0 {
            forget_chunks(map, unit, used);
            (*state).cur = chunk.cast();
            return mpgc_error::MPGC_OK.code();
        }
        refuse(thread, chunk)
    }
}

/// # Safety
/// As for [`mpgc_stack_free`]; `chunk` is no chunk in use.
#[cold]
#[inline(never)]
unsafe fn refuse(thread: *mut mpgc_thread, chunk: *mut c_void) -> c_int {
    let state = mpgc_thread::state(thread);
    // SAFETY: by this function's contract.
    unsafe {
        let offset = chunk.addr().wrapping_sub((*state).start.addr());
        let fault = if offset >= (*state).end.addr() - (*state).start.addr() {
            Fault::Foreign
        } else if offset.is_multiple_of(ALIGN) && chunk.addr() >= (*state).cur.addr() {
            Fault::DoubleFree
        } else {
            Fault::Inner
        };
        mpgc_thread::tell(thread, fault_code(fault), chunk)
    }
}

/// Returns the bytes of the LIFO stack that are in use.
///
/// # Safety
/// The thread was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_stack_used(thread: *mut mpgc_thread) -> usize {
    // SAFETY: by this function's contract.
    unsafe { mpgc_thread::in_use(thread).1 }
}
