"""Compares threads without a GIL on the C and on mpgc: for failures, and for speed.

The C program c-tests/stress/threads.c runs on both in turns. With --rounds MicroPython's own thread
tests run that often on both, and with --stress-rounds its thread/stress_schedule, under load: a
busy process for each core. That test gives itself 10 s, so it can fail with C as well. One of these
tests is also run with a thread that begins after the main program has ended. The rule: a
test fails here if its failures with mpgc are those with C and three or more, and the one-sided
Fisher test says that by chance alone this would happen less than once in a hundred. Ends with `N
passed, N failed`.
"""

import os
import statistics
import subprocess
import sys
import time
from collections import Counter

from tools.build import unix
from tools.common import BUILD, ROOT, Fail, clean_env, run_logged, say, table
from tools.results import written
from tools.setup import options as option_names
from tools.setup.tree import get_tree
from tools.steps import ended
from tools.verify import stress
from tools.verify.chance import fisher
from tools.verify.suite import Suite
from tools.verify.untouched import Untouched

MORE = 2  # more failures than this count
CHANCE = 0.01
STRESS_TEST = "thread/stress_schedule.py"
# Its main program ends when four threads have done all the work, of which one may not have begun.
# 1.25 calls it by the second name.
LATE_TESTS, LATE = ("thread_lock4_intbig.py", "thread_lock4.py"), 4
LATE_RUNS = 10
WORK = BUILD / "threads"
# Each of these must have happened in the C program.
HAPPENED = ("collects", "checked", "moved", "finalised")


def fails_more_often(c_failed, c_runs, rust_failed, rust_runs):
    return (
        rust_failed > c_failed + MORE and fisher(c_failed, c_runs, rust_failed, rust_runs) < CHANCE
    )


def in_turns(turn):
    """The sides, the other one first each time."""
    return stress.SIDES if turn % 2 == 0 else stress.SIDES[::-1]


def run_program(tree, args):
    """The C program on both sides. Returns (passed, failed)."""
    passed = failed = 0
    programs = {side: stress.build(tree, "threads", side) for side in stress.SIDES}
    for world in ("stopped", "locked"):
        seconds, counts = {side: [] for side in stress.SIDES}, {}
        wrong = []
        for turn in range(args.turns):
            for side in in_turns(turn):
                command = [programs[side], args.threads, args.operations, world]
                outcome = stress.run(command, timeout=600)
                never = [name for name in HAPPENED if not outcome.counts.get(name)]
                if not outcome.good or never:
                    wrong.append(
                        f"{stress.NAMES[side]}: never {never}: {outcome.text.strip()[-1500:]}"
                    )
                    continue
                seconds[side].append(outcome.counts["seconds"])
                counts[side] = outcome.counts
        if wrong:
            say(f"{args.threads} threads, {world}: FAILED\n" + "\n".join(wrong[:3]))
            failed += 1
            continue
        best = {side: min(seconds[side]) for side in stress.SIDES}
        ratio = statistics.median(r / c for c, r in zip(seconds["c"], seconds["rust"]))
        say(
            f"{args.threads} threads, {world}: {int(counts['rust']['operations'])} operations a "
            f"run, {args.turns} runs each, "
            f"{int(counts['rust']['collects'])} collections in the last; best C {best['c']:.3f} s, "
            f"Rust {best['rust']:.3f} s, "
            f"median of Rust/C {ratio:.2f}"
        )
        passed += 1
    return passed, failed


class Load:
    """A busy process for each core."""

    def __enter__(self):
        busy = [sys.executable, "-c", "while True: pass"]
        self.processes = [subprocess.Popen(busy) for _ in range(os.cpu_count() or 1)]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def run_rounds(suites, rounds, what, **chosen):
    """Rounds of tests on both sides in turns. Returns ({side: failures by test}, {side: tests in a
    round}).
    """
    failures = {side: Counter() for side in suites}
    tests = {side: Counter() for side in suites}
    started = time.monotonic()
    for turn in range(rounds):
        for side in in_turns(turn):
            result = suites[side].run(f"{what}-{turn}", **chosen)
            if result.performed == 0:
                raise Fail(f"{side}: no {what} test was performed; see {suites[side].work}")
            tests[side][result.performed] += 1
            failures[side].update(result.failed)
        so_far = ", ".join(
            f"{stress.NAMES[side]} {failures[side].total()} failures" for side in suites
        )
        say(f"  {what}, round {turn + 1} of {rounds}: {so_far}, {time.monotonic() - started:.0f} s")
    return failures, tests


