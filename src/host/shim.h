// The C functions that Rust calls: only macros and inline functions of the port. bindgen reads this
// file, so Rust uses exactly these declarations.
#ifndef MPGC_SHIM_H
#define MPGC_SHIM_H

#include <stdbool.h>
#include <stddef.h>

#include "py/mpstate.h"
#include "py/runtime.h"

// 1.25 spells it NORETURN, 1.26 and later MP_NORETURN.
#ifdef MP_NORETURN
#define MPGC_SHIM_NORETURN MP_NORETURN
#else
#define MPGC_SHIM_NORETURN NORETURN
#endif

// The port's atomic section.
mp_uint_t mpgc_shim_atomic_begin(void);
void mpgc_shim_atomic_end(mp_uint_t state);

#if MICROPY_ENABLE_SCHEDULER
// MICROPY_SCHED_HOOK_SCHEDULED, inside the atomic section.
void mpgc_shim_sched_hook_scheduled(void);
#endif

// The port's event hooks: the one that does not wait, and the wait itself. A negative timeout is an
// endless wait. Before 1.22 there are none.
void mpgc_shim_internal_event_hook(void);
void mpgc_shim_internal_wfe_indefinite(void);
void mpgc_shim_internal_wfe_ms(mp_uint_t timeout_ms);
#ifdef MICROPY_EVENT_POLL_HOOK_FAST
void mpgc_shim_event_poll_hook_fast(void);
#endif
#ifdef MICROPY_EVENT_POLL_HOOK
void mpgc_shim_event_poll_hook(void);
#endif

// nlr_raise, a macro that checks its argument in some builds.
MPGC_SHIM_NORETURN void mpgc_shim_raise(mp_obj_t exc);

#if MICROPY_NLR_SETJMP
// longjmp to the buffer, returning 1 from its setjmp.
MPGC_SHIM_NORETURN void mpgc_shim_longjmp(nlr_buf_t *buf);
#endif

#if MICROPY_ENABLE_PYSTACK
// RuntimeError(pystack_space_exhausted): the number of the qstr depends on the build.
MPGC_SHIM_NORETURN void mpgc_shim_raise_pystack_exhausted(void);
#endif

#if MICROPY_PY_THREAD
// The state of the running thread.
mp_state_thread_t *mpgc_shim_thread_state(void);
#endif

#if MICROPY_ENABLE_GC && MICROPY_PY_THREAD && !MICROPY_PY_THREAD_GIL
// The functions of gc_mutex.
typedef __typeof__(mp_state_ctx.mem.gc_mutex) mpgc_mutex_t;
void mpgc_shim_mutex_init(mpgc_mutex_t *mutex);
void mpgc_shim_mutex_lock(mpgc_mutex_t *mutex);
void mpgc_shim_mutex_unlock(mpgc_mutex_t *mutex);
#endif

#if MICROPY_ENABLE_GC
// MICROPY_GC_HOOK_LOOP(i) for `steps` numbers from `first` on.
void mpgc_shim_gc_hook_loop(size_t first, size_t steps);

#if MICROPY_ENABLE_FINALISER
// Calls obj.__del__() if obj has a type and the type has that method. Catches exceptions.
void mpgc_shim_run_finaliser(void *obj);
#endif

#if MICROPY_GC_SPLIT_HEAP_AUTO
// MP_PLAT_ALLOC_HEAP and MP_PLAT_FREE_HEAP.
void *mpgc_shim_plat_alloc_heap(size_t n_bytes);
void mpgc_shim_plat_free_heap(void *area);
#endif

#if MICROPY_DEBUG_VALGRIND
// Whether valgrind considers the word at p readable.
bool mpgc_shim_root_readable(void **p);
#endif
#endif // MICROPY_ENABLE_GC

#if MICROPY_ENABLE_GC
// The port's clock, for collections while the program waits.
mp_uint_t mpgc_shim_ticks_us(void);
// Whether a trace is written to a file, and the next bytes of it. With MPGC_TRACE.
bool mpgc_shim_trace_is_open(void);
void mpgc_shim_trace_put(const uint8_t *bytes, size_t n_bytes);
// Calls fun(arg) where what the callers have in registers is on the stack.
void mpgc_shim_call_with_registers(void (*fun)(void *arg), void *arg);
// The end of the running thread's C stack.
void *mpgc_shim_stack_top(void);
// Zeroes the C stack below the caller, as far as it may grow.
void mpgc_shim_clear_dead_stack(void);

// Called when continuing would damage memory: calls mpgc_fault, and stops.
MPGC_SHIM_NORETURN void mpgc_shim_fault(int kind, const void *ptr);
#endif

#ifndef NDEBUG
// Reports where a Rust assertion failed, and stops as the port's assert does.
MPGC_SHIM_NORETURN void mpgc_shim_assert_failed(const char *file, size_t file_len, unsigned int line);
#endif

#endif // MPGC_SHIM_H
