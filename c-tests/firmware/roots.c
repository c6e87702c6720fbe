// What keeps a chunk alive, and what happens to one that nothing keeps.

#include "harness.h"

#define BLOCK (4 * sizeof(void *))

static uintptr_t memory[4096];
static mpgc_heap heap;

static int alive(uintptr_t hidden_address) {
    return mpgc_nbytes(&heap, shown(hidden_address)) != 0;
}

static void ranges_keep_what_they_and_their_chunks_refer_to(void) {
    static void *range[4];
    static mpgc_roots roots;
    mpgc_config config = {.error = note_error};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    EXPECT(mpgc_add_roots(&heap, &roots, range, sizeof range) == MPGC_OK);
    EXPECT(mpgc_add_roots(&heap, &roots, range, sizeof range) == MPGC_ERROR_ROOTS && was_reported(MPGC_ERROR_ROOTS));
    EXPECT(mpgc_add_roots(&heap, NULL, range, sizeof range) == MPGC_FAULT_FOREIGN && was_reported(MPGC_FAULT_FOREIGN));
    range[3] = mpgc_alloc(&heap, 2 * BLOCK, 0);
    ((void **)range[3])[7] = mpgc_alloc(&heap, 1, 0);
    uintptr_t kept = ~(uintptr_t)range[3], inner = ~(uintptr_t)((void **)range[3])[7], lost = hidden(&heap, 1, 0);
    mpgc_collect(&heap);
    mpgc_info info;
    mpgc_heap_info(&heap, &info);
    EXPECT(alive(kept) && alive(inner) && !alive(lost) && info.collected == 1);
    EXPECT(mpgc_remove_roots(&heap, &roots) == MPGC_OK);
    EXPECT(mpgc_remove_roots(&heap, &roots) == MPGC_ERROR_ROOTS && was_reported(MPGC_ERROR_ROOTS));
    mpgc_collect(&heap);
    EXPECT(!alive(kept) && !alive(inner));
}

static void only_whole_words_of_a_range_are_read(void) {
    static struct {
        char before;
        char bytes[3 * sizeof(void *)];
    } __attribute__((aligned(16))) range;
    static mpgc_roots roots;
    mpgc_heap_init(&heap, memory, sizeof memory, NULL);
    void *chunk = mpgc_alloc(&heap, 1, 0);
    memcpy((char *)&range + sizeof(void *), &chunk, sizeof chunk);
    uintptr_t kept = ~(uintptr_t)chunk;
    EXPECT(mpgc_add_roots(&heap, &roots, &range.bytes[0], 2 * sizeof(void *) - 1) == MPGC_OK);
    mpgc_collect(&heap);
    EXPECT(alive(kept));
    EXPECT(mpgc_remove_roots(&heap, &roots) == MPGC_OK);
    EXPECT(mpgc_add_roots(&heap, &roots, &range.bytes[0], 2 * sizeof(void *) - 2) == MPGC_OK);
    mpgc_collect(&heap);
    EXPECT(!alive(kept));
}

__attribute__((noinline)) static void collect_with_a_chunk_on_the_stack(void) {
    void *volatile local[3] = {mpgc_alloc(&heap, 1, 0), NULL, mpgc_alloc(&heap, 1, 0)};
    mpgc_collect(&heap);
    EXPECT(mpgc_nbytes(&heap, local[0]) != 0 && mpgc_nbytes(&heap, local[2]) != 0);
}

__attribute__((noinline)) static void overwrite_the_stack(void) {
    volatile char bytes[2000];
    memset((char *)bytes, 0, sizeof bytes);
}

#if defined(__x86_64__)
// Collects while a chunk's address is in one register that a function has to give back, and nowhere
// else: the library saves such registers itself, where its own functions have not.
#define COLLECT_WITH_A_CHUNK_IN(name) \
    __attribute__((noinline)) static void collect_with_a_chunk_in_##name(void) { \
        register void *chunk __asm__(#name) = mpgc_alloc(&heap, 1, 0); \
        __asm__ volatile("" : "+r"(chunk)); \
        overwrite_the_stack(); \
        mpgc_collect(&heap); \
        __asm__ volatile("" : "+r"(chunk)); \
        EXPECT(mpgc_nbytes(&heap, chunk) != 0); \
    }
