// Sizes, ranges and counts so large that a sum with them wraps around.

#include "harness.h"

#define BLOCK (4 * sizeof(void *))
#define ALIGN (2 * sizeof(void *))

static uintptr_t memory[2048], more[512];
static mpgc_heap heap;
static mpgc_thread thread;

static void fresh_heap(void) {
    mpgc_config config = {.error = note_error};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
}

// From sizes that no region has to those that wrap around when they are rounded up to blocks.
static const size_t huge[] = {
    SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX - 2 * BLOCK, SIZE_MAX - BLOCK + 1, SIZE_MAX - BLOCK + 2, SIZE_MAX - 1, SIZE_MAX,
};
#define EACH_HUGE(n) (size_t i_ = 0, n; i_ < sizeof huge / sizeof *huge && (n = huge[i_], 1); i_++)

static void alloc_of_a_size_that_wraps_is_out_of_memory(void) {
    fresh_heap();
    for EACH_HUGE(n) {
        EXPECT(mpgc_alloc(&heap, n, 0) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
        EXPECT(mpgc_alloc(&heap, n, MPGC_FINALISER) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
        EXPECT(mpgc_realloc(&heap, NULL, n, true) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    }
    EXPECT(mpgc_heap_check(&heap, NULL) && mpgc_alloc(&heap, 1, 0) != NULL);
}

static void realloc_to_a_size_that_wraps_is_out_of_memory_and_the_chunk_is_kept(void) {
    fresh_heap();
    mpgc_set_collect(&heap, false, SIZE_MAX);
    char *chunk = mpgc_alloc(&heap, 3 * BLOCK, 0);
    memset(chunk, 7, 3 * BLOCK);
    for EACH_HUGE(n) {
        EXPECT(mpgc_realloc(&heap, chunk, n, true) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
        EXPECT(mpgc_realloc(&heap, chunk, n, false) == NULL && reported.times == 0);
        EXPECT(mpgc_nbytes(&heap, chunk) == 3 * BLOCK);
    }
    EXPECT(chunk[0] == 7 && memcmp(chunk, chunk + 1, 3 * BLOCK - 1) == 0);
    EXPECT(mpgc_alloc(&heap, 1, 0) != chunk && mpgc_heap_check(&heap, NULL));
}

static void a_region_that_wraps_is_no_room(void) {
    mpgc_config config = {.error = note_error};
    for EACH_HUGE(n) {
        void *near_the_end = (void *)(UINTPTR_MAX - 4095);
        if (n > SIZE_MAX - (uintptr_t)memory) {
            EXPECT(mpgc_heap_init(&heap, memory, n, &config) == MPGC_FAULT_NO_ROOM && was_reported(MPGC_FAULT_NO_ROOM));
        }
        EXPECT(mpgc_heap_init(&heap, near_the_end, n, &config) == MPGC_FAULT_NO_ROOM && was_reported(MPGC_FAULT_NO_ROOM));
    }
}

static void an_added_region_that_wraps_is_no_room(void) {
    fresh_heap();
    mpgc_info before, after;
    mpgc_heap_info(&heap, &before);
    EXPECT(mpgc_heap_add(&heap, more, SIZE_MAX) == MPGC_FAULT_NO_ROOM && was_reported(MPGC_FAULT_NO_ROOM));
    // the fields of an area would end behind the end of the address space, and the region too
    for (size_t n = 4096; n < 16384; n += 1000) {
        EXPECT(mpgc_heap_add(&heap, (void *)(UINTPTR_MAX - 31), n) == MPGC_FAULT_NO_ROOM && was_reported(MPGC_FAULT_NO_ROOM));
    }
    mpgc_heap_info(&heap, &after);
    EXPECT(memcmp(&before, &after, sizeof before) == 0);
}

static void ranges_that_wrap_are_no_roots(void) {
    static mpgc_roots roots;
    static void *range[2];
    fresh_heap();
    EXPECT(mpgc_add_roots(&heap, &roots, range, SIZE_MAX) == MPGC_ERROR_RANGE);
    EXPECT(reported.address == range && was_reported(MPGC_ERROR_RANGE));
    EXPECT(mpgc_add_roots(&heap, &roots, (void *)(UINTPTR_MAX - 7), 9) == MPGC_ERROR_RANGE && was_reported(MPGC_ERROR_RANGE));
    EXPECT(mpgc_remove_roots(&heap, &roots) == MPGC_ERROR_ROOTS && was_reported(MPGC_ERROR_ROOTS));
    mpgc_collect(&heap);
    EXPECT(mpgc_add_roots(&heap, &roots, range, sizeof range) == MPGC_OK && reported.times == 0);
}

static uintptr_t kept;

static void mark_ranges_that_wrap(mpgc_heap *where, void *user) {
    static void *range[2];
    range[0] = shown(kept);
    char *volatile here = (char *)&here;
    (void)user;
    EXPECT(mpgc_mark(where, range, SIZE_MAX) == MPGC_ERROR_RANGE && was_reported(MPGC_ERROR_RANGE));
    EXPECT(mpgc_mark_stack(where, here - 4096) == MPGC_ERROR_RANGE && was_reported(MPGC_ERROR_RANGE));
    EXPECT(mpgc_mark(where, range, sizeof range) == MPGC_OK && reported.times == 0);
}

static void ranges_that_wrap_are_not_marked(void) {
    mpgc_config config = {.error = note_error, .roots = mark_ranges_that_wrap};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    kept = hidden(&heap, 1, 0);
    uintptr_t lost = hidden(&heap, 1, 0);
    mpgc_collect(&heap);
    EXPECT(mpgc_nbytes(&heap, shown(kept)) == BYTES_OF(1) && mpgc_nbytes(&heap, shown(lost)) == 0);
}

static void a_stack_that_wraps_is_exhausted_at_once(void) {
    static uintptr_t lifo[64];
    for EACH_HUGE(n) {
        if (n > SIZE_MAX - (uintptr_t)lifo) {
            mpgc_thread_init(&thread, lifo, n, note_error, NULL);
            EXPECT(mpgc_stack_alloc(&thread, 1) == NULL && was_reported(MPGC_ERROR_STACK_EXHAUSTED));
            EXPECT(mpgc_stack_used(&thread) == 0);
        }
        mpgc_thread_init(&thread, lifo, sizeof lifo, note_error, NULL);
        EXPECT(mpgc_stack_alloc(&thread, n) == NULL && was_reported(MPGC_ERROR_STACK_EXHAUSTED));
        EXPECT(mpgc_stack_used(&thread) == 0);
    }
}

// Bytes are rounded up to blocks: n bytes have been handed out when as many blocks have as they
// need.
static void bytes_of_any_number_start_a_collection(void) {
    static const struct {
        size_t n, most_blocks;
    } cases[] = {
        {0, 1}, {1, 1}, {BLOCK, 1}, {BLOCK + 1, 2}, {2 * BLOCK, 2}, {10 * BLOCK - 1, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fresh_heap();
        mpgc_set_collect(&heap, true, cases[i].n);
        size_t most = 0;
        for (int n = 0; n < 30; n++) {
            mpgc_info info;
            mpgc_alloc(&heap, FITTING(BLOCK), 0);
            mpgc_heap_info(&heap, &info);
            most = info.used > most ? info.used : most;
        }
        EXPECT(most == cases[i].most_blocks * BLOCK);
    }
    // none of these wraps to a small one
    for EACH_HUGE(n) {
        fresh_heap();
        mpgc_set_collect(&heap, false, n);
        int chunks = 0;
        while (mpgc_alloc(&heap, FITTING(BLOCK), 0) != NULL) {
            chunks += 1;
        }
        EXPECT(chunks > 400 && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    }
}

#define LOCKS 70000

static void locks_of_a_heap_nest_without_end(void) {
    fresh_heap();
    char *chunk = mpgc_alloc(&heap, 1, 0);
    for (int i = 0; i < LOCKS; i++) {
        mpgc_lock(&heap);
        if (mpgc_alloc(&heap, 1, 0) != NULL || !was_reported(MPGC_ERROR_LOCKED)) {
            printf("    after %d locks it hands out\n", i + 1);
            failed_here = 1;
            return;
        }
    }
    for (int i = 0; i < LOCKS; i++) {
        EXPECT(mpgc_free(&heap, chunk) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
        EXPECT(mpgc_unlock(&heap) == MPGC_OK);
    }
    EXPECT(mpgc_unlock(&heap) == MPGC_ERROR_NOT_LOCKED && was_reported(MPGC_ERROR_NOT_LOCKED));
    EXPECT(mpgc_free(&heap, chunk) == MPGC_OK);
}

static mpgc_sched sched;
static int calls;

static void count_call(void *argument) {
    (void)argument;
    calls += 1;
}

static void locks_of_a_scheduler_nest_without_end(void) {
    mpgc_sched_init(&sched, NULL, NULL, NULL);
    mpgc_sched_schedule(&sched, count_call, NULL);
    calls = 0;
    for (int i = 0; i < LOCKS; i++) {
        mpgc_sched_lock(&sched);
        EXPECT(!mpgc_sched_is_pending(&sched) && !mpgc_sched_run(&sched, NULL));
        if (failed_here) {
            return;
        }
    }
    for (int i = 0; i < LOCKS; i++) {
        EXPECT(calls == 0 && !mpgc_sched_run(&sched, NULL) && mpgc_sched_unlock(&sched) == MPGC_OK);
    }
    EXPECT(mpgc_sched_unlock(&sched) == MPGC_ERROR_NOT_LOCKED);
    EXPECT(mpgc_sched_run(&sched, NULL) && calls == 1);
}

void wrap_tests(void) {
    RUN(alloc_of_a_size_that_wraps_is_out_of_memory);
    RUN(realloc_to_a_size_that_wraps_is_out_of_memory_and_the_chunk_is_kept);
    RUN(a_region_that_wraps_is_no_room);
    RUN(an_added_region_that_wraps_is_no_room);
    RUN(ranges_that_wrap_are_no_roots);
    RUN(ranges_that_wrap_are_not_marked);
    RUN(a_stack_that_wraps_is_exhausted_at_once);
    RUN(bytes_of_any_number_start_a_collection);
    RUN(locks_of_a_heap_nest_without_end);
    RUN(locks_of_a_scheduler_nest_without_end);
}
