// What bindgen reads: the port's headers, and its options as typed constants.
//
// Many options are macros over other macros, which bindgen cannot evaluate; as initialisers of
// constants the compiler front end evaluates them all. `FLAG_X` becomes a bool, `NUMBER_X` an
// integer, both read by buildsrc/config.rs.

#include "shim.h"
#include "py/binary.h"
#include "py/gc.h"
#include "py/mpprint.h"
#include "py/nlr.h"
#include "py/objarray.h"
#include "py/objexcept.h"
#include "py/objint.h"
#include "py/objlist.h"
#include "py/objtuple.h"
#include "py/objmodule.h"
#include "py/objstr.h"
#include "py/pystack.h"

// CircuitPython's py/mpconfig.h defines this, whether it is 0 or 1; no header of MicroPython does.
#ifdef CIRCUITPY
#include "supervisor/shared/safe_mode.h"
#if CIRCUITPY_MEMORYMONITOR
#include "shared-module/memorymonitor/__init__.h"
#endif
#endif

// Some releases do not have these options; absent means off.
#ifndef MICROPY_GC_SPLIT_HEAP_AUTO
#define MICROPY_GC_SPLIT_HEAP_AUTO (0)
#endif
#ifndef MICROPY_PY_WEAKREF
#define MICROPY_PY_WEAKREF (0)
#endif
#ifndef MICROPY_ENABLE_SELECTIVE_COLLECT
#define MICROPY_ENABLE_SELECTIVE_COLLECT (0)
#endif
#ifndef MICROPY_PREVIEW_VERSION_2
#define MICROPY_PREVIEW_VERSION_2 (0)
#endif
#ifndef MICROPY_PY_THREAD_RECURSIVE_MUTEX
#define MICROPY_PY_THREAD_RECURSIVE_MUTEX (0)
#endif
// py/nlr.h defines the one that it selects.
#ifndef MICROPY_NLR_SETJMP
#define MICROPY_NLR_SETJMP (0)
#endif
#ifndef MICROPY_NLR_AARCH64
#define MICROPY_NLR_AARCH64 (0)
#endif
#ifndef MICROPY_NLR_LOONG64
#define MICROPY_NLR_LOONG64 (0)
#endif
#ifndef MICROPY_NLR_MIPS
#define MICROPY_NLR_MIPS (0)
#endif
#ifndef MICROPY_NLR_POWERPC
#define MICROPY_NLR_POWERPC (0)
#endif
#ifndef MICROPY_NLR_RV32I
#define MICROPY_NLR_RV32I (0)
#endif
#ifndef MICROPY_NLR_RV64I
#define MICROPY_NLR_RV64I (0)
#endif
#ifndef MICROPY_NLR_THUMB
#define MICROPY_NLR_THUMB (0)
#endif
#ifndef MICROPY_NLR_X64
#define MICROPY_NLR_X64 (0)
#endif
#ifndef MICROPY_NLR_X86
#define MICROPY_NLR_X86 (0)
#endif
#ifndef MICROPY_NLR_XTENSA
#define MICROPY_NLR_XTENSA (0)
#endif
#ifndef MICROPY_NLR_NUM_REGS
#define MICROPY_NLR_NUM_REGS (0)
#endif
#ifndef MICROPY_NLR_OS_WINDOWS
#define MICROPY_NLR_OS_WINDOWS (0)
#endif

#ifndef MICROPY_VERSION_PRERELEASE
#define MICROPY_VERSION_PRERELEASE 0
#endif
// Before 1.25 a collection counts as one lock, and finalisers run in the sweep.
#ifdef GC_COLLECT_FLAG
#define MPGC_FINALISER_PASS 1
#else
#define MPGC_FINALISER_PASS 0
#define GC_COLLECT_FLAG 0
#define GC_LOCK_DEPTH_SHIFT 0
#endif

#ifdef CIRCUITPY
#define MPGC_CIRCUITPYTHON 1
#else
#define MPGC_CIRCUITPYTHON 0
#endif
#if defined(CIRCUITPY) && defined(__ZEPHYR__)
#define MPGC_CIRCUITPYTHON_ON_ZEPHYR 1
#else
#define MPGC_CIRCUITPYTHON_ON_ZEPHYR 0
#endif
// Ports of CircuitPython do not have to define these.
#if defined(CIRCUITPY_MEMORYMONITOR) && CIRCUITPY_MEMORYMONITOR
#define MPGC_MEMORY_MONITOR 1
#else
#define MPGC_MEMORY_MONITOR 0
#endif
#if defined(CIRCUITPY_DEBUG) && CIRCUITPY_DEBUG
#define MPGC_DUMP_WHEN_FULL 1
#else
#define MPGC_DUMP_WHEN_FULL 0
#endif

// A hook that expands to nothing need not be called from a hot loop; its text is one byte long.
#define TEXT_OF(...) #__VA_ARGS__
#define EXPANDED_TEXT_OF(...) TEXT_OF(__VA_ARGS__)
// In 1.20 the macro takes no argument, which leaves the text in parentheses.
#define HOOK_TEXT EXPANDED_TEXT_OF(MICROPY_GC_HOOK_LOOP(mpgc_the_argument_of_the_hook))
#define MPGC_HAS_GC_HOOK_LOOP \
    (sizeof(HOOK_TEXT) > 1 && sizeof(HOOK_TEXT) != sizeof("(mpgc_the_argument_of_the_hook)"))
#define MPGC_HAS_SCHED_HOOK (sizeof(EXPANDED_TEXT_OF(MICROPY_SCHED_HOOK_SCHEDULED)) > 1)

#if defined(MICROPY_EVENT_POLL_HOOK) && !MICROPY_PREVIEW_VERSION_2
#define MPGC_HAS_EVENT_POLL_HOOK 1
#else
#define MPGC_HAS_EVENT_POLL_HOOK 0
#endif
#if defined(MICROPY_EVENT_POLL_HOOK_FAST) && !MICROPY_PREVIEW_VERSION_2
#define MPGC_HAS_EVENT_POLL_HOOK_FAST 1
#else
#define MPGC_HAS_EVENT_POLL_HOOK_FAST 0
#endif
#ifdef NDEBUG
#define MPGC_ASSERTS 0
#else
#define MPGC_ASSERTS 1
#endif

#ifdef MPGC_PROVE
// For the port's compiler, which then proves the values: it requires constant expressions.
#define A_TRUTH(name, value) enum { name = (value) != 0 };
#define A_NUMBER(name, value) enum { name = (value) };
#else
#define A_TRUTH(name, value) static const _Bool name = (value) != 0;
#define A_NUMBER(name, value) static const unsigned long long name = (value);
#endif
#define FLAG(name, cfg) A_TRUTH(FLAG_##name, MICROPY_##name)
#define TRUTH(name, cfg, value) A_TRUTH(FLAG_##name, value)
#define NUMBER(name, type, value, doc) A_NUMBER(NUMBER_##name, value)

#include "port_options.h"

typedef MICROPY_GC_STACK_ENTRY_TYPE mpgc_gc_stack_entry_t;
