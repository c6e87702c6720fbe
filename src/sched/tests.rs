//! The values, and the operations on them with interrupts between their steps.

use super::testing::{CallbackAction, CoreOp, Interrupt, Scheduler, Step, TestNode};
use super::*;
use core::cell::{Cell, RefCell};
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

/// Numbers become a step: `prop_oneof!` makes a generator for each of its choices, which takes
/// longer than the step.
fn step() -> impl Strategy<Value = Step> {
    const ACTIONS: [CallbackAction; 6] = [
        CallbackAction::Nothing,
        CallbackAction::Schedules,
        CallbackAction::SchedulesNode,
        CallbackAction::Locks,
        CallbackAction::Pends,
        CallbackAction::Interrupts,
    ];
    let main = |weight, a: u8, b: u8| match weight {
        0..4 => CoreOp::Schedule {
            function: 0,
            argument: 0,
        },
        4..8 => CoreOp::ScheduleNode {
            node: usize::from(a % 5),
        },
        8 => CoreOp::SchedLock,
        9..11 => CoreOp::SchedUnlock,
        11..17 => CoreOp::Pending {
            how: a % 3,
            abort_buffer: b % 2 == 1,
        },
        17 => CoreOp::Exception { chunk: 0 },
        18 => CoreOp::VmAbort,
        _ => CoreOp::Callback {
            action: ACTIONS[usize::from(a) % ACTIONS.len()],
        },
    };
    let interrupt = |weight, a: u8| match weight {
        0..4 => Interrupt::Schedule,
        4..8 => Interrupt::ScheduleNode {
            node: usize::from(a % 5),
        },
        8 => Interrupt::Lock,
        9..11 => Interrupt::Unlock,
        11..13 => Interrupt::Locked,
        13 => Interrupt::Exception,
        _ => Interrupt::Abort,
    };
    any::<[u8; 4]>().prop_map(move |[kind, weight, a, b]| {
        if kind % 2 == 0 {
            Step::Main(main(weight % 20, a, b))
        } else {
            let op = interrupt(weight % 15, a);
            Step::Interrupt { after: b % 6, op }
        }
    })
}

/// The most steps of a drawn run.
const STEPS: usize = if cfg!(miri) { 50 } else { 200 };

proptest! {
    #[test]
    fn interrupts_between_any_two_steps_lose_nothing(first: u8, steps in proptest::collection::vec(step(), 0..STEPS)) {
        Scheduler::<4>::new(first).run(&steps);
    }
}

#[test]
fn a_node_that_queues_itself_runs_again_in_the_next_pass_only() {
    let scheduler = Scheduler::<4>::new(0);
    let action = CallbackAction::SchedulesNode;
    let pending = CoreOp::Pending {
        how: 0,
        abort_buffer: false,
    };
    scheduler.step(Step::Main(CoreOp::Callback { action }));
    scheduler.step(Step::Main(CoreOp::ScheduleNode { node: 3 }));
    scheduler.step(Step::Main(pending));
    assert_eq!(scheduler.ran(), 1);
    scheduler.step(Step::Main(pending));
    assert_eq!(scheduler.ran(), 2);
    scheduler.finish();
}

#[test]
fn an_abort_lands_once_and_where_it_is_asked_for() {
    const CLEAR: u8 = 0;
    const RAISE: u8 = 1;
    const CALLBACKS_ONLY: u8 = 2;
    for (first, landed) in [(CLEAR, [0, 0]), (RAISE, [1, 1]), (CALLBACKS_ONLY, [0, 1])] {
        let scheduler = Scheduler::<4>::new(0);
        scheduler.step(Step::Main(CoreOp::VmAbort));
        let landed_then = [first, RAISE].map(|how| {
            let abort_buffer = true;
            scheduler.step(Step::Main(CoreOp::Pending { how, abort_buffer }));
            scheduler.jumps()
        });
        assert_eq!(landed_then, landed);
    }
}

/// A callback or a node that handles an abort leaves the pass.
fn an_abort_leaves(queue: CoreOp) {
    let scheduler = Scheduler::<4>::new(0);
    let action = CallbackAction::Pends;
    let pending = CoreOp::Pending {
        how: 2,
        abort_buffer: true,
    };
    scheduler.step(Step::Main(CoreOp::Callback { action }));
    scheduler.step(Step::Main(CoreOp::VmAbort));
    scheduler.step(Step::Main(queue));
    scheduler.step(Step::Main(pending));
    assert_eq!((scheduler.ran(), scheduler.jumps()), (1, 1));
    scheduler.step(Step::Main(queue));
    scheduler.step(Step::Main(pending));
    assert_eq!((scheduler.ran(), scheduler.jumps()), (2, 1));
    scheduler.finish();
}

#[test]
fn an_abort_in_a_callback_leaves_the_scheduler_unlocked() {
    an_abort_leaves(CoreOp::Schedule {
        function: 0,
        argument: 0,
    });
}

#[test]
fn an_abort_in_a_node_leaves_the_scheduler_unlocked() {
    an_abort_leaves(CoreOp::ScheduleNode { node: 1 });
}

