// Counts collections, and looks at the largest free run, in a unix port of either kind. The linker
// leads calls of gc_alloc and gc_collect here (--wrap). At the end of the process one line goes to
// stderr: watch COLLECTIONS MEAN LEAST, the last two in bytes.

#include <stdio.h>

#include "py/gc.h"

// Allocations from one look to the next.
#define STEP (128)

static unsigned int collections, looks, allocations;
static double sum;
static size_t least = (size_t)-1;

void *__real_gc_alloc(size_t n_bytes, unsigned int flags);
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
    collections += 1;
    __real_gc_collect();
}

__attribute__((destructor)) static void tell(void) {
    fprintf(stderr, "watch %u %.0f %.0f\n", collections, looks ? sum / looks : 0.0, looks ? (double)least : 0.0);
}
