// What bindgen reads: the port's headers, and its options as typed constants.
//
// Many options are macros over other macros, which bindgen cannot value one by
// one; as initialisers of constants the compiler front end values them all.
// `FLAG_X` becomes a bool, `NUMBER_X` an integer, both read by buildsrc/config.rs.

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

// Absent from some releases; absent means off.
#ifndef MICROPY_GC_SPLIT_HEAP_AUTO
#define MICROPY_GC_SPLIT_HEAP_AUTO (0)
#endif
#ifndef MICROPY_PY_WEAKREF
#define MICROPY_PY_WEAKREF (0)
#endif
#ifndef MICROPY_PREVIEW_VERSION_2
#define MICROPY_PREVIEW_VERSION_2 (0)
#endif
#ifndef MICROPY_PY_THREAD_RECURSIVE_MUTEX
#define MICROPY_PY_THREAD_RECURSIVE_MUTEX (0)
#endif
// py/nlr.h defines the one that it chose.
#ifndef MICROPY_NLR_SETJMP
#define MICROPY_NLR_SETJMP (0)
#endif
#ifndef MICROPY_NLR_AARCH64
#define MICROPY_NLR_AARCH64 (0)
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

#ifdef MPGC_PROVE
// For the port's compiler, which then proves the values: it wants constant expressions.
#define TRUTH(name, value) enum { name = (value) != 0 };
#define NUMBER(name, value) enum { NUMBER_##name = (value) };
#else
#define TRUTH(name, value) static const _Bool name = (value) != 0;
#define NUMBER(name, value) static const unsigned long long NUMBER_##name = (value);
#endif
#define FLAG(name) TRUTH(FLAG_##name, MICROPY_##name)

FLAG(ENABLE_GC)
FLAG(ENABLE_FINALISER)
FLAG(ENABLE_PYSTACK)
FLAG(ENABLE_SCHEDULER)
FLAG(ENABLE_VM_ABORT)
FLAG(DEBUG_VALGRIND)
FLAG(DEBUG_VERBOSE)
FLAG(GC_ALLOC_THRESHOLD)
FLAG(GC_CONSERVATIVE_CLEAR)
FLAG(GC_SPLIT_HEAP)
FLAG(GC_SPLIT_HEAP_AUTO)
FLAG(KBD_EXCEPTION)
FLAG(NLR_AARCH64)
FLAG(NLR_MIPS)
FLAG(NLR_OS_WINDOWS)
FLAG(NLR_POWERPC)
FLAG(NLR_RV32I)
FLAG(NLR_RV64I)
FLAG(NLR_SETJMP)
FLAG(NLR_THUMB)
FLAG(NLR_X64)
FLAG(NLR_X86)
FLAG(NLR_XTENSA)
FLAG(PREVIEW_VERSION_2)
FLAG(PY_ARRAY)
FLAG(PY_BUILTINS_BYTEARRAY)
FLAG(PY_BUILTINS_FLOAT)
FLAG(PY_BUILTINS_MEMORYVIEW)
FLAG(PY_GC_COLLECT_RETVAL)
FLAG(PY_THREAD)
FLAG(PY_THREAD_GIL)
FLAG(PY_THREAD_RECURSIVE_MUTEX)
FLAG(PY_WEAKREF)
FLAG(SCHEDULER_STATIC_NODES)

TRUTH(FLAG_LONGINT_MPZ, MICROPY_LONGINT_IMPL == MICROPY_LONGINT_IMPL_MPZ)

