// The functions that mpgc adds to those of the C files that it replaces. Those keep
// MicroPython's own declarations (py/gc.h, py/nlr.h, py/pystack.h, py/runtime.h).
//
// Written by cbindgen: `MPGC_BLESS=1 cargo test --test header` writes it anew.

#ifndef MPGC_H
#define MPGC_H

#include <stdbool.h>
#include <stddef.h>

// What `mpgc_check` found to be wrong.
typedef struct mpgc_broken {
  // What is wrong, in words; no NUL ends it.
  const char *what;
  // The length of `what` in bytes.
  size_t what_len;
  // The number of the area where it is wrong: 0 is the one of `gc_init`.
  size_t area;
  // The block where it is wrong, counted from the start of the area's pool;
  // `SIZE_MAX` if it is not a block.
  size_t block;
} mpgc_broken;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// One line: the library's version, the MicroPython release, the target and the
// options that matter. Valid for ever.
const char *mpgc_build_info(void);

// The version of the library. Valid for ever.
const char *mpgc_version(void);

// Looks at every block of the heap and at everything that the library claims to know of it.
// Returns true if all of it is right. If not, it returns false and writes the first thing
// that is wrong to `out`, unless that is NULL; `what` is valid for ever. Not during a collect.
//
// # Safety
// The heap was made with `gc_init`; `out` is NULL or may be written.
bool mpgc_check(struct mpgc_broken *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MPGC_H */
