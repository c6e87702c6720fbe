//! The naive expectation: unlimited queues, and a number of locks.

use std::collections::VecDeque;

use crate::sched::Counts;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Model<const DEPTH: usize> {
    callbacks: VecDeque<u32>,
    nodes: VecDeque<(usize, u32)>,
    locks: i16,
    /// Nodes that the current pass still has to run.
    pass: usize,
    /// Whether an exception is pending, and the state reflects it.
    pub(super) exception: bool,
    /// The most callbacks and nodes that waited, and the callbacks that were refused.
    counted: (usize, usize, u32),
}

impl<const DEPTH: usize> Model<DEPTH> {
    pub(super) fn schedule(&mut self, id: u32, queued: bool) {
        let waiting = self.callbacks.len();
        let fits = waiting < DEPTH;
        assert_eq!(queued, fits, "one more callback to {waiting} of {DEPTH}");
        if queued {
            self.callbacks.push_back(id);
            self.counted.0 = self.counted.0.max(self.callbacks.len());
        } else {
            self.counted.2 += 1;
        }
    }

    pub(super) fn schedule_node(&mut self, node: usize, id: u32, queued: bool) {
        let waits = self.nodes.iter().any(|&(n, _)| n == node);
        assert_eq!(queued, !waits, "node {node} is queued (it waits: {waits})");
        if queued {
            self.nodes.push_back((node, id));
            self.counted.1 = self.counted.1.max(self.nodes.len());
        }
    }

    pub(super) fn lock(&mut self) {
        self.locks += 1;
    }

    pub(super) fn unlock(&mut self) {
        self.locks -= 1;
    }

    /// Only nodes that wait now run in this pass.
    pub(super) fn begin_pass(&mut self) {
        assert_eq!(self.locks, 0, "work runs though the scheduler is locked");
        self.locks = 1;
        self.pass = self.nodes.len();
    }

    /// The node that has to run, and its argument.
    pub(super) fn node_runs(&mut self, node: usize) -> (usize, u32) {
        assert!(self.pass > 0, "node {node} runs in the pass it came in");
        self.pass -= 1;
        let expected = self.nodes.pop_front().expect("the pass has a node left");
        assert_eq!(node, expected.0, "nodes run in order");
        expected
    }

    /// The pass's one callback, or none.
    pub(super) fn callback_runs(&mut self, id: Option<u32>) {
        assert_eq!(self.pass, 0, "nodes are left at the callback's turn");
        assert_eq!(id, self.callbacks.pop_front(), "callbacks run in order");
    }

    pub(super) fn is_empty(&self) -> bool {
        self.callbacks.is_empty() && self.nodes.is_empty() && !self.exception
    }

    /// The counts that the scheduler must have.
    pub(super) fn check_counts(&self, counts: Counts) {
        let found = (counts.most_calls(), counts.most_nodes(), counts.refused());
        assert_eq!(found, self.counted, "what is counted");
    }

    /// What the state must be: the locks as they are, and no work that it does not show.
    pub(super) fn check(&self, state: i16) {
        if self.locks > 0 {
            assert_eq!(state, -self.locks, "the depth of the lock");
        } else if self.is_empty() {
            // an exception that was taken leaves it pending
            assert!(state == 0 || state == 1, "state {state} without a lock");
        } else {
            assert_eq!(state, 0, "work waits: {self:?}");
        }
    }
}
