//! The scheduler's part of py/runtime.h.

#[cfg(all(mpgc_pending_enum, mpgc_events, not(mpgc_event_poll_hook_fast)))]
use crate::host::bindings::MP_HANDLE_PENDING_CALLBACKS_AND_EXCEPTIONS;
#[cfg(mpgc_pending_enum)]
use crate::host::bindings::mp_handle_pending_behaviour_t;
use crate::host::bindings::mp_obj_t;
#[cfg(mpgc_events)]
use crate::host::bindings::mp_uint_t;
#[cfg(mpgc_static_nodes)]
use crate::host::bindings::{mp_sched_callback_t, mp_sched_node_t};
use crate::host::sched;
#[cfg(mpgc_events)]
use crate::host::shim;

placed! { mp_sched_exception,
/// Mirrors `mp_sched_exception` (py/scheduler.c).
///
/// # Safety
/// `exc` is an exception object, or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_sched_exception(exc: mp_obj_t) {
    // SAFETY: by this function's contract.
    unsafe { sched::exception(exc) };
}}

#[cfg(mpgc_kbd_exception)]
placed! { mp_sched_keyboard_interrupt,
/// Mirrors `mp_sched_keyboard_interrupt` (py/scheduler.c).
///
/// # Safety
/// None. May run in an interrupt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_sched_keyboard_interrupt() {
    // SAFETY: an exception object; the function may run in an interrupt, too.
    unsafe { mp_sched_exception(sched::new_keyboard_interrupt()) }
}}

#[cfg(mpgc_vm_abort)]
placed! { mp_sched_vm_abort,
/// Mirrors `mp_sched_vm_abort` (py/scheduler.c).
///
/// # Safety
/// None. May run in an interrupt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_sched_vm_abort() {
    sched::vm_abort();
}}

/// Mirrors `mp_handle_pending` (py/scheduler.c) up to 1.26. Differs from 1.25's: of the static
/// nodes only those queued before the pass run in it, as in 1.26.
///
/// # Safety
/// May jump to the newest nlr buffer.
#[cfg(not(mpgc_pending_enum))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_handle_pending(raise_exc: bool) {
    // SAFETY: by this function's contract.
    unsafe { sched::handle_pending(sched::pending_from_bool(raise_exc)) }
}

/// Mirrors `mp_handle_pending` (py/scheduler.c) from 1.28 on.
///
/// # Safety
/// May jump to the newest nlr buffer.
#[cfg(all(mpgc_pending_enum, not(mpgc_pending_internal)))]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_handle_pending(behavior: mp_handle_pending_behaviour_t) {
    // SAFETY: by this function's contract.
    unsafe { sched::handle_pending(sched::pending_from_c(behavior)) }
}

/// Mirrors `mp_handle_pending_internal` (py/scheduler.c) of 1.27, where `mp_handle_pending` is
/// inline.
///
/// # Safety
/// May jump to the newest nlr buffer.
#[cfg(mpgc_pending_internal)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_handle_pending_internal(behavior: mp_handle_pending_behaviour_t) {
    // SAFETY: by this function's contract.
    unsafe { sched::handle_pending(sched::pending_from_c(behavior)) }
}

/// `mp_handle_pending(true)`, as this release spells it. It calls the export, so that there is only
/// one copy of the function.
///
/// # Safety
/// May jump to the newest nlr buffer.
#[cfg(all(mpgc_events, not(mpgc_event_poll_hook_fast)))]
unsafe fn raise_pending() {
    // SAFETY: by this function's contract.
    unsafe {
        #[cfg(not(mpgc_pending_enum))]
        mp_handle_pending(true);
        #[cfg(all(mpgc_pending_enum, not(mpgc_pending_internal)))]
        mp_handle_pending(MP_HANDLE_PENDING_CALLBACKS_AND_EXCEPTIONS);
        #[cfg(mpgc_pending_internal)]
        mp_handle_pending_internal(MP_HANDLE_PENDING_CALLBACKS_AND_EXCEPTIONS);
    }
}

/// Mirrors `mp_sched_lock` (py/scheduler.c).
///
/// # Safety
/// Paired with `mp_sched_unlock`.
#[cfg(mpgc_scheduler)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_sched_lock() {
    sched::lock();
}

