//! AArch64.
//!
//! d8 to d15 are callee-saved too, but the buffer of py/nlr.h has no slots for them.

use super::Buffer;
use core::arch::asm;

registers! {
    lr sp x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29
}

/// The body of a naked `unsigned nlr_push(buffer)`: saves the caller's registers
/// and goes on in the function `$tail` with the same argument, so that its value is
/// what the caller gets.
///
/// A macro, since the room that exports `nlr_push` owns both symbols.
#[allow(unused_macros, reason = "expanded by the room that exports nlr_push")]
macro_rules! nlr_push_body {
    ($tail:path) => {
        core::arch::naked_asm!(
            "mov x9, sp",                // the stack of the caller
            "stp x30, x9, [x0, {lr}]",   // where a jump goes on, and with which stack
            "stp x19, x20, [x0, {x19}]", // the callee-saved registers
            "stp x21, x22, [x0, {x21}]",
            "stp x23, x24, [x0, {x23}]",
            "stp x25, x26, [x0, {x25}]",
            "stp x27, x28, [x0, {x27}]",
            "str x29, [x0, {x29}]",
            "b {tail}",                  // links the buffer and returns 0
            lr = const $crate::nlr::registers::slot::lr,
            x19 = const $crate::nlr::registers::slot::x19,
            x21 = const $crate::nlr::registers::slot::x21,
            x23 = const $crate::nlr::registers::slot::x23,
            x25 = const $crate::nlr::registers::slot::x25,
            x27 = const $crate::nlr::registers::slot::x27,
            x29 = const $crate::nlr::registers::slot::x29,
            tail = sym $tail,
        )
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use nlr_push_body;

/// Restores the registers of `buffer` and returns 1 from its `nlr_push`.
///
/// # Safety
/// `buffer` was filled by `nlr_push` in a function that has not returned, and no
/// frame between here and there holds a value with a destructor.
#[inline(always)]
pub unsafe fn resume(buffer: *mut Buffer) -> ! {
    // SAFETY: the slots hold what nlr_push saved, so this returns into its caller
    // with that caller's stack and callee-saved registers.
    unsafe {
        asm!(
            "ldr x29, [x0, {x29}]",      // the callee-saved registers, as they were
            "ldp x27, x28, [x0, {x27}]",
            "ldp x25, x26, [x0, {x25}]",
            "ldp x23, x24, [x0, {x23}]",
            "ldp x21, x22, [x0, {x21}]",
            "ldp x19, x20, [x0, {x19}]",
            "ldp x30, x9, [x0, {lr}]",   // where nlr_push was to return to
            "mov sp, x9",                // the stack as nlr_push found it
            "mov w0, 1",                 // 1: a jump landed here
            "ret",
            in("x0") buffer,
            lr = const slot::lr,
            x19 = const slot::x19,
            x21 = const slot::x21,
            x23 = const slot::x23,
            x25 = const slot::x25,
            x27 = const slot::x27,
            x29 = const slot::x29,
            options(noreturn),
        )
    }
}
