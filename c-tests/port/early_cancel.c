// Preloaded into the unix port in tests: a thread can be cancelled from its first instruction on.
//
// Where the main program ends, the port cancels its threads, and frees the heap if it was built
// with assertions. But a thread can be cancelled only after it has read its arguments, which lie in
// that heap: one that was created and has not run by then reads freed memory. How often this
// happens depends on how much time the main program takes after the last of the work is done.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

typedef int (*create_t)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

typedef struct {
    void *(*entry)(void *);
    void *arg;
} start_t;

static void *begin(void *arg) {
    // Does not return if the thread is cancelled already.
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    start_t *start = arg;
    return start->entry(start->arg);
}

int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*entry)(void *), void *arg) {
    create_t create = (create_t)dlsym(RTLD_NEXT, "pthread_create");
    // Is never freed: a thread that is cancelled in free() would leave the allocator locked.
    start_t *start = malloc(sizeof(*start));
    if (start == NULL) {
        return EAGAIN;
    }
    *start = (start_t) {entry, arg};
    return create(id, attr, begin, start);
}
