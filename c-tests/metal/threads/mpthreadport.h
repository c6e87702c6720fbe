// Threads as a microcontroller with two cores has them: inline functions find the state of the
// running thread, and take a recursive mutex by calling a function. Only one core runs.
#ifndef MPGC_METAL_MPTHREADPORT_H
#define MPGC_METAL_MPTHREADPORT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    volatile uint32_t owner;
    volatile uint32_t count;
} metal_mutex_t;

typedef metal_mutex_t mp_thread_mutex_t;
typedef metal_mutex_t mp_thread_recursive_mutex_t;

extern void *metal_core_state[2];

void metal_mutex_enter(metal_mutex_t *mutex);
int metal_mutex_try_enter(metal_mutex_t *mutex);
void metal_mutex_exit(metal_mutex_t *mutex);

// The number is read from a register of the system that is 0 in the emulator.
static inline uint32_t metal_core(void) {
    #if defined(__arm__)
    return *(volatile uint32_t *)0xe000ed10;
    #else
    uint32_t core;
    __asm volatile ("csrr %0, mhartid" : "=r" (core));
    return core;
    #endif
}

static inline void mp_thread_set_state(struct _mp_state_thread_t *state) {
    metal_core_state[metal_core()] = state;
}

static inline struct _mp_state_thread_t *mp_thread_get_state(void) {
    return (struct _mp_state_thread_t *)metal_core_state[metal_core()];
}

static inline void mp_thread_recursive_mutex_init(mp_thread_recursive_mutex_t *mutex) {
    mutex->count = 0;
}

static inline int mp_thread_recursive_mutex_lock(mp_thread_recursive_mutex_t *mutex, int wait) {
    if (wait) {
        metal_mutex_enter(mutex);
        return 1;
    }
    return metal_mutex_try_enter(mutex);
}

static inline void mp_thread_recursive_mutex_unlock(mp_thread_recursive_mutex_t *mutex) {
    metal_mutex_exit(mutex);
}

static inline void mp_thread_mutex_init(mp_thread_mutex_t *mutex) {
    mp_thread_recursive_mutex_init(mutex);
}

static inline int mp_thread_mutex_lock(mp_thread_mutex_t *mutex, int wait) {
    return mp_thread_recursive_mutex_lock(mutex, wait);
}

static inline void mp_thread_mutex_unlock(mp_thread_mutex_t *mutex) {
    mp_thread_recursive_mutex_unlock(mutex);
}

#endif // MPGC_METAL_MPTHREADPORT_H
