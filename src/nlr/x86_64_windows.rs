//! x86-64, Windows: the argument is in rcx, and rdi and rsi belong to the caller too.
//!
//! So do xmm6 to xmm15, but the buffer of py/nlr.h has no slots for them.

registers! {
    rip rbp rsp rbx r12 r13 r14 r15 rdi rsi
}

save_and_resume! {
    ($)
    slots { rip rbp rsp rbx r12 r13 r14 r15 rdi rsi }
    save {
        "mov rax, [rsp]",         // the return address of the caller
        "mov [rcx + {rip}], rax", // where a jump goes on
        "mov [rcx + {rbp}], rbp", // the callee-saved registers
        "mov [rcx + {rsp}], rsp", // the stack, pointing at the return address
        "mov [rcx + {rbx}], rbx",
        "mov [rcx + {r12}], r12",
        "mov [rcx + {r13}], r13",
        "mov [rcx + {r14}], r14",
        "mov [rcx + {r15}], r15",
        "mov [rcx + {rdi}], rdi",
        "mov [rcx + {rsi}], rsi",
    }
    go_on {
        "jmp {tail}", // links the buffer and returns 0
    }
    resume ("rcx") {
        "mov rsi, [rcx + {rsi}]", // the callee-saved registers, as they were
        "mov rdi, [rcx + {rdi}]",
        "mov r15, [rcx + {r15}]",
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

// A program is one image of less than 2 GB, so the state is in reach of its code.
linked! {
    ($)
    link {
        "mov rdx, [rip + {state} + {top}]",
        "mov [rcx + {prev}], rdx",          // the newest buffer is the one before this
        "mov [rip + {state} + {top}], rcx", // this is the newest
    }
    keep {
        "mov rdx, [rip + {state} + {kept}]",
        "mov [rcx + {keeps}], rdx", // what a jump puts back
    }
    done {
        "xor eax, eax", // 0: no jump
        "ret",
    }
    pop {
        "mov rax, [rip + {state} + {top}]",
        "mov rax, [rax + {prev}]",          // the buffer before the newest
        "mov [rip + {state} + {top}], rax", // is the newest now
        "ret",
    }
}
