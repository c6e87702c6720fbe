// The start and the end of a program on qemu's machine `sim`; see start.S.

#include "sim.h"

int main(void);

void sim_main(void) {
    sim_exit(main());
}

void sim_exit(int status) {
    for (;;) {
        sim_call(SIM_EXIT, status, NULL, 0);
    }
}

static void put_hex(const char *text, uint32_t number) {
    char line[40];
    int n = 0;
    while (*text != 0) {
        line[n++] = *text++;
    }
    for (int shift = 28; shift >= 0; shift -= 4) {
        line[n++] = "0123456789abcdef"[number >> shift & 15];
    }
    line[n++] = '\n';
    sim_call(SIM_WRITE, SIM_STDOUT, line, n);
}

// Programs may have their own.
void __attribute__((weak)) sim_on_fault(uint32_t cause, uint32_t where, uint32_t address) {
    put_hex("exception 0x", cause);
    put_hex("at 0x", where);
    put_hex("address 0x", address);
    sim_exit(2);
}

void __attribute__((weak)) sim_on_timer(void) {
}
