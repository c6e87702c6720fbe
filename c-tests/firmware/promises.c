// Sentences of include/mpgc.h about the heap that no other test covers (docs/promises.md).

#include "harness.h"

#define BLOCK (4 * sizeof(void *))

static uintptr_t memory[2048], more[512];
static mpgc_heap heap;

static void heap_with(mpgc_config config) {
    reported.times = 0;
    EXPECT(mpgc_heap_init(&heap, memory, sizeof memory, &config) == MPGC_OK);
}

static int alive(uintptr_t hidden_address) {
    return mpgc_nbytes(&heap, shown(hidden_address)) != 0;
}

static void each_error_has_a_number_of_its_own(void) {
    const int all[] = {
        MPGC_OK, MPGC_FAULT_NO_ROOM, MPGC_FAULT_FOREIGN, MPGC_FAULT_INNER, MPGC_FAULT_DOUBLE_FREE, MPGC_FAULT_BROKEN_TABLE,
        MPGC_FAULT_WRITE_AFTER_FREE, MPGC_FAULT_OVERRUN, MPGC_ERROR_OUT_OF_MEMORY, MPGC_ERROR_LOCKED, MPGC_ERROR_STACK_EXHAUSTED,
        MPGC_ERROR_NO_BUFFER, MPGC_ERROR_ROOTS, MPGC_ERROR_NOT_COLLECTING, MPGC_ERROR_NOT_LOCKED, MPGC_ERROR_RANGE,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t j = 0; j < i; j++) {
            EXPECT(all[i] != all[j]);
        }
    }
    EXPECT(MPGC_OK == 0);
}

static void texts_are_one_line_and_valid_for_ever(void) {
    const char *version = mpgc_version(), *info = mpgc_build_info();
    heap_with((mpgc_config) {0});
    ((char *)memory)[100] = 2;
    mpgc_broken broken;
    EXPECT(!mpgc_heap_check(&heap, &broken) && broken.what[broken.what_len] == 0);
    heap_with((mpgc_config) {0});
    mpgc_heap_close(&heap);
    EXPECT(version == mpgc_version() && strcmp(version, MPGC_VERSION_STRING) == 0);
    EXPECT(info == mpgc_build_info() && strchr(info, '\n') == NULL && strstr(info, "for C programs") != NULL);
    EXPECT(strlen(broken.what) > 0);
#ifdef HARDENED
    EXPECT(strstr(info, ", hardened") != NULL);
#endif
}

static void init_makes_a_heap_of_memory_that_holds_anything(void) {
    for (int fill = 0; fill < 256; fill += 51) {
        memset(&heap, fill, sizeof heap);
        memset(memory, fill, sizeof memory);
        EXPECT(mpgc_heap_init(&heap, memory, sizeof memory, NULL) == MPGC_OK);
        mpgc_info info;
        mpgc_heap_info(&heap, &info);
        EXPECT(info.used == 0 && info.free == info.total && info.collected == 0 && mpgc_heap_check(&heap, NULL));
        EXPECT(mpgc_unlock(&heap) == MPGC_ERROR_NOT_LOCKED);
        void *chunk = mpgc_alloc(&heap, 1, 0);
        EXPECT(chunk > (void *)memory && chunk < (void *)(memory + sizeof memory / sizeof *memory));
        mpgc_collect(&heap);
        EXPECT(mpgc_nbytes(&heap, chunk) == 0); // no root is left of what was there
    }
}

static void the_configuration_is_copied(void) {
    mpgc_config config = {.error = note_error};
    heap_with(config);
    memset(&config, 0xff, sizeof config);
    EXPECT(mpgc_unlock(&heap) == MPGC_ERROR_NOT_LOCKED && was_reported(MPGC_ERROR_NOT_LOCKED));
}

static void without_callbacks_calls_return_what_is_wrong(void) {
    EXPECT(mpgc_heap_init(&heap, memory, sizeof memory, NULL) == MPGC_OK);
    void **object = mpgc_alloc(&heap, BLOCK, MPGC_FINALISER);
    object[0] = object; // a finaliser is never run
    EXPECT(mpgc_free(&heap, (char *)object + 1) == MPGC_FAULT_INNER && mpgc_unlock(&heap) == MPGC_ERROR_NOT_LOCKED);
    EXPECT(mpgc_alloc(&heap, sizeof memory, 0) == NULL && mpgc_mark(&heap, memory, 8) == MPGC_ERROR_NOT_COLLECTING);
    uintptr_t turned = ~(uintptr_t)object;
    EXPECT(mpgc_collect(&heap) == MPGC_OK && !alive(turned));
}

