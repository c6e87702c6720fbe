// The module `irq`: the timer of a Cortex-M interrupts the program, and what it calls is what
// drivers call.

#include "py/gc.h"
#include "py/mphal.h"
#include "py/nlr.h"
#include "py/runtime.h"

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xe000e010)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xe000e014)
#define SYSTICK_CURRENT (*(volatile uint32_t *)0xe000e018)
#define VECTOR_TABLE (*(volatile uint32_t *)0xe000ed08)
#define SYSTICK_VECTOR 15
#define INTERRUPT_CONTROL (*(volatile uint32_t *)0xe000ed04)
#define PEND_SYSTICK (1 << 26)

// The first 16 entries are those of the processor itself. The table must lie at a multiple of its
// size.
static uint32_t vectors[16] __attribute__((aligned(128)));

static volatile struct {
    uint32_t interrupts;
    uint32_t scheduled;
    // Calls that found the queue full.
    uint32_t refused;
    // Allocations under the lock that raised, as they must.
    uint32_t caught;
    // Allocations under the lock, and changes of it.
    uint32_t wrong;
} counts;

// Without mpgc, or without MPGC_IDLE_COLLECT, there is none.
__attribute__((weak)) bool mpgc_idle(uint32_t ms);

static uint32_t seed = 1;
static bool lock;

static uint32_t draw(uint32_t below) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % below;
}

static bool schedule(void) {
    bool done = mp_sched_schedule(MP_STATE_PORT(irq_callback), MP_OBJ_NEW_SMALL_INT(0));
    if (done) {
        counts.scheduled += 1;
    } else {
        counts.refused += 1;
    }
    return done;
}

// The calls around the handler of a hard interrupt in Python (as in shared/runtime/mpirq.c).
static void under_the_lock(void) {
    int16_t depth = MP_STATE_VM(sched_state);
    mp_sched_lock();
    if (lock) {
        gc_lock();
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        void *got = m_malloc(16);
        counts.wrong += got != NULL;
        nlr_pop();
    } else {
        counts.caught += 1;
    }
    if (lock) {
        gc_unlock();
    }
    mp_sched_unlock();
    // It may change from idle to pending, because the program's own work waits.
    int16_t now = MP_STATE_VM(sched_state);
    counts.wrong += now != depth && now < 0;
}

static void tick(void) {
    counts.interrupts += 1;
    switch (draw(8)) {
        case 0:
            while (schedule()) {
            }
            break;
        case 1:
        case 2:
            under_the_lock();
            break;
        case 3:
            under_the_lock();
            schedule();
            break;
        default:
            schedule();
            break;
    }
}

static void handle(void (*handler)(void)) {
    const uint32_t *before = (const uint32_t *)VECTOR_TABLE;
    for (int i = 0; i < 16; i++) {
        vectors[i] = before[i];
    }
    vectors[SYSTICK_VECTOR] = (uint32_t)handler;
    VECTOR_TABLE = (uint32_t)vectors;
}

// start(callback, cycles, lock): from now on, an interrupt every so many cycles of the processor.
static mp_obj_t start(mp_obj_t callback, mp_obj_t cycles, mp_obj_t with_lock) {
    handle(tick);
    MP_STATE_PORT(irq_callback) = callback;
    lock = mp_obj_is_true(with_lock);
    SYSTICK_RELOAD = mp_obj_get_int(cycles) - 1;
    SYSTICK_CURRENT = 0;
    SYSTICK_CONTROL = 7;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(start_obj, start);

static mp_obj_t stop(void) {
    SYSTICK_CONTROL = 0;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(stop_obj, stop);

static mp_obj_t interrupts(void) {
    return MP_OBJ_NEW_SMALL_INT(counts.interrupts);
}
static MP_DEFINE_CONST_FUN_OBJ_0(interrupts_obj, interrupts);

static mp_obj_t figures(void) {
    mp_obj_t items[] = {
        MP_OBJ_NEW_SMALL_INT(counts.scheduled), MP_OBJ_NEW_SMALL_INT(counts.refused),
        MP_OBJ_NEW_SMALL_INT(counts.caught), MP_OBJ_NEW_SMALL_INT(counts.wrong),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(items), items);
}
static MP_DEFINE_CONST_FUN_OBJ_0(figures_obj, figures);

// The port has no clock, which mpgc needs with MPGC_IDLE_COLLECT. A wait without end is longer than
// any collection, so that a clock that stands will do.
__attribute__((weak)) mp_uint_t mp_hal_ticks_us(void) {
    return 0;
}

// An endless wait: the answer of mpgc_idle.
static volatile enum { NOT_ASKED, REFUSED, COLLECTED } idle_said;

static void wait_without_end(void) {
    idle_said = mpgc_idle(UINT32_MAX) ? COLLECTED : REFUSED;
}

// idle(where): what mpgc_idle returns in the program, with interrupts off, or in a handler (0, 1,
// 2).
static mp_obj_t idle(mp_obj_t where_in) {
    mp_int_t where = mp_obj_get_int(where_in);
    if (mpgc_idle == NULL) {
        return mp_const_none;
    }
    idle_said = NOT_ASKED;
    if (where == 2) {
        handle(wait_without_end);
        INTERRUPT_CONTROL = PEND_SYSTICK;
        __asm volatile ("dsb\n\tisb" : : : "memory");
    } else {
        unsigned int before = where == 1 ? irq_off() : 0;
        wait_without_end();
        if (where == 1) {
            irq_restore(before);
        }
    }
    return MP_OBJ_NEW_SMALL_INT(idle_said);
}
static MP_DEFINE_CONST_FUN_OBJ_1(idle_obj, idle);

static const mp_rom_map_elem_t globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_irq) },
    { MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&start_obj) },
    { MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&stop_obj) },
    { MP_ROM_QSTR(MP_QSTR_interrupts), MP_ROM_PTR(&interrupts_obj) },
    { MP_ROM_QSTR(MP_QSTR_idle), MP_ROM_PTR(&idle_obj) },
    { MP_ROM_QSTR(MP_QSTR_figures), MP_ROM_PTR(&figures_obj) },
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t irq_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&globals,
};
MP_REGISTER_MODULE(MP_QSTR_irq, irq_module);
MP_REGISTER_ROOT_POINTER(mp_obj_t irq_callback);
