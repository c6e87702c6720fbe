// Many threads on one heap, without a global lock.
//
//     threads THREADS OPERATIONS [stopped|locked [no-mutex|long-roots]]
//
// Each thread allocates, resizes, frees and forgets chunks that are filled with a pattern of its
// own, and looks whether the pattern is still there. The last two are controls, which must be
// detected by a sanitizer.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "py/gc.h"
#include "py/runtime.h"

#include "env.h"
#include "world.h"

#define SLOTS (48)
#define HEAP_BYTES_PER_THREAD (20 * 1024)

typedef struct {
    const void *type; // not NULL: the chunk has a finaliser
    void *child;      // a chunk that only this one refers to
    uintptr_t pattern;
    size_t bytes;
} head_t;

// What a thread keeps: the roots of every collection.
typedef struct {
    head_t *slots[SLOTS];
} kept_t;

typedef struct {
    uint64_t seed;
    unsigned long serial, full, moved, checked, finalisable, dropped_by_free;
} thread_t;

static kept_t *kept;
static thread_t threads[WORLD_THREADS];
static unsigned long operations, finalised;
static const char type;
bool mpgc_check(void *out) __attribute__((weak));

static unsigned int draw(thread_t *thread, unsigned int below) {
    uint64_t x = thread->seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    thread->seed = x;
    return (unsigned int)((x * 0x2545F4914F6CDD1D) >> 33) % below;
}

// The words behind the head. Odd, so that none is taken for a reference.
static uintptr_t word_of(const head_t *head, size_t i) {
    return (head->pattern * 0x9E3779B97F4A7C15 + i) | 1;
}

static size_t words_of(const head_t *head) {
    return (head->bytes - sizeof(head_t)) / sizeof(uintptr_t);
}

static void fill(head_t *head, uintptr_t pattern, size_t bytes, size_t from_word) {
    head->pattern = pattern;
    head->bytes = bytes;
    uintptr_t *words = (uintptr_t *)(head + 1);
    for (size_t i = from_word; i < words_of(head); i++) {
        words[i] = word_of(head, i);
    }
}

static bool holds(const head_t *head, uintptr_t pattern, size_t words) {
    const uintptr_t *found = (const uintptr_t *)(head + 1);
    bool same = head->pattern == pattern;
    for (size_t i = 0; same && i < words; i++) {
        same = found[i] == word_of(head, i);
    }
    return same;
}

// A pattern identifies its thread, which distinguishes another thread's from an old one.
static uintptr_t new_pattern(unsigned int self) {
    return ++threads[self].serial * WORLD_THREADS + self;
}

static void check(unsigned int self, const head_t *head) {
    threads[self].checked++;
    if (head->pattern % WORLD_THREADS != self || !holds(head, head->pattern, words_of(head))) {
        stress_fault("thread %u: the chunk at %p is of %lu now", self, (void *)head, (unsigned long)head->pattern % WORLD_THREADS);
        return;
    }
    if (gc_nbytes(head) < head->bytes) {
        stress_fault("thread %u: the chunk at %p has %u bytes of %u", self, (void *)head, (unsigned)gc_nbytes(head), (unsigned)head->bytes);
    }
    if (head->child != NULL) {
        const head_t *child = head->child;
        if (child->pattern != head->pattern || child->type != NULL || !holds(child, child->pattern, words_of(child))) {
            stress_fault("thread %u: the child at %p of %p is another's", self, (void *)child, (void *)head);
        }
    }
}

// The finaliser, in whichever thread collects, with the heap's mutex held.
void *stress_call(mp_obj_t function, mp_obj_t object) {
    head_t *head = MP_OBJ_TO_PTR(object);
    if (function != MP_OBJ_FROM_PTR(&stress_del) || head->type != &type) {
        stress_fault("%p has no finaliser, or it ran before", (void *)head);
    }
    head->type = NULL;
    finalised++;
    return NULL;
}

static size_t draw_bytes(thread_t *thread) {
    size_t most = draw(thread, 16) == 0 ? 4096 : 256;
    return sizeof(head_t) + draw(thread, most);
}

// Frees one of its own slots.
static void drop(thread_t *thread, head_t **slot, bool by_free) {
    head_t *head = *slot;
    *slot = NULL;
    if (head == NULL || !by_free) {
        return;
    }
    if (head->type != NULL) {
        // gc_free runs no finaliser.
        head->type = NULL;
        thread->dropped_by_free++;
    }
    if (head->child != NULL) {
        gc_free(head->child);
    }
    gc_free(head);
}

static void allocate(unsigned int self, head_t **slot) {
    thread_t *thread = &threads[self];
    size_t bytes = draw_bytes(thread);
    bool finaliser = draw(thread, 8) == 0;
    head_t *head = gc_alloc(bytes, finaliser ? GC_ALLOC_FLAG_HAS_FINALISER : 0);
    if (head == NULL) {
        thread->full++;
        return;
    }
    head->type = finaliser ? &type : NULL;
    head->child = NULL;
    fill(head, new_pattern(self), bytes, 0);
    thread->finalisable += finaliser;
    *slot = head;
    if (draw(thread, 4) == 0) {
        bytes = draw_bytes(thread);
        head_t *child = gc_alloc(bytes, 0);
        if (child != NULL) {
            child->type = child->child = NULL;
            fill(child, head->pattern, bytes, 0);
            head->child = child;
        }
    }
}

