// The values of the Lisp, and the declarations that its files share. A value is NULL, which is the
// empty list and false; an odd number, which is a small integer; or a cell, which is one block of
// the heap.

#ifndef CELLS_H
#define CELLS_H

#include "lisp.h"

enum kind { PAIR = 1, SYMBOL, BUILTIN, CLOSURE, CHANNEL };

typedef struct cell *value;
typedef value builtin(int count, value *arguments);

struct cell {
    uintptr_t kind; // never 0: a finaliser is called for cells whose first word is not
    union {
        struct {
            value first, rest;
        } pair;
        struct {
            const char *name; // a chunk of the heap, or a constant
            value global;
            value next; // of all symbols
        } symbol;
        struct {
            builtin *function;
            int least, most; // arguments
        } built_in;
        struct {
            value parameters, body, environment;
        } closure;
        struct {
            value number;
        } channel;
    } as;
};

struct lisp {
    const struct lisp_machine *machine;
    mpgc_heap heap;
    mpgc_thread thread;
    mpgc_sched sched;
    mpgc_roots own_roots, sched_roots;
    mpgc_sched_node tick_node;
    // From here on: roots.
    value symbols, on_tick;
    value quote, if_, let, fn, define, while_, try_, begin, rest, t;
    // Up to here.
    volatile int ticks;
    int open_channels;
};

extern struct lisp lisp;

static inline bool is_number(value v) {
    return ((uintptr_t)v & 1) != 0;
}

static inline value from_number(intptr_t n) {
    return (value)(((uintptr_t)n << 1) | 1);
}

static inline intptr_t to_number(value v) {
    return (intptr_t)v >> 1;
}

static inline bool is(value v, enum kind kind) {
    return v != NULL && !is_number(v) && v->kind == (uintptr_t)kind;
}

// values.c
value new_cell(enum kind kind);
value cons(value first, value rest);
value symbol(const char *name, size_t length, bool constant);
void print(value v);
void put(const char *text);
void put_number(intptr_t n);
MPGC_NORETURN void raise(const char *message);
MPGC_NORETURN void raise_kind(int kind);

// reader.c
bool read_form(const char **at, value *form);

// eval.c
value eval(value form, value environment);
value apply(value function, int count, value *arguments);
void poll_interrupts(void);

// builtins.c
void define_builtins(void);

#endif
