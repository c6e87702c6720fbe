// The threads of a program, their mutexes, and a collection that finds the roots of all of them.
#ifndef STRESS_WORLD_H
#define STRESS_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#define WORLD_THREADS (64)

typedef enum {
    // As the unix port does: each thread is sent a signal in whose handler it waits, and its stack
    // and registers are scanned. gc_alloc collects by itself.
    WORLD_STOPPED,
    // No signals and no stacks: who uses the heap holds a lock for reading, who collects holds it
    // for writing, and what a thread keeps is in its registered roots. For tools that know no such
    // signals.
    WORLD_LOCKED,
} world_kind_t;

extern world_kind_t world_kind;
// A control: the heap's mutex does not lock.
extern bool world_without_mutex;
// The words that the last collection finds on the stacks must not count.
extern bool world_without_stacks;

// Words that every collection scans, before any thread starts.
void world_roots(void *words, size_t len);
// Runs body(0..threads) side by side, and returns when all have ended.
void world_run(unsigned int threads, void (*body)(unsigned int));
// The running thread, or `threads` in the main one.
unsigned int world_self(void);
// Around each use of the heap.
void world_enter(void);
void world_leave(void);
// A collection from outside of `enter` and `leave`.
void world_collect(void);
unsigned long world_collects(void);

#endif // STRESS_WORLD_H
