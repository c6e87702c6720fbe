// Macros and inline functions of the port, as functions that Rust can call. It is compiled with the
// port's compiler and its exact flags.

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "py/mphal.h"
#include "py/runtime.h"
#include "py/gc.h"

#if MICROPY_DEBUG_VALGRIND
#include <valgrind/memcheck.h>
#endif

#include "shim.h"
// It is not on the port's include path.
#include "../../include/mpgc.h"

// mp_sched_schedule uses the next three and may have to be in fast RAM, so they are placed where
// the port places that function.

mp_uint_t MICROPY_WRAP_MP_SCHED_SCHEDULE(mpgc_shim_atomic_begin)(void) {
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    return state;
}

void MICROPY_WRAP_MP_SCHED_SCHEDULE(mpgc_shim_atomic_end)(mp_uint_t state) {
    MICROPY_END_ATOMIC_SECTION(state);
}

#if MICROPY_ENABLE_SCHEDULER
void MICROPY_WRAP_MP_SCHED_SCHEDULE(mpgc_shim_sched_hook_scheduled)(void) {
    MICROPY_SCHED_HOOK_SCHEDULED;
}
#endif

// Before 1.22 there is no such macro.
#ifdef MICROPY_INTERNAL_WFE
void mpgc_shim_internal_event_hook(void) {
    MICROPY_INTERNAL_EVENT_HOOK;
}

void mpgc_shim_internal_wfe_indefinite(void) {
    MICROPY_INTERNAL_WFE(-1);
}

void mpgc_shim_internal_wfe_ms(mp_uint_t timeout_ms) {
    (void)timeout_ms;
    MICROPY_INTERNAL_WFE(timeout_ms);
}
#endif

#ifdef MICROPY_EVENT_POLL_HOOK_FAST
void mpgc_shim_event_poll_hook_fast(void) {
    MICROPY_EVENT_POLL_HOOK_FAST
}
#endif

#ifdef MICROPY_EVENT_POLL_HOOK
void mpgc_shim_event_poll_hook(void) {
    MICROPY_EVENT_POLL_HOOK
}
#endif

MPGC_SHIM_NORETURN void mpgc_shim_raise(mp_obj_t exc) {
    nlr_raise(exc);
}

#if MICROPY_NLR_SETJMP
MPGC_SHIM_NORETURN void mpgc_shim_longjmp(nlr_buf_t *buf) {
    longjmp(buf->jmpbuf, 1);
}
#endif

#if MICROPY_ENABLE_PYSTACK
MPGC_SHIM_NORETURN void mpgc_shim_raise_pystack_exhausted(void) {
    mp_raise_type_arg(&mp_type_RuntimeError, MP_OBJ_NEW_QSTR(MP_QSTR_pystack_space_exhausted));
}
#endif

#if MICROPY_PY_THREAD
mp_state_thread_t *mpgc_shim_thread_state(void) {
    return mp_thread_get_state();
}
#endif

#if MICROPY_ENABLE_GC && MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL
// The mutex is recursive from 1.25 on.
#if defined(MICROPY_PY_THREAD_RECURSIVE_MUTEX) && MICROPY_PY_THREAD_RECURSIVE_MUTEX
#define GC_MUTEX(what) mp_thread_recursive_mutex_##what
#else
#define GC_MUTEX(what) mp_thread_mutex_##what
#endif

void mpgc_shim_mutex_init(mpgc_mutex_t *mutex) {
    GC_MUTEX(init)(mutex);
}

void mpgc_shim_mutex_lock(mpgc_mutex_t *mutex) {
    GC_MUTEX(lock)(mutex, 1);
}

void mpgc_shim_mutex_unlock(mpgc_mutex_t *mutex) {
    GC_MUTEX(unlock)(mutex);
}
#endif

#if MICROPY_ENABLE_GC
// In 1.20 the macro takes no argument, which leaves a lone (i).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-value"
void mpgc_shim_gc_hook_loop(size_t first, size_t steps) {
    for (size_t i = first; i < first + steps; i++) {
        MICROPY_GC_HOOK_LOOP(i);
    }
}
#pragma GCC diagnostic pop

