// The scheduler: order, a full queue, locks, jumps, and signals that schedule.

#include <sys/time.h>

#include "harness.h"

static mpgc_sched sched;
static mpgc_thread thread;
static char order[64];

static void note(void *argument) {
    strcat(order, argument);
}

static void note_node(mpgc_sched_node *node) {
    (void)node;
    strcat(order, "n");
}

static void fresh_sched(void) {
    mpgc_sched_init(&sched, NULL, NULL, NULL);
    mpgc_thread_init(&thread, NULL, 0, note_error, NULL);
    order[0] = 0;
}

static void calls_are_made_in_order_and_nodes_first(void) {
    fresh_sched();
    mpgc_sched_node node = {0};
    EXPECT(!mpgc_sched_is_pending(&sched) && !mpgc_sched_run(&sched, NULL));
    EXPECT(mpgc_sched_schedule(&sched, note, "1") && mpgc_sched_schedule(&sched, note, "2"));
    EXPECT(mpgc_sched_schedule_node(&sched, &node, note_node));
    EXPECT(!mpgc_sched_schedule_node(&sched, &node, note_node));
    EXPECT(!mpgc_sched_schedule_node(&sched, NULL, note_node) && !mpgc_sched_schedule_node(&sched, &node, NULL));
    EXPECT(mpgc_sched_is_pending(&sched) && mpgc_sched_run(&sched, NULL) && strcmp(order, "n1") == 0);
    EXPECT(mpgc_sched_run(&sched, &thread) && strcmp(order, "n12") == 0);
    EXPECT(!mpgc_sched_run(&sched, NULL) && !mpgc_sched_is_pending(&sched));
}

static int left;

static void queue_again(mpgc_sched_node *node) {
    strcat(order, "n");
    left -= 1;
    if (left > 0) {
        EXPECT(mpgc_sched_schedule_node(&sched, node, queue_again));
    }
}

static void call_again(void *argument) {
    strcat(order, argument);
    EXPECT(mpgc_sched_schedule(&sched, note, "2"));
}

static void what_a_call_queues_waits_for_the_next_run(void) {
    fresh_sched();
    mpgc_sched_node node = {0};
    left = 3;
    EXPECT(mpgc_sched_schedule_node(&sched, &node, queue_again) && mpgc_sched_schedule(&sched, call_again, "1"));
    EXPECT(mpgc_sched_run(&sched, NULL) && strcmp(order, "n1") == 0);
    EXPECT(mpgc_sched_run(&sched, NULL) && strcmp(order, "n1n2") == 0);
    EXPECT(mpgc_sched_run(&sched, NULL) && strcmp(order, "n1n2n") == 0);
    EXPECT(!mpgc_sched_run(&sched, NULL));
}

static void a_full_queue_refuses_and_loses_nothing(void) {
    fresh_sched();
    mpgc_sched_node node = {0};
    for (int round = 0; round < 3; round++) {
        order[0] = 0;
        for (int i = 0; i < MPGC_SCHED_DEPTH; i++) {
            EXPECT(mpgc_sched_schedule(&sched, note, i % 2 ? "b" : "a"));
        }
        EXPECT(!mpgc_sched_schedule(&sched, note, "x") && !mpgc_sched_schedule(&sched, note, "x"));
        EXPECT(mpgc_sched_schedule_node(&sched, &node, note_node)); // has its own memory
        while (mpgc_sched_run(&sched, NULL)) {
        }
        EXPECT(strcmp(order, "nabababab") == 0);
    }
}

static void locks_nest_and_work_waits(void) {
    fresh_sched();
    mpgc_sched_lock(&sched);
    mpgc_sched_lock(&sched);
    mpgc_sched_schedule(&sched, note, "1");
    EXPECT(!mpgc_sched_is_pending(&sched) && !mpgc_sched_run(&sched, NULL));
    EXPECT(mpgc_sched_unlock(&sched) == MPGC_OK && !mpgc_sched_run(&sched, NULL));
    EXPECT(mpgc_sched_unlock(&sched) == MPGC_OK && mpgc_sched_is_pending(&sched));
    EXPECT(mpgc_sched_unlock(&sched) == MPGC_ERROR_NOT_LOCKED);
    EXPECT(mpgc_sched_run(&sched, NULL) && strcmp(order, "1") == 0);
}

