// Sentences of include/mpgc.h about roots, threads, jumps and the scheduler that no other test
// covers (docs/promises.md).

#include <sys/time.h>

#include "harness.h"

#define BLOCK (4 * sizeof(void *))
#define ALIGN (2 * sizeof(void *))

static uintptr_t memory[2048], lifo[64];
static mpgc_heap heap;
static mpgc_thread thread;
static mpgc_sched sched;

static int alive(uintptr_t hidden_address) {
    return mpgc_nbytes(&heap, shown(hidden_address)) != 0;
}

__attribute__((noinline)) static int chunk_on_the_stack_lives(void) {
    void *volatile local = mpgc_alloc(&heap, 1, 0);
    mpgc_collect(&heap);
    return mpgc_nbytes(&heap, local) != 0;
}

static void without_a_stack_top_the_c_stack_is_not_scanned(void) {
    mpgc_config config = {.error = note_error};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    EXPECT(!chunk_on_the_stack_lives());
    config.stack_top = MPGC_STACK_TOP;
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    EXPECT(chunk_on_the_stack_lives());
}

static void a_registered_range_is_in_the_list_as_it_was_given(void) {
    static void *range[3];
    mpgc_roots first, second;
    mpgc_heap_init(&heap, memory, sizeof memory, NULL);
    EXPECT(mpgc_add_roots(&heap, &first, range, sizeof range) == MPGC_OK);
    EXPECT(mpgc_add_roots(&heap, &second, range + 1, 8) == MPGC_OK);
    EXPECT(second.next == &first && second.start == range + 1 && second.n_bytes == 8);
    EXPECT(first.next == NULL && first.start == range && first.n_bytes == sizeof range);
    EXPECT(mpgc_remove_roots(&heap, &first) == MPGC_OK && second.next == NULL);
}

static const void *top_of_the_program;
static mpgc_thread other;

static void mark_stack_and_other_thread(mpgc_heap *where, void *user) {
    (void)user;
    EXPECT(mpgc_mark_stack(where, top_of_the_program) == MPGC_OK);
    EXPECT(mpgc_mark_thread(where, &other) == MPGC_OK && mpgc_mark(where, NULL, 0) == MPGC_OK);
}

static void a_callback_marks_the_c_stack_and_the_lifo_stack_of_another_thread(void) {
    mpgc_thread_init(&other, lifo, sizeof lifo, note_error, NULL);
    top_of_the_program = MPGC_STACK_TOP;
    mpgc_config config = {.roots = mark_stack_and_other_thread, .error = note_error};
    mpgc_heap_init(&heap, memory, sizeof memory, &config);
    void **frame = mpgc_stack_alloc(&other, sizeof(void *));
    uintptr_t kept = hidden(&heap, 1, 0), lost = hidden(&heap, 1, 0);
    frame[0] = shown(kept);
    EXPECT(chunk_on_the_stack_lives() && alive(kept) && !alive(lost) && reported.times == 0);
    EXPECT(mpgc_mark_thread(&heap, &other) == MPGC_ERROR_NOT_COLLECTING && was_reported(MPGC_ERROR_NOT_COLLECTING));
}

static void init_makes_threads_and_schedulers_of_memory_that_holds_anything(void) {
    for (int fill = 0; fill < 256; fill += 51) {
        memset(&thread, fill, sizeof thread);
        memset(&sched, fill, sizeof sched);
        memset(lifo, fill, sizeof lifo);
        mpgc_thread_init(&thread, lifo, sizeof lifo, NULL, NULL);
        mpgc_sched_init(&sched, NULL, NULL, NULL);
        EXPECT(mpgc_stack_used(&thread) == 0 && mpgc_nlr_pop(&thread) == MPGC_ERROR_NO_BUFFER);
        EXPECT(mpgc_nlr_pop_callback(&thread, true) == MPGC_ERROR_NO_BUFFER);
        for (size_t i = 0; i < sizeof lifo; i += ALIGN) {
            EXPECT(mpgc_stack_free(&thread, (char *)lifo + i) != MPGC_OK); // nothing was handed out
        }
        EXPECT(!mpgc_sched_is_pending(&sched) && !mpgc_sched_run(&sched, &thread));
        EXPECT(mpgc_sched_unlock(&sched) == MPGC_ERROR_NOT_LOCKED);
    }
}

static void a_chunk_of_the_stack_is_not_cleared(void) {
    mpgc_thread_init(&thread, lifo, sizeof lifo, NULL, NULL);
    char *chunk = mpgc_stack_alloc(&thread, 40);
    memset(chunk, 0x5a, 40);
    EXPECT(mpgc_stack_free(&thread, chunk) == MPGC_OK && mpgc_stack_alloc(&thread, 40) == chunk);
    EXPECT(chunk[0] == 0x5a && memcmp(chunk, chunk + 1, 39) == 0);
}

// The map of the stack lies behind its chunks: no chunk overlaps it.
static void chunks_of_the_stack_keep_what_is_in_them(void) {
    for (size_t n = 0; n < 40 * ALIGN; n += 3) {
        unsigned char *chunks[40], *end = (unsigned char *)lifo + n;
        int k = 0;
        memset(lifo, 0x77, sizeof lifo);
        mpgc_thread_init(&thread, lifo, n < sizeof lifo ? n : sizeof lifo, NULL, NULL);
        while ((chunks[k] = mpgc_stack_alloc(&thread, ALIGN)) != NULL) {
            EXPECT(chunks[k] >= (unsigned char *)lifo && chunks[k] + ALIGN <= end);
            memset(chunks[k], 0xff, ALIGN);
            k += 1;
        }
        for (int i = k - 1; i >= 0; i--) {
            EXPECT(mpgc_stack_free(&thread, chunks[i]) == MPGC_OK && chunks[i][0] == 0xff && chunks[i][ALIGN - 1] == 0xff);
        }
        for (size_t i = n; i < sizeof lifo; i++) {
            EXPECT(((unsigned char *)lifo)[i] == 0x77);
        }
    }
}

