#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "py/runtime.h"

#include "env.h"
#include "watch.h"

#define DEPTH MICROPY_SCHEDULER_DEPTH
// More than can be between queued and run.
#define LOG (4 * DEPTH)

volatile watch_counts_t watch_counts;
watch_mask_t watch_mask;
int watch_signal;

// The caller's request.
typedef enum { NOTHING, SCHEDULE, NODE, LOCK, UNLOCK, HANDLE, HANDLE_DROP } call_t;

typedef struct {
    int state, len, first;
    mp_sched_node_t *head, *tail;
    mp_obj_t exception;
} seen_t;

// The program and the interrupt: neither overwrites what the other is about to read.
typedef struct {
    call_t call;
    mp_sched_node_t *node; // the node that is being queued
    bool open;             // inside an atomic section
    seen_t before;         // at its begin
    bool node_was_queued;
    int last_len;          // of the queue, at the begin of the last section
    bool pushed, node_pushed;
    unsigned long ids;
} side_t;

typedef struct {
    mp_sched_node_t node;
    unsigned long queued, ran;
} counted_node_t;

static side_t sides[2];
static counted_node_t nodes[WATCH_NODES];
static volatile bool masked, waiting, in_interrupt;
static int locks;    // explicit ones that are held
static bool running; // mp_handle_pending runs callbacks
static mp_obj_t queued[LOG];
static unsigned long pushed, popped, ran;
static mp_sched_node_t *nodes_queued[LOG];
static unsigned long nodes_pushed, nodes_popped, nodes_ran, taken;

#define FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define COUNT(what) (watch_counts.what = watch_counts.what + 1)

void watch_reset(void) {
    memset(&mp_state_ctx, 0, sizeof(mp_state_ctx));
    memset(sides, 0, sizeof(sides));
    memset(nodes, 0, sizeof(nodes));
    MP_STATE_VM(sched_state) = MP_SCHED_IDLE;
    masked = waiting = in_interrupt = running = false;
    locks = 0;
    pushed = popped = ran = nodes_pushed = nodes_popped = nodes_ran = taken = 0;
    watch_counts = (watch_counts_t) { 0 };
}

static side_t *side(void) {
    return &sides[in_interrupt];
}

static seen_t look(void) {
    return (seen_t) {
        MP_STATE_VM(sched_state), MP_STATE_VM(sched_len), MP_STATE_VM(sched_idx),
        MP_STATE_VM(sched_head), MP_STATE_VM(sched_tail), MP_STATE_MAIN_THREAD(mp_pending_exception),
    };
}

// Interrupts.

bool watch_masked(void) {
    return masked;
}

static void run_interrupt(void) {
    bool before = masked;
    masked = true;
    FENCE();
    in_interrupt = true;
    COUNT(interrupts);
    if (sides[0].call != NOTHING) {
        COUNT(inside);
    }
    program_interrupt();
    in_interrupt = false;
    FENCE();
    masked = before;
}

void watch_arrive(void) {
    if (masked && watch_mask == WATCH_FLAG) {
        COUNT(deferred);
        waiting = true;
    } else {
        run_interrupt();
    }
}

// The queue: one entry more, one less, or as it was.
static void follow_queue(side_t *s, seen_t now) {
    seen_t was = s->before;
    s->last_len = was.len;
    s->pushed = false;
    if (now.len == was.len + 1 && now.first == was.first && now.len <= DEPTH) {
        queued[pushed++ % LOG] = MP_STATE_VM(sched_queue)[(was.first + was.len) % DEPTH].arg;
        s->pushed = true;
    } else if (now.len == was.len - 1 && now.first == (was.first + 1) % DEPTH && running) {
        if (MP_STATE_VM(sched_queue)[was.first].arg != queued[popped % LOG]) {
            stress_fault("the entry taken is not the oldest");
        }
        popped++;
    } else if (now.len != was.len || now.first != was.first) {
        stress_fault("the queue went from %d at %d to %d at %d, running %d", was.len, was.first, now.len, now.first, running);
    }
    if (pushed - popped != (unsigned long)now.len) {
        stress_fault("%lu entries queued, %lu taken, %d there", pushed, popped, now.len);
    }
}

