// How the driver reaches pystack, the scheduler and nlr: what they raise lands here, never in Rust.

#include <string.h>

#include "py/pystack.h"
#include "py/runtime.h"

#include "release.h"
#include "twin.h"

// pystack.

#if MICROPY_ENABLE_PYSTACK
void *twin_pystack_alloc(size_t bytes) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        void *chunk = mp_pystack_alloc(bytes);
        nlr_pop();
        return chunk;
    }
    twin_tell(EVENT_CAUGHT, twin_exception_value(nlr.ret_val));
    return NULL;
}

void twin_pystack_free(void *chunk) {
    mp_pystack_free(chunk);
}
#endif

// The scheduler.

#if MICROPY_SCHEDULER_STATIC_NODES
static mp_sched_node_t nodes[TWIN_NODES];

void twin_reset_nodes(void) {
    memset(nodes, 0, sizeof(nodes));
}

static void node_callback(mp_sched_node_t *node) {
    twin_tell(EVENT_NODE, node - nodes);
    twin_tell(EVENT_STATE, (uint16_t)MP_STATE_VM(sched_state));
    twin_hooks.node(twin_hooks.world, node - nodes);
    if (*twin_hooks.as_is) {
        // An abort leaves it.
        mp_handle_pending(true);
    }
}

bool twin_schedule_node(size_t node) {
    // One past the last is none: docs/upstream.md, 13.
    return mp_sched_schedule_node(node < TWIN_NODES ? &nodes[node] : NULL, node_callback);
}
#endif

#if MICROPY_ENABLE_SCHEDULER
bool twin_schedule(void *function, void *argument) {
    bool queued = mp_sched_schedule(MP_OBJ_FROM_PTR(function), MP_OBJ_FROM_PTR(argument));
    #if TWIN_FIGURES
    return twin_count_call(queued);
    #else
    return queued;
    #endif
}
#endif

void twin_sched_exception(void *exception) {
    mp_sched_exception(MP_OBJ_FROM_PTR(exception));
}

#if TWIN_CALLBACKS_ONLY
static void callbacks_only(void) {
    #if TWIN_RELEASE == 127
    mp_handle_pending_internal(MP_HANDLE_PENDING_CALLBACKS_ONLY);
    #else
    mp_handle_pending(MP_HANDLE_PENDING_CALLBACKS_ONLY);
    #endif
}
#endif

static void handle(unsigned int how) {
    switch (how) {
        case 0:
        case 1:
            mp_handle_pending(how);
            break;
        case 5:
            #if TWIN_CALLBACKS_ONLY
            callbacks_only();
            break;
            #endif
        #if !TWIN_EVENTS
        default:
            mp_handle_pending(how & 1);
            break;
        #else
        case 2:
            mp_event_handle_nowait();
            break;
        case 3:
            mp_event_wait_indefinite();
            break;
        default:
            mp_event_wait_ms(5);
            break;
        #endif
    }
}

// An exception lands in the inner buffer; an abort passes it by.
void twin_handle_pending(unsigned int how, bool abort_buffer) {
    nlr_buf_t outer;
    if (nlr_push(&outer) == 0) {
        #if MICROPY_ENABLE_VM_ABORT
        nlr_set_abort(abort_buffer ? &outer : NULL);
        #endif
        nlr_buf_t inner;
        if (nlr_push(&inner) == 0) {
            handle(how);
            nlr_pop();
        } else {
            twin_tell(EVENT_CAUGHT, twin_exception_value(inner.ret_val));
        }
        nlr_pop();
    } else {
        twin_tell(EVENT_ABORTED, (uintptr_t)outer.ret_val);
    }
    #if MICROPY_ENABLE_VM_ABORT
    nlr_set_abort(NULL);
    #endif
}

// nlr.

#if TWIN_JUMP_CALLBACKS
typedef struct {
    nlr_jump_callback_node_t node;
    size_t level;
} level_callback_t;

static void on_jump(void *node) {
    twin_tell(EVENT_JUMP_CALLBACK, ((level_callback_t *)node)->level);
}
#endif

static size_t pystack_in_use(void) {
    #if MICROPY_ENABLE_PYSTACK
    return mp_pystack_usage();
    #else
    return 0;
    #endif
}

static void level(uint64_t plan, size_t levels, uintptr_t value);

// Keeps values in as many registers as there are, so that a jump must give them back.
static void __attribute__((noinline)) buffer_level(uint64_t plan, size_t levels, uintptr_t value, bool again) {
    uintptr_t a = value * 3 + 1, b = value * 5 + 2, c = value ^ 0x55, d = value + levels, e = ~value, f = value << 7;
    volatile uintptr_t counted = 0;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        counted = 1;
        level(plan, levels, value + 1);
        counted += 1;
        nlr_pop();
    } else {
        twin_tell(EVENT_CAUGHT, twin_exception_value(nlr.ret_val));
        twin_tell(EVENT_PYSTACK, pystack_in_use());
        counted += 8;
    }
    twin_tell(EVENT_LOCALS, a ^ b ^ c ^ d ^ e ^ f);
    twin_tell(EVENT_LOCALS, counted);
    if (again && counted > 8) {
        nlr_jump(nlr.ret_val);
    }
}

static void __attribute__((noinline)) callback_level(uint64_t plan, size_t levels, uintptr_t value, bool run) {
    #if TWIN_JUMP_CALLBACKS
    level_callback_t callback = { .level = levels };
    nlr_push_jump_callback(&callback.node, on_jump);
    level(plan, levels, value + 1);
    nlr_pop_jump_callback(run);
    #else
    (void)run;
    level(plan, levels, value + 1);
    #endif
}

static void level(uint64_t plan, size_t levels, uintptr_t value) {
    if (levels == 0) {
        if (plan & 1) {
            nlr_jump((void *)(value | 1));
        }
        return;
    }
    uint64_t rest = plan >> 3;
    switch (plan & 7) {
        case 0:
        case 1:
            buffer_level(rest, levels - 1, value, plan & 1);
            break;
        case 2:
        case 3:
            callback_level(rest, levels - 1, value, plan & 1);
            break;
        case 4: {
            #if MICROPY_ENABLE_PYSTACK
            // Raises when the stack is exhausted, at this depth.
            void *chunk = mp_pystack_alloc(24 * levels);
            level(rest, levels - 1, value + 1);
            mp_pystack_free(chunk);
            #else
            level(rest, levels - 1, value + 1);
            #endif
            break;
        }
        default:
            level(rest, levels - 1, value + (plan & 7));
            break;
    }
}

void twin_jump(uint64_t plan, size_t levels) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        level(plan, levels, 0x1001);
        nlr_pop();
    } else {
        twin_tell(EVENT_CAUGHT, twin_exception_value(nlr.ret_val));
        twin_tell(EVENT_PYSTACK, pystack_in_use());
    }
}