static void note_nothing(void *node) {
    (void)node;
}

static void buffers_and_callbacks_are_linked_as_the_header_says(void) {
    mpgc_nlr_buf outer, inner;
    mpgc_nlr_callback first, second;
    volatile int landed = 0;
    mpgc_thread_init(&thread, lifo, sizeof lifo, note_error, NULL);
    if (mpgc_nlr_push(&thread, &outer) == 0) {
        mpgc_nlr_push_callback(&thread, &first, note_nothing);
        mpgc_nlr_push_callback(&thread, &second, note_nothing);
        EXPECT(second.prev == &first && first.prev == NULL && second.fun == note_nothing);
        EXPECT(mpgc_nlr_pop_callback(&thread, false) == MPGC_OK && mpgc_nlr_pop_callback(&thread, false) == MPGC_OK);
        if (mpgc_nlr_push(&thread, &inner) == 0) {
            EXPECT(inner.prev == &outer && outer.prev == NULL && inner.thread == &thread && outer.thread == &thread);
            mpgc_nlr_jump(&thread, lifo);
        }
        landed += 1;
        EXPECT(inner.value == lifo);
        EXPECT(mpgc_nlr_pop(&thread) == MPGC_OK); // the inner one was unlinked by the jump
    }
    EXPECT(landed == 1 && mpgc_nlr_pop(&thread) == MPGC_ERROR_NO_BUFFER && was_reported(MPGC_ERROR_NO_BUFFER));
}

static void look_at_the_node(mpgc_sched_node *node) {
    EXPECT(node->callback == NULL); // so it may be queued again
}

static void a_node_has_its_callback_while_it_is_queued(void) {
    mpgc_sched_node node = {0};
    mpgc_sched_init(&sched, NULL, NULL, NULL);
    EXPECT(mpgc_sched_schedule_node(&sched, &node, look_at_the_node) && node.callback == look_at_the_node);
    EXPECT(!mpgc_sched_schedule_node(&sched, &node, NULL) && node.callback == look_at_the_node);
    EXPECT(mpgc_sched_run(&sched, NULL) && node.callback == NULL);
}

static void run_again(void *argument) {
    (void)argument;
    EXPECT(!mpgc_sched_run(&sched, NULL) && !mpgc_sched_is_pending(&sched));
}

static void a_call_that_runs_the_scheduler_has_nothing_to_do(void) {
    mpgc_sched_init(&sched, NULL, NULL, NULL);
    EXPECT(mpgc_sched_schedule(&sched, run_again, NULL) && mpgc_sched_schedule(&sched, run_again, NULL));
    EXPECT(mpgc_sched_run(&sched, NULL) && mpgc_sched_run(&sched, NULL) && !mpgc_sched_run(&sched, NULL));
}

// A signal stands for an interrupt; the sections of the scheduler block it.

static volatile sig_atomic_t signals, calls, locked;

static size_t block_for_sched(void *user) {
    EXPECT(user == &sched);
    return block_signal(user);
}

static void allow_for_sched(void *user, size_t blocked_before) {
    EXPECT(user == &sched);
    allow_signal(user, blocked_before);
}

static void count_call(void *argument) {
    (void)argument;
    calls += 1;
    EXPECT(!locked);
}

// Every second one leaves a lock to the next.
static void lock_or_unlock(int number) {
    (void)number;
    signals += 1;
    if (locked) {
        EXPECT(mpgc_sched_unlock(&sched) == MPGC_OK);
    } else {
        mpgc_sched_lock(&sched);
    }
    locked = !locked;
}

static void an_interrupt_may_lock_and_unlock(void) {
    mpgc_sched_init(&sched, block_for_sched, allow_for_sched, &sched);
    signals = calls = locked = 0;
    struct sigaction action = {.sa_handler = lock_or_unlock};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &every, NULL);
    int queued = 0;
    while (signals < 1000) {
        queued += mpgc_sched_schedule(&sched, count_call, NULL);
        // a call looks at `locked`, so no signal may come between the look and the lock that the
        // run takes
        size_t held = block_signal(&sched);
        EXPECT(mpgc_sched_run(&sched, NULL) == !locked);
        allow_signal(&sched, held);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN);
    if (locked) {
        EXPECT(mpgc_sched_unlock(&sched) == MPGC_OK);
        locked = 0;
    }
    while (mpgc_sched_run(&sched, NULL)) {
    }
    EXPECT(calls == queued && queued > 0 && mpgc_sched_unlock(&sched) == MPGC_ERROR_NOT_LOCKED);
}

void core_promise_tests(void) {
    RUN(without_a_stack_top_the_c_stack_is_not_scanned);
    RUN(a_registered_range_is_in_the_list_as_it_was_given);
    RUN(a_callback_marks_the_c_stack_and_the_lifo_stack_of_another_thread);
    RUN(init_makes_threads_and_schedulers_of_memory_that_holds_anything);
    RUN(a_chunk_of_the_stack_is_not_cleared);
    RUN(chunks_of_the_stack_keep_what_is_in_them);
    RUN(buffers_and_callbacks_are_linked_as_the_header_says);
    RUN(a_node_has_its_callback_while_it_is_queued);
    RUN(a_call_that_runs_the_scheduler_has_nothing_to_do);
    RUN(an_interrupt_may_lock_and_unlock);
}