#[test]
#[should_panic(expected = "callbacks run in order")]
fn a_lost_callback_is_noticed() {
    let scheduler = Scheduler::<4>::new(0);
    scheduler.step(Step::Main(CoreOp::Schedule {
        function: 0,
        argument: 0,
    }));
    scheduler.spoil();
    scheduler.finish();
}

/// The smallest possible host: no nodes, no other work, no abort; unlocks are checked.
struct Least {
    state: Cell<State>,
    more_locks: Cell<usize>,
    ring: Cell<Ring<2>>,
    queue: [Cell<u32>; 2],
    exception: Cell<Option<u32>>,
    log: RefCell<Vec<u32>>,
}

impl Least {
    fn new() -> Self {
        Least {
            state: Cell::new(State::IDLE),
            more_locks: Cell::new(0),
            ring: Cell::new(Ring { first: 0, len: 0 }),
            queue: [const { Cell::new(0) }; 2],
            exception: Cell::new(None),
            log: RefCell::default(),
        }
    }
}

// SAFETY: the values are cells that only this changes; there are no nodes.
unsafe impl Host<2> for &Least {
    type Node = core::convert::Infallible;
    type Call = u32;
    type Section = ();
    type Guard = ();
    const CHECKED: bool = true;

    fn begin(self) {}
    fn end(self, (): ()) {}
    fn state(self) -> State {
        self.state.get()
    }
    fn set_state(self, state: State) {
        self.state.set(state);
    }
    fn more_locks(self) -> usize {
        self.more_locks.get()
    }
    fn set_more_locks(self, more: usize) {
        self.more_locks.set(more);
    }
    fn ring(self) -> Ring<2> {
        self.ring.get()
    }
    fn set_ring(self, ring: Ring<2>) {
        self.ring.set(ring);
    }
    fn put(self, slot: Slot, call: u32) {
        self.queue[slot.index()].set(call);
    }
    fn take(self, slot: Slot) -> u32 {
        self.queue[slot.index()].get()
    }
    unsafe fn call_node(self, _: NonNull<Self::Node>, callback: Self::Node) {
        match callback {}
    }
    unsafe fn call(self, call: u32) {
        self.log.borrow_mut().push(call);
    }
    fn guard(self) {}
    unsafe fn link(self, _: *mut ()) {}
    unsafe fn unlink(self, _: *mut ()) {}
}

impl Raise for &Least {
    type Exception = u32;
    fn exception_waits(self) -> bool {
        self.exception.get().is_some()
    }
    fn take_exception(self) -> Option<u32> {
        self.exception.take()
    }
    unsafe fn raise(self, exception: u32) {
        self.log.borrow_mut().push(exception);
    }
    unsafe fn run_due(self) {
        // SAFETY: nothing jumps.
        unsafe { run_due(self, || true) }
    }
}

#[test]
fn an_unlock_without_a_lock_is_refused_where_it_is_checked() {
    let least = &Least::new();
    for state in [State::IDLE, State::PENDING] {
        least.state.set(state);
        assert!(!unlock(least));
        assert_eq!(least.state.get(), state);
    }
    lock(least);
    assert!(unlock(least));
    assert_eq!(least.state.get(), State::IDLE, "nothing else wakes it");
}

#[test]
fn locks_beyond_the_state_s_range_are_counted() {
    let least = &Least::new();
    let seen = || (least.state.get().lock_depth(), least.more_locks.get());
    least.state.set(State(1 - i16::MAX));
    let locked = [(); 3].map(|()| {
        lock(least);
        seen()
    });
    assert_eq!(locked, [(i16::MAX, 0), (i16::MAX, 1), (i16::MAX, 2)]);
    let unlocked = [(); 4].map(|()| (unlock(least), seen()).1);
    let deepest = i16::MAX;
    assert_eq!(
        unlocked,
        [
            (deepest, 1),
            (deepest, 0),
            (deepest - 1, 0),
            (deepest - 2, 0)
        ]
    );
    // If even these overflow, it stays locked.
    least.state.set(State(-i16::MAX));
    least.more_locks.set(usize::MAX - 1);
    lock(least);
    lock(least);
    assert!(unlock(least));
    assert_eq!(seen(), (i16::MAX, usize::MAX));
}

#[test]
fn a_pass_says_whether_there_was_anything_to_do() {
    let least = &Least::new();
    // SAFETY: nothing jumps.
    let run = || unsafe { run_pending(least) };
    assert!(!run());
    assert!(schedule(least, 5) && schedule(least, 6) && !schedule(least, 7));
    lock(least);
    assert!(!run());
    unlock(least);
    assert!(run() && run() && !run());
    assert_eq!(*least.log.borrow(), [5, 6]);
}

#[test]
fn what_is_raised_comes_before_what_is_scheduled() {
    for (what, log, left) in [
        (Pending::Raise, &[8][..], None),
        (Pending::Clear, &[5], None),
        (Pending::CallbacksOnly, &[5], Some(8)),
    ] {
        let least = &Least::new();
        schedule(least, 5);
        least.exception.set(Some(8));
        // SAFETY: nothing jumps.
        unsafe { handle_pending(least, what) };
        assert_eq!(
            (&least.log.borrow()[..], least.exception.get()),
            (log, left)
        );
    }
}
