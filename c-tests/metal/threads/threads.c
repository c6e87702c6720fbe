// The functions of a port with threads, on one core: mpthreadport.h is theirs.

#include <errno.h>

#include "py/runtime.h"

#if MICROPY_PY_THREAD

void *metal_core_state[2] = { &mp_state_ctx.thread };

// The start of the second core would set it.
static volatile bool both_cores_run;

unsigned int metal_begin_atomic_section(void) {
    if (both_cores_run) {
        mp_raise_OSError(ENOSYS);
    }
    return irq_off();
}

void metal_end_atomic_section(unsigned int state) {
    irq_restore(state);
}

int metal_mutex_try_enter(metal_mutex_t *mutex) {
    uint32_t caller = metal_core() + 1;
    unsigned int before = irq_off();
    bool free = mutex->count == 0 || mutex->owner == caller;
    if (free) {
        mutex->owner = caller;
        mutex->count += 1;
    }
    irq_restore(before);
    return free;
}

void metal_mutex_enter(metal_mutex_t *mutex) {
    while (!metal_mutex_try_enter(mutex)) {
    }
}

void metal_mutex_exit(metal_mutex_t *mutex) {
    unsigned int before = irq_off();
    mutex->count -= 1;
    irq_restore(before);
}

mp_uint_t mp_thread_get_id(void) {
    return metal_core() + 1;
}

mp_uint_t mp_thread_create(void *(*entry)(void *), void *arg, size_t *stack_size) {
    mp_raise_OSError(ENOSYS);
}

void mp_thread_start(void) {
}

void mp_thread_finish(void) {
}

#endif
