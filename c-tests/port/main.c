// Scenarios for gc, pystack, nlr and the scheduler, driven from C. Each prints what a
// user of the C files can see; the build with Rust must print the same.

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SCENARIOS_VALGRIND
#include <valgrind/memcheck.h>
#endif

#include "py/builtin.h"
#include "py/compile.h"
#include "py/gc.h"
#include "py/lexer.h"
#include "py/runtime.h"
#include "py/stackctrl.h"
#include "shared/runtime/gchelper.h"

static char heap[SCENARIO_HEAP_BYTES] __attribute__((aligned(64)));
static char python_stack[2048] __attribute__((aligned(16)));

// Functions that MicroPython requires of a port.

#ifdef SCENARIOS_VALGRIND
// A conservative collector reads words that nobody has written: what was left on the stack, and
// padding that was copied into a chunk. They are marked as defined for Memcheck, here and nowhere
// else.
static void __attribute__((noinline)) collect_stack(void) {
    __builtin_unwind_init(); // the registers are on the stack now
    void **low = __builtin_frame_address(0);
    size_t words = (void **)MP_STATE_THREAD(stack_top) - low;
    VALGRIND_MAKE_MEM_DEFINED(low, words * sizeof(void *));
    VALGRIND_MAKE_MEM_DEFINED(heap, sizeof(heap));
    gc_collect_root(low, words);
}
#else
#define collect_stack gc_helper_collect_regs_and_stack
#endif

void gc_collect(void) {
    gc_collect_start();
    collect_stack();
    gc_collect_end();
}

void nlr_jump_fail(void *val) {
    printf("jump without a buffer: %s\n", val == NULL ? "NULL" : "object");
    exit(1);
}

void mp_hal_stdout_tx_strn_cooked(const char *str, size_t len) {
    fwrite(str, 1, len, stdout);
}

mp_lexer_t *mp_lexer_new_from_file(qstr filename) {
    (void)filename;
    mp_raise_OSError(2);
}

mp_import_stat_t mp_import_stat(const char *path) {
    (void)path;
    return MP_IMPORT_STAT_NO_EXIST;
}

// Functions that the macros of mpconfigport.h call.

static int atomic_depth;
static int atomic_worst;
static char hooks[256];

void scenario_atomic(int change) {
    atomic_depth += change;
    if (atomic_depth > atomic_worst) {
        atomic_worst = atomic_depth;
    }
}

void scenario_hook(const char *name) {
    if (strlen(hooks) + strlen(name) + 3 < sizeof(hooks)) {
        strcat(hooks, name);
        strcat(hooks, "; ");
    }
}

static void tell_hooks(const char *what) {
    printf("%s: hooks %s depth %d worst %d\n", what, hooks, atomic_depth, atomic_worst);
    hooks[0] = 0;
    atomic_worst = 0;
}

static const char *type_of(mp_obj_t exc) {
    return qstr_str(mp_obj_get_type(exc)->name);
}

void run_python(const char *source) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_lexer_t *lex = mp_lexer_new_from_str_len(MP_QSTR__lt_stdin_gt_, source, strlen(source), 0);
        mp_parse_tree_t tree = mp_parse(lex, MP_PARSE_FILE_INPUT);
        mp_call_function_0(mp_compile(&tree, MP_QSTR__lt_stdin_gt_, false));
        nlr_pop();
    } else {
        printf("python raised %s\n", type_of(MP_OBJ_FROM_PTR(nlr.ret_val)));
    }
}

// nlr.

typedef struct {
    nlr_jump_callback_node_t node;
    int id;
} numbered_callback_t;

static void on_jump(void *ctx) {
    bool linked = MP_STATE_THREAD(nlr_jump_callback_top) == ctx;
    printf("callback %d, linked %d\n", ((numbered_callback_t *)ctx)->id, linked);
}

static void __attribute__((noinline)) raise_at(int depth) {
    if (depth < 0) {
        return;
    }
    numbered_callback_t callback = { .id = depth };
    nlr_push_jump_callback(&callback.node, on_jump);
    if (depth == 0) {
        mp_raise_ValueError(NULL);
    }
    raise_at(depth - 1);
    nlr_pop_jump_callback(true);
}

static void __attribute__((noinline)) jump_twice(void) {
    volatile int kept = 5;
    nlr_buf_t outer, inner;
    if (nlr_push(&outer) == 0) {
        if (nlr_push(&inner) == 0) {
            kept = 6;
            raise_at(3);
        } else {
            printf("inner caught %s kept %d\n", type_of(MP_OBJ_FROM_PTR(inner.ret_val)), kept);
            nlr_jump(inner.ret_val);
        }
    } else {
        printf("outer caught %s same %d\n", type_of(MP_OBJ_FROM_PTR(outer.ret_val)), outer.ret_val == inner.ret_val);
    }
}

