// MicroPython around the four files, as far as they can see it. Compiled once for the C and once
// for the Rust, with the same flags.

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "py/builtin.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/objexcept.h"
#include "py/pystack.h"
#include "py/runtime.h"
#include "py/stackctrl.h"

#include "release.h"
#include "twin.h"

#if TWIN_CIRCUITPYTHON
#include "supervisor/shared/safe_mode.h"
#endif

bool mpgc_check(twin_broken_t *out) __attribute__((weak));

mp_state_ctx_t mp_state_ctx;

twin_hooks_t twin_hooks;
twin_counts_t twin_counts;
static size_t atomic_depth;

void twin_event(int kind) {
    twin_hooks.event(twin_hooks.world, kind, 0);
}

void twin_tell(int kind, uintptr_t value) {
    twin_hooks.event(twin_hooks.world, kind, value);
}

// Macros of mpconfigport.h.

size_t twin_steps;

uintptr_t twin_atomic_begin(void) {
    atomic_depth += 1;
    if (atomic_depth != 1) {
        twin_tell(EVENT_ATOMIC, atomic_depth);
    }
    return 7;
}

void twin_atomic_end(uintptr_t state) {
    if (state != 7 || atomic_depth != 1) {
        twin_tell(EVENT_ATOMIC, atomic_depth);
    }
    atomic_depth -= 1;
}

// Printing: into a buffer that the driver takes.

static char text[1 << 19];
static size_t text_len;

int mp_printf(const mp_print_t *print, const char *fmt, ...) {
    (void)print;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text + text_len, sizeof(text) - text_len, fmt, args);
    va_end(args);
    text_len += n;
    if (text_len >= sizeof(text)) {
        fprintf(stderr, "error: a dump does not fit into the twins' buffer\n");
        abort();
    }
    return n;
}

int mp_print_str(const mp_print_t *print, const char *str) {
    return mp_printf(print, "%s", str);
}

const mp_print_t mp_plat_print;

static const char *take_text(size_t *len) {
    *len = text_len;
    text_len = 0;
    return text;
}

// Threads: the main one. A mutex that is released too often or never shows in the numbers, except
// in the one place where the C does so: docs/upstream.md, 2.

#if MICROPY_PY_THREAD
mp_state_thread_t *mp_thread_get_state(void) {
    return &mp_state_ctx.thread;
}

#if TWIN_RECURSIVE_MUTEX
#define MUTEX(function) mp_thread_recursive_mutex_##function
#else
#define MUTEX(function) mp_thread_mutex_##function
#endif

void MUTEX(init)(mp_thread_recursive_mutex_t *mutex) {
    *mutex = 0;
}

int MUTEX(lock)(mp_thread_recursive_mutex_t *mutex, int wait) {
    (void)wait;
    *mutex += 1;
    return 1;
}

void MUTEX(unlock)(mp_thread_recursive_mutex_t *mutex) {
    if (MICROPY_GC_SPLIT_HEAP_AUTO && *mutex == 0 && twin_is_c() && !*twin_hooks.as_is) {
        twin_counts.mutex_fixed += 1;
        return;
    }
    *mutex -= 1;
}
#endif

static size_t mutex_depth(void) {
    #if MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL
    return MP_STATE_MEM(gc_mutex);
    #else
    return 0;
    #endif
}

// Types, by whose address a dump chooses its letter.

#define TYPE(name) const mp_obj_type_t name = { .flags = 0 };
TYPE(mp_type_tuple) TYPE(mp_type_list) TYPE(mp_type_dict) TYPE(mp_type_str) TYPE(mp_type_bytes)
TYPE(mp_type_bytearray) TYPE(mp_type_array) TYPE(mp_type_float) TYPE(mp_type_fun_bc)
TYPE(mp_type_module) TYPE(mp_type_RuntimeError) TYPE(mp_type_object)

static const mp_obj_type_t *const types[] = {
    &mp_type_tuple, &mp_type_list, &mp_type_dict, &mp_type_str, &mp_type_bytes, &mp_type_bytearray,
    &mp_type_array, &mp_type_float, &mp_type_fun_bc, &mp_type_module, &mp_type_object,
};

static const void *type(size_t number) {
    return types[number];
}

// Objects that Python would make.

static char del_method, exhausted;

uintptr_t twin_exception_value(void *value) {
    #if MICROPY_KBD_EXCEPTION
    if (value == &MP_STATE_VM(mp_kbd_exception)) {
        return 1;
    }
    #endif
    return value == &exhausted ? 2 : (uintptr_t)value;
}

bool mp_obj_is_exception_instance(mp_obj_t obj) {
    (void)obj;
    return true;
}

void mp_load_method_maybe(mp_obj_t obj, qstr attr, mp_obj_t *dest) {
    dest[0] = attr == MP_QSTR___del__ ? MP_OBJ_FROM_PTR(&del_method) : MP_OBJ_NULL;
    dest[1] = obj;
}

