// An interrupt at every instruction of a short program, one after the other.
//
// The program runs once a step at a time, which gives the list of the instructions that an
// interrupt can precede: all those outside of atomic sections. Then it runs once for each, with a
// breakpoint there in whose place the interrupt comes. `pairs` then lets a second one come before
// each later instruction.
//
//     steps single|pairs [PART OF_PARTS [off]]

#define _GNU_SOURCE // the names of registers
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "env.h"
#include "watch.h"

#ifndef __x86_64__
#error steps.c knows the breakpoints of x86-64 alone
#endif

#define BREAKPOINT (0xcc)
#define TRAP_FLAG (0x100)
#define MOST (1 << 16)

// What an interrupt does.

typedef enum { SCHEDULE, FILL, NODE, LOCK_UNLOCK, HOLD, EXCEPTION, ALL, KINDS } kind_t;

static const char *const kind_names[] = { "schedule", "fill", "node", "lock", "hold", "exception", "all" };

static kind_t kind;
static bool holds;

void program_interrupt(void) {
    if (holds) {
        watch_unlock();
        holds = false;
        return;
    }
    switch (kind) {
        case SCHEDULE:
            watch_schedule();
            break;
        case FILL:
            while (watch_schedule()) {
            }
            break;
        case NODE:
            watch_schedule_node(0);
            watch_schedule_node(3);
            break;
        case LOCK_UNLOCK:
            watch_lock();
            watch_lock();
            watch_unlock();
            watch_unlock();
            break;
        case HOLD:
            watch_lock();
            holds = true;
            break;
        case EXCEPTION:
            watch_interrupt_exception();
            break;
        default:
            watch_schedule_node(1);
            watch_schedule();
            watch_lock();
            watch_interrupt_exception();
            watch_unlock();
            break;
    }
}

// The short program.

static unsigned int callbacks, node_callbacks;

void *program_callback(void) {
    callbacks++;
    if (callbacks == 1) {
        watch_schedule();
    }
    return NULL;
}

void program_node(unsigned int node) {
    node_callbacks++;
    if (node == 0 && node_callbacks == 1) {
        watch_schedule_node(0);
    }
}

static volatile bool inside;

static void __attribute__((noinline)) short_program(void) {
    callbacks = node_callbacks = 0;
    inside = true;
    watch_schedule();
    watch_schedule_node(0);
    watch_lock();
    watch_schedule();
    watch_handle(1);
    watch_unlock();
    watch_handle(1);
    watch_handle(2);
    inside = false;
}

// The interrupts of a run: before which instruction, and at which of its executions.

typedef struct {
    uint8_t *at;
    unsigned int times;
} place_t;

static place_t planned[2];
static unsigned int plan_len, plan_done, seen_times;
static uint8_t covered;    // the byte that the breakpoint covers
static bool stepping_over; // the instruction under the breakpoint runs now
static bool tracing;
static unsigned int trace_after; // the trace begins after that many interrupts
static place_t trace[MOST];
static unsigned int trace_len;

extern uint8_t __executable_start[], etext[];

static void plant(void) {
    covered = *planned[plan_done].at;
    *planned[plan_done].at = BREAKPOINT;
}

static void set_steps(ucontext_t *context, bool on) {
    if (on) {
        context->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
    } else {
        context->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    }
}

static void at_breakpoint(ucontext_t *context) {
    *planned[plan_done].at = covered;
    context->uc_mcontext.gregs[REG_RIP]--;
    if (watch_masked() && watch_mask == WATCH_FLAG) {
        // Inside a section: this execution is not counted.
    } else if (++seen_times > planned[plan_done].times) {
        plan_done++;
        seen_times = 0;
        watch_arrive();
        if (plan_done < plan_len) {
            plant();
        }
        set_steps(context, tracing && plan_done == trace_after);
        return;
    }
    stepping_over = true;
    set_steps(context, true);
}

