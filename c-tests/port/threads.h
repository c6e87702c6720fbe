// A port's threads for py/mpthread.h; SCENARIO_THREAD goes before each function.

// How many times the heap is collected, each when its mutex is finally released (seeds.c).
extern int scenario_collects_left;
extern int scenario_mutex_depth;
extern struct _mp_state_thread_t *const scenario_thread;
void gc_collect(void);

SCENARIO_THREAD struct _mp_state_thread_t *mp_thread_get_state(void) {
    return scenario_thread;
}

SCENARIO_THREAD void mp_thread_set_state(struct _mp_state_thread_t *state) {
    (void)state;
}

SCENARIO_THREAD void mp_thread_recursive_mutex_init(mp_thread_recursive_mutex_t *mutex) {
    *mutex = 0;
}

SCENARIO_THREAD int mp_thread_recursive_mutex_lock(mp_thread_recursive_mutex_t *mutex, int wait) {
    (void)wait;
    *mutex += 1;
    scenario_mutex_depth += 1;
    return 1;
}

SCENARIO_THREAD void mp_thread_recursive_mutex_unlock(mp_thread_recursive_mutex_t *mutex) {
    *mutex -= 1;
    scenario_mutex_depth -= 1;
    if (scenario_mutex_depth == 0 && scenario_collects_left > 0) {
        scenario_collects_left -= 1;
        gc_collect();
    }
}

SCENARIO_THREAD void mp_thread_mutex_init(mp_thread_mutex_t *mutex) {
    *mutex = 0;
}

SCENARIO_THREAD int mp_thread_mutex_lock(mp_thread_mutex_t *mutex, int wait) {
    (void)wait;
    *mutex += 1;
    return 1;
}

SCENARIO_THREAD void mp_thread_mutex_unlock(mp_thread_mutex_t *mutex) {
    *mutex -= 1;
}