mp_obj_t mp_call_function_1_protected(mp_obj_t fun, mp_obj_t arg) {
    #ifdef TWIN_BENCH
    // Measurements do not include this.
    if (fun == MP_OBJ_FROM_PTR(&del_method)) {
        twin_hooks.finalise(twin_hooks.world, MP_OBJ_TO_PTR(arg));
    }
    return fun;
    #endif
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        bool raise;
        #if MICROPY_ENABLE_SCHEDULER
        twin_tell(EVENT_STATE, (uint16_t)MP_STATE_VM(sched_state));
        #endif
        twin_tell(EVENT_MUTEX, mutex_depth());
        if (fun == MP_OBJ_FROM_PTR(&del_method)) {
            raise = twin_hooks.finalise(twin_hooks.world, MP_OBJ_TO_PTR(arg));
        } else {
            twin_tell(EVENT_CALLBACK, (uintptr_t)fun);
            twin_tell(EVENT_ARGUMENT, (uintptr_t)arg);
            raise = twin_hooks.callback(twin_hooks.world, MP_OBJ_TO_PTR(fun), MP_OBJ_TO_PTR(arg));
        }
        if (*twin_hooks.as_is) {
            // As the VM does between bytecodes: an abort leaves the running code.
            mp_handle_pending(true);
        }
        if (raise) {
            nlr_jump((void *)(uintptr_t)0x1237);
        }
        nlr_pop();
        return fun;
    }
    twin_tell(EVENT_CAUGHT, twin_exception_value(nlr.ret_val));
    return MP_OBJ_NULL;
}

void mp_raise_type_arg(const mp_obj_type_t *exc_type, mp_obj_t arg) {
    bool right = exc_type == &mp_type_RuntimeError && arg == MP_OBJ_NEW_QSTR(MP_QSTR_pystack_space_exhausted);
    nlr_jump(right ? &exhausted : NULL);
}

// Replaces the library's. A fault ends the process, with its kind as the exit status.
void mpgc_fault(int kind, const void *ptr);
void mpgc_fault(int kind, const void *ptr) {
    fprintf(stderr, "mpgc_fault(%d, %p)\n", kind, ptr);
    _exit(TWIN_FAULT_STATUS + kind);
}

#if TWIN_CIRCUITPYTHON
const mp_obj_traceback_t mp_const_empty_traceback_obj = { .len = 0 };

void reset_into_safe_mode(safe_mode_t reason) {
    fprintf(stderr, "error: a reset into the safe mode %d\n", reason);
    abort();
}
#endif

void nlr_jump_fail(void *val) {
    fprintf(stderr, "error: a jump without a buffer, value %p\n", val);
    abort();
}

static void set_threshold(size_t blocks) {
    (void)blocks;
    #if MICROPY_GC_ALLOC_THRESHOLD
    MP_STATE_MEM(gc_alloc_threshold) = blocks;
    #endif
}

static void set_auto_collect(bool on) {
    MP_STATE_MEM(gc_auto_collect_enabled) = on;
}

static void numbers(twin_numbers_t *out) {
    *out = (twin_numbers_t) {
        .lock_depth = MP_STATE_THREAD(gc_lock_depth),
        .auto_collect = MP_STATE_MEM(gc_auto_collect_enabled),
        #if MICROPY_GC_ALLOC_THRESHOLD
        .alloc_amount = MP_STATE_MEM(gc_alloc_amount),
        .alloc_threshold = MP_STATE_MEM(gc_alloc_threshold),
        #endif
        #if MICROPY_PY_GC_COLLECT_RETVAL
        .collected = MP_STATE_MEM(gc_collected),
        #endif
        #if MICROPY_ENABLE_PYSTACK
        .pystack_used = mp_pystack_usage(),
        #endif
        #if MICROPY_ENABLE_SCHEDULER
        .sched_state = (uint16_t)MP_STATE_VM(sched_state),
        .sched_len = MP_STATE_VM(sched_len),
        .sched_idx = MP_STATE_VM(sched_idx),
        #endif
        #if MICROPY_SCHEDULER_STATIC_NODES
        .has_nodes = (MP_STATE_VM(sched_head) != NULL) + 2 * (MP_STATE_VM(sched_tail) != NULL),
        #endif
        .pending_exception = twin_exception_value(MP_OBJ_TO_PTR(MP_STATE_THREAD(mp_pending_exception))),
        #if MICROPY_ENABLE_VM_ABORT
        .vm_abort = MP_STATE_VM(vm_abort),
        #endif
        .atomic_depth = atomic_depth,
        .mutex_depth = mutex_depth(),
        .jumps_pushed = (MP_STATE_THREAD(nlr_top) != NULL)
            #if TWIN_JUMP_CALLBACKS
            + 2 * (MP_STATE_THREAD(nlr_jump_callback_top) != NULL)
            #endif
        ,
    };
}