// The list: a node more at its end, or one less at its front.
static void follow_nodes(side_t *s, seen_t now) {
    seen_t was = s->before;
    s->node_pushed = false;
    if (now.tail != was.tail && now.tail != NULL) {
        nodes_queued[nodes_pushed++ % LOG] = now.tail;
        ((counted_node_t *)now.tail)->queued++;
        s->node_pushed = true;
    } else if (now.head != was.head) {
        if (was.head != nodes_queued[nodes_popped % LOG] || !running) {
            stress_fault("the node taken is not the oldest, or out of turn");
        }
        nodes_popped++;
    }
    if ((now.head == NULL) != (now.tail == NULL) || (now.head != NULL) != (nodes_pushed != nodes_popped)) {
        stress_fault("%lu nodes queued, %lu taken, head %p tail %p", nodes_pushed, nodes_popped, (void *)now.head, (void *)now.tail);
    }
}

// The state is the number of locks that are held, of which the running pass is one; without one it
// says whether there is work.
static void follow_state(side_t *s, seen_t now) {
    int was = s->before.state;
    switch (s->call) {
        case LOCK:
            locks++;
            break;
        case UNLOCK:
            locks--;
            break;
        case HANDLE:
        case HANDLE_DROP:
            if (!running && was == MP_SCHED_PENDING && now.state < 0) {
                running = true;
            } else if (running && now.state > was) {
                running = false;
            }
            break;
        default:
            break;
    }
    bool work = now.len != 0 || now.head != NULL;
    if (locks + running > 0) {
        if (now.state != -(locks + running)) {
            stress_fault("%d locks, running %d, state %d", locks, running, now.state);
        }
    } else if (work ? now.state != MP_SCHED_PENDING : was < 0 && now.state != (now.exception == MP_OBJ_NULL ? MP_SCHED_IDLE : MP_SCHED_PENDING)) {
        stress_fault("%d entries, head %p, and state %d after %d", now.len, (void *)now.head, now.state, was);
    }
}

uintptr_t watch_begin(void) {
    uintptr_t before = masked;
    masked = true;
    if (watch_mask == WATCH_KERNEL) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, watch_signal);
        sigprocmask(SIG_BLOCK, &set, NULL);
    }
    FENCE();
    side_t *s = side();
    if (s->open) {
        stress_fault("an atomic section inside another");
    }
    s->open = true;
    s->before = look();
    s->node_was_queued = s->node != NULL && s->node->callback != NULL;
    return before;
}

void watch_end(uintptr_t state) {
    side_t *s = side();
    if (!s->open) {
        stress_fault("an atomic section ended twice");
    }
    s->open = false;
    seen_t now = look();
    follow_state(s, now);
    follow_queue(s, now);
    follow_nodes(s, now);
    if (s->before.exception != MP_OBJ_NULL && now.exception == MP_OBJ_NULL) {
        taken++;
        if (s->call == HANDLE_DROP) {
            COUNT(dropped);
        }
    }
    FENCE();
    masked = state;
    if (watch_mask == WATCH_KERNEL && !state) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, watch_signal);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
    }
    while (!masked && waiting) {
        waiting = false;
        run_interrupt();
    }
}

void watch_hook(void) {
    if (!masked) {
        stress_fault("the hook runs outside the atomic section");
    }
    COUNT(hooks);
}

// Calls.

static const char function;

bool watch_schedule(void) {
    side_t *s = side();
    call_t before = s->call;
    s->call = SCHEDULE;
    bool taken = mp_sched_schedule(MP_OBJ_FROM_PTR(&function), MP_OBJ_NEW_SMALL_INT(2 * s->ids++ + in_interrupt));
    if (taken != (s->last_len < DEPTH) || taken != s->pushed) {
        stress_fault("with %d entries schedule said %d, and queued %d", s->last_len, taken, s->pushed);
    }
    s->call = before;
    // The interrupt may count at any instruction.
    __atomic_fetch_add(taken ? &watch_counts.queued : &watch_counts.refused, 1, __ATOMIC_RELAXED);
    return taken;
}

static void node_callback(mp_sched_node_t *node) {
    if (node != nodes_queued[nodes_ran++ % LOG] || !running || MP_STATE_VM(sched_state) >= 0) {
        stress_fault("a node out of turn, running %d, state %d", running, MP_STATE_VM(sched_state));
    }
    counted_node_t *counted = (counted_node_t *)node;
    counted->ran++;
    COUNT(nodes_ran);
    call_t before = sides[0].call;
    program_node(counted - nodes);
    sides[0].call = before;
}

