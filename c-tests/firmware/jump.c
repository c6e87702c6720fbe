// The LIFO stack and the non-local return.

#include "harness.h"

#define ALIGN (2 * sizeof(void *))

static uintptr_t lifo[64];
static mpgc_thread thread;

static void fresh_thread(void) {
    mpgc_thread_init(&thread, lifo, sizeof lifo, note_error, NULL);
}

static void chunks_of_the_stack_lie_in_a_row(void) {
    fresh_thread();
    char *a = mpgc_stack_alloc(&thread, 1), *b = mpgc_stack_alloc(&thread, ALIGN + 1), *c = mpgc_stack_alloc(&thread, 0);
    EXPECT((uintptr_t)a % ALIGN == 0 && b == a + ALIGN && c == b + 2 * ALIGN);
    EXPECT(mpgc_stack_used(&thread) == 4 * ALIGN); // 0 bytes have an address of their own
    EXPECT(mpgc_stack_free(&thread, b) == MPGC_OK && mpgc_stack_used(&thread) == ALIGN);
    EXPECT(mpgc_stack_alloc(&thread, 5) == b);
}

static void the_stack_s_memory_may_begin_and_end_anywhere(void) {
    char *memory = (char *)lifo;
    for (size_t skip = 0; skip < 2 * ALIGN; skip++) {
        for (size_t n = 0; n < 4 * ALIGN; n++) {
            mpgc_thread_init(&thread, memory + skip, n, note_error, NULL);
            char *chunk;
            while ((chunk = mpgc_stack_alloc(&thread, 1)) != NULL) {
                EXPECT((uintptr_t)chunk % ALIGN == 0 && chunk >= memory + skip && chunk + ALIGN <= memory + skip + n);
            }
            EXPECT(was_reported(MPGC_ERROR_STACK_EXHAUSTED));
            EXPECT(mpgc_stack_used(&thread) + 3 * ALIGN > n); // alignment, rest, map
        }
    }
}

static void an_exhausted_stack_is_null_and_as_it_was(void) {
    fresh_thread();
    size_t most = 0;
    while (mpgc_stack_alloc(&thread, 1) != NULL) {
        most += ALIGN;
    }
    // all of it can be allocated, except for alignment and the map of one bit for every two words
    EXPECT(was_reported(MPGC_ERROR_STACK_EXHAUSTED) && most >= sizeof lifo - 2 * ALIGN - sizeof(uintptr_t));
    fresh_thread();
    EXPECT(mpgc_stack_alloc(&thread, most + 1) == NULL && was_reported(MPGC_ERROR_STACK_EXHAUSTED));
    EXPECT(mpgc_stack_alloc(&thread, SIZE_MAX) == NULL && was_reported(MPGC_ERROR_STACK_EXHAUSTED));
    EXPECT(mpgc_stack_used(&thread) == 0);
    char *all = mpgc_stack_alloc(&thread, most);
    EXPECT(all != NULL && mpgc_stack_alloc(&thread, 1) == NULL && was_reported(MPGC_ERROR_STACK_EXHAUSTED));
    EXPECT(mpgc_stack_used(&thread) == most);
    EXPECT(mpgc_stack_alloc(&thread, 0) == NULL && was_reported(MPGC_ERROR_STACK_EXHAUSTED));
    mpgc_thread_init(&thread, NULL, 0, note_error, NULL);
    EXPECT(mpgc_stack_alloc(&thread, 1) == NULL && was_reported(MPGC_ERROR_STACK_EXHAUSTED));
}

static void a_bad_pointer_is_refused_by_the_stack(void) {
    fresh_thread();
    char *chunk = mpgc_stack_alloc(&thread, 4 * ALIGN);
    int local;
    EXPECT(mpgc_stack_free(&thread, &local) == MPGC_FAULT_FOREIGN && was_reported(MPGC_FAULT_FOREIGN));
    EXPECT(mpgc_stack_free(&thread, chunk - 1) == MPGC_FAULT_FOREIGN && was_reported(MPGC_FAULT_FOREIGN));
    EXPECT(mpgc_stack_free(&thread, NULL) == MPGC_FAULT_FOREIGN && was_reported(MPGC_FAULT_FOREIGN));
    EXPECT(mpgc_stack_free(&thread, chunk + 1) == MPGC_FAULT_INNER && was_reported(MPGC_FAULT_INNER));
    for (int i = 1; i < 4; i++) {
        EXPECT(mpgc_stack_free(&thread, chunk + i * ALIGN) == MPGC_FAULT_INNER && was_reported(MPGC_FAULT_INNER));
    }
    for (int i = 4; i < 6; i++) {
        EXPECT(mpgc_stack_free(&thread, chunk + i * ALIGN) == MPGC_FAULT_DOUBLE_FREE && was_reported(MPGC_FAULT_DOUBLE_FREE));
        EXPECT(mpgc_stack_free(&thread, chunk + i * ALIGN + 1) == MPGC_FAULT_INNER && was_reported(MPGC_FAULT_INNER));
    }
    EXPECT(mpgc_stack_free(&thread, lifo + sizeof lifo / sizeof *lifo) == MPGC_FAULT_FOREIGN && was_reported(MPGC_FAULT_FOREIGN));
    EXPECT(mpgc_stack_used(&thread) == 4 * ALIGN);
}

