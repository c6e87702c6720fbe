// The Python module `matrix`: what the scripts of tests/matrix cannot reach from Python, and a
// host's side of the options that need one.

#include <stdlib.h>
#include <string.h>

#include "py/gc.h"
#include "py/mphal.h"
#include "py/nlr.h"
#include "py/objint.h"
#include "py/runtime.h"

#if MICROPY_ENABLE_PYSTACK
#include "py/pystack.h"
#endif

#ifndef MICROPY_GC_SPLIT_HEAP_AUTO
#define MICROPY_GC_SPLIT_HEAP_AUTO (0)
#endif

// Counters of the hooks.

static size_t hooks, scheduled, polls;

void matrix_count_hook(void) {
    hooks += 1;
}

void matrix_count_scheduled(void) {
    scheduled += 1;
}

void matrix_count_poll(void) {
    polls += 1;
    // As the port waits where it has no such hook: others are let run.
    mp_hal_delay_us(500);
}

// hooks(), scheduled() and polls() tell how often each was called, and begin anew.
static mp_obj_t take(size_t *counter) {
    size_t n = *counter;
    *counter = 0;
    return MP_OBJ_NEW_SMALL_INT((mp_int_t)n);
}

static mp_obj_t matrix_hooks(void) {
    return take(&hooks);
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_hooks_obj, matrix_hooks);

static mp_obj_t matrix_scheduled(void) {
    return take(&scheduled);
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_scheduled_obj, matrix_scheduled);

static mp_obj_t matrix_polls(void) {
    return take(&polls);
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_polls_obj, matrix_polls);

// wait(ms) waits for an event; nowait() handles what is there.
static mp_obj_t matrix_wait(mp_obj_t ms) {
    mp_event_wait_ms((mp_uint_t)mp_obj_get_int(ms));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(matrix_wait_obj, matrix_wait);

static mp_obj_t matrix_nowait(void) {
    mp_event_handle_nowait();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_nowait_obj, matrix_nowait);

// A host with memory to give: regions lie far apart, and one that was given back is not used again.

enum { MOST_REGIONS = 16, LARGEST_REGION = 1 << 18 };
static size_t regions_got, regions_given;

#if MICROPY_GC_SPLIT_HEAP_AUTO
size_t gc_get_max_new_split(void) {
    return regions_got < MOST_REGIONS ? LARGEST_REGION : 0;
}
#endif

void *matrix_get_region(size_t n_bytes) {
    if (regions_got == MOST_REGIONS || n_bytes > LARGEST_REGION) {
        return NULL;
    }
    regions_got += 1;
    return malloc(n_bytes);
}

void matrix_give_region(void *start) {
    (void)start;
    regions_given += 1;
}

// regions() is (got, given back).
static mp_obj_t matrix_regions(void) {
    mp_obj_t both[] = { MP_OBJ_NEW_SMALL_INT((mp_int_t)regions_got), MP_OBJ_NEW_SMALL_INT((mp_int_t)regions_given) };
    return mp_obj_new_tuple(2, both);
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_regions_obj, matrix_regions);

// Dying(f, x): calls f(x) when it is collected.

typedef struct {
    mp_obj_base_t base;
    mp_obj_t fun;
    mp_obj_t argument;
} matrix_dying_t;

static const mp_obj_type_t matrix_dying_type;

static mp_obj_t dying_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 2, 2, false);
    matrix_dying_t *self = mp_obj_malloc_with_finaliser(matrix_dying_t, type);
    self->fun = args[0];
    self->argument = args[1];
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t dying_del(mp_obj_t self_in) {
    matrix_dying_t *self = MP_OBJ_TO_PTR(self_in);
    return mp_call_function_1(self->fun, self->argument);
}
static MP_DEFINE_CONST_FUN_OBJ_1(dying_del_obj, dying_del);

static const mp_rom_map_elem_t dying_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&dying_del_obj) },
};
static MP_DEFINE_CONST_DICT(dying_locals, dying_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    matrix_dying_type, MP_QSTR_Dying, MP_TYPE_FLAG_NONE, make_new, dying_make_new, locals_dict, &dying_locals
    );

// Memory that Python does not see.

