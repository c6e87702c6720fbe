//! The fields of `mp_state_mem_area_t`, for the heap.

use super::bindings as c;
use crate::heap::host::AreaFields;
use core::mem::offset_of;

/// A field that exists only with some option. Without the option the heap does not ask for it.
macro_rules! optional {
    ($option:meta, $field:expr) => {{
        #[cfg($option)]
        {
            $field
        }
        #[cfg(not($option))]
        core::ptr::null_mut()
    }};
}
pub(super) use optional;

/// The address of a field of an area.
macro_rules! of_area {
    ($this:ident, $field:ident) => {
        $this
            .wrapping_byte_add(offset_of!(c::mp_state_mem_area_t, $field))
            .cast()
    };
}

// SAFETY: each method returns a field of the port's struct, at the offset that its compiler gives
// it.
unsafe impl AreaFields for c::mp_state_mem_area_t {
    fn next(_this: *mut Self) -> *mut *mut Self {
        optional!(mpgc_split_heap, of_area!(_this, next))
    }
    fn alloc_table(this: *mut Self) -> *mut *mut u8 {
        of_area!(this, gc_alloc_table_start)
    }
    fn table_bytes(this: *mut Self) -> *mut usize {
        of_area!(this, gc_alloc_table_byte_len)
    }
    fn finaliser_table(_this: *mut Self) -> *mut *mut u8 {
        optional!(mpgc_finaliser, of_area!(_this, gc_finaliser_table_start))
    }
    fn weakref_table(_this: *mut Self) -> *mut *mut u8 {
        optional!(mpgc_weakref, of_area!(_this, gc_weakref_table_start))
    }
    fn collect_table(_this: *mut Self) -> *mut *mut u8 {
        optional!(
            mpgc_selective_collect,
            of_area!(_this, gc_collect_table_start)
        )
    }
    fn pool_start(this: *mut Self) -> *mut *mut u8 {
        of_area!(this, gc_pool_start)
    }
    fn pool_end(this: *mut Self) -> *mut *mut u8 {
        of_area!(this, gc_pool_end)
    }
    fn hint(this: *mut Self) -> *mut usize {
        of_area!(this, gc_last_free_atb_index)
    }
    fn last_used(_this: *mut Self) -> *mut usize {
        optional!(mpgc_last_used, of_area!(_this, gc_last_used_block))
    }
}