// A twin as after power on.
static void reset(const twin_hooks_t *new_hooks) {
    memset(&mp_state_ctx, 0, sizeof(mp_state_ctx));
    twin_hooks = *new_hooks;
    atomic_depth = 0;
    text_len = 0;
    #if MICROPY_PY_WEAKREF
    twin_reset_weakrefs();
    #endif
    #if TWIN_CIRCUITPYTHON
    twin_reset_sweeps();
    #endif
    #if MICROPY_ENABLE_SCHEDULER
    MP_STATE_VM(sched_state) = MP_SCHED_IDLE;
    #endif
    #if MICROPY_SCHEDULER_STATIC_NODES
    twin_reset_nodes();
    #endif
}

// From 1.28 on, the list of modules may not be empty. Nothing of it is compiled here.
MP_REGISTER_MODULE(MP_QSTR_twins, twins_module);

const twin_t twin = {
    .release = MICROPY_VERSION_MAJOR * 10000 + MICROPY_VERSION_MINOR * 100 + MICROPY_VERSION_MICRO,
    .block_bytes = MICROPY_BYTES_PER_GC_BLOCK,
    .stack_entries = MICROPY_ALLOC_GC_STACK_SIZE,
    .entry_bytes = sizeof(MICROPY_GC_STACK_ENTRY_TYPE),
    .finaliser = MICROPY_ENABLE_FINALISER,
    .split = MICROPY_GC_SPLIT_HEAP,
    .split_auto = MICROPY_GC_SPLIT_HEAP_AUTO,
    .threshold = MICROPY_GC_ALLOC_THRESHOLD,
    .conservative_clear = MICROPY_GC_CONSERVATIVE_CLEAR,
    .collect_retval = MICROPY_PY_GC_COLLECT_RETVAL,
    .pystack = MICROPY_ENABLE_PYSTACK,
    .scheduler = MICROPY_ENABLE_SCHEDULER,
    .static_nodes = MICROPY_SCHEDULER_STATIC_NODES,
    .vm_abort = MICROPY_ENABLE_VM_ABORT,
    #ifdef TWIN_HOOK_LOOP
    .hook_loop = true,
    #endif
    #ifndef NDEBUG
    .asserts = true,
    #endif
    .gc_mutex = MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL,
    .debug_valgrind = MICROPY_DEBUG_VALGRIND,
    #if MICROPY_PY_WEAKREF
    .weakref = true,
    #endif
    .selective = MICROPY_ENABLE_SELECTIVE_COLLECT,
    .circuitpython = TWIN_CIRCUITPYTHON,
    .scheduler_depth = MICROPY_SCHEDULER_DEPTH,
    .types = MP_ARRAY_SIZE(types),
    .area_bytes = sizeof(mp_state_mem_area_t),
    .build_info = mpgc_build_info,
    .check = mpgc_check,
    #if TWIN_FIGURES
    .figures = twin_figures,
    #endif
    .reset = reset,
    .settle = twin_settle,
    .counts = &twin_counts,
    .area = twin_area,
    .numbers = numbers,
    .type = type,
    .take_text = take_text,
    #if TWIN_FIGURES
    .init = twin_init,
    #else
    .init = gc_init,
    #endif
    #if MICROPY_GC_SPLIT_HEAP
    .add = gc_add,
    #endif
    #if TWIN_FIGURES
    .alloc = twin_alloc,
    #elif MICROPY_PY_WEAKREF
    .alloc = twin_alloc_referred,
    #else
    .alloc = gc_alloc,
    #endif
    .free = gc_free,
    #if TWIN_FIGURES
    .realloc = twin_realloc,
    #else
    .realloc = gc_realloc,
    #endif
    .nbytes = gc_nbytes,
    .lock = gc_lock,
    .unlock = gc_unlock,
    .is_locked = gc_is_locked,
    .collect = gc_collect,
    .sweep_all = twin_sweep_all,
    .info = twin_info,
    .dump = twin_dump,
    .set_threshold = set_threshold,
    .set_auto_collect = set_auto_collect,
    #if MICROPY_ENABLE_PYSTACK
    .pystack_align = MICROPY_PYSTACK_ALIGN,
    .pystack_init = mp_pystack_init,
    .pystack_alloc = twin_pystack_alloc,
    .pystack_free = twin_pystack_free,
    #endif
    #if MICROPY_ENABLE_SCHEDULER
    .schedule = twin_schedule,
    .sched_lock = mp_sched_lock,
    .sched_unlock = mp_sched_unlock,
    #endif
    #if MICROPY_SCHEDULER_STATIC_NODES
    .nodes = TWIN_NODES,
    .schedule_node = twin_schedule_node,
    #endif
    .sched_exception = twin_sched_exception,
    #if MICROPY_KBD_EXCEPTION
    .keyboard_interrupt = mp_sched_keyboard_interrupt,
    #endif
    #if MICROPY_ENABLE_VM_ABORT
    .sched_vm_abort = mp_sched_vm_abort,
    .collect_aborted = twin_collect_aborted,
    #endif
    .handle_pending = twin_handle_pending,
    .jump = twin_jump,
    #ifdef TWIN_BENCH
    .bench = &twin_bench,
    #endif
};
