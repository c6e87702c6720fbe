//! The kinds of fault. This is the only definition: cbindgen generates those in `include/mpgc.h`
//! and the shim's texts from it.

#![forbid(unsafe_code)]

/// The kinds of fault: the first argument of `mpgc_fault`, and of an error callback.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Fault {
    /// A region for a heap or an area is empty, NULL or too small.
    NoRoom = 1,
    /// A pointer that was freed or resized lies in no area of the heap.
    Foreign = 2,
    /// A pointer that was freed or resized lies in the heap, but is not the start of a chunk.
    Inner = 3,
    /// A chunk that was freed or resized is free already.
    DoubleFree = 4,
    /// A table holds a combination that cannot occur.
    BrokenTable = 5,
    /// A free block was written to.
    WriteAfterFree = 6,
    /// The bytes behind those requested were written to.
    Overrun = 7,
}