def verdict(failures, tests, rounds, what):
    """Prints which test failed how often. Returns (passed, failed) by test."""
    performed = {side: tests[side].most_common(1)[0][0] for side in tests}
    names = sorted(set(failures["c"]) | set(failures["rust"]))
    worse = []
    rows = [["test", "C", "Rust", "chance"]]
    for name in names:
        c, rust = failures["c"][name], failures["rust"][name]
        rows.append([name, c, rust, f"{fisher(c, rounds, rust, rounds):.3f}"])
        if fails_more_often(c, rounds, rust, rounds):
            worse.append(name)
    if names:
        say(table(rows))
    if performed["c"] != performed["rust"]:
        say(f"{what}: C performs {performed['c']} tests, Rust {performed['rust']}")
        worse.append("the number of tests")
    say(
        f"{what}: {rounds} rounds of {performed['rust']} tests on each side; failures: C "
        f"{failures['c'].total()}, "
        f"Rust {failures['rust'].total()}"
        + (f"; more often with Rust: {' '.join(worse)}" if worse else "")
    )
    return max(performed["rust"] - len(worse), 0), len(worse)


def late_thread():
    """The library that lets a thread begin after the end of the main program."""
    library = WORK / "late_thread.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    source = ROOT / "c-tests" / "port" / "late_thread.c"
    command = ["gcc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"]
    run_logged(command, library.with_suffix(".log"), what=f"building {library.name}")
    return library


def run_late(tree):
    """A thread that begins after the end, on both sides. Returns (passed, failed).

    The port alone may end by a signal then, with the C as with mpgc; what `make upstream` runs may
    not.
    """
    options, library = option_names.parse(""), late_thread()
    worse = []
    for side in stress.SIDES:
        built = unix.build(tree, "coverage", side, options)
        suite = Suite(tree, built, options)
        env = clean_env(LD_PRELOAD=str(library), LATE_THREAD=str(LATE))
        killed = {}
        for what, program in (
            ("the port alone", built.program),
            ("cancelled early", suite.program),
        ):
            tests = (suite.work / "tests" / "thread" / name for name in LATE_TESTS)
            command = [program, next(test for test in tests if test.exists())]
            killed[what] = 0
            for _ in range(LATE_RUNS):
                done = subprocess.run(
                    command, env=env, capture_output=True, timeout=60, check=False
                )
                killed[what] += done.returncode < 0
                if done.returncode > 0:
                    said = done.stderr.decode(errors="replace").strip()
                    raise Fail(f"{' '.join(map(str, command))}: status {done.returncode}: {said}")
        say(
            f"a thread begins after the end, {stress.NAMES[side]}, {LATE_RUNS} runs each, ended by "
            "a signal: " + ", ".join(f"{what} {count}" for what, count in killed.items())
        )
        if killed["cancelled early"]:
            worse.append(side)
    return 2 - len(worse), len(worse)


def run_interpreter(tree, args):
    """MicroPython's own tests on both sides. Returns (passed, failed)."""
    passed = failed = 0
    options = option_names.parse("")
    with Untouched(tree):
        built = {side: unix.build(tree, "standard", side, options) for side in stress.SIDES}
        suites = {side: Suite(tree, built[side], options) for side in stress.SIDES}
        if args.rounds:
            found = run_rounds(suites, args.rounds, "threads", dirs=["thread"])
            good, bad = verdict(*found, args.rounds, "thread tests")
            passed, failed = passed + good, failed + bad
        if args.stress_rounds:
            with Load():
                found = run_rounds(
                    suites, args.stress_rounds, "stress_schedule", files=[STRESS_TEST]
                )
            good, bad = verdict(*found, args.stress_rounds, f"{STRESS_TEST} under load")
            passed, failed = passed + good, failed + bad
    return passed, failed


def add_arguments(parser):
    parser.add_argument("--threads", type=int, default=8, help="threads of the C program (8)")
    parser.add_argument(
        "--operations",
        type=int,
        default=100_000,
        help="operations of each of them in a run (100000)",
    )
    parser.add_argument(
        "--turns", type=int, default=5, help="runs of the C program on each side (5)"
    )


@written("threads", "Threads without a GIL", keep_sections=True)
def main(args):
    if args.threads < 1 or args.operations < 1 or args.turns < 1:
        raise Fail("--threads, --operations and --turns are 1 or more")
    tree = get_tree(args.release or None, args.micropython_dir)
    passed, failed = run_program(tree, args)
    with Untouched(tree):
        good, bad = run_late(tree)
    passed, failed = passed + good, failed + bad
    if args.rounds or args.stress_rounds:
        good, bad = run_interpreter(tree, args)
        passed, failed = passed + good, failed + bad
    return ended(passed, failed)
