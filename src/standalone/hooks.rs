//! The callbacks of a C program, and the errors that are reported to it.

use core::ffi::{c_int, c_uint, c_void};

use super::heap::mpgc_heap;
use super::thread::mpgc_thread;
use crate::heap::Fault;

/// The results of calls that can fail, which are also passed to an error callback. The other
/// results are the kinds of `mpgc_fault_kind`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum mpgc_error {
    /// Success.
    MPGC_OK = 0,
    /// No free run is long enough, even after a collection. NULL was returned.
    MPGC_ERROR_OUT_OF_MEMORY = 32,
    /// The heap is locked or collecting, so it cannot allocate, resize, free, collect or add a
    /// region. Nothing was changed.
    MPGC_ERROR_LOCKED = 33,
    /// The LIFO stack is exhausted. It is unchanged, and NULL was returned.
    MPGC_ERROR_STACK_EXHAUSTED = 34,
    /// There is no buffer to pop or to jump to.
    MPGC_ERROR_NO_BUFFER = 35,
    /// A root range is registered already, or is not registered. Nothing was changed.
    MPGC_ERROR_ROOTS = 36,
    /// Marking outside of a collection. Nothing was marked.
    MPGC_ERROR_NOT_COLLECTING = 37,
    /// An unlock without a lock. Nothing was changed.
    MPGC_ERROR_NOT_LOCKED = 38,
    /// A range extends past the end of the address space, or ends before it begins. Nothing was
    /// changed.
    MPGC_ERROR_RANGE = 39,
}

impl mpgc_error {
    pub(super) const fn code(self) -> c_int {
        self as c_int
    }
}

/// The number of a fault in C.
pub(super) const fn fault_code(fault: Fault) -> c_int {
    fault as c_int
}

/// Called when an error is reported, with an `mpgc_error` or an `mpgc_fault_kind`, and the address
/// concerned, if any. It cannot jump out of a running finaliser or roots callback. Otherwise no
/// lock is held and the heap is consistent, so it may jump, unless `kind` is
/// MPGC_FAULT_BROKEN_TABLE, MPGC_FAULT_WRITE_AFTER_FREE, MPGC_FAULT_OVERRUN, or
/// MPGC_ERROR_NO_BUFFER of a jump: then an undefined instruction stops the processor when it
/// returns.
pub type mpgc_error_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, kind: c_int, address: *const c_void)>;

/// Keeps others out: takes a recursive mutex, or disables interrupts. The matching `mpgc_exit_fn`
/// receives its result.
pub type mpgc_enter_fn = Option<unsafe extern "C" fn(user: *mut c_void) -> usize>;

/// Lets others in again.
pub type mpgc_exit_fn = Option<unsafe extern "C" fn(user: *mut c_void, held: usize)>;

/// Tells the time.
pub type mpgc_clock_fn = Option<unsafe extern "C" fn(user: *mut c_void) -> u32>;

/// Called in a collection to mark from further roots: it calls `mpgc_mark`, `mpgc_mark_stack` and
/// `mpgc_mark_thread`, and no other function of the heap.
pub type mpgc_roots_fn = Option<unsafe extern "C" fn(heap: *mut mpgc_heap, user: *mut c_void)>;

/// Called with a dying chunk that was allocated with MPGC_FINALISER and whose first word is not
/// zero. The chunks that it refers to are still intact. It may call `mpgc_free` for other chunks;
/// it cannot allocate, and must not keep the chunk.
pub type mpgc_finalise_fn =
    Option<unsafe extern "C" fn(heap: *mut mpgc_heap, user: *mut c_void, chunk: *mut c_void)>;

/// The callbacks and the roots of a heap. A zero-initialised config is valid: it has no callbacks,
/// and the roots are the registered ranges.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mpgc_config {
    /// Passed to every callback.
    pub user: *mut c_void,
    /// The higher end of the C stack that collections scan; if NULL, none is scanned. Only for a
    /// program with one stack; others scan theirs in `roots`. See MPGC_STACK_TOP.
    pub stack_top: *const c_void,
    /// A thread whose LIFO stack is a root; may be NULL. A jump in a finaliser or in `roots` finds
    /// only the buffers of this thread that were pushed there.
    pub thread: *mut mpgc_thread,
    /// Marks from further roots; may be NULL.
    pub roots: mpgc_roots_fn,
    /// Runs a finaliser; if NULL, MPGC_FINALISER has no effect.
    pub finalise: mpgc_finalise_fn,
    /// Receives errors; if NULL, errors are reported by return value only.
    pub error: mpgc_error_fn,
    /// Keeps other threads and interrupts out of the heap; NULL if none of them use it.
    pub enter: mpgc_enter_fn,
    /// Ends what `enter` began.
    pub exit: mpgc_exit_fn,
    /// The heap collects when one part in `pacing` of it was allocated since the last collection,
    /// as if `mpgc_set_collect` had set that; if 0, only when it is full. 8 is a good value.
    pub pacing: c_uint,
    /// A clock in microseconds, which may wrap, to tell how long collections take in a library with
    /// the feature `stats`; NULL: there is none, and they take 0.
    pub clock: mpgc_clock_fn,
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
        clock: None,
    };
}

/// A section that keeps others out. It has no destructor: [`Held::end`] must be called.
#[must_use = "a section has to be ended"]
pub(super) struct Held(usize);

impl Held {
    pub(super) fn begin(enter: mpgc_enter_fn, user: *mut c_void) -> Held {
        // SAFETY: the program's own callback.
        Held(enter.map_or(0, |enter| unsafe { enter(user) }))
    }

    pub(super) fn end(self, exit: mpgc_exit_fn, user: *mut c_void) {
        if let Some(exit) = exit {
            // SAFETY: the program's own callback, with the result of its `enter`.
            unsafe { exit(user, self.0) }
        }
    }
}

/// Reports an error to a callback, and returns if that returns. No value with a destructor is
/// alive, and no section is held.
#[cold]
#[inline(never)]
pub(super) fn tell(
    error: mpgc_error_fn,
    user: *mut c_void,
    kind: c_int,
    address: *const c_void,
) -> c_int {
    if let Some(error) = error {
        // SAFETY: the program's own callback; a jump out of it skips no destructor.
        unsafe { error(user, kind, address) }
    }
    kind
}

/// Stops the processor by an undefined instruction; the system decides what that does.
#[cold]
#[inline(never)]
pub(super) fn stop() -> ! {
    // SAFETY: the instruction is permanently undefined; nothing runs after it.
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
