// Functions of a twin that `make bench` needs besides those of the heap; only with TWIN_BENCH.

#include <valgrind/callgrind.h>

#include "py/gc.h"
#include "py/nlr.h"
#include "py/pystack.h"
#include "py/runtime.h"

#include "twin.h"

// Three frames of a call chain.
static void pystack(size_t times) {
    #if MICROPY_ENABLE_PYSTACK
    for (size_t i = 0; i < times; i++) {
        void *first = mp_pystack_alloc(24);
        void *second = mp_pystack_alloc(100);
        void *third = mp_pystack_alloc(48);
        mp_pystack_free(third);
        mp_pystack_free(second);
        mp_pystack_free(first);
    }
    #endif
}

static void push_pop(size_t times) {
    for (size_t i = 0; i < times; i++) {
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            nlr_pop();
        }
    }
}

static void push_jump(size_t times) {
    for (volatile size_t i = 0; i < times; i++) {
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            nlr_jump((void *)&nlr);
        }
    }
}

// A full queue, then all of it.
static void schedule_run(size_t times) {
    #if MICROPY_ENABLE_SCHEDULER
    for (size_t i = 0; i < times; i++) {
        for (size_t k = 0; k < MICROPY_SCHEDULER_DEPTH; k++) {
            mp_sched_schedule(MP_OBJ_NEW_SMALL_INT(1), MP_OBJ_NEW_SMALL_INT(k));
        }
        for (size_t k = 0; k < MICROPY_SCHEDULER_DEPTH; k++) {
            mp_handle_pending(true);
        }
    }
    #endif
}

static void count_begin(void) {
    CALLGRIND_START_INSTRUMENTATION;
}

static void count_end(const char *name) {
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT(name);
}

const twin_bench_t twin_bench = {
    .collect_start = gc_collect_start,
    .collect_root = gc_collect_root,
    .collect_end = gc_collect_end,
    .pystack = pystack,
    .push_pop = push_pop,
    .push_jump = push_jump,
    .schedule_run = schedule_run,
    .count_begin = count_begin,
    .count_end = count_end,
};