static void nlr_scenarios(void) {
    // In a frame above those of the buffers, so that no jump reaches it.
    numbered_callback_t outside = { .id = 99 };
    nlr_push_jump_callback(&outside.node, on_jump);
    jump_twice();
    nlr_pop_jump_callback(false);
    nlr_push_jump_callback(&outside.node, on_jump);
    nlr_pop_jump_callback(true);
    printf("chains empty %d %d\n", MP_STATE_THREAD(nlr_top) == NULL, MP_STATE_THREAD(nlr_jump_callback_top) == NULL);

    // An abort lands in the buffer that was set for it, with no value.
    nlr_buf_t abort_buf;
    if (nlr_push(&abort_buf) == 0) {
        nlr_set_abort(&abort_buf);
        mp_sched_vm_abort();
        nlr_buf_t between;
        if (nlr_push(&between) == 0) {
            mp_handle_pending(false);
            printf("abort not raised, flag %d\n", MP_STATE_VM(vm_abort));
            mp_sched_vm_abort();
            mp_handle_pending(true);
        }
        printf("not reached\n");
    } else {
        printf("aborted with %p\n", abort_buf.ret_val);
        nlr_set_abort(NULL);
    }
    mp_sched_vm_abort();
    mp_handle_pending(true);
    printf("abort without a buffer goes on, flag %d\n", MP_STATE_VM(vm_abort));
}

// pystack.

static void pystack_scenarios(void) {
    uint8_t *start = MP_STATE_THREAD(pystack_cur);
    size_t sizes[] = { 0, 1, 7, 8, 9, 100 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *chunk = mp_pystack_alloc(sizes[i]);
        printf("chunk of %u at %u then %u\n", (unsigned)sizes[i], (unsigned)(chunk - start),
            (unsigned)(MP_STATE_THREAD(pystack_cur) - start));
    }
    uint8_t *high = MP_STATE_THREAD(pystack_cur);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_pystack_alloc(16);
        mp_pystack_alloc(sizeof(python_stack));
    } else {
        mp_obj_t exc = MP_OBJ_FROM_PTR(nlr.ret_val);
        printf("exhausted: ");
        mp_obj_print_exception(&mp_plat_print, exc);
        printf("restored %d\n", MP_STATE_THREAD(pystack_cur) == high);
    }
    size_t left = MP_STATE_THREAD(pystack_end) - MP_STATE_THREAD(pystack_cur);
    mp_pystack_alloc(left);
    printf("filled to the last byte %d\n", MP_STATE_THREAD(pystack_cur) == MP_STATE_THREAD(pystack_end));
    mp_pystack_free(start);
    printf("usage %u\n", (unsigned)mp_pystack_usage());
}

// Scheduler.