COLLECT_WITH_A_CHUNK_IN(rbx)
COLLECT_WITH_A_CHUNK_IN(r12)
COLLECT_WITH_A_CHUNK_IN(r13)
COLLECT_WITH_A_CHUNK_IN(r14)
COLLECT_WITH_A_CHUNK_IN(r15)
#endif

__attribute__((noinline)) static uintptr_t chunk_in_a_frame_that_ends(void) {
    return hidden(&heap, 1, 0);
}

static void the_c_stack_and_registers_keep_chunks(void) {
    mpgc_config config = {.stack_top = MPGC_STACK_TOP};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    collect_with_a_chunk_on_the_stack();
#if defined(__x86_64__)
    collect_with_a_chunk_in_rbx();
    collect_with_a_chunk_in_r12();
    collect_with_a_chunk_in_r13();
    collect_with_a_chunk_in_r14();
    collect_with_a_chunk_in_r15();
#endif
    uintptr_t gone = chunk_in_a_frame_that_ends();
    overwrite_the_stack();
    mpgc_collect(&heap);
    EXPECT(!alive(gone));
}

__attribute__((noinline)) static void the_function_that_asks_for_the_top_is_scanned_too(void) {
    void *volatile first = NULL;
    void *volatile local[4] = {NULL};
    mpgc_config config = {.stack_top = MPGC_STACK_TOP};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    first = mpgc_alloc(&heap, 1, 0);
    for (int i = 0; i < 4; i++) {
        local[i] = mpgc_alloc(&heap, 1, 0);
    }
    mpgc_collect(&heap);
    EXPECT(mpgc_nbytes(&heap, first) != 0);
    for (int i = 0; i < 4; i++) {
        EXPECT(mpgc_nbytes(&heap, local[i]) != 0);
    }
}

static uintptr_t marked_by_callback;

static void mark_one(mpgc_heap *where, void *user) {
    void *word = shown(marked_by_callback);
    EXPECT(user == &marked_by_callback && where == &heap);
    EXPECT(mpgc_mark(where, &word, sizeof word) == MPGC_OK);
}

static void a_callback_marks_roots(void) {
    mpgc_config config = {.roots = mark_one, .error = note_error, .user = &marked_by_callback};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    marked_by_callback = hidden(&heap, 1, 0);
    uintptr_t lost = hidden(&heap, 1, 0);
    mpgc_collect(&heap);
    EXPECT(alive(marked_by_callback) && !alive(lost) && reported.times == 0);
    EXPECT(mpgc_mark(&heap, memory, 8) == MPGC_ERROR_NOT_COLLECTING && was_reported(MPGC_ERROR_NOT_COLLECTING));
    EXPECT(mpgc_mark_stack(&heap, MPGC_STACK_TOP) == MPGC_ERROR_NOT_COLLECTING && was_reported(MPGC_ERROR_NOT_COLLECTING));
}

static void the_lifo_stack_keeps_chunks_as_far_as_it_is_in_use(void) {
    static uintptr_t lifo[32];
    mpgc_thread thread;
    mpgc_thread_init(&thread, lifo, sizeof lifo, NULL, NULL);
    mpgc_config config = {.thread = &thread};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    void **frame = mpgc_stack_alloc(&thread, 2 * sizeof(void *));
    frame[1] = mpgc_alloc(&heap, 1, 0);
    uintptr_t kept = ~(uintptr_t)frame[1];
    mpgc_collect(&heap);
    EXPECT(alive(kept));
    EXPECT(mpgc_stack_free(&thread, frame) == MPGC_OK);
    mpgc_collect(&heap);
    EXPECT(!alive(kept));
}

static int finalised, freed_in_finaliser, roots_asked;
static uintptr_t last_finalised;

