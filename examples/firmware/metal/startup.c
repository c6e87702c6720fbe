// From reset to main, on any Cortex-M: the vector table, memory as C expects it, and the end. `mem`
// functions are here because the compiler calls them and there is no C library.

#include <stddef.h>
#include <stdint.h>

#include "board.h"

extern uint32_t stack_top[], data_start[], data_end[], data_in_flash[], bss_start[], bss_end[];

int main(void);
void on_systick(void);
void exit_qemu(int failed);
void on_reset(void);

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((char *)to)[i] = ((const char *)from)[i];
    }
    return to;
}

void *memset(void *to, int byte, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((char *)to)[i] = (char)byte;
    }
    return to;
}

static void say(const char *text) {
    while (*text != 0) {
        board_put(*text++);
    }
}

void on_reset(void) {
    memcpy(data_start, data_in_flash, (size_t)((char *)data_end - (char *)data_start));
    memset(bss_start, 0, (size_t)((char *)bss_end - (char *)bss_start));
    board_init();
    exit_qemu(main());
}

static void on_fault(void) {
    say("fault\n");
    exit_qemu(1);
}

// Semihosting: qemu ends, with status 0 if it did not fail.
void exit_qemu(int failed) {
    register uint32_t operation __asm__("r0") = 0x18;
    register uint32_t reason __asm__("r1") = failed ? 0x20024 : 0x20026;
    __asm__ volatile("bkpt #0xab" ::"r"(operation), "r"(reason) : "memory");
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))stack_top,
    on_reset,
    on_fault, // NMI
    on_fault, // HardFault
    [15] = on_systick,
};
