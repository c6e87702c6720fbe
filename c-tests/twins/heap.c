// The driver's access to the heap: what a collection needs, and the fixes of the C.

#include <string.h>

#include "py/gc.h"
#include "py/runtime.h"

#include "release.h"
#include "twin.h"

#if CIRCUITPY_MEMORYMONITOR
#include "shared-module/memorymonitor/__init__.h"
#endif

#if MICROPY_GC_SPLIT_HEAP_AUTO
static mp_state_mem_area_t *unlinked[64];
static mp_state_mem_area_t *unlinked_from[64];
static size_t unlinked_len;

size_t gc_get_max_new_split(void) {
    return twin_hooks.max_new_area(twin_hooks.world);
}

void *twin_get_region(size_t n_bytes) {
    return twin_hooks.get_region(twin_hooks.world, n_bytes);
}

// docs/upstream.md, 8: the C gives an area back whose first block is still in use. It is linked
// again when the collection has ended.
void twin_give_region(void *start) {
    mp_state_mem_area_t *area = start;
    if (twin_is_c() && !*twin_hooks.as_is && (area->gc_alloc_table_start[0] & 3) != 0 && unlinked_len < MP_ARRAY_SIZE(unlinked)) {
        mp_state_mem_area_t *from = &MP_STATE_MEM(area);
        while (from->next != area->next) {
            from = from->next;
        }
        unlinked[unlinked_len] = area;
        unlinked_from[unlinked_len++] = from;
        return;
    }
    twin_hooks.give_region(twin_hooks.world, start);
}
#endif

static size_t steps_before;

static void before_collect(void) {
    steps_before = twin_steps;
}

static void after_collect(void) {
    twin_counts.collects += 1;
    twin_counts.collect_steps += twin_steps - steps_before;
    #if MICROPY_GC_SPLIT_HEAP_AUTO
    while (unlinked_len > 0) {
        mp_state_mem_area_t *area = unlinked[--unlinked_len];
        area->next = unlinked_from[unlinked_len]->next;
        unlinked_from[unlinked_len]->next = area;
        area->gc_last_free_atb_index = 0;
        twin_counts.areas_fixed += 1;
    }
    #endif
    #if TWIN_FIGURES
    twin_count_collection();
    #endif
}

void gc_collect(void) {
    void **words;
    size_t len;
    twin_hooks.roots(twin_hooks.world, &words, &len);
    before_collect();
    gc_collect_start();
    #if TWIN_CIRCUITPYTHON
    // In both ways; and asks for each root, and for the bytes around it, whether it lies in the
    // heap.
    for (size_t i = 0; i < len; i++) {
        char *root = words[i];
        twin_tell(EVENT_CIRCUITPY, gc_ptr_on_heap(root) + 2 * gc_ptr_on_heap(root + 1) + 4 * gc_ptr_on_heap(root - 1));
        gc_collect_ptr(root);
    }
    len = 0;
    #endif
    gc_collect_root(words, len);
    twin_counts.mark_steps += twin_steps - steps_before;
    if (twin_is_c() && MP_STATE_MEM(gc_stack_overflow)) {
        twin_counts.overflows += 1;
    }
    gc_collect_end();
    after_collect();
}

#if TWIN_CIRCUITPYTHON
static size_t sweeps;

void twin_reset_sweeps(void) {
    sweeps = 0;
}

static bool is_one_area(void) {
    #if MICROPY_GC_SPLIT_HEAP
    return MP_STATE_MEM(area).next == NULL;
    #else
    return true;
    #endif
}

// On every other sweep of all the heap is made anew, which comes to the same: what the driver has
// set stays.
static void make_anew(void) {
    char *start = (char *)MP_STATE_MEM(area).gc_alloc_table_start, *end = (char *)MP_STATE_MEM(area).gc_pool_end;
    gc_deinit();
    twin_tell(EVENT_CIRCUITPY, gc_alloc_possible());
    twin_tell(EVENT_CIRCUITPY, gc_ptr_on_heap(end - 1));
    uint16_t lock_depth = MP_STATE_THREAD(gc_lock_depth), collects = MP_STATE_MEM(gc_auto_collect_enabled);
    #if MICROPY_GC_ALLOC_THRESHOLD
    size_t amount = MP_STATE_MEM(gc_alloc_amount), threshold = MP_STATE_MEM(gc_alloc_threshold);
    #endif
    gc_init(start, end);
    twin_tell(EVENT_CIRCUITPY, gc_alloc_possible());
    twin_tell(EVENT_CIRCUITPY, gc_ptr_on_heap(end - 1));
    MP_STATE_THREAD(gc_lock_depth) = lock_depth;
    MP_STATE_MEM(gc_auto_collect_enabled) = collects;
    #if MICROPY_GC_ALLOC_THRESHOLD
    MP_STATE_MEM(gc_alloc_amount) = amount;
    MP_STATE_MEM(gc_alloc_threshold) = threshold;
    #endif
}

#if CIRCUITPY_MEMORYMONITOR
void memorymonitor_track_allocation(size_t block_count) {
    twin_tell(EVENT_CIRCUITPY, block_count);
}
#endif
#endif