static void on_trap(int number, siginfo_t *info, void *given) {
    (void)number;
    ucontext_t *context = given;
    if (info->si_code == SI_KERNEL) {
        at_breakpoint(context);
        return;
    }
    if (stepping_over) {
        stepping_over = false;
        plant();
        set_steps(context, false);
        return;
    }
    uint8_t *at = (uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    bool ours = at >= __executable_start && at < etext;
    if (inside && ours && !(watch_masked() && watch_mask == WATCH_FLAG) && trace_len < MOST) {
        trace[trace_len++].at = at;
    }
    if (!inside && trace_len > 0) {
        set_steps(context, false);
    }
}

static void one_run(void) {
    watch_reset();
    holds = false;
    plan_done = seen_times = 0;
    if (plan_len > 0) {
        plant();
    }
    if (tracing && trace_after == 0) {
        __asm__ volatile ("pushfq; orq %0, (%%rsp); popfq" : : "i" (TRAP_FLAG) : "memory", "cc");
    }
    short_program();
    if (tracing) {
        __asm__ volatile ("pushfq; andq %0, (%%rsp); popfq" : : "i" (~TRAP_FLAG) : "memory", "cc");
    }
    if (plan_done < plan_len) {
        *planned[plan_done].at = covered;
        stress_fault("the interrupt before %p did not come", (void *)planned[plan_done].at);
    }
    if (holds) {
        watch_arrive();
    }
    watch_drain();
}

// Fills `trace` with what comes after the interrupts that are planned, and numbers each by how
// often the same instruction came before.
static void take_trace(void) {
    trace_len = 0;
    trace_after = plan_len;
    tracing = true;
    one_run();
    tracing = false;
    for (unsigned int i = 0; i < trace_len; i++) {
        trace[i].times = 0;
        for (unsigned int j = i; j-- > 0;) {
            if (trace[j].at == trace[i].at) {
                trace[i].times = trace[j].times + 1;
                break;
            }
        }
    }
}

static unsigned long runs;

static void tell(unsigned int i, unsigned int j) {
    printf("fault: the interrupt (%s) came before instruction %u (offset %#lx)", kind_names[kind], i, (unsigned long)(planned[0].at - __executable_start));
    if (plan_len > 1) {
        printf(", and another before instruction %u after it (offset %#lx)", j, (unsigned long)(planned[1].at - __executable_start));
    }
    printf("\n");
}

static void run_planned(unsigned int i, unsigned int j) {
    unsigned long before = stress_faults;
    one_run();
    runs++;
    if (stress_faults != before && before < 5) {
        tell(i, j);
    }
}

static void pairs_of(unsigned int i) {
    take_trace();
    if (trace_len == MOST) {
        stress_fault("the program is longer than %d instructions", MOST);
    }
    plan_len = 2;
    for (unsigned int j = 0; j < trace_len; j++) {
        planned[1] = trace[j];
        run_planned(i, j);
    }
    plan_len = 1;
}

int main(int argc, char **argv) {
    static place_t first[MOST];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2 || (strcmp(argv[1], "single") != 0 && strcmp(argv[1], "pairs") != 0)) {
        fprintf(stderr, "error: usage: %s single|pairs [PART OF_PARTS [off]]\n", argv[0]);
        return 2;
    }
    bool pairs = strcmp(argv[1], "pairs") == 0;
    unsigned long part = argc > 3 ? stress_number("PART", argv[2]) : 0;
    unsigned long of = argc > 3 ? stress_number("OF_PARTS", argv[3]) : 1;
    watch_mask = argc > 4 && strcmp(argv[4], "off") == 0 ? WATCH_OFF : WATCH_FLAG;
    uintptr_t page = sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)__executable_start & -page, end = ((uintptr_t)etext + page - 1) & -page;
    if (mprotect((void *)start, end - start, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
        perror("error: breakpoints need code that can be written: mprotect");
        return 2;
    }
    struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
    sigaction(SIGTRAP, &action, NULL);
    unsigned int instructions = 0;
    watch_counts_t sum = { 0 };
    for (kind = 0; kind < KINDS; kind++) {
        plan_len = 0;
        take_trace();
        instructions = trace_len;
        memcpy(first, trace, sizeof(first));
        plan_len = 1;
        for (unsigned int i = part; i < instructions; i += of) {
            planned[0] = first[i];
            run_planned(i, 0);
            sum.inside += watch_counts.inside;
            sum.refused += watch_counts.refused;
            if (pairs) {
                pairs_of(i);
            }
        }
    }
    printf("instructions %u runs %lu inside %lu refused %lu faults %lu\n", instructions, runs, sum.inside, sum.refused, stress_faults);
    return stress_faults != 0;
}
