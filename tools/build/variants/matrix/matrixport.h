// The unix port's configuration, and then what it fixes and the matrix varies.
#include "mpconfigport.h"

#ifdef MATRIX_ENABLE_GC
#undef MICROPY_ENABLE_GC
#define MICROPY_ENABLE_GC (MATRIX_ENABLE_GC)
#endif
#ifdef MATRIX_ENABLE_FINALISER
#undef MICROPY_ENABLE_FINALISER
#define MICROPY_ENABLE_FINALISER (MATRIX_ENABLE_FINALISER)
#if !MATRIX_ENABLE_FINALISER
// Files of the virtual file system have finalisers: modmatrix.c finds scripts without it.
#undef MICROPY_VFS
#define MICROPY_VFS (0)
#undef MICROPY_VFS_POSIX
#define MICROPY_VFS_POSIX (0)
#undef MICROPY_READER_VFS
#define MICROPY_READER_VFS (0)
#undef MICROPY_PY_IO
#define MICROPY_PY_IO (0)
#endif
#endif

// What modmatrix.c counts.
void matrix_count_hook(void);
void matrix_count_scheduled(void);
void matrix_count_poll(void);
void *matrix_get_region(size_t n_bytes);
void matrix_give_region(void *start);

#ifdef MATRIX_HOOK_LOOP
#define MICROPY_GC_HOOK_LOOP(i) matrix_count_hook()
#endif
#ifdef MATRIX_SCHED_HOOK
#define MICROPY_SCHED_HOOK_SCHEDULED matrix_count_scheduled()
#endif
#ifdef MATRIX_EVENT_POLL_HOOK
#define MICROPY_EVENT_POLL_HOOK do { matrix_count_poll(); mp_handle_pending(true); } while (0);
#endif
#ifdef MATRIX_WRAP_SCHED
#define MATRIX_PLACED(f) __attribute__((section(".matrix_fast"))) f
#define MICROPY_WRAP_MP_SCHED_EXCEPTION(f) MATRIX_PLACED(f)
#define MICROPY_WRAP_MP_SCHED_KEYBOARD_INTERRUPT(f) MATRIX_PLACED(f)
#define MICROPY_WRAP_MP_SCHED_SCHEDULE(f) MATRIX_PLACED(f)
#define MICROPY_WRAP_MP_SCHED_VM_ABORT(f) MATRIX_PLACED(f)
#endif

// Only a heap that grows by itself asks for these.
#define MP_PLAT_ALLOC_HEAP(n_bytes) matrix_get_region(n_bytes)
#define MP_PLAT_FREE_HEAP(start) matrix_give_region(start)
