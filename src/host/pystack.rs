//! The Python stack of the running thread.

use super::config::{PYSTACK_ALIGN, PYSTACK_DEBUG};
use super::micropython::thread;
use crate::pystack::{ChunkLayout, Exhausted};

const LAYOUT: ChunkLayout = ChunkLayout {
    align: PYSTACK_ALIGN,
    size_slot: PYSTACK_DEBUG != 0,
};

/// Makes `[start, end)` the thread's Python stack, empty.
///
/// # Safety
/// The region is valid for reads and writes as long as the thread runs.
pub unsafe fn init(start: *mut u8, end: *mut u8) {
    let thread = thread();
    // SAFETY: `thread` is the running thread's state, which only it writes.
    unsafe {
        (*thread).pystack_start = start;
        (*thread).pystack_end = end;
        (*thread).pystack_cur = start;
        #[cfg(feature = "stats")]
        forget_most_used();
    }
}

/// What the free part of the stack is filled with, so that it shows how far it was in use: a number
/// that is neither an object nor an address.
#[cfg(feature = "stats")]
const UNUSED: usize = usize::MAX / 0xff * 0xa5;

/// The words from an address up to the end of the thread's stack.
///
/// # Safety
/// [`init`] has run on this thread.
#[cfg(feature = "stats")]
unsafe fn words_from(from: *mut u8) -> (*mut usize, usize) {
    // SAFETY: the running thread's state.
    let end = unsafe { (*thread()).pystack_end };
    let skipped = from.addr().wrapping_neg() % size_of::<usize>();
    let words = end.addr().saturating_sub(from.addr() + skipped) / size_of::<usize>();
    (from.wrapping_add(skipped).cast(), words)
}

/// Forgets how much of the stack was in use, but for what is now.
///
/// # Safety
/// [`init`] has run on this thread.
#[cfg(feature = "stats")]
pub unsafe fn forget_most_used() {
    // SAFETY: what lies from `cur` on is free, and nobody's.
    unsafe {
        let (first, words) = words_from((*thread()).pystack_cur);
        for i in 0..words {
            first.add(i).write(UNUSED);
        }
    }
}

/// The most bytes that were ever in use, as far as they were written to.
///
/// # Safety
/// [`init`] has run on this thread.
#[cfg(feature = "stats")]
pub unsafe fn most_used() -> usize {
    let thread = thread();
    // SAFETY: the region is the thread's, and a port's threads have it filled since `init`.
    unsafe {
        let (start, cur) = ((*thread).pystack_start, (*thread).pystack_cur);
        let (first, mut words) = words_from(cur);
        while words > 0 && first.add(words - 1).read() == UNUSED {
            words -= 1;
        }
        match words {
            0 => cur.addr() - start.addr(),
            words => first.addr() + words * size_of::<usize>() - start.addr(),
        }
    }
}

/// Allocates a chunk of at least `bytes`.
///
/// # Safety
/// [`init`] has run on this thread.
pub unsafe fn alloc(bytes: usize) -> Result<*mut u8, Exhausted> {
    let thread = thread();
    // SAFETY: `thread` is the running thread's state; cur <= end holds from `init` on,
    // and the chunk fits between them, so the new cur is inside the region or its end.
    unsafe {
        let chunk = (*thread).pystack_cur;
        let free = (*thread).pystack_end.addr() - chunk.addr();
        let taken = LAYOUT.chunk_bytes(bytes, free)?;
        let cur = chunk.add(taken);
        (*thread).pystack_cur = cur;
        if LAYOUT.size_slot {
            // The last slot of the chunk holds its size, and is aligned like the chunk.
            cur.sub(LAYOUT.align).cast::<usize>().write(taken);
        }
        Ok(chunk)
    }
}
