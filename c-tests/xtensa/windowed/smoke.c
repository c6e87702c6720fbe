// The heap and the scheduler where the registers of callers are in windows: what only they refer to
// is kept, and what they hold is as it was. Ends with `N passed, N failed`.

#include "mpgc.h"
#include "sim.h"

#define DEPTH 60
#define TIMES 20

unsigned overflows(void);
extern char stack_top[];

static uintptr_t memory[8192];
static mpgc_heap heap;
static mpgc_sched sched;
static int passed, failed, calls;

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((volatile char *)to)[i] = ((const char *)from)[i];
    }
    return to;
}

void *memset(void *to, int byte, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((volatile char *)to)[i] = (char)byte;
    }
    return to;
}

static void say(const char *text) {
    int n = 0;
    while (text[n] != 0) {
        n++;
    }
    sim_call(SIM_WRITE, SIM_STDOUT, (char *)text, n);
}

static void say_number(unsigned number) {
    char digits[11];
    int at = 10;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    say(digits + at);
}

static void expect(int good, const char *claim) {
    passed += good != 0;
    failed += good == 0;
    if (!good) {
        say("not so: ");
        say(claim);
        say("\n");
    }
}

// Each depth has a chunk that its own registers alone refer to while deeper ones collect and
// allocate.
static unsigned __attribute__((noinline)) deep(unsigned depth) {
    unsigned *chunk = mpgc_alloc(&heap, 8 + depth % 5 * 16, 0);
    if (chunk == NULL) {
        return 1u << 31;
    }
    chunk[0] = depth * 2654435761u;
    unsigned below = 0;
    if (depth != 0) {
        below = deep(depth - 1);
    } else {
        mpgc_collect(&heap);
        for (int i = 0; i < 100; i++) {
            // takes the place of whatever was freed
            unsigned *other = mpgc_alloc(&heap, 72, 0);
            other[0] = other[1] = 1;
        }
    }
    return below + (chunk[0] == depth * 2654435761u);
}

static void count(void *argument) {
    calls += deep(DEPTH / 2) == DEPTH / 2 + 1 && argument == &sched;
}

static void note_node(mpgc_sched_node *node) {
    (void)node;
    calls += 100;
}

int main(void) {
    mpgc_config config = {.stack_top = stack_top};
    expect(mpgc_heap_init(&heap, memory, sizeof memory, &config) == MPGC_OK, "a heap is made");
    unsigned kept = 0;
    for (int i = 0; i < TIMES; i++) {
        kept += deep(DEPTH);
    }
    expect(kept == TIMES * (DEPTH + 1), "what callers' registers refer to is kept");
    expect(overflows() > TIMES * DEPTH / 2, "windows were put on the stack");
    mpgc_broken broken;
    expect(mpgc_heap_check(&heap, &broken), "the heap is whole");

    mpgc_info before, after;
    mpgc_heap_info(&heap, &before);
    config.stack_top = NULL;
    mpgc_collect(&heap);
    mpgc_heap_info(&heap, &after);
    expect(after.used < before.used, "a collection frees what nothing refers to");

    mpgc_sched_node node = {0};
    mpgc_sched_init(&sched, NULL, NULL, NULL);
    for (int i = 0; i < MPGC_SCHED_DEPTH; i++) {
        expect(mpgc_sched_schedule(&sched, count, &sched), "a call is scheduled");
    }
    expect(!mpgc_sched_schedule(&sched, count, NULL), "a full queue refuses");
    expect(mpgc_sched_schedule_node(&sched, &node, note_node), "a node needs no place in the queue");
    while (mpgc_sched_run(&sched, NULL)) {
    }
    expect(calls == 100 + MPGC_SCHED_DEPTH, "each was called once");
    expect(mpgc_heap_check(&heap, &broken), "the heap is whole after that");

    say_number(overflows());
    say(" windows were put on the stack\n");
    say_number((unsigned)passed);
    say(" passed, ");
    say_number((unsigned)failed);
    say(" failed\n");
    return failed != 0;
}
