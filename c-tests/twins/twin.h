// The interface between a twin and the driver. src/twin.rs declares the same in Rust.
#ifndef TWIN_H
#define TWIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What happened, in the order in which it did; the driver compares.
enum {
    EVENT_SCHEDULED,   // the scheduler's hook
    EVENT_EVENT_HOOK,  // MICROPY_INTERNAL_EVENT_HOOK
    EVENT_WAIT,        // a wait without end
    EVENT_WAIT_MS,     // a wait with an end
    EVENT_ATOMIC,      // an atomic section begun inside another, or ended twice
    EVENT_STATE,       // sched_state inside a callback
    EVENT_CAUGHT,      // a jump landed; the value
    EVENT_ABORTED,     // an abort landed
    EVENT_JUMP_CALLBACK,
    EVENT_PYSTACK,     // bytes in use where a jump landed
    EVENT_LOCALS,      // what a function kept across a jump
    EVENT_NODE,        // a static node's callback
    EVENT_CALLBACK,    // a Python callback: function, then argument
    EVENT_ARGUMENT,
    EVENT_MUTEX,       // how often gc_mutex is held inside a callback
    EVENT_WEAKREF,     // an object with a weak reference to it is about to be freed
    EVENT_WEAKREF_SWEEP, // weak references are swept; what is locked then
    EVENT_FAST,        // a figure of gc_info_fast, or a bound of all pools
    EVENT_CIRCUITPY,   // an answer of a function that CircuitPython adds, or what its monitor hears
};

// The driver's functions for a twin. `world` is the driver's.
typedef struct {
    void *world;
    const bool *as_is; // make no fixes to the C
    void (*roots)(void *world, void ***words, size_t *len);
    // Both return whether to raise.
    bool (*finalise)(void *world, void *object);
    bool (*callback)(void *world, void *function, void *argument);
    void (*node)(void *world, size_t node);
    void *(*get_region)(void *world, size_t bytes);
    void (*give_region)(void *world, void *start);
    size_t (*max_new_area)(void *world);
    void (*event)(void *world, int kind, uintptr_t value);
} twin_hooks_t;

typedef struct {
    uint8_t *alloc_table;
    size_t table_bytes;
    uint8_t *finaliser_table; // NULL without finalisers
    uint8_t *collect_table;   // NULL without selective collect
    uint8_t *pool;
    uint8_t *pool_end;
    size_t last_used;
} twin_area_t;

// The state that C code of a port may read. Words of options that are off stay 0.
typedef struct {
    size_t lock_depth;
    size_t auto_collect;
    size_t alloc_amount;
    size_t alloc_threshold;
    size_t collected;
    size_t pystack_used;
    size_t sched_state;
    size_t sched_len;
    size_t sched_idx;
    size_t has_nodes;
    size_t pending_exception;
    size_t vm_abort;
    size_t atomic_depth;
    size_t mutex_depth;  // how often gc_mutex is held
    size_t jumps_pushed; // whether a buffer or a callback is left
} twin_numbers_t;

// The harness's counts, and the fixes that it makes.
typedef struct {
    size_t collects;
    size_t overflows;      // collects of the C that found the mark stack full
    size_t last_used_fixed;  // docs/upstream.md, 7
    size_t areas_fixed;   // docs/upstream.md, 8
    size_t mutex_fixed;   // docs/upstream.md, 2
    size_t steps;          // calls of MICROPY_GC_HOOK_LOOP
    size_t collect_steps;  // those of them in a collection
    size_t mark_steps;     // and of these, those before the mark stack is looked at again
} twin_counts_t;

// What figures.c counts around the C, and mpgc itself with MPGC_STATS=1.
typedef struct {
    size_t collections;
    size_t failures;
    size_t failed_bytes;
    size_t allocations;
    size_t allocated_bytes;
    size_t freed_objects;
    size_t live_objects; // after the last collection, as the next ones
    size_t live_bytes;
    size_t peak_bytes;
    size_t max_free;
    size_t free_runs;
    size_t sched_refused;
    size_t peak_sched;
} twin_figures_t;

// As in include/mpgc.h, which C objects do not have.
typedef struct {
    const char *what;
    size_t what_len;
    size_t area;
    size_t block;
} twin_broken_t;

// Functions that a build with TWIN_BENCH adds (bench.c): steps that only C code can take, and the
// counting of instructions under callgrind.
typedef struct {
    void (*collect_start)(void);
    void (*collect_root)(void **words, size_t len);
    void (*collect_end)(void);
    // Each does the same `times` over.
    void (*pystack)(size_t times);
    void (*push_pop)(size_t times);
    void (*push_jump)(size_t times);
    void (*schedule_run)(size_t times);
    // Between these two instructions are counted; the second names them.
    void (*count_begin)(void);
    void (*count_end)(const char *name);
} twin_bench_t;

