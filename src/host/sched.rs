//! The scheduler over `mp_state_ctx`, inside the port's atomic sections: the host of
//! [`crate::sched`].

#[cfg(mpgc_scheduler)]
use super::bindings::{mp_call_function_1_protected, mp_uint_t};
use super::bindings::{mp_obj_t, mp_state_thread_t};
#[cfg(mpgc_static_nodes)]
use super::bindings::{mp_sched_callback_t, mp_sched_node_t};
#[cfg(mpgc_scheduler)]
use super::config::SCHEDULER_DEPTH;
#[cfg(any(mpgc_scheduler, mpgc_vm_abort, mpgc_kbd_exception))]
use super::micropython::vm;
use super::micropython::{OBJ_NULL, main_thread, pending_exception, set_pending_exception, thread};
use super::sched_fields as fields;
use super::shim;
use crate::sched::{self, Pending, Raise};
#[cfg(mpgc_scheduler)]
use crate::sched::{Host, Node, Ring, Slot, State};
#[cfg(mpgc_scheduler)]
use core::ptr::NonNull;

/// The port's scheduler.
#[cfg(mpgc_scheduler)]
#[derive(Clone, Copy)]
struct MicroPython;

/// What is counted.
#[cfg(all(mpgc_scheduler, feature = "stats"))]
static mut COUNTS: sched::Counts = sched::Counts::NONE;

/// What was counted, and that begins anew if `reset`.
#[cfg(all(mpgc_scheduler, feature = "stats"))]
pub fn counts(reset: bool) -> sched::Counts {
    let section = fields::begin();
    let counts = &raw mut COUNTS;
    // SAFETY: a section is open.
    let counts = unsafe { &mut *counts };
    let found = *counts;
    if reset {
        counts.reset();
    }
    fields::end(section);
    found
}

/// A callback with its argument.
#[cfg(mpgc_scheduler)]
struct Call {
    function: mp_obj_t,
    argument: mp_obj_t,
}

// SAFETY: the values are fields of a static, which C changes only inside the port's atomic
// sections. The same holds for nodes, which their owner keeps valid while they are queued.
#[cfg(mpgc_scheduler)]
unsafe impl Host<SCHEDULER_DEPTH> for MicroPython {
    #[cfg(mpgc_static_nodes)]
    type Node = mp_sched_node_t;
    #[cfg(not(mpgc_static_nodes))]
    type Node = core::convert::Infallible;
    type Call = Call;
    type Section = mp_uint_t;
    type Guard = guard::Guard;
    const CHECKED: bool = false;
    const COUNTS: bool = cfg!(feature = "stats");

    #[cfg(feature = "stats")]
    fn counts(self) -> *mut sched::Counts {
        &raw mut COUNTS
    }
    fn begin(self) -> mp_uint_t {
        fields::begin()
    }
    fn end(self, section: mp_uint_t) {
        fields::end(section);
    }
    fn state(self) -> State {
        fields::state()
    }
    fn set_state(self, state: State) {
        fields::set_state(state);
    }
    fn ring(self) -> Ring<SCHEDULER_DEPTH> {
        fields::ring()
    }
    fn set_ring(self, ring: Ring<SCHEDULER_DEPTH>) {
        fields::set_ring(ring);
    }
    #[cfg(mpgc_static_nodes)]
    fn nodes(self) -> sched::NodeList<mp_sched_node_t> {
        fields::nodes()
    }
    #[cfg(mpgc_static_nodes)]
    fn set_nodes(self, list: sched::NodeList<mp_sched_node_t>) {
        fields::set_nodes(list);
    }
    fn put(self, slot: Slot, call: Call) {
        let item = fields::item(slot);
        // SAFETY: an entry of a static array; the atomic section keeps others out.
        unsafe {
            (*item).func = call.function;
            (*item).arg = call.argument;
        }
    }
    fn take(self, slot: Slot) -> Call {
        let item = fields::item(slot);
        // SAFETY: as in `put`.
        unsafe {
            Call {
                function: (*item).func,
                argument: (*item).arg,
            }
        }
    }

    /// Without threads the virtual machine only checks the state, which then covers a pending
    /// exception too.
    #[cfg(not(mpgc_thread))]
    fn other_work(self) -> bool {
        // SAFETY: the running thread's state.
        unsafe { pending_exception(thread()) != OBJ_NULL }
    }
    /// `MICROPY_SCHED_HOOK_SCHEDULED`, if it is not empty.
    #[cfg(mpgc_sched_hook_scheduled)]
    fn scheduled(self) {
        // SAFETY: the port's own macro, inside the atomic section as in the C.
        unsafe { super::in_place::sched_hook_scheduled() }
    }
    /// Calls the export, so that there is only one copy of the function.
    fn unlock_after_pass(self) {
        // SAFETY: the pass has locked.
        unsafe { super::bindings::mp_sched_unlock() }
    }