static void a_chunk_of_the_stack_that_is_given_back_twice_is_a_double_free(void) {
    fresh_thread();
    char *chunks[8];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 8; i++) {
            chunks[i] = mpgc_stack_alloc(&thread, (size_t)i % 3 * ALIGN);
        }
        size_t used = (size_t)(chunks[3] - chunks[0]);
        EXPECT(mpgc_stack_free(&thread, chunks[3]) == MPGC_OK && mpgc_stack_used(&thread) == used);
        for (int i = 3; i < 8; i++) { // and what was handed out after it
            EXPECT(mpgc_stack_free(&thread, chunks[i]) == MPGC_FAULT_DOUBLE_FREE);
            EXPECT(reported.address == chunks[i] && was_reported(MPGC_FAULT_DOUBLE_FREE));
        }
        EXPECT(mpgc_stack_used(&thread) == used);
        // a newly allocated chunk is none of the old ones
        char *again = mpgc_stack_alloc(&thread, 6 * ALIGN);
        EXPECT(again == chunks[3]);
        EXPECT(mpgc_stack_free(&thread, chunks[4]) == MPGC_FAULT_INNER && was_reported(MPGC_FAULT_INNER));
        EXPECT(mpgc_stack_free(&thread, again) == MPGC_OK && mpgc_stack_free(&thread, chunks[0]) == MPGC_OK);
    }
    // chunks that a jump freed are free as well
    mpgc_nlr_buf buffer;
    char *volatile inside = NULL;
    if (mpgc_nlr_push(&thread, &buffer) == 0) {
        inside = mpgc_stack_alloc(&thread, 1);
        mpgc_nlr_jump(&thread, NULL);
    }
    EXPECT(mpgc_stack_free(&thread, inside) == MPGC_FAULT_DOUBLE_FREE && was_reported(MPGC_FAULT_DOUBLE_FREE));
}

// Compares the chunks in use, as allocated and freed, with the stack's answer for each address.
static void the_stack_knows_its_chunks_from_all_else(void) {
    size_t starts[sizeof lifo / ALIGN], n = 0;
    unsigned seed = 1;
    fresh_thread();
    char *base = mpgc_stack_alloc(&thread, 1);
    EXPECT(mpgc_stack_free(&thread, base) == MPGC_OK);
    for (int step = 0; step < 3000; step++) {
        seed = seed * 1664525u + 1013904223u;
        size_t units = 1 + (seed >> 24) % 12, used = mpgc_stack_used(&thread) / ALIGN;
        if (seed >> 31) {
            char *chunk = mpgc_stack_alloc(&thread, units * ALIGN - (seed >> 20) % ALIGN);
            EXPECT(chunk == NULL || chunk == base + used * ALIGN);
            if (chunk != NULL) {
                starts[n++] = used;
            }
            reported.times = 0;
        } else if (n > 0) {
            size_t at = (seed >> 8) % (used + 2), is_start = n;
            for (size_t i = 0; i < n; i++) {
                is_start = starts[i] == at ? i : is_start;
            }
            int freed = mpgc_stack_free(&thread, base + at * ALIGN);
            EXPECT((freed == MPGC_OK) == (is_start < n));
            n = freed == MPGC_OK ? is_start : n;
            EXPECT(mpgc_stack_used(&thread) == (freed == MPGC_OK ? at : used) * ALIGN);
            reported.times = 0;
        }
    }
}

__attribute__((noinline)) static int deep(int depth, int value) {
    mpgc_stack_alloc(&thread, 8);
    if (depth == 0) {
        if (value != 0) {
            mpgc_nlr_jump(&thread, (void *)(intptr_t)value);
        }
        return 0;
    }
    return deep(depth - 1, value) + 1;
}

