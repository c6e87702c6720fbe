//! The exports of the heap.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::null_mut;

use super::hooks::{fault_code, mpgc_config, mpgc_error};
use super::host::{BY_BYTES, Fields, Program};
use super::roots::end_of_range;
use crate::heap::host::{Callbacks, Config, Memory};
use crate::heap::layout::{Layout, Tables};
use crate::heap::{Fault, alloc};

/// Words of an `mpgc_heap`.
pub const MPGC_HEAP_WORDS: usize = 128;

/// `mpgc_alloc`: the chunk may have a finaliser.
pub const MPGC_FINALISER: c_uint = 1;

const _: () = assert!(MPGC_FINALISER == alloc::HAS_FINALISER);

/// The state of a heap, in memory of the program. Its contents are private; `mpgc_heap_init`
/// initialises it. The chunks lie in the regions that are passed to the heap.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_heap {
    /// Private.
    pub opaque: [usize; MPGC_HEAP_WORDS],
}

/// The bytes of a region, from start to end, with the start rounded up to a word. `None` if it is
/// null or extends past the end of the address space.
fn region(start: *mut c_void, n_bytes: usize) -> Option<(*mut u8, *mut u8)> {
    if start.is_null() {
        return None;
    }
    let end = end_of_range(start, n_bytes)?;
    let skipped = start.addr().wrapping_neg() % size_of::<usize>();
    let start = start.cast::<u8>();
    Some((
        start.wrapping_add(skipped.min(n_bytes)),
        start.with_addr(end),
    ))
}

/// Whether an area between these addresses would have a block.
fn has_a_block(start: *mut u8, end: *mut u8) -> bool {
    let block = <Program as Config>::BLOCK_BYTES;
    let end = end.addr() & !(block - 1);
    let tables = Tables::of::<Program>();
    let layout = end
        .checked_sub(start.addr())
        .and_then(|total| Layout::new(total, block, tables));
    layout.is_some_and(|layout| layout.blocks().0 > 0)
}

/// Initialises a heap with a region; `config` is copied, and NULL stands for a zero-initialised
/// one. Returns MPGC_OK, or MPGC_FAULT_NO_ROOM if the region is NULL, too small for its tables and
/// four blocks, or longer than the address space: then there is no heap. A block is four words.
///
/// # Safety
/// `heap` may be written; the region is valid, and from now on only the heap uses it. No chunk of
/// an earlier heap there is used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_init(
    heap: *mut mpgc_heap,
    start: *mut c_void,
    n_bytes: usize,
    config: *const mpgc_config,
) -> c_int {
    let host = Program::of(heap);
    let region = region(start, n_bytes).filter(|&(first, end)| has_a_block(first, end));
    // SAFETY: by this function's contract.
    unsafe {
        // in two calls, so that no constant is copied: the ESP8266 does not read its flash by bytes
        match config.as_ref() {
            Some(given) => host.set_up(*given),
            None => host.set_up(mpgc_config::NONE),
        }
        let Some((first, end)) = region else {
            return host.tell(fault_code(Fault::NoRoom), start);
        };
        host.heap().init(first, end);
    }
    mpgc_error::MPGC_OK.code()
}

/// Adds a region to a heap. Returns MPGC_OK; or MPGC_FAULT_NO_ROOM as for `mpgc_heap_init`, or
/// MPGC_ERROR_LOCKED if a finaliser calls it, and then the heap is unchanged.
///
/// # Safety
/// The heap was initialised; the region is valid, and from now on only the heap uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_add(
    heap: *mut mpgc_heap,
    start: *mut c_void,
    n_bytes: usize,
) -> c_int {
    let host = Program::of(heap);
    let fields = size_of::<Fields>();
    let region = region(start, n_bytes).filter(|&(first, end)| {
        let space = end.addr().saturating_sub(first.addr());
        space >= fields && has_a_block(first.wrapping_add(fields), end)
    });
    let Some((first, end)) = region else {
        return host.tell(fault_code(Fault::NoRoom), start);
    };
    let held = host.hold();
    let collecting = host.heap().is_collecting();
    if !collecting {
        // SAFETY: by this function's contract; the region is large enough for the fields and for
        // blocks.
        unsafe { host.heap().add(first, end) }
    }
    host.release(held);
    if collecting {
        return host.fail(mpgc_error::MPGC_ERROR_LOCKED, start);
    }
    mpgc_error::MPGC_OK.code()
}

