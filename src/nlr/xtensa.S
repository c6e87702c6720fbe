// Xtensa. rustc has no assembly for it, so the compiler of the port, or of the C program, assembles
// this file. With a name in NLR_PUSH it is for the call0 ABI, and xtensa.rs has the slots.

// LLVM has no instruction of this processor for a trap and calls abort instead. The linker leads
// these calls here (--wrap): the carrier may not need a function that a port need not have.
    .section .text.__wrap_abort, "ax", @progbits
    .align 4
    .global __wrap_abort
    .type __wrap_abort, @function
__wrap_abort:
    ill                     // an exception
    .size __wrap_abort, . - __wrap_abort

#ifdef NLR_PUSH

    .macro begin name, section
    .section .text.\section, "ax", @progbits
    .align 4
    .global \name
    .type \name, @function
\name:
    .endm

    .macro save
    s32i a0, a2, 8          // where a jump goes on
    s32i a1, a2, 12         // the stack of the caller
    s32i a8, a2, 16         // not callee-saved, but py/nlrxtensa.c has slots for them
    s32i a9, a2, 20
    s32i a10, a2, 24
    s32i a11, a2, 28
    s32i a12, a2, 32        // the callee-saved registers
    s32i a13, a2, 36
    s32i a14, a2, 40
    s32i a15, a2, 44
    .endm

    // unsigned nlr_push(buffer). It is in the section of nlr_push_tail, since a linker may place
    // others farther apart than `j` reaches.
    begin NLR_PUSH, nlr_push_tail
    save
    j nlr_push_tail         // links the buffer and returns 0
    .size NLR_PUSH, . - NLR_PUSH

    // void nlr_save_registers(buffer): for a collection, which reads them there.
    begin nlr_save_registers, nlr_save_registers
    save
    ret
    .size nlr_save_registers, . - nlr_save_registers

    // void nlr_resume(buffer): does not return to its caller.
    begin nlr_resume, nlr_resume
    l32i a0, a2, 8          // where nlr_push was to return to
    l32i a1, a2, 12         // the stack as nlr_push found it
    l32i a8, a2, 16
    l32i a9, a2, 20
    l32i a10, a2, 24
    l32i a11, a2, 28
    l32i a12, a2, 32        // the callee-saved registers, as they were
    l32i a13, a2, 36
    l32i a14, a2, 40
    l32i a15, a2, 44
    movi a2, 1              // 1: a jump landed here
    ret
    .size nlr_resume, . - nlr_resume

#endif