#if MICROPY_ENABLE_FINALISER
void mpgc_shim_run_finaliser(void *ptr) {
    mp_obj_base_t *obj = ptr;
    if (obj->type == NULL) {
        return;
    }
    mp_obj_t method[2];
    mp_load_method_maybe(MP_OBJ_FROM_PTR(obj), MP_QSTR___del__, method);
    if (method[0] == MP_OBJ_NULL) {
        return;
    }
    #if MICROPY_ENABLE_SCHEDULER
    mp_sched_lock();
    #endif
    mp_call_function_1_protected(method[0], method[1]);
    #if MICROPY_ENABLE_SCHEDULER
    mp_sched_unlock();
    #endif
}
#endif

#if MICROPY_GC_SPLIT_HEAP_AUTO
void *mpgc_shim_plat_alloc_heap(size_t n_bytes) {
    return MP_PLAT_ALLOC_HEAP(n_bytes);
}

void mpgc_shim_plat_free_heap(void *area) {
    MP_PLAT_FREE_HEAP(area);
}
#endif

#if MICROPY_DEBUG_VALGRIND
bool mpgc_shim_root_readable(void **p) {
    // The request yields 0 for readable memory, and outside valgrind.
    return VALGRIND_CHECK_MEM_IS_ADDRESSABLE(p, sizeof(*p)) == 0;
}
#endif
#endif // MICROPY_ENABLE_GC

#if MICROPY_ENABLE_GC
#if MPGC_TRACE
#if defined(__unix__) || defined(__APPLE__) || defined(_WIN32)
#include <stdio.h>
#include <stdlib.h>

// The file that the environment names, from the first event on.
static FILE *trace_file;

static void trace_end(void) {
    fputs("\n]\n", trace_file);
    fclose(trace_file);
    trace_file = NULL;
}

bool mpgc_shim_trace_is_open(void) {
    static bool asked;
    if (!asked) {
        asked = true;
        const char *name = getenv("MPGC_TRACE");
        trace_file = name == NULL || name[0] == 0 ? NULL : fopen(name, "w");
        if (trace_file != NULL) {
            fputs("[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,"
                "\"args\":{\"name\":\"mpgc\"}}", trace_file);
            atexit(trace_end);
        }
    }
    return trace_file != NULL;
}

void mpgc_shim_trace_put(const uint8_t *bytes, size_t n_bytes) {
    fwrite(bytes, 1, n_bytes, trace_file);
}
#else
bool mpgc_shim_trace_is_open(void) {
    return false;
}

void mpgc_shim_trace_put(const uint8_t *bytes, size_t n_bytes) {
    (void)bytes;
    (void)n_bytes;
}
#endif
#endif

#if MPGC_IDLE_COLLECT || MPGC_STATS
mp_uint_t mpgc_shim_ticks_us(void) {
    return mp_hal_ticks_us();
}
#endif

void mpgc_shim_call_with_registers(void (*fun)(void *arg), void *arg) {
    __builtin_unwind_init();
    fun(arg);
    // no jump to it: this frame holds the registers
    __asm__ volatile ("" ::: "memory");
}

void *mpgc_shim_stack_top(void) {
    return MP_STATE_THREAD(stack_top);
}

// Space below the zeroed bytes for the frame of this function, and that of an interrupt.
#define MARGIN (512)

void mpgc_shim_clear_dead_stack(void) {
    #if MICROPY_PY_THREAD
    // The limit of other threads is not reliable: on unix it may be the whole stack.
    if (mp_thread_get_state() != &mp_state_ctx.thread) {
        return;
    }
    #endif
    size_t n_bytes = 1024;
    #if MICROPY_STACK_CHECK
    // The stack may grow to `stack_limit` bytes below `stack_top`.
    char here;
    size_t used = (char *)MP_STATE_THREAD(stack_top) - &here;
    size_t limit = MP_STATE_THREAD(stack_limit);
    n_bytes = used + MARGIN < limit ? limit - used - MARGIN : 0;
    #endif
    if (n_bytes == 0) {
        return;
    }
    // Reserve the bytes on the stack, so that nobody else uses them while they are written.
    volatile char *dead = __builtin_alloca(n_bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        dead[i] = 0;
    }
}

