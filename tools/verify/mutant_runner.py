"""Runs a test program of a mutant for `make mutants`, as cargo's runner (CARGO_TARGET_..._RUNNER).

Most mutants are caught by quick tests, and for these the program is compiled without optimisation:
compiling takes far longer than running. What passes them is shown to those of the small heap and of
a bare machine's (the features `small` and `bare`, which have lines of their own), and only then
compiled again, optimised, for the tests that take long: every pattern of eight blocks, and the
random traces. The first failure ends it all: libtest would go on. A mutant that never ends is
stopped by the CPU time that it has used, so that a machine with other work to do finds the same
mutants.
"""

import os
import resource
import subprocess
import sys

SLOW = ["every_pattern", "alloc_table::", "traces_"]
# Tests of half a second and more each, together most of what the quick ones take.
LONGER = [
    "interrupts_between",
    "full_mark_stack_loses",
    "far_up_in_a_large_heap",
    "a_loop_of_one_size",
    "run_inside_agrees",
    "bounds_of_one_area",
    "full_segments_are",
    "segments_without_a_run",
    "the_first_block_of_the_first",
]


def but_for(names):
    return [word for name in names for word in ("--skip", name)]


# Name filters of libtest, and the CPU seconds that they may use: three times what they need, or
# more.
QUICK_PHASES = [(but_for(SLOW + LONGER), 10), (LONGER + but_for(SLOW), 20)]
SLOW_PHASES = [(SLOW[:2], 45), (SLOW[2:], 120)]
# What is compiled, one after the other: whether optimised, and with which features.
WORLDS = [[], ["--features", "small"], ["--features", "bare"]]
STAGES = [(optimised, world) for optimised in (False, True) for world in WORLDS]
STAGE = "MPGC_MUTANT_STAGE"
# A mutant may ask for memory without end.
MEMORY = 4 << 30


def limited(cpu_seconds):
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return limit


def run(command, cpu_seconds):
    """The status of a test program, which is stopped when one of its tests has failed."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=limited(cpu_seconds),  # noqa: PLW1509 (this program has one thread)
    ) as process:
        failed = False
        for line in process.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
            if line.startswith(b"test ") and line.rstrip().endswith(b"FAILED"):
                failed = True
                process.kill()
    if process.returncode and not failed:
        print(f"stopped with status {process.returncode} after at most {cpu_seconds} s of CPU time")
    return 101 if failed or process.returncode else 0


def main():
    program, *arguments = sys.argv[1:]
    stage = int(os.environ.get(STAGE, "0"))
    for words, cpu_seconds in SLOW_PHASES if STAGES[stage][0] else QUICK_PHASES:
        status = run([program, *arguments, *words], cpu_seconds)
        if status:
            return status
    if stage + 1 == len(STAGES):
        return 0
    # cargo, and then this program for what it has compiled
    optimised, features = STAGES[stage + 1]
    env = {
        **os.environ,
        STAGE: str(stage + 1),
        "CARGO_PROFILE_TEST_OPT_LEVEL": "1" if optimised else "0",
    }
    return subprocess.run(["cargo", "test", "--lib", *features], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