/// Closes a heap: runs the remaining finalisers and frees everything. The program may then reuse
/// its memory. Returns MPGC_OK; or MPGC_ERROR_LOCKED if the heap is locked or a finaliser calls it,
/// and then the heap is unchanged.
///
/// # Safety
/// The heap was initialised; no chunk of it is used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_close(heap: *mut mpgc_heap) -> c_int {
    let host = Program::of(heap);
    let held = host.hold();
    let locked = host.heap().is_locked();
    if !locked {
        // SAFETY: by this function's contract no chunk is used afterwards.
        unsafe { host.heap().sweep_all() }
    }
    host.release(held);
    if locked {
        return host.fail(mpgc_error::MPGC_ERROR_LOCKED, null_mut());
    }
    mpgc_error::MPGC_OK.code()
}

/// Allocates a chunk of at least `n_bytes` bytes, zeroed and aligned to a block of four words; NULL
/// for 0 bytes. It stays allocated as long as a root, or another chunk that a root reaches, holds
/// the address of its start.
///
/// If no free run is long enough, it collects once, unless `mpgc_set_collect` forbids it, and then
/// returns NULL: MPGC_ERROR_OUT_OF_MEMORY. While the heap is locked, or collects, it returns NULL:
/// MPGC_ERROR_LOCKED. `flags` is 0 or MPGC_FINALISER.
///
/// # Safety
/// The heap was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_alloc(
    heap: *mut mpgc_heap,
    n_bytes: usize,
    flags: c_uint,
) -> *mut c_void {
    let host = Program::of(heap);
    let held = host.hold();
    let chunk = host.heap().alloc(n_bytes, flags);
    let locked = host.heap().is_locked();
    host.release(held);
    if chunk.is_null() && n_bytes > 0 {
        no_chunk(host, locked);
    }
    chunk.cast()
}

#[cold]
fn no_chunk(host: Program, locked: bool) {
    let error = if locked {
        mpgc_error::MPGC_ERROR_LOCKED
    } else {
        mpgc_error::MPGC_ERROR_OUT_OF_MEMORY
    };
    host.fail(error, null_mut());
}

/// Resizes a chunk, in place if possible, or else by moving it if it `may_move`. Returns its
/// address. Bytes gained are zero. With NULL it allocates, and with 0 bytes it frees.
///
/// On failure it returns NULL and leaves the chunk unchanged: MPGC_ERROR_OUT_OF_MEMORY,
/// MPGC_ERROR_LOCKED, or for a pointer to no chunk MPGC_FAULT_FOREIGN, MPGC_FAULT_INNER,
/// MPGC_FAULT_DOUBLE_FREE. (NULL because the chunk may not move is no error, and is not reported.)
///
/// # Safety
/// The heap was initialised; the chunk is not used afterwards if another is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_realloc(
    heap: *mut mpgc_heap,
    chunk: *mut c_void,
    n_bytes: usize,
    may_move: bool,
) -> *mut c_void {
    if chunk.is_null() {
        // SAFETY: by this function's contract.
        return unsafe { mpgc_alloc(heap, n_bytes, 0) };
    }
    if n_bytes == 0 {
        // SAFETY: likewise.
        unsafe { mpgc_free(heap, chunk) };
        return null_mut();
    }
    let host = Program::of(heap);
    let held = host.hold();
    let locked = host.heap().is_locked();
    let live = host.heap().expect_live(chunk.cast());
    let moved = match live {
        // SAFETY: the chunk is one of this heap.
        Ok(()) => unsafe { host.heap().realloc(chunk.cast(), n_bytes, may_move) },
        Err(_) => null_mut(),
    };
    host.release(held);
    match live {
        Err(fault) => {
            host.tell(fault_code(fault), chunk);
        }
        Ok(()) if moved.is_null() && (locked || may_move) => no_chunk(host, locked),
        Ok(()) => {}
    }
    moved.cast()
}

