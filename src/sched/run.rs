//! Queueing, locking, and the pass that runs what is queued.
//!
//! ```text
//!   pass   | LOCKED, take node |  node  | take node |  node  | take callback | callback | unlock |
//!            a section                    a section            a section                a section
//! ```
//!
//! Only the nodes that were queued before the pass run in it, then one callback. An interrupt may
//! come anywhere outside of the sections, and queue or lock.
//!
//! A callback may raise or abort, and a jump skips destructors: no value that lives across a call
//! has one.

use core::mem::needs_drop;
use core::ptr::NonNull;

use super::{Counts, Full, Node, NodeList, Ring, Slot, State};

/// The host of the scheduler, which holds the values and calls what is queued.
///
/// All values are read and written inside a section, except in [`exception_left`] and [`run_due`].
///
/// # Safety
/// A read returns the value that was written last, and nobody else changes the values in a section.
/// What is counted may be read and written in one, and nobody else does so meanwhile.
/// Nodes of the list are valid, and nobody else reads or writes them in a section.
pub unsafe trait Host<const DEPTH: usize>: Copy {
    /// A static node; `Infallible` where there are none.
    type Node: Node;
    /// A callback with its argument.
    type Call;
    /// An atomic section that is open, in which no interrupt and no other thread runs.
    type Section;
    /// The value on the stack by which a jump out of a callback unlocks the scheduler; `()` if that
    /// is not needed.
    type Guard;
    /// Whether an unlock without a lock is refused, and locks beyond those that the state can count
    /// are counted too. If not, callers must avoid both.
    const CHECKED: bool;
    /// Whether what waits, and what is refused, is counted.
    const COUNTS: bool = false;

    /// Opens a section.
    fn begin(self) -> Self::Section;
    /// Ends it.
    fn end(self, section: Self::Section);
    /// Reads the state, which an interrupt may write at any time.
    fn state(self) -> State;
    /// Writes it.
    fn set_state(self, state: State);
    /// Reads the number of locks beyond those that the state can count. With `CHECKED`.
    fn more_locks(self) -> usize {
        0
    }
    /// Writes it.
    fn set_more_locks(self, _more: usize) {}
    /// Reads the ring.
    fn ring(self) -> Ring<DEPTH>;
    /// Writes it.
    fn set_ring(self, ring: Ring<DEPTH>);
    /// Reads the list of static nodes.
    fn nodes(self) -> NodeList<Self::Node> {
        NodeList::EMPTY
    }
    /// Writes it.
    fn set_nodes(self, _list: NodeList<Self::Node>) {}
    /// Writes a callback to a slot.
    fn put(self, slot: Slot, call: Self::Call);
    /// Takes the callback out of a slot.
    fn take(self, slot: Slot) -> Self::Call;

    /// What is counted. With `COUNTS`.
    fn counts(self) -> *mut Counts {
        core::ptr::null_mut()
    }

    /// Whether other work makes an unlocked scheduler pending.
    fn other_work(self) -> bool {
        false
    }
    /// Called inside the section after something was queued.
    fn scheduled(self) {}
    /// Undoes the lock of a pass ([`unlock`]).
    fn unlock_after_pass(self) {
        unlock(self);
    }

    /// Calls a node's callback. It may jump.
    ///
    /// # Safety
    /// The node was queued with this callback, and no section is open.
    unsafe fn call_node(self, node: NonNull<Self::Node>, callback: <Self::Node as Node>::Callback);
    /// Calls a callback. It may jump.
    ///
    /// # Safety
    /// The callback was queued, and no section is open.
    unsafe fn call(self, call: Self::Call);

    /// A guard that is not linked.
    fn guard(self) -> Self::Guard;
    /// Links the guard: a jump that leaves its frame unlocks the scheduler.
    ///
    /// # Safety
    /// The guard is not moved until it is unlinked or such a jump happens.
    unsafe fn link(self, guard: *mut Self::Guard);
    /// Unlinks it.
    ///
    /// # Safety
    /// It was linked, and guards that were linked later are unlinked.
    unsafe fn unlink(self, guard: *mut Self::Guard);
}

/// Keeps scheduled work from running; nests.
pub fn lock<const DEPTH: usize, H: Host<DEPTH>>(host: H) {
    let section = host.begin();
    let state = host.state();
    if H::CHECKED && state.lock_depth() == i16::MAX {
        host.set_more_locks(host.more_locks().saturating_add(1));
    } else {
        host.set_state(state.locked());
    }
    host.end(section);
}

