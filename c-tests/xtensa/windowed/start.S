// From reset to main on qemu's machine `sim` with a processor that has register windows (de212),
// for LLVM's assembler: the one of the compiler for the ESP8266 does not know them.
//
// Where a call needs registers that hold those of an earlier caller, the processor goes to a
// vector, which puts them on the stack (overflow). Where a function returns to registers that are
// not there any more, another vector loads them (underflow). There is a pair of vectors for each
// number of registers that a call turns the window by. What lies where on the stack is Tensilica's
// ABI.

#define PS_WINDOWS 0x40000      // windows overflow

    .section .vectors, "ax", @progbits
    .org 0x000
    s32e a0, a5, -16            // overflow, 4 registers
    s32e a1, a5, -12
    s32e a2, a5, -8
    s32e a3, a5, -4
    rfwo
    .org 0x040
    l32e a0, a5, -16            // underflow, 4 registers
    l32e a1, a5, -12
    l32e a2, a5, -8
    l32e a3, a5, -4
    rfwu
    .org 0x080
    s32e a0, a9, -16            // overflow, 8 registers
    l32e a0, a1, -12
    s32e a1, a9, -12
    s32e a2, a9, -8
    s32e a3, a9, -4
    s32e a4, a0, -32
    s32e a5, a0, -28
    s32e a6, a0, -24
    s32e a7, a0, -20
    rsr a1, excsave1            // counts them: what was in a1 is on the stack
    addi a1, a1, 1
    wsr a1, excsave1
    rfwo
    .org 0x0c0
    l32e a0, a9, -16            // underflow, 8 registers
    l32e a1, a9, -12
    l32e a2, a9, -8
    l32e a7, a1, -12
    l32e a3, a9, -4
    l32e a4, a7, -32
    l32e a5, a7, -28
    l32e a6, a7, -24
    l32e a7, a7, -20
    rfwu
    .org 0x100
    s32e a0, a13, -16           // overflow, 12 registers
    l32e a0, a1, -12
    s32e a1, a13, -12
    s32e a2, a13, -8
    s32e a3, a13, -4
    s32e a4, a0, -48
    s32e a5, a0, -44
    s32e a6, a0, -40
    s32e a7, a0, -36
    s32e a8, a0, -32
    s32e a9, a0, -28
    s32e a10, a0, -24
    s32e a11, a0, -20
    rfwo
    .org 0x140
    l32e a0, a13, -16           // underflow, 12 registers
    l32e a1, a13, -12
    l32e a2, a13, -8
    l32e a11, a1, -12
    l32e a3, a13, -4
    l32e a4, a11, -48
    l32e a5, a11, -44
    l32e a6, a11, -40
    l32e a7, a11, -36
    l32e a8, a11, -32
    l32e a9, a11, -28
    l32e a10, a11, -24
    l32e a11, a11, -20
    rfwu
    // An exception ends the emulator.
    .org 0x300
    j on_fault                  // kernel
    .org 0x340
    j on_fault                  // user
    .org 0x3c0
    j on_fault                  // an exception in an exception
    .org 0x400
on_fault:
    movi a2, 1                  // exit
    movi a3, 2
    .byte 0x00, 0x51, 0x00      // simcall
1:  j 1b

    .section .reset, "ax", @progbits
    .global on_reset
on_reset:
    j 1f
    .p2align 2
stack:
    .long stack_top
start:
    .long sim_main
1:  l32r a1, stack
    movi a2, 0
    wsr a2, windowbase
    rsync
    movi a2, 1
    wsr a2, windowstart
    movi a2, 0
    wsr a2, excsave1
    movi a2, PS_WINDOWS >> 8
    slli a2, a2, 8
    wsr a2, ps
    rsync
    movi a0, 0
    l32r a5, start
    callx4 a5

    .section .text.sim_call, "ax", @progbits
    .p2align 2
    // int sim_call(int operation, int first, void *memory, int n_bytes)
    .global sim_call
    .type sim_call, @function
sim_call:
    entry a1, 32
    .byte 0x00, 0x51, 0x00      // simcall
    retw
    .size sim_call, . - sim_call

    // unsigned overflows(void): how many windows of 8 registers were put on the stack
    .section .text.overflows, "ax", @progbits
    .p2align 2
    .global overflows
    .type overflows, @function
overflows:
    entry a1, 32
    rsr a2, excsave1
    retw
    .size overflows, . - overflows
