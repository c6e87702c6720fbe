// The headers of MicroPython and of mpgc stand side by side, in this order.
#include "mpgc.h"
#include "py/gc.h"
#include "py/runtime.h"

const char *(*const mpgc_then_gc)(void) = mpgc_build_info;
