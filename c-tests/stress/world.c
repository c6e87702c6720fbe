#define _GNU_SOURCE // pthread_rwlockattr_setkind_np
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "py/gc.h"
#include "py/mpthread.h"
#include "py/runtime.h"

#include "world.h"

#define STOP SIGUSR1

world_kind_t world_kind;
bool world_without_mutex;
bool world_without_stacks;

typedef struct {
    pthread_t id;
    mp_state_thread_t state;
    void (*body)(unsigned int);
    void **top;          // where its stack begins
    void **volatile low; // up to where it is in use, while it is stopped
} worker_t;

static worker_t workers[WORLD_THREADS];
static unsigned int workers_len;
static bool at_work; // all have started, and none has ended
static __thread unsigned int self = WORLD_THREADS;
static __thread mp_state_thread_t *state = &mp_state_ctx.thread;
static pthread_barrier_t barrier;
static pthread_rwlock_t world_lock;
static void *roots;
static size_t roots_len;
static unsigned long collects;

static sem_t stopped;
static unsigned long resumed;

// Threads and mutexes, as MicroPython asks for them.

mp_state_thread_t *mp_thread_get_state(void) {
    return state;
}

void mp_thread_recursive_mutex_init(mp_thread_recursive_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

int mp_thread_recursive_mutex_lock(mp_thread_recursive_mutex_t *mutex, int wait) {
    (void)wait;
    return world_without_mutex || pthread_mutex_lock(mutex) == 0;
}

void mp_thread_recursive_mutex_unlock(mp_thread_recursive_mutex_t *mutex) {
    if (!world_without_mutex) {
        pthread_mutex_unlock(mutex);
    }
}

unsigned int world_self(void) {
    return self < WORLD_THREADS ? self : workers_len;
}

// Collects. The heap's mutex is held from gc_collect_start on, so one thread at a time runs this.

static void on_stop(int number) {
    (void)number;
    unsigned long before = __atomic_load_n(&resumed, __ATOMIC_ACQUIRE);
    // The registers of the thread lie above, where the kernel has put them.
    workers[self].low = __builtin_frame_address(0);
    sem_post(&stopped);
    while (__atomic_load_n(&resumed, __ATOMIC_ACQUIRE) == before) {
        sched_yield();
    }
}

static void scan(void **low, void **top) {
    gc_collect_root(low, top - low);
}

static void __attribute__((noinline)) scan_own_stack(void) {
    // Puts the registers on the stack.
    __builtin_unwind_init();
    scan(__builtin_frame_address(0), workers[self].top);
}

static void stop_others(void) {
    for (unsigned int i = 0; i < workers_len; i++) {
        if (i != self) {
            pthread_kill(workers[i].id, STOP);
        }
    }
    for (unsigned int i = 1; i < workers_len; i++) {
        while (sem_wait(&stopped) != 0) {
        }
    }
}

static void scan_stacks(void) {
    scan_own_stack();
    for (unsigned int i = 0; i < workers_len; i++) {
        if (i != self) {
            scan(workers[i].low, workers[i].top);
        }
    }
}

void gc_collect(void) {
    gc_collect_start();
    collects++;
    bool stop = world_kind == WORLD_STOPPED && !world_without_stacks && at_work;
    if (stop) {
        stop_others();
        scan_stacks();
    }
    gc_collect_root(roots, roots_len);
    gc_collect_end();
    if (stop) {
        __atomic_add_fetch(&resumed, 1, __ATOMIC_RELEASE);
    }
}

void world_roots(void *words, size_t len) {
    roots = words;
    roots_len = len;
}

unsigned long world_collects(void) {
    return collects;
}

void world_enter(void) {
    if (world_kind == WORLD_LOCKED) {
        pthread_rwlock_rdlock(&world_lock);
    }
}

void world_leave(void) {
    if (world_kind == WORLD_LOCKED) {
        pthread_rwlock_unlock(&world_lock);
    }
}

void world_collect(void) {
    if (world_kind == WORLD_LOCKED) {
        pthread_rwlock_wrlock(&world_lock);
    }
    gc_collect();
    if (world_kind == WORLD_LOCKED) {
        pthread_rwlock_unlock(&world_lock);
    }
}

// Threads.

static void *start(void *given) {
    worker_t *worker = given;
    self = worker - workers;
    state = &worker->state;
    worker->top = __builtin_frame_address(0);
    pthread_barrier_wait(&barrier);
    worker->body(self);
    // Until all have ended each can be stopped.
    pthread_barrier_wait(&barrier);
    return NULL;
}

void world_run(unsigned int threads, void (*body)(unsigned int)) {
    workers_len = threads;
    sem_init(&stopped, 0, 0);
    pthread_barrier_init(&barrier, NULL, threads);
    pthread_rwlockattr_t kind;
    pthread_rwlockattr_init(&kind);
    // Otherwise a collection might wait for ever.
    pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&world_lock, &kind);
    struct sigaction action = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
    sigaction(STOP, &action, NULL);
    at_work = true;
    for (unsigned int i = 0; i < threads; i++) {
        workers[i].body = body;
        if (pthread_create(&workers[i].id, NULL, start, &workers[i]) != 0) {
            fprintf(stderr, "error: no thread number %u\n", i);
            exit(2);
        }
    }
    for (unsigned int i = 0; i < threads; i++) {
        pthread_join(workers[i].id, NULL);
    }
    at_work = false;
}
