//! x86-64, System V.

registers! {
    rip rbp rsp rbx r12 r13 r14 r15
}

save_and_resume! {
    ($)
    slots { rip rbp rsp rbx r12 r13 r14 r15 }
    save {
        "mov rax, [rsp]",         // the return address of the caller
        "mov [rdi + {rip}], rax", // where a jump goes on
        "mov [rdi + {rbp}], rbp", // the callee-saved registers
        "mov [rdi + {rsp}], rsp", // the stack, pointing at the return address
        "mov [rdi + {rbx}], rbx",
        "mov [rdi + {r12}], r12",
        "mov [rdi + {r13}], r13",
        "mov [rdi + {r14}], r14",
        "mov [rdi + {r15}], r15",
    }
    go_on {
        "jmp {tail}", // links the buffer and returns 0
    }
    resume ("rcx") {
        "mov r15, [rcx + {r15}]", // the callee-saved registers, as they were
        "mov r14, [rcx + {r14}]",
        "mov r13, [rcx + {r13}]",
        "mov r12, [rcx + {r12}]",
        "mov rbx, [rcx + {rbx}]",
        "mov rsp, [rcx + {rsp}]", // the stack as nlr_push found it
        "mov rbp, [rcx + {rbp}]",
        "add rsp, 8",             // drop the return address; its slot may be in use again
        "mov eax, 1",             // 1: a jump landed here
        // not a return, which the processor expects to go where the last call came from
        "jmp [rcx + {rip}]",      // where nlr_push was to return to
    }
}

/// Loads the address of the static `state`, where code cannot reach data directly.
#[cfg(not(mpgc_direct_data))]
#[allow(unused_macros, reason = "expanded by the module that exports nlr_push")]
macro_rules! state_address {
    () => {
        "mov rax, [rip + {state}@GOTPCREL]" // a program's linker makes it a lea
    };
}
#[cfg(mpgc_direct_data)]
#[allow(unused_macros, reason = "likewise")]
macro_rules! state_address {
    () => {
        ""
    };
}
#[allow(unused_imports, reason = "likewise")]
pub(crate) use state_address;

/// The word of the static `state` at the constant `offset` from its start.
#[cfg(not(mpgc_direct_data))]
#[allow(unused_macros, reason = "likewise")]
macro_rules! state_word {
    ($offset:literal) => {
        concat!("[rax + {", $offset, "}]")
    };
}
#[cfg(mpgc_direct_data)]
#[allow(unused_macros, reason = "likewise")]
macro_rules! state_word {
    ($offset:literal) => {
        concat!("[rip + {state} + {", $offset, "}]")
    };
}
#[allow(unused_imports, reason = "likewise")]
pub(crate) use state_word;

linked! {
    ($)
    link {
        crate::nlr::registers::state_address!(),
        concat!("mov rcx, ", crate::nlr::registers::state_word!("top")),
        "mov [rdi + {prev}], rcx", // the newest buffer is the one before this
        concat!("mov ", crate::nlr::registers::state_word!("top"), ", rdi"), // this is the newest
    }
    keep {
        concat!("mov rcx, ", crate::nlr::registers::state_word!("kept")),
        "mov [rdi + {keeps}], rcx", // what a jump puts back
    }
    done {
        "xor eax, eax", // 0: no jump
        "ret",
    }
    pop {
        crate::nlr::registers::state_address!(),
        concat!("mov rcx, ", crate::nlr::registers::state_word!("top")),
        "mov rcx, [rcx + {prev}]", // the buffer before the newest
        concat!("mov ", crate::nlr::registers::state_word!("top"), ", rcx"), // is the newest now
        "ret",
    }
}
