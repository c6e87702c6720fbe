// The hook that docs/porting.md gives to a fork with a call in gc_alloc: with -Wl,--wrap=gc_alloc
// the linker directs the calls to this function, whichever object has the real one.

#include <stddef.h>
#include <stdio.h>

void *__real_gc_alloc(size_t n_bytes, unsigned int alloc_flags);
void *__wrap_gc_alloc(size_t n_bytes, unsigned int alloc_flags);

static unsigned calls;

void *__wrap_gc_alloc(size_t n_bytes, unsigned int alloc_flags) {
    calls += 1;
    return __real_gc_alloc(n_bytes, alloc_flags);
}

__attribute__((destructor)) static void report(void) {
    printf("%u calls of gc_alloc\n", calls);
}
