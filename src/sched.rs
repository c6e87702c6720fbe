//! The scheduler as values: its state, the ring of Python callbacks and the list
//! of static nodes.
//!
//! Each value is read, changed and written back by the host inside one atomic
//! section, since a hard interrupt may schedule or lock at any instruction.
//!
//! ```text
//!             something scheduled              lock
//!      IDLE -----------------------> PENDING --------> LOCKED (-1, -2, ...)
//!        ^                              ^                 |
//!        |        nothing left          |  work left      | last unlock
//!        +------------------------------+-----------------+
//! ```

use core::ptr::NonNull;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

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
    #[inline(always)]
    pub const fn scheduled(self) -> State {
        if self.0 == Self::IDLE.0 {
            Self::PENDING
        } else {
            self
        }
    }

    /// One lock more.
    #[inline(always)]
    pub const fn locked(self) -> State {
        if self.0 < 0 {
            State(self.0 - 1)
        } else {
            Self::LOCKED
        }
    }

    /// One lock less. `work_left` is asked only when the last lock goes.
    #[inline(always)]
    pub fn unlocked(self, work_left: impl FnOnce() -> bool) -> State {
        debug_assert!(self.0 < 0);
        match State(self.0 + 1) {
            State(0) if work_left() => Self::PENDING,
            State(0) => Self::IDLE,
            still_locked => still_locked,
        }
    }

    /// How often it is locked.
    pub const fn lock_depth(self) -> i16 {
        if self.0 < 0 { -self.0 } else { 0 }
    }

    /// Whether queued work may run now.
    #[inline(always)]
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
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Positions of a ring of `DEPTH` slots whose storage is the host's.
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
    #[inline(always)]
    pub const fn push(&mut self) -> Result<Slot, Full> {
        if self.len as usize == DEPTH {
            return Err(Full);
        }
        let slot = Slot(self.first.wrapping_add(self.len) & Self::MASK);
        self.len += 1;
        Ok(slot)
    }

    /// Gives up the oldest entry.
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

