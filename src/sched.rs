//! The scheduler. Its state, the ring buffer of Python callbacks and the list of static nodes are
//! values; `run.rs` has the operations on them.
//!
//! A host holds the values. Each is read, changed and written back inside one atomic section, since
//! a hard interrupt may schedule or lock at any instruction.
//!
//! ```text
//!             something scheduled              lock
//!      IDLE -----------------------> PENDING --------> LOCKED (-1, -2, ...)
//!        ^                              ^                 |
//!        |        nothing left          |  work left      | last unlock
//!        +------------------------------+-----------------+
//! ```

mod counts;
mod run;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use run::{
    Host, Pending, Raise, exception_left, handle_pending, lock, run_due, run_pending, schedule,
    schedule_node, unlock,
};

use core::convert::Infallible;
use core::ptr::NonNull;

/// The value of `sched_state`: 1 idle, 0 pending, below 0 the depth of the lock.
///
/// Pending is 0 so that the virtual machine's test for it is one instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State(pub i16);

impl State {
    /// Nothing to run.
    pub const IDLE: State = State(1);
    /// Something to run at the next chance.
    pub const PENDING: State = State(0);
    /// Locked once.
    pub const LOCKED: State = State(-1);

    /// Something was scheduled: an idle scheduler becomes pending.
    pub const fn scheduled(self) -> State {
        if self.0 == Self::IDLE.0 {
            Self::PENDING
        } else {
            self
        }
    }

    /// Adds a lock.
    pub const fn locked(self) -> State {
        if self.0 < 0 {
            State(self.0 - 1)
        } else {
            Self::LOCKED
        }
    }

    /// Removes a lock. `work_left` is called only for the last one.
    pub fn unlocked(self, work_left: impl FnOnce() -> bool) -> State {
        debug_assert!(self.0 < 0);
        match State(self.0 + 1) {
            State(0) if work_left() => Self::PENDING,
            State(0) => Self::IDLE,
            still_locked => still_locked,
        }
    }

    /// The number of locks.
    pub const fn lock_depth(self) -> i16 {
        if self.0 < 0 { -self.0 } else { 0 }
    }

    /// Whether queued work may run now.
    pub const fn is_pending(self) -> bool {
        self.0 == Self::PENDING.0
    }
}

/// The ring of Python callbacks is full; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// An index into the storage of a ring of `DEPTH` slots; always below `DEPTH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u8);

impl Slot {
    /// The index, for the host's array.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The positions of a ring buffer of `DEPTH` slots, whose storage the host holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring<const DEPTH: usize> {
    /// The oldest entry.
    pub first: u8,
    /// How many entries there are.
    pub len: u8,
}

impl<const DEPTH: usize> Ring<DEPTH> {
    const MASK: u8 = {
        assert!(
            DEPTH.is_power_of_two() && DEPTH <= 255,
            "MICROPY_SCHEDULER_DEPTH must be a power of two below 256"
        );
        (DEPTH - 1) as u8
    };

    /// Takes the slot after the newest entry.
    pub const fn push(&mut self) -> Result<Slot, Full> {
        if self.len as usize == DEPTH {
            return Err(Full);
        }
        Ok(self.push_below_depth())
    }

    /// The same, where a slot is free: `len` is below `DEPTH`.
    const fn push_below_depth(&mut self) -> Slot {
        debug_assert!((self.len as usize) < DEPTH);
        let slot = Slot(self.first.wrapping_add(self.len) & Self::MASK);
        self.len += 1;
        slot
    }

    /// Removes the oldest entry and returns its slot.
    #[inline(always)]
    pub const fn pop(&mut self) -> Option<Slot> {
        if self.len == 0 {
            return None;
        }
        let slot = Slot(self.first & Self::MASK);
        self.first = self.first.wrapping_add(1) & Self::MASK;
        self.len -= 1;
        Some(slot)
    }
}

/// A static node: memory of the port that contains its own link.
pub trait Node {
    /// What is called with the node.
    type Callback: Copy;
    /// The callback, while the node is queued.
    fn callback(&mut self) -> &mut Option<Self::Callback>;
    /// The node queued after this one.
    fn next(&mut self) -> &mut Option<NonNull<Self>>;
}

/// The node is already queued; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyQueued;

/// The list of queued static nodes, oldest first.
#[derive(Debug)]
pub struct NodeList<N> {
    /// The oldest node.
    pub head: Option<NonNull<N>>,
    /// The newest node.
    pub tail: Option<NonNull<N>>,
}

impl<N: Node> NodeList<N> {
    /// No nodes.
    pub const EMPTY: Self = NodeList {
        head: None,
        tail: None,
    };

    /// Queues `node` last.
    ///
    /// # Safety
    /// `node` and every node of the list are valid, and nobody else reads or
    /// writes them during the call.
    pub unsafe fn push(
        &mut self,
        mut node: NonNull<N>,
        callback: N::Callback,
    ) -> Result<(), AlreadyQueued> {
        // SAFETY: the caller passes a valid node that nobody else uses during the call.
        let entry = unsafe { node.as_mut() };
        if entry.callback().is_some() {
            return Err(AlreadyQueued);
        }
        *entry.callback() = Some(callback);
        *entry.next() = None;
        match self.tail {
            None => self.head = Some(node),
            // SAFETY: the tail is a node of the list, valid by this function's contract;
            // it is not `node`, which was not queued.
            Some(mut tail) => *unsafe { tail.as_mut() }.next() = Some(node),
        }
        self.tail = Some(node);
        Ok(())
    }

    /// Unlinks the oldest node and clears its callback, so that the callback may
    /// queue the node again.
    ///
    /// # Safety
    /// As for [`NodeList::push`].
    pub unsafe fn pop(&mut self) -> Option<(NonNull<N>, Option<N::Callback>)> {
        let mut node = self.head?;
        // SAFETY: the head is a node of the list, valid by this function's contract.
        let entry = unsafe { node.as_mut() };
        self.head = *entry.next();
        if self.head.is_none() {
            self.tail = None;
        }
        Some((node, entry.callback().take()))
    }
}

/// For a host without static nodes.
impl Node for Infallible {
    type Callback = Infallible;
    fn callback(&mut self) -> &mut Option<Infallible> {
        match *self {}
    }
    fn next(&mut self) -> &mut Option<NonNull<Infallible>> {
        match *self {}
    }
}
