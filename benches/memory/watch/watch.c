// Counts collections, and looks at the largest free run, in a unix port of either kind. By --wrap
// the linker leads calls of gc_collect here, and in micropython-watched those of gc_alloc too. At
// the end of the process one line goes to stderr: watch COLLECTIONS MEAN LEAST, the last two in
// bytes. The variable WATCH_LIMIT has the number of collections at which the process ends with
// status 3.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "py/gc.h"

// Allocations from one look to the next.
#define STEP (128)

static unsigned long collections, limit, looks, allocations;
static double sum;
static size_t least = (size_t)-1;

// Weak, because without --wrap=gc_alloc nothing has that name.
void *__real_gc_alloc(size_t n_bytes, unsigned int flags) __attribute__((weak));
void *__wrap_gc_alloc(size_t n_bytes, unsigned int flags);
void __real_gc_collect(void);
void __wrap_gc_collect(void);

void *__wrap_gc_alloc(size_t n_bytes, unsigned int flags) {
    void *chunk = __real_gc_alloc(n_bytes, flags);
    if (++allocations % STEP == 0) {
        gc_info_t info;
        gc_info(&info);
        size_t bytes = info.max_free * MICROPY_BYTES_PER_GC_BLOCK;
        sum += bytes;
        looks += 1;
        if (bytes < least) {
            least = bytes;
        }
    }
    return chunk;
}

void __wrap_gc_collect(void) {
    if (++collections == limit) {
        _exit(3);
    }
    __real_gc_collect();
}

__attribute__((constructor)) static void ask(void) {
    const char *text = getenv("WATCH_LIMIT");
    limit = text ? strtoul(text, NULL, 10) : 0;
}

__attribute__((destructor)) static void tell(void) {
    double mean = looks ? sum / looks : 0.0;
    fprintf(stderr, "watch %lu %.0f %.0f\n", collections, mean, looks ? (double)least : 0.0);
}