NUMBER(VERSION_MAJOR, MICROPY_VERSION_MAJOR)
NUMBER(VERSION_MINOR, MICROPY_VERSION_MINOR)
NUMBER(VERSION_MICRO, MICROPY_VERSION_MICRO)
#ifndef MICROPY_VERSION_PRERELEASE
#define MICROPY_VERSION_PRERELEASE 0
#endif
NUMBER(VERSION_PRERELEASE, MICROPY_VERSION_PRERELEASE)
NUMBER(BYTES_PER_GC_BLOCK, MICROPY_BYTES_PER_GC_BLOCK)
NUMBER(ALLOC_GC_STACK_SIZE, MICROPY_ALLOC_GC_STACK_SIZE)
// Before 1.25 a collect is one lock more, and finalisers run in the sweep.
#ifdef GC_COLLECT_FLAG
TRUTH(FLAG_FINALISER_PASS, 1)
NUMBER(GC_COLLECT_FLAG, GC_COLLECT_FLAG)
NUMBER(GC_LOCK_DEPTH_SHIFT, GC_LOCK_DEPTH_SHIFT)
#else
TRUTH(FLAG_FINALISER_PASS, 0)
NUMBER(GC_COLLECT_FLAG, 0)
NUMBER(GC_LOCK_DEPTH_SHIFT, 0)
#endif
NUMBER(GC_ALLOC_FLAG_HAS_FINALISER, GC_ALLOC_FLAG_HAS_FINALISER)
NUMBER(BYTEARRAY_TYPECODE, BYTEARRAY_TYPECODE)
NUMBER(ARRAY_TYPECODE_FLAG_RW, MP_OBJ_ARRAY_TYPECODE_FLAG_RW)
NUMBER(MP_OBJ_NULL, (mp_uint_t)MP_OBJ_NULL)
NUMBER(NLR_NUM_REGS, MICROPY_NLR_NUM_REGS)
#if MICROPY_ENABLE_SCHEDULER
NUMBER(SCHEDULER_DEPTH, MICROPY_SCHEDULER_DEPTH)
// As 16-bit values, which is how sched_state holds them.
NUMBER(SCHED_IDLE, (uint16_t)MP_SCHED_IDLE)
NUMBER(SCHED_PENDING, (uint16_t)MP_SCHED_PENDING)
NUMBER(SCHED_LOCKED, (uint16_t)MP_SCHED_LOCKED)
#endif
#if MICROPY_ENABLE_PYSTACK
NUMBER(PYSTACK_ALIGN, MICROPY_PYSTACK_ALIGN)
NUMBER(PYSTACK_DEBUG, MP_PYSTACK_DEBUG)
#endif

// A hook that expands to nothing need not be called from a hot loop: its text is
// then one byte long.
#define TEXT_OF(...) #__VA_ARGS__
#define EXPANDED_TEXT_OF(...) TEXT_OF(__VA_ARGS__)
// In 1.20 the macro takes no argument: what is in parentheses then stays.
#define HOOK_TEXT EXPANDED_TEXT_OF(MICROPY_GC_HOOK_LOOP(mpgc_the_argument_of_the_hook))
TRUTH(FLAG_HAS_GC_HOOK_LOOP, sizeof(HOOK_TEXT) > 1 && sizeof(HOOK_TEXT) != sizeof("(mpgc_the_argument_of_the_hook)"))
TRUTH(FLAG_HAS_SCHED_HOOK, sizeof(EXPANDED_TEXT_OF(MICROPY_SCHED_HOOK_SCHEDULED)) > 1)

#if defined(MICROPY_EVENT_POLL_HOOK) && !MICROPY_PREVIEW_VERSION_2
TRUTH(FLAG_HAS_EVENT_POLL_HOOK, 1)
#else
TRUTH(FLAG_HAS_EVENT_POLL_HOOK, 0)
#endif
#if defined(MICROPY_EVENT_POLL_HOOK_FAST) && !MICROPY_PREVIEW_VERSION_2
TRUTH(FLAG_HAS_EVENT_POLL_HOOK_FAST, 1)
#else
TRUTH(FLAG_HAS_EVENT_POLL_HOOK_FAST, 0)
#endif
#ifdef NDEBUG
TRUTH(FLAG_ASSERTS, 0)
#else
TRUTH(FLAG_ASSERTS, 1)
#endif

typedef MICROPY_GC_STACK_ENTRY_TYPE mpgc_gc_stack_entry_t;
