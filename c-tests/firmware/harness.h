// Tests with names: each is a function, and a failed EXPECT names the line. Needs an operating
// system.

#ifndef HARNESS_H
#define HARNESS_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpgc.h"

extern int failed_here;

// The first few lines of a test that fails in a loop are enough.
#define MOST_LINES 5

// The most bytes that fit into so many bytes of blocks: a chunk of a hardened library has a guard
// of a byte behind it. And what `mpgc_nbytes` says of a chunk of n bytes: in a hardened library
// what was asked for.
#ifdef HARDENED
#define FITTING(bytes) ((bytes) - 1)
#define BYTES_OF(n) (n)
#else
#define FITTING(bytes) (bytes)
#define BYTES_OF(n) (((n) + BLOCK - 1) / BLOCK * BLOCK)
#endif

#define EXPECT(what) \
    do { \
        if (!(what) && ++failed_here <= MOST_LINES) { \
            printf("    %s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
        } \
    } while (0)

// The last error that was reported to a heap's or a thread's callback, and the number of reports.
struct reported {
    int kind;
    const void *address;
    int times;
};

extern struct reported reported;

static inline void note_error(void *user, int kind, const void *address) {
    (void)user;
    reported.kind = kind;
    reported.address = address;
    reported.times += 1;
}

// Sections that keep SIGALRM out, which stands for an interrupt.
static inline size_t block_signal(void *user) {
    sigset_t now, before;
    (void)user;
    sigemptyset(&now);
    sigaddset(&now, SIGALRM);
    sigprocmask(SIG_BLOCK, &now, &before);
    return sigismember(&before, SIGALRM);
}

static inline void allow_signal(void *user, size_t blocked_before) {
    sigset_t now;
    (void)user;
    sigemptyset(&now);
    sigaddset(&now, SIGALRM);
    if (!blocked_before) {
        sigprocmask(SIG_UNBLOCK, &now, NULL);
    }
}

// Whether this error, and no other, was reported once since the last call.
static inline int was_reported(int kind) {
    int right = reported.times == 1 && reported.kind == kind;
    reported.times = 0;
    return right;
}

// How `function` ends in a process of its own, as waitpid reports it.
static inline int end_of(void (*function)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        function();
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(2);
    }
    return status;
}

// The signal that ends `function` in a process of its own; 0 if it ends by itself.
static inline int signal_of(void (*function)(void)) {
    int status = end_of(function);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

// The status with which `function` leaves a process of its own, 0 if it returns; -1 if a signal
// ends it.
static inline int status_of(void (*function)(void)) {
    int status = end_of(function);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void heap_tests(void);
void root_tests(void);
void jump_tests(void);
void sched_tests(void);
void thread_tests(void);
void wrap_tests(void);
void snapshot_tests(void);
void promise_tests(void);
void core_promise_tests(void);

// Writes a snapshot of a small program's heap to a file.
int write_snapshot(const char *path);

void run_test(const char *name, void (*test)(void));
#define RUN(test) run_test(#test, test)

// A chunk that nothing refers to but what is returned here: its address, turned round.
__attribute__((noinline, unused)) static uintptr_t hidden(mpgc_heap *heap, size_t n_bytes, unsigned flags) {
    return ~(uintptr_t)mpgc_alloc(heap, n_bytes, flags);
}

static inline void *shown(uintptr_t hidden_address) {
    return (void *)~hidden_address;
}

#endif
