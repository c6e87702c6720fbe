// Every option of the four files' behaviour is on, or is given on the command line by the
// configuration (tools/verify/twins_configurations.py).
#include <alloca.h>
#include <stddef.h>
#include <stdint.h>

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_MINIMUM)

// tools/verify/lint.py looks at mpgc without a heap too.
#ifndef MICROPY_ENABLE_GC
#define MICROPY_ENABLE_GC (1)
#endif
#ifndef MICROPY_ENABLE_FINALISER
#define MICROPY_ENABLE_FINALISER (1)
#endif
#ifndef MICROPY_GC_ALLOC_THRESHOLD
#define MICROPY_GC_ALLOC_THRESHOLD (1)
#endif
#ifndef MICROPY_GC_CONSERVATIVE_CLEAR
#define MICROPY_GC_CONSERVATIVE_CLEAR (0)
#endif
#ifndef MICROPY_PY_GC_COLLECT_RETVAL
#define MICROPY_PY_GC_COLLECT_RETVAL (1)
#endif
#ifndef MICROPY_ENABLE_PYSTACK
#define MICROPY_ENABLE_PYSTACK (1)
#endif
#ifndef MICROPY_ENABLE_SCHEDULER
#define MICROPY_ENABLE_SCHEDULER (1)
#endif
#define MICROPY_SCHEDULER_DEPTH (4)
#ifndef MICROPY_SCHEDULER_STATIC_NODES
#define MICROPY_SCHEDULER_STATIC_NODES (MICROPY_ENABLE_SCHEDULER)
#endif
#ifndef MICROPY_ENABLE_VM_ABORT
#define MICROPY_ENABLE_VM_ABORT (1)
#endif
#ifndef MICROPY_KBD_EXCEPTION
#define MICROPY_KBD_EXCEPTION (1)
#endif

// The letters of a dump depend on these.
#define MICROPY_PY_ARRAY (1)
#define MICROPY_PY_BUILTINS_BYTEARRAY (1)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_DOUBLE)

#ifdef TWIN_BENCH
// Nothing that takes time besides the measured code.
#define MICROPY_BEGIN_ATOMIC_SECTION() (0)
#define MICROPY_END_ATOMIC_SECTION(state) (void)(state)
#else
// env.c sees each use of these.
uintptr_t twin_atomic_begin(void);
void twin_atomic_end(uintptr_t state);
void twin_event(int kind);
#define MICROPY_BEGIN_ATOMIC_SECTION() twin_atomic_begin()
#define MICROPY_END_ATOMIC_SECTION(state) twin_atomic_end(state)
#define MICROPY_SCHED_HOOK_SCHEDULED twin_event(0)
#define MICROPY_INTERNAL_EVENT_HOOK twin_event(1)
#define MICROPY_INTERNAL_WFE(timeout_ms) twin_event((int)(timeout_ms) == -1 ? 2 : 3)
#endif
void *twin_get_region(size_t n_bytes);
void twin_give_region(void *start);
#define MP_PLAT_ALLOC_HEAP(n_bytes) twin_get_region(n_bytes)
#define MP_PLAT_FREE_HEAP(start) twin_give_region(start)
#ifdef TWIN_HOOK_LOOP
extern size_t twin_steps;
#if MICROPY_VERSION_MAJOR * 100 + MICROPY_VERSION_MINOR < 121
// A whole statement, without an argument.
#define MICROPY_GC_HOOK_LOOP twin_steps += 1;
#else
#define MICROPY_GC_HOOK_LOOP(i) (twin_steps += 1)
#endif
#endif

typedef intptr_t mp_int_t;
typedef uintptr_t mp_uint_t;
typedef long mp_off_t;
#define MICROPY_HW_BOARD_NAME "twins"
#define MICROPY_HW_MCU_NAME "none"
#define MP_STATE_PORT MP_STATE_VM