static void a_jump_lands_with_its_value_and_the_stack_as_it_was(void) {
    fresh_thread();
    mpgc_stack_alloc(&thread, 8);
    size_t used = mpgc_stack_used(&thread);
    volatile int landed = 0;
    for (int depth = 0; depth < 20; depth++) {
        mpgc_nlr_buf buffer;
        if (mpgc_nlr_push(&thread, &buffer) == 0) {
            deep(depth, 100 + depth);
            EXPECT(0);
        } else {
            landed += 1;
            EXPECT((intptr_t)buffer.value == 100 + depth && mpgc_stack_used(&thread) == used);
        }
    }
    EXPECT(landed == 20 && reported.times == 0);
}

// Such a processor has no floats in registers, and no library for all of them.
#ifndef __XTENSA_SOFT_FLOAT__
// Fills all callee-saved registers for floats, and jumps.
__attribute__((noinline)) static void jump_with_floats(volatile double *some) {
    double a = some[0], b = some[1], c = some[2], d = some[3], e = some[4], f = some[5], g = some[6], h = some[7];
    mpgc_stack_used(&thread);
    some[0] = a + b * c + d * e + f * g + h;
    if (some[0] != 0) {
        mpgc_nlr_jump(&thread, NULL);
    }
    some[0] = a * b + c * d + e * f + g * h;
}

__attribute__((noinline)) static void land(volatile double *some) {
    mpgc_nlr_buf buffer;
    if (mpgc_nlr_push(&thread, &buffer) == 0) {
        jump_with_floats(some);
    }
}

