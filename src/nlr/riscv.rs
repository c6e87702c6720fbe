//! RISC-V, 32 and 64 bits.
//!
//! fs0 to fs11 are callee-saved too with hard floats, but the buffer of py/nlr.h has no
//! slots for them.

registers! {
    ra s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 sp
}

/// Stores a register into its slot.
macro_rules! store {
    ($register:literal) => {
        concat!(
            $crate::nlr::assembly::by_width!("sd ", "sw "),
            $register,
            ", {",
            $register,
            "}(a0)"
        )
    };
}
/// Loads a register from its slot.
macro_rules! load {
    ($register:literal) => {
        concat!(
            $crate::nlr::assembly::by_width!("ld ", "lw "),
            $register,
            ", {",
            $register,
            "}(a0)"
        )
    };
}
#[allow(unused_imports, reason = "used where nlr_push_body is expanded")]
pub(crate) use store;

save_and_resume! {
    ($)
    slots { ra s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 sp }
    save {
        crate::nlr::registers::store!("ra"), // where a jump goes on
        crate::nlr::registers::store!("s0"), // the callee-saved registers
        crate::nlr::registers::store!("s1"),
        crate::nlr::registers::store!("s2"),
        crate::nlr::registers::store!("s3"),
        crate::nlr::registers::store!("s4"),
        crate::nlr::registers::store!("s5"),
        crate::nlr::registers::store!("s6"),
        crate::nlr::registers::store!("s7"),
        crate::nlr::registers::store!("s8"),
        crate::nlr::registers::store!("s9"),
        crate::nlr::registers::store!("s10"),
        crate::nlr::registers::store!("s11"),
        crate::nlr::registers::store!("sp"), // the stack of the caller
    }
    go_on {
        "tail {tail}", // links the buffer and returns 0
    }
    resume ("a0") {
        load!("ra"), // where nlr_push was to return to
        load!("s0"), // the callee-saved registers, as they were
        load!("s1"),
        load!("s2"),
        load!("s3"),
        load!("s4"),
        load!("s5"),
        load!("s6"),
        load!("s7"),
        load!("s8"),
        load!("s9"),
        load!("s10"),
        load!("s11"),
        load!("sp"), // the stack as nlr_push found it
        "li a0, 1",  // 1: a jump landed here
        "ret",
    }
}