    unsafe fn call_node(self, node: NonNull<Self::Node>, callback: <Self::Node as Node>::Callback) {
        #[cfg(mpgc_static_nodes)]
        // SAFETY: C of the port, called with the node that it was queued with.
        unsafe {
            callback(node.as_ptr())
        }
        #[cfg(not(mpgc_static_nodes))]
        {
            let _ = node;
            match callback {}
        }
    }
    unsafe fn call(self, call: Call) {
        // SAFETY: Python code; the call catches what it raises.
        unsafe { mp_call_function_1_protected(call.function, call.argument) };
    }

    fn guard(self) -> guard::Guard {
        guard::NEW
    }
    unsafe fn link(self, guard: *mut guard::Guard) {
        guard::link(guard);
    }
    unsafe fn unlink(self, guard: *mut guard::Guard) {
        guard::unlink(guard);
    }
}

/// The address of the running pass's guard, by which an abort finds out whether it leaves the pass.
///
/// A jump callback would do the same in three times the instructions.
#[cfg(all(mpgc_scheduler, mpgc_vm_abort))]
mod guard {
    use core::mem::MaybeUninit;
    use core::sync::atomic::AtomicUsize;
    use core::sync::atomic::Ordering::Relaxed;

    pub type Guard = MaybeUninit<usize>;
    pub const NEW: Guard = MaybeUninit::uninit();

    /// The address of the guard; 0 while no pass runs.
    static PASS: AtomicUsize = AtomicUsize::new(0);

    pub fn link(guard: *mut Guard) {
        PASS.store(guard.addr(), Relaxed);
    }

    pub fn unlink(_guard: *mut Guard) {
        PASS.store(0, Relaxed);
    }

    /// Whether a jump from here to a buffer on this thread's stack, which grows down, leaves the
    /// pass. If so, no pass runs any more.
    pub fn is_left_for(buffer: usize) -> bool {
        let here = 0u8;
        let pass = PASS.load(Relaxed);
        let left = (&raw const here).addr() < pass && pass < buffer;
        if left {
            PASS.store(0, Relaxed);
        }
        left
    }
}
#[cfg(all(mpgc_scheduler, not(mpgc_vm_abort)))]
mod guard {
    pub type Guard = ();
    pub const NEW: Guard = ();

    pub fn link(_guard: *mut Guard) {}
    pub fn unlink(_guard: *mut Guard) {}
}

/// Called when an abort jumps to `buffer`, after the jump callbacks: if the jump leaves a pass,
/// undoes its lock. Other locks may be another thread's and stay.
#[cfg(all(mpgc_scheduler, mpgc_vm_abort))]
pub fn abandon_pass(buffer: *const crate::nlr::Buffer) {
    if guard::is_left_for(buffer.addr()) {
        unlock();
    }
}

/// Makes `exc` the pending exception of the main thread. May run in an interrupt.
///
/// # Safety
/// `exc` is an exception object, or none.
pub unsafe fn exception(exc: mp_obj_t) {
    // SAFETY: the main thread's state is a static.
    unsafe { set_pending_exception(main_thread(), exc) };
    #[cfg(all(mpgc_scheduler, not(mpgc_thread)))]
    sched::exception_left(MicroPython);
}

/// The KeyboardInterrupt, without a traceback, to be raised in the main thread. May run in an
/// interrupt.
#[cfg(mpgc_kbd_exception)]
pub fn new_keyboard_interrupt() -> mp_obj_t {
    // SAFETY: the exception object is part of a static; its address is taken as the
    // object, as MP_OBJ_FROM_PTR does in the representations that bindgen gives a pointer
    // or an integer type.
    unsafe {
        let exc = &raw mut (*vm()).mp_kbd_exception;
        #[cfg(not(mpgc_traceback_object))]
        {
            (*exc).traceback_data = core::ptr::null_mut();
        }
        #[cfg(mpgc_traceback_object)]
        {
            let empty = &raw const super::bindings::mp_const_empty_traceback_obj;
            (*exc).traceback = empty.cast_mut();
        }
        exc as usize as mp_obj_t
    }
}

/// Requests an abort of the virtual machine. May run in an interrupt.
#[cfg(mpgc_vm_abort)]
pub fn vm_abort() {
    // SAFETY: a field of a static, a flag that is only set here.
    unsafe { (&raw mut (*vm()).vm_abort).write_volatile(true) }
}

/// Keeps scheduled work from running; nests.
#[cfg(mpgc_scheduler)]
pub fn lock() {
    sched::lock(MicroPython);
}

/// Undoes one [`lock`].
#[cfg(mpgc_scheduler)]
pub fn unlock() {
    sched::unlock(MicroPython);
}

