// Preloaded into a program: the thread with the number LATE_THREAD, counted from 1, begins only
// after main() has returned, and the program waits until it has ended.
//
// The kernel may do the same, where main() needs less than a time slice for the rest.

#include "thread_start.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_int created;
static atomic_bool main_ended, waited_for, thread_ended;

static void leave(void *arg) {
    (void)arg;
    thread_ended = true;
}

static void *begin(void *arg) {
    // Without a call that would end a thread that is cancelled.
    while (!main_ended) {
    }
    start_t *start = arg;
    void *result;
    // Is also called where the thread is cancelled.
    pthread_cleanup_push(leave, NULL);
    result = start->entry(start->arg);
    pthread_cleanup_pop(1);
    return result;
}

int pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*entry)(void *), void *arg) {
    const char *late = getenv("LATE_THREAD");
    if (late == NULL || ++created != atoi(late)) {
        return real_create()(id, attr, entry, arg);
    }
    int result = create_with(begin, id, attr, (start_t) {entry, arg});
    waited_for = result == 0;
    return result;
}

__attribute__((destructor)) static void end(void) {
    main_ended = true;
    while (waited_for && !thread_ended) {
        struct timespec time = {.tv_nsec = 1000000};
        nanosleep(&time, NULL);
    }
}
