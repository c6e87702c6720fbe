// Preloaded into the unix port in tests: a thread can be cancelled from its first instruction on.
//
// Where the main program ends, the port cancels its threads, and frees the heap if it was built
// with assertions. But a thread can be cancelled only after it has read its arguments, which lie in
// that heap: one that was created and has not run by then reads freed memory. How often this
// happens depends on how much time the main program takes after the last of the work is done.

#include "thread_start.h"

static void *begin(void *arg) {
    // Does not return if the thread is cancelled already.
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    start_t *start = arg;
    return start->entry(start->arg);
}

int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*entry)(void *), void *arg) {
    return create_with(begin, id, attr, (start_t) {entry, arg});
}