static void finalise(mpgc_heap *where, void *user, void *chunk) {
    EXPECT(user == &finalised && where == &heap);
    finalised += 1;
    last_finalised = ~(uintptr_t)chunk;
    void *inner = ((void **)chunk)[1];
    if (inner != NULL) {
        freed_in_finaliser += mpgc_free(where, inner) == MPGC_OK;
    }
    EXPECT(mpgc_alloc(where, 1, 0) == NULL && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_heap_close(where) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
    mpgc_collect(where); // changes nothing
}

static void count_roots(mpgc_heap *where, void *user) {
    (void)where, (void)user;
    roots_asked += 1;
}

static void finalisers_run_once_and_may_free(void) {
    mpgc_config config = {.finalise = finalise, .roots = count_roots, .error = note_error, .user = &finalised};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    finalised = freed_in_finaliser = roots_asked = 0;
    void **object = mpgc_alloc(&heap, BLOCK, MPGC_FINALISER);
    object[0] = object;
    object[1] = mpgc_alloc(&heap, 1, 0);
    hidden(&heap, 1, MPGC_FINALISER);                             // its first word stays zero: none
    *(int *)shown(hidden(&heap, BLOCK, 0)) = 1;                   // not flagged: none
    void **freed = mpgc_alloc(&heap, BLOCK, MPGC_FINALISER);      // freed by hand: none
    freed[0] = freed;
    EXPECT(mpgc_free(&heap, freed) == MPGC_OK);
    mpgc_collect(&heap);
    EXPECT(finalised == 1 && freed_in_finaliser == 1 && shown(last_finalised) == object);
    EXPECT(roots_asked == 1); // and not by the collection of the finaliser
    mpgc_info info;
    mpgc_heap_info(&heap, &info);
    EXPECT(info.used == 0 && mpgc_heap_check(&heap, NULL));
    object = mpgc_alloc(&heap, BLOCK, MPGC_FINALISER);
    object[0] = object;
    EXPECT(mpgc_heap_close(&heap) == MPGC_OK && finalised == 2);
}

static void it_collects_when_full_and_at_the_threshold(void) {
    mpgc_heap_init(&heap, memory, sizeof memory, NULL);
    for (int i = 0; i < 20000; i++) {
        EXPECT(mpgc_alloc(&heap, BLOCK, 0) != NULL);
    }
    mpgc_heap_init(&heap, memory, sizeof memory, NULL);
    mpgc_set_collect(&heap, true, 10 * BLOCK);
    mpgc_info info;
    size_t most = 0;
    for (int i = 0; i < 100; i++) {
        mpgc_alloc(&heap, BLOCK, 0);
        mpgc_heap_info(&heap, &info);
        most = info.used > most ? info.used : most;
    }
    EXPECT(most == 10 * BLOCK);
}

static void long_chains_are_marked_whole(void) {
    static void *first;
    static mpgc_roots roots;
    mpgc_heap_init(&heap, memory, sizeof memory, NULL);
    mpgc_add_roots(&heap, &roots, &first, sizeof first);
    first = NULL;
    mpgc_info info;
    do { // a tree whose mark needs more than the mark stack
        void **node = mpgc_alloc(&heap, BLOCK, 0);
        node[0] = first;
        for (int i = 1; i < 4; i++) {
            node[i] = mpgc_alloc(&heap, BLOCK, 0);
        }
        first = node;
        mpgc_heap_info(&heap, &info);
    } while (info.free > 8 * BLOCK);
    mpgc_collect(&heap);
    mpgc_info after;
    mpgc_heap_info(&heap, &after);
    EXPECT(after.used == info.used && after.collected == 0 && mpgc_heap_check(&heap, NULL));
    first = NULL;
    mpgc_collect(&heap);
    mpgc_heap_info(&heap, &after);
    EXPECT(after.used == 0);
}

void root_tests(void) {
    RUN(ranges_keep_what_they_and_their_chunks_refer_to);
    RUN(only_whole_words_of_a_range_are_read);
    RUN(the_c_stack_and_registers_keep_chunks);
    RUN(the_function_that_asks_for_the_top_is_scanned_too);
    RUN(a_callback_marks_roots);
    RUN(the_lifo_stack_keeps_chunks_as_far_as_it_is_in_use);
    RUN(finalisers_run_once_and_may_free);
    RUN(it_collects_when_full_and_at_the_threshold);
    RUN(long_chains_are_marked_whole);
}