static void a_jump_keeps_the_floats_of_those_that_it_does_not_leave(void) {
    fresh_thread();
    volatile double own[8] = {1, 2, 3, 4, 5, 6, 7, 8}, others[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    double a = own[0], b = own[1], c = own[2], d = own[3], e = own[4], f = own[5], g = own[6], h = own[7];
    land(others);
    EXPECT(a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 && g == 7 && h == 8);
    EXPECT(others[0] != 9);
}
#endif

static void buffers_nest_and_a_popped_one_is_passed_by(void) {
    fresh_thread();
    mpgc_nlr_buf outer, inner;
    volatile int way = 0;
    if (mpgc_nlr_push(&thread, &outer) == 0) {
        if (mpgc_nlr_push(&thread, &inner) == 0) {
            EXPECT(mpgc_nlr_pop(&thread) == MPGC_OK);
        } else {
            EXPECT(0);
        }
        if (mpgc_nlr_push(&thread, &inner) == 0) {
            mpgc_nlr_jump(&thread, lifo);
        } else {
            way += 1;
            mpgc_nlr_jump(&thread, inner.value);
        }
    } else {
        way += 10;
        EXPECT(outer.value == lifo);
    }
    EXPECT(way == 11);
    EXPECT(mpgc_nlr_pop(&thread) == MPGC_ERROR_NO_BUFFER && was_reported(MPGC_ERROR_NO_BUFFER));
}

static char order[8];

static void note_a(void *node) {
    (void)node;
    strcat(order, "a");
}

static void note_b(void *node) {
    (void)node;
    strcat(order, "b");
}

__attribute__((noinline)) static void with_callbacks(int jump) {
    mpgc_nlr_callback a, b;
    mpgc_nlr_push_callback(&thread, &a, note_a);
    mpgc_nlr_push_callback(&thread, &b, note_b);
    if (jump) {
        mpgc_nlr_jump(&thread, NULL);
    }
    EXPECT(mpgc_nlr_pop_callback(&thread, true) == MPGC_OK && mpgc_nlr_pop_callback(&thread, false) == MPGC_OK);
}

static void callbacks_run_when_a_jump_passes_by(void) {
    fresh_thread();
    mpgc_nlr_buf buffer;
    order[0] = 0;
    if (mpgc_nlr_push(&thread, &buffer) == 0) {
        with_callbacks(1);
    }
    EXPECT(strcmp(order, "ba") == 0);
    order[0] = 0;
    with_callbacks(0);
    EXPECT(strcmp(order, "b") == 0);
    EXPECT(mpgc_nlr_pop_callback(&thread, true) == MPGC_ERROR_NO_BUFFER && was_reported(MPGC_ERROR_NO_BUFFER));
}

static void report_to_a_pipe(void *user, int kind, const void *address) {
    _exit(kind == MPGC_ERROR_NO_BUFFER && address == user ? 0 : 1);
}

static void jump_nowhere(void) {
    fresh_thread();
    mpgc_nlr_jump(&thread, NULL);
}

static void jump_nowhere_and_leave_by_the_callback(void) {
    mpgc_thread_init(&thread, NULL, 0, report_to_a_pipe, &thread);
    mpgc_nlr_jump(&thread, &thread);
}

static void a_jump_without_a_buffer_stops(void) {
    EXPECT(signal_of(jump_nowhere) == SIGILL);
    EXPECT(signal_of(jump_nowhere_and_leave_by_the_callback) == 0);
}

static uintptr_t memory[1024];
static mpgc_heap heap;

static void raise_it(void *user, int kind, const void *address) {
    (void)address;
    mpgc_nlr_jump(user, (void *)(intptr_t)kind);
}

static void an_error_callback_may_jump(void) {
    fresh_thread();
    mpgc_config config = {.error = raise_it, .user = &thread};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    mpgc_set_collect(&heap, false, SIZE_MAX);
    mpgc_nlr_buf buffer;
    volatile int chunks = 0;
    if (mpgc_nlr_push(&thread, &buffer) == 0) {
        for (;;) {
            mpgc_alloc(&heap, 1, 0);
            chunks += 1;
        }
    }
    EXPECT((intptr_t)buffer.value == MPGC_ERROR_OUT_OF_MEMORY && chunks > 200);
    EXPECT(mpgc_heap_check(&heap, NULL));
    mpgc_collect(&heap);
    EXPECT(mpgc_alloc(&heap, 1, 0) != NULL);
}

static int caught_inside;

static void finaliser_that_catches(mpgc_heap *where, void *user, void *chunk) {
    (void)where, (void)user;
    mpgc_nlr_buf buffer;
    if (mpgc_nlr_push(&thread, &buffer) == 0) {
        mpgc_nlr_jump(&thread, chunk);
    } else {
        caught_inside += buffer.value == chunk;
    }
}

static void finaliser_that_jumps(mpgc_heap *where, void *user, void *chunk) {
    (void)where, (void)user;
    mpgc_nlr_jump(&thread, chunk);
}

static void roots_that_jump(mpgc_heap *where, void *user) {
    (void)where, (void)user;
    mpgc_nlr_jump(&thread, NULL);
}

static void collect_one(mpgc_finalise_fn finalise, mpgc_roots_fn roots) {
    fresh_thread();
    mpgc_config config = {.finalise = finalise, .roots = roots, .thread = &thread};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    *(char *)mpgc_alloc(&heap, 1, MPGC_FINALISER) = 1;
    mpgc_nlr_buf buffer;
    if (mpgc_nlr_push(&thread, &buffer) == 0) {
        mpgc_collect(&heap);
        EXPECT(mpgc_nlr_pop(&thread) == MPGC_OK);
    } else {
        EXPECT(0);
    }
}

static void collect_with_a_jump_out(void) {
    collect_one(finaliser_that_jumps, NULL);
}

static void collect_with_roots_that_jump(void) {
    collect_one(NULL, roots_that_jump);
}

static void a_finaliser_may_catch_its_own_jump_and_no_other(void) {
    caught_inside = 0;
    collect_one(finaliser_that_catches, NULL);
    EXPECT(caught_inside == 1);
    EXPECT(signal_of(collect_with_a_jump_out) == SIGILL);
    EXPECT(signal_of(collect_with_roots_that_jump) == SIGILL);
}

void jump_tests(void) {
    RUN(chunks_of_the_stack_lie_in_a_row);
    RUN(the_stack_s_memory_may_begin_and_end_anywhere);
    RUN(an_exhausted_stack_is_null_and_as_it_was);
    RUN(a_bad_pointer_is_refused_by_the_stack);
    RUN(a_chunk_of_the_stack_that_is_given_back_twice_is_a_double_free);
    RUN(the_stack_knows_its_chunks_from_all_else);
    RUN(a_jump_lands_with_its_value_and_the_stack_as_it_was);
    #ifndef __XTENSA_SOFT_FLOAT__
    RUN(a_jump_keeps_the_floats_of_those_that_it_does_not_leave);
    #endif
    RUN(buffers_nest_and_a_popped_one_is_passed_by);
    RUN(callbacks_run_when_a_jump_passes_by);
    RUN(a_jump_without_a_buffer_stops);
    RUN(an_error_callback_may_jump);
    RUN(a_finaliser_may_catch_its_own_jump_and_no_other);
}
