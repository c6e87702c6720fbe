// Snapshots of a heap: what is in them, read as docs/snapshot.md says.

#include "harness.h"

#define BLOCK (4 * sizeof(void *))

enum { END = 0, MEMORY = 1, AREA = 5, ROOTS = 6, DESCRIPTION = 7 };
enum { REGISTERED = 0, MARKED = 1, LIFO = 2, STACK = 3 };

// A small program: a list of connections, each with a buffer.
struct connection {
    struct connection *next;
    char *buffer;
    uintptr_t number;
};

static uintptr_t memory[2048], more[256], lifo[64];
static mpgc_heap heap;
static mpgc_thread thread;
static struct connection *connections;
static void *marked_by_callback;
static mpgc_roots roots;
static int enters, exits;

static size_t enter(void *user) {
    (void)user;
    return (size_t)++enters;
}

static void leave(void *user, size_t held) {
    (void)user;
    exits += (size_t)enters == held;
}

static void mark_further(mpgc_heap *where, void *user) {
    (void)user;
    EXPECT(mpgc_mark(where, &marked_by_callback, sizeof marked_by_callback) == MPGC_OK);
    reported.times = 0;
    EXPECT(mpgc_mark(where, memory, SIZE_MAX) == MPGC_ERROR_RANGE && was_reported(MPGC_ERROR_RANGE));
    EXPECT(mpgc_mark_thread(where, NULL) == MPGC_OK && mpgc_mark_thread(where, &thread) == MPGC_OK);
    EXPECT(mpgc_mark_stack(where, MPGC_STACK_TOP) == MPGC_OK);
    EXPECT(mpgc_mark_stack(where, (void *)1) == MPGC_ERROR_RANGE && was_reported(MPGC_ERROR_RANGE));
}

static void *volatile seen_by_finaliser;
static int refused;

static void write_nothing(void *user, const uint8_t *bytes, size_t n_bytes) {
    (void)user, (void)bytes, (void)n_bytes;
    refused = 0;
}

static void finalise(mpgc_heap *where, void *user, void *chunk) {
    (void)user;
    seen_by_finaliser = chunk;
    refused = 1;
    refused &= mpgc_heap_snapshot(where, write_nothing, NULL, NULL) == MPGC_ERROR_LOCKED;
}

__attribute__((noinline)) static void connect_all(void) {
    for (uintptr_t i = 0; i < 3; i++) {
        struct connection *made = mpgc_alloc(&heap, sizeof *made, 0);
        made->next = connections;
        made->number = i;
        connections = made;
        made->buffer = mpgc_alloc(&heap, 100, 0);
    }
}

static void start(mpgc_roots_fn further, const void *stack_top) {
    mpgc_config config = {
        .stack_top = stack_top,
        .thread = &thread,
        .roots = further,
        .finalise = finalise,
        .error = note_error,
        .enter = enter,
        .exit = leave,
    };
    mpgc_thread_init(&thread, lifo, sizeof lifo, note_error, NULL);
    EXPECT(mpgc_heap_init(&heap, memory, sizeof memory, &config) == MPGC_OK);
    EXPECT(mpgc_heap_add(&heap, more, sizeof more) == MPGC_OK);
    connections = NULL;
    EXPECT(mpgc_add_roots(&heap, &roots, &connections, sizeof connections) == MPGC_OK);
    connect_all();
}

static const char *describe(void *user, const void *address, size_t n_bytes, const char **label) {
    static char number[20];
    (void)user;
    if (address == &connections) {
        EXPECT(n_bytes == sizeof connections);
        return "connections";
    }
    for (struct connection *each = connections; each != NULL; each = each->next) {
        if (address == each) {
            EXPECT(n_bytes == BYTES_OF(sizeof *each));
            snprintf(number, sizeof number, "number %d", (int)each->number);
            *label = number;
            return "connection";
        }
        if (address == each->buffer) {
            return "buffer";
        }
    }
    return NULL;
}

// A snapshot in memory.
static unsigned char kept[25000 * sizeof(void *)];
static size_t kept_bytes;
static int user_word;

static void keep(void *user, const uint8_t *bytes, size_t n_bytes) {
    EXPECT(user == &user_word && n_bytes <= 64 && kept_bytes + n_bytes <= sizeof kept);
    EXPECT(enters > exits);
    memcpy(kept + kept_bytes, bytes, n_bytes);
    kept_bytes += n_bytes;
}

struct record {
    uintptr_t kind, address, n_bytes;
    const unsigned char *bytes;
};

// The next record; its kind is END where the snapshot ends as it should.
static struct record next_record(size_t *at) {
    struct record record;
    EXPECT(*at + 3 * sizeof(uintptr_t) <= kept_bytes);
    memcpy(&record, kept + *at, 3 * sizeof(uintptr_t));
    record.bytes = kept + *at + 3 * sizeof(uintptr_t);
    if (record.kind == END) {
        uintptr_t sum = 0;
        for (size_t i = 0; i < *at; i++) {
            sum += kept[i];
        }
        EXPECT(record.address == sum && record.n_bytes == 0);
        EXPECT(*at + 3 * sizeof(uintptr_t) == kept_bytes);
    }
    *at += 3 * sizeof(uintptr_t) + record.n_bytes;
    return record;
}

static void take(mpgc_describe_fn what) {
    kept_bytes = 0;
    EXPECT(mpgc_heap_snapshot(&heap, keep, what, &user_word) == MPGC_OK);
    EXPECT(kept_bytes > 16 && memcmp(kept, "mpgc-sn1", 8) == 0);
}

