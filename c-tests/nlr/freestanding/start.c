// Starts main() on Linux without a C library, and prints.

#include <stdarg.h>
#include <stdint.h>

#include "stdio.h"

#ifndef __loongarch64
#error "only LoongArch is run without a C library"
#endif

// Of Linux for LoongArch.
#define WRITE (64)
#define EXIT (93)
#define STANDARD_OUTPUT (1)

int main(void);

static long call_system(long number, long first, long second, long third) {
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = first;
    register long a1 __asm__("a1") = second;
    register long a2 __asm__("a2") = third;
    __asm__ volatile (
        "syscall 0"
        : "+r" (a0)
        : "r" (a7), "r" (a1), "r" (a2)
        : "memory", "$t0", "$t1", "$t2", "$t3", "$t4", "$t5", "$t6", "$t7", "$t8");
    return a0;
}

static void put(char byte) {
    call_system(WRITE, STANDARD_OUTPUT, (long)&byte, 1);
}

static void put_number(unsigned int value, unsigned int base) {
    if (value >= base) {
        put_number(value / base, base);
    }
    put("0123456789abcdef"[value % base]);
}

// Supports non-negative numbers, as %d and %x.
int printf(const char *format, ...) {
    va_list values;
    va_start(values, format);
    for (; *format; format++) {
        if (*format != '%') {
            put(*format);
        } else {
            format++;
            put_number(va_arg(values, unsigned int), *format == 'x' ? 16 : 10);
        }
    }
    va_end(values);
    return 0;
}

// The compiler copies and clears with these.
void *memset(void *to, int byte, size_t length) {
    for (volatile char *at = to; length > 0; length--) {
        *at++ = byte;
    }
    return to;
}

__attribute__((used)) static void run(void) {
    call_system(EXIT, main(), 0, 0);
    __builtin_unreachable();
}

// The kernel provides a stack that is aligned as calls require.
__asm__ (
    ".globl _start\n"
    "_start:\n"
    "    move $fp, $zero\n"
    "    b run\n");