bool watch_schedule_node(unsigned int number) {
    side_t *s = side();
    call_t before = s->call;
    s->call = NODE;
    s->node = &nodes[number].node;
    bool taken = mp_sched_schedule_node(s->node, node_callback);
    if (taken == s->node_was_queued || taken != s->node_pushed) {
        stress_fault("schedule_node said %d, the node was queued %d, and is queued anew %d", taken, s->node_was_queued, s->node_pushed);
    }
    s->call = before;
    s->node = NULL;
    __atomic_fetch_add(taken ? &watch_counts.nodes_queued : &watch_counts.nodes_refused, 1, __ATOMIC_RELAXED);
    return taken;
}

void watch_lock(void) {
    side_t *s = side();
    call_t before = s->call;
    s->call = LOCK;
    mp_sched_lock();
    s->call = before;
    __atomic_fetch_add(&watch_counts.locks, 1, __ATOMIC_RELAXED);
}

void watch_unlock(void) {
    side_t *s = side();
    call_t before = s->call;
    s->call = UNLOCK;
    mp_sched_unlock();
    s->call = before;
}

void *stress_call(mp_obj_t callback, mp_obj_t argument) {
    if (callback != MP_OBJ_FROM_PTR(&function) || argument != queued[ran++ % LOG]) {
        stress_fault("callback number %lu is not the one that was queued so", ran);
    }
    if (!running || MP_STATE_VM(sched_state) >= 0) {
        stress_fault("a callback runs with running %d, state %d", running, MP_STATE_VM(sched_state));
    }
    COUNT(ran);
    call_t before = sides[0].call;
    void *raised = program_callback();
    sides[0].call = before;
    return raised;
}

static void handle(unsigned int how) {
    switch (how) {
        case 0:
        case 1:
            mp_handle_pending(how);
            break;
        case 2:
            mp_event_handle_nowait();
            break;
        case 3:
            mp_event_wait_indefinite();
            break;
        default:
            mp_event_wait_ms(5);
            break;
    }
}

void watch_handle(unsigned int how) {
    nlr_buf_t nlr;
    sides[0].call = how == 0 ? HANDLE_DROP : HANDLE;
    if (nlr_push(&nlr) == 0) {
        handle(how);
        nlr_pop();
    } else {
        COUNT(raised);
        if (nlr.ret_val != &MP_STATE_VM(mp_kbd_exception)) {
            stress_fault("%p was raised", nlr.ret_val);
        }
    }
    sides[0].call = NOTHING;
}

void watch_interrupt_exception(void) {
    // An exception that is not taken yet is overwritten by the next.
    if (MP_STATE_MAIN_THREAD(mp_pending_exception) == MP_OBJ_NULL) {
        COUNT(sent);
    }
    mp_sched_keyboard_interrupt();
}

void watch_drain(void) {
    for (unsigned int pass = 0; MP_STATE_VM(sched_state) != MP_SCHED_IDLE; pass++) {
        if (pass == 1000) {
            stress_fault("not idle after %u passes: state %d", pass, MP_STATE_VM(sched_state));
            return;
        }
        watch_handle(1);
    }
    seen_t now = look();
    if (now.len != 0 || now.head != NULL || now.tail != NULL || now.exception != MP_OBJ_NULL) {
        stress_fault("idle with work: %d entries, head %p", now.len, (void *)now.head);
    }
    if (pushed != ran || popped != ran || nodes_pushed != nodes_ran || nodes_popped != nodes_ran || locks != 0) {
        stress_fault("%lu entries queued, %lu run; %lu nodes queued, %lu run; %d locks", pushed, ran, nodes_pushed, nodes_ran, locks);
    }
    if (watch_counts.queued != pushed || watch_counts.nodes_queued != nodes_pushed) {
        stress_fault("%lu and %lu were reported as queued", watch_counts.queued, watch_counts.nodes_queued);
    }
    for (counted_node_t *node = nodes; node != nodes + WATCH_NODES; node++) {
        if (node->queued != node->ran) {
            stress_fault("node %d: queued %lu times, run %lu times", (int)(node - nodes), node->queued, node->ran);
        }
    }
    if (taken != watch_counts.sent || watch_counts.raised + watch_counts.dropped != taken) {
        stress_fault("%lu exceptions sent, %lu taken, %lu raised, %lu dropped", watch_counts.sent, taken, watch_counts.raised, watch_counts.dropped);
    }
    #ifdef STRESS_PLACED
    if (watch_counts.hooks != pushed + nodes_pushed) {
        stress_fault("the hook ran %lu times", watch_counts.hooks);
    }
    #endif
}
