// A mutex counts how often it is held: there is one thread (threads.h).
typedef int mp_thread_mutex_t;
typedef int mp_thread_recursive_mutex_t;

// rp2 has the functions here, inline.
#if SCENARIO_INLINE_THREADS
#define SCENARIO_THREAD static inline
#include "threads.h"
#endif
