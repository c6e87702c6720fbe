// The functions that env.c requires of a program.
#ifndef STRESS_ENV_H
#define STRESS_ENV_H

#include "py/runtime.h"

// A Python callback, or a finaliser, as the interpreter would call it. Returns an exception or
// NULL.
void *stress_call(mp_obj_t function, mp_obj_t argument);

// The `__del__` that mp_load_method_maybe finds for every object.
extern char stress_del;

// Prints and counts a fault; the program continues.
void stress_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern volatile unsigned long stress_faults;

// A whole number of the command line, or the program ends with a message.
unsigned long stress_number(const char *name, const char *text);

#endif // STRESS_ENV_H
