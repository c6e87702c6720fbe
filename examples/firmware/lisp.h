// A small Lisp on the library for C programs: its cells lie in a collected heap, its arguments on
// the LIFO stack, its errors are jumps, and calls that an interrupt requests run between two
// others. Nothing of a C library is needed.

#ifndef LISP_H
#define LISP_H

#include "mpgc.h"

// What a machine provides.
struct lisp_machine {
    // Prints a text.
    void (*put)(const char *text, size_t n_bytes);
    // Disable and enable the interrupt that calls `lisp_tick`.
    mpgc_enter_fn enter;
    mpgc_exit_fn exit;
    // The end of the C stack, the higher one, and how far it may grow down.
    const void *stack_top;
    const void *stack_limit;
    // Memory for the heap and for the LIFO stack.
    void *heap;
    size_t heap_bytes;
    void *lifo;
    size_t lifo_bytes;
};

// Returns 0 if it fits.
int lisp_init(const struct lisp_machine *machine);

// Evaluates all that a text says and prints each value. An error is printed, and ends the
// expression in which it happened. Returns how many errors there were.
int lisp_run(const char *text);

// Called by an interrupt: counts a tick, and has the function of `every-tick` called soon.
void lisp_tick(void);

// Ends the Lisp: runs the remaining finalisers. Returns whether the heap is whole.
bool lisp_close(void);

#endif
