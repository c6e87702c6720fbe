//! The roots of a collection: registered ranges, a LIFO stack, the C stack, and what a callback
//! marks.

#[cfg(not(target_arch = "xtensa"))]
use core::ffi::c_uint;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use super::heap::mpgc_heap;
use super::hooks::{fault_code, mpgc_error};
use super::host::Program;
use super::snapshot::{Source, Taker};
use super::thread::{Barrier, mpgc_thread};
use crate::heap::Fault;
use crate::nlr::Buffer;
use crate::nlr::registers::RegisterBuffer;
#[cfg(not(target_arch = "xtensa"))]
use crate::nlr::registers::nlr_push_body;
#[cfg(target_arch = "xtensa")]
use crate::nlr::registers::save;

const WORD: usize = size_of::<usize>();

/// A range of words that may refer to chunks. It lies in memory of the program, which does not
/// change it while it is registered.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_roots {
    /// The range that was registered before this one.
    pub next: *mut mpgc_roots,
    /// Its first byte.
    pub start: *const c_void,
    /// Its length in bytes.
    pub n_bytes: usize,
}

/// The end of a range. `None` if that is past the end of the address space.
pub(super) fn end_of_range(start: *const c_void, n_bytes: usize) -> Option<usize> {
    start.addr().checked_add(n_bytes)
}

/// The words that lie entirely in a range of bytes.
fn words(start: *const c_void, n_bytes: usize) -> (*const usize, usize) {
    let skipped = start.addr().wrapping_neg() % WORD;
    let first = start.wrapping_byte_add(skipped).cast();
    (first, n_bytes.saturating_sub(skipped) / WORD)
}

/// Saves the callee-saved registers, like a push of a buffer that is not linked.
///
/// # Safety
/// `buffer` may be written.
#[cfg(not(target_arch = "xtensa"))]
#[unsafe(naked)]
unsafe extern "C" fn save_registers(buffer: *mut Buffer) -> c_uint {
    nlr_push_body!(nothing_more)
}

#[cfg(not(target_arch = "xtensa"))]
extern "C" fn nothing_more(_buffer: *mut Buffer) -> c_uint {
    0
}

impl Program {
    /// Collects: marks what the program's roots reach and frees the rest. The heap is held.
    pub(super) fn collect_from_roots(self) {
        // SAFETY: the heap's memory is valid by the contract of every export.
        let config = unsafe { *self.config() };
        let nested = self.heap().is_collecting();
        self.heap().collect_start();
        if !nested {
            // SAFETY: the registered ranges, the thread and the stack are valid, as the program
            // promised.
            unsafe {
                let mut roots = self.roots().read();
                while !roots.is_null() {
                    self.mark_range((*roots).start, (*roots).n_bytes);
                    roots = (*roots).next;
                }
                self.mark_thread(config.thread);
                if !config.stack_top.is_null() {
                    self.mark_stack(config.stack_top);
                }
                if let Some(roots) = config.roots {
                    let barrier = Barrier::set(config.thread);
                    roots(self.c_heap(), config.user);
                    barrier.take_away();
                }
            }
        }
        // SAFETY: the collection has begun here; the program promised that its roots reach what it
        // uses.
        unsafe { self.heap().collect_end() }
    }

    /// # Safety
    /// The range may be read.
    unsafe fn mark_range(self, start: *const c_void, n_bytes: usize) {
        let (first, n) = words(start, n_bytes);
        // SAFETY: by this function's contract.
        unsafe { self.heap().collect_root(first, n) }
    }

    /// # Safety
    /// `thread` is NULL or was initialised with `mpgc_thread_init`.
    unsafe fn mark_thread(self, thread: *mut mpgc_thread) {
        if !thread.is_null() {
            // SAFETY: by this function's contract.
            unsafe {
                let (start, n_bytes) = mpgc_thread::in_use(thread);
                self.mark_range(start, n_bytes);
            }
        }
    }

