//! What the scheduler counts: how much waited at most, and what was refused.
//!
//! When a call is queued, how many wait is compared with the depth of the queue. A scheduler that
//! counts compares it with the most that ever waited in place of that, and with the depth only
//! where that is exceeded: so queueing a call takes no instruction more.

/// What is counted. It is read and written in atomic sections alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    most_calls: u16,
    most_nodes: u16,
    nodes: u16,
    refused: u32,
}

impl Counts {
    /// Nothing has waited.
    pub const NONE: Counts = Counts {
        most_calls: 0,
        most_nodes: 0,
        nodes: 0,
        refused: 0,
    };

    /// The most calls that ever waited.
    pub const fn most_calls(&self) -> usize {
        self.most_calls as usize
    }

    /// The most static nodes that ever waited.
    pub const fn most_nodes(&self) -> usize {
        self.most_nodes as usize
    }

    /// Calls that found the queue full.
    pub const fn refused(&self) -> u32 {
        self.refused
    }

    /// Everything anew, but for the nodes that wait.
    pub const fn reset(&mut self) {
        *self = Counts {
            nodes: self.nodes,
            ..Counts::NONE
        };
    }

    /// One call more than `waiting` waits, which is the most, unless no slot is left for it; says
    /// whether there is.
    pub(super) const fn most(&mut self, waiting: usize, depth: usize) -> bool {
        if waiting < depth {
            self.most_calls = waiting as u16 + 1;
        } else {
            self.refused = self.refused.wrapping_add(1);
        }
        waiting < depth
    }

    /// A node was queued. Counted from the first one on, for a port may empty the list.
    pub(super) const fn node_queued(&mut self, alone: bool) {
        self.nodes = if alone { 1 } else { self.nodes.wrapping_add(1) };
        if self.nodes > self.most_nodes {
            self.most_nodes = self.nodes;
        }
    }

    /// A node was taken from the list.
    pub(super) const fn node_taken(&mut self) {
        self.nodes = self.nodes.saturating_sub(1);
    }
}
