//! x86, 32 bits, System V.

registers! {
    eip ebp esp ebx edi esi
}

save_and_resume! {
    ($)
    slots { eip ebp esp ebx edi esi }
    save {
        "mov edx, [esp + 4]",     // the buffer, the only argument
        "mov eax, [esp]",         // the return address of the caller
        "mov [edx + {eip}], eax", // where a jump goes on
        "mov [edx + {ebp}], ebp", // the callee-saved registers
        "mov [edx + {esp}], esp", // the stack, pointing at the return address
        "mov [edx + {ebx}], ebx",
        "mov [edx + {edi}], edi",
        "mov [edx + {esi}], esi",
    }
    go_on {
        "jmp {tail}", // finds the same argument; links the buffer and returns 0
    }
    resume ("edx") {
        "mov esi, [edx + {esi}]", // the callee-saved registers, as they were
        "mov edi, [edx + {edi}]",
        "mov ebx, [edx + {ebx}]",
        "mov esp, [edx + {esp}]", // the stack as nlr_push found it
        "mov ebp, [edx + {ebp}]",
        "add esp, 4",             // drop the return address; its slot may be in use again
        "mov eax, 1",             // 1: a jump landed here
        // not a return, which the processor expects to go where the last call came from
        "jmp [edx + {eip}]",      // where nlr_push was to return to
    }
}