    /// Marks from the registers and from the C stack, from here up to `top`. Returns false, and
    /// marks nothing, if `top` lies below.
    ///
    /// # Safety
    /// `top` lies on this stack, above.
    unsafe fn mark_stack(self, top: *const c_void) -> bool {
        // SAFETY: the stack may be read, up to its top.
        let mark = |start, n_bytes| unsafe { self.mark_range(start, n_bytes) };
        // SAFETY: by this function's contract.
        unsafe { Self::with_stack(top, mark) }
    }

    /// Calls `act` with the C stack from here up to `top`; what its callers have in registers is on
    /// it. Returns false, and does not call it, if `top` lies below.
    ///
    /// # Safety
    /// `top` lies on this stack, above.
    #[inline(never)]
    pub(super) unsafe fn with_stack(
        top: *const c_void,
        mut act: impl FnMut(*const c_void, usize),
    ) -> bool {
        let mut registers = MaybeUninit::<RegisterBuffer>::zeroed();
        let buffer: *mut Buffer = registers.as_mut_ptr().cast();
        // SAFETY: the buffer may be written. The empty assembly hides the origin of the pointer
        // from the compiler, since all frames up to the top are read through it.
        unsafe {
            #[cfg(target_arch = "xtensa")]
            let here = save(buffer);
            #[cfg(not(target_arch = "xtensa"))]
            let here = {
                save_registers(buffer);
                let mut here: *const c_void = buffer.cast();
                core::arch::asm!("/* {0} */", inout(reg) here, options(nostack, preserves_flags));
                here
            };
            let Some(n_bytes) = top.addr().checked_sub(here.addr()) else {
                return false;
            };
            act(here, n_bytes);
        }
        true
    }

    /// Whether nothing can be marked now.
    fn refuses_marks(self) -> bool {
        !self.heap().is_collecting()
    }

    /// What there is to do while nothing can be marked: if a snapshot is written, `act` with what
    /// takes the ranges and returns whether they are ranges; or else an error is reported.
    #[cold]
    #[inline(never)]
    fn instead_of_mark(self, about: *const c_void, act: impl FnOnce(*mut Taker) -> bool) -> c_int {
        // SAFETY: the heap's memory is valid by the contract of every export.
        let taker = unsafe { self.taker().read() };
        if taker.is_null() {
            self.fail(mpgc_error::MPGC_ERROR_NOT_COLLECTING, about)
        } else if act(taker) {
            mpgc_error::MPGC_OK.code()
        } else {
            self.fail(mpgc_error::MPGC_ERROR_RANGE, about)
        }
    }
}

/// Registers a range as a root. `roots` is memory of the program for this range. Returns MPGC_OK;
/// or MPGC_ERROR_ROOTS if `roots` is registered already, MPGC_FAULT_FOREIGN if it is NULL, or
/// MPGC_ERROR_RANGE if the range is longer than the address space, and then nothing is changed.
///
/// # Safety
/// The heap was initialised; `roots` may be written; both it and the range stay valid until it is
/// removed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_add_roots(
    heap: *mut mpgc_heap,
    roots: *mut mpgc_roots,
    start: *const c_void,
    n_bytes: usize,
) -> c_int {
    let host = Program::of(heap);
    if roots.is_null() {
        return host.tell(fault_code(Fault::Foreign), roots.cast());
    }
    if end_of_range(start, n_bytes).is_none() {
        return host.fail(mpgc_error::MPGC_ERROR_RANGE, start);
    }
    let held = host.hold();
    // SAFETY: by this function's contract.
    let known = unsafe { !find(host.roots(), roots).is_null() };
    if !known {
        // SAFETY: likewise.
        unsafe {
            roots.write(mpgc_roots {
                next: host.roots().read(),
                start,
                n_bytes,
            });
            host.roots().write(roots);
        }
    }
    host.release(held);
    if known {
        return host.fail(mpgc_error::MPGC_ERROR_ROOTS, roots.cast());
    }
    mpgc_error::MPGC_OK.code()
}

