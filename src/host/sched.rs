//! The scheduler over `mp_state_ctx`, inside the port's atomic sections.

#[cfg(mpgc_scheduler)]
use super::bindings::mp_call_function_1_protected;
use super::bindings::mp_obj_t;
#[cfg(mpgc_static_nodes)]
use super::bindings::{mp_sched_callback_t, mp_sched_node_t};
#[cfg(any(mpgc_scheduler, mpgc_vm_abort))]
use super::micropython::is_main_thread;
#[cfg(any(mpgc_scheduler, mpgc_vm_abort, mpgc_kbd_exception))]
use super::micropython::vm;
use super::micropython::{OBJ_NULL, main_thread, pending_exception, set_pending_exception, thread};
use super::sched_fields::Section;
#[cfg(mpgc_static_nodes)]
use super::sched_fields::{nodes, set_nodes};
#[cfg(mpgc_scheduler)]
use super::sched_fields::{ring, set_ring, set_state, state};
use super::shim;
#[cfg(mpgc_scheduler)]
use crate::sched::State;
#[cfg(mpgc_static_nodes)]
use core::ptr::NonNull;

/// Leaves `exc` for the main thread to raise. May run in an interrupt.
///
/// # Safety
/// `exc` is an exception object, or none.
#[inline(always)]
pub unsafe fn exception(exc: mp_obj_t) {
    // SAFETY: the main thread's state is a static.
    unsafe { set_pending_exception(main_thread(), exc) };
    // Without threads the virtual machine looks at sched_state alone, which then
    // stands for a pending exception as well.
    #[cfg(all(mpgc_scheduler, not(mpgc_thread)))]
    if state() == State::IDLE {
        set_state(State::PENDING);
    }
}

/// The KeyboardInterrupt, without a traceback, to be left for the main thread. May run in an interrupt.
#[cfg(mpgc_kbd_exception)]
#[inline(always)]
pub fn new_keyboard_interrupt() -> mp_obj_t {
    // SAFETY: the exception object is part of a static; its address is taken as the
    // object, as MP_OBJ_FROM_PTR does in the representations that bindgen gives a pointer
    // or an integer type.
    unsafe {
        let exc = &raw mut (*vm()).mp_kbd_exception;
        (*exc).traceback_data = core::ptr::null_mut();
        exc as usize as mp_obj_t
    }
}

/// Asks the virtual machine to give up. May run in an interrupt.
#[cfg(mpgc_vm_abort)]
#[inline(always)]
pub fn vm_abort() {
    // SAFETY: a field of a static; a flag that only ever turns on here.
    unsafe { (&raw mut (*vm()).vm_abort).write_volatile(true) }
}

/// Keeps scheduled work from running; nests.
#[cfg(mpgc_scheduler)]
#[inline(always)]
pub fn lock() {
    let section = Section::begin();
    set_state(state().locked());
    section.end();
}

/// Undoes one [`lock`].
#[cfg(mpgc_scheduler)]
#[cfg_attr(not(feature = "small"), inline(always))]
pub fn unlock() {
    let section = Section::begin();
    set_state(state().unlocked(work_left));
    section.end();
}

/// How deep the scheduler is locked.
#[cfg(all(mpgc_scheduler, mpgc_vm_abort, mpgc_finaliser))]
pub fn lock_depth() -> i16 {
    state().lock_depth()
}

/// Undoes all [`lock`]s beyond that depth, which a jump has passed by.
#[cfg(all(mpgc_scheduler, mpgc_vm_abort, mpgc_finaliser))]
pub fn unlock_to(depth: i16) {
    while lock_depth() > depth {
        unlock();
    }
}

/// Whether anything waits: what makes an unlocked scheduler pending.
#[cfg(mpgc_scheduler)]
#[inline(always)]
fn work_left() -> bool {
    // SAFETY: the running thread's state, and fields of a static inside an atomic section.
    unsafe {
        #[cfg(not(mpgc_thread))]
        if pending_exception(thread()) != OBJ_NULL {
            return true;
        }
        #[cfg(mpgc_static_nodes)]
        if !(*vm()).sched_head.is_null() {
            return true;
        }
        (*vm()).sched_len != 0
    }
}

