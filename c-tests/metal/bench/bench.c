// The module `heapbench`: cases of `make bench` on a heap of their own, measured by the processor's
// timer.
//
// The emulator runs each instruction in the same time (-icount), so ticks are instructions.

#include <string.h>

#include "py/gc.h"
#include "py/mpstate.h"
#include "py/nlr.h"
#include "py/runtime.h"

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xe000e010)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xe000e014)
#define SYSTICK_CURRENT (*(volatile uint32_t *)0xe000e018)
#define TICKS 0xffffff

#define WORDS_PER_BLOCK (MICROPY_BYTES_PER_GC_BLOCK / sizeof(void *))
#define BLOCK MICROPY_BYTES_PER_GC_BLOCK

// What a case works on: a heap in a buffer of the interpreter's heap, which rests meanwhile.
static struct {
    char *start;
    char *end;
    uint32_t ticks;
    uint32_t from;
    uint32_t operations;
    uint32_t seed;
} now;

static uint32_t draw(uint32_t below) {
    now.seed = now.seed * 1664525 + 1013904223;
    return (now.seed >> 16) % below;
}

static void begin(void) {
    now.from = SYSTICK_CURRENT;
}

static void end(uint32_t operations) {
    now.ticks += (now.from - SYSTICK_CURRENT) & TICKS;
    now.operations += operations;
}

static void anew(void) {
    gc_init(now.start, now.end);
    // A full heap does not collect: a collection would not know what a case holds.
    MP_STATE_MEM(gc_auto_collect_enabled) = 0;
    gc_collect_start();
    gc_collect_end();
}

// A collection with one root, beside those of the interpreter, which lie in no heap now.
static void collect(void *root) {
    void *roots[1] = { root };
    begin();
    gc_collect_start();
    gc_collect_root(roots, 1);
    gc_collect_end();
    end(1);
}

static void *take(size_t blocks) {
    return gc_alloc(blocks * BLOCK, 0);
}

// A chain of all blocks that there are, the newest first; the odd ones only if `half`.
static void **chain(bool half) {
    void **newest = NULL;
    void **p;
    for (uint32_t i = 0; (p = take(1)) != NULL; i++) {
        if (!half || i % 2) {
            p[0] = newest;
            newest = p;
        }
    }
    return newest;
}

static void fill(const uint8_t *sizes, size_t count) {
    anew();
    begin();
    uint32_t n = 0;
    while (take(sizes[n % count]) != NULL) {
        n++;
    }
    end(n);
}

static void fill_1_block(void) {
    fill((const uint8_t[]) { 1 }, 1);
}

static void fill_mixed(void) {
    fill((const uint8_t[]) { 1, 2, 1, 4, 1, 3, 1, 1, 2, 8, 1, 1, 5 }, 13);
}

static void fill_2_block(void) {
    anew();
    // Every third block stays free, so that none of the gaps fits, and more blocks after these.
    void **newest = chain(false);
    for (uint32_t i = 0; newest; i++) {
        void **next = newest[0];
        if (i < 32 || i % 3 == 0) {
            gc_free(newest);
        }
        newest = next;
    }
    begin();
    uint32_t n = 0;
    while (n < 16 && take(2) != NULL) {
        n++;
    }
    end(n);
}

static void free_alloc_90(void) {
    anew();
    void **newest = chain(false);
    // A tenth of the blocks, scattered, is free; the rest stays.
    void *kept[64];
    size_t count = 0;
    for (uint32_t i = 0; newest; i++) {
        void **next = newest[0];
        if (i % 10 == 0) {
            gc_free(newest);
        } else if (count < 64 && draw(8) == 0) {
            kept[count++] = newest;
        }
        newest = next;
    }
    begin();
    for (uint32_t i = 0; i < 256; i++) {
        void **place = &kept[draw(count)];
        gc_free(*place);
        *place = take(1 + i % 2);
        if (*place == NULL) {
            *place = take(1);
        }
    }
    end(256);
}

static void alloc_after_collect(void) {
    anew();
    void **alive = chain(true);
    void *roots[1] = { alive };
    gc_collect_start();
    gc_collect_root(roots, 1);
    gc_collect_end();
    begin();
    uint32_t n = 0;
    while (n < 200 && take(1) != NULL) {
        n++;
    }
    end(n);
}

static void free_storm(void) {
    anew();
    void **newest = chain(false);
    begin();
    uint32_t n = 0;
    while (newest) {
        void **next = newest[0];
        gc_free(newest);
        newest = next;
        n++;
    }
    end(n);
}

static void realloc_growth(void) {
    anew();
    void *p = take(1);
    size_t bytes = BLOCK;
    begin();
    uint32_t n = 0;
    while (p && bytes < (size_t)(now.end - now.start) / 4) {
        bytes += BLOCK;
        p = gc_realloc(p, bytes, true);
        n++;
        // All together would exceed the timer's range.
        if (n % 64 == 0) {
            end(0);
            begin();
        }
    }
    end(n);
}

static void sweep(void) {
    anew();
    chain(false);
    collect(NULL);
}

