//! Xtensa, the call0 ABI.
//!
//! rustc has no assembly for this architecture: `xtensa.S` beside this file has the instructions,
//! and the compiler of the port assembles it. There `nlr_push` ends in `nlr_push_tail`.

use super::Buffer;

registers! {
    a0 sp a8 a9 a10 a11 a12 a13 a14 a15
}

// The offsets in xtensa.S are numbers: these.
const _: () = {
    assert!(slot::a0 == 8 && slot::sp == 12);
    assert!(slot::a8 == 16 && slot::a9 == 20 && slot::a10 == 24 && slot::a11 == 28);
    assert!(slot::a12 == 32 && slot::a13 == 36 && slot::a14 == 40 && slot::a15 == 44);
};

unsafe extern "C" {
    fn nlr_resume(buffer: *mut Buffer) -> !;
    fn nlr_save_registers(buffer: *mut Buffer);
}

/// Restores the registers of `buffer` and returns 1 from its `nlr_push`.
///
/// # Safety
/// `buffer` was filled by `nlr_push` in a function that has not returned, and no
/// frame between here and there holds a value with a destructor.
#[inline(always)]
pub unsafe fn resume(buffer: *mut Buffer) -> ! {
    // SAFETY: the slots hold what nlr_push saved, so this returns into its caller
    // with that caller's stack and callee-saved registers.
    unsafe { nlr_resume(buffer) }
}

/// Saves the registers in `buffer`, for a collection to read them there.
///
/// # Safety
/// `buffer` is valid for writes as far as the last register.
#[inline(always)]
pub unsafe fn save(buffer: *mut Buffer) {
    // SAFETY: by this function's contract.
    unsafe { nlr_save_registers(buffer) }
}