// dirty(n) allocates n bytes, fills them and frees them; fresh(n) allocates n bytes and tells how
// many of them are not zero.
static mp_obj_t matrix_dirty(mp_obj_t n_in) {
    size_t n = (size_t)mp_obj_get_int(n_in);
    byte *chunk = m_malloc(n);
    memset(chunk, 0xa5, n);
    #if MICROPY_MALLOC_USES_ALLOCATED_SIZE
    m_free(chunk, n);
    #else
    m_free(chunk);
    #endif
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(matrix_dirty_obj, matrix_dirty);

static mp_obj_t matrix_fresh(mp_obj_t n_in) {
    size_t n = (size_t)mp_obj_get_int(n_in), used = 0;
    const byte *chunk = m_malloc(n);
    for (size_t i = 0; i < n; ++i) {
        used += chunk[i] != 0;
    }
    return MP_OBJ_NEW_SMALL_INT((mp_int_t)used);
}
static MP_DEFINE_CONST_FUN_OBJ_1(matrix_fresh_obj, matrix_fresh);

// leave(n) fills a chunk of n bytes and drops it, to be collected; left(n) tells how many bytes of
// it are still as they were. The address is kept where no collect looks.
static uintptr_t hidden;

static mp_obj_t matrix_leave(mp_obj_t n_in) {
    size_t n = (size_t)mp_obj_get_int(n_in);
    byte *chunk = m_malloc(n);
    memset(chunk, 0xa5, n);
    hidden = ~(uintptr_t)chunk;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(matrix_leave_obj, matrix_leave);

static mp_obj_t matrix_left(mp_obj_t n_in) {
    size_t n = (size_t)mp_obj_get_int(n_in), same = 0;
    const byte *chunk = (const byte *)~hidden;
    for (size_t i = 0; i < n; ++i) {
        same += chunk[i] == 0xa5;
    }
    return MP_OBJ_NEW_SMALL_INT((mp_int_t)same);
}
static MP_DEFINE_CONST_FUN_OBJ_1(matrix_left_obj, matrix_left);

// tracked(n): makes n tracked chunks that only the list of them keeps alive, collects, and returns
// how many are whole.
#if MICROPY_TRACKED_ALLOC
static mp_obj_t matrix_tracked(mp_obj_t n_in) {
    enum { MOST = 64, WORDS = 10 };
    static uintptr_t chunks[MOST];
    mp_int_t n = mp_obj_get_int(n_in), whole = 0;
    for (mp_int_t i = 0; i < n && i < MOST; ++i) {
        size_t *chunk = m_tracked_calloc(WORDS, sizeof(size_t));
        for (size_t word = 0; word < WORDS; ++word) {
            chunk[word] = (size_t)i;
        }
        chunks[i] = ~(uintptr_t)chunk;
    }
    gc_collect();
    for (mp_int_t i = 0; i < n && i < MOST; ++i) {
        size_t *chunk = (size_t *)~chunks[i], good = 0;
        for (size_t word = 0; word < WORDS; ++word) {
            good += chunk[word] == (size_t)i;
        }
        whole += good == WORDS;
        m_tracked_free(chunk);
    }
    return MP_OBJ_NEW_SMALL_INT(whole);
}
static MP_DEFINE_CONST_FUN_OBJ_1(matrix_tracked_obj, matrix_tracked);
#endif

// Without a virtual file system.
#if !MICROPY_VFS
#include <sys/stat.h>
#include "py/builtin.h"

mp_import_stat_t mp_import_stat(const char *path) {
    struct stat found;
    if (stat(path, &found) != 0) {
        return MP_IMPORT_STAT_NO_EXIST;
    }
    return S_ISDIR(found.st_mode) ? MP_IMPORT_STAT_DIR : MP_IMPORT_STAT_FILE;
}
#endif

// Jumps.

// catch(f, depth) calls f below that many nested buffers, each of which raises again what it
// caught; tells how many of them did.
static mp_int_t caught;

static void call_below(mp_obj_t fun, mp_int_t depth) {
    nlr_buf_t nlr;
    if (depth == 0) {
        mp_call_function_0(fun);
        return;
    }
    if (nlr_push(&nlr) == 0) {
        call_below(fun, depth - 1);
        nlr_pop();
    } else {
        caught += 1;
        nlr_jump(nlr.ret_val);
    }
}

static mp_obj_t matrix_catch(mp_obj_t fun, mp_obj_t depth) {
    nlr_buf_t nlr;
    caught = 0;
    if (nlr_push(&nlr) == 0) {
        call_below(fun, mp_obj_get_int(depth));
        nlr_pop();
        return MP_OBJ_NEW_SMALL_INT(-1);
    }
    return MP_OBJ_NEW_SMALL_INT(caught);
}
static MP_DEFINE_CONST_FUN_OBJ_2(matrix_catch_obj, matrix_catch);

// abortable(f): what f returns, or "aborted" if abort() ended it.
#if MICROPY_ENABLE_VM_ABORT
static mp_obj_t matrix_abort(void) {
    mp_sched_vm_abort();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_abort_obj, matrix_abort);

static mp_obj_t matrix_abortable(mp_obj_t fun) {
    nlr_buf_t nlr;
    mp_obj_t result = MP_OBJ_NEW_QSTR(MP_QSTR_aborted);
    if (nlr_push(&nlr) == 0) {
        nlr_set_abort(&nlr);
        result = mp_call_function_0(fun);
        nlr_pop();
    } else if (nlr.ret_val != NULL) {
        nlr_set_abort(NULL);
        nlr_jump(nlr.ret_val);
    }
    nlr_set_abort(NULL);
    return result;
}
static MP_DEFINE_CONST_FUN_OBJ_1(matrix_abortable_obj, matrix_abortable);
#endif

// The scheduler.

#if !MICROPY_KBD_EXCEPTION
// The port's signal handler names both all the same.
MP_REGISTER_ROOT_POINTER(mp_obj_exception_t mp_kbd_exception);
void mp_sched_keyboard_interrupt(void);
void mp_sched_keyboard_interrupt(void) {
}
#endif

#if MICROPY_KBD_EXCEPTION
static mp_obj_t matrix_interrupt(void) {
    mp_sched_keyboard_interrupt();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_interrupt_obj, matrix_interrupt);
#endif

// node() schedules the one static node; ran() tells how often it ran.
#if MICROPY_SCHEDULER_STATIC_NODES
static mp_int_t node_runs;

static void run_node(mp_sched_node_t *node) {
    (void)node;
    node_runs += 1;
}

static mp_obj_t matrix_node(void) {
    static mp_sched_node_t node;
    return mp_obj_new_bool(mp_sched_schedule_node(&node, run_node));
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_node_obj, matrix_node);

static mp_obj_t matrix_ran(void) {
    return MP_OBJ_NEW_SMALL_INT(node_runs);
}
static MP_DEFINE_CONST_FUN_OBJ_0(matrix_ran_obj, matrix_ran);
#endif

static const mp_rom_map_elem_t matrix_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_matrix) },
    { MP_ROM_QSTR(MP_QSTR_Dying), MP_ROM_PTR(&matrix_dying_type) },
    { MP_ROM_QSTR(MP_QSTR_catch), MP_ROM_PTR(&matrix_catch_obj) },
    { MP_ROM_QSTR(MP_QSTR_dirty), MP_ROM_PTR(&matrix_dirty_obj) },
    { MP_ROM_QSTR(MP_QSTR_fresh), MP_ROM_PTR(&matrix_fresh_obj) },
    { MP_ROM_QSTR(MP_QSTR_hooks), MP_ROM_PTR(&matrix_hooks_obj) },
    { MP_ROM_QSTR(MP_QSTR_leave), MP_ROM_PTR(&matrix_leave_obj) },
    { MP_ROM_QSTR(MP_QSTR_left), MP_ROM_PTR(&matrix_left_obj) },
    { MP_ROM_QSTR(MP_QSTR_nowait), MP_ROM_PTR(&matrix_nowait_obj) },
    { MP_ROM_QSTR(MP_QSTR_polls), MP_ROM_PTR(&matrix_polls_obj) },
    { MP_ROM_QSTR(MP_QSTR_regions), MP_ROM_PTR(&matrix_regions_obj) },
    { MP_ROM_QSTR(MP_QSTR_scheduled), MP_ROM_PTR(&matrix_scheduled_obj) },
    { MP_ROM_QSTR(MP_QSTR_wait), MP_ROM_PTR(&matrix_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_FINALISER), MP_ROM_INT(MICROPY_ENABLE_FINALISER) },
    { MP_ROM_QSTR(MP_QSTR_SPLIT_AUTO), MP_ROM_INT(MICROPY_GC_SPLIT_HEAP_AUTO) },
    #if MICROPY_KBD_EXCEPTION
    { MP_ROM_QSTR(MP_QSTR_interrupt), MP_ROM_PTR(&matrix_interrupt_obj) },
    #endif
    #if MICROPY_ENABLE_VM_ABORT
    { MP_ROM_QSTR(MP_QSTR_abort), MP_ROM_PTR(&matrix_abort_obj) },
    { MP_ROM_QSTR(MP_QSTR_abortable), MP_ROM_PTR(&matrix_abortable_obj) },
    #endif
    #if MICROPY_SCHEDULER_STATIC_NODES
    { MP_ROM_QSTR(MP_QSTR_node), MP_ROM_PTR(&matrix_node_obj) },
    { MP_ROM_QSTR(MP_QSTR_ran), MP_ROM_PTR(&matrix_ran_obj) },
    #endif
    #if MICROPY_TRACKED_ALLOC
    { MP_ROM_QSTR(MP_QSTR_tracked), MP_ROM_PTR(&matrix_tracked_obj) },
    #endif
};
static MP_DEFINE_CONST_DICT(matrix_globals, matrix_table);

const mp_obj_module_t matrix_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&matrix_globals,
};
MP_REGISTER_MODULE(MP_QSTR_matrix, matrix_module);
