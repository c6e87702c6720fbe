// Counts where the code of both twins has been, for a fuzzer that cannot see into the shared
// object. Linked in only where the twins are compiled with -fsanitize-coverage=trace-pc and its
// like in Rust (tools/verify/fuzz.py).

#include <stddef.h>
#include <stdint.h>

static uint8_t *counters;
static size_t counters_len;

void twin_cover(uint8_t *to, size_t len) {
    counters = to;
    counters_len = len;
}

// Called by every basic block. Hidden: the program that loads this may have one of its own.
__attribute__((visibility("hidden"))) void __sanitizer_cov_trace_pc(void) {
    if (counters_len != 0) {
        uint64_t at = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&twin_cover;
        counters[(size_t)(at * 0x9e3779b97f4a7c15u >> 40) % counters_len] += 1;
    }
}
