// From reset to main on qemu's machine `sim` with the processor of the ESP8266: exceptions, the
// timer's interrupt, and the calls of the simulator (docs of Tensilica's ISS: `simcall`).

#define PS_USER 0x20            // user vectors, all interrupts allowed
#define CAUSE_INTERRUPT 4
// What an interrupt saves: a0, a2 to a11, and two special registers. A function keeps the rest.
#define FRAME 64

    .section .reset, "ax", @progbits
    .global on_reset
on_reset:
    j 1f
    .align 4
    .literal_position
1:  movi a1, stack_top
    movi a2, PS_USER
    wsr a2, ps
    rsync
    movi a0, sim_main
    callx0 a0

    .section .vectors, "ax", @progbits
    .org 0x10
    j on_fault_entry            // debug
    .org 0x20
    j on_fault_entry            // interrupt that cannot be masked
    .org 0x30
    j on_exception              // in kernel mode
    .org 0x50
    j on_exception              // in user mode
    .org 0x70
    j on_fault_entry            // an exception in an exception
    .org 0x80
    .align 4
    .literal_position
on_exception:
    wsr a2, excsave1
    rsr a2, exccause
    bnei a2, CAUSE_INTERRUPT, on_fault_entry
    addi a1, a1, -FRAME
    s32i a0, a1, 0
    rsr a0, excsave1
    s32i a0, a1, 4
    s32i a3, a1, 8
    s32i a4, a1, 12
    s32i a5, a1, 16
    s32i a6, a1, 20
    s32i a7, a1, 24
    s32i a8, a1, 28
    s32i a9, a1, 32
    s32i a10, a1, 36
    s32i a11, a1, 40
    rsr a2, sar
    s32i a2, a1, 44
    rsr a2, epc1
    s32i a2, a1, 48
    movi a0, sim_on_timer
    callx0 a0
    l32i a2, a1, 48
    wsr a2, epc1
    l32i a2, a1, 44
    wsr a2, sar
    l32i a11, a1, 40
    l32i a10, a1, 36
    l32i a9, a1, 32
    l32i a8, a1, 28
    l32i a7, a1, 24
    l32i a6, a1, 20
    l32i a5, a1, 16
    l32i a4, a1, 12
    l32i a3, a1, 8
    l32i a2, a1, 4
    l32i a0, a1, 0
    addi a1, a1, FRAME
    rfe

// Goes on as a call of sim_on_fault(cause, where, address), out of the exception.
on_fault_entry:
    rsr a2, exccause
    rsr a3, epc1
    rsr a4, excvaddr
    movi a0, PS_USER
    wsr a0, ps
    rsync
    movi a0, sim_on_fault
    callx0 a0

    .section .text.simcall, "ax", @progbits
    .align 4
    // int sim_call(int operation, int first, void *memory, int n_bytes)
    .global sim_call
    .type sim_call, @function
sim_call:
    simcall
    ret
    .size sim_call, . - sim_call
