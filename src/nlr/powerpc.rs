//! PowerPC, 32 bits, and 64 bits with ELFv2.
//!
//! f14 to f31 are callee-saved too, but py/nlrpowerpc.c does not keep them.

registers! {
    canary r0 r1 r2 r14 r15 r16 r17 r18 r19 r20 r21 r22 r23 r24 r25 r26 r27 r28 r29
    r30 r31 cr lr
    ; 104 // the header asks for 128 slots, of which no more are used
}

/// Stores a register into a slot.
macro_rules! store {
    ($register:literal, $slot:literal) => {
        concat!(
            $crate::nlr::assembly::by_width!("std ", "stw "),
            $register,
            ", {",
            $slot,
            "}(3)"
        )
    };
}
/// Loads a register from a slot.
macro_rules! load {
    ($register:literal, $slot:literal) => {
        concat!(
            $crate::nlr::assembly::by_width!("ld ", "lwz "),
            $register,
            ", {",
            $slot,
            "}(3)"
        )
    };
}
#[allow(unused_imports, reason = "used where nlr_push_body is expanded")]
pub(crate) use store;

save_and_resume! {
    ($)
    slots {
        r1 r2 r14 r15 r16 r17 r18 r19 r20 r21 r22 r23 r24 r25 r26 r27 r28 r29 r30 r31 cr lr
    }
    save {
        crate::nlr::registers::store!("1", "r1"), // the stack of the caller
        crate::nlr::registers::store!("2", "r2"), // the table of contents
        crate::nlr::registers::store!("14", "r14"), // the callee-saved registers
        crate::nlr::registers::store!("15", "r15"),
        crate::nlr::registers::store!("16", "r16"),
        crate::nlr::registers::store!("17", "r17"),
        crate::nlr::registers::store!("18", "r18"),
        crate::nlr::registers::store!("19", "r19"),
        crate::nlr::registers::store!("20", "r20"),
        crate::nlr::registers::store!("21", "r21"),
        crate::nlr::registers::store!("22", "r22"),
        crate::nlr::registers::store!("23", "r23"),
        crate::nlr::registers::store!("24", "r24"),
        crate::nlr::registers::store!("25", "r25"),
        crate::nlr::registers::store!("26", "r26"),
        crate::nlr::registers::store!("27", "r27"),
        crate::nlr::registers::store!("28", "r28"),
        crate::nlr::registers::store!("29", "r29"),
        crate::nlr::registers::store!("30", "r30"),
        crate::nlr::registers::store!("31", "r31"),
        "mfcr 4", // the condition fields, some of which are callee-saved
        crate::nlr::registers::store!("4", "cr"),
        "mflr 4", // where a jump goes on
        crate::nlr::registers::store!("4", "lr"),
    }
    go_on {
        "b {tail}", // links the buffer and returns 0
    }
    resume ("r3") {
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
    }
}