/// Undoes one [`lock`]. Returns whether there was one.
pub fn unlock<const DEPTH: usize, H: Host<DEPTH>>(host: H) -> bool {
    let section = host.begin();
    let state = host.state();
    let locked = !H::CHECKED || state.lock_depth() > 0;
    let more = host.more_locks();
    if H::CHECKED && more > 0 {
        // a saturated count stays
        host.set_more_locks(more - usize::from(more != usize::MAX));
    } else if locked {
        host.set_state(state.unlocked(|| work_left(host)));
    }
    host.end(section);
    locked
}

/// Whether there is work that makes an unlocked scheduler pending.
fn work_left<const DEPTH: usize, H: Host<DEPTH>>(host: H) -> bool {
    host.other_work() || host.nodes().head.is_some() || host.ring().len != 0
}

/// Wakes an idle scheduler after an exception was made pending. As in C there is no atomic section:
/// an interrupt in between may schedule, but a lock that it leaves would be lost.
pub fn exception_left<const DEPTH: usize, H: Host<DEPTH>>(host: H) {
    if host.state() == State::IDLE {
        host.set_state(State::PENDING);
    }
}

/// Queues a callback. May run in an interrupt and from fast RAM, so all of it is inlined. Returns
/// false if the ring is full.
pub fn schedule<const DEPTH: usize, H: Host<DEPTH>>(host: H, call: H::Call) -> bool {
    let section = host.begin();
    let mut ring = host.ring();
    let queued = match take_slot(host, &mut ring) {
        Ok(slot) => {
            host.set_state(host.state().scheduled());
            host.set_ring(ring);
            host.put(slot, call);
            host.scheduled();
            true
        }
        Err(Full) => false,
    };
    host.end(section);
    queued
}

/// Takes a slot of the ring. A host that counts compares how many wait with the most that ever did,
/// and with the number of slots only where that is exceeded.
fn take_slot<const DEPTH: usize, H: Host<DEPTH>>(
    host: H,
    ring: &mut Ring<DEPTH>,
) -> Result<Slot, Full> {
    if !H::COUNTS {
        return ring.push();
    }
    let waiting = ring.len as usize;
    // SAFETY: a section is open, so that nobody else has it (a promise of Host).
    let counts = unsafe { &mut *host.counts() };
    if waiting >= counts.most_calls() && !counts.most(waiting, DEPTH) {
        return Err(Full);
    }
    Ok(ring.push_below_depth())
}

/// Queues a static node. May run in an interrupt. Returns false if it is queued already, or if
/// either is none: the C would crash at once without a node, and when the node runs without a
/// callback.
///
/// # Safety
/// `node` is valid until its callback has been called.
pub unsafe fn schedule_node<const DEPTH: usize, H: Host<DEPTH>>(
    host: H,
    node: Option<NonNull<H::Node>>,
    callback: Option<<H::Node as Node>::Callback>,
) -> bool {
    let (Some(node), Some(callback)) = (node, callback) else {
        return false;
    };
    let section = host.begin();
    let mut list = host.nodes();
    let alone = list.head.is_none();
    // SAFETY: queued nodes are valid and nobody else uses them in a section, by the host's
    // contract; so is this one, by this function's.
    let queued = unsafe { list.push(node, callback) }.is_ok();
    if queued {
        host.set_state(host.state().scheduled());
        host.set_nodes(list);
        if H::COUNTS {
            // SAFETY: a section is open, so that nobody else has it (a promise of Host).
            unsafe { (*host.counts()).node_queued(alone) }
        }
        host.scheduled();
    }
    host.end(section);
    queued
}

/// Runs what is queued if the state says that something is, and if the running thread may. The
/// state is read without a section.
///
/// # Safety
/// As for [`run_pending`].
#[inline(always)]
pub unsafe fn run_due<const DEPTH: usize, H: Host<DEPTH>>(
    host: H,
    may_run_here: impl FnOnce() -> bool,
) {
    if host.state().is_pending() && may_run_here() {
        // SAFETY: by this function's contract.
        unsafe { run_pending(host) };
    }
}

