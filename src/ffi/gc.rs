//! The exports of py/gc.h, in its order.

use crate::heap::Info;
#[cfg(mpgc_split_heap_auto)]
use crate::heap::host::Callbacks;
use crate::host::bindings::{gc_info_t, mp_print_t};
use crate::host::dump::{self, Printer};
#[cfg(mpgc_split_heap_auto)]
use crate::host::heap::MicroPython;
use crate::host::heap::{self, HEAP};
use core::ffi::{c_uint, c_void};
use core::mem::offset_of;

/// Mirrors `gc_init` (py/gc.c).
///
/// # Safety
/// From now on only the heap uses the memory `start .. end`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_init(start: *mut c_void, end: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { HEAP.init(start.cast(), end.cast()) }
}

/// Mirrors `gc_add` (py/gc.c).
///
/// # Safety
/// As for [`gc_init`]; `start` is aligned for pointers.
#[cfg(mpgc_split_heap)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_add(start: *mut c_void, end: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { HEAP.add(start.cast(), end.cast()) }
}

/// Mirrors `gc_lock` (py/gc.c).
///
/// # Safety
/// [`gc_init`] was called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_lock() {
    HEAP.lock();
}

/// Mirrors `gc_unlock` (py/gc.c).
///
/// # Safety
/// Pairs with a [`gc_lock`] of this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_unlock() {
    HEAP.unlock();
}

/// Mirrors `gc_is_locked` (py/gc.c).
///
/// # Safety
/// [`gc_init`] was called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_is_locked() -> bool {
    HEAP.is_locked()
}

/// Mirrors `gc_collect_start` (py/gc.c).
///
/// # Safety
/// A [`gc_collect_end`] of the same thread follows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_collect_start() {
    heap::collect_start();
}

/// Mirrors `gc_collect_root` (py/gc.c).
///
/// # Safety
/// `ptrs` points at `len` words that may be read, between [`gc_collect_start`] and
/// [`gc_collect_end`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_collect_root(ptrs: *mut *mut c_void, len: usize) {
    // SAFETY: by this function's contract.
    unsafe { HEAP.collect_root(ptrs.cast(), len) }
}

/// Mirrors `gc_collect_end` (py/gc.c).
///
/// # Safety
/// Follows a [`gc_collect_start`] of the same thread. Runs finalisers, hence Python.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_collect_end() {
    // SAFETY: by this function's contract.
    unsafe { HEAP.collect_end() }
    #[cfg(feature = "idle-collect")]
    crate::host::idle::end();
}

/// Mirrors `gc_sweep_all` (py/gc.c).
///
/// # Safety
/// No chunk is used afterwards. Runs finalisers, hence Python.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_sweep_all() {
    HEAP.begin();
    // Calls the export, so that there is only one copy of the function.
    // SAFETY: a collection has begun.
    unsafe { gc_collect_end() }
}

/// Mirrors `gc_alloc` (py/gc.c).
///
/// # Safety
/// [`gc_init`] was called. May collect, hence run Python.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_alloc(n_bytes: usize, alloc_flags: c_uint) -> *mut c_void {
    HEAP.alloc(n_bytes, alloc_flags).cast()
}

/// Mirrors `gc_free` (py/gc.c).
///
/// # Safety
/// `ptr` is null, or a chunk that is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_free(ptr: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { HEAP.free(ptr.cast()) }
}

/// Mirrors `gc_nbytes` (py/gc.c).
///
/// # Safety
/// [`gc_init`] was called; `ptr` may be anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_nbytes(ptr: *const c_void) -> usize {
    HEAP.chunk_bytes(ptr.cast())
}

/// Mirrors `gc_realloc` (py/gc.c).
///
/// # Safety
/// `ptr` is null or a chunk, which is not used afterwards if another is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_realloc(
    ptr: *mut c_void,
    n_bytes: usize,
    allow_move: bool,
) -> *mut c_void {
    // SAFETY: by this function's contract.
    unsafe { HEAP.realloc(ptr.cast(), n_bytes, allow_move) }.cast()
}

/// Mirrors `gc_info` (py/gc.c).
///
/// # Safety
/// `info` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_info(info: *mut gc_info_t) {
    // SAFETY: by this function's contract; the structs have the same first fields (asserted below).
    unsafe {
        info.cast::<Info>().write(HEAP.info());
        #[cfg(mpgc_split_heap_auto)]
        {
            (*info).max_new_split = MicroPython.max_new_area();
        }
    }
}

