// A header of the SDK, in front of each C file as pico/platform.h is.
#ifndef SDK_PLATFORM_H
#define SDK_PLATFORM_H

#include <stdint.h>

#if !defined(SDK_BOARD) || SDK_CORES != 2
#error "compiled without the definitions of the SDK"
#endif

// No result, as in hardware/sync.h: an error with -Wall -Werror, unless this is a system header.
static inline uint32_t disable_interrupts(void) {
    __asm volatile ("cpsid i" ::: "memory");
}

#endif
