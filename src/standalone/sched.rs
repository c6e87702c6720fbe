//! The scheduler: calls that an interrupt queues and the program makes later.

use core::ffi::{c_int, c_void};
use core::ptr::{NonNull, null_mut};

use super::hooks::{Held, mpgc_enter_fn, mpgc_error, mpgc_exit_fn};
use super::nlr::{mpgc_nlr_callback, mpgc_nlr_pop_callback, mpgc_nlr_push_callback};
use super::thread::mpgc_thread;
use crate::sched::{self, Host, Node, NodeList, Ring, Slot};

/// Words of an `mpgc_sched`.
pub const MPGC_SCHED_WORDS: usize = 24;

/// How many calls an `mpgc_sched` can queue, besides nodes.
pub const MPGC_SCHED_DEPTH: usize = 8;

/// A queue of calls. Its contents are private; `mpgc_sched_init` initialises it. It holds the
/// arguments of queued calls: if these refer to chunks, register it as a root.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_sched {
    /// Private.
    pub opaque: [usize; MPGC_SCHED_WORDS],
}

/// A call's function.
pub type mpgc_call_fn = Option<unsafe extern "C" fn(argument: *mut c_void)>;

/// A call that has its own memory, so that queueing it cannot fail for lack of space.
/// Zero-initialise it before its first use.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_sched_node {
    /// The function, while the node is queued.
    pub callback: Option<unsafe extern "C" fn(node: *mut mpgc_sched_node)>,
    /// Private.
    pub next: *mut mpgc_sched_node,
}

impl Node for mpgc_sched_node {
    type Callback = unsafe extern "C" fn(node: *mut mpgc_sched_node);

    fn callback(&mut self) -> &mut Option<Self::Callback> {
        &mut self.callback
    }

    fn next(&mut self) -> &mut Option<NonNull<mpgc_sched_node>> {
        // SAFETY: a nullable pointer and an Option<NonNull> have the same layout.
        unsafe { &mut *(&raw mut self.next).cast() }
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Call {
    function: mpgc_call_fn,
    argument: *mut c_void,
}

/// The contents of an [`mpgc_sched`].
#[repr(C)]
#[derive(Debug)]
struct State {
    state: i16,
    ring: Ring<MPGC_SCHED_DEPTH>,
    /// Locks beyond those that `state` can count.
    more_locks: usize,
    nodes: NodeList<mpgc_sched_node>,
    enter: mpgc_enter_fn,
    exit: mpgc_exit_fn,
    user: *mut c_void,
    queue: [Call; MPGC_SCHED_DEPTH],
}

const _: () = {
    assert!(size_of::<State>() <= size_of::<mpgc_sched>());
    assert!(align_of::<State>() <= align_of::<mpgc_sched>());
};

const NOTHING: Call = Call {
    function: None,
    argument: null_mut(),
};

/// The scheduler of a program, by its state, and the thread that runs it, if any.
#[derive(Clone, Copy)]
struct Scheduler {
    state: *mut State,
    thread: *mut mpgc_thread,
}

impl Scheduler {
    fn of(sched: *mut mpgc_sched) -> Scheduler {
        Scheduler {
            state: sched.cast(),
            thread: null_mut(),
        }
    }

    /// The address of a slot's call.
    fn call_of(self, slot: Slot) -> *mut Call {
        // SAFETY: a field of an initialised scheduler; a slot's index is below the queue's depth.
        unsafe {
            (&raw mut (*self.state).queue)
                .cast::<Call>()
                .add(slot.index())
        }
    }
}

/// The callback that undoes the run when a call jumps out of it.
#[repr(C)]
struct Running {
    // first, since the callback receives its address
    node: mpgc_nlr_callback,
    scheduler: Scheduler,
}

unsafe extern "C" fn jumped_out(node: *mut c_void) {
    // SAFETY: the node is the first field of a value in the frame of `mpgc_sched_run`, which the
    // jump leaves.
    sched::unlock(unsafe { (*node.cast::<Running>()).scheduler });
}

// SAFETY: the scheduler was initialised (the contract of every export), and only the library uses
// its state; the program's section keeps concurrent callers out; queued nodes are valid (the
// contract of `mpgc_sched_schedule_node`).
unsafe impl Host<MPGC_SCHED_DEPTH> for Scheduler {
    type Node = mpgc_sched_node;
    type Call = Call;
    type Section = Held;
    type Guard = Running;
    const CHECKED: bool = true;

    fn begin(self) -> Held {
        // SAFETY: by the contract of the impl, here and below.
        unsafe { Held::begin((*self.state).enter, (*self.state).user) }
    }

    fn end(self, held: Held) {
        // SAFETY: as in `begin`.
        unsafe { held.end((*self.state).exit, (*self.state).user) }
    }

    fn state(self) -> sched::State {
        // SAFETY: as in `begin`.
        sched::State(unsafe { (&raw const (*self.state).state).read_volatile() })
    }

    fn set_state(self, state: sched::State) {
        // SAFETY: as in `begin`.
        unsafe { (&raw mut (*self.state).state).write_volatile(state.0) }
    }

    fn more_locks(self) -> usize {
        // SAFETY: as in `begin`.
        unsafe { (*self.state).more_locks }
    }

    fn set_more_locks(self, more: usize) {
        // SAFETY: as in `begin`.
        unsafe { (*self.state).more_locks = more }
    }

    fn ring(self) -> Ring<MPGC_SCHED_DEPTH> {
        // SAFETY: as in `begin`.
        unsafe { (*self.state).ring }
    }

    fn set_ring(self, ring: Ring<MPGC_SCHED_DEPTH>) {
        // SAFETY: as in `begin`.
        unsafe { (*self.state).ring = ring }
    }

    fn nodes(self) -> NodeList<mpgc_sched_node> {
        // SAFETY: as in `begin`.
        unsafe { (&raw const (*self.state).nodes).read() }
    }

    fn set_nodes(self, list: NodeList<mpgc_sched_node>) {
        // SAFETY: as in `begin`.
        unsafe { (*self.state).nodes = list }
    }

    fn put(self, slot: Slot, call: Call) {
        // SAFETY: as in `begin`.
        unsafe { self.call_of(slot).write(call) }
    }

    /// Clears the slot too, so that the argument is no longer a root.
    fn take(self, slot: Slot) -> Call {
        // SAFETY: as in `begin`.
        unsafe { self.call_of(slot).replace(NOTHING) }
    }

    unsafe fn call_node(
        self,
        node: NonNull<mpgc_sched_node>,
        callback: unsafe extern "C" fn(node: *mut mpgc_sched_node),
    ) {
        // SAFETY: the program's own callback, with the node that it was queued with.
        unsafe { callback(node.as_ptr()) }
    }

    unsafe fn call(self, call: Call) {
        if let Some(function) = call.function {
            // SAFETY: the program's own callback, with the argument that it was queued with.
            unsafe { function(call.argument) }
        }
    }

    fn guard(self) -> Running {
        Running {
            node: mpgc_nlr_callback {
                prev: null_mut(),
                fun: None,
            },
            scheduler: self,
        }
    }

    unsafe fn link(self, running: *mut Running) {
        if !self.thread.is_null() {
            // SAFETY: it is not moved, by this function's contract, and begins with a node.
            unsafe { mpgc_nlr_push_callback(self.thread, running.cast(), Some(jumped_out)) }
        }
    }

    unsafe fn unlink(self, _running: *mut Running) {
        if !self.thread.is_null() {
            // SAFETY: the newest callback is that of `running`, by this function's contract.
            unsafe { mpgc_nlr_pop_callback(self.thread, false) };
        }
    }
}

/// Initialises an empty scheduler. `enter` and `exit` keep out interrupts and threads that
/// schedule; NULL if there are none.
///
/// # Safety
/// `sched` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_init(
    sched: *mut mpgc_sched,
    enter: mpgc_enter_fn,
    exit: mpgc_exit_fn,
    user: *mut c_void,
) {
    // SAFETY: by this function's contract.
    unsafe {
        Scheduler::of(sched).state.write(State {
            state: sched::State::IDLE.0,
            ring: Ring { first: 0, len: 0 },
            more_locks: 0,
            nodes: NodeList::EMPTY,
            enter,
            exit,
            user,
            queue: [NOTHING; MPGC_SCHED_DEPTH],
        });
    }
}

/// Queues a call of `function` with `argument`, which a later `mpgc_sched_run` makes, in order.
/// Returns false if MPGC_SCHED_DEPTH calls are queued already: then nothing is changed. May be
/// called from an interrupt.
///
/// # Safety
/// The scheduler was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_schedule(
    sched: *mut mpgc_sched,
    function: mpgc_call_fn,
    argument: *mut c_void,
) -> bool {
    sched::schedule(Scheduler::of(sched), Call { function, argument })
}

