//! One language of operations, for tests, fuzzers and benchmarks.

/// One step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "fields say what they are; `chunk` picks one of the live chunks, modulo"
)]
pub enum Op {
    /// Allocates, and fills the chunk with numbers that are no addresses.
    Alloc {
        bytes: usize,
        finaliser: bool,
    },
    /// The same, of a chunk that a collection marks and does not read where the heap has such
    /// chunks; any other heap ignores that.
    AllocUnread {
        bytes: usize,
        finaliser: bool,
    },
    Free {
        chunk: usize,
    },
    Realloc {
        chunk: usize,
        bytes: usize,
        may_move: bool,
    },
    /// Writes the address of a chunk into a word of another.
    Link {
        from: usize,
        word: usize,
        to: usize,
    },
    /// Adds a root: the address of a chunk, plus an offset that makes it none if not 0.
    Root {
        chunk: usize,
        offset: usize,
    },
    /// Forgets all roots.
    NoRoots,
    Collect,
    SweepAll,
    Lock,
    Unlock,
    /// In blocks; 0 means off.
    Threshold {
        blocks: usize,
    },
    AutoCollect {
        on: bool,
    },
    /// Adds an area, in a split heap.
    AddArea {
        bytes: usize,
    },
    /// Asks for the size of the chunk at an address near that of a chunk.
    ChunkBytes {
        chunk: usize,
        offset: usize,
    },
    /// Asks for the figures.
    Info,
    /// Resets the figures, in a heap that counts.
    ResetFigures,
    Finaliser {
        action: FinaliserAction,
    },
}

/// What a finaliser does when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinaliserAction {
    /// Nothing.
    Nothing,
    /// Allocates; the heap must refuse.
    Allocates,
    /// Frees its own object.
    FreesItself,
    /// Frees the chunk that the second word of its object points at, dying or not.
    FreesLinked,
    /// Asks for the figures.
    AsksInfo,
    /// Raises; the exception is caught.
    Raises,
    /// Collects; the heap must ignore it.
    Collects,
}

impl FinaliserAction {
    /// All of them. The fuzz inputs that are kept number them in this order.
    pub const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Allocates,
        Self::FreesItself,
        Self::FreesLinked,
        Self::AsksInfo,
        Self::Raises,
        Self::Collects,
    ];
}
