// One heap and several threads: a mutex that its holder may take again keeps them apart.

#include <pthread.h>

#include "harness.h"

#define THREADS 4
#define SLOTS 16
#define STEPS 30000

static uintptr_t memory[4096];
static mpgc_heap heap;
static pthread_mutex_t mutex;
static int entered, deepest;

static size_t enter(void *user) {
    pthread_mutex_lock(user);
    entered += 1;
    deepest = entered > deepest ? entered : deepest;
    return 42;
}

static void leave(void *user, size_t held) {
    entered -= held == 42;
    pthread_mutex_unlock(user);
}

struct worker {
    mpgc_roots roots;
    uintptr_t **slots[SLOTS];
    unsigned seed;
    int faults;
};

static struct worker workers[THREADS];

static void *work(void *argument) {
    struct worker *worker = argument;
    for (int step = 0; step < STEPS; step++) {
        worker->seed = worker->seed * 1664525u + 1013904223u;
        unsigned slot = worker->seed >> 28, n = 2 + (worker->seed >> 20 & 7);
        uintptr_t **old = worker->slots[slot];
        if (old != NULL && (old[0] != (uintptr_t *)worker || old[1] != (uintptr_t *)old)) {
            worker->faults += 1;
        }
        // only the slot will refer to the chunk, so nobody may collect before it is stored
        size_t held = enter(&mutex);
        uintptr_t **chunk = mpgc_alloc(&heap, n * sizeof(void *), MPGC_FINALISER);
        worker->slots[slot] = chunk;
        if (chunk == NULL) {
            worker->faults += 1;
        } else {
            chunk[0] = (uintptr_t *)worker;
            chunk[1] = (uintptr_t *)chunk;
        }
        leave(&mutex, held);
        if ((worker->seed >> 16 & 63) == 0) {
            mpgc_collect(&heap);
        }
    }
    return NULL;
}

static int finalised;

static void count(mpgc_heap *where, void *user, void *chunk) {
    (void)where, (void)user, (void)chunk;
    finalised += 1;
}

static void threads_share_a_heap(void) {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &kind);
    mpgc_config config = {.user = &mutex, .enter = enter, .exit = leave, .finalise = count, .error = NULL};
    EXPECT(mpgc_heap_init(&heap, memory, sizeof memory, &config) == MPGC_OK);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i].seed = (unsigned)i;
        mpgc_add_roots(&heap, &workers[i].roots, workers[i].slots, sizeof workers[i].slots);
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        EXPECT(workers[i].faults == 0);
    }
    EXPECT(entered == 0 && deepest >= 2 && mpgc_heap_check(&heap, NULL));
    EXPECT(mpgc_heap_close(&heap) == MPGC_OK);
    EXPECT(finalised == THREADS * STEPS);
}

void thread_tests(void) {
    RUN(threads_share_a_heap);
}