/// Mirrors `mp_sched_unlock` (py/scheduler.c).
///
/// # Safety
/// Paired with `mp_sched_lock`.
#[cfg(mpgc_scheduler)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_sched_unlock() {
    sched::unlock();
}

#[cfg(mpgc_scheduler)]
placed! { mp_sched_schedule,
/// Mirrors `mp_sched_schedule` (py/scheduler.c).
///
/// # Safety
/// `function` and `arg` are objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_sched_schedule(function: mp_obj_t, arg: mp_obj_t) -> bool {
    sched::schedule(function, arg)
}}

/// Mirrors `mp_sched_schedule_node` (py/scheduler.c).
///
/// # Safety
/// `node` is valid until its callback has been called.
#[cfg(mpgc_static_nodes)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_sched_schedule_node(
    node: *mut mp_sched_node_t,
    callback: mp_sched_callback_t,
) -> bool {
    // SAFETY: by this function's contract.
    unsafe { sched::schedule_node(node, callback) }
}

/// Mirrors `mp_event_handle_nowait` (py/scheduler.c).
///
/// # Safety
/// May jump to the newest nlr buffer.
#[cfg(mpgc_events)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_event_handle_nowait() {
    // SAFETY: the port's own hooks; a jump is covered by this function's contract.
    unsafe {
        #[cfg(mpgc_event_poll_hook_fast)]
        shim::event_poll_hook_fast();
        #[cfg(not(mpgc_event_poll_hook_fast))]
        {
            shim::internal_event_hook();
            raise_pending();
        }
    }
}

/// Mirrors `mp_event_wait_indefinite` (py/scheduler.c).
///
/// # Safety
/// May jump to the newest nlr buffer.
#[cfg(mpgc_events)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mp_event_wait_indefinite() {
    // SAFETY: the port's own hooks; a jump is covered by this function's contract.
    unsafe {
        #[cfg(all(mpgc_enable_gc, feature = "idle-collect"))]
        crate::host::idle::collect_within(None);
        #[cfg(mpgc_event_poll_hook)]
        shim::event_poll_hook();
        #[cfg(not(mpgc_event_poll_hook))]
        {
            mp_event_handle_nowait();
            shim::internal_wfe_indefinite();
        }
    }
}

/// Mirrors `mp_event_wait_ms` (py/scheduler.c).
///
/// # Safety
/// May jump to the newest nlr buffer.
#[cfg(mpgc_events)]
#[unsafe(no_mangle)]
#[cfg_attr(
    mpgc_event_poll_hook,
    expect(unused_variables, reason = "the hook takes no timeout")
)]
pub unsafe extern "C" fn mp_event_wait_ms(timeout_ms: mp_uint_t) {
    // SAFETY: the port's own hooks; a jump is covered by this function's contract.
    unsafe {
        #[cfg(all(mpgc_enable_gc, feature = "idle-collect"))]
        let timeout_ms = crate::host::idle::wait_ms(timeout_ms);
        #[cfg(mpgc_event_poll_hook)]
        shim::event_poll_hook();
        #[cfg(not(mpgc_event_poll_hook))]
        {
            mp_event_handle_nowait();
            shim::internal_wfe_ms(timeout_ms);
        }
    }
}

same_as_the_header!(mp_sched_exception);
#[cfg(not(mpgc_pending_internal))]
same_as_the_header!(mp_handle_pending);
#[cfg(mpgc_pending_internal)]
same_as_the_header!(mp_handle_pending_internal);
#[cfg(mpgc_events)]
same_as_the_header!(
    mp_event_handle_nowait,
    mp_event_wait_indefinite,
    mp_event_wait_ms,
);
#[cfg(mpgc_kbd_exception)]
same_as_the_header!(mp_sched_keyboard_interrupt);
#[cfg(mpgc_vm_abort)]
same_as_the_header!(mp_sched_vm_abort);
#[cfg(mpgc_scheduler)]
same_as_the_header!(mp_sched_lock, mp_sched_unlock, mp_sched_schedule);
#[cfg(mpgc_static_nodes)]
same_as_the_header!(mp_sched_schedule_node);
