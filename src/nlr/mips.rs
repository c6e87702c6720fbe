//! MIPS, 32 bits, o32.
//!
//! f20 to f30 are callee-saved too with hard floats, but the buffer of py/nlr.h has no
//! slots for them.

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

save_and_resume! {
    ($)
    slots { ra fp sp gp s7 s6 s5 s4 s3 s2 s1 s0 }
    save {
        crate::nlr::registers::enter!(),
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
    }
    go_on {
        crate::nlr::registers::go_on!(), // links the buffer and returns 0
    }
    resume ("$4") {
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
    }
}