static void info(void) {
    anew();
    chain(true);
    gc_info_t got;
    begin();
    gc_info(&got);
    end(1);
}

static void collect_half(void) {
    anew();
    collect(chain(true));
}

static void collect_list(void) {
    anew();
    collect(chain(false));
}

static void collect_tree(void) {
    anew();
    // Each block points to two that were taken later, as in a heap in an array.
    void **first = NULL, **parent = NULL, **p;
    for (uint32_t i = 0; (p = take(1)) != NULL; i++) {
        if (!first) {
            first = parent = p;
        } else if (i % 2) {
            parent[0] = p;
        } else {
            parent[1] = p;
            // the next in the order of allocation, which is that of addresses
            parent += WORDS_PER_BLOCK;
        }
    }
    collect(first);
}

static void collect_graph(void) {
    anew();
    void **first = NULL, **p;
    size_t count = 0;
    for (; (p = take(1)) != NULL; count++) {
        first = first ? first : p;
    }
    for (size_t i = 0; i < count; i++) {
        void **object = first + i * WORDS_PER_BLOCK;
        object[0] = i + 1 < count ? object + WORDS_PER_BLOCK : NULL;
        object[1] = first + draw(count) * WORDS_PER_BLOCK;
        object[2] = first + draw(count) * WORDS_PER_BLOCK;
    }
    collect(first);
}

// More children than the mark stack holds, each with a child of its own: the C reads the heap
// again.
static void collect_overflow(void) {
    anew();
    const size_t width = 300;
    void **root = gc_alloc(width * sizeof(void *), 0);
    for (size_t i = 0; root && i < width; i++) {
        void **child = take(1);
        void **grandchild = child ? take(1) : NULL;
        if (!grandchild) {
            break;
        }
        child[0] = grandchild;
        root[i] = child;
    }
    collect(root);
}

static void nlr_push_pop(void) {
    begin();
    for (int i = 0; i < 100; i++) {
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            nlr_pop();
        }
    }
    end(100);
}

static void nlr_push_jump(void) {
    begin();
    for (volatile int i = 0; i < 100; i++) {
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            nlr_jump(MP_OBJ_TO_PTR(mp_const_none));
        }
    }
    end(100);
}

static mp_obj_t nothing(mp_obj_t arg) {
    return arg;
}
static MP_DEFINE_CONST_FUN_OBJ_1(nothing_obj, nothing);

static void schedule_run(void) {
    begin();
    for (int i = 0; i < 100; i++) {
        mp_sched_schedule(MP_OBJ_FROM_PTR(&nothing_obj), mp_const_none);
        mp_handle_pending(true);
    }
    end(100);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    { "fill-1-block", fill_1_block },
    { "fill-mixed", fill_mixed },
    { "fill-2-block", fill_2_block },
    { "free-alloc-90%", free_alloc_90 },
    { "alloc-after-collect", alloc_after_collect },
    { "free-storm", free_storm },
    { "realloc-growth", realloc_growth },
    { "sweep", sweep },
    { "gc_info", info },
    { "collect-half", collect_half },
    { "collect-list", collect_list },
    { "collect-tree", collect_tree },
    { "collect-graph", collect_graph },
    { "collect-overflow", collect_overflow },
    { "nlr-push-pop", nlr_push_pop },
    { "nlr-push-jump", nlr_push_jump },
    { "sched-schedule-run", schedule_run },
};

// run(n, buffer): the name of case n, how many operations it had, and their ticks; None when there
// is no such case.
static mp_obj_t run(mp_obj_t number, mp_obj_t buffer) {
    mp_int_t n = mp_obj_get_int(number);
    if (n >= (mp_int_t)MP_ARRAY_SIZE(cases)) {
        return mp_const_none;
    }
    mp_buffer_info_t heap;
    mp_get_buffer_raise(buffer, &heap, MP_BUFFER_WRITE);
    static mp_state_mem_t resting;
    memcpy(&resting, &mp_state_ctx.mem, sizeof(resting));
    now.start = heap.buf;
    now.end = (char *)heap.buf + heap.len;
    now.ticks = now.operations = 0;
    now.seed = 1;
    SYSTICK_CONTROL = 0;
    SYSTICK_RELOAD = TICKS;
    SYSTICK_CURRENT = 0;
    SYSTICK_CONTROL = 5;
    cases[n].run();
    SYSTICK_CONTROL = 0;
    memcpy(&mp_state_ctx.mem, &resting, sizeof(resting));
    // Hints that an allocator keeps outside of its state belong to the other heap.
    gc_collect();
    mp_obj_t result[] = {
        mp_obj_new_str(cases[n].name, strlen(cases[n].name)),
        mp_obj_new_int_from_uint(now.operations), mp_obj_new_int_from_uint(now.ticks),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(result), result);
}
static MP_DEFINE_CONST_FUN_OBJ_2(run_obj, run);

static const mp_rom_map_elem_t globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_heapbench) },
    { MP_ROM_QSTR(MP_QSTR_run), MP_ROM_PTR(&run_obj) },
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t heapbench_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&globals,
};
MP_REGISTER_MODULE(MP_QSTR_heapbench, heapbench_module);
