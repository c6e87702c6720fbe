// Initialises the Lisp: heap, thread, scheduler and roots.

#include "cells.h"

struct lisp lisp;

// Called by the heap and by the LIFO stack: their errors become errors of the Lisp.
static void error(void *user, int kind, const void *address) {
    (void)user, (void)address;
    if (kind == MPGC_ERROR_NO_BUFFER) {
        return; // no buffer waits for the jump: the library stops the processor
    }
    raise_kind(kind);
}

static void finalise(mpgc_heap *heap, void *user, void *chunk) {
    (void)heap, (void)user, (void)chunk;
    lisp.open_channels -= 1; // only channels have a finaliser
}

int lisp_init(const struct lisp_machine *machine) {
    mpgc_config config = {
        .stack_top = machine->stack_top,
        .thread = &lisp.thread,
        .finalise = finalise,
        .error = error,
    };
    lisp.machine = machine;
    mpgc_thread_init(&lisp.thread, machine->lifo, machine->lifo_bytes, error, NULL);
    mpgc_sched_init(&lisp.sched, machine->enter, machine->exit, NULL);
    mpgc_nlr_buf buffer;
    if (mpgc_nlr_push(&lisp.thread, &buffer) != 0) {
        return 1; // the region is too small for a heap, or for the initial environment
    }
    if (mpgc_heap_init(&lisp.heap, machine->heap, machine->heap_bytes, &config) != MPGC_OK) {
        return 1;
    }
    mpgc_add_roots(&lisp.heap, &lisp.own_roots, &lisp.symbols, offsetof(struct lisp, ticks) - offsetof(struct lisp, symbols));
    mpgc_add_roots(&lisp.heap, &lisp.sched_roots, &lisp.sched, sizeof lisp.sched);
    define_builtins();
    mpgc_nlr_pop(&lisp.thread);
    return 0;
}

int lisp_run(const char *text) {
    // static, because a jump does not restore it: text that was read is not read again
    static const char *at;
    static int errors;
    at = text;
    errors = 0;
    for (;;) {
        mpgc_nlr_buf buffer;
        if (mpgc_nlr_push(&lisp.thread, &buffer) == 0) {
            value form = NULL;
            bool more = read_form(&at, &form);
            if (more) {
                value v = eval(form, NULL);
                put("=> ");
                print(v);
                put("\n");
            }
            mpgc_nlr_pop(&lisp.thread);
            if (!more) {
                return errors;
            }
        } else {
            put("error: ");
            put(buffer.value);
            put("\n");
            errors += 1;
        }
    }
}

bool lisp_close(void) {
    bool whole = mpgc_heap_check(&lisp.heap, NULL);
    return mpgc_heap_close(&lisp.heap) == MPGC_OK && whole && lisp.open_channels == 0;
}
