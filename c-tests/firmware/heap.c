// The heap: what it allocates, and how it reports errors.

#include "harness.h"

#define BLOCK (4 * sizeof(void *))

static uintptr_t memory[2048];
static mpgc_heap heap;

static mpgc_error_fn on_error = note_error;

#define ONE FITTING(BLOCK)

static void fresh_heap(void) {
    mpgc_config config = {.error = on_error};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
}

static void chunks_are_zero_and_aligned_and_lie_apart(void) {
    memset(memory, 0x5a, sizeof memory);
    fresh_heap();
    mpgc_set_collect(&heap, false, SIZE_MAX);
    char *before = NULL;
    for (size_t n = 1; n < 5 * BLOCK; n += 7) {
        char *chunk = mpgc_alloc(&heap, n, 0);
        EXPECT(chunk != NULL);
        EXPECT((uintptr_t)chunk % BLOCK == 0);
        EXPECT(mpgc_nbytes(&heap, chunk) == BYTES_OF(n));
        for (size_t i = 0; i < n; i++) {
            EXPECT(chunk[i] == 0);
        }
        EXPECT(before == NULL || before + mpgc_nbytes(&heap, before) <= chunk);
        memset(chunk, 0xff, n);
        before = chunk;
    }
    EXPECT(mpgc_heap_check(&heap, NULL));
    EXPECT(mpgc_alloc(&heap, 0, 0) == NULL);
    EXPECT(reported.times == 0);
}

static void a_region_too_small_is_no_room(void) {
    mpgc_config config = {.error = note_error};
    int sizes_refused = 0;
    for (size_t n = 0; n < 12 * BLOCK; n++) {
        int made = mpgc_heap_init(&heap, memory, n, &config);
        if (made != MPGC_OK) {
            EXPECT(made == MPGC_FAULT_NO_ROOM && was_reported(MPGC_FAULT_NO_ROOM));
            sizes_refused += 1;
        } else {
            // what was made has four blocks at least
            EXPECT(mpgc_alloc(&heap, 1, 0) && mpgc_alloc(&heap, 1, 0) && mpgc_alloc(&heap, 1, 0) && mpgc_alloc(&heap, 1, 0));
            EXPECT(mpgc_heap_check(&heap, NULL));
        }
    }
    EXPECT((size_t)sizes_refused >= 4 * BLOCK && (size_t)sizes_refused < 8 * BLOCK);
    reported.times = 0;
    EXPECT(mpgc_heap_init(&heap, NULL, sizeof memory, &config) == MPGC_FAULT_NO_ROOM && was_reported(MPGC_FAULT_NO_ROOM));
    // no callback is required
    EXPECT(mpgc_heap_init(&heap, memory, 1, NULL) == MPGC_FAULT_NO_ROOM);
}

static void a_region_may_begin_and_end_anywhere(void) {
    char *base = (char *)memory;
    for (size_t skip = 0; skip < BLOCK; skip++) {
        for (size_t less = 0; less < BLOCK; less++) {
            memset(memory, 0x5a, sizeof memory);
            EXPECT(mpgc_heap_init(&heap, base + 8 + skip, 1000 - less, NULL) == MPGC_OK);
            mpgc_set_collect(&heap, false, SIZE_MAX);
            char *chunk;
            while ((chunk = mpgc_alloc(&heap, BLOCK, 0)) != NULL) {
                memset(chunk, 0xff, BLOCK);
            }
            EXPECT(mpgc_heap_check(&heap, NULL));
            for (size_t i = 0; i < 8 + skip; i++) {
                EXPECT(base[i] == 0x5a);
            }
            for (size_t i = 8 + skip + 1000 - less; i < sizeof memory; i++) {
                EXPECT(base[i] == 0x5a);
            }
        }
    }
}

// How many chunks of one block it takes for the heap to collect.
static size_t chunks_to_a_collection(void) {
    size_t n = 0;
    for (mpgc_info info = {.collected = 0}; info.collected == 0 && n < 5000; n++) {
        hidden(&heap, ONE, 0);
        mpgc_heap_info(&heap, &info);
    }
    return n;
}

