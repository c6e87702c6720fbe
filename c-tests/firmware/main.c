// The library for C programs, on a machine with an operating system: what it does, and what it does
// when something is wrong. Ends with `N passed, N failed`. Run by `make firmware-check`, which also
// has it write a snapshot for mpgc-heap: then its argument is the file.

#include "harness.h"

int failed_here;
struct reported reported;
static int passed, failed;

void run_test(const char *name, void (*test)(void)) {
    failed_here = 0;
    reported.times = 0;
    test();
    printf("  %s %s\n", failed_here ? "FAILED" : "ok    ", name);
    passed += !failed_here;
    failed += failed_here != 0;
}

static void the_header_fits_the_library(void) {
    EXPECT(mpgc_fits(sizeof(mpgc_heap), sizeof(mpgc_thread), sizeof(mpgc_sched), sizeof(mpgc_nlr_buf)));
    EXPECT(!mpgc_fits(sizeof(mpgc_heap), sizeof(mpgc_thread), sizeof(mpgc_sched), sizeof(mpgc_nlr_buf) - 1));
    EXPECT(mpgc_version_number() == MPGC_VERSION_NUMBER);
    EXPECT(strcmp(mpgc_version(), MPGC_VERSION_STRING) == 0);
    EXPECT(strncmp(mpgc_build_info(), "mpgc " MPGC_VERSION_STRING, strlen("mpgc " MPGC_VERSION_STRING)) == 0);
}

int main(int argc, char **argv) {
    #ifdef WITHOUT_FILES
    (void)argc, (void)argv;
    #else
    if (argc > 1) {
        return write_snapshot(argv[1]);
    }
    #endif
    printf("%s\n", mpgc_build_info());
    RUN(the_header_fits_the_library);
    heap_tests();
    root_tests();
    jump_tests();
    sched_tests();
    #ifndef WITHOUT_THREADS
    thread_tests();
    #endif
    wrap_tests();
    snapshot_tests();
    promise_tests();
    core_promise_tests();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
