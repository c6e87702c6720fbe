//! The other operations of the four files: the Python stack, the scheduler, jumps.

use super::op::Op;

/// One step of a trace over all that the library replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Of the heap.
    Heap(Op),
    /// Of the rest.
    Core(CoreOp),
}

/// One step of the Python stack, the scheduler or nlr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "fields say what they are; `chunk` picks one of the live chunks, modulo"
)]
pub enum CoreOp {
    /// Takes a chunk of the Python stack; it raises when the stack is exhausted.
    PystackAlloc {
        bytes: usize,
    },
    /// Frees a chunk of the Python stack and all above it.
    PystackFree {
        chunk: usize,
    },
    /// Writes the address of a chunk of the heap into one of the Python stack: a root.
    PystackRoot {
        chunk: usize,
        to: usize,
    },
    /// Makes a chunk look like an object of one of the types that a dump knows.
    Type {
        chunk: usize,
        number: usize,
    },
    /// Queues a Python callback: both are chunks of the heap, and roots while they wait.
    Schedule {
        function: usize,
        argument: usize,
    },
    ScheduleNode {
        node: usize,
    },
    SchedLock,
    SchedUnlock,
    /// Runs what waits; `how` selects one of the five functions that do.
    Pending {
        how: u8,
        abort_buffer: bool,
    },
    /// Leaves an exception, a chunk of the heap, for the main thread.
    Exception {
        chunk: usize,
    },
    KeyboardInterrupt,
    VmAbort,
    Callback {
        action: CallbackAction,
    },
    /// Pushes buffers and callbacks and jumps: three bits of the plan define each level.
    Jump {
        plan: u64,
        levels: u8,
    },
}

/// What a scheduled callback does when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackAction {
    /// Nothing.
    Nothing,
    /// Raises; the exception is caught.
    Raises,
    /// Queues itself again.
    Schedules,
    /// Queues a static node.
    SchedulesNode,
    /// Locks the scheduler and unlocks it.
    Locks,
    /// Allocates.
    Allocates,
    /// Collects.
    Collects,
    /// Looks for work; there is none while it runs.
    Pends,
    /// Leaves a KeyboardInterrupt.
    Interrupts,
}

impl CallbackAction {
    /// Each of them.
    pub const ALL: [Self; 9] = [
        Self::Nothing,
        Self::Raises,
        Self::Schedules,
        Self::SchedulesNode,
        Self::Locks,
        Self::Allocates,
        Self::Collects,
        Self::Pends,
        Self::Interrupts,
    ];
}
