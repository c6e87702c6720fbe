//! The options that tests and fuzzers run heaps with.

use super::host::Options;
use crate::heap::Pace;

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident, $entry:ty, { $($const:ident: $t:ty = $value:expr),* $(,)? };)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name;
        impl Options for $name {
            $(const $const: $t = $value;)*
            type Entry = $entry;
        }
    )* };
}

options! {
    /// The options of most ports.
    Plain, usize, { STATS: bool = false };
    /// The same, and counts.
    Counted, usize, {};
    /// The same, and reports what happens.
    Traced, usize, { TRACE: bool = true };
    /// A small mark stack.
    SmallStack, u16, { STACK_ENTRIES: usize = 8, CONSERVATIVE_CLEAR: bool = false };
    /// No finaliser table, so no spare codes for grey objects.
    NoFinaliser, usize, { FINALISER: bool = false, STACK_ENTRIES: usize = 8 };
    /// The smallest blocks, zeroed as they die.
    TinyBlocks, u32, { BLOCK_BYTES: usize = 16, CLEAR_ON_SWEEP: bool = true };
    /// Large blocks.
    BigBlocks, usize, { BLOCK_BYTES: usize = 128, CONSERVATIVE_CLEAR: bool = false };
    /// Several areas.
    Split, usize, { SPLIT: bool = true, STACK_ENTRIES: usize = 8 };
    /// Several areas, and entries of the mark stack that are too narrow for large ones.
    SplitNoFinaliser, u8, { SPLIT: bool = true, FINALISER: bool = false };
    /// Counts the steps of long loops.
    Steps, usize, { STATS: bool = false, STACK_ENTRIES: usize = 8, HOOK: bool = true };
    /// The same with several areas.
    SplitSteps, usize, { STATS: bool = false, STACK_ENTRIES: usize = 8, HOOK: bool = true, SPLIT: bool = true };
    /// Logs events.
    Verbose, usize, { VERBOSE: bool = true };
    /// The same, with areas that come and go by themselves.
    VerboseAuto, usize, { VERBOSE: bool = true, SPLIT: bool = true, SPLIT_AUTO: bool = true };
    /// Reports changes, and logs only marks.
    Aids, usize, { PROFILE: bool = true, LOG_MARKS: bool = true };
    /// Asks whether a root may be read.
    CheckRoots, usize, { CHECK_ROOTS: bool = true };
    /// Looks for faults of the program.
    Hardened, usize, { HARDENED: bool = true };
    /// The same with several areas.
    HardenedSplit, u16, { HARDENED: bool = true, SPLIT: bool = true, FINALISER: bool = false, CONSERVATIVE_CLEAR: bool = false };
    /// The same with areas that come and go by themselves.
    HardenedAuto, usize, { HARDENED: bool = true, SPLIT: bool = true, SPLIT_AUTO: bool = true };
    /// Data without pointers is not read.
    Noscan, u16, { NOSCAN: bool = true, STACK_ENTRIES: usize = 8 };
    /// The same, with several areas, the smallest blocks, and next to no mark stack.
    NoscanSplit, usize, { NOSCAN: bool = true, SPLIT: bool = true, FINALISER: bool = false, BLOCK_BYTES: usize = 16, STACK_ENTRIES: usize = 2 };
    /// The same when hardened.
    NoscanHardened, usize, { NOSCAN: bool = true, HARDENED: bool = true };
    /// The same, counting the steps of long loops.
    NoscanSteps, usize, { STATS: bool = false, NOSCAN: bool = true, HOOK: bool = true };
    /// Collects after each fourth of the heap.
    Paced, usize, { PACE: Pace = Pace::OfHeap(4), SPLIT: bool = true };
    /// Collects when one or two thirds of what was free are used.
    PacedByFree, usize, { PACE: Pace = Pace::OfFree(3) };
    /// The same with several areas, the smallest blocks and no finalisers.
    PacedSplit, u16, { PACE: Pace = Pace::OfFree(2), SPLIT: bool = true, FINALISER: bool = false, BLOCK_BYTES: usize = 16 };
    /// The same with areas that are added and given back by themselves; the model does not know
    /// these.
    PacedAuto, usize, { PACE: Pace = Pace::OfHeap(4), SPLIT: bool = true, SPLIT_AUTO: bool = true };
    /// As in releases before 1.25: finalisers in the sweep.
    Before25, usize, { FINALISER_PASS: bool = false, STACK_ENTRIES: usize = 8, CLEAR_ON_SWEEP: bool = true };
    /// As in releases before 1.21: no highest used block besides.
    Before21, u16, { FINALISER_PASS: bool = false, LAST_USED: bool = false, SPLIT: bool = true };
    /// Weak references (1.28 on).
    Weakref, usize, { WEAKREF: bool = true, STACK_ENTRIES: usize = 8 };
    /// The same without finalisers.
    WeakrefAlone, usize, { WEAKREF: bool = true, FINALISER: bool = false, SPLIT: bool = true };
    /// Chunks that are marked and not read (CircuitPython).
    Selective, u16, { SELECTIVE_COLLECT: bool = true, STACK_ENTRIES: usize = 8, MONITOR: bool = true };
    /// The same with several areas, the smallest blocks and no finalisers.
    SelectiveSplit, usize, { SELECTIVE_COLLECT: bool = true, SPLIT: bool = true, FINALISER: bool = false, BLOCK_BYTES: usize = 16, STACK_ENTRIES: usize = 2 };
    /// The same with every other table and option that there is.
    SelectiveHardened, usize, { SELECTIVE_COLLECT: bool = true, WEAKREF: bool = true, HARDENED: bool = true, NOSCAN: bool = true, MONITOR: bool = true };
    /// The same with areas that come and go by themselves, as large as their blocks need.
    SelectiveAuto, usize, { SELECTIVE_COLLECT: bool = true, SPLIT: bool = true, SPLIT_AUTO: bool = true, GROW_BY_BLOCKS: bool = true };
    /// Areas that are as large as their blocks need, without the chunks that are not read.
    SplitAutoByBlocks, usize, { SPLIT: bool = true, SPLIT_AUTO: bool = true, GROW_BY_BLOCKS: bool = true };
    /// May have no area.
    Absent, usize, { MAY_BE_ABSENT: bool = true };
    /// The same, where several are possible.
    SplitAbsent, usize, { MAY_BE_ABSENT: bool = true, SPLIT: bool = true };
    /// Areas that come and go by themselves; the model knows nothing of these.
    SplitAuto, usize, { SPLIT: bool = true, SPLIT_AUTO: bool = true };
    /// The same with both bit tables.
    SplitAutoWeakref, usize, { SPLIT: bool = true, SPLIT_AUTO: bool = true, WEAKREF: bool = true };
    /// With no bit table.
    SplitAutoPlain, usize, { SPLIT: bool = true, SPLIT_AUTO: bool = true, FINALISER: bool = false };
    /// Areas as large as all the regions are (1.21).
    SplitAutoByRegions, usize, { SPLIT: bool = true, SPLIT_AUTO: bool = true, GROW_BY_REGIONS: bool = true };
}
