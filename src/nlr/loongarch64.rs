//! LoongArch, 64 bits.
//!
//! fs0 to fs7 are callee-saved too, but the buffer of py/nlr.h has no slots for them.

registers! {
    ra s0 s1 s2 s3 s4 s5 s6 s7 s8 fp r21 sp
}

save_and_resume! {
    ($)
    slots { ra s0 s1 s2 s3 s4 s5 s6 s7 s8 fp r21 sp }
    save {
        "st.d $ra, $a0, {ra}", // where a jump goes on
        "st.d $s0, $a0, {s0}", // the callee-saved registers
        "st.d $s1, $a0, {s1}",
        "st.d $s2, $a0, {s2}",
        "st.d $s3, $a0, {s3}",
        "st.d $s4, $a0, {s4}",
        "st.d $s5, $a0, {s5}",
        "st.d $s6, $a0, {s6}",
        "st.d $s7, $a0, {s7}",
        "st.d $s8, $a0, {s8}",
        "st.d $fp, $a0, {fp}",
        "st.d $r21, $a0, {r21}", // the ABI reserves it
        "st.d $sp, $a0, {sp}",   // the stack of the caller
    }
    go_on {
        "b {tail}", // links the buffer and returns 0
    }
    resume ("$a0") {
        "ld.d $ra, $a0, {ra}", // where nlr_push was to return to
        "ld.d $s0, $a0, {s0}", // the callee-saved registers, as they were
        "ld.d $s1, $a0, {s1}",
        "ld.d $s2, $a0, {s2}",
        "ld.d $s3, $a0, {s3}",
        "ld.d $s4, $a0, {s4}",
        "ld.d $s5, $a0, {s5}",
        "ld.d $s6, $a0, {s6}",
        "ld.d $s7, $a0, {s7}",
        "ld.d $s8, $a0, {s8}",
        "ld.d $fp, $a0, {fp}",
        "ld.d $r21, $a0, {r21}",
        "ld.d $sp, $a0, {sp}",  // the stack as nlr_push found it
        "addi.d $a0, $zero, 1", // 1: a jump landed here
        "ret",
    }
}
