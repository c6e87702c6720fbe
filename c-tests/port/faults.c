// Faults of a C program, each committed on purpose: `scenarios fault <name>`. A hardened build
// stops at each; any other goes on, and says so.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "py/gc.h"
#include "py/mpstate.h"

void commit_fault(const char *name);

#ifdef SCENARIO_OWN_FAULT
// The port's own definition, in place of the library's.
void mpgc_fault(int kind, const void *ptr);
void mpgc_fault(int kind, const void *ptr) {
    printf("mpgc_fault was called with %d at %s\n", kind, ptr == NULL ? "NULL" : "an address");
    if (getenv("SCENARIO_FAULT_RETURNS") != NULL) {
        return;
    }
    exit(3);
}
#endif

static void double_free(char *a, char *b) {
    (void)b;
    gc_free(a);
    gc_free(a);
}

static void inner_free(char *a, char *b) {
    (void)b;
    gc_free(a + MICROPY_BYTES_PER_GC_BLOCK);
}

static void inner_byte_free(char *a, char *b) {
    (void)b;
    gc_free(a + 8);
}

static void swept_free(char *a, char *b) {
    (void)b;
    gc_sweep_all();
    gc_free(a);
}

static void foreign_free(char *a, char *b) {
    (void)a;
    (void)b;
    static char outside[64] __attribute__((aligned(64)));
    gc_free(outside);
}

static void inner_realloc(char *a, char *b) {
    (void)b;
    gc_realloc(a + 8, 10, true);
}

static void foreign_realloc(char *a, char *b) {
    (void)a;
    (void)b;
    static char outside[64] __attribute__((aligned(64)));
    gc_realloc(outside, 10, true);
}

static void inner_block_realloc(char *a, char *b) {
    (void)b;
    gc_realloc(a + MICROPY_BYTES_PER_GC_BLOCK, 10, true);
}

static void freed_realloc(char *a, char *b) {
    (void)b;
    gc_free(a);
    gc_realloc(a, 10, true);
}

static void write_after_free(char *a, char *b) {
    (void)b;
    gc_free(a);
    a[17] = 1;
    gc_alloc(40, 0);
}

static void write_after_sweep(char *a, char *b) {
    (void)b;
    gc_sweep_all();
    a[17] = 1;
    // The lowest blocks come first: those of the interpreter, then a's.
    for (int i = 0; i < 1000; i++) {
        gc_alloc(40, 0);
    }
}

// The second block is given back, and taken again in place.
static void write_after_shrink(char *a, char *b) {
    (void)a;
    b = gc_realloc(b, 8, false);
    b[MICROPY_BYTES_PER_GC_BLOCK + 1] = 1;
    gc_realloc(b, 40, false);
}

static void overrun(char *a, char *b) {
    (void)b;
    a[40] = 1;
    gc_free(a);
}

static void overrun_realloc(char *a, char *b) {
    (void)b;
    a[2 * MICROPY_BYTES_PER_GC_BLOCK - 1] = 1;
    gc_realloc(a, 41, true);
}

static void overrun_collect(char *a, char *b) {
    a[40] = 1;
    (void)b;
    gc_collect();
}

// The request fills its blocks.
static void overrun_full(char *a, char *b) {
    (void)a;
    (void)b;
    char *full = gc_alloc(MICROPY_BYTES_PER_GC_BLOCK, 0);
    full[MICROPY_BYTES_PER_GC_BLOCK] = 1;
    gc_free(full);
}

static void overrun_full_collect(char *a, char *b) {
    (void)a;
    (void)b;
    char *volatile full = gc_alloc(MICROPY_BYTES_PER_GC_BLOCK, 0);
    full[MICROPY_BYTES_PER_GC_BLOCK] = 1;
    gc_collect();
}

// The table's first byte says that the first block is a tail.
static void tail_without_head(char *a, char *b) {
    (void)a;
    (void)b;
    MP_STATE_MEM(area).gc_alloc_table_start[0] = 2;
    gc_collect();
}

static void mark_outside_collect(char *a, char *b) {
    (void)a;
    (void)b;
    MP_STATE_MEM(area).gc_alloc_table_start[0] |= 3;
    gc_collect();
}

// The chunk itself is given back while its head is marked.
static void marked_free(char *a, char *b) {
    (void)b;
    size_t block = ((byte *)a - MP_STATE_MEM(area).gc_pool_start) / MICROPY_BYTES_PER_GC_BLOCK;
    MP_STATE_MEM(area).gc_alloc_table_start[block / 4] |= 3 << (2 * (block & 3));
    gc_free(a);
}

static void no_room(char *a, char *b) {
    (void)b;
    gc_init(a, a);
}

static const struct {
    const char *name;
    void (*commit)(char *, char *);
} faults[] = {
    { "double-free", double_free },
    { "swept-free", swept_free },
    { "inner-free", inner_free },
    { "inner-byte-free", inner_byte_free },
    { "foreign-free", foreign_free },
    { "inner-realloc", inner_realloc },
    { "inner-block-realloc", inner_block_realloc },
    { "freed-realloc", freed_realloc },
    { "foreign-realloc", foreign_realloc },
    { "write-after-free", write_after_free },
    { "write-after-sweep", write_after_sweep },
    { "write-after-shrink", write_after_shrink },
    { "overrun", overrun },
    { "overrun-realloc", overrun_realloc },
    { "overrun-collect", overrun_collect },
    { "overrun-full", overrun_full },
    { "overrun-full-collect", overrun_full_collect },
    { "tail-without-head", tail_without_head },
    { "mark-outside-collect", mark_outside_collect },
    { "marked-free", marked_free },
    { "no-room", no_room },
};

void commit_fault(const char *name) {
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        if (strcmp(faults[i].name, name) == 0) {
            // two chunks of 40 bytes, alive through this frame
            char *volatile a = gc_alloc(40, 0);
            char *volatile b = gc_alloc(40, 0);
            memset(a, 0, 40);
            memset(b, 0, 40);
            faults[i].commit(a, b);
            printf("unnoticed: %s\n", name);
            return;
        }
    }
    printf("no such fault: %s\n", name);
}
