// The headers of MicroPython and of mpgc stand side by side, in this order.
#include "py/gc.h"
#include "py/runtime.h"
#include "mpgc.h"

const char *(*const gc_then_mpgc)(void) = mpgc_version;
