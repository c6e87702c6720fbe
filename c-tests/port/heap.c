// The heap, from C and from Python.

#include <stdio.h>

#include "py/gc.h"
#include "py/mpstate.h"

void run_python(const char *source);
void heap_scenarios(void);

// Allocates until many blocks in a row were free: words that were left on the stack may have kept
// chunks here and there.
static void fill_holes(void) {
    char *last = NULL;
    for (int in_a_row = 0; in_a_row < 500;) {
        char *block = gc_alloc(1, 0);
        in_a_row = block - last == MICROPY_BYTES_PER_GC_BLOCK ? in_a_row + 1 : 0;
        last = block;
    }
}

void heap_scenarios(void) {
    gc_info_t info;
    gc_collect();
    gc_info(&info);
    printf("total %u blocks of %u\n", (unsigned)info.total, (unsigned)MICROPY_BYTES_PER_GC_BLOCK);
    fill_holes();
    char *a = gc_alloc(1, 0);
    // a byte less than the blocks have: a hardened build has a guard there
    const size_t five = 5 * MICROPY_BYTES_PER_GC_BLOCK - 1;
    char *b = gc_alloc(five, 0);
    char *c = gc_alloc(MICROPY_BYTES_PER_GC_BLOCK + 1, 0);
    printf("distances %d %d\n", (int)(b - a), (int)(c - b));
    printf("sizes %u %u %u\n", (unsigned)gc_nbytes(a), (unsigned)gc_nbytes(b), (unsigned)gc_nbytes(c));
    printf("shrunk in place %d\n", gc_realloc(b, 2 * MICROPY_BYTES_PER_GC_BLOCK, true) == b);
    printf("grown in place %d\n", gc_realloc(b, five, false) == b);
    printf("not grown %d\n", gc_realloc(b, 50 * MICROPY_BYTES_PER_GC_BLOCK, false) == NULL);
    gc_lock();
    printf("locked %d %p\n", gc_is_locked(), gc_alloc(1, 0));
    gc_unlock();
    printf("nothing %p, too much %p\n", gc_alloc(0, 0), gc_alloc(SCENARIO_HEAP_BYTES * 2, 0));
    gc_free(a);
    printf("first fit %d\n", (char *)gc_alloc(1, 0) == a);
    run_python(
        "import gc\n"
        "l = []\n"
        "for i in range(30000):\n"
        "    l = [i, l] if i % 50 else [i]\n"
        "print(len(l), gc.collect() > 0)\n"
        "try:\n"
        "    big = []\n"
        "    while True:\n"
        "        big.append([0] * 100)\n"
        "except MemoryError:\n"
        "    n = len(big)\n"
        "    big = None\n"
        "    print('MemoryError', n > 10)\n"
        "def deep(n):\n"
        "    return deep(n - 1) + 1 if n else 1 // 0\n"
        "for depth in (3, 1000):\n"
        "    try:\n"
        "        deep(depth)\n"
        "    except (ZeroDivisionError, RuntimeError) as e:\n"
        "        print(type(e), e)\n");
}
