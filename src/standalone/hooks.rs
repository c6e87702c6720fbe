//! What a C program gives the library to call, and what it is told when something goes wrong.

use core::ffi::{c_int, c_uint, c_void};

use super::heap::mpgc_heap;
use super::thread::mpgc_thread;
use crate::heap::Fault;

/// What a call that can fail returns, and what an error callback is given. Besides these there are
/// the kinds of `mpgc_fault_kind`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum mpgc_error {
    /// All is well.
    MPGC_OK = 0,
    /// The heap has no room for a chunk, even after a collection. NULL was returned.
    MPGC_ERROR_OUT_OF_MEMORY = 32,
    /// The heap is locked, or collecting, so it cannot hand out, resize, free, collect or get a
    /// region. Nothing was changed.
    MPGC_ERROR_LOCKED = 33,
    /// The LIFO stack has no room for a chunk. It is as it was, and NULL was returned.
    MPGC_ERROR_STACK_EXHAUSTED = 34,
    /// There is no buffer to pop, or to jump to.
    MPGC_ERROR_NO_BUFFER = 35,
    /// A root range is registered already, or is not registered. Nothing was changed.
    MPGC_ERROR_ROOTS = 36,
    /// Marking outside of a collection. Nothing was marked.
    MPGC_ERROR_NOT_COLLECTING = 37,
    /// An unlock without a lock. Nothing was changed.
    MPGC_ERROR_NOT_LOCKED = 38,
    /// A range goes on behind the end of the address space, or ends before it begins. Nothing was
    /// changed.
    MPGC_ERROR_RANGE = 39,
}

impl mpgc_error {
    pub(super) const fn code(self) -> c_int {
        self as c_int
    }
}

/// A fault as the number that C is told.
pub(super) const fn fault_code(fault: Fault) -> c_int {
    fault as c_int
}

/// Told when something goes wrong: an `mpgc_error` or an `mpgc_fault_kind`, and the address it is
/// about, if any. A jump cannot leave a finaliser or a roots callback that is running. Otherwise no
/// lock is held and the heap is whole, so it may jump, unless `kind` is MPGC_FAULT_BROKEN_TABLE,
/// MPGC_FAULT_WRITE_AFTER_FREE, MPGC_FAULT_OVERRUN, or MPGC_ERROR_NO_BUFFER of a jump: then the
/// processor is stopped by an undefined instruction when it returns.
pub type mpgc_error_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, kind: c_int, address: *const c_void)>;

/// Keeps others out: takes a mutex that its holder may take again, or turns interrupts off. What it
/// returns is given back to the `mpgc_exit_fn` that ends it.
pub type mpgc_enter_fn = Option<unsafe extern "C" fn(user: *mut c_void) -> usize>;

/// Lets others in again.
pub type mpgc_exit_fn = Option<unsafe extern "C" fn(user: *mut c_void, held: usize)>;

/// Called in a collection to mark what is alive: it calls `mpgc_mark`, `mpgc_mark_stack` and
/// `mpgc_mark_thread` and nothing else of the heap.
pub type mpgc_roots_fn = Option<unsafe extern "C" fn(heap: *mut mpgc_heap, user: *mut c_void)>;

/// Called with a dying chunk that was allocated with MPGC_FINALISER and whose first word is not
/// zero. What the chunk refers to is still whole. It may call `mpgc_free` for other chunks; it
/// cannot allocate, and may not keep the chunk.
pub type mpgc_finalise_fn =
    Option<unsafe extern "C" fn(heap: *mut mpgc_heap, user: *mut c_void, chunk: *mut c_void)>;

/// What a heap calls and where it looks. All zero is a good one: nothing is called, and the roots
/// are the ranges that are registered.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mpgc_config {
    /// Given to every callback.
    pub user: *mut c_void,
    /// The end of the C stack that collects scan, the higher one; NULL: none is scanned. Only for a
    /// program with one stack; others scan theirs in `roots`. See MPGC_STACK_TOP.
    pub stack_top: *const c_void,
    /// Its LIFO stack is a root; NULL: none. A finaliser or `roots` that jumps finds no buffer of
    /// this thread but its own.
    pub thread: *mut mpgc_thread,
    /// Marks further roots; NULL: there are none.
    pub roots: mpgc_roots_fn,
    /// Finalises; NULL: MPGC_FINALISER does nothing.
    pub finalise: mpgc_finalise_fn,
    /// Is told what goes wrong; NULL: only what calls return tells it.
    pub error: mpgc_error_fn,
    /// Keeps other threads and interrupts out of the heap; NULL: there are none that use it.
    pub enter: mpgc_enter_fn,
    /// Ends what `enter` began.
    pub exit: mpgc_exit_fn,
    /// The heap collects after each part of it that was handed out, one in so many, as if that were
    /// set with `mpgc_set_collect`; 0: only when it is full. 8 is a good number.
    pub pacing: c_uint,
}

impl mpgc_config {
    pub(super) const NONE: Self = mpgc_config {
        user: core::ptr::null_mut(),
        stack_top: core::ptr::null(),
        thread: core::ptr::null_mut(),
        roots: None,
        finalise: None,
        error: None,
        enter: None,
        exit: None,
        pacing: 0,
    };
}

/// A section in which others are kept out. It has no destructor: [`Held::end`] is called by hand.
#[must_use = "a section has to be ended"]
pub(super) struct Held(usize);

impl Held {
    #[inline(always)]
    pub(super) fn begin(enter: mpgc_enter_fn, user: *mut c_void) -> Held {
        // SAFETY: the program's own function, which it gave for this.
        Held(enter.map_or(0, |enter| unsafe { enter(user) }))
    }

    #[inline(always)]
    pub(super) fn end(self, exit: mpgc_exit_fn, user: *mut c_void) {
        if let Some(exit) = exit {
            // SAFETY: the program's own function, with what its `enter` returned.
            unsafe { exit(user, self.0) }
        }
    }
}

/// Tells a callback, and returns if it returns. Nothing with a destructor is alive, and no section
/// is held.
#[cold]
#[inline(never)]
pub(super) fn tell(
    error: mpgc_error_fn,
    user: *mut c_void,
    kind: c_int,
    address: *const c_void,
) -> c_int {
    if let Some(error) = error {
        // SAFETY: the program's own function; a jump out of it skips no destructor.
        unsafe { error(user, kind, address) }
    }
    kind
}

/// Stops the processor: what an undefined instruction does is the system's to say.
#[cold]
#[inline(never)]
pub(super) fn stop() -> ! {
    // SAFETY: an instruction that is undefined for ever; nothing goes on behind it.
    unsafe {
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        core::arch::asm!("ud2", options(noreturn));
        #[cfg(target_arch = "arm")]
        core::arch::asm!("udf #0", options(noreturn));
        #[cfg(target_arch = "aarch64")]
        core::arch::asm!("udf #0", options(noreturn));
        #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
        core::arch::asm!("unimp", options(noreturn));
        // rustc has no assembly for it, and LLVM calls this where it wants such an instruction:
        // the linker leads both to src/nlr/xtensa.S
        #[cfg(target_arch = "xtensa")]
        {
            unsafe extern "C" {
                fn abort() -> !;
            }
            abort()
        }
    }
}
