// The port's atomic sections, and an invariant checker in them: it follows each change of the
// scheduler's state, of the queue and of the list of nodes, and knows what each must be.
#ifndef STRESS_WATCH_H
#define STRESS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_NODES (6)

typedef struct {
    unsigned long interrupts; // interrupts that ran
    unsigned long inside;     // of them: came while the program was in a call of the scheduler
    unsigned long deferred;   // of them: had to wait for the end of an atomic section
    unsigned long queued, refused, ran;
    unsigned long nodes_queued, nodes_refused, nodes_ran;
    unsigned long locks;
    unsigned long sent, raised, dropped; // exceptions
    unsigned long hooks;
} watch_counts_t;

extern volatile watch_counts_t watch_counts;

// How a section keeps an interrupt out.
typedef enum {
    WATCH_FLAG,   // as a processor does: an interrupt waits while the flag is set
    WATCH_KERNEL, // the signal is blocked
    WATCH_OFF,    // not at all: a control, which must show faults
} watch_mask_t;

extern watch_mask_t watch_mask;
extern int watch_signal;

// As after power on.
void watch_reset(void);
// An interrupt arrives: it runs now, or when the atomic section ends.
void watch_arrive(void);
// Whether an interrupt that arrives now has to wait.
bool watch_masked(void);

// Calls of the scheduler, from the program, from a callback or from an interrupt.
bool watch_schedule(void);
bool watch_schedule_node(unsigned int node);
void watch_lock(void);
void watch_unlock(void);
// 0, 1: mp_handle_pending(false, true); 2 to 4: nowait, wait, wait ms. Not from an interrupt.
void watch_handle(unsigned int how);
// Only from an interrupt.
void watch_interrupt_exception(void);

// Runs all that is left, and checks that nothing was lost.
void watch_drain(void);

// The program's actions in an interrupt, in a Python callback (returning an exception or NULL) and
// in a node's callback.
void program_interrupt(void);
void *program_callback(void);
void program_node(unsigned int node);

#endif // STRESS_WATCH_H