/// A static node: memory of the port that carries its own link.
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
    /// Queues `node` last.
    ///
    /// # Safety
    /// `node` and every node of the list are valid, and nobody else reads or
    /// writes them during the call.
    #[inline(always)]
    pub unsafe fn push(
        &mut self,
        mut node: NonNull<N>,
        callback: N::Callback,
    ) -> Result<(), AlreadyQueued> {
        // SAFETY: the caller hands over a valid node that nobody else uses now.
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
    #[inline(always)]
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

#[cfg(test)]
mod tests {
    use super::testing::{CallbackAction, CoreOp, Interrupt, Scheduler, Step, TestNode};
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::vec::Vec;

    #[test]
    fn scheduling_wakes_an_idle_scheduler_and_leaves_a_locked_one_alone() {
        assert_eq!(State::IDLE.scheduled(), State::PENDING);
        assert_eq!(State::PENDING.scheduled(), State::PENDING);
        assert_eq!(State(-3).scheduled(), State(-3));
    }

    #[test]
    fn work_may_run_when_something_waits_and_nothing_is_locked() {
        let pending = [State::PENDING, State::IDLE, State::LOCKED].map(State::is_pending);
        assert_eq!(pending, [true, false, false]);
    }

    #[test]
    fn locks_nest_and_only_the_last_unlock_looks_for_work() {
        for unlocked in [State::IDLE, State::PENDING] {
            let twice = unlocked.locked().locked();
            assert_eq!(twice, State(-2));
            let once = twice.unlocked(|| unreachable!("still locked"));
            assert_eq!(once, State::LOCKED);
            assert_eq!(once.unlocked(|| true), State::PENDING);
            assert_eq!(once.unlocked(|| false), State::IDLE);
        }
    }

    #[test]
    fn the_depth_counts_the_locks() {
        for unlocked in [State::IDLE, State::PENDING] {
            let depths = [unlocked, unlocked.locked(), unlocked.locked().locked()];
            assert_eq!(depths.map(State::lock_depth), [0, 1, 2]);
        }
    }

    #[test]
    fn a_full_ring_refuses_and_loses_nothing() {
        let mut ring = Ring::<4> { first: 3, len: 0 };
        let taken: Vec<_> = (0..4).map(|_| ring.push().unwrap().index()).collect();
        assert_eq!(taken, [3, 0, 1, 2]);
        let before = ring;
        assert_eq!(ring.push(), Err(Full));
        assert_eq!(ring, before);
        assert_eq!(ring.pop().map(Slot::index), Some(3));
    }

    proptest! {
        #[test]
        fn a_ring_is_a_bounded_queue(start in 0u8..8, pushes in proptest::collection::vec(any::<bool>(), 0..200)) {
            let mut ring = Ring::<8> { first: start, len: 0 };
            let mut storage = [0usize; 8];
            let mut model = VecDeque::new();
            for (id, push) in pushes.into_iter().enumerate() {
                if push {
                    match ring.push() {
                        Ok(slot) => { storage[slot.index()] = id; model.push_back(id); }
                        Err(Full) => prop_assert_eq!(model.len(), 8),
                    }
                } else {
                    prop_assert_eq!(ring.pop().map(|slot| storage[slot.index()]), model.pop_front());
                }
                prop_assert_eq!(ring.len as usize, model.len());
            }
        }
    }

    #[test]
    fn a_queued_node_is_refused_until_it_has_been_popped() {
        let mut a = TestNode::new();
        let node = NonNull::from(&mut a);
        let mut list = NodeList {
            head: None,
            tail: None,
        };
        // SAFETY: `a` outlives the list and is reached through `node` alone.
        unsafe {
            assert_eq!(list.push(node, 1), Ok(()));
            assert_eq!(list.push(node, 2), Err(AlreadyQueued));
            assert_eq!(list.pop(), Some((node, Some(1))));
            assert_eq!(list.push(node, 3), Ok(()));
            assert_eq!(list.pop(), Some((node, Some(3))));
            assert_eq!(list.pop(), None);
        }
        assert!(list.tail.is_none());
    }

    proptest! {
        #[test]
        fn a_node_list_is_a_queue_of_distinct_nodes(ops in proptest::collection::vec((any::<bool>(), 0usize..5), 0..100)) {
            let mut nodes: [TestNode; 5] = core::array::from_fn(|_| TestNode::new());
            let nodes: [NonNull<TestNode>; 5] = nodes.each_mut().map(NonNull::from);
            let mut list = NodeList { head: None, tail: None };
            let mut model: VecDeque<(usize, u32)> = VecDeque::new();
            for (id, (push, which)) in ops.into_iter().enumerate() {
                let id = id as u32;
                if push {
                    let queued = model.iter().any(|&(n, _)| n == which);
                    // SAFETY: the nodes outlive the list and are reached through these pointers alone.
                    let pushed = unsafe { list.push(nodes[which], id) };
                    prop_assert_eq!(pushed.is_err(), queued);
                    if !queued {
                        model.push_back((which, id));
                    }
                } else {
                    // SAFETY: as above.
                    let popped = unsafe { list.pop() };
                    let expected = model.pop_front().map(|(n, id)| (nodes[n], Some(id)));
                    prop_assert_eq!(popped, expected);
                }
            }
        }
    }

    fn action() -> impl Strategy<Value = CallbackAction> {
        prop_oneof![
            Just(CallbackAction::Nothing),
            Just(CallbackAction::Schedules),
            Just(CallbackAction::SchedulesNode),
            Just(CallbackAction::Locks),
            Just(CallbackAction::Pends),
            Just(CallbackAction::Interrupts),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        let main = prop_oneof![
            4 => Just(CoreOp::Schedule { function: 0, argument: 0 }),
            4 => (0usize..5).prop_map(|node| CoreOp::ScheduleNode { node }),
            1 => Just(CoreOp::SchedLock),
            2 => Just(CoreOp::SchedUnlock),
            6 => (0u8..2).prop_map(|how| CoreOp::Pending { how, abort_buffer: false }),
            1 => Just(CoreOp::Exception { chunk: 0 }),
            1 => action().prop_map(|action| CoreOp::Callback { action }),
        ];
        let interrupt = prop_oneof![
            4 => Just(Interrupt::Schedule),
            4 => (0usize..5).prop_map(|node| Interrupt::ScheduleNode { node }),
            1 => Just(Interrupt::Lock),
            2 => Just(Interrupt::Unlock),
            2 => Just(Interrupt::Locked),
            1 => Just(Interrupt::Exception),
        ];
        prop_oneof![
            main.prop_map(Step::Main),
            (0u8..6, interrupt).prop_map(|(after, op)| Step::Interrupt { after, op }),
        ]
    }

    proptest! {
        #[test]
        fn interrupts_between_any_two_steps_lose_nothing(first: u8, steps in proptest::collection::vec(step(), 0..200)) {
            Scheduler::<4>::new(first).run(&steps);
        }
    }

    #[test]
    fn a_node_that_queues_itself_runs_again_in_the_next_pass_only() {
        let mut scheduler = Scheduler::<4>::new(0);
        let action = CallbackAction::SchedulesNode;
        let pending = CoreOp::Pending {
            how: 0,
            abort_buffer: false,
        };
        scheduler.step(Step::Main(CoreOp::Callback { action }));
        scheduler.step(Step::Main(CoreOp::ScheduleNode { node: 3 }));
        scheduler.step(Step::Main(pending));
        assert_eq!(scheduler.ran, 1);
        scheduler.step(Step::Main(pending));
        assert_eq!(scheduler.ran, 2);
        scheduler.finish();
    }

    #[test]
    #[should_panic(expected = "callbacks run in order")]
    fn a_lost_callback_is_noticed() {
        let mut scheduler = Scheduler::<4>::new(0);
        scheduler.step(Step::Main(CoreOp::Schedule {
            function: 0,
            argument: 0,
        }));
        scheduler.spoil();
        scheduler.finish();
    }
}
