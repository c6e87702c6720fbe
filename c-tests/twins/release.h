// The release that the twins' environment is built with. The library itself reads the headers
// instead (buildsrc/release.rs).
#ifndef TWIN_RELEASE_H
#define TWIN_RELEASE_H

#include "py/runtime.h"

#define TWIN_RELEASE (MICROPY_VERSION_MAJOR * 100 + MICROPY_VERSION_MINOR)

#define TWIN_LAST_USED (TWIN_RELEASE >= 121)
#define TWIN_JUMP_CALLBACKS (TWIN_RELEASE >= 121)
#define TWIN_EVENTS (TWIN_RELEASE >= 122)
#define TWIN_RECURSIVE_MUTEX (TWIN_RELEASE >= 125)
#define TWIN_CALLBACKS_ONLY (TWIN_RELEASE >= 127)
#define TWIN_INFO_FAST (TWIN_RELEASE >= 129)

// CircuitPython's own py/mpconfig.h says whether it is one; no header of MicroPython names it.
#ifdef CIRCUITPY
#define TWIN_CIRCUITPYTHON (1)
#else
#define TWIN_CIRCUITPYTHON (0)
#endif

#ifndef MICROPY_ENABLE_SELECTIVE_COLLECT
#define MICROPY_ENABLE_SELECTIVE_COLLECT (0)
#endif
#ifndef MICROPY_PY_WEAKREF
#define MICROPY_PY_WEAKREF (0)
#endif
#ifndef MICROPY_GC_SPLIT_HEAP_AUTO
#define MICROPY_GC_SPLIT_HEAP_AUTO (0)
#endif

#endif // TWIN_RELEASE_H