// A port may define its own. The `small` profile prints nothing. Without MPGC_HARDENED the pointer
// lies in no chunk: it is the start of a region that is too small, or lies in no area.
#if MPGC_NO_MESSAGES
__attribute__((weak)) void mpgc_fault(int kind, const void *ptr) {
    (void)kind;
    (void)ptr;
}
#elif !MPGC_HARDENED
__attribute__((weak)) void mpgc_fault(int kind, const void *ptr) {
    mp_printf(&mp_plat_print, "mpgc: %s at %p\n", kind == MPGC_FAULT_NO_ROOM ? "region too small" : "foreign pointer", ptr);
}
#else
__attribute__((weak)) void mpgc_fault(int kind, const void *ptr) {
    static const char *const names[] = {
        [0] = "unknown fault",
        [MPGC_FAULT_NO_ROOM] = "region too small",
        [MPGC_FAULT_FOREIGN] = "foreign pointer",
        [MPGC_FAULT_INNER] = "inner pointer",
        [MPGC_FAULT_DOUBLE_FREE] = "double free",
        [MPGC_FAULT_BROKEN_TABLE] = "broken table",
        [MPGC_FAULT_WRITE_AFTER_FREE] = "write after free",
        [MPGC_FAULT_OVERRUN] = "overrun",
    };
    const char *name = names[kind > 0 && kind < (int)MP_ARRAY_SIZE(names) ? kind : 0];
    mp_printf(&mp_plat_print, "mpgc: %s at %p", name, ptr);
    size_t n_bytes = 0;
    // Without a heap there is no chunk.
    void *chunk = kind == MPGC_FAULT_NO_ROOM ? NULL : mpgc_chunk_of(ptr, &n_bytes);
    if (chunk != NULL) {
        mp_printf(&mp_plat_print, ", in the chunk of %u bytes at %p", (unsigned int)n_bytes, chunk);
    }
    mp_printf(&mp_plat_print, "\n");
}
#endif

MPGC_SHIM_NORETURN void mpgc_shim_fault(int kind, const void *ptr) {
    mpgc_fault(kind, ptr);
    // Raises a signal on a hosted target, and enters the fault handler on a bare one.
    __builtin_trap();
}
#endif

#if defined(__arm__) && !defined(__linux__)
// rustc copies and fills memory through these functions of the ABI. mpgc_build.py redirects its
// calls to here, and the linker drops those that are not called.
void mpgc_shim_memcpy(void *dest, const void *src, size_t n);
void mpgc_shim_memmove(void *dest, const void *src, size_t n);
void mpgc_shim_memset(void *dest, size_t n, int c);
void mpgc_shim_memclr(void *dest, size_t n);

void mpgc_shim_memcpy(void *dest, const void *src, size_t n) {
    memcpy(dest, src, n);
}

void mpgc_shim_memmove(void *dest, const void *src, size_t n) {
    memmove(dest, src, n);
}

void mpgc_shim_memset(void *dest, size_t n, int c) {
    memset(dest, c, n);
}

void mpgc_shim_memclr(void *dest, size_t n) {
    memset(dest, 0, n);
}

// The suffixes 4 and 8 promise an alignment.
#define ALSO(name, function) extern __typeof__(function) name __attribute__((alias(#function)))
#define IN_ALL_WIDTHS(name) \
    ALSO(__wrap___aeabi_##name, mpgc_shim_##name); \
    ALSO(__wrap___aeabi_##name##4, mpgc_shim_##name); \
    ALSO(__wrap___aeabi_##name##8, mpgc_shim_##name)
IN_ALL_WIDTHS(memcpy);
IN_ALL_WIDTHS(memmove);
IN_ALL_WIDTHS(memset);
IN_ALL_WIDTHS(memclr);
#endif

#ifndef NDEBUG
MPGC_SHIM_NORETURN void mpgc_shim_assert_failed(const char *file, size_t file_len, unsigned int line) {
    mp_printf(&mp_plat_print, "mpgc: assertion failed at %.*s:%u\n", (int)file_len, file, line);
    assert(!"mpgc");
    for (;;) {
    }
}
#endif
