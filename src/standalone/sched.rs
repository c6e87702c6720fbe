//! The scheduler: calls that an interrupt leaves for the program to make.

use core::ffi::{c_int, c_void};
use core::ptr::{NonNull, null_mut};

use super::hooks::{Held, mpgc_enter_fn, mpgc_error, mpgc_exit_fn};
use super::nlr::{mpgc_nlr_callback, mpgc_nlr_pop_callback, mpgc_nlr_push_callback};
use super::thread::mpgc_thread;
use crate::sched::{Node, NodeList, Ring};

/// Words of an `mpgc_sched`.
pub const MPGC_SCHED_WORDS: usize = 24;

/// How many calls an `mpgc_sched` can keep, besides nodes.
pub const MPGC_SCHED_DEPTH: usize = 8;

/// A queue of calls to make. What is in it is the library's; `mpgc_sched_init` makes it. The arguments of queued
/// calls lie in it: where they refer to chunks, register it as a root.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_sched {
    /// The library's.
    pub opaque: [usize; MPGC_SCHED_WORDS],
}

/// What is called.
pub type mpgc_call_fn = Option<unsafe extern "C" fn(argument: *mut c_void)>;

/// A call that has its own memory, so that there is always room for it. All zero before its first use.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_sched_node {
    /// What is called, while it is queued.
    pub callback: Option<unsafe extern "C" fn(node: *mut mpgc_sched_node)>,
    /// The library's.
    pub next: *mut mpgc_sched_node,
}

impl Node for mpgc_sched_node {
    type Callback = unsafe extern "C" fn(node: *mut mpgc_sched_node);

    #[inline(always)]
    fn callback(&mut self) -> &mut Option<Self::Callback> {
        &mut self.callback
    }

    #[inline(always)]
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

/// What lies in an [`mpgc_sched`].
#[repr(C)]
#[derive(Debug)]
struct State {
    state: i16,
    first: u8,
    len: u8,
    /// Locks that `state` has no room for.
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

/// The scheduler of a program, by its memory.
#[derive(Clone, Copy)]
struct Scheduler(*mut State);

impl Scheduler {
    #[inline(always)]
    fn of(sched: *mut mpgc_sched) -> Scheduler {
        Scheduler(sched.cast())
    }

    #[inline(always)]
    fn begin(self) -> Held {
        // SAFETY: the scheduler was made (the contract of every export).
        unsafe { Held::begin((*self.0).enter, (*self.0).user) }
    }

    #[inline(always)]
    fn end(self, held: Held) {
        // SAFETY: as in `begin`.
        unsafe { held.end((*self.0).exit, (*self.0).user) }
    }

    /// Volatile: an interrupt may write it at any time.
    #[inline(always)]
    fn state(self) -> crate::sched::State {
        // SAFETY: as in `begin`.
        crate::sched::State(unsafe { (&raw const (*self.0).state).read_volatile() })
    }

    #[inline(always)]
    fn set_state(self, state: crate::sched::State) {
        // SAFETY: as in `begin`; inside a section.
        unsafe { (&raw mut (*self.0).state).write_volatile(state.0) }
    }

    #[inline(always)]
    fn ring(self) -> Ring<MPGC_SCHED_DEPTH> {
        // SAFETY: as in `set_state`.
        unsafe {
            Ring {
                first: (*self.0).first,
                len: (*self.0).len,
            }
        }
    }

    #[inline(always)]
    fn set_ring(self, ring: Ring<MPGC_SCHED_DEPTH>) {
        // SAFETY: as in `set_state`.
        unsafe {
            (*self.0).first = ring.first;
            (*self.0).len = ring.len;
        }
    }

    fn lock(self) {
        let held = self.begin();
        if self.state().lock_depth() < i16::MAX {
            self.set_state(self.state().locked());
        } else {
            // SAFETY: as in `set_state`.
            unsafe { (*self.0).more_locks = (*self.0).more_locks.saturating_add(1) }
        }
        self.end(held);
    }

    fn unlock(self) -> bool {
        let held = self.begin();
        let locked = self.state().lock_depth() > 0;
        // SAFETY: as in `set_state`.
        let more = unsafe { &mut (*self.0).more_locks };
        if *more > 0 {
            // what was not counted any more stays
            *more -= usize::from(*more != usize::MAX);
        } else if locked {
            // SAFETY: as in `set_state`.
            let work_left = || unsafe { (*self.0).nodes.head.is_some() || (*self.0).len != 0 };
            self.set_state(self.state().unlocked(work_left));
        }
        self.end(held);
        locked
    }

