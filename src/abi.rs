//! What both doors of the library tell C, in C's types (`include/mpgc.h`): a MicroPython port's,
//! and that of a C program of its own.

use core::ffi::c_char;

use crate::heap::Broken;

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
