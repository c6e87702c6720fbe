// What the figures of mpgc (MPGC_STATS=1) count, counted around the C: from its answers and its
// tables. Compiled with TWIN_FIGURES, for the configurations whose figures are compared.

#include "py/gc.h"
#include "py/runtime.h"

#include "twin.h"

#if TWIN_FIGURES

// mpgc_figures of include/mpgc.h, which C objects do not have.
typedef struct {
    uint64_t total_us;
    uint32_t last_us, longest_us, pauses[16];
    uint32_t reasons[4], mark_overflows, finalised, failures, sched_refused;
    size_t failed_bytes, allocations, allocated_bytes, freed_objects, freed_bytes;
    size_t live_objects, live_bytes, peak_bytes, max_free, free_runs;
    size_t peak_pystack, peak_sched, peak_nodes;
} mpgc_figures_t;

void mpgc_stats(mpgc_figures_t *out) __attribute__((weak));
void mpgc_reset_stats(void) __attribute__((weak));

static twin_figures_t counted;

// The chunks in use, and the free runs.
static void look(void) {
    counted.live_objects = counted.live_bytes = counted.max_free = counted.free_runs = 0;
    twin_area_t area;
    for (size_t number = 0; twin_area(number, &area); number++) {
        size_t run = 0;
        for (size_t block = 0; block < area.table_bytes * 4; block++) {
            size_t kind = area.alloc_table[block / 4] >> (2 * (block % 4)) & 3;
            if (kind == 0) {
                run += MICROPY_BYTES_PER_GC_BLOCK;
                counted.free_runs += run == MICROPY_BYTES_PER_GC_BLOCK;
                counted.max_free = MAX(counted.max_free, run);
            } else {
                run = 0;
                // Within a collection a head may be marked.
                counted.live_objects += kind != 2;
                counted.live_bytes += MICROPY_BYTES_PER_GC_BLOCK;
            }
        }
    }
}

void twin_init(void *start, void *end) {
    gc_init(start, end);
    counted = (twin_figures_t) { 0 };
    look();
    if (mpgc_reset_stats != NULL) {
        // From the first question on, free runs are counted; the scheduler's figures go on.
        mpgc_figures_t found;
        mpgc_reset_stats();
        mpgc_stats(&found);
    }
}

void twin_count_collection(void) {
    look();
    counted.collections += 1;
    counted.peak_bytes = MAX(counted.peak_bytes, counted.live_bytes);
    #if MICROPY_PY_GC_COLLECT_RETVAL
    counted.freed_objects += MP_STATE_MEM(gc_collected);
    #endif
}

static size_t whole_blocks(size_t n_bytes) {
    return (n_bytes + MICROPY_BYTES_PER_GC_BLOCK - 1) / MICROPY_BYTES_PER_GC_BLOCK * MICROPY_BYTES_PER_GC_BLOCK;
}

static void count_failure(size_t n_bytes) {
    if (whole_blocks(n_bytes) > 0) {
        counted.failures += 1;
        counted.failed_bytes = whole_blocks(n_bytes);
    }
}

static void *count_chunk(void *chunk, size_t n_bytes) {
    if (chunk == NULL) {
        count_failure(n_bytes);
    } else {
        counted.allocations += 1;
        counted.allocated_bytes += whole_blocks(n_bytes);
    }
    return chunk;
}

void *twin_alloc(size_t n_bytes, unsigned int flags) {
    #if MICROPY_PY_WEAKREF
    return count_chunk(twin_alloc_referred(n_bytes, flags), n_bytes);
    #else
    return count_chunk(gc_alloc(n_bytes, flags), n_bytes);
    #endif
}

void *twin_realloc(void *chunk, size_t n_bytes, bool may_move) {
    bool locked = gc_is_locked();
    size_t before = chunk == NULL || locked ? 0 : gc_nbytes(chunk);
    void *now = gc_realloc(chunk, n_bytes, may_move);
    if (chunk == NULL || (now != NULL && now != chunk)) {
        return count_chunk(now, n_bytes);
    }
    if (now == NULL && n_bytes > 0 && (locked || may_move)) {
        count_failure(n_bytes);
    } else if (now != NULL && whole_blocks(n_bytes) > before) {
        counted.allocated_bytes += whole_blocks(n_bytes) - before;
    }
    return now;
}

#if MICROPY_ENABLE_SCHEDULER
bool twin_count_call(bool queued) {
    counted.sched_refused += !queued;
    counted.peak_sched = MAX(counted.peak_sched, (size_t)MP_STATE_VM(sched_len));
    return queued;
}
#endif

// Those of mpgc, or what was counted around the C.
void twin_figures(twin_figures_t *out) {
    *out = counted;
    if (mpgc_stats == NULL) {
        return;
    }
    mpgc_figures_t found;
    mpgc_stats(&found);
    size_t pauses = 0, collections = 0;
    for (size_t i = 0; i < MP_ARRAY_SIZE(found.pauses); i++) {
        pauses += found.pauses[i];
    }
    for (size_t i = 0; i < MP_ARRAY_SIZE(found.reasons); i++) {
        collections += found.reasons[i];
    }
    *out = (twin_figures_t) {
        // Each collection has its reason and took its time.
        .collections = pauses == collections ? collections : SIZE_MAX,
        .failures = found.failures,
        .failed_bytes = found.failed_bytes,
        .allocations = found.allocations,
        .allocated_bytes = found.allocated_bytes,
        #if MICROPY_PY_GC_COLLECT_RETVAL
        .freed_objects = found.freed_objects,
        #endif
        .live_objects = found.live_objects,
        .live_bytes = found.live_bytes,
        .peak_bytes = found.peak_bytes,
        .max_free = found.max_free,
        .free_runs = found.free_runs,
        .sched_refused = found.sched_refused,
        .peak_sched = found.peak_sched,
    };
}

#endif // TWIN_FIGURES
