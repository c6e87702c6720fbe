// The options that the programs stress are on: the scheduler for interrupts and steps, threads
// without a GIL for threads. The command line gives further ones (tools/verify/stress.py).
#include <alloca.h>
#include <stddef.h>
#include <stdint.h>

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_MINIMUM)

#ifdef STRESS_threads
#define MICROPY_ENABLE_GC (1)
#define MICROPY_ENABLE_FINALISER (1)
#define MICROPY_PY_THREAD (1)
#define MICROPY_PY_THREAD_GIL (0)
#else
#define MICROPY_ENABLE_GC (0)
#define MICROPY_ENABLE_SCHEDULER (1)
#define MICROPY_SCHEDULER_DEPTH (8)
#define MICROPY_SCHEDULER_STATIC_NODES (1)
#define MICROPY_KBD_EXCEPTION (1)

// watch.c looks at each change.
uintptr_t watch_begin(void);
void watch_end(uintptr_t state);
#define MICROPY_BEGIN_ATOMIC_SECTION() watch_begin()
#define MICROPY_END_ATOMIC_SECTION(state) watch_end(state)
#define MICROPY_INTERNAL_WFE(timeout_ms)

// A port that places its functions in sections of their own, and has a hook. The results must be
// the same.
#ifdef STRESS_PLACED
void watch_hook(void);
#define MICROPY_SCHED_HOOK_SCHEDULED watch_hook()
#define STRESS_PLACE __attribute__((section(".stress_fast")))
#define MICROPY_WRAP_MP_SCHED_EXCEPTION(f) STRESS_PLACE f
#define MICROPY_WRAP_MP_SCHED_KEYBOARD_INTERRUPT(f) STRESS_PLACE f
#define MICROPY_WRAP_MP_SCHED_SCHEDULE(f) STRESS_PLACE f
#endif
#endif

typedef intptr_t mp_int_t;
typedef uintptr_t mp_uint_t;
typedef long mp_off_t;
#define MICROPY_HW_BOARD_NAME "stress"
#define MICROPY_HW_MCU_NAME "none"
#define MP_STATE_PORT MP_STATE_VM