static void resize(unsigned int self, head_t **slot) {
    thread_t *thread = &threads[self];
    size_t bytes = draw_bytes(thread);
    head_t *old = *slot;
    uintptr_t pattern = old->pattern;
    size_t words = MIN(words_of(old), (bytes - sizeof(head_t)) / sizeof(uintptr_t));
    head_t *head = gc_realloc(old, bytes, draw(thread, 4) != 0);
    if (head == NULL) {
        return; // the heap is full, or the chunk would have moved
    }
    *slot = head;
    thread->moved += head != old;
    if (!holds(head, pattern, words)) {
        stress_fault("thread %u: realloc to %p lost what was in the chunk", self, (void *)head);
    }
    fill(head, pattern, bytes, words);
}

static void one_operation(unsigned int self) {
    thread_t *thread = &threads[self];
    head_t **slot = &kept[self].slots[draw(thread, SLOTS)];
    if (*slot != NULL) {
        check(self, *slot);
    }
    switch (draw(thread, 16)) {
        case 0:
        case 1:
        case 2:
            drop(thread, slot, true);
            break;
        case 3:
        case 4:
        case 5:
        case 6:
            if (*slot != NULL) {
                resize(self, slot);
            }
            break;
        case 7:
            gc_lock();
            if (!gc_is_locked() || gc_alloc(16, 0) != NULL) {
                stress_fault("thread %u: a locked heap gives memory", self);
            }
            gc_unlock();
            break;
        default:
            drop(thread, slot, draw(thread, 2));
            allocate(self, slot);
            break;
    }
}

static void body(unsigned int self) {
    thread_t *thread = &threads[self];
    for (unsigned long i = 0; i < operations; i++) {
        unsigned long full = thread->full;
        world_enter();
        one_operation(self);
        world_leave();
        if (world_kind == WORLD_LOCKED ? thread->full != full : draw(thread, 4096) == 0) {
            world_collect();
        }
        if (thread->full > full && world_kind == WORLD_STOPPED) {
            // gc_alloc has collected in vain: the others keep too much.
            drop(thread, &kept[self].slots[draw(thread, SLOTS)], false);
        }
    }
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    unsigned long n = argc > 2 ? stress_number("THREADS", argv[1]) : 0;
    if (n == 0 || n >= WORLD_THREADS) {
        fprintf(stderr, "error: usage: %s THREADS(1 to %d) OPERATIONS [stopped|locked [no-mutex|long-roots]]\n", argv[0], WORLD_THREADS - 1);
        return 2;
    }
    operations = stress_number("OPERATIONS", argv[2]);
    world_kind = argc > 3 && strcmp(argv[3], "locked") == 0 ? WORLD_LOCKED : WORLD_STOPPED;
    world_without_mutex = argc > 4 && strcmp(argv[4], "no-mutex") == 0;
    bool long_roots = argc > 4 && strcmp(argv[4], "long-roots") == 0;
    // Allocated with their exact length, so that a read past the end is detected.
    size_t heap_bytes = n * HEAP_BYTES_PER_THREAD;
    char *heap = malloc(heap_bytes);
    kept = calloc(n, sizeof(kept_t));
    gc_init(heap, heap + heap_bytes);
    world_roots(kept, n * SLOTS + long_roots);
    MP_STATE_MEM(gc_auto_collect_enabled) = world_kind == WORLD_STOPPED;
    for (unsigned int i = 0; i < n; i++) {
        threads[i].seed = 88172645463325252 + 7919 * i;
    }
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    world_run(n, body);
    clock_gettime(CLOCK_MONOTONIC, &end);

    thread_t sum = { 0 };
    unsigned long fewest_checked = -1;
    for (unsigned int i = 0; i < n; i++) {
        sum.full += threads[i].full;
        sum.moved += threads[i].moved;
        sum.checked += threads[i].checked;
        sum.finalisable += threads[i].finalisable;
        sum.dropped_by_free += threads[i].dropped_by_free;
        fewest_checked = MIN(fewest_checked, threads[i].checked);
    }
    if (mpgc_check != NULL) {
        struct { const char *what; size_t what_len, area, block; } broken;
        if (!mpgc_check(&broken)) {
            stress_fault("block %zu: %.*s", broken.block, (int)broken.what_len, broken.what);
        }
    }
    // With nothing kept, nothing may be left and each finaliser has run.
    memset(kept, 0, n * sizeof(kept_t));
    world_without_stacks = true;
    world_collect();
    gc_info_t info;
    gc_info(&info);
    if (info.used != 0) {
        stress_fault("%u bytes are in use at the end", (unsigned)info.used);
    }
    if (finalised + sum.dropped_by_free != sum.finalisable) {
        stress_fault("%lu chunks with a finaliser, %lu finalised, %lu freed", sum.finalisable, finalised, sum.dropped_by_free);
    }
    if (fewest_checked == 0) {
        stress_fault("a thread has looked at no chunk");
    }
    double seconds = (end.tv_sec - begin.tv_sec) + (end.tv_nsec - begin.tv_nsec) * 1e-9;
    printf("threads %lu operations %lu collects %lu checked %lu moved %lu full %lu finalised %lu faults %lu seconds %.3f\n",
        n, n * operations, world_collects(), sum.checked, sum.moved, sum.full, finalised, stress_faults, seconds);
    free(kept);
    free(heap);
    return stress_faults != 0;
}