/// Removes a range from the roots. Returns MPGC_OK, or MPGC_ERROR_ROOTS if it is not registered.
///
/// # Safety
/// The heap was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_remove_roots(heap: *mut mpgc_heap, roots: *mut mpgc_roots) -> c_int {
    let host = Program::of(heap);
    let held = host.hold();
    // SAFETY: by this function's contract the registered ranges are valid.
    let known = unsafe {
        let link = find(host.roots(), roots);
        if !link.is_null() {
            link.write((*roots).next);
        }
        !link.is_null()
    };
    host.release(held);
    if !known {
        return host.fail(mpgc_error::MPGC_ERROR_ROOTS, roots.cast());
    }
    mpgc_error::MPGC_OK.code()
}

/// The link that points at `roots`, or null.
///
/// # Safety
/// The ranges of the list are valid.
unsafe fn find(mut link: *mut *mut mpgc_roots, roots: *mut mpgc_roots) -> *mut *mut mpgc_roots {
    // SAFETY: by this function's contract.
    unsafe {
        while !(*link).is_null() {
            if *link == roots {
                return link;
            }
            link = &raw mut (**link).next;
        }
    }
    core::ptr::null_mut()
}

/// Marks from the words of a range. For a roots callback. Returns MPGC_OK; or
/// MPGC_ERROR_NOT_COLLECTING, or MPGC_ERROR_RANGE if the range is longer than the address space,
/// and then nothing is marked.
///
/// # Safety
/// The heap was initialised; the range may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_mark(
    heap: *mut mpgc_heap,
    start: *const c_void,
    n_bytes: usize,
) -> c_int {
    let host = Program::of(heap);
    if host.refuses_marks() {
        // SAFETY: by this function's contract.
        let take = |taker| unsafe { Taker::take(taker, Source::Marked, start, n_bytes) };
        return host.instead_of_mark(start, take);
    }
    if end_of_range(start, n_bytes).is_none() {
        return host.fail(mpgc_error::MPGC_ERROR_RANGE, start);
    }
    // SAFETY: by this function's contract.
    unsafe { host.mark_range(start, n_bytes) }
    mpgc_error::MPGC_OK.code()
}

/// Marks from the registers and the running C stack, up to `stack_top`, its higher end. For a roots
/// callback of a program with several stacks; see also `stack_top` in `mpgc_config`. Returns
/// MPGC_OK; or MPGC_ERROR_NOT_COLLECTING, or MPGC_ERROR_RANGE if `stack_top` lies below, and then
/// nothing is marked.
///
/// # Safety
/// The heap was initialised; `stack_top` lies on the running stack, above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_mark_stack(heap: *mut mpgc_heap, stack_top: *const c_void) -> c_int {
    let host = Program::of(heap);
    if host.refuses_marks() {
        // SAFETY: by this function's contract.
        let take = |taker| unsafe { Taker::take_stack(taker, stack_top) };
        return host.instead_of_mark(stack_top, take);
    }
    // SAFETY: by this function's contract.
    if !unsafe { host.mark_stack(stack_top) } {
        return host.fail(mpgc_error::MPGC_ERROR_RANGE, stack_top);
    }
    mpgc_error::MPGC_OK.code()
}

/// Marks from the LIFO stack of a thread. For a roots callback; collections scan that of `thread`
/// in `mpgc_config` anyway. Returns MPGC_OK, or MPGC_ERROR_NOT_COLLECTING.
///
/// # Safety
/// Heap and thread were initialised, and the thread does not run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_mark_thread(heap: *mut mpgc_heap, thread: *mut mpgc_thread) -> c_int {
    let host = Program::of(heap);
    if host.refuses_marks() {
        // SAFETY: by this function's contract.
        let take = |taker| unsafe { Taker::take_thread(taker, thread) };
        return host.instead_of_mark(thread.cast(), take);
    }
    // SAFETY: by this function's contract.
    unsafe { host.mark_thread(thread) }
    mpgc_error::MPGC_OK.code()
}