void twin_sweep_all(void) {
    before_collect();
    #if TWIN_CIRCUITPYTHON
    if (sweeps++ % 2 != 0 && is_one_area()) {
        make_anew();
        after_collect();
        return;
    }
    #endif
    gc_sweep_all();
    after_collect();
}

// docs/upstream.md, 7: in C the highest used block may be one past the last, after which a
// collection may read behind the finaliser table and, there, damage the pool.
void twin_settle(void) {
    twin_counts.steps = twin_steps;
    if (!twin_is_c() || *twin_hooks.as_is) {
        return;
    }
    #if TWIN_LAST_USED
    for (mp_state_mem_area_t *area = &MP_STATE_MEM(area); area != NULL;) {
        size_t blocks = area->gc_alloc_table_byte_len * 4;
        if (blocks > 0 && area->gc_last_used_block >= blocks) {
            area->gc_last_used_block = blocks - 1;
            twin_counts.last_used_fixed += 1;
        }
        #if MICROPY_GC_SPLIT_HEAP
        area = area->next;
        #else
        area = NULL;
        #endif
    }
    #endif
}

#if MICROPY_ENABLE_VM_ABORT
// A collection that a finaliser may leave by an abort, which lands here. Says whether it did.
bool twin_collect_aborted(void) {
    nlr_buf_t nlr;
    nlr_set_abort(&nlr);
    bool aborted = nlr_push(&nlr) != 0;
    if (!aborted) {
        gc_collect();
        nlr_pop();
    }
    nlr_set_abort(NULL);
    return aborted;
}
#endif

bool twin_area(size_t number, twin_area_t *out) {
    mp_state_mem_area_t *area = &MP_STATE_MEM(area);
    #if MICROPY_GC_SPLIT_HEAP
    for (; number > 0 && area != NULL; number--) {
        area = area->next;
    }
    #endif
    if (number > 0 || area == NULL) {
        return false;
    }
    *out = (twin_area_t) {
        area->gc_alloc_table_start, area->gc_alloc_table_byte_len,
        #if MICROPY_ENABLE_FINALISER
        area->gc_finaliser_table_start,
        #else
        NULL,
        #endif
        #if MICROPY_ENABLE_SELECTIVE_COLLECT
        area->gc_collect_table_start,
        #else
        NULL,
        #endif
        area->gc_pool_start, area->gc_pool_end,
        #if TWIN_LAST_USED
        area->gc_last_used_block,
        #endif
    };
    return true;
}

void twin_info(size_t out[8]) {
    gc_info_t info;
    gc_info(&info);
    size_t found[8] = {
        info.total, info.used, info.free, info.max_free, info.num_1block, info.num_2block, info.max_block,
        #if MICROPY_GC_SPLIT_HEAP_AUTO
        info.max_new_split,
        #endif
    };
    memcpy(out, found, sizeof(found));
    #if TWIN_INFO_FAST
    gc_info_fast(&info);
    twin_tell(EVENT_FAST, info.total);
    twin_tell(EVENT_FAST, info.used);
    twin_tell(EVENT_FAST, info.free);
    twin_tell(EVENT_FAST, info.max_free + info.num_1block + info.num_2block + info.max_block);
    #if MICROPY_GC_SPLIT_HEAP
    // Which area lies lowest in memory may differ between the twins. Bounds do not shrink when an
    // area is given back.
    uint8_t *min = MP_STATE_MEM(area).gc_pool_start, *max = MP_STATE_MEM(area).gc_pool_end;
    for (mp_state_mem_area_t *area = MP_STATE_MEM(area).next; area != NULL; area = area->next) {
        min = MIN(min, area->gc_pool_start);
        max = MAX(max, area->gc_pool_end);
    }
    size_t below = min - MP_STATE_MEM(area_pool_min), above = MP_STATE_MEM(area_pool_max) - max;
    twin_tell(EVENT_FAST, MICROPY_GC_SPLIT_HEAP_AUTO ? below <= PTRDIFF_MAX : below);
    twin_tell(EVENT_FAST, MICROPY_GC_SPLIT_HEAP_AUTO ? above <= PTRDIFF_MAX : above);
    #endif
    #endif
}

#if MICROPY_PY_WEAKREF
void gc_weakref_about_to_be_freed(void *object) {
    twin_tell(EVENT_WEAKREF, (uintptr_t)object);
}

void gc_weakref_sweep(void) {
    twin_tell(EVENT_WEAKREF_SWEEP, MP_STATE_THREAD(gc_lock_depth));
}

static size_t allocations;

void twin_reset_weakrefs(void) {
    allocations = 0;
}

// Every third chunk has a weak reference to it.
void *twin_alloc_referred(size_t n_bytes, unsigned int flags) {
    void *chunk = gc_alloc(n_bytes, flags);
    if (chunk != NULL && allocations++ % 3 == 0) {
        gc_weakref_mark(chunk);
    }
    return chunk;
}
#endif

void twin_dump(bool table) {
    if (table) {
        gc_dump_alloc_table(&mp_plat_print);
    } else {
        gc_dump_info(&mp_plat_print);
    }
}

