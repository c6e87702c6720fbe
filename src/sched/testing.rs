//! A host for tests: a scheduler with interrupts between any two of its steps, and a naive model of
//! it. The functions under test are those that ship ([`crate::sched::run_pending`] and the others).
//!
//! ```text
//!   main program   |lock|   |unlock|      |pending: take node|  callback  |take callback| ...
//!   interrupts          ^ ^          ^ ^                      ^          ^
//! ```

mod host;
mod model;
mod steps;

use super::{Counts, Node, NodeList, Ring, State};
use core::cell::{Cell, RefCell};
use core::ptr::NonNull;
use model::Model;
use std::boxed::Box;
use std::collections::VecDeque;
use std::vec::Vec;

pub use crate::heap::testing::{CallbackAction, CoreOp};

/// One step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The main program does it.
    Main(CoreOp),
    /// An interrupt does it after `after` more of the points where one may come.
    Interrupt {
        /// Counted from when the interrupt before it came.
        after: u8,
        /// What it does.
        op: Interrupt,
    },
}

/// What a hard interrupt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// Queues a callback.
    Schedule,
    /// Queues a static node.
    ScheduleNode {
        /// Which, modulo.
        node: usize,
    },
    /// Locks; a later one unlocks, or the main program.
    Lock,
    /// Undoes a lock.
    Unlock,
    /// Locks, lets others come, and unlocks.
    Locked,
    /// Leaves an exception.
    Exception,
    /// Requests an abort of the VM.
    Abort,
}

/// How many static nodes there are.
pub const NODES: usize = 5;

/// A static node of a test.
pub struct TestNode {
    callback: Option<u32>,
    next: Option<NonNull<TestNode>>,
}

impl TestNode {
    /// A node that is not queued.
    pub const fn new() -> Self {
        TestNode {
            callback: None,
            next: None,
        }
    }
}

impl Default for TestNode {
    fn default() -> Self {
        Self::new()
    }
}

impl Node for TestNode {
    type Callback = u32;
    fn callback(&mut self) -> &mut Option<u32> {
        &mut self.callback
    }
    fn next(&mut self) -> &mut Option<NonNull<Self>> {
        &mut self.next
    }
}

/// The current operation, so that the model knows what the sections should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Schedule(u32),
    Node(usize, u32),
    Lock,
    Unlock,
    /// A pass that has not begun, or does not because the scheduler is locked.
    Pass,
    /// It takes nodes.
    Nodes,
    /// It has taken its callback, or found none.
    Called,
    Else,
}

/// A scheduler for `DEPTH` callbacks, and its model.
pub struct Scheduler<const DEPTH: usize> {
    state: Cell<State>,
    ring: Cell<Ring<DEPTH>>,
    queue: [Cell<u32>; DEPTH],
    /// The oldest and the newest node.
    ends: Cell<[Option<NonNull<TestNode>>; 2]>,
    nodes: [NonNull<TestNode>; NODES],
    exception: Cell<bool>,
    abort: Cell<bool>,
    /// Whether an abort has a buffer to land in.
    abort_buffer: Cell<bool>,
    in_section: Cell<bool>,
    counts: Cell<Counts>,
    doing: RefCell<Vec<Doing>>,
    /// The callback that a section has put into the ring.
    put: Cell<Option<u32>>,
    /// The node that a section has taken, with the callback that is to be called.
    taken: Cell<Option<(usize, u32)>>,
    /// How many guards are linked.
    guards: Cell<usize>,
    /// Locks that steps of the trace took and have not undone.
    locks: Cell<usize>,
    /// Whether an exception is being left: between its read and its write of the state.
    between: Cell<bool>,
    serial: Cell<u32>,
    action: Cell<CallbackAction>,
    interrupts: RefCell<VecDeque<(u8, Interrupt)>>,
    model: RefCell<Model<DEPTH>>,
    interrupted: Cell<usize>,
    ran: Cell<usize>,
    refused: Cell<usize>,
    jumps: Cell<usize>,
}

impl<const DEPTH: usize> Scheduler<DEPTH> {
    /// An idle one whose ring starts at that slot.
    pub fn new(first: u8) -> Self {
        let node = || NonNull::from(Box::leak(Box::new(TestNode::new())));
        Scheduler {
            state: Cell::new(State::IDLE),
            ring: Cell::new(Ring {
                first: first & (DEPTH - 1) as u8,
                len: 0,
            }),
            queue: [const { Cell::new(0) }; DEPTH],
            ends: Cell::new([None, None]),
            nodes: core::array::from_fn(|_| node()),
            exception: Cell::new(false),
            abort: Cell::new(false),
            abort_buffer: Cell::new(false),
            in_section: Cell::new(false),
            counts: Cell::new(Counts::NONE),
            doing: RefCell::default(),
            put: Cell::new(None),
            taken: Cell::new(None),
            guards: Cell::new(0),
            locks: Cell::new(0),
            between: Cell::new(false),
            serial: Cell::new(0),
            action: Cell::new(CallbackAction::Nothing),
            interrupts: RefCell::default(),
            model: RefCell::default(),
            interrupted: Cell::new(0),
            ran: Cell::new(0),
            refused: Cell::new(0),
            jumps: Cell::new(0),
        }
    }

    /// How many interrupts have come.
    pub fn interrupted(&self) -> usize {
        self.interrupted.get()
    }

    /// How many callbacks and nodes have run.
    pub fn ran(&self) -> usize {
        self.ran.get()
    }

    /// How many callbacks were refused.
    pub fn refused(&self) -> usize {
        self.refused.get()
    }

    /// How many aborts have landed.
    pub fn jumps(&self) -> usize {
        self.jumps.get()
    }

    /// Drops the newest callback, to test that the checks detect it.
    pub fn spoil(&self) {
        let ring = self.ring.get();
        self.ring.set(Ring {
            len: ring.len.saturating_sub(1),
            ..ring
        });
    }

    /// The number of a node.
    fn number(&self, node: NonNull<TestNode>) -> usize {
        let found = self.nodes.iter().position(|&n| n == node);
        found.expect("a node that was queued once")
    }

    fn list(&self) -> NodeList<TestNode> {
        let [head, tail] = self.ends.get();
        NodeList { head, tail }
    }
}

impl<const DEPTH: usize> Drop for Scheduler<DEPTH> {
    fn drop(&mut self) {
        for node in self.nodes {
            // SAFETY: `new` made it with Box, and nobody refers to it any more.
            drop(unsafe { Box::from_raw(node.as_ptr()) });
        }
    }
}
