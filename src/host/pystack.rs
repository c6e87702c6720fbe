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
#[inline(always)]
pub unsafe fn init(start: *mut u8, end: *mut u8) {
    let thread = thread();
    // SAFETY: `thread` is the running thread's state, which only it writes.
    unsafe {
        (*thread).pystack_start = start;
        (*thread).pystack_end = end;
        (*thread).pystack_cur = start;
    }
}

/// Allocates a chunk of at least `bytes`.
///
/// # Safety
/// [`init`] has run on this thread.
#[inline(always)]
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