/// Queues a Python callback. May run in an interrupt, and from fast RAM, so all of
/// it is inline.
#[cfg(mpgc_scheduler)]
#[inline(always)]
pub fn schedule(function: mp_obj_t, arg: mp_obj_t) -> bool {
    let section = Section::begin();
    let mut ring = ring();
    let queued = match ring.push() {
        Ok(slot) => {
            set_state(state().scheduled());
            set_ring(ring);
            // SAFETY: a slot's index is below the depth of the queue.
            unsafe {
                let item =
                    (&raw mut (*vm()).sched_queue).cast::<super::bindings::mp_sched_item_t>();
                let item = item.add(slot.index());
                (*item).func = function;
                (*item).arg = arg;
            }
            hook_scheduled();
            true
        }
        Err(crate::sched::Full) => false,
    };
    section.end();
    queued
}

/// Queues a static node.
///
/// # Safety
/// `node` is valid until its callback has been called.
#[cfg(mpgc_static_nodes)]
#[inline(always)]
pub unsafe fn schedule_node(node: *mut mp_sched_node_t, callback: mp_sched_callback_t) -> bool {
    let (Some(node), Some(callback)) = (NonNull::new(node), callback) else {
        // The C would crash on the first, and on the second when the node's turn comes.
        return false;
    };
    let section = Section::begin();
    let mut list = nodes();
    // SAFETY: queued nodes are valid, and the atomic section keeps others out.
    let queued = unsafe { list.push(node, callback) }.is_ok();
    if queued {
        set_state(state().scheduled());
        set_nodes(list);
        hook_scheduled();
    }
    section.end();
    queued
}

/// `MICROPY_SCHED_HOOK_SCHEDULED`, where it is anything.
#[cfg(mpgc_scheduler)]
#[inline(always)]
fn hook_scheduled() {
    #[cfg(mpgc_sched_hook_scheduled)]
    // SAFETY: the port's own macro, inside the atomic section as in the C.
    unsafe {
        shim::sched_hook_scheduled()
    };
}

/// What unlocks the scheduler when an abort of the VM leaves what it runs by a jump.
///
/// Without jump callbacks (1.20) the scheduler then stays locked, as in C.
#[cfg(all(mpgc_scheduler, mpgc_vm_abort, mpgc_jump_callbacks))]
struct Guard(super::bindings::nlr_jump_callback_node_t);
#[cfg(all(mpgc_scheduler, not(all(mpgc_vm_abort, mpgc_jump_callbacks))))]
struct Guard;

#[cfg(all(mpgc_scheduler, mpgc_vm_abort, mpgc_jump_callbacks))]
impl Guard {
    const fn new() -> Guard {
        Guard(super::bindings::nlr_jump_callback_node_t {
            prev: core::ptr::null_mut(),
            fun: None,
        })
    }

    /// # Safety
    /// The guard stays where it is until it is popped, by `pop` or by a jump.
    unsafe fn push(&mut self) {
        /// Other locks may be another thread's, so that this one alone is undone.
        unsafe extern "C" fn jumped_out(_node: *mut core::ffi::c_void) {
            unlock();
        }
        // SAFETY: by this function's contract.
        unsafe { super::nlr::push_callback(&raw mut self.0, Some(jumped_out)) }
    }

    /// # Safety
    /// What was called since `push` has popped what it pushed.
    unsafe fn pop(&mut self) {
        // SAFETY: by this function's contract the newest callback is this one.
        unsafe { super::nlr::pop_callback(false) }
    }
}
#[cfg(all(mpgc_scheduler, not(all(mpgc_vm_abort, mpgc_jump_callbacks))))]
impl Guard {
    const fn new() -> Guard {
        Guard
    }
    #[inline(always)]
    unsafe fn push(&mut self) {}
    #[inline(always)]
    unsafe fn pop(&mut self) {}
}

