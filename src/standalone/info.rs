//! The exports that describe and check a heap.

use core::ffi::c_void;
use core::ptr::null_mut;

use super::heap::mpgc_heap;
use super::host::Program;
use crate::abi::mpgc_broken;
use crate::heap::host::Config;

/// Figures about a heap.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_info {
    /// Bytes of all blocks.
    pub total: usize,
    /// Bytes of all blocks in use.
    pub used: usize,
    /// Bytes of all free blocks.
    pub free: usize,
    /// Bytes of the longest free run; in a hardened library the longest chunk is one byte shorter.
    pub max_free: usize,
    /// Bytes of the longest chunk in use.
    pub max_used: usize,
    /// Chunks that the last collection freed.
    pub collected: usize,
}

/// Returns the chunk that `address` lies in, which need not be its start, and writes its length to
/// `n_bytes` unless that is NULL. Returns NULL if `address` lies in no chunk.
///
/// # Safety
/// The heap was initialised; `n_bytes` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_chunk_of(
    heap: *mut mpgc_heap,
    address: *const c_void,
    n_bytes: *mut usize,
) -> *mut c_void {
    let host = Program::of(heap);
    let held = host.hold();
    let found = host.heap().chunk_around(address.cast());
    host.release(held);
    let Some((chunk, bytes)) = found else {
        return null_mut();
    };
    if !n_bytes.is_null() {
        // SAFETY: by this function's contract.
        unsafe { n_bytes.write(bytes) }
    }
    chunk.as_ptr().cast()
}

/// Counts blocks and chunks, in time proportional to their number.
///
/// # Safety
/// The heap was initialised; `out` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_info(heap: *mut mpgc_heap, out: *mut mpgc_info) {
    let host = Program::of(heap);
    let held = host.hold();
    let found = host.heap().info();
    let collected = host.last_collected();
    host.release(held);
    let block = <Program as Config>::BLOCK_BYTES;
    // SAFETY: by this function's contract.
    unsafe {
        out.write(mpgc_info {
            total: found.total,
            used: found.used,
            free: found.free,
            max_free: found.max_free * block,
            max_used: found.max_block * block,
            collected,
        });
    }
}

/// Checks every block of the heap and every claim of the search's hints. Returns true if all
/// invariants hold. Otherwise returns false and writes the first one that does not to `out`, unless
/// that is NULL; `what` is valid for ever. Must not be called during a collection.
///
/// # Safety
/// The heap was initialised; `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_check(heap: *mut mpgc_heap, out: *mut mpgc_broken) -> bool {
    let host = Program::of(heap);
    let held = host.hold();
    let checked = host.heap().check();
    host.release(held);
    let Err(broken) = checked else {
        return true;
    };
    if !out.is_null() {
        // SAFETY: by this function's contract.
        unsafe { out.write(broken.into()) }
    }
    false
}