/// Queues a call of `callback` with `node`, which a later `mpgc_sched_run` makes, before the calls
/// of `mpgc_sched_schedule`. The number of nodes is not limited. Returns false if the node is
/// queued already, or either is NULL: then nothing is changed. May be called from an interrupt.
///
/// # Safety
/// The scheduler was initialised; `node` is valid until its callback is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_schedule_node(
    sched: *mut mpgc_sched,
    node: *mut mpgc_sched_node,
    callback: Option<unsafe extern "C" fn(node: *mut mpgc_sched_node)>,
) -> bool {
    // SAFETY: by this function's contract.
    unsafe { sched::schedule_node(Scheduler::of(sched), NonNull::new(node), callback) }
}

/// Whether `mpgc_sched_run` has something to do.
///
/// # Safety
/// The scheduler was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_is_pending(sched: *mut mpgc_sched) -> bool {
    Scheduler::of(sched).state().is_pending()
}

/// Calls the nodes that are queued now, then makes the oldest call of `mpgc_sched_schedule`. Calls
/// that these queue wait for the next run. Returns whether it made any call; it makes none while
/// the scheduler is locked, or when one of the calls runs it.
///
/// If `thread` is not NULL, calls may jump to a buffer outside, and the next run continues. If it
/// is NULL, they must not.
///
/// # Safety
/// The scheduler was initialised; `thread` is NULL or the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_run(sched: *mut mpgc_sched, thread: *mut mpgc_thread) -> bool {
    let scheduler = Scheduler {
        state: sched.cast(),
        thread,
    };
    // SAFETY: by this function's contract.
    unsafe { sched::run_pending(scheduler) }
}

/// Keeps `mpgc_sched_run` from making calls until the matching `mpgc_sched_unlock`. May be called
/// from an interrupt.
///
/// # Safety
/// The scheduler was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_lock(sched: *mut mpgc_sched) {
    sched::lock(Scheduler::of(sched));
}

/// Undoes one `mpgc_sched_lock`. Returns MPGC_OK, or MPGC_ERROR_NOT_LOCKED.
///
/// # Safety
/// The scheduler was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_unlock(sched: *mut mpgc_sched) -> c_int {
    if sched::unlock(Scheduler::of(sched)) {
        mpgc_error::MPGC_OK.code()
    } else {
        mpgc_error::MPGC_ERROR_NOT_LOCKED.code()
    }
}
