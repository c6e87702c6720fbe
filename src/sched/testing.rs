//! A scheduler over its own words, as a port has it, with interrupts between any two of its steps; and what
//! is naively expected of it.
//!
//! ```text
//!   main program   |lock|   |unlock|      |pending: take node|  callback  |take callback| ...
//!   interrupts          ^ ^          ^ ^                      ^          ^
//! ```
//!
//! What a port does inside an atomic section is one step here. `src/host/sched.rs` does the same steps in the
//! same order over `mp_state_ctx`.

mod model;
mod run;

use super::{Node, NodeList, Ring, State};
use core::ptr::NonNull;
use model::Model;
use std::boxed::Box;
use std::collections::VecDeque;

pub use crate::heap::testing::{CallbackAction, CoreOp};

/// One step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The main program does it.
    Main(CoreOp),
    /// An interrupt does it when `after` more points where it may come have passed.
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

/// A scheduler with room for `DEPTH` callbacks, and its model.
pub struct Scheduler<const DEPTH: usize> {
    state: State,
    ring: Ring<DEPTH>,
    queue: [u32; DEPTH],
    list: NodeList<TestNode>,
    nodes: [NonNull<TestNode>; NODES],
    exception: bool,
    /// Locks that steps of the trace took and have not undone.
    locks: usize,
    /// Whether an exception is being left: between its read and its write of the state.
    between: bool,
    serial: u32,
    action: CallbackAction,
    interrupts: VecDeque<(u8, Interrupt)>,
    model: Model<DEPTH>,
    /// How many interrupts have come.
    pub interrupted: usize,
    /// How many callbacks and nodes have run.
    pub ran: usize,
    /// How many callbacks were refused.
    pub refused: usize,
}

impl<const DEPTH: usize> Scheduler<DEPTH> {
    /// An idle one whose ring starts at that slot.
    pub fn new(first: u8) -> Self {
        let node = || NonNull::from(Box::leak(Box::new(TestNode::new())));
        Scheduler {
            state: State::IDLE,
            ring: Ring {
                first: first & (DEPTH - 1) as u8,
                len: 0,
            },
            queue: [0; DEPTH],
            list: NodeList {
                head: None,
                tail: None,
            },
            nodes: core::array::from_fn(|_| node()),
            exception: false,
            locks: 0,
            between: false,
            serial: 0,
            action: CallbackAction::Nothing,
            interrupts: VecDeque::new(),
            model: Model::default(),
            interrupted: 0,
            ran: 0,
            refused: 0,
        }
    }

    /// Forgets the newest callback, to see whether that is noticed.
    pub fn spoil(&mut self) {
        self.ring.len = self.ring.len.saturating_sub(1);
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

/// The number of a node.
fn number(nodes: &[NonNull<TestNode>], node: NonNull<TestNode>) -> usize {
    let found = nodes.iter().position(|&n| n == node);
    found.expect("a node that was queued once")
}