static int depth, times_entered;

static size_t enter(void *user) {
    EXPECT(user == &depth);
    depth += 1;
    return (size_t)(1000 + times_entered++);
}

static void leave(void *user, size_t held) {
    EXPECT(user == &depth && held >= 1000 && held < 1000 + (size_t)times_entered);
    depth -= 1;
}

static int reported_while_held;

static void error_with_its_user(void *user, int kind, const void *address) {
    EXPECT(user == &depth);
    reported_while_held += depth != 0;
    note_error(NULL, kind, address);
}

static void no_section_is_held_when_an_error_is_reported_and_each_is_ended(void) {
    mpgc_roots roots;
    heap_with((mpgc_config) {.error = error_with_its_user, .enter = enter, .exit = leave, .user = &depth});
    depth = reported_while_held = 0;
    void *chunk = mpgc_alloc(&heap, 1, 0);
    EXPECT(mpgc_alloc(&heap, sizeof memory, 0) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    chunk = mpgc_alloc(&heap, 1, 0);
    EXPECT(mpgc_realloc(&heap, chunk, sizeof memory, true) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    chunk = mpgc_alloc(&heap, 1, 0);
    EXPECT(mpgc_realloc(&heap, (char *)chunk + 1, 1, true) == NULL && was_reported(MPGC_FAULT_INNER));
    EXPECT(mpgc_free(&heap, &depth) == MPGC_FAULT_FOREIGN && was_reported(MPGC_FAULT_FOREIGN));
    EXPECT(mpgc_unlock(&heap) == MPGC_ERROR_NOT_LOCKED && was_reported(MPGC_ERROR_NOT_LOCKED));
    EXPECT(mpgc_remove_roots(&heap, &roots) == MPGC_ERROR_ROOTS && was_reported(MPGC_ERROR_ROOTS));
    EXPECT(mpgc_add_roots(&heap, &roots, memory, SIZE_MAX) == MPGC_ERROR_RANGE && was_reported(MPGC_ERROR_RANGE));
    EXPECT(mpgc_heap_add(&heap, more, 1) == MPGC_FAULT_NO_ROOM && was_reported(MPGC_FAULT_NO_ROOM));
    mpgc_lock(&heap);
    EXPECT(mpgc_alloc(&heap, 1, 0) == NULL && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_collect(&heap) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_heap_close(&heap) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_unlock(&heap) == MPGC_OK && mpgc_heap_close(&heap) == MPGC_OK);
    EXPECT(depth == 0 && reported_while_held == 0 && times_entered >= 10);
}

static void the_figures_are_those_of_the_blocks(void) {
    heap_with((mpgc_config) {0});
    mpgc_set_collect(&heap, false, SIZE_MAX);
    mpgc_info info;
    mpgc_heap_info(&heap, &info);
    size_t total = info.total;
    EXPECT(total % BLOCK == 0 && info.free == total && info.max_free == total && info.max_used == 0);
    void *a = mpgc_alloc(&heap, FITTING(3 * BLOCK), 0), *b = mpgc_alloc(&heap, 1, 0);
    EXPECT(a != NULL && b != NULL && mpgc_free(&heap, a) == MPGC_OK);
    mpgc_heap_info(&heap, &info);
    EXPECT(info.total == total && info.used == BLOCK && info.free == total - BLOCK);
    EXPECT(info.max_free == total - 4 * BLOCK && info.max_used == BLOCK);
    EXPECT(mpgc_alloc(&heap, FITTING(info.max_free) + 1, 0) == NULL && mpgc_alloc(&heap, FITTING(info.max_free), 0) != NULL);
    mpgc_heap_info(&heap, &info);
    EXPECT(info.max_free == 3 * BLOCK && info.max_used == total - 4 * BLOCK && info.used == total - 3 * BLOCK);
    mpgc_collect(&heap);
    mpgc_heap_info(&heap, &info);
    EXPECT(info.collected == 2 && info.used == 0);
    mpgc_collect(&heap);
    mpgc_heap_info(&heap, &info);
    EXPECT(info.collected == 0);
}

static void what_is_broken_is_reported_with_its_area_and_block(void) {
    mpgc_broken broken;
    heap_with((mpgc_config) {0});
    EXPECT(mpgc_heap_check(&heap, &broken) && mpgc_heap_add(&heap, more, sizeof more) == MPGC_OK);
    // the first block of the third byte of the table becomes a tail behind a free block
    ((char *)memory)[2] = 2;
    EXPECT(!mpgc_heap_check(&heap, NULL) && !mpgc_heap_check(&heap, &broken));
    EXPECT(broken.area == 0 && broken.block == 8 && strstr(broken.what, "tail") != NULL);
    ((char *)memory)[2] = 0;
    EXPECT(mpgc_heap_check(&heap, NULL));
    char *second_table = (char *)more + 8 * sizeof(void *); // behind the fields of the area
    second_table[1] = 3;
    EXPECT(!mpgc_heap_check(&heap, &broken) && broken.area == 1 && broken.block == 4);
    second_table[1] = 0;
    // the byte behind the table belongs to no block
    mpgc_info info;
    EXPECT(mpgc_heap_init(&heap, memory, sizeof memory, NULL) == MPGC_OK);
    mpgc_heap_info(&heap, &info);
    ((char *)memory)[info.total / BLOCK / 4] = 1;
    EXPECT(!mpgc_heap_check(&heap, &broken) && broken.block == SIZE_MAX);
}

static void any_address_may_be_asked_about(void) {
    heap_with((mpgc_config) {.error = note_error});
    void *chunk = mpgc_alloc(&heap, 1, 0);
    size_t n = 7;
    for (uintptr_t address = 0, i = 0; i < 3000; i++, address += UINTPTR_MAX / 2999) {
        EXPECT(mpgc_nbytes(&heap, (void *)address) == 0);
        EXPECT(mpgc_heap_chunk_of(&heap, (void *)address, &n) == NULL && n == 7);
    }
    EXPECT(mpgc_nbytes(&heap, NULL) == 0 && mpgc_nbytes(&heap, (void *)UINTPTR_MAX) == 0);
    EXPECT(mpgc_heap_chunk_of(&heap, (char *)chunk + 1, &n) == chunk && n == BLOCK && reported.times == 0);
}

static int collects;

static void count_collects(mpgc_heap *where, void *user) {
    (void)where, (void)user;
    collects += 1;
}

static void a_full_heap_is_collected_once_unless_that_is_off(void) {
    static void *all;
    static mpgc_roots roots;
    heap_with((mpgc_config) {.error = note_error, .roots = count_collects});
    EXPECT(mpgc_add_roots(&heap, &roots, &all, sizeof all) == MPGC_OK);
    mpgc_info info;
    mpgc_heap_info(&heap, &info);
    all = mpgc_alloc(&heap, FITTING(info.total), 0);
    collects = 0;
    EXPECT(mpgc_alloc(&heap, 1, 0) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY) && collects == 1);
    mpgc_set_collect(&heap, false, SIZE_MAX);
    all = NULL; // garbage now, but nobody collects it
    EXPECT(mpgc_alloc(&heap, 1, 0) == NULL && was_reported(MPGC_ERROR_OUT_OF_MEMORY) && collects == 1);
    mpgc_set_collect(&heap, true, SIZE_MAX);
    EXPECT(mpgc_alloc(&heap, 1, 0) != NULL && collects == 2 && reported.times == 0);
}

// The most blocks that are in use while 300 chunks of a block are allocated, and how many could be.
static size_t most_used(size_t *allocated) {
    size_t most = 0;
    mpgc_info info;
    *allocated = 0;
    for (int i = 0; i < 300; i++) {
        *allocated += mpgc_alloc(&heap, FITTING(BLOCK), 0) != NULL;
        mpgc_heap_info(&heap, &info);
        most = info.used > most ? info.used : most;
    }
    return most / BLOCK;
}

static void it_collects_by_bytes_also_where_it_does_not_when_full(void) {
    size_t allocated;
    for (int when_full = 0; when_full < 2; when_full++) {
        heap_with((mpgc_config) {.error = note_error});
        mpgc_set_collect(&heap, when_full, 10 * BLOCK);
        EXPECT(most_used(&allocated) == 10 && allocated == 300 && reported.times == 0);
    }
    // more bytes than there are: it is full first
    heap_with((mpgc_config) {.error = note_error, .roots = count_collects});
    mpgc_set_collect(&heap, false, 2 * sizeof memory);
    mpgc_info info;
    mpgc_heap_info(&heap, &info);
    collects = 0;
    EXPECT(mpgc_alloc(&heap, FITTING(info.total), 0) != NULL && mpgc_alloc(&heap, 1, 0) == NULL && collects == 0);
    EXPECT(was_reported(MPGC_ERROR_OUT_OF_MEMORY));
    mpgc_set_collect(&heap, true, 2 * sizeof memory);
    EXPECT(mpgc_alloc(&heap, 1, 0) != NULL && collects == 1);
}

static void a_heap_that_was_just_made_collects_when_full_alone(void) {
    size_t allocated;
    EXPECT(mpgc_heap_init(&heap, memory, 300 * BLOCK, NULL) == MPGC_OK);
    mpgc_info info;
    mpgc_heap_info(&heap, &info);
    EXPECT(most_used(&allocated) == info.total / BLOCK && allocated == 300);
}

static void a_locked_heap_is_neither_collected_nor_closed(void) {
    heap_with((mpgc_config) {.error = note_error, .roots = count_collects});
    uintptr_t garbage = hidden(&heap, 1, 0);
    mpgc_set_collect(&heap, true, 0);
    collects = 0;
    mpgc_lock(&heap);
    EXPECT(mpgc_collect(&heap) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_heap_close(&heap) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_alloc(&heap, 1, 0) == NULL && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(alive(garbage) && collects == 0 && mpgc_heap_check(&heap, NULL));
    EXPECT(mpgc_unlock(&heap) == MPGC_OK && mpgc_collect(&heap) == MPGC_OK && !alive(garbage));
}

static void a_closed_heap_gives_its_memory_back(void) {
    heap_with((mpgc_config) {0});
    EXPECT(mpgc_heap_add(&heap, more, sizeof more) == MPGC_OK && mpgc_alloc(&heap, sizeof memory / 2, 0) != NULL);
    EXPECT(mpgc_heap_close(&heap) == MPGC_OK);
    memset(memory, 0x5a, sizeof memory);
    memset(more, 0x5a, sizeof more);
    EXPECT(mpgc_heap_init(&heap, more, sizeof more, NULL) == MPGC_OK && mpgc_alloc(&heap, 1, 0) != NULL);
    for (size_t i = 0; i < sizeof memory; i++) {
        EXPECT(((char *)memory)[i] == 0x5a);
    }
}

static int finalised;

static void look_at_what_it_refers_to(mpgc_heap *where, void *user, void *chunk) {
    void **object = chunk, **next = object[1];
    (void)user;
    EXPECT(object[0] == object && mpgc_nbytes(where, object) == BLOCK);
    EXPECT(next[0] == next && mpgc_nbytes(where, next) == BLOCK && next[2] == (void *)7);
    finalised += 1;
    // forbidden calls in a finaliser change nothing
    EXPECT(mpgc_realloc(where, object, 3 * BLOCK, true) == NULL && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_heap_add(where, more, sizeof more) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
    mpgc_lock(where);
    EXPECT(mpgc_free(where, next) == MPGC_ERROR_LOCKED && was_reported(MPGC_ERROR_LOCKED));
    EXPECT(mpgc_unlock(where) == MPGC_OK && mpgc_nbytes(where, next) == BLOCK);
}

static void what_a_dying_chunk_refers_to_is_still_whole(void) {
    heap_with((mpgc_config) {.finalise = look_at_what_it_refers_to, .error = note_error});
    void **pair[2];
    for (int i = 0; i < 2; i++) {
        pair[i] = mpgc_alloc(&heap, BLOCK, MPGC_FINALISER);
        pair[i][0] = pair[i];
        pair[i][2] = (void *)7;
    }
    pair[0][1] = pair[1];
    pair[1][1] = pair[0];
    finalised = 0;
    mpgc_collect(&heap);
    mpgc_info info;
    mpgc_heap_info(&heap, &info);
    EXPECT(finalised == 2 && info.used == 0 && info.collected == 2 && mpgc_heap_check(&heap, NULL));
}

void promise_tests(void) {
    RUN(each_error_has_a_number_of_its_own);
    RUN(texts_are_one_line_and_valid_for_ever);
    RUN(init_makes_a_heap_of_memory_that_holds_anything);
    RUN(the_configuration_is_copied);
    RUN(without_callbacks_calls_return_what_is_wrong);
    RUN(no_section_is_held_when_an_error_is_reported_and_each_is_ended);
    RUN(the_figures_are_those_of_the_blocks);
    RUN(what_is_broken_is_reported_with_its_area_and_block);
    RUN(any_address_may_be_asked_about);
    RUN(a_full_heap_is_collected_once_unless_that_is_off);
    RUN(it_collects_by_bytes_also_where_it_does_not_when_full);
    RUN(a_heap_that_was_just_made_collects_when_full_alone);
    RUN(a_locked_heap_is_neither_collected_nor_closed);
    RUN(a_closed_heap_gives_its_memory_back);
    RUN(what_a_dying_chunk_refers_to_is_still_whole);
}
