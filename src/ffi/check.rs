//! The heap's own account of itself (`include/mpgc.h`).

use crate::host::heap::HEAP;
use core::ffi::c_char;

/// What `mpgc_check` found to be wrong.
#[repr(C)]
pub struct mpgc_broken {
    /// What is wrong, in words; no NUL ends it.
    pub what: *const c_char,
    /// The length of `what` in bytes.
    pub what_len: usize,
    /// The number of the area where it is wrong: 0 is the one of `gc_init`.
    pub area: usize,
    /// The block where it is wrong, counted from the start of the area's pool;
    /// `SIZE_MAX` if it is not a block.
    pub block: usize,
}

/// Looks at every block of the heap and at everything that the library claims to know of it.
/// Returns true if all of it is right. If not, it returns false and writes the first thing
/// that is wrong to `out`, unless that is NULL; `what` is valid for ever. Not during a collect.
///
/// # Safety
/// The heap was made with `gc_init`; `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_check(out: *mut mpgc_broken) -> bool {
    let Err(broken) = HEAP.check() else {
        return true;
    };
    if !out.is_null() {
        // SAFETY: by this function's contract.
        unsafe {
            out.write(mpgc_broken {
                what: broken.what.as_ptr().cast(),
                what_len: broken.what.len(),
                area: broken.area,
                block: broken.block.map_or(usize::MAX, |block| block.0),
            });
        }
    }
    false
}
