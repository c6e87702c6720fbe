//! RISC-V, 32 and 64 bits.
//!
//! fs0 to fs11 are callee-saved too with hard floats, but the buffer of py/nlr.h has no
//! slots for them.

use super::Buffer;
use core::arch::asm;

registers! {
    ra s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 sp
}

/// Stores a register into its slot.
#[cfg(target_pointer_width = "64")]
macro_rules! store {
    ($register:literal, $slot:literal) => {
        concat!("sd ", $register, ", {", $slot, "}(a0)")
    };
}
/// Stores a register into its slot.
#[cfg(target_pointer_width = "32")]
macro_rules! store {
    ($register:literal, $slot:literal) => {
        concat!("sw ", $register, ", {", $slot, "}(a0)")
    };
}
/// Loads a register from its slot.
#[cfg(target_pointer_width = "64")]
macro_rules! load {
    ($register:literal, $slot:literal) => {
        concat!("ld ", $register, ", {", $slot, "}(a0)")
    };
}
/// Loads a register from its slot.
#[cfg(target_pointer_width = "32")]
macro_rules! load {
    ($register:literal, $slot:literal) => {
        concat!("lw ", $register, ", {", $slot, "}(a0)")
    };
}
#[allow(unused_imports, reason = "used where nlr_push_body is expanded")]
pub(crate) use store;

/// The body of a naked `unsigned nlr_push(buffer)`: saves the caller's registers
/// and goes on in the function `$tail` with the same argument, so that its value is
/// what the caller gets.
///
/// A macro, since the room that exports `nlr_push` owns both symbols.
#[allow(unused_macros, reason = "expanded by the room that exports nlr_push")]
macro_rules! nlr_push_body {
    ($tail:path) => {
        core::arch::naked_asm!(
            $crate::nlr::registers::store!("ra", "ra"), // where a jump goes on
            $crate::nlr::registers::store!("s0", "s0"), // the callee-saved registers
            $crate::nlr::registers::store!("s1", "s1"),
            $crate::nlr::registers::store!("s2", "s2"),
            $crate::nlr::registers::store!("s3", "s3"),
            $crate::nlr::registers::store!("s4", "s4"),
            $crate::nlr::registers::store!("s5", "s5"),
            $crate::nlr::registers::store!("s6", "s6"),
            $crate::nlr::registers::store!("s7", "s7"),
            $crate::nlr::registers::store!("s8", "s8"),
            $crate::nlr::registers::store!("s9", "s9"),
            $crate::nlr::registers::store!("s10", "s10"),
            $crate::nlr::registers::store!("s11", "s11"),
            $crate::nlr::registers::store!("sp", "sp"), // the stack of the caller
            "tail {tail}", // links the buffer and returns 0
            ra = const $crate::nlr::registers::slot::ra,
            s0 = const $crate::nlr::registers::slot::s0,
            s1 = const $crate::nlr::registers::slot::s1,
            s2 = const $crate::nlr::registers::slot::s2,
            s3 = const $crate::nlr::registers::slot::s3,
            s4 = const $crate::nlr::registers::slot::s4,
            s5 = const $crate::nlr::registers::slot::s5,
            s6 = const $crate::nlr::registers::slot::s6,
            s7 = const $crate::nlr::registers::slot::s7,
            s8 = const $crate::nlr::registers::slot::s8,
            s9 = const $crate::nlr::registers::slot::s9,
            s10 = const $crate::nlr::registers::slot::s10,
            s11 = const $crate::nlr::registers::slot::s11,
            sp = const $crate::nlr::registers::slot::sp,
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
            load!("ra", "ra"), // where nlr_push was to return to
            load!("s0", "s0"), // the callee-saved registers, as they were
            load!("s1", "s1"),
            load!("s2", "s2"),
            load!("s3", "s3"),
            load!("s4", "s4"),
            load!("s5", "s5"),
            load!("s6", "s6"),
            load!("s7", "s7"),
            load!("s8", "s8"),
            load!("s9", "s9"),
            load!("s10", "s10"),
            load!("s11", "s11"),
            load!("sp", "sp"), // the stack as nlr_push found it
            "li a0, 1", // 1: a jump landed here
            "ret",
            in("a0") buffer,
            ra = const slot::ra,
            s0 = const slot::s0,
            s1 = const slot::s1,
            s2 = const slot::s2,
            s3 = const slot::s3,
            s4 = const slot::s4,
            s5 = const slot::s5,
            s6 = const slot::s6,
            s7 = const slot::s7,
            s8 = const slot::s8,
            s9 = const slot::s9,
            s10 = const slot::s10,
            s11 = const slot::s11,
            sp = const slot::sp,
            options(noreturn),
        )
    }
}
