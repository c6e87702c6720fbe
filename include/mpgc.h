// The functions that mpgc adds to those of the C files that it replaces. Those keep
// MicroPython's own declarations (py/gc.h, py/nlr.h, py/pystack.h, py/runtime.h).
//
// Written by cbindgen: `MPGC_BLESS=1 cargo test --test header` writes it anew.

#ifndef MPGC_H
#define MPGC_H

#include <stdbool.h>
#include <stddef.h>

// What is wrong: the first argument of `mpgc_fault`.
typedef enum mpgc_fault_kind {
  // A region of no bytes, or a null one, was to be made a heap.
  MPGC_FAULT_NO_ROOM = 1,
  // What was given back lies in no area of the heap.
  MPGC_FAULT_FOREIGN = 2,
  // What was given back lies in the heap, but is not the start of a chunk.
  MPGC_FAULT_INNER = 3,
  // What was given back is free already.
  MPGC_FAULT_DOUBLE_FREE = 4,
  // A table says what cannot be.
  MPGC_FAULT_BROKEN_TABLE = 5,
  // A free block was written to.
  MPGC_FAULT_WRITE_AFTER_FREE = 6,
  // The bytes behind those that were asked for were written to.
  MPGC_FAULT_OVERRUN = 7,
} mpgc_fault_kind;

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

// Called when something is wrong at `ptr` and going on would damage memory; `kind` is an
// `mpgc_fault_kind`. The library has a weak one that prints both and the chunk that `ptr` lies
// in; a port may have its own. The program stops when it returns. The heap's mutex is held.
extern void mpgc_fault(int kind, const void *ptr);

// The chunk that `ptr` lies in, which need not be its start; its bytes go to `n_bytes` unless that
// is NULL. Returns NULL if it lies in no chunk.
//
// # Safety
// The heap was made with `gc_init`; `n_bytes` is NULL or may be written.
void *mpgc_chunk_of(const void *ptr, size_t *n_bytes);

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
