// What the smoke set touches is on. An option with #ifndef is one that a cell of the matrix may
// change; the others have the default of py/mpconfig.h there.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_MINIMUM)

// No machine code.
#define MICROPY_EMIT_ARM (0)
#define MICROPY_EMIT_THUMB (0)
#define MICROPY_EMIT_X64 (0)
#define MICROPY_EMIT_X86 (0)

// The port wants these.
#define MICROPY_ENABLE_COMPILER (1)
#define MICROPY_ENABLE_EXTERNAL_IMPORT (1)
#define MICROPY_HELPER_REPL (1)
#define MICROPY_DEBUG_PRINTERS (1)
#define MICROPY_PY_OS (1)
#define MICROPY_PY_SYS (1)
#define MICROPY_PY_SYS_EXIT (1)

// What the scripts of tests/matrix use.
#define MICROPY_FULL_CHECKS (1)
#define MICROPY_CPYTHON_COMPAT (1)
#define MICROPY_COMP_CONST_LITERAL (1)
#define MICROPY_ERROR_REPORTING (MICROPY_ERROR_REPORTING_NORMAL)
#define MICROPY_LONGINT_IMPL (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_MODULE_GETATTR (1)
#define MICROPY_MULTIPLE_INHERITANCE (1)
#define MICROPY_PY_ARRAY (1)
#define MICROPY_PY_ATTRTUPLE (1)
#define MICROPY_PY_BUILTINS_BYTEARRAY (1)
#define MICROPY_PY_BUILTINS_MEMORYVIEW (1)
#define MICROPY_PY_BUILTINS_ENUMERATE (1)
#define MICROPY_PY_BUILTINS_MIN_MAX (1)
#define MICROPY_PY_BUILTINS_SET (1)
#define MICROPY_PY_BUILTINS_SLICE (1)
#define MICROPY_PY_BUILTINS_STR_OP_MODULO (1)
#ifndef MICROPY_PY_GC
#define MICROPY_PY_GC (1)
#endif
#define MICROPY_PY_MICROPYTHON (1)
#define MICROPY_PY_MICROPYTHON_HEAP_LOCKED (1)
#define MICROPY_PY_MICROPYTHON_MEM_INFO (1)
#define MICROPY_PY_TIME (0)
#define MICROPY_STACK_CHECK (1)
#define MICROPY_STREAMS_NON_BLOCK (0)

#ifndef MICROPY_FLOAT_IMPL
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_DOUBLE)
#endif

// As the port's standard variant has them.
#ifndef MICROPY_ENABLE_SCHEDULER
#define MICROPY_ENABLE_SCHEDULER (1)
#endif
#ifndef MICROPY_GC_ALLOC_THRESHOLD
#define MICROPY_GC_ALLOC_THRESHOLD (1)
#endif
#ifndef MICROPY_KBD_EXCEPTION
#define MICROPY_KBD_EXCEPTION (1)
#endif
#ifndef MICROPY_PY_GC_COLLECT_RETVAL
#define MICROPY_PY_GC_COLLECT_RETVAL (1)
#endif
#ifndef MICROPY_PY_THREAD
#define MICROPY_PY_THREAD (1)
#endif
#ifndef MICROPY_PY_THREAD_GIL
#define MICROPY_PY_THREAD_GIL (0)
#endif
// An interrupt goes through the scheduler, not out of the signal handler.
#define MICROPY_ASYNC_KBD_INTR (0)
// The port's atomic sections take a recursive mutex, with a GIL as well.
#ifndef MICROPY_PY_THREAD_RECURSIVE_MUTEX
#define MICROPY_PY_THREAD_RECURSIVE_MUTEX (MICROPY_PY_THREAD)
#endif

// A port that chooses the representation of objects chooses the types too.
#ifdef MATRIX_OBJ_REPR
#define MICROPY_OBJ_REPR (MATRIX_OBJ_REPR)
#include <stdint.h>
#ifdef MATRIX_64BIT_OBJECTS
typedef int64_t mp_int_t;
typedef uint64_t mp_uint_t;
#define INT_FMT "%lld"
#define UINT_FMT "%llu"
#else
typedef intptr_t mp_int_t;
typedef uintptr_t mp_uint_t;
#endif
#endif
