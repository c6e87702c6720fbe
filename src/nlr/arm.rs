//! ARM and Thumb.
//!
//! Thumb of v6-M and v8-M baseline (`mpgc_thumb1`) stores only r0 to r7, and its branch reaches 2
//! KB. If the header has slots for them, s16 to s21 (d8 to d10) are saved too (`mpgc_nlr_fp`).

#[cfg(not(mpgc_nlr_fp))]
registers! {
    lr r4 r5 r6 r7 r8 r9 r10 r11 sp
}
#[cfg(mpgc_nlr_fp)]
registers! {
    lr r4 r5 r6 r7 r8 r9 r10 r11 sp d8 d8_high d9 d9_high d10 d10_high
}
#[cfg(mpgc_nlr_fp)]
const _: () = assert!(slot::d8 == slot::sp + 4);

/// The instructions for the floating point registers: none.
#[cfg(not(mpgc_nlr_fp))]
#[allow(unused_macros, reason = "Thumb-1 has no such registers")]
macro_rules! floats {
    ($instruction:literal) => {
        ""
    };
}
/// The instructions for the floating point registers, whose slots follow sp.
#[cfg(mpgc_nlr_fp)]
macro_rules! floats {
    ($instruction:literal) => {
        concat!(
            // Without this a target that passes arguments in core registers does not assemble
            // these.
            ".fpu vfpv2\n",
            concat!($instruction, " d8, [r0, {sp} + 4]\n"),
            concat!($instruction, " d9, [r0, {sp} + 12]\n"),
            concat!($instruction, " d10, [r0, {sp} + 20]"),
        )
    };
}
#[allow(unused_imports, reason = "used where nlr_push_body is expanded")]
pub(crate) use floats;

#[cfg(not(mpgc_thumb1))]
save_and_resume! {
    ($)
    slots { lr r4 r5 r6 r7 r8 r9 r10 r11 sp }
    save {
        "str lr, [r0, {lr}]", // where a jump goes on
        "str r4, [r0, {r4}]", // the callee-saved registers
        "str r5, [r0, {r5}]",
        "str r6, [r0, {r6}]",
        "str r7, [r0, {r7}]",
        "str r8, [r0, {r8}]",
        "str r9, [r0, {r9}]",
        "str r10, [r0, {r10}]",
        "str r11, [r0, {r11}]",
        "str sp, [r0, {sp}]", // the stack of the caller
        crate::nlr::registers::floats!("vstr"),
    }
    go_on {
        "b {tail}", // links the buffer and returns 0
    }
    resume ("r0") {
        "ldr r4, [r0, {r4}]", // the callee-saved registers, as they were
        "ldr r5, [r0, {r5}]",
        "ldr r6, [r0, {r6}]",
        "ldr r7, [r0, {r7}]",
        "ldr r8, [r0, {r8}]",
        "ldr r9, [r0, {r9}]",
        "ldr r10, [r0, {r10}]",
        "ldr r11, [r0, {r11}]",
        "ldr sp, [r0, {sp}]", // the stack as nlr_push found it
        floats!("vldr"),
        "ldr lr, [r0, {lr}]", // where nlr_push was to return to, ARM or Thumb
        "mov r0, #1",         // 1: a jump landed here
        "bx lr",
    }
}

#[cfg(mpgc_thumb1)]
save_and_resume! {
    ($)
    slots { lr r4 r5 r6 r7 r8 r9 r10 r11 sp }
    save {
        "str r4, [r0, {r4}]", // the callee-saved registers
        "str r5, [r0, {r5}]",
        "str r6, [r0, {r6}]",
        "str r7, [r0, {r7}]",
        "mov r1, r8", // a high register through a low one
        "str r1, [r0, {r8}]",
        "mov r1, r9",
        "str r1, [r0, {r9}]",
        "mov r1, r10",
        "str r1, [r0, {r10}]",
        "mov r1, r11",
        "str r1, [r0, {r11}]",
        "mov r1, sp",
        "str r1, [r0, {sp}]", // the stack of the caller
        "mov r1, lr",
        "str r1, [r0, {lr}]", // where a jump goes on
    }
    go_on {
        "ldr r1, ={tail}",
        "bx r1", // links the buffer and returns 0; a plain branch does not reach as far
    }
    resume ("r0") {
        "ldr r4, [r0, {r4}]", // the callee-saved registers, as they were
        "ldr r5, [r0, {r5}]",
        "ldr r6, [r0, {r6}]",
        "ldr r7, [r0, {r7}]",
        "ldr r1, [r0, {r8}]", // a high register through a low one
        "mov r8, r1",
        "ldr r1, [r0, {r9}]",
        "mov r9, r1",
        "ldr r1, [r0, {r10}]",
        "mov r10, r1",
        "ldr r1, [r0, {r11}]",
        "mov r11, r1",
        "ldr r1, [r0, {sp}]",
        "mov sp, r1",         // the stack as nlr_push found it
        "ldr r1, [r0, {lr}]", // where nlr_push was to return to
        "movs r0, #1",        // 1: a jump landed here
        "bx r1",
    }
}

// The compiler keeps a frame pointer on these targets, so a compiled tail takes nearly twice the
// instructions.
linked! {
    ($)
    link {
        "ldr r1, ={state} + {top}",
        "ldr r2, [r1]",
        "str r2, [r0, {prev}]", // the newest buffer is the one before this
        "str r0, [r1]",         // this is the newest
    }
    keep {
        "ldr r1, ={state} + {kept}",
        "ldr r1, [r1]",
        "str r1, [r0, {keeps}]", // what a jump puts back
    }
    done {
        "movs r0, #0", // 0: no jump
        "bx lr",
    }
    pop {
        "ldr r1, ={state} + {top}",
        "ldr r2, [r1]",
        "ldr r2, [r2, {prev}]", // the buffer before the newest
        "str r2, [r1]",         // is the newest now
        "bx lr",
    }
}

// The same where the instructions that find the thread's state leave its address in r1.
linked_in_thread! {
    ($)
    link {
        "ldr r2, [r1, {top}]",
        "str r2, [r0, {prev}]", // the newest buffer is the one before this
        "str r0, [r1, {top}]",  // this is the newest
    }
    keep {
        "ldr r2, [r1, {kept}]",
        "str r2, [r0, {keeps}]", // what a jump puts back
    }
    done {
        "movs r0, #0", // 0: no jump
        "bx lr",
    }
    pop {
        "ldr r2, [r1, {top}]",
        "ldr r2, [r2, {prev}]", // the buffer before the newest
        "str r2, [r1, {top}]",  // is the newest now
        "bx lr",
    }
}