/// The scheduler's lock depth.
#[cfg(all(mpgc_scheduler, mpgc_vm_abort, mpgc_finaliser))]
pub fn lock_depth() -> i16 {
    fields::state().lock_depth()
}

/// Undoes all [`lock`]s beyond `depth`, which a jump has skipped.
#[cfg(all(mpgc_scheduler, mpgc_vm_abort, mpgc_finaliser))]
pub fn unlock_to(depth: i16) {
    while lock_depth() > depth {
        unlock();
    }
}

/// Queues a Python callback. May run in an interrupt.
#[cfg(mpgc_scheduler)]
pub fn schedule(function: mp_obj_t, argument: mp_obj_t) -> bool {
    sched::schedule(MicroPython, Call { function, argument })
}

/// Queues a static node.
///
/// # Safety
/// `node` is valid until its callback has been called.
#[cfg(mpgc_static_nodes)]
pub unsafe fn schedule_node(node: *mut mp_sched_node_t, callback: mp_sched_callback_t) -> bool {
    // SAFETY: by this function's contract.
    unsafe { sched::schedule_node(MicroPython, NonNull::new(node), callback) }
}

/// The behaviour of `mp_handle_pending` in releases where it takes a bool.
#[cfg(not(mpgc_pending_enum))]
pub fn pending_from_bool(raise: bool) -> Pending {
    if raise {
        Pending::Raise
    } else {
        Pending::Clear
    }
}

/// The C's number, which differs between releases. Any other number runs the callbacks and clears
/// the rest, as in C.
#[cfg(mpgc_pending_enum)]
pub fn pending_from_c(behaviour: super::bindings::mp_handle_pending_behaviour_t) -> Pending {
    use super::bindings as c;
    match behaviour {
        c::MP_HANDLE_PENDING_CALLBACKS_AND_EXCEPTIONS => Pending::Raise,
        c::MP_HANDLE_PENDING_CALLBACKS_ONLY => Pending::CallbacksOnly,
        _ => Pending::Clear,
    }
}

/// The running thread.
#[derive(Clone, Copy)]
struct Running(*mut mp_state_thread_t);

impl Running {
    /// Whether it is the main one (`mp_thread_is_main_thread`).
    #[cfg(any(mpgc_scheduler, mpgc_vm_abort))]
    fn is_main(self) -> bool {
        !cfg!(mpgc_thread) || self.0 == main_thread()
    }
}

impl Raise for Running {
    type Exception = mp_obj_t;

    #[cfg(mpgc_vm_abort)]
    fn abort_waits(self) -> bool {
        // SAFETY: a field of a static, which an interrupt may write.
        unsafe { (&raw const (*vm()).vm_abort).read_volatile() && self.is_main() }
    }
    #[cfg(mpgc_vm_abort)]
    fn clear_abort(self) {
        // SAFETY: as in `abort_waits`.
        unsafe { (&raw mut (*vm()).vm_abort).write_volatile(false) }
    }
    #[cfg(mpgc_vm_abort)]
    unsafe fn abort(self) {
        // SAFETY: a field of a static; the jump is covered by this function's contract.
        unsafe {
            if !(*vm()).nlr_abort.is_null() {
                super::nlr::jump_abort();
            }
        }
    }
    fn exception_waits(self) -> bool {
        // SAFETY: the running thread's state.
        unsafe { pending_exception(self.0) != OBJ_NULL }
    }
    fn take_exception(self) -> Option<mp_obj_t> {
        // SAFETY: as above; the section keeps others out.
        unsafe {
            let section = fields::begin();
            // Another thread or an interrupt may have taken it.
            let exc = pending_exception(self.0);
            if exc != OBJ_NULL {
                set_pending_exception(self.0, OBJ_NULL);
            }
            fields::end(section);
            (exc != OBJ_NULL).then_some(exc)
        }
    }
    unsafe fn raise(self, exception: mp_obj_t) {
        // SAFETY: the jump is covered by this function's contract.
        unsafe { shim::raise(exception) }
    }
    #[inline(always)]
    unsafe fn run_due(self) {
        #[cfg(mpgc_scheduler)]
        // SAFETY: by this function's contract.
        unsafe {
            // Without a GIL only the main thread runs scheduled work.
            sched::run_due(MicroPython, || !cfg!(mpgc_gc_mutex) || self.is_main())
        }
    }
}

/// Handles a pending abort, a pending exception and scheduled work.
///
/// # Safety
/// May jump: no frame between here and the newest nlr buffer has a destructor.
#[inline(always)]
pub unsafe fn handle_pending(what: Pending) {
    // SAFETY: by this function's contract.
    unsafe { sched::handle_pending(Running(thread()), what) }
}
