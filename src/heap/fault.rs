//! The kinds of fault. They stand here alone: `include/mpgc.h` and the shim's texts have them by
//! what cbindgen makes of this.

#![forbid(unsafe_code)]

/// What is wrong: the first argument of `mpgc_fault`, and a kind of error for a C program of its
/// own.
/// cbindgen:rename-all=QualifiedScreamingSnakeCase
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Fault {
    /// A region of no bytes, or a null one, was to be made a heap.
    NoRoom = 1,
    /// What was given back lies in no area of the heap.
    Foreign = 2,
    /// What was given back lies in the heap, but is not the start of a chunk.
    Inner = 3,
    /// What was given back is free already.
    DoubleFree = 4,
    /// A table says what cannot be.
    BrokenTable = 5,
    /// A free block was written to.
    WriteAfterFree = 6,
    /// The bytes behind those that were asked for were written to.
    Overrun = 7,
}
