// The scheduler under a timer signal that schedules, locks and unlocks at any instruction.
//
//     interrupts SIGNALS [SEED [flag|kernel|off]]

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "env.h"
#include "watch.h"

#define SIGNAL SIGALRM

static uint64_t seeds[2];

// xorshift64*; the program and the interrupt have one each.
static unsigned int draw(unsigned int who, unsigned int below) {
    uint64_t x = seeds[who];
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    seeds[who] = x;
    return (unsigned int)((x * 0x2545F4914F6CDD1D) >> 33) % below;
}

static bool interrupt_holds;
static volatile bool ending;

void program_interrupt(void) {
    if (interrupt_holds || ending) {
        // A lock from one interrupt to the next.
        if (interrupt_holds) {
            watch_unlock();
            interrupt_holds = false;
        }
        return;
    }
    switch (draw(1, 10)) {
        case 0:
        case 1:
        case 2:
            watch_schedule();
            break;
        case 3:
            while (watch_schedule()) {
            }
            break;
        case 4:
        case 5:
            watch_schedule_node(draw(1, WATCH_NODES));
            break;
        case 6:
            watch_lock();
            watch_schedule();
            watch_unlock();
            break;
        case 7:
            watch_lock();
            interrupt_holds = true;
            break;
        case 8:
            watch_interrupt_exception();
            break;
        default:
            watch_schedule_node(draw(1, WATCH_NODES));
            watch_schedule();
            watch_interrupt_exception();
            break;
    }
}

void *program_callback(void) {
    switch (draw(0, 8)) {
        case 0:
            watch_schedule();
            return NULL;
        case 1:
            watch_schedule_node(draw(0, WATCH_NODES));
            return NULL;
        case 2:
            return &seeds; // raises, and it goes no further
        default:
            return NULL;
    }
}

void program_node(unsigned int node) {
    switch (draw(0, 8)) {
        case 0:
            watch_schedule_node(node);
            break;
        case 1:
            watch_schedule();
            break;
    }
}

static void program(unsigned int depth) {
    switch (draw(0, 12)) {
        case 0:
            watch_schedule();
            break;
        case 1:
            watch_schedule_node(draw(0, WATCH_NODES));
            break;
        case 2:
            while (watch_schedule()) {
            }
            break;
        case 3:
            if (depth < 3) {
                watch_lock();
                for (unsigned int n = draw(0, 4); n > 0; n--) {
                    program(depth + 1);
                }
                watch_unlock();
            }
            break;
        default:
            watch_handle(draw(0, 5));
            break;
    }
}

// The timer: each interrupt arms it for the next, after a time in which the program comes a little
// further.

static timer_t timer;
static volatile unsigned long steps;
static long pause_ns = 4000;

static void arm(void) {
    static unsigned long last_steps, stuck;
    stuck = steps == last_steps ? stuck + 1 : 0;
    last_steps = steps;
    // A slow machine must not spend all its time in interrupts.
    pause_ns = stuck > 8 ? pause_ns * 2 : pause_ns > 1000 ? pause_ns - pause_ns / 64 : pause_ns;
    if (pause_ns > 1000000) {
        pause_ns = 1000000;
    }
    static uint64_t x = 88172645463325252;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    struct itimerspec when = { .it_value.tv_nsec = pause_ns / 2 + x % pause_ns };
    timer_settime(timer, 0, &when, NULL);
}

static void on_signal(int number) {
    (void)number;
    watch_arrive();
    if (!ending) {
        arm();
    }
}

int main(int argc, char **argv) {
    static const char *const masks[] = { "flag", "kernel", "off" };
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2) {
        fprintf(stderr, "error: usage: %s SIGNALS [SEED [flag|kernel|off]]\n", argv[0]);
        return 2;
    }
    unsigned long wanted = stress_number("SIGNALS", argv[1]);
    seeds[0] = argc > 2 ? 2 * stress_number("SEED", argv[2]) + 1 : 1;
    seeds[1] = seeds[0] ^ 0x9E3779B97F4A7C15;
    for (int i = 0; argc > 3 && i < 3; i++) {
        if (strcmp(argv[3], masks[i]) == 0) {
            watch_mask = i;
        }
    }
    watch_signal = SIGNAL;
    watch_reset();
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGNAL, &action, NULL);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGNAL };
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
        perror("error: timer_create");
        return 2;
    }
    arm();
    while (watch_counts.interrupts < wanted && (stress_faults == 0 || watch_mask == WATCH_OFF) && stress_faults < 100) {
        program(0);
        steps = steps + 1;
    }
    // One more interrupt releases a lock that is held.
    ending = true;
    struct itimerspec never = { { 0 } };
    timer_settime(timer, 0, &never, NULL);
    raise(SIGNAL);
    watch_drain();
    watch_counts_t n = *(watch_counts_t *)&watch_counts;
    printf("interrupts %lu inside %lu deferred %lu queued %lu refused %lu nodes %lu nodes_refused %lu locks %lu exceptions %lu dropped %lu steps %lu faults %lu\n",
        n.interrupts, n.inside, n.deferred, n.queued, n.refused, n.nodes_queued, n.nodes_refused, n.locks, n.sent, n.dropped, steps, stress_faults);
    return stress_faults != 0;
}
