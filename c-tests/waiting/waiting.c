// The Python module `waiting`, for tests/python/idle.py: a unix port with simulated time.
//
// The clock advances by the time that the program declares for its work, by its sleeps, and by a
// collection's cost: a millisecond, and one for each 16 KB that was alive after the last one. So
// pauses are the same on every machine.

#include <unistd.h>

#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"

static mp_uint_t now;
static unsigned int collections;
// Bytes in use after the last collection: what marking depends on.
static size_t alive;

// Without mpgc, or without its option, there is none.
__attribute__((weak)) bool mpgc_idle(uint32_t ms);
__attribute__((weak)) void mpgc_clear_dead_stack(void);

void __real_gc_collect_end(void);
void __wrap_gc_collect_end(void);
int __wrap_usleep(useconds_t us);
mp_uint_t __wrap_mp_hal_ticks_us(void);

void __wrap_gc_collect_end(void) {
    gc_info_t info;
    now += 1000 + alive / 16;
    collections += 1;
    __real_gc_collect_end();
    gc_info(&info);
    alive = info.used;
}

int __wrap_usleep(useconds_t us) {
    now += us;
    return 0;
}

mp_uint_t __wrap_mp_hal_ticks_us(void) {
    return now;
}

static mp_obj_t waiting_now(void) {
    return mp_obj_new_int_from_uint(now);
}
static MP_DEFINE_CONST_FUN_OBJ_0(waiting_now_obj, waiting_now);

static mp_obj_t waiting_work(mp_obj_t us) {
    now += mp_obj_get_int(us);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(waiting_work_obj, waiting_work);

static mp_obj_t waiting_collections(void) {
    return MP_OBJ_NEW_SMALL_INT(collections);
}
static MP_DEFINE_CONST_FUN_OBJ_0(waiting_collections_obj, waiting_collections);

static mp_obj_t waiting_wait(mp_obj_t ms_in) {
    mp_int_t ms = mp_obj_get_int(ms_in);
    if (ms < 0) {
        mp_event_wait_indefinite();
    } else {
        mp_event_wait_ms(ms);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(waiting_wait_obj, waiting_wait);

static bool idle(uint32_t ms) {
    return mpgc_idle != NULL && mpgc_idle(ms);
}

static mp_obj_t waiting_idle(mp_obj_t ms) {
    return mp_obj_new_bool(idle(mp_obj_get_int(ms)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(waiting_idle_obj, waiting_idle);

// How many collections each way to wait makes while the heap, or the scheduler, is locked.
static mp_obj_t waiting_while_locked(mp_obj_t heap) {
    bool of_heap = mp_obj_is_true(heap);
    unsigned int before = collections;
    if (of_heap) {
        gc_lock();
    } else {
        mp_sched_lock();
    }
    idle(UINT32_MAX);
    mp_event_wait_ms(1000);
    mp_event_wait_indefinite();
    mp_event_handle_nowait();
    if (of_heap) {
        gc_unlock();
    } else {
        mp_sched_unlock();
    }
    return MP_OBJ_NEW_SMALL_INT(collections - before);
}
static MP_DEFINE_CONST_FUN_OBJ_1(waiting_while_locked_obj, waiting_while_locked);

// Leaves the address of an object all over the stack below the caller.
static __attribute__((noinline)) mp_obj_t waiting_plant(mp_obj_t object) {
    volatile mp_obj_t left[1000];
    for (size_t i = 0; i < MP_ARRAY_SIZE(left); i++) {
        left[i] = object;
    }
    (void)left[0];
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(waiting_plant_obj, waiting_plant);

// Collects with a frame that says nothing about most of its words, as large buffers do.
static __attribute__((noinline)) mp_obj_t waiting_collect_deep(void) {
    volatile mp_obj_t unset[1500];
    unset[0] = MP_OBJ_NULL;
    gc_collect();
    (void)unset[0];
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(waiting_collect_deep_obj, waiting_collect_deep);

static mp_obj_t waiting_clear_stack(void) {
    if (mpgc_clear_dead_stack == NULL) {
        return mp_const_false;
    }
    mpgc_clear_dead_stack();
    return mp_const_true;
}
static MP_DEFINE_CONST_FUN_OBJ_0(waiting_clear_stack_obj, waiting_clear_stack);

static const mp_rom_map_elem_t waiting_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_waiting) },
    { MP_ROM_QSTR(MP_QSTR_now), MP_ROM_PTR(&waiting_now_obj) },
    { MP_ROM_QSTR(MP_QSTR_work), MP_ROM_PTR(&waiting_work_obj) },
    { MP_ROM_QSTR(MP_QSTR_collections), MP_ROM_PTR(&waiting_collections_obj) },
    { MP_ROM_QSTR(MP_QSTR_wait), MP_ROM_PTR(&waiting_wait_obj) },
    { MP_ROM_QSTR(MP_QSTR_idle), MP_ROM_PTR(&waiting_idle_obj) },
    { MP_ROM_QSTR(MP_QSTR_while_locked), MP_ROM_PTR(&waiting_while_locked_obj) },
    { MP_ROM_QSTR(MP_QSTR_plant), MP_ROM_PTR(&waiting_plant_obj) },
    { MP_ROM_QSTR(MP_QSTR_collect_deep), MP_ROM_PTR(&waiting_collect_deep_obj) },
    { MP_ROM_QSTR(MP_QSTR_clear_stack), MP_ROM_PTR(&waiting_clear_stack_obj) },
};
static MP_DEFINE_CONST_DICT(waiting_globals, waiting_globals_table);

const mp_obj_module_t waiting_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&waiting_globals,
};

MP_REGISTER_MODULE(MP_QSTR_waiting, waiting_module);