/// Frees a chunk without running its finaliser. `chunk` may be NULL. Returns MPGC_OK; or, for a
/// pointer to no chunk, MPGC_FAULT_FOREIGN (not in this heap), MPGC_FAULT_INNER (inside a chunk),
/// MPGC_FAULT_DOUBLE_FREE (free already); or MPGC_ERROR_LOCKED. In these cases nothing is freed.
///
/// # Safety
/// The heap was initialised; the chunk is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_free(heap: *mut mpgc_heap, chunk: *mut c_void) -> c_int {
    if chunk.is_null() {
        return mpgc_error::MPGC_OK.code();
    }
    let host = Program::of(heap);
    let held = host.hold();
    let locked = host.lock_count() > 0;
    let live = host.heap().expect_live(chunk.cast());
    if live.is_ok() && !locked {
        // SAFETY: the chunk is one of this heap, and not used afterwards, by this function's
        // contract.
        unsafe { host.heap().free(chunk.cast()) }
    }
    host.release(held);
    match live {
        Err(fault) => host.tell(fault_code(fault), chunk),
        Ok(()) if locked => host.fail(mpgc_error::MPGC_ERROR_LOCKED, chunk),
        Ok(()) => mpgc_error::MPGC_OK.code(),
    }
}

/// Returns the length of the chunk that starts at `address`, 0 if none does: the bytes of its
/// blocks; in a hardened library the bytes that were requested. Any address may be passed.
///
/// # Safety
/// The heap was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_nbytes(heap: *mut mpgc_heap, address: *const c_void) -> usize {
    let host = Program::of(heap);
    let held = host.hold();
    let bytes = host.heap().chunk_bytes(address.cast());
    host.release(held);
    bytes
}

/// Collects now: finalises and frees the chunks that no root reaches. Called by a finaliser it does
/// nothing. Returns MPGC_OK; or MPGC_ERROR_LOCKED while the heap is locked, and then nothing is
/// freed.
///
/// # Safety
/// The heap was initialised, and a root reaches every chunk that is in use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_collect(heap: *mut mpgc_heap) -> c_int {
    let host = Program::of(heap);
    let held = host.hold();
    let locked = host.lock_count() > 0 && !host.heap().is_collecting();
    if !locked {
        host.collect();
    }
    host.release(held);
    if locked {
        return host.fail(mpgc_error::MPGC_ERROR_LOCKED, null_mut());
    }
    mpgc_error::MPGC_OK.code()
}

/// Sets when the heap collects by itself: if `when_full`, when it is full; and in either case
/// before an allocation if `n_bytes` or more bytes were allocated since the last collection
/// (`SIZE_MAX`: never). A new heap collects only when it is full.
///
/// # Safety
/// The heap was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_set_collect(heap: *mut mpgc_heap, when_full: bool, n_bytes: usize) {
    let host = Program::of(heap);
    let held = host.hold();
    let (by_bytes, blocks) = match n_bytes {
        usize::MAX => (0, usize::MAX),
        // rounded up: chunks are whole blocks
        n_bytes => (BY_BYTES, n_bytes.div_ceil(<Program as Config>::BLOCK_BYTES)),
    };
    let when_full = Program::WHEN_FULL * u16::from(when_full);
    // SAFETY: by this function's contract the words are valid.
    unsafe {
        host.auto_collect().write(when_full | by_bytes);
        host.alloc_threshold().write(blocks);
    }
    host.release(held);
}

/// Prevents allocating, resizing, freeing and collecting until the matching `mpgc_unlock`: for code
/// that must not collect.
///
/// # Safety
/// The heap was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_lock(heap: *mut mpgc_heap) {
    let host = Program::of(heap);
    let held = host.hold();
    host.lock();
    host.release(held);
}

/// Undoes one `mpgc_lock`. Returns MPGC_OK, or MPGC_ERROR_NOT_LOCKED.
///
/// # Safety
/// The heap was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_unlock(heap: *mut mpgc_heap) -> c_int {
    let host = Program::of(heap);
    let held = host.hold();
    let locked = host.unlock();
    host.release(held);
    if !locked {
        return host.fail(mpgc_error::MPGC_ERROR_NOT_LOCKED, null_mut());
    }
    mpgc_error::MPGC_OK.code()
}
