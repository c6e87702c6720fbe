// The words at fixed places of the RP2040's boot ROM, and its two tables.

    .syntax unified
    .cpu cortex-m0plus
    .thumb

// A Thumb function as the 16 bits that the tables hold; the linker sets no lowest bit in them.
.macro thumb name
    .hword \name + 1
.endm

    .section .vectors, "a"
    .word 0x20041f00            // below what rom_reset() copies
    .word rom_reset
    .word rom_fault
    .word rom_fault
    .byte 'M', 'u', 1, 3        // where version 3 has its tables
    .hword functions
    .hword data
    thumb rom_table_lookup

.macro function code1, code2, name
    .byte \code1, \code2
    thumb \name
.endm

    .section .rodata.tables, "a"
    .balign 4
functions:
    function 'P', '3', rom_popcount
    function 'R', '3', rom_reverse
    function 'L', '3', rom_clz
    function 'T', '3', rom_ctz
    function 'M', 'S', memset
    function 'S', '4', memset
    function 'M', 'C', memcpy
    function 'C', '4', memcpy
    function 'I', 'F', rom_nothing
    function 'E', 'X', rom_nothing
    function 'F', 'C', rom_nothing
    function 'C', 'X', rom_nothing
    function 'R', 'E', rom_flash_erase
    function 'R', 'P', rom_flash_program
    function 'U', 'B', rom_fault
    .hword 0

    .balign 4
data:
    .ascii "SF"
    .hword floats
    .ascii "SD"
    .hword doubles
    .hword 0

// The table's length in words stands two bytes before it.
    .balign 4
    .hword 0, (floats_end - floats) / 4
floats:
    .word __aeabi_fadd, __aeabi_fsub, __aeabi_fmul, __aeabi_fdiv
    .word rom_fault, rom_fault
    .word rom_fault                                             // square root
    .word __aeabi_f2iz, rom_fault, __aeabi_f2uiz, rom_fault
    .word __aeabi_i2f, rom_fault, __aeabi_ui2f, rom_fault
    .word rom_fault, rom_fault, rom_fault, rom_fault            // cos, sin, tan, sincos
    .word rom_fault, rom_fault                                  // exp, ln
    .word rom_fault, rom_fault                                  // compare, atan2
    .word __aeabi_l2f, rom_fault, __aeabi_ul2f, rom_fault
    .word rom_float2int64, rom_float2fix64, rom_float2uint64, rom_float2ufix64
    .word __aeabi_f2d
floats_end:

    .hword 0, (doubles_end - doubles) / 4
doubles:
    .word __aeabi_dadd, __aeabi_dsub, __aeabi_dmul, __aeabi_ddiv
    .word rom_fault, rom_fault
    .word rom_fault
    .word __aeabi_d2iz, rom_fault, __aeabi_d2uiz, rom_fault
    .word __aeabi_i2d, rom_fault, __aeabi_ui2d, rom_fault
    .word rom_fault, rom_fault, rom_fault, rom_fault
    .word rom_fault, rom_fault
    .word rom_fault, rom_fault
    .word __aeabi_l2d, rom_fault, __aeabi_ul2d, rom_fault
    .word rom_double2int64, rom_double2fix64, rom_double2uint64, rom_double2ufix64
    .word __aeabi_d2f
doubles_end:
