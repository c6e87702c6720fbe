// The design's seeds that only C code of a port can see, each with a scenario that is named for it.
// What is printed must be the same with the C and with Rust. docs/testing.md lists all seeds.

#include <stdint.h>
#include <stdio.h>

#include "py/builtin.h"
#include "py/gc.h"
#include "py/pystack.h"
#include "py/runtime.h"

void run_python(const char *source);
size_t scenario_stack_depth(void);

// An address in a disguised form, so that no stack or register holds it.
#define HIDDEN(ptr) (~(uintptr_t)(ptr))

static void collect_without_the_stack(void) {
    gc_collect_start();
    gc_collect_end();
}

// The root section leaves out entries that are no pointers: a stale word there keeps nothing alive.

static uintptr_t hidden_chunk(void) {
    return HIDDEN(gc_alloc(3 * MICROPY_BYTES_PER_GC_BLOCK, 0));
}

#define KEEPS(what, type) do { \
        uintptr_t hidden = hidden_chunk(); \
        type before = what; \
        what = (type)~hidden; \
        collect_without_the_stack(); \
        what = before; \
        printf("seed: a word in " #what " keeps %u bytes\n", (unsigned)gc_nbytes((void *)~hidden)); \
        gc_collect(); \
} while (0)

static void stale_words_outside_the_root_section_keep_nothing(void) {
    KEEPS(MP_STATE_THREAD(stack_top), char *);
    KEEPS(MP_STATE_THREAD(pystack_end), uint8_t *);
    KEEPS(MP_STATE_VM(qstr_last_alloc), size_t);
    KEEPS(MP_STATE_MEM(gc_alloc_threshold), size_t);
    KEEPS(MP_STATE_THREAD(dict_locals), mp_obj_dict_t *);
    KEEPS(MP_STATE_VM(mp_emergency_exception_obj.args), mp_obj_tuple_t *);
}

// An exception in a finaliser goes no further, and the scheduler is locked meanwhile.

static mp_obj_t noted(mp_obj_t arg) {
    printf("seed: scheduled %d ran\n", (int)mp_obj_get_int(arg));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(noted_obj, noted);

static mp_obj_t seed_del(mp_obj_t self) {
    (void)self;
    printf("seed: finaliser, scheduler %d\n", MP_STATE_VM(sched_state));
    mp_sched_schedule(MP_OBJ_FROM_PTR(&noted_obj), MP_OBJ_NEW_SMALL_INT(1));
    mp_handle_pending(true);
    mp_raise_ValueError(NULL);
}
static MP_DEFINE_CONST_FUN_OBJ_1(seed_del_obj, seed_del);

static const mp_rom_map_elem_t seed_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&seed_del_obj) },
};
static MP_DEFINE_CONST_DICT(seed_locals, seed_locals_table);
static MP_DEFINE_CONST_OBJ_TYPE(seed_type, MP_QSTR_seed, MP_TYPE_FLAG_NONE, locals_dict, &seed_locals);

static void make_finalised(void) {
    mp_obj_base_t *obj = gc_alloc(sizeof(*obj), GC_ALLOC_FLAG_HAS_FINALISER);
    obj->type = &seed_type;
}

static void an_exception_in_a_finaliser_goes_no_further(void) {
    make_finalised();
    make_finalised();
    collect_without_the_stack();
    printf("seed: collected %d, scheduler %d\n", (int)MP_STATE_MEM(gc_collected) >= 2, MP_STATE_VM(sched_state));
    while (MP_STATE_VM(sched_state) == MP_SCHED_PENDING) {
        mp_handle_pending(true);
    }
}

// At a soft reset all finalisers that are left run.

static void sweep_all_at_soft_reset_runs_the_remaining_finalisers(void) {
    make_finalised();
    mp_sched_lock();
    printf("seed: sweep all\n");
    // Afterwards no Python object is left, and the caller ends.
    gc_sweep_all();
    mp_sched_unlock();
}

// The threshold counts allocation, in blocks; gc.threshold() reads and sets it.

