//! PowerPC, 32 bits, and 64 bits with ELFv2.
//!
//! f14 to f31 are callee-saved too, but py/nlrpowerpc.c does not keep them.

use super::Buffer;
use core::arch::asm;

registers! {
    canary r0 r1 r2 r14 r15 r16 r17 r18 r19 r20 r21 r22 r23 r24 r25 r26 r27 r28 r29
    r30 r31 cr lr
    ; 104 // the header asks for 128 slots, of which no more are used
}

/// Stores a register into its slot.
#[cfg(target_pointer_width = "64")]
macro_rules! store {
    ($register:literal, $slot:literal) => {
        concat!("std ", $register, ", {", $slot, "}(3)")
    };
}
/// Stores a register into its slot.
#[cfg(target_pointer_width = "32")]
macro_rules! store {
    ($register:literal, $slot:literal) => {
        concat!("stw ", $register, ", {", $slot, "}(3)")
    };
}
/// Loads a register from its slot.
#[cfg(target_pointer_width = "64")]
macro_rules! load {
    ($register:literal, $slot:literal) => {
        concat!("ld ", $register, ", {", $slot, "}(3)")
    };
}
/// Loads a register from its slot.
#[cfg(target_pointer_width = "32")]
macro_rules! load {
    ($register:literal, $slot:literal) => {
        concat!("lwz ", $register, ", {", $slot, "}(3)")
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
            $crate::nlr::registers::store!("1", "r1"), // the stack of the caller
            $crate::nlr::registers::store!("2", "r2"), // the table of contents
            $crate::nlr::registers::store!("14", "r14"), // the callee-saved registers
            $crate::nlr::registers::store!("15", "r15"),
            $crate::nlr::registers::store!("16", "r16"),
            $crate::nlr::registers::store!("17", "r17"),
            $crate::nlr::registers::store!("18", "r18"),
            $crate::nlr::registers::store!("19", "r19"),
            $crate::nlr::registers::store!("20", "r20"),
            $crate::nlr::registers::store!("21", "r21"),
            $crate::nlr::registers::store!("22", "r22"),
            $crate::nlr::registers::store!("23", "r23"),
            $crate::nlr::registers::store!("24", "r24"),
            $crate::nlr::registers::store!("25", "r25"),
            $crate::nlr::registers::store!("26", "r26"),
            $crate::nlr::registers::store!("27", "r27"),
            $crate::nlr::registers::store!("28", "r28"),
            $crate::nlr::registers::store!("29", "r29"),
            $crate::nlr::registers::store!("30", "r30"),
            $crate::nlr::registers::store!("31", "r31"),
            "mfcr 4", // the condition fields, some of which are callee-saved
            $crate::nlr::registers::store!("4", "cr"),
            "mflr 4", // where a jump goes on
            $crate::nlr::registers::store!("4", "lr"),
            "b {tail}", // links the buffer and returns 0
            r1 = const $crate::nlr::registers::slot::r1,
            r2 = const $crate::nlr::registers::slot::r2,
            r14 = const $crate::nlr::registers::slot::r14,
            r15 = const $crate::nlr::registers::slot::r15,
            r16 = const $crate::nlr::registers::slot::r16,
            r17 = const $crate::nlr::registers::slot::r17,
            r18 = const $crate::nlr::registers::slot::r18,
            r19 = const $crate::nlr::registers::slot::r19,
            r20 = const $crate::nlr::registers::slot::r20,
            r21 = const $crate::nlr::registers::slot::r21,
            r22 = const $crate::nlr::registers::slot::r22,
            r23 = const $crate::nlr::registers::slot::r23,
            r24 = const $crate::nlr::registers::slot::r24,
            r25 = const $crate::nlr::registers::slot::r25,
            r26 = const $crate::nlr::registers::slot::r26,
            r27 = const $crate::nlr::registers::slot::r27,
            r28 = const $crate::nlr::registers::slot::r28,
            r29 = const $crate::nlr::registers::slot::r29,
            r30 = const $crate::nlr::registers::slot::r30,
            r31 = const $crate::nlr::registers::slot::r31,
            cr = const $crate::nlr::registers::slot::cr,
            lr = const $crate::nlr::registers::slot::lr,
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
            load!("1", "r1"), // the stack as nlr_push found it
            load!("2", "r2"),
            load!("14", "r14"), // the callee-saved registers, as they were
            load!("15", "r15"),
            load!("16", "r16"),
            load!("17", "r17"),
            load!("18", "r18"),
            load!("19", "r19"),
            load!("20", "r20"),
            load!("21", "r21"),
            load!("22", "r22"),
            load!("23", "r23"),
            load!("24", "r24"),
            load!("25", "r25"),
            load!("26", "r26"),
            load!("27", "r27"),
            load!("28", "r28"),
            load!("29", "r29"),
            load!("30", "r30"),
            load!("31", "r31"),
            load!("4", "cr"),
            "mtcr 4",
            load!("4", "lr"), // where nlr_push was to return to
            "mtlr 4",
            "li 3, 1", // 1: a jump landed here
            "blr",
            in("r3") buffer,
            r1 = const slot::r1,
            r2 = const slot::r2,
            r14 = const slot::r14,
            r15 = const slot::r15,
            r16 = const slot::r16,
            r17 = const slot::r17,
            r18 = const slot::r18,
            r19 = const slot::r19,
            r20 = const slot::r20,
            r21 = const slot::r21,
            r22 = const slot::r22,
            r23 = const slot::r23,
            r24 = const slot::r24,
            r25 = const slot::r25,
            r26 = const slot::r26,
            r27 = const slot::r27,
            r28 = const slot::r28,
            r29 = const slot::r29,
            r30 = const slot::r30,
            r31 = const slot::r31,
            cr = const slot::cr,
            lr = const slot::lr,
            options(noreturn),
        )
    }
}
