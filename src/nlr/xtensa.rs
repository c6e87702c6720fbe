//! Xtensa, the call0 ABI.
//!
//! rustc has no assembly for this architecture: `xtensa.S` beside this file has the instructions,
//! and the compiler of the port assembles it. There `nlr_push` ends in `nlr_push_tail`. With
//! register windows it has no `nlr_push`: there a port has setjmp.

use core::ffi::c_void;
use core::hint::black_box;

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
    #[cfg(not(mpgc_windowed))]
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

/// Puts the registers of all callers on the stack, and returns from where it has to be read.
///
/// It is inlined, for in a frame of its own it might have put a register of its caller there, and
/// that frame is gone when the stack is read.
///
/// # Safety
/// `buffer` lies in the caller's frame and is valid for writes as far as the last register.
#[cfg(not(mpgc_windowed))]
#[inline(always)]
pub unsafe fn save(buffer: *mut Buffer) -> *const c_void {
    // SAFETY: by this function's contract.
    unsafe { nlr_save_registers(buffer) }
    black_box(buffer.cast())
}

/// Puts the registers of all callers on the stack, and returns from where it has to be read.
///
/// # Safety
/// None is needed here.
#[cfg(mpgc_windowed)]
#[inline(always)]
pub unsafe fn save(_buffer: *mut Buffer) -> *const c_void {
    // the most registers there are, and those that a call turns the window by
    core::ptr::without_provenance(spill(64 / 8))
}

/// Calls itself until the windows of all callers are needed for that, so that the processor has put
/// them on the stack. Those of the caller's caller begin right below the caller's frame, in this
/// function's: the address that it returns is lower.
#[cfg(mpgc_windowed)]
#[inline(never)]
fn spill(deeper: usize) -> usize {
    let mut here = deeper;
    let address = (&raw const *black_box(&mut here)).addr();
    if deeper != 0 {
        black_box(spill(deeper - 1));
    }
    black_box(address)
}
