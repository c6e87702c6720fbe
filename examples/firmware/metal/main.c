// The Lisp on a board without an operating system. The SysTick timer is the interrupt. (An nRF51 of
// silicon has no SysTick, qemu's has: on a real micro:bit take one of its timers.)

#include "../lisp.h"
#include "../program.h"
#include "board.h"

extern char stack_top[], stack_bottom[];

static uintptr_t heap[LISP_HEAP_WORDS], lifo[LISP_LIFO_WORDS];

#define SYSTICK(n) (((volatile uint32_t *)0xe000e010)[n])

void on_systick(void) {
    lisp_tick();
}

static void put(const char *text, size_t n_bytes) {
    for (size_t i = 0; i < n_bytes; i++) {
        board_put(text[i]);
    }
}

static size_t interrupts_off(void *user) {
    size_t masked;
    (void)user;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(masked)::"memory");
    return masked;
}

static void interrupts_as_before(void *user, size_t masked) {
    (void)user;
    __asm__ volatile("msr primask, %0" ::"r"(masked) : "memory");
}

int main(void) {
    struct lisp_machine machine = {
        .put = put,
        .enter = interrupts_off,
        .exit = interrupts_as_before,
        .stack_top = stack_top,
        .stack_limit = stack_bottom + 1024, // for a collection, a raise and an interrupt
        .heap = heap,
        .heap_bytes = sizeof heap,
        .lifo = lifo,
        .lifo_bytes = sizeof lifo,
    };
    if (lisp_init(&machine) != 0) {
        put("too small\n", 10);
        return 1;
    }
    SYSTICK(1) = 16000 - 1;
    SYSTICK(2) = 0;
    SYSTICK(0) = 7; // the processor's clock, interrupt, on
    int errors = lisp_run(lisp_program);
    SYSTICK(0) = 0;
    bool whole = lisp_close();
    char count = (char)('0' + errors % 10);
    put(&count, 1);
    put(whole ? " errors, the heap is whole\n" : " errors, the heap is broken\n", whole ? 27 : 28);
    return !whole;
}
