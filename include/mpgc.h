// The functions that mpgc adds to those of the C files that it replaces. Those keep
// MicroPython's own declarations (py/gc.h, py/nlr.h, py/pystack.h, py/runtime.h).
//
// Written by cbindgen: `MPGC_BLESS=1 cargo test --test header` writes it anew.

#ifndef MPGC_H
#define MPGC_H

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// One line: the library's version, the MicroPython release, the target and the
// options that matter. Valid for ever.
const char *mpgc_build_info(void);

// The version of the library. Valid for ever.
const char *mpgc_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MPGC_H */
