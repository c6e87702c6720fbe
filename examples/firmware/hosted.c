// The Lisp on a machine with an operating system: runs the program of program.c, or with arguments
// their text, or with `-` the lines of the terminal. A timer's signal is the interrupt.

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "lisp.h"
#include "program.h"

static uintptr_t heap[LISP_HEAP_WORDS], lifo[LISP_LIFO_WORDS];

static void put(const char *text, size_t n_bytes) {
    fwrite(text, 1, n_bytes, stdout);
}

static size_t block_signal(void *user) {
    sigset_t signals, before;
    (void)user;
    sigemptyset(&signals);
    sigaddset(&signals, SIGALRM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    return (size_t)sigismember(&before, SIGALRM);
}

static void allow_signal(void *user, size_t was_blocked) {
    sigset_t signals;
    (void)user;
    sigemptyset(&signals);
    sigaddset(&signals, SIGALRM);
    if (!was_blocked) {
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
    }
}

static void on_signal(int number) {
    (void)number;
    lisp_tick();
}

int main(int count, char **words) {
    const char *here = MPGC_STACK_TOP;
    struct lisp_machine machine = {
        .put = put,
        .enter = block_signal,
        .exit = allow_signal,
        .stack_top = here,
        .stack_limit = here - 64 * 1024,
        .heap = heap,
        .heap_bytes = sizeof heap,
        .lifo = lifo,
        .lifo_bytes = sizeof lifo,
    };
    if (lisp_init(&machine) != 0) {
        fprintf(stderr, "error: the heap of %zu bytes is too small for this Lisp\n", sizeof heap);
        return 2;
    }
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    int errors = 0;
    if (count == 1) {
        errors = lisp_run(lisp_program);
    } else if (strcmp(words[1], "-") == 0) {
        char line[1000];
        while (fgets(line, sizeof line, stdin) != NULL) {
            errors += lisp_run(line);
            fflush(stdout);
        }
    } else {
        for (int i = 1; i < count; i++) {
            errors += lisp_run(words[i]);
        }
    }
    setitimer(ITIMER_REAL, &never, NULL);
    bool whole = lisp_close();
    printf("%d errors, the heap is %s\n", errors, whole ? "whole" : "broken");
    return !whole;
}
