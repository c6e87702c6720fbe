#!/usr/bin/env python3
"""Runs everything that CI runs, step by step, and ends with `N passed, N failed`.

What keeps one core busy and measures no time comes last, as many at once as there are cores. A step is one check, but for
those whose own tests are counted. What a step prints goes to build/checks.
"""

import argparse
import sys
from collections import namedtuple

from boards import TESTED_BOARDS
from common import BUILD, jobs, run_main, say
from steps import Step, choose, count_cargo, count_line, count_unittest, python, run_steps

# A run of upstream's suite; without `dirs` it is whole.
Suite = namedtuple("Suite", "release variant options arch dirs", defaults=("", "", []))

# What the heap, the scheduler and nlr can break.
CORE_DIRS = ["basics", "micropython", "stress", "thread"]

UPSTREAM = [
    Suite("1.25.0", "standard"),
    Suite("1.25.0", "coverage"),
    Suite("1.25.0", "minimal"),
    Suite("1.26.1", "standard"),
    Suite("1.26.1", "coverage", dirs=CORE_DIRS),
    Suite("1.26.1", "minimal"),
    Suite("1.25.0", "standard", "pystack"),
    Suite("1.25.0", "standard", "setjmp", dirs=CORE_DIRS),
    Suite("1.25.0", "standard", "gil", dirs=CORE_DIRS),
    Suite("1.25.0", "standard", "tail-clear", dirs=CORE_DIRS),
    Suite("1.25.0", "standard", "native"),
    Suite("1.25.0", "standard", "via-mpy"),
    Suite("1.25.0", "standard", arch="i686"),
    Suite("1.25.0", "nanbox", arch="i686", dirs=CORE_DIRS[1:]),
    Suite("1.26.1", "longlong", arch="i686", dirs=CORE_DIRS[1:]),
]

# Release, and the word that chooses among the drop-in checks: what differs between releases runs on both.
DROP_IN = [("1.25.0", ""), ("1.26.1", "symbols"), ("1.26.1", "patch")]

# Release and configurations of each comparison of the C and mpgc by operation. What
# differs between the releases' C is the scheduler and the text of a dump.
TWINS = [
    ("1.25.0", "ci"),
    ("1.26.1", "split,auto,stack8,block16,no-nodes,asserts"),
]


def all_steps():
    steps = [
        Step("rust format", ["cargo", "fmt", "--all", "--check"], None),
        Step("rust lints", ["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], None),
        Step("rust lints of the library for C programs", ["cargo", "clippy", "--all-targets", "--features", "standalone", "--", "-D", "warnings"], None),
        Step("cargo test", ["cargo", "test"], count_cargo),
        Step("cargo test of the small heap", ["cargo", "test", "--features", "small", "--lib", "heap"], count_cargo),
        Step("cargo test of a bare machine's heap", ["cargo", "test", "--features", "bare", "--lib", "heap"], count_cargo),
        Step("tests of the tools", [sys.executable, "-m", "unittest", "discover", "-s", "tools/tests"], count_unittest),
        Step("mutants: the edits apply", python("tools/mutants.py", "--check"), None),
        Step("tree 1.25.0", python("tools/tree.py", "--release", "1.25.0"), None),
        Step("tree 1.26.1", python("tools/tree.py", "--release", "1.26.1"), None),
    ]
    for release, only in DROP_IN:
        steps.append(Step(
            " ".join(filter(None, ["drop-in", release, only])),
            python(
                "micropython-patches/check_dropin.py", "--tree", str(BUILD / "trees" / f"micropython-{release}"),
                "--work", str(BUILD / "dropin" / release), "--only", only,
            ),
            count_line,
        ))
    for words in (["fmt", "--check"], ["clippy", "--all-targets", "--", "-D", "warnings"], ["test"]):
        at = ["--manifest-path", "c-tests/twins/Cargo.toml"]
        command = ["cargo", words[0], *at, *words[1:]]
        if words[0] != "fmt":
            command[4:4] = ["--target-dir", "build/twins/driver"]
        steps.append(Step(f"the twins' driver: {words[0]}", command, count_cargo if words[0] == "test" else None))
    for release, only in TWINS:
        name = f"twins {release}"
        steps.append(Step(name, python("tools/twins.py", "--release", release, "--config", only), count_line))
    steps += [
        Step("interrupts", python("tools/interrupts.py", "--release", "1.25.0", "--signals", "100000"), count_line),
        Step("threads", python("tools/threads.py", "--release", "1.25.0", "--operations", "20000", "--turns", "3"), count_line),
        Step("sanitizers", python("tools/sanitize.py", "--release", "1.25.0", "--short"), count_line, shares=True),
    ]
    at = ["--manifest-path", "fuzz/Cargo.toml"]
    steps.append(Step("the fuzz targets: fmt", ["cargo", "fmt", *at, "--check"], None))
    # Without libFuzzer, whose C++ need not be compiled for it.
    command = ["cargo", "clippy", *at, "--target-dir", "build/fuzz/lint", "--no-default-features", "--all-targets"]
    steps.append(Step("the fuzz targets: clippy", [*command, "--", "-D", "warnings"], None))
    # All of the corpus, then whatever else comes up in that time.
    steps.append(Step("fuzzing", python("tools/fuzz.py", "--release", "1.25.0", "--seconds", "8", "--prove"), count_line, shares=True))
    steps.append(Step("tests of the matrix's tools", python("tools/tests/test_matrix.py"), count_unittest))
    steps.append(Step("matrix", python("tools/matrix.py", "--release", "1.25.0", "--ci"), count_line))
    steps.append(Step("the library for C programs", python("tools/firmware_check.py"), count_line, shares=True))
    steps.append(Step("noscan", python("tools/noscan.py", "--release", "1.25.0"), shares=True))
    steps.append(Step("the benchmarks: fmt", ["cargo", "fmt", "--manifest-path", "benches/Cargo.toml", "--check"], None))
    for arch in ("", "i686"):
        words = ["--release", "1.25.0", "--arch", arch, "--check"]
        steps.append(Step(f"instructions of the hot paths {arch}".strip(), python("tools/bench.py", *words), shares=True))
    steps.append(Step("a tree of one's own", python("tools/check_own_tree.py"), shares=True))
    for suite in UPSTREAM:
        name = " ".join(filter(None, ["upstream", suite.release, suite.arch, suite.variant, suite.options]))
        words = ["--release", suite.release, "--variant", suite.variant, "--options", suite.options, "--arch", suite.arch]
        steps.append(Step(name, python("tools/upstream.py", *words, *(["--dirs", *suite.dirs] if suite.dirs else [])), None))
    size = python("tools/size.py", "--release", "1.25.0", "--target", "thumbv7m", "--profile", "speed,size", "--check")
    steps.append(Step("size", size, shares=True))
    for board in TESTED_BOARDS:
        command = python("tools/firmware_test.py", "--release", "1.25.0", "--board", board, "--short")
        steps.append(Step(f"firmware 1.25.0 {board}", command, shares=True))
    steps.append(Step("firmware under interrupts", python("tools/metal_interrupts.py", "--release", "1.25.0", "--interrupts", "20000"), count_line, shares=True))
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="list the steps, run nothing")
    parser.add_argument("--only", default="", help="run the steps whose name holds this")
    args = parser.parse_args()
    chosen = choose(all_steps(), args.only)
    if args.list:
        say("\n".join(step.name for _, step in chosen))
        return 0
    return run_steps(chosen, BUILD / "checks", width=jobs())


if __name__ == "__main__":
    run_main(main)
