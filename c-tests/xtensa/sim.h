// qemu's machine `sim`: what start.S and sim.c have for programs on it.

#ifndef SIM_H
#define SIM_H

#include <stddef.h>
#include <stdint.h>

// Operations of sim_call, and its files.
enum { SIM_EXIT = 1, SIM_READ = 3, SIM_WRITE = 4, SIM_SELECT_ONE = 29 };
enum { SIM_STDIN = 0, SIM_STDOUT = 1 };

int sim_call(int operation, int first, void *memory, int n_bytes);

// Ends the emulator with this status.
void __attribute__((noreturn)) sim_exit(int status);

// Called by start.S: at reset, at each timer interrupt, and for an exception, which ends there.
void __attribute__((noreturn)) sim_main(void);
void sim_on_timer(void);
void __attribute__((noreturn)) sim_on_fault(uint32_t cause, uint32_t where, uint32_t address);

#endif
