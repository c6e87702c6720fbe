//! Stale words on the C stack (`include/mpgc.h`).

use crate::host::shim;

/// Only in a MicroPython port. In the main thread, zeroes the C stack below the caller, as far as
/// the port lets it grow (`mp_cstack_init_with_sp_here`; without MICROPY_STACK_CHECK 1 KB): a stale
/// word of a function that has returned can keep a chunk alive once a later frame covers it.
///
/// # Safety
/// The stack may grow as far as the port says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_clear_dead_stack() {
    // SAFETY: by this function's contract.
    unsafe { shim::clear_dead_stack() }
}
