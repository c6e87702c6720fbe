// Every option that the scenarios use is on.
#include <alloca.h>
#include <stdint.h>

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_MINIMUM)

#define MICROPY_ENABLE_COMPILER (1)
#define MICROPY_ENABLE_GC (1)
#ifndef MICROPY_ENABLE_FINALISER
#define MICROPY_ENABLE_FINALISER (1)
#endif
#define MICROPY_ENABLE_PYSTACK (1)
#define MICROPY_ENABLE_SCHEDULER (1)
#define MICROPY_SCHEDULER_DEPTH (4)
#define MICROPY_SCHEDULER_STATIC_NODES (1)
#define MICROPY_ENABLE_VM_ABORT (1)
#define MICROPY_KBD_EXCEPTION (1)
#ifndef MICROPY_GC_ALLOC_THRESHOLD
#define MICROPY_GC_ALLOC_THRESHOLD (1)
#endif
#define MICROPY_PY_GC (1)
#define MICROPY_PY_MICROPYTHON (1)
#define MICROPY_PY_MICROPYTHON_MEM_INFO (1)
#define MICROPY_PY_GC_COLLECT_RETVAL (1)

#define SCENARIO_HEAP_BYTES (256 * 1024)

// main.c counts how the atomic sections and the hooks are used.
void scenario_atomic(int change);
void scenario_hook(const char *name);
#define MICROPY_BEGIN_ATOMIC_SECTION() (scenario_atomic(1), 7)
#define MICROPY_END_ATOMIC_SECTION(state) scenario_atomic((state) == 7 ? -1 : 100)
#define MICROPY_SCHED_HOOK_SCHEDULED scenario_hook("scheduled")
#define MICROPY_INTERNAL_EVENT_HOOK scenario_hook("event")
#define MICROPY_INTERNAL_WFE(timeout_ms) \
    scenario_hook((int)(timeout_ms) == -1 ? "wait" : (int)(timeout_ms) == 5 ? "wait 5 ms" : "wait for another time")

// A function that the port wants in a section of its own.
#ifndef SCENARIO_FAST_SECTION
#define SCENARIO_FAST_SECTION ".scenario_fast"
#endif
#define MICROPY_WRAP_MP_SCHED_SCHEDULE(f) __attribute__((section(SCENARIO_FAST_SECTION))) f

typedef intptr_t mp_int_t;
typedef uintptr_t mp_uint_t;
typedef long mp_off_t;
#define MICROPY_HW_BOARD_NAME "scenarios"
#define MICROPY_HW_MCU_NAME "none"
#define MP_STATE_PORT MP_STATE_VM