    /// Calls the nodes up to the one that was the newest on entry.
    fn run_nodes(self, mut held: Held) -> Held {
        // SAFETY: inside a section, as in `set_state`; queued nodes are valid.
        unsafe {
            let Some(last) = (*self.0).nodes.tail else {
                return held;
            };
            loop {
                let Some((node, callback)) = (*self.0).nodes.pop() else {
                    return held;
                };
                self.end(held);
                if let Some(callback) = callback {
                    callback(node.as_ptr());
                }
                held = self.begin();
                if node == last {
                    return held;
                }
            }
        }
    }
}

/// What is undone when a call that is made jumps out.
#[repr(C)]
struct Running {
    // first: the callback is given its address
    node: mpgc_nlr_callback,
    scheduler: Scheduler,
}

unsafe extern "C" fn jumped_out(node: *mut c_void) {
    // SAFETY: the node is the first field of what `mpgc_sched_run` has on its stack, which the jump leaves.
    unsafe { (*node.cast::<Running>()).scheduler.unlock() };
}

/// Makes a scheduler with nothing to do. `enter` and `exit` keep interrupts and threads out that schedule; NULL:
/// there are none.
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
    let none = Call {
        function: None,
        argument: null_mut(),
    };
    // SAFETY: by this function's contract.
    unsafe {
        Scheduler::of(sched).0.write(State {
            state: crate::sched::State::IDLE.0,
            first: 0,
            len: 0,
            more_locks: 0,
            nodes: NodeList {
                head: None,
                tail: None,
            },
            enter,
            exit,
            user,
            queue: [none; MPGC_SCHED_DEPTH],
        });
    }
}

/// Has `function` called with `argument` by a later `mpgc_sched_run`, in the order of the calls. Returns false
/// when MPGC_SCHED_DEPTH calls wait already: then nothing is changed. May be called from an interrupt.
///
/// # Safety
/// The scheduler was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_schedule(
    sched: *mut mpgc_sched,
    function: mpgc_call_fn,
    argument: *mut c_void,
) -> bool {
    let this = Scheduler::of(sched);
    let held = this.begin();
    let mut ring = this.ring();
    let slot = ring.push();
    if let Ok(slot) = slot {
        this.set_state(this.state().scheduled());
        this.set_ring(ring);
        let call = Call { function, argument };
        // SAFETY: a slot's index is below the depth of the queue; inside a section.
        unsafe {
            let queue = (&raw mut (*this.0).queue).cast::<Call>();
            queue.wrapping_add(slot.index()).write(call);
        }
    }
    this.end(held);
    slot.is_ok()
}

/// Has `callback` called with `node` by a later `mpgc_sched_run`, before the calls of `mpgc_sched_schedule`. There
/// is always room. Returns false if the node is queued already, or either is NULL: then nothing is changed. May be
/// called from an interrupt.
///
/// # Safety
/// The scheduler was made; `node` is valid until its callback is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_schedule_node(
    sched: *mut mpgc_sched,
    node: *mut mpgc_sched_node,
    callback: Option<unsafe extern "C" fn(node: *mut mpgc_sched_node)>,
) -> bool {
    let (Some(node), Some(callback)) = (NonNull::new(node), callback) else {
        return false;
    };
    let this = Scheduler::of(sched);
    let held = this.begin();
    // SAFETY: queued nodes are valid, and the section keeps others out.
    let queued = unsafe { (*this.0).nodes.push(node, callback) }.is_ok();
    if queued {
        this.set_state(this.state().scheduled());
    }
    this.end(held);
    queued
}

/// Whether `mpgc_sched_run` has something to do.
///
/// # Safety
/// The scheduler was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_is_pending(sched: *mut mpgc_sched) -> bool {
    Scheduler::of(sched).state().is_pending()
}

/// Calls the nodes that are queued now, then the oldest call of `mpgc_sched_schedule`. What they queue waits for
/// the next run. Returns whether there was anything to do: there is not while the scheduler is locked, or one of
/// them runs it.
///
/// With a `thread`, they may jump to a buffer outside, and the scheduler goes on with the next run. With NULL
/// they must not.
///
/// # Safety
/// The scheduler was made; `thread` is NULL or the running one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_run(sched: *mut mpgc_sched, thread: *mut mpgc_thread) -> bool {
    let this = Scheduler::of(sched);
    let mut held = this.begin();
    if !this.state().is_pending() {
        this.end(held);
        return false;
    }
    this.set_state(crate::sched::State::LOCKED);
    let mut running = Running {
        node: mpgc_nlr_callback {
            prev: null_mut(),
            fun: None,
        },
        scheduler: this,
    };
    if !thread.is_null() {
        // SAFETY: the node is on this stack, and popped before the frame ends, by us or by the jump.
        unsafe { mpgc_nlr_push_callback(thread, (&raw mut running).cast(), Some(jumped_out)) }
    }
    held = this.run_nodes(held);
    let mut ring = this.ring();
    let slot = ring.pop();
    this.set_ring(ring);
    let call = slot.map(|slot| {
        // SAFETY: a slot's index is below the depth of the queue; inside a section. The slot keeps the call no
        // longer, so that it is no root.
        unsafe {
            let queue = (&raw mut (*this.0).queue).cast::<Call>();
            let none = Call {
                function: None,
                argument: null_mut(),
            };
            queue.wrapping_add(slot.index()).replace(none)
        }
    });
    this.end(held);
    if let Some(Call {
        function: Some(function),
        argument,
    }) = call
    {
        // SAFETY: the program's own function, with the argument that it gave.
        unsafe { function(argument) }
    }
    if !thread.is_null() {
        // SAFETY: what was called has popped what it pushed, so the newest callback is ours.
        unsafe { mpgc_nlr_pop_callback(thread, false) };
    }
    this.unlock();
    true
}

/// Keeps `mpgc_sched_run` from calling anything until as many `mpgc_sched_unlock`s. May be called from an
/// interrupt.
///
/// # Safety
/// The scheduler was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_lock(sched: *mut mpgc_sched) {
    Scheduler::of(sched).lock();
}

/// Undoes one `mpgc_sched_lock`. Returns MPGC_OK, or MPGC_ERROR_NOT_LOCKED.
///
/// # Safety
/// The scheduler was made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_sched_unlock(sched: *mut mpgc_sched) -> c_int {
    if Scheduler::of(sched).unlock() {
        mpgc_error::MPGC_OK.code()
    } else {
        mpgc_error::MPGC_ERROR_NOT_LOCKED.code()
    }
}
