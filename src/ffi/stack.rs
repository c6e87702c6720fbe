//! Words on the C stack that nobody uses any more (`include/mpgc.h`).

use crate::host::shim;

/// In a MicroPython port only. In the main thread, zeroes what lies below the caller on the C
/// stack, as far as the port lets the stack grow (`mp_cstack_init_with_sp_here`; without
/// MICROPY_STACK_CHECK 1 KB): what functions that have returned left there can keep a chunk alive
/// when a later frame comes to lie over it.
///
/// # Safety
/// The stack has room for what the port says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_clear_dead_stack() {
    // SAFETY: by this function's contract.
    unsafe { shim::clear_dead_stack() }
}