const _: () = {
    assert!(offset_of!(gc_info_t, total) == offset_of!(Info, total));
    assert!(offset_of!(gc_info_t, used) == offset_of!(Info, used));
    assert!(offset_of!(gc_info_t, free) == offset_of!(Info, free));
    assert!(offset_of!(gc_info_t, max_free) == offset_of!(Info, max_free));
    assert!(offset_of!(gc_info_t, num_1block) == offset_of!(Info, num_1block));
    assert!(offset_of!(gc_info_t, num_2block) == offset_of!(Info, num_2block));
    assert!(offset_of!(gc_info_t, max_block) == offset_of!(Info, max_block));
    assert!(size_of::<gc_info_t>() >= size_of::<Info>());
};

/// Mirrors `gc_info_fast` (py/gc.c).
///
/// # Safety
/// `info` may be written.
#[cfg(mpgc_info_fast)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_info_fast(info: *mut gc_info_t) {
    let found = HEAP.info_fast();
    // SAFETY: by this function's contract; zeros are valid numbers.
    unsafe {
        info.write(core::mem::zeroed());
        (*info).total = found.total;
        (*info).used = found.used;
        (*info).free = found.free;
    }
}

/// Mirrors `gc_weakref_mark` (py/gc.c).
///
/// # Safety
/// `ptr` is a chunk of the heap.
#[cfg(mpgc_weakref)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_weakref_mark(ptr: *mut c_void) {
    // SAFETY: by this function's contract.
    unsafe { HEAP.mark_weakref(ptr.cast()) }
}

/// Mirrors `gc_deinit` (py/gc.c of CircuitPython).
///
/// # Safety
/// As for [`gc_sweep_all`]. The heap is not used until it is made anew.
#[cfg(mpgc_circuitpython)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_deinit() {
    // SAFETY: by this function's contract.
    unsafe { gc_sweep_all() }
    HEAP.forget_areas();
}

/// Mirrors `gc_collect_ptr` (py/gc.c of CircuitPython).
///
/// # Safety
/// As for [`gc_collect_root`]; `ptr` may be anything.
#[cfg(mpgc_circuitpython)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_collect_ptr(ptr: *mut c_void) {
    let mut root = ptr;
    // By the export, so that there is one copy of it.
    // SAFETY: a word on this stack; the rest by this function's contract.
    unsafe { gc_collect_root(&raw mut root, 1) }
}

/// Mirrors `gc_alloc_possible` (py/gc.c of CircuitPython).
///
/// # Safety
/// None is needed.
#[cfg(mpgc_circuitpython)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_alloc_possible() -> bool {
    HEAP.is_made()
}

/// Mirrors `gc_ptr_on_heap` (py/gc.c of CircuitPython).
///
/// # Safety
/// None is needed: `ptr` may be anything.
#[cfg(mpgc_circuitpython)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_ptr_on_heap(ptr: *const c_void) -> bool {
    HEAP.holds(ptr.addr())
}

/// Mirrors `gc_dump_info` (py/gc.c).
///
/// # Safety
/// `print` is a printer of the port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_dump_info(print: *const mp_print_t) {
    // SAFETY: by this function's contract.
    unsafe { dump::dump_info(print) }
}

/// Mirrors `gc_dump_alloc_table` (py/gc.c).
///
/// # Safety
/// `print` is a printer of the port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gc_dump_alloc_table(print: *const mp_print_t) {
    // SAFETY: by this function's contract.
    HEAP.dump(&mut unsafe { Printer::new(print) });
}

at_a_cache_line!(gc_alloc, gc_free, gc_realloc);
same_as_the_header!(
    gc_init,
    gc_lock,
    gc_unlock,
    gc_is_locked,
    gc_collect_start,
    gc_collect_root,
    gc_collect_end,
    gc_sweep_all,
    gc_alloc,
    gc_free,
    gc_nbytes,
    gc_realloc,
    gc_info,
    gc_dump_info,
    gc_dump_alloc_table,
);
#[cfg(mpgc_split_heap)]
same_as_the_header!(gc_add);
#[cfg(mpgc_info_fast)]
same_as_the_header!(gc_info_fast);
#[cfg(mpgc_weakref)]
same_as_the_header!(gc_weakref_mark);
#[cfg(mpgc_circuitpython)]
same_as_the_header!(gc_deinit, gc_collect_ptr, gc_alloc_possible, gc_ptr_on_heap,);