static void a_paced_heap_collects_before_it_is_full(void) {
    static uintptr_t more[2048];
    mpgc_config config = {.error = note_error, .pacing = 8};
    mpgc_info info;
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    mpgc_heap_info(&heap, &info);
    EXPECT(chunks_to_a_collection() == info.total / BLOCK / 8 + 1);
    // another region sets it again
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    EXPECT(mpgc_heap_add(&heap, more, sizeof more) == MPGC_OK);
    mpgc_heap_info(&heap, &info);
    EXPECT(chunks_to_a_collection() == info.total / BLOCK / 8 + 1);
    // the program's value takes precedence, also when a region is added
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    mpgc_set_collect(&heap, true, 5 * BLOCK);
    EXPECT(mpgc_heap_add(&heap, more, sizeof more) == MPGC_OK);
    EXPECT(chunks_to_a_collection() == 6);
    // never: only when it is full
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    mpgc_set_collect(&heap, true, SIZE_MAX);
    mpgc_heap_info(&heap, &info);
    EXPECT(chunks_to_a_collection() == info.total / BLOCK + 1);
    EXPECT(reported.times == 0 && mpgc_heap_check(&heap, NULL));
}

static void a_full_heap_is_out_of_memory_and_goes_on(void) {
    fresh_heap();
    mpgc_set_collect(&heap, false, SIZE_MAX);
    void *first = NULL, *chunk;
    while ((chunk = mpgc_alloc(&heap, ONE, 0)) != NULL) {
        first = first ? first : chunk;
    }
    EXPECT(was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    mpgc_info info;
    mpgc_heap_info(&heap, &info);
    EXPECT(info.free == 0 && info.used == info.total && info.max_free == 0 && info.max_used == BLOCK);
    EXPECT(mpgc_realloc(&heap, first, 2 * BLOCK, true) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    EXPECT(mpgc_nbytes(&heap, first) == ONE);
    EXPECT(mpgc_free(&heap, first) == MPGC_OK);
    EXPECT(mpgc_alloc(&heap, ONE, 0) == first);
    EXPECT(mpgc_alloc(&heap, SIZE_MAX, 0) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    EXPECT(mpgc_alloc(&heap, SIZE_MAX - BLOCK, 0) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    EXPECT(mpgc_heap_check(&heap, NULL));
}

static void a_bad_pointer_is_refused_and_nothing_is_changed(void) {
    fresh_heap();
    char *chunk = mpgc_alloc(&heap, 3 * BLOCK, 0), *other = mpgc_alloc(&heap, ONE, 0);
    int local = 0;
    mpgc_info before, after;
    mpgc_heap_info(&heap, &before);
    struct {
        void *pointer;
        int kind;
    } bad[] = {
        {&local, MPGC_FAULT_FOREIGN},
        {memory, MPGC_FAULT_FOREIGN}, // in the tables
        {memory + sizeof memory / sizeof *memory, MPGC_FAULT_FOREIGN},
        {(void *)1, MPGC_FAULT_FOREIGN},
        {(void *)UINTPTR_MAX, MPGC_FAULT_FOREIGN},
        {chunk + 1, MPGC_FAULT_INNER},
        {chunk + BLOCK, MPGC_FAULT_INNER},
        {other + BLOCK, MPGC_FAULT_DOUBLE_FREE},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(mpgc_free(&heap, bad[i].pointer) == bad[i].kind);
        EXPECT(reported.address == bad[i].pointer && was_reported(bad[i].kind));
        EXPECT(mpgc_realloc(&heap, bad[i].pointer, 100, true) == NULL);
        EXPECT(reported.address == bad[i].pointer && was_reported(bad[i].kind));
        EXPECT(mpgc_nbytes(&heap, bad[i].pointer) == 0);
    }
    mpgc_heap_info(&heap, &after);
    EXPECT(memcmp(&before, &after, sizeof before) == 0);
    EXPECT(mpgc_free(&heap, other) == MPGC_OK);
    EXPECT(mpgc_free(&heap, other) == MPGC_FAULT_DOUBLE_FREE && was_reported(MPGC_FAULT_DOUBLE_FREE));
    EXPECT(mpgc_free(&heap, NULL) == MPGC_OK && reported.times == 0);
    EXPECT(mpgc_heap_check(&heap, NULL));
}

static void the_chunk_of_an_address_is_found(void) {
    fresh_heap();
    char *chunk = mpgc_alloc(&heap, 2 * BLOCK + ONE, 0);
    size_t n = 0;
    EXPECT(mpgc_heap_chunk_of(&heap, chunk + 2 * BLOCK + 5, &n) == chunk && n == 3 * BLOCK);
    EXPECT(mpgc_heap_chunk_of(&heap, chunk + 3 * BLOCK, NULL) == NULL);
    EXPECT(mpgc_heap_chunk_of(&heap, &heap, NULL) == NULL);
}

static void a_chunk_grows_and_shrinks_and_keeps_what_is_in_it(void) {
    fresh_heap();
    char *chunk = mpgc_realloc(&heap, NULL, BLOCK, false);
    memset(chunk, 7, BLOCK);
    EXPECT(mpgc_realloc(&heap, chunk, 4 * BLOCK, false) == chunk);
    char *wall = mpgc_alloc(&heap, BLOCK, 0);
    EXPECT(mpgc_realloc(&heap, chunk, 5 * BLOCK, false) == NULL && reported.times == 0);
    char *moved = mpgc_realloc(&heap, chunk, 5 * BLOCK, true);
    EXPECT(moved != NULL && moved != chunk && mpgc_nbytes(&heap, chunk) == 0);
    for (size_t i = 0; i < 5 * BLOCK; i++) {
        EXPECT(moved[i] == (i < BLOCK ? 7 : 0));
    }
    EXPECT(mpgc_realloc(&heap, moved, 1, true) == moved && mpgc_nbytes(&heap, moved) == BYTES_OF(1));
    EXPECT(mpgc_realloc(&heap, moved, 0, true) == NULL && mpgc_nbytes(&heap, moved) == 0);
    EXPECT(mpgc_nbytes(&heap, wall) == BLOCK && reported.times == 0);
}

static void a_locked_heap_refuses_and_says_so(void) {
    fresh_heap();
    char *chunk = mpgc_alloc(&heap, BLOCK, 0);
    mpgc_lock(&heap);
    mpgc_lock(&heap);
    EXPECT(mpgc_unlock(&heap) == MPGC_OK);
    EXPECT(mpgc_alloc(&heap, 1, 0) == NULL && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_realloc(&heap, chunk, 3 * BLOCK, true) == NULL && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_free(&heap, chunk) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_nbytes(&heap, chunk) == BLOCK);
    EXPECT(mpgc_unlock(&heap) == MPGC_OK);
    EXPECT(mpgc_unlock(&heap) == MPGC_ERROR_NOT_LOCKED && was_reported(MPGC_ERROR_NOT_LOCKED));
    EXPECT(mpgc_free(&heap, chunk) == MPGC_OK);
}

static void a_region_is_added_and_used(void) {
    static uintptr_t more[512];
    fresh_heap();
    mpgc_set_collect(&heap, false, SIZE_MAX);
    EXPECT(mpgc_alloc(&heap, sizeof memory / 2, 0) != NULL);
    EXPECT(mpgc_alloc(&heap, sizeof memory / 2, 0) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    EXPECT(mpgc_heap_add(&heap, NULL, 100) == MPGC_FAULT_NO_ROOM && was_reported(MPGC_FAULT_NO_ROOM));
    for (size_t n = 0; n < 12 * BLOCK; n += 3) {
        mpgc_info without, with;
        mpgc_heap_info(&heap, &without);
        if (mpgc_heap_add(&heap, more, n) == MPGC_OK) {
            mpgc_heap_info(&heap, &with);
            EXPECT(with.total >= without.total + 4 * BLOCK && mpgc_heap_check(&heap, NULL));
            fresh_heap();
            mpgc_set_collect(&heap, false, SIZE_MAX);
        } else {
            EXPECT(n < 12 * BLOCK - 3 && was_reported(MPGC_FAULT_NO_ROOM));
        }
    }
    mpgc_info before, after;
    mpgc_heap_info(&heap, &before);
    EXPECT(mpgc_heap_add(&heap, more, sizeof more) == MPGC_OK);
    mpgc_heap_info(&heap, &after);
    EXPECT(after.total > before.total + sizeof more * 8 / 10);
    int in_more = 0;
    char *chunk;
    while ((chunk = mpgc_alloc(&heap, ONE, 0)) != NULL) {
        in_more += chunk >= (char *)more && chunk < (char *)more + sizeof more;
    }
    EXPECT(in_more > 400 / 4 && mpgc_heap_check(&heap, NULL));
}

static void heaps_do_not_know_of_each_other(void) {
    static uintptr_t others[1024];
    mpgc_heap other;
    fresh_heap();
    EXPECT(mpgc_heap_init(&other, others, sizeof others, NULL) == MPGC_OK);
    char *here = mpgc_alloc(&heap, BLOCK, 0), *there = mpgc_alloc(&other, BLOCK, 0);
    memset(there, 3, BLOCK);
    EXPECT(mpgc_free(&heap, there) == MPGC_FAULT_FOREIGN);
    mpgc_lock(&heap);
    EXPECT(mpgc_alloc(&other, BLOCK, 0) != NULL);
    mpgc_unlock(&heap);
    mpgc_collect(&heap); // without roots: `here` goes
    EXPECT(mpgc_nbytes(&heap, here) == 0 && mpgc_nbytes(&other, there) == BLOCK && there[BLOCK - 1] == 3);
    EXPECT(mpgc_heap_check(&heap, NULL) && mpgc_heap_check(&other, NULL));
}

static void a_broken_table_is_found(void) {
    fresh_heap();
    mpgc_alloc(&heap, BLOCK, 0);
    ((char *)memory)[100] = 2; // the table says: a tail where nothing is before it
    mpgc_broken broken = {0};
    EXPECT(!mpgc_heap_check(&heap, &broken));
    EXPECT(broken.what_len > 0 && broken.area == 0);
    EXPECT(strlen(broken.what) == broken.what_len);
}

#ifdef HARDENED
static void overrun(void) {
    fresh_heap();
    char *chunk = mpgc_alloc(&heap, 10, 0);
    chunk[10] = 1;
    mpgc_free(&heap, chunk);
}

// The request fills its block.
static void overrun_of_a_full_block(void) {
    fresh_heap();
    char *chunk = mpgc_alloc(&heap, BLOCK, 0);
    chunk[BLOCK] = 1;
    mpgc_free(&heap, chunk);
}

static void write_after_free(void) {
    fresh_heap();
    char *chunk = mpgc_alloc(&heap, 2 * BLOCK, 0);
    mpgc_free(&heap, chunk);
    chunk[BLOCK] = 1;
    mpgc_alloc(&heap, 2 * BLOCK, 0);
}

static void broken_table(void) {
    fresh_heap();
    mpgc_alloc(&heap, BLOCK, 0);
    ((char *)memory)[100] = 2;
    mpgc_collect(&heap);
}

static int expected;

static void leave_as_expected(void *user, int kind, const void *address) {
    (void)user, (void)address;
    _exit(kind == expected ? 42 : 1);
}

// A hardened heap reports that kind, then the processor stops.
static void expect_stop(void (*function)(void), int kind) {
    EXPECT(signal_of(function) == SIGILL);
    expected = kind;
    on_error = leave_as_expected;
    EXPECT(status_of(function) == 42);
    on_error = note_error;
}

static void a_hardened_heap_stops_at_an_overrun(void) {
    expect_stop(overrun, MPGC_FAULT_OVERRUN);
    expect_stop(overrun_of_a_full_block, MPGC_FAULT_OVERRUN);
}

static void a_hardened_heap_stops_at_a_write_after_a_free(void) {
    expect_stop(write_after_free, MPGC_FAULT_WRITE_AFTER_FREE);
}

static void a_hardened_heap_stops_at_a_broken_table(void) {
    expect_stop(broken_table, MPGC_FAULT_BROKEN_TABLE);
}
#endif

static void a_library_without_the_feature_counts_nothing(void) {
    fresh_heap();
    EXPECT(mpgc_alloc(&heap, 1, 0) != NULL);
    mpgc_figures figures;
    memset(&figures, 0x5a, sizeof figures);
    mpgc_figures before = figures;
    EXPECT(!mpgc_heap_stats(&heap, &figures));
    EXPECT(memcmp(&figures, &before, sizeof figures) == 0);
    mpgc_heap_reset_stats(&heap);
    EXPECT(mpgc_heap_check(&heap, NULL));
}

void heap_tests(void) {
    RUN(chunks_are_zero_and_aligned_and_lie_apart);
    RUN(a_region_too_small_is_no_room);
    RUN(a_region_may_begin_and_end_anywhere);
    RUN(a_paced_heap_collects_before_it_is_full);
    RUN(a_full_heap_is_out_of_memory_and_goes_on);
    RUN(a_bad_pointer_is_refused_and_nothing_is_changed);
    RUN(the_chunk_of_an_address_is_found);
    RUN(a_chunk_grows_and_shrinks_and_keeps_what_is_in_it);
    RUN(a_locked_heap_refuses_and_says_so);
    RUN(a_region_is_added_and_used);
    RUN(heaps_do_not_know_of_each_other);
    RUN(a_broken_table_is_found);
    RUN(a_library_without_the_feature_counts_nothing);
#ifdef HARDENED
    RUN(a_hardened_heap_stops_at_an_overrun);
    RUN(a_hardened_heap_stops_at_a_write_after_a_free);
    RUN(a_hardened_heap_stops_at_a_broken_table);
#endif
}