static mp_obj_t note(mp_obj_t arg) {
    printf("python callback %d state %d\n", (int)mp_obj_get_int(arg), MP_STATE_VM(sched_state));
    if (mp_obj_get_int(arg) == 13) {
        mp_raise_ValueError(NULL);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(note_obj, note);

typedef struct {
    mp_sched_node_t node;
    int id;
    int again;
} numbered_node_t;

static void node_callback(mp_sched_node_t *node) {
    numbered_node_t *self = (numbered_node_t *)node;
    printf("node %d state %d\n", self->id, MP_STATE_VM(sched_state));
}

static int node_runs;

static void node_again(mp_sched_node_t *node) {
    numbered_node_t *self = (numbered_node_t *)node;
    node_runs += 1;
    if (self->again-- > 0) {
        mp_sched_schedule_node(node, node_again);
    }
}

static void sched_scenarios(void) {
    mp_obj_t f = MP_OBJ_FROM_PTR(&note_obj);
    for (int i = 0; i < 6; i++) {
        printf("schedule %d: %d pending %d state %d\n", i, mp_sched_schedule(f, MP_OBJ_NEW_SMALL_INT(i)),
            mp_sched_num_pending(), MP_STATE_VM(sched_state));
    }
    tell_hooks("scheduled");
    mp_sched_lock();
    mp_sched_lock();
    mp_handle_pending(true);
    mp_sched_unlock();
    printf("still locked %d\n", MP_STATE_VM(sched_state));
    mp_sched_unlock();
    printf("unlocked with work %d\n", MP_STATE_VM(sched_state));
    for (int i = 0; i < 6; i++) {
        mp_handle_pending(true);
        printf("pass %d state %d pending %d\n", i, MP_STATE_VM(sched_state), mp_sched_num_pending());
    }
    tell_hooks("ran");

    // The ring goes round; an exception in a callback goes no further.
    for (int i = 10; i < 14; i++) {
        mp_sched_schedule(f, MP_OBJ_NEW_SMALL_INT(i));
    }
    while (MP_STATE_VM(sched_state) == MP_SCHED_PENDING) {
        mp_event_handle_nowait();
    }
    tell_hooks("round");

    // Static nodes run first, all of them, and one Python callback.
    static numbered_node_t nodes[3] = { { .id = 1 }, { .id = 2 }, { .id = 3 } };
    mp_sched_schedule(f, MP_OBJ_NEW_SMALL_INT(20));
    for (int i = 0; i < 3; i++) {
        printf("node %d queued %d\n", i, mp_sched_schedule_node(&nodes[i].node, node_callback));
    }
    printf("node again %d\n", mp_sched_schedule_node(&nodes[1].node, node_callback));
    mp_handle_pending(true);
    printf("after nodes state %d\n", MP_STATE_VM(sched_state));
    tell_hooks("nodes");

    // Nodes that queue themselves: how many run in the first pass.
    static numbered_node_t again[2] = { { .id = 4, .again = 3 }, { .id = 5, .again = 2 } };
    mp_sched_schedule_node(&again[0].node, node_again);
    mp_sched_schedule_node(&again[1].node, node_again);
    mp_handle_pending(true);
    int first = node_runs;
    while (MP_STATE_VM(sched_state) == MP_SCHED_PENDING) {
        mp_handle_pending(true);
    }
    printf("nodes that queue themselves: %d in the first pass\n", first);
    printf("nodes that queue themselves ran %d in all\n", node_runs);
    hooks[0] = 0;
    atomic_worst = 0;

    // Exceptions from outside.
    nlr_buf_t nlr;
    static size_t traceback_before[3];
    MP_STATE_VM(mp_kbd_exception).traceback_data = traceback_before;
    mp_sched_keyboard_interrupt();
    bool forgotten = MP_STATE_VM(mp_kbd_exception).traceback_data == NULL;
    printf("interrupt: state %d, traceback forgotten %d\n", MP_STATE_VM(sched_state), forgotten);
    if (nlr_push(&nlr) == 0) {
        mp_sched_schedule(f, MP_OBJ_NEW_SMALL_INT(30));
        mp_event_wait_ms(5);
        printf("not reached\n");
    } else {
        printf("caught %s\n", type_of(MP_OBJ_FROM_PTR(nlr.ret_val)));
    }
    mp_handle_pending(true);
    mp_sched_keyboard_interrupt();
    mp_handle_pending(false);
    printf("dropped, state %d\n", MP_STATE_VM(sched_state));
    mp_sched_lock();
    mp_sched_exception(mp_obj_new_exception(&mp_type_OSError));
    mp_sched_unlock();
    printf("pending after unlock %d\n", MP_STATE_VM(sched_state));
    if (nlr_push(&nlr) == 0) {
        mp_handle_pending(true);
        printf("not reached\n");
    } else {
        printf("caught %s\n", type_of(MP_OBJ_FROM_PTR(nlr.ret_val)));
    }
    mp_event_wait_indefinite();
    mp_event_wait_ms(5);
    tell_hooks("waits");
}

void heap_scenarios(void);
void commit_fault(const char *name);
const char *mpgc_build_info(void) __attribute__((weak));
void seed_scenarios(void);

static char *stack_top;

// How much of the C stack is in use.
size_t scenario_stack_depth(void) {
    char here;
    return stack_top - &here;
}

int main(int argc, char **argv) {
    int top;
    setvbuf(stdout, NULL, _IONBF, 0);
    mp_stack_set_top(&top);
    stack_top = (char *)&top;
    gc_init(heap, heap + sizeof(heap));
    mp_pystack_init(python_stack, python_stack + sizeof(python_stack));
    mp_init();
    if (argc == 3 && strcmp(argv[1], "fault") == 0) {
        commit_fault(argv[2]);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "info") == 0) {
        printf("%s\n", mpgc_build_info == NULL ? "C" : mpgc_build_info());
        return 0;
    }
    nlr_scenarios();
    pystack_scenarios();
    sched_scenarios();
    heap_scenarios();
    seed_scenarios();
    printf("end\n");
    return 0;
}
