// The standard variant with a global interpreter lock, for trees whose variant headers know of
// none.
#include "variants/standard/mpconfigvariant.h"

// A keyboard interrupt cannot jump out of a signal handler while another thread may hold the lock.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)

// The unix port's atomic sections take a recursive mutex, with a global lock as well.
#define MICROPY_PY_THREAD_RECURSIVE_MUTEX (MICROPY_PY_THREAD)
