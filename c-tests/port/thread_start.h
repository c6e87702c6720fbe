// How the libraries that tests preload into a program stand between it and pthread_create.

#ifndef MPGC_PORT_THREAD_START_H
#define MPGC_PORT_THREAD_START_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

typedef int (*create_t)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

// What the program wants its thread to run.
typedef struct {
    void *(*entry)(void *);
    void *arg;
} start_t;

// The C library's function.
static create_t real_create(void) {
    return (create_t)dlsym(RTLD_NEXT, "pthread_create");
}

// Creates a thread that runs `begin` with the start. The start is never freed: a thread that is
// cancelled in free() would leave the allocator locked.
static int create_with(
    void *(*begin)(void *), pthread_t *id, const pthread_attr_t *attr, start_t start) {
    start_t *kept = malloc(sizeof(*kept));
    if (kept == NULL) {
        return EAGAIN;
    }
    *kept = start;
    return real_create()(id, attr, begin, kept);
}

#endif