// How many records of a kind there are, and the last of them.
static int records(uintptr_t kind, struct record *last) {
    int found = 0;
    size_t at = 16;
    for (;;) {
        struct record record = next_record(&at);
        if (record.kind == END || failed_here) {
            return found;
        }
        if (record.kind == kind) {
            *last = record;
            found += 1;
        }
    }
}

static uintptr_t word_of(struct record record, int n) {
    uintptr_t word;
    memcpy(&word, record.bytes + n * sizeof word, sizeof word);
    return word;
}

// How many ranges of roots there are from a source, and the last of them.
static int ranges(uintptr_t source, struct record *last) {
    int found = 0;
    size_t at = 16;
    for (;;) {
        struct record record = next_record(&at);
        if (record.kind == END || failed_here) {
            return found;
        }
        if (record.kind == ROOTS && word_of(record, 1) == source) {
            // the words of the range follow
            struct record words = next_record(&at);
            EXPECT(words.kind == MEMORY && words.address == record.address);
            EXPECT(words.n_bytes == word_of(record, 0));
            *last = record;
            found += 1;
        }
    }
}

static void a_snapshot_has_the_areas_with_their_tables_and_pools(void) {
    start(NULL, NULL);
    take(NULL);
    struct record area = {.bytes = kept};
    EXPECT(records(AREA, &area) == 2);
    EXPECT(word_of(area, 1) == BLOCK && word_of(area, 0) % BLOCK == 0);
    EXPECT(area.address > (uintptr_t)more && area.address < (uintptr_t)(more + 256));
    EXPECT(word_of(area, 2) > (uintptr_t)more && word_of(area, 2) < area.address);
    EXPECT(word_of(area, 3) * 4 * BLOCK == word_of(area, 0));
    EXPECT(enters == exits);
}

static void a_snapshot_has_the_roots_of_a_collection(void) {
    start(mark_further, MPGC_STACK_TOP);
    void **frame = mpgc_stack_alloc(&thread, sizeof *frame);
    *frame = mpgc_alloc(&heap, 1, 0);
    reported.times = 0;
    take(describe);
    struct record range = {.bytes = kept};
    EXPECT(ranges(REGISTERED, &range) == 1);
    EXPECT(range.address == (uintptr_t)&connections && word_of(range, 0) == sizeof connections);
    EXPECT(memcmp(range.bytes + 2 * sizeof(uintptr_t), "connections", 12) == 0);
    EXPECT(ranges(MARKED, &range) == 1 && range.address == (uintptr_t)&marked_by_callback);
    EXPECT(ranges(LIFO, &range) == 2 && range.address == (uintptr_t)frame);
    EXPECT(ranges(STACK, &range) >= 2 && range.address < (uintptr_t)&range);
    // outside of it nothing takes a range
    reported.times = 0;
    EXPECT(mpgc_mark(&heap, memory, 8) == MPGC_ERROR_NOT_COLLECTING);
    EXPECT(was_reported(MPGC_ERROR_NOT_COLLECTING));
}

static void a_snapshot_has_what_the_program_says_of_chunks(void) {
    start(NULL, NULL);
    EXPECT(mpgc_alloc(&heap, 1, 0) != NULL);
    struct record said = {.bytes = kept};
    take(describe);
    EXPECT(records(DESCRIPTION, &said) == 6);
    take(NULL);
    EXPECT(records(DESCRIPTION, &said) == 0);
    connections = connections->next->next;
    connections->buffer = NULL;
    take(describe);
    EXPECT(records(DESCRIPTION, &said) == 1 && said.address == (uintptr_t)connections);
    EXPECT(said.n_bytes == 19 && memcmp(said.bytes, "connection\0number 0", 19) == 0);
}

static void a_snapshot_of_a_locked_and_full_heap_is_whole(void) {
    start(NULL, NULL);
    while (mpgc_alloc(&heap, 1, 0) != NULL) {
        struct connection *made = mpgc_alloc(&heap, BLOCK - 1, 0);
        if (made != NULL) {
            made->next = connections;
            connections = made;
        }
    }
    mpgc_lock(&heap);
    mpgc_info before, after;
    mpgc_heap_info(&heap, &before);
    take(NULL);
    mpgc_heap_info(&heap, &after);
    EXPECT(memcmp(&before, &after, sizeof before) == 0 && mpgc_heap_check(&heap, NULL));
    struct record area = {.bytes = kept};
    EXPECT(records(AREA, &area) == 2);
    EXPECT(mpgc_unlock(&heap) == MPGC_OK);
}

static void a_snapshot_in_a_collection_is_refused(void) {
    start(NULL, NULL);
    uintptr_t *dying = shown(hidden(&heap, sizeof *dying, MPGC_FINALISER));
    *dying = 1;
    dying = NULL;
    reported.times = 0;
    EXPECT(mpgc_collect(&heap) == MPGC_OK);
    EXPECT(seen_by_finaliser != NULL && refused && was_reported(MPGC_ERROR_LOCKED));
    seen_by_finaliser = NULL;
}

#ifndef WITHOUT_FILES
static void put_in_file(void *user, const uint8_t *bytes, size_t n_bytes) {
    fwrite(bytes, 1, n_bytes, user);
}

int write_snapshot(const char *path) {
    start(NULL, NULL);
    mpgc_alloc(&heap, 1, 0); // garbage
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    mpgc_heap_snapshot(&heap, put_in_file, describe, file);
    return fclose(file) != 0 || failed_here;
}
#endif

void snapshot_tests(void) {
    RUN(a_snapshot_has_the_areas_with_their_tables_and_pools);
    RUN(a_snapshot_has_the_roots_of_a_collection);
    RUN(a_snapshot_has_what_the_program_says_of_chunks);
    RUN(a_snapshot_of_a_locked_and_full_heap_is_whole);
    RUN(a_snapshot_in_a_collection_is_refused);
}
