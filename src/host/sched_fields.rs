//! The scheduler's fields of `mp_state_ctx`, and the port's atomic sections.

use super::bindings::mp_uint_t;
#[cfg(mpgc_static_nodes)]
use super::bindings::{mp_sched_callback_t, mp_sched_node_t};
#[cfg(mpgc_scheduler)]
use super::config;
#[cfg(not(mpgc_empty_atomic))]
use super::in_place;
#[cfg(mpgc_scheduler)]
use super::micropython::vm;
#[cfg(mpgc_static_nodes)]
use crate::sched::{Node, NodeList};
#[cfg(mpgc_scheduler)]
use crate::sched::{Ring, Slot, State};
#[cfg(mpgc_static_nodes)]
use core::ptr::NonNull;

#[cfg(mpgc_scheduler)]
const _: () = {
    assert!(config::SCHED_IDLE as i16 == State::IDLE.0);
    assert!(config::SCHED_PENDING as i16 == State::PENDING.0);
    assert!(config::SCHED_LOCKED as i16 == State::LOCKED.0);
};

/// Reads `sched_state`, a `volatile` field in C.
#[cfg(mpgc_scheduler)]
pub(super) fn state() -> State {
    // SAFETY: a field of a static; an interrupt may write it at any time.
    State(unsafe { (&raw const (*vm()).sched_state).read_volatile() })
}

/// Writes `sched_state`, a `volatile` field in C.
#[cfg(mpgc_scheduler)]
pub(super) fn set_state(state: State) {
    // SAFETY: a field of a static, written inside an atomic section (or, for a pending
    // exception, exactly where the C writes it).
    unsafe { (&raw mut (*vm()).sched_state).write_volatile(state.0) }
}

/// Opens the port's atomic section. If the port's macros are empty, so is this.
pub(super) fn begin() -> mp_uint_t {
    #[cfg(mpgc_empty_atomic)]
    let section = 0;
    #[cfg(not(mpgc_empty_atomic))]
    // SAFETY: the port's own macro.
    let section = unsafe { in_place::atomic_begin() };
    section
}

/// Ends the section, given the result of [`begin`].
pub(super) fn end(section: mp_uint_t) {
    #[cfg(mpgc_empty_atomic)]
    let _ = section;
    #[cfg(not(mpgc_empty_atomic))]
    // SAFETY: ends the section that `begin` opened.
    unsafe {
        in_place::atomic_end(section)
    }
}

/// Reads the ring buffer of Python callbacks. Only inside an atomic section.
#[cfg(mpgc_scheduler)]
pub(super) fn ring() -> Ring<{ config::SCHEDULER_DEPTH }> {
    // SAFETY: fields of a static; the atomic section keeps others out.
    unsafe {
        Ring {
            first: (*vm()).sched_idx,
            len: (*vm()).sched_len,
        }
    }
}

/// Writes the ring back.
#[cfg(mpgc_scheduler)]
pub(super) fn set_ring(ring: Ring<{ config::SCHEDULER_DEPTH }>) {
    // SAFETY: as in `ring`.
    unsafe {
        (*vm()).sched_idx = ring.first;
        (*vm()).sched_len = ring.len;
    }
}

/// Where a slot's callback is kept.
#[cfg(mpgc_scheduler)]
pub(super) fn item(slot: Slot) -> *mut super::bindings::mp_sched_item_t {
    // SAFETY: a field of a static; a slot's index is below the depth of the queue.
    unsafe {
        (&raw mut (*vm()).sched_queue)
            .cast::<super::bindings::mp_sched_item_t>()
            .add(slot.index())
    }
}

#[cfg(mpgc_static_nodes)]
impl Node for mp_sched_node_t {
    type Callback = unsafe extern "C" fn(*mut mp_sched_node_t);

    fn callback(&mut self) -> &mut mp_sched_callback_t {
        &mut self.callback
    }

    fn next(&mut self) -> &mut Option<NonNull<mp_sched_node_t>> {
        // SAFETY: a nullable pointer and an Option<NonNull> have the same layout.
        unsafe { &mut *(&raw mut self.next).cast() }
    }
}

/// Reads the list of static nodes. Only inside an atomic section.
#[cfg(mpgc_static_nodes)]
pub(super) fn nodes() -> NodeList<mp_sched_node_t> {
    // SAFETY: fields of a static; the atomic section keeps others out.
    unsafe {
        NodeList {
            head: NonNull::new((*vm()).sched_head),
            tail: NonNull::new((*vm()).sched_tail),
        }
    }
}

/// Writes the list back.
#[cfg(mpgc_static_nodes)]
pub(super) fn set_nodes(list: NodeList<mp_sched_node_t>) {
    let raw = |node: Option<NonNull<_>>| node.map_or(core::ptr::null_mut(), NonNull::as_ptr);
    // SAFETY: as in `nodes`.
    unsafe {
        (*vm()).sched_head = raw(list.head);
        (*vm()).sched_tail = raw(list.tail);
    }
}
