//! What both doors of the library tell C, in C's types (`include/mpgc.h`): a MicroPython port's, and that of a C
//! program of its own.

#![expect(
    non_camel_case_types,
    reason = "the names of the C header, which cbindgen writes from this file"
)]

use core::ffi::c_char;

use crate::heap::{Broken, Fault};

/// What is wrong: the first argument of `mpgc_fault`, and a kind of error for a C program of its own.
#[repr(C)]
#[derive(Debug)]
pub enum mpgc_fault_kind {
    /// A region of no bytes, or a null one, was to be made a heap.
    MPGC_FAULT_NO_ROOM = 1,
    /// What was given back lies in no area of the heap.
    MPGC_FAULT_FOREIGN = 2,
    /// What was given back lies in the heap, but is not the start of a chunk.
    MPGC_FAULT_INNER = 3,
    /// What was given back is free already.
    MPGC_FAULT_DOUBLE_FREE = 4,
    /// A table says what cannot be.
    MPGC_FAULT_BROKEN_TABLE = 5,
    /// A free block was written to.
    MPGC_FAULT_WRITE_AFTER_FREE = 6,
    /// The bytes behind those that were asked for were written to.
    MPGC_FAULT_OVERRUN = 7,
}

const _: () = {
    assert!(mpgc_fault_kind::MPGC_FAULT_NO_ROOM as u8 == Fault::NoRoom as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_FOREIGN as u8 == Fault::Foreign as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_INNER as u8 == Fault::Inner as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_DOUBLE_FREE as u8 == Fault::DoubleFree as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_BROKEN_TABLE as u8 == Fault::BrokenTable as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_WRITE_AFTER_FREE as u8 == Fault::WriteAfterFree as u8);
    assert!(mpgc_fault_kind::MPGC_FAULT_OVERRUN as u8 == Fault::Overrun as u8);
};

/// What `mpgc_check` or `mpgc_heap_check` found to be wrong.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_broken {
    /// What is wrong, in words.
    pub what: *const c_char,
    /// The length of `what` in bytes, without the NUL that ends it.
    pub what_len: usize,
    /// The number of the area where it is wrong: 0 is the first one.
    pub area: usize,
    /// The block where it is wrong, counted from the start of the area's pool;
    /// `SIZE_MAX` if it is not a block.
    pub block: usize,
}

impl From<Broken> for mpgc_broken {
    fn from(broken: Broken) -> Self {
        mpgc_broken {
            what: broken.what.as_ptr(),
            what_len: broken.what.count_bytes(),
            area: broken.area,
            block: broken.block.map_or(usize::MAX, |block| block.0),
        }
    }
}
