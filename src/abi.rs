//! C types that both libraries export (`include/mpgc.h`): the one for MicroPython ports and the one
//! for C programs.

use core::ffi::{c_char, c_void};

use crate::heap::Broken;

/// Takes the next bytes of a snapshot. `user` is what was given with it.
#[expect(non_camel_case_types, reason = "the name of the C header")]
pub type mpgc_write_fn = unsafe extern "C" fn(user: *mut c_void, bytes: *const u8, n_bytes: usize);

/// The result of `mpgc_check` or `mpgc_heap_check`: an invariant that does not hold.
#[repr(C)]
#[derive(Debug)]
pub struct mpgc_broken {
    /// A description of the invariant that does not hold.
    pub what: *const c_char,
    /// The length of `what` in bytes, without the NUL that ends it.
    pub what_len: usize,
    /// The number of the area concerned; the first is 0.
    pub area: usize,
    /// The number of the block concerned, counted from the start of the area's pool; `SIZE_MAX` if
    /// it is no block.
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
