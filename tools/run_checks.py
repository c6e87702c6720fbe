#!/usr/bin/env python3
"""Runs everything that CI runs, one step after the other, and ends with `N passed, N failed`.

A step is one check, but for those whose own tests are counted. What a step prints goes to build/checks.
"""

import argparse
import re
import sys
import time
from collections import namedtuple

from common import BUILD, ROOT, Fail, clean_env, run_logged, run_main, say, shown

Step = namedtuple("Step", "name command count")

# Release, variant and OPTIONS of each run of upstream's suite.
UPSTREAM = [
    ("1.25.0", "standard", ""),
    ("1.25.0", "coverage", ""),
    ("1.25.0", "minimal", ""),
    ("1.26.1", "standard", ""),
    ("1.26.1", "coverage", ""),
    ("1.26.1", "minimal", ""),
    ("1.25.0", "standard", "pystack"),
    ("1.25.0", "standard", "setjmp"),
    ("1.25.0", "standard", "gil"),
    ("1.25.0", "standard", "conservative-clear"),
    ("1.25.0", "standard", "tail-clear"),
    ("1.25.0", "standard", "native"),
    ("1.25.0", "standard", "via-mpy"),
]

# Release, and the word that chooses among the drop-in checks: what differs between releases runs on both.
DROP_IN = [("1.25.0", ""), ("1.26.1", "symbols"), ("1.26.1", "patch")]

# Release and configurations of each comparison of the C and mpgc by operation. What
# differs between the releases' C is the scheduler and the text of a dump.
TWINS = [
    ("1.25.0", "ci"),
    ("1.26.1", "split,auto,stack8,block16,no-nodes,asserts"),
]


def count_pattern(pattern):
    """A counter that adds up the (passed, failed) of every match."""

    def count(text):
        found = re.findall(pattern, text)
        return sum(int(p) for p, _ in found), sum(int(f) for _, f in found)

    return count


count_cargo = count_pattern(r"test result: \w+\. (\d+) passed; (\d+) failed")
count_line = count_pattern(r"(?m)^(\d+) passed, (\d+) failed$")


def count_unittest(text):
    ran = re.search(r"^Ran (\d+) tests?", text, re.M)
    bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", text))
    return (int(ran.group(1)) - bad if ran else 0), bad


def python(script, *arguments):
    return [sys.executable, str(ROOT / script), *arguments]


def all_steps():
    steps = [
        Step("rust format", ["cargo", "fmt", "--all", "--check"], None),
        Step("rust lints", ["cargo", "clippy", "--all-targets", "--", "-D", "warnings"], None),
        Step("cargo test", ["cargo", "test"], count_cargo),
        Step("tests of the tools", python("tools/tests/test_tools.py"), count_unittest),
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
        Step("sanitizers", python("tools/sanitize.py", "--release", "1.25.0", "--short"), count_line),
    ]
    at = ["--manifest-path", "fuzz/Cargo.toml"]
    steps.append(Step("the fuzz targets: fmt", ["cargo", "fmt", *at, "--check"], None))
    # Without libFuzzer, whose C++ need not be compiled for it.
    command = ["cargo", "clippy", *at, "--target-dir", "build/fuzz/lint", "--no-default-features", "--all-targets"]
    steps.append(Step("the fuzz targets: clippy", [*command, "--", "-D", "warnings"], None))
    # All of the corpus, then whatever else comes up in that time.
    steps.append(Step("fuzzing", python("tools/fuzz.py", "--release", "1.25.0", "--seconds", "8", "--prove"), count_line))
    steps.append(Step("a tree of one's own", python("tools/check_own_tree.py"), None))
    for release, variant, options in UPSTREAM:
        name = " ".join(filter(None, ["upstream", release, variant, options]))
        command = python("tools/upstream.py", "--release", release, "--variant", variant, "--options", options)
        steps.append(Step(name, command, None))
    return steps


def run_step(number, step):
    """Run one step. Returns (passed, failed, seconds)."""
    log = BUILD / "checks" / (f"{number:02}-" + re.sub(r"[^a-z0-9.]+", "-", step.name.lower()) + ".log")
    say(f"{step.name} ...")
    started = time.monotonic()
    status = run_logged(step.command, log, env=clean_env(), cwd=ROOT, what=step.name, fatal=False, every=60)
    seconds = time.monotonic() - started
    text = log.read_text(errors="replace")
    passed, failed = step.count(text) if step.count else (int(status == 0), int(status != 0))
    if status != 0:
        failed = max(failed, 1)
        say("\n".join("  | " + line[:300] for line in text.splitlines()[-30:]))
    elif passed == 0:
        failed = max(failed, 1)
        say(f"  {step.name} counted no test at all; see {shown(log)}")
    for line in re.findall(r"^.*operations without a difference in \d+ configurations.*$", text, re.M):
        say(f"  {line}")
    say(f"  {'FAILED' if failed else 'ok'}: {passed} passed, {failed} failed, {seconds:.0f} s ({shown(log)})")
    return passed, failed, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="list the steps, run nothing")
    parser.add_argument("--only", default="", help="run the steps whose name holds this")
    args = parser.parse_args()
    steps = [(number, step) for number, step in enumerate(all_steps()) if args.only in step.name]
    if not steps:
        raise Fail(f"no step has `{args.only}` in its name; --list shows them")
    if args.list:
        say("\n".join(step.name for _, step in steps))
        return 0
    passed, failed, wrong = 0, 0, []
    started = time.monotonic()
    for number, step in steps:
        good, bad, _ = run_step(number, step)
        passed, failed = passed + good, failed + bad
        if bad:
            wrong.append(step.name)
    say(f"\n{len(steps)} steps in {(time.monotonic() - started) / 60:.1f} minutes")
    if wrong:
        say(f"failed: {', '.join(wrong)}")
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    run_main(main)