/// Runs the static nodes that were queued before the call, then one Python callback.
#[cfg(mpgc_scheduler)]
#[inline(always)]
fn run_pending() {
    #[allow(unused_mut, reason = "reopened only where there are static nodes")]
    let mut section = Section::begin();
    if !state().is_pending() {
        // An interrupt locked the scheduler in between.
        section.end();
        return;
    }
    set_state(State::LOCKED);
    let mut guard = Guard::new();
    // SAFETY: it lies on this stack and is popped before the frame ends, below or by a jump.
    unsafe { guard.push() };
    #[cfg(mpgc_static_nodes)]
    {
        section = run_nodes(section);
    }
    let mut ring = ring();
    let next = ring.pop();
    set_ring(ring);
    let Some(slot) = next else {
        section.end();
        // SAFETY: the nodes' callbacks have popped what they pushed.
        unsafe { guard.pop() };
        unlock();
        return;
    };
    // SAFETY: a slot's index is below the depth of the queue.
    let (function, arg) = unsafe {
        let item = (&raw const (*vm()).sched_queue).cast::<super::bindings::mp_sched_item_t>();
        let item = item.add(slot.index());
        ((*item).func, (*item).arg)
    };
    section.end();
    // SAFETY: Python code; whatever it raises goes no further than the call.
    unsafe { mp_call_function_1_protected(function, arg) };
    // SAFETY: what was called has popped what it pushed.
    unsafe { guard.pop() };
    unlock();
}

/// Calls the nodes up to the one that was the newest on entry.
#[cfg(mpgc_static_nodes)]
#[inline(always)]
fn run_nodes(mut section: Section) -> Section {
    let Some(last) = nodes().tail else {
        return section;
    };
    loop {
        let mut list = nodes();
        // SAFETY: queued nodes are valid, and the atomic section keeps others out.
        let Some((node, callback)) = (unsafe { list.pop() }) else {
            return section;
        };
        set_nodes(list);
        section.end();
        if let Some(callback) = callback {
            // SAFETY: C of the port, called with the node that it was queued with.
            unsafe { callback(node.as_ptr()) };
        }
        section = Section::begin();
        if node == last {
            return section;
        }
    }
}

/// What is to be done about an abort and an exception that are pending, besides running what is scheduled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// Forget them.
    Clear,
    /// Raise them.
    Raise,
    /// Leave them (1.27 on).
    CallbacksOnly,
}

impl Pending {
    /// What a release asks for that knows two of them.
    #[cfg(not(mpgc_pending_enum))]
    #[inline(always)]
    pub fn from_bool(raise: bool) -> Pending {
        if raise {
            Pending::Raise
        } else {
            Pending::Clear
        }
    }

    /// The C's number, which is another in each release. What is none of them runs the callbacks, clears the
    /// rest, as in C.
    #[cfg(mpgc_pending_enum)]
    #[inline(always)]
    pub fn from_c(behaviour: super::bindings::mp_handle_pending_behaviour_t) -> Pending {
        use super::bindings as c;
        match behaviour {
            c::MP_HANDLE_PENDING_CALLBACKS_AND_EXCEPTIONS => Pending::Raise,
            c::MP_HANDLE_PENDING_CALLBACKS_ONLY => Pending::CallbacksOnly,
            _ => Pending::Clear,
        }
    }
}

/// Sees to a pending abort, a pending exception and scheduled work.
///
/// # Safety
/// May jump: no frame between here and the newest nlr buffer has a destructor.
#[inline(always)]
pub unsafe fn handle_pending(what: Pending) {
    #[cfg(mpgc_vm_abort)]
    // SAFETY: fields of a static; the jump is covered by this function's contract.
    unsafe {
        let flag = &raw mut (*vm()).vm_abort;
        if what != Pending::CallbacksOnly && flag.read_volatile() && is_main_thread() {
            flag.write_volatile(false);
            if what == Pending::Raise && !(*vm()).nlr_abort.is_null() {
                super::nlr::jump_abort();
            }
        }
    }
    let thread = thread();
    // SAFETY: the running thread's state; the raise is covered by this function's contract.
    unsafe {
        if what != Pending::CallbacksOnly && pending_exception(thread) != OBJ_NULL {
            let section = Section::begin();
            // Another thread or an interrupt may have been quicker.
            let exc = pending_exception(thread);
            if exc != OBJ_NULL {
                set_pending_exception(thread, OBJ_NULL);
            }
            section.end();
            if exc != OBJ_NULL && what == Pending::Raise {
                shim::raise(exc);
            }
        }
    }
    #[cfg(mpgc_scheduler)]
    if state().is_pending() && may_run_here() {
        run_pending();
    }
}

/// Without a GIL only the main thread runs scheduled work.
#[cfg(mpgc_scheduler)]
#[inline(always)]
fn may_run_here() -> bool {
    !cfg!(mpgc_gc_mutex) || is_main_thread()
}