/// Runs the static nodes that were queued before the call, then one callback. Returns whether it
/// ran anything; it does not while the scheduler is locked, as it is during a pass.
///
/// # Safety
/// The queued callbacks may be called here, and may jump: no frame between here and the buffer has
/// a destructor.
#[inline(always)]
pub unsafe fn run_pending<const DEPTH: usize, H: Host<DEPTH>>(host: H) -> bool {
    const {
        assert!(
            !needs_drop::<H::Section>() && !needs_drop::<H::Call>() && !needs_drop::<H::Guard>(),
            "a jump skips destructors"
        );
    }
    let section = host.begin();
    if !host.state().is_pending() {
        // An interrupt has locked the scheduler in between.
        host.end(section);
        return false;
    }
    host.set_state(State::LOCKED);
    let mut guard = host.guard();
    // SAFETY: the guard lies on this stack and is not moved; it is unlinked below, or a jump leaves
    // this frame.
    unsafe { host.link(&raw mut guard) };
    // SAFETY: by this function's contract.
    let section = unsafe { run_nodes(host, section) };
    let mut ring = host.ring();
    let next = ring.pop();
    host.set_ring(ring);
    let call = next.map(|slot| host.take(slot));
    host.end(section);
    if let Some(call) = call {
        // SAFETY: it was queued; the section has ended.
        unsafe { host.call(call) };
    }
    // SAFETY: it was linked above, and the callbacks have unlinked their own guards.
    unsafe { host.unlink(&raw mut guard) };
    host.unlock_after_pass();
    true
}

/// Calls the nodes up to the one that was the newest on entry.
///
/// # Safety
/// As for [`run_pending`]; `section` is open.
unsafe fn run_nodes<const DEPTH: usize, H: Host<DEPTH>>(
    host: H,
    mut section: H::Section,
) -> H::Section {
    let Some(last) = host.nodes().tail else {
        return section;
    };
    loop {
        let mut list = host.nodes();
        // SAFETY: queued nodes are valid and nobody else uses them in a section, by the host's
        // contract.
        let Some((node, callback)) = (unsafe { list.pop() }) else {
            return section;
        };
        host.set_nodes(list);
        if H::COUNTS {
            // SAFETY: a section is open, so that nobody else has it (a promise of Host).
            unsafe { (*host.counts()).node_taken() }
        }
        host.end(section);
        if let Some(callback) = callback {
            // SAFETY: the node was queued with it; the section has ended.
            unsafe { host.call_node(node, callback) };
        }
        section = host.begin();
        if node == last {
            return section;
        }
    }
}

/// How to handle a pending abort and a pending exception, before scheduled work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Forget them.
    Clear,
    /// Raise them.
    Raise,
    /// Leave them (1.27 on).
    CallbacksOnly,
}

/// The running thread, as [`handle_pending`] needs it.
pub trait Raise: Copy {
    /// What is raised.
    type Exception;

    /// Whether an abort is pending that this thread handles.
    fn abort_waits(self) -> bool {
        false
    }
    /// Forgets it.
    fn clear_abort(self) {}
    /// Jumps to the buffer for aborts, if there is one.
    ///
    /// # Safety
    /// No frame between here and that buffer has a destructor.
    unsafe fn abort(self) {}
    /// Whether an exception is pending.
    fn exception_waits(self) -> bool;
    /// Takes the pending exception in an atomic section; none if another thread or an interrupt has
    /// taken it.
    fn take_exception(self) -> Option<Self::Exception>;
    /// Jumps with the exception to the newest buffer. In a test it may return.
    ///
    /// # Safety
    /// No frame between here and that buffer has a destructor.
    unsafe fn raise(self, exception: Self::Exception);
    /// Runs what is due ([`run_due`]), where there is a scheduler.
    ///
    /// # Safety
    /// As for [`run_pending`].
    unsafe fn run_due(self);
}

/// Handles a pending abort, a pending exception and scheduled work.
///
/// # Safety
/// May jump: no frame between here and the buffer has a destructor.
#[inline(always)]
pub unsafe fn handle_pending<H: Raise>(host: H, what: Pending) {
    const { assert!(!needs_drop::<H::Exception>(), "a jump skips destructors") };
    if what != Pending::CallbacksOnly && host.abort_waits() {
        host.clear_abort();
        if what == Pending::Raise {
            // SAFETY: by this function's contract.
            unsafe { host.abort() };
        }
    }
    if what != Pending::CallbacksOnly
        && host.exception_waits()
        && let Some(exception) = host.take_exception()
        && what == Pending::Raise
    {
        // SAFETY: by this function's contract.
        return unsafe { host.raise(exception) };
    }
    // SAFETY: by this function's contract.
    unsafe { host.run_due() }
}
