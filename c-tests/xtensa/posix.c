// The functions of an operating system that c-tests/firmware requires, on a machine that has none:
// a process of its own for what ends in a trap, a signal from a timer, and text for stdout.
//
// fork() puts a copy of all data and of the stack aside and returns as the child. Where the child
// ends, the copy is put back, and fork() returns once more, as the parent.

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

#define CAUSE_ILLEGAL_INSTRUCTION 0
// Number of the timer's interrupt; cycles between two, of a clock of 10 MHz that the emulator has.
#define TIMER (1u << 6)
#define CYCLES_PER_US 10
// What may lie below a local variable in the frame of its function.
#define FRAME 512
#define CHILD 2

extern char data_start[], data_end[], stack_top[], copy_start[];

// Not part of a process.
static struct {
    jmp_buf parent;
    char *stack;
    int status;
    int is_child;
} outside __attribute__((section(".outside")));

static void copy_process(int aside) {
    size_t n_data = (size_t)(data_end - data_start), n_stack = (size_t)(stack_top - outside.stack);
    char *copy_of_stack = copy_start + n_data;
    memcpy(aside ? copy_start : data_start, aside ? data_start : copy_start, n_data);
    memcpy(aside ? copy_of_stack : outside.stack, aside ? outside.stack : copy_of_stack, n_stack);
}

pid_t __attribute__((noinline)) fork(void) {
    char here;
    if (setjmp(outside.parent) != 0) {
        return CHILD;
    }
    outside.stack = (char *)(((uintptr_t)&here - FRAME) & ~(uintptr_t)15);
    copy_process(1);
    outside.is_child = 1;
    return 0;
}

static void __attribute__((noinline, noreturn)) end_below(void) {
    copy_process(0);
    outside.is_child = 0;
    longjmp(outside.parent, 1);
}

// Its own frame, and those of what it calls, lie below the stack that is put back.
static void __attribute__((noinline, noreturn)) end_child(int status) {
    char here;
    outside.status = status;
    size_t n_bytes = (&here > outside.stack ? (size_t)(&here - outside.stack) : 0) + FRAME;
    volatile char *dead = __builtin_alloca(n_bytes);
    dead[0] = 0;
    end_below();
}

void _exit(int status) {
    if (outside.is_child) {
        end_child((status & 0xff) << 8);
    }
    sim_exit(status);
}

pid_t waitpid(pid_t child, int *status, int options) {
    (void)options;
    *status = outside.status;
    return child;
}

void sim_on_fault(uint32_t cause, uint32_t where, uint32_t address) {
    if (outside.is_child) {
        end_child(cause == CAUSE_ILLEGAL_INSTRUCTION ? SIGILL : SIGSEGV);
    }
    unsigned number = cause;
    printf("exception %u at %#x, address %#x\n", number, (unsigned)where, (unsigned)address);
    sim_exit(2);
}

static void (*handler)(int);
static uint32_t period;

static uint32_t interrupts(uint32_t enabled) {
    uint32_t before;
    __asm__ volatile("rsr %0, intenable" : "=r"(before));
    __asm__ volatile("wsr %0, intenable\n\trsync" ::"r"(enabled) : "memory");
    return before;
}

static void next_interrupt(void) {
    uint32_t now;
    __asm__ volatile("rsr %0, ccount" : "=r"(now));
    // this takes the interrupt back, too
    __asm__ volatile("wsr %0, ccompare0" ::"r"(now + period));
}

void sim_on_timer(void) {
    next_interrupt();
    handler(SIGALRM);
}

int sigaction(int number, const struct sigaction *action, struct sigaction *before) {
    (void)number, (void)before;
    handler = action->sa_handler;
    return 0;
}

_sig_func_ptr signal(int number, _sig_func_ptr function) {
    (void)number;
    handler = function;
    return NULL;
}

int setitimer(int which, const struct itimerval *timer, struct itimerval *before) {
    (void)which, (void)before;
    period = (uint32_t)timer->it_interval.tv_usec * CYCLES_PER_US;
    if (period != 0) {
        next_interrupt();
    }
    interrupts(period != 0 ? TIMER : 0);
    return 0;
}

// Of the one signal that there is. While one is handled interrupts are off, whatever is set here.
int sigprocmask(int how, const sigset_t *set, sigset_t *before) {
    (void)set;
    uint32_t enabled = interrupts(how == SIG_BLOCK || period == 0 ? 0 : TIMER);
    if (before != NULL) {
        *before = enabled != 0 ? 0 : 1u << SIGALRM;
    }
    return 0;
}

static int put(char c, FILE *file) {
    (void)file;
    sim_call(SIM_WRITE, SIM_STDOUT, &c, 1);
    return (unsigned char)c;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;
FILE *const stderr = &console;

void __attribute__((noreturn)) exit(int status) {
    _exit(status);
}
