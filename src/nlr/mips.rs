//! MIPS, 32 bits, o32.
//!
//! f20 to f30 are callee-saved too with hard floats, but the buffer of py/nlr.h has no
//! slots for them.

use super::Buffer;
use core::arch::asm;

registers! {
    ra fp sp gp s7 s6 s5 s4 s3 s2 s1 s0 unused
}

/// Position independent code: makes $28 the pointer to this object's table, from $25.
#[cfg(not(target_os = "none"))]
macro_rules! enter {
    () => {
        ".set noreorder\n.cpload $25\n.set reorder"
    };
}
#[cfg(target_os = "none")]
macro_rules! enter {
    () => {
        ""
    };
}
/// Position independent code: a function finds its own address in $25.
#[cfg(not(target_os = "none"))]
macro_rules! go_on {
    () => {
        "la $25, {tail}\njr $25"
    };
}
#[cfg(target_os = "none")]
macro_rules! go_on {
    () => {
        "j {tail}"
    };
}
#[allow(unused_imports, reason = "used where nlr_push_body is expanded")]
pub(crate) use {enter, go_on};

/// The body of a naked `unsigned nlr_push(buffer)`: saves the caller's registers
/// and goes on in the function `$tail` with the same argument, so that its value is
/// what the caller gets.
///
/// A macro, since the room that exports `nlr_push` owns both symbols.
#[allow(unused_macros, reason = "expanded by the room that exports nlr_push")]
macro_rules! nlr_push_body {
    ($tail:path) => {
        core::arch::naked_asm!(
            $crate::nlr::registers::enter!(),
            "sw $31, {ra}($4)", // where a jump goes on
            "sw $30, {fp}($4)", // the callee-saved registers
            "sw $29, {sp}($4)", // the stack of the caller
            "sw $28, {gp}($4)",
            "sw $23, {s7}($4)",
            "sw $22, {s6}($4)",
            "sw $21, {s5}($4)",
            "sw $20, {s4}($4)",
            "sw $19, {s3}($4)",
            "sw $18, {s2}($4)",
            "sw $17, {s1}($4)",
            "sw $16, {s0}($4)",
            $crate::nlr::registers::go_on!(), // links the buffer and returns 0
            ra = const $crate::nlr::registers::slot::ra,
            fp = const $crate::nlr::registers::slot::fp,
            sp = const $crate::nlr::registers::slot::sp,
            gp = const $crate::nlr::registers::slot::gp,
            s7 = const $crate::nlr::registers::slot::s7,
            s6 = const $crate::nlr::registers::slot::s6,
            s5 = const $crate::nlr::registers::slot::s5,
            s4 = const $crate::nlr::registers::slot::s4,
            s3 = const $crate::nlr::registers::slot::s3,
            s2 = const $crate::nlr::registers::slot::s2,
            s1 = const $crate::nlr::registers::slot::s1,
            s0 = const $crate::nlr::registers::slot::s0,
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
            "lw $31, {ra}($4)", // where nlr_push was to return to
            "lw $30, {fp}($4)", // the callee-saved registers, as they were
            "lw $29, {sp}($4)", // the stack as nlr_push found it
            "lw $28, {gp}($4)",
            "lw $23, {s7}($4)",
            "lw $22, {s6}($4)",
            "lw $21, {s5}($4)",
            "lw $20, {s4}($4)",
            "lw $19, {s3}($4)",
            "lw $18, {s2}($4)",
            "lw $17, {s1}($4)",
            "lw $16, {s0}($4)",
            "li $2, 1",         // 1: a jump landed here
            "jr $31",
            in("$4") buffer,
            ra = const slot::ra,
            fp = const slot::fp,
            sp = const slot::sp,
            gp = const slot::gp,
            s7 = const slot::s7,
            s6 = const slot::s6,
            s5 = const slot::s5,
            s4 = const slot::s4,
            s3 = const slot::s3,
            s2 = const slot::s2,
            s1 = const slot::s1,
            s0 = const slot::s0,
            options(noreturn),
        )
    }
}