static void jump_out(void *argument) {
    mpgc_nlr_jump(&thread, argument);
}

static void run_inside(void *argument) {
    (void)argument;
    EXPECT(!mpgc_sched_run(&sched, NULL));
}

static void a_call_that_jumps_out_leaves_the_scheduler_whole(void) {
    fresh_sched();
    mpgc_nlr_buf buffer;
    mpgc_sched_schedule(&sched, jump_out, &sched);
    mpgc_sched_schedule(&sched, note, "2");
    mpgc_sched_schedule(&sched, run_inside, NULL);
    if (mpgc_nlr_push(&thread, &buffer) == 0) {
        mpgc_sched_run(&sched, &thread);
        EXPECT(0);
    } else {
        EXPECT(buffer.value == &sched);
    }
    EXPECT(mpgc_sched_is_pending(&sched) && mpgc_sched_run(&sched, &thread) && strcmp(order, "2") == 0);
    EXPECT(mpgc_sched_run(&sched, &thread) && !mpgc_sched_is_pending(&sched));
    EXPECT(mpgc_nlr_pop_callback(&thread, false) == MPGC_ERROR_NO_BUFFER);
}

static uintptr_t memory[1024];
static mpgc_heap heap;

static void its_arguments_are_roots_until_the_call(void) {
    static mpgc_roots roots;
    fresh_sched();
    mpgc_heap_init(&heap, memory, sizeof memory, NULL);
    mpgc_add_roots(&heap, &roots, &sched, sizeof sched);
    char *text = mpgc_alloc(&heap, 2, 0);
    text[0] = 't';
    uintptr_t kept = ~(uintptr_t)text;
    mpgc_sched_schedule(&sched, note, text);
    mpgc_collect(&heap);
    EXPECT(mpgc_nbytes(&heap, shown(kept)) != 0 && mpgc_sched_run(&sched, NULL) && strcmp(order, "t") == 0);
    mpgc_collect(&heap);
    EXPECT(mpgc_nbytes(&heap, shown(kept)) == 0);
}

// A signal stands for an interrupt; the sections of the scheduler block it (harness.h).

static volatile sig_atomic_t signals, calls_queued, calls_refused, nodes_queued, calls_made, nodes_made;
static mpgc_sched_node tick_node;

static void count_call(void *argument) {
    (void)argument;
    calls_made += 1;
}

static void count_node(mpgc_sched_node *node) {
    (void)node;
    nodes_made += 1;
}

static void on_signal(int number) {
    (void)number;
    signals += 1;
    for (int i = 0; i < 3; i++) {
        if (mpgc_sched_schedule(&sched, count_call, NULL)) {
            calls_queued += 1;
        } else {
            calls_refused += 1;
        }
    }
    nodes_queued += mpgc_sched_schedule_node(&sched, &tick_node, count_node);
}

static void signals_schedule_and_nothing_is_lost(void) {
    mpgc_sched_init(&sched, block_signal, allow_signal, NULL);
    mpgc_config config = {.enter = block_signal, .exit = allow_signal};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &every, NULL);
    while (signals < 1000) {
        mpgc_alloc(&heap, 8, 0);
        mpgc_sched_run(&sched, NULL);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN);
    while (mpgc_sched_run(&sched, NULL)) {
    }
    EXPECT(calls_made == calls_queued && nodes_made == nodes_queued);
    EXPECT(calls_queued + calls_refused == 3 * signals && calls_made >= 100);
    EXPECT(mpgc_heap_check(&heap, NULL));
}

void sched_tests(void) {
    RUN(calls_are_made_in_order_and_nodes_first);
    RUN(what_a_call_queues_waits_for_the_next_run);
    RUN(a_full_queue_refuses_and_loses_nothing);
    RUN(locks_nest_and_work_waits);
    RUN(a_call_that_jumps_out_leaves_the_scheduler_whole);
    RUN(its_arguments_are_roots_until_the_call);
    RUN(signals_schedule_and_nothing_is_lost);
}