typedef struct {
    // The configuration.
    uint32_t release; // 12500 is 1.25.0
    uint32_t block_bytes, stack_entries, entry_bytes;
    bool finaliser, split, split_auto, threshold, conservative_clear, collect_retval;
    bool pystack, scheduler, static_nodes, vm_abort, hook_loop, asserts, gc_mutex, debug_valgrind, weakref, selective, circuitpython;
    uint32_t pystack_align, scheduler_depth, nodes, types;
    uint32_t area_bytes; // of mp_state_mem_area_t
    // Of mpgc alone.
    const char *(*build_info)(void);
    bool (*check)(twin_broken_t *out);
    void (*figures)(twin_figures_t *out); // NULL without TWIN_FIGURES
    // Of the harness.
    void (*reset)(const twin_hooks_t *hooks);
    void (*settle)(void);
    twin_counts_t *counts;
    bool (*area)(size_t number, twin_area_t *out);
    void (*numbers)(twin_numbers_t *out);
    const void *(*type)(size_t number);
    const char *(*take_text)(size_t *len);
    // gc.
    void (*init)(void *start, void *end);
    void (*add)(void *start, void *end);
    void *(*alloc)(size_t bytes, unsigned int flags);
    void (*free)(void *chunk);
    void *(*realloc)(void *chunk, size_t bytes, bool may_move);
    size_t (*nbytes)(const void *chunk);
    void (*lock)(void);
    void (*unlock)(void);
    bool (*is_locked)(void);
    void (*collect)(void);
    void (*sweep_all)(void);
    void (*info)(size_t out[8]);
    void (*dump)(bool table);
    void (*set_threshold)(size_t blocks);
    void (*set_auto_collect)(bool on);
    // pystack: NULL when it raises.
    void (*pystack_init)(void *start, void *end);
    void *(*pystack_alloc)(size_t bytes);
    void (*pystack_free)(void *chunk);
    // scheduler.
    bool (*schedule)(void *function, void *argument);
    bool (*schedule_node)(size_t node);
    void (*sched_lock)(void);
    void (*sched_unlock)(void);
    void (*sched_exception)(void *exception);
    void (*keyboard_interrupt)(void);
    void (*sched_vm_abort)(void);
    bool (*collect_aborted)(void);
    // 0, 1: mp_handle_pending(false, true); 2 to 4: nowait, wait, wait ms; 5: callbacks only.
    void (*handle_pending)(unsigned int how, bool abort_buffer);
    // nlr: pushes and jumps as the plan says, three bits a level.
    void (*jump)(uint64_t plan, size_t levels);
    const twin_bench_t *bench; // NULL without TWIN_BENCH
} twin_t;

// Between env.c, heap.c, figures.c and core.c.

#define TWIN_NODES (6)
// What mpgc_fault adds its kind to; a panic of the driver ends with 101.
#define TWIN_FAULT_STATUS (110)

extern twin_hooks_t twin_hooks;
extern twin_counts_t twin_counts;
extern size_t twin_steps;

// Only mpgc has this: a twin uses it to identify itself.
const char *mpgc_build_info(void) __attribute__((weak));
static inline bool twin_is_c(void) {
    return mpgc_build_info == NULL;
}

void twin_reset_sweeps(void);
void twin_sweep_all(void);
void twin_settle(void);
bool twin_collect_aborted(void);
bool twin_area(size_t number, twin_area_t *out);
void twin_info(size_t out[8]);
void twin_dump(bool table);
void twin_reset_weakrefs(void);
void *twin_alloc_referred(size_t n_bytes, unsigned int flags);
extern const twin_bench_t twin_bench;
#if TWIN_FIGURES
void twin_init(void *start, void *end);
void twin_count_collection(void);
bool twin_count_call(bool queued);
void twin_figures(twin_figures_t *out);
void *twin_alloc(size_t n_bytes, unsigned int flags);
void *twin_realloc(void *chunk, size_t n_bytes, bool may_move);
#endif
void twin_tell(int kind, uintptr_t value);
// An exception as a value that is the same in both twins, if it is one of the twin's own.
uintptr_t twin_exception_value(void *value);
void *twin_pystack_alloc(size_t bytes);
void twin_pystack_free(void *chunk);
bool twin_schedule(void *function, void *argument);
bool twin_schedule_node(size_t node);
void twin_reset_nodes(void);
void twin_sched_exception(void *exception);
void twin_handle_pending(unsigned int how, bool abort_buffer);
void twin_jump(uint64_t plan, size_t levels);

#endif // TWIN_H