static void the_threshold_counts_allocation(void) {
    gc_collect();
    size_t before = MP_STATE_MEM(gc_alloc_amount);
    // The last block of a chunk in a hardened heap also holds its guard.
    gc_alloc(5 * MICROPY_BYTES_PER_GC_BLOCK - 1, 0);
    gc_alloc(1, 0);
    printf("seed: %u blocks after a collection, %u more\n", (unsigned)before, (unsigned)(MP_STATE_MEM(gc_alloc_amount) - before));
    run_python(
        "import gc\n"
        "print('seed: threshold', gc.threshold())\n"
        "gc.threshold(3200)\n"
        "print('seed: threshold', gc.threshold())\n"
        "gc.collect()\n"
        "low = gc.mem_alloc()\n"
        "high = 0\n"
        "for i in range(1000):\n"
        "    [i]\n"
        "    used = gc.mem_alloc()\n"
        "    high = used if used > high else high\n"
        "print('seed: never far above', high - low < 2 * 3200)\n"
        "gc.threshold(-1)\n"
        "print('seed: threshold', gc.threshold())\n");
}

// The Python stack: chunks of one function and of several, and functions that call without the C
// stack.

static void *nonlocal_chunk(size_t n_bytes) {
    return mp_nonlocal_alloc(n_bytes);
}

static void pystack_local_and_nonlocal_use(void) {
    size_t before = mp_pystack_usage();
    void *local = mp_local_alloc(40);
    void *outlives = nonlocal_chunk(24);
    printf("seed: pystack %u\n", (unsigned)(mp_pystack_usage() - before));
    mp_nonlocal_free(outlives, 24);
    mp_local_free(local);
    printf("seed: pystack %u\n", (unsigned)(mp_pystack_usage() - before));
    run_python(
        "import micropython\n"
        "def use(n):\n"
        "    return use(n - 1) if n else micropython.pystack_use()\n"
        "print('seed: pystack_use grows', use(1) < use(2) < use(3))\n"
        "print('seed: and shrinks', micropython.pystack_use() < use(0))\n");
}

static mp_obj_t c_stack(void) {
    return mp_obj_new_int(scenario_stack_depth());
}
static MP_DEFINE_CONST_FUN_OBJ_0(c_stack_obj, c_stack);

static void stackless_calls_use_no_c_stack(void) {
    #if MICROPY_STACKLESS
    mp_store_global(MP_QSTR_c_stack, MP_OBJ_FROM_PTR(&c_stack_obj));
    run_python(
        "def deep(n):\n"
        "    return deep(n - 1) if n else c_stack()\n"
        "print('seed: no C stack for a call', deep(0) == deep(10))\n"
        "try:\n"
        "    deep(1000000)\n"
        "except RuntimeError as e:\n"
        "    print('seed:', e)\n"
        "print('seed: as before', deep(0) == deep(10))\n");
    #else
    (void)c_stack_obj;
    #endif
}

#if MICROPY_PY_THREAD
// The address is computed before the mutex is released: another thread collects in between, and
// finds the chunk by what this thread has on its stack and in its registers.

int scenario_collects_left;
int scenario_mutex_depth;
mp_state_thread_t *const scenario_thread = &mp_state_ctx.thread;

#if !SCENARIO_INLINE_THREADS
#define SCENARIO_THREAD
#include "threads.h"
#endif

mp_uint_t mp_thread_get_id(void) {
    return 1;
}

mp_uint_t mp_thread_create(void *(*entry)(void *), void *arg, size_t *stack_size) {
    (void)entry;
    (void)arg;
    (void)stack_size;
    mp_raise_NotImplementedError(NULL);
}

void mp_thread_start(void) {
}

void mp_thread_finish(void) {
}

static void an_address_is_known_before_the_mutex_is_let_go(void) {
    for (int flags = 0; flags <= GC_ALLOC_FLAG_HAS_FINALISER; flags++) {
        scenario_collects_left = 2;
        void *chunk = gc_alloc(2 * MICROPY_BYTES_PER_GC_BLOCK, flags);
        scenario_collects_left = 0;
        printf("seed: collected in between, %u bytes\n", (unsigned)gc_nbytes(chunk));
        void *behind = gc_alloc(1, 0);
        scenario_collects_left = 9;
        void *moved = gc_realloc(chunk, 9 * MICROPY_BYTES_PER_GC_BLOCK, true);
        scenario_collects_left = 0;
        printf("seed: collected while it grew, %u bytes\n", (unsigned)gc_nbytes(moved));
        gc_free(moved);
        gc_free(behind);
    }
}
#endif

void seed_scenarios(void) {
    stale_words_outside_the_root_section_keep_nothing();
    the_threshold_counts_allocation();
    an_exception_in_a_finaliser_goes_no_further();
    pystack_local_and_nonlocal_use();
    stackless_calls_use_no_c_stack();
    #if MICROPY_PY_THREAD
    an_address_is_known_before_the_mutex_is_let_go();
    #endif
    sweep_all_at_soft_reset_runs_the_remaining_finalisers();
}
