//! AArch64.
//!
//! d8 to d15 are callee-saved too, but the buffer of py/nlr.h has no slots for them.

registers! {
    lr sp x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29
}

save_and_resume! {
    ($)
    slots { lr x19 x21 x23 x25 x27 x29 }
    save {
        "mov x9, sp",                // the stack of the caller
        "stp x30, x9, [x0, {lr}]",   // where a jump goes on, and with which stack
        "stp x19, x20, [x0, {x19}]", // the callee-saved registers
        "stp x21, x22, [x0, {x21}]",
        "stp x23, x24, [x0, {x23}]",
        "stp x25, x26, [x0, {x25}]",
        "stp x27, x28, [x0, {x27}]",
        "str x29, [x0, {x29}]",
    }
    go_on {
        "b {tail}", // links the buffer and returns 0
    }
    resume ("x0") {
        "ldr x29, [x0, {x29}]", // the callee-saved registers, as they were
        "ldp x27, x28, [x0, {x27}]",
        "ldp x25, x26, [x0, {x25}]",
        "ldp x23, x24, [x0, {x23}]",
        "ldp x21, x22, [x0, {x21}]",
        "ldp x19, x20, [x0, {x19}]",
        "ldp x30, x9, [x0, {lr}]", // where nlr_push was to return to
        "mov sp, x9",              // the stack as nlr_push found it
        "mov w0, 1",               // 1: a jump landed here
        "ret",
    }
}
