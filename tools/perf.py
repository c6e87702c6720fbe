#!/usr/bin/env python3
"""Runs upstream's perf_bench on the C control and on mpgc in turns, and compares.

Every round runs each script once with either build, so that what slows the machine down slows both.
Results go to build/perf/<release>-<variant>[-<options>].json; a ratio above 1 means that mpgc is faster.
"""

import argparse
import re
import statistics
import subprocess
import sys
from pathlib import Path

import options as option_names
import unix
from common import BUILD, Fail, run_main, say, shown, table, write_json
from suite import Suite
from tree import add_tree_arguments, get_tree

# The largest sizes that the scripts know: a PC of 5000 MHz and 1000 kB.
SCALE = ("5000", "1000")


def scripts(suite):
    found = sorted((suite.work / "tests" / "perf_bench").glob("*.py"))
    names = [f"perf_bench/{path.name}" for path in found if path.name != "benchrun.py"]
    if not names:
        raise Fail(f"{suite.tree.path}/tests/perf_bench holds no script: use a tree of MicroPython 1.20 or later")
    return names


def run_once(suite, script):
    """The time of one run in microseconds, or None when the script cannot run on this build."""
    command = [sys.executable, "run-perfbench.py", "-a", "1", *suite.flags, *SCALE, script]
    done = subprocess.run(
        command, cwd=suite.work / "tests", env=suite.env(), stdin=subprocess.DEVNULL, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )
    match = re.search(rf"^{re.escape(script)}: (\S+)(.*)$", done.stdout, re.M)
    if match and match.group(1) == "SKIP":
        return None
    try:
        return float(match.group(1))
    except (AttributeError, ValueError):
        raise Fail(f"{suite.built.flavour}: {script} gave no time but:\n{done.stdout.strip()}") from None


def measure(suites, rounds):
    """{script: {flavour: [times]}}, measured in turns; the order changes each round."""
    times = {script: {flavour: [] for flavour in suites} for script in scripts(suites["c"])}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        order = list(suites) if number % 2 == 0 else list(reversed(suites))
        for script in list(times):
            got = {flavour: run_once(suites[flavour], script) for flavour in order}
            if len({value is None for value in got.values()}) != 1:
                raise Fail(f"{script} runs with only one of C and Rust: {got}")
            if None in got.values():
                del times[script]
                continue
            for flavour, value in got.items():
                times[script][flavour].append(value)
    return times


def summarise(times):
    result = {}
    for script, by_flavour in times.items():
        c, rust = by_flavour["c"], by_flavour["rust"]
        result[Path(script).stem] = {
            "c_us": c, "rust_us": rust,
            "best_ratio": min(c) / min(rust), "median_ratio": statistics.median(c) / statistics.median(rust),
        }
    return result


def print_table(name, result, means):
    rows = [["script", "C best ms", "Rust best ms", "C/Rust best", "C/Rust median"]]
    for script, one in sorted(result.items()):
        rows.append([
            script, f"{min(one['c_us']) / 1000:.2f}", f"{min(one['rust_us']) / 1000:.2f}",
            f"{one['best_ratio']:.3f}", f"{one['median_ratio']:.3f}",
        ])
    rows.append(["geometric mean", "", "", f"{means['best']:.3f}", f"{means['median']:.3f}"])
    say(f"\nperf_bench {name} (above 1: mpgc is faster)\n{table(rows)}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_tree_arguments(parser)
    parser.add_argument("--variant", default="standard", help=f"one of {', '.join(unix.VARIANTS)}")
    parser.add_argument("--options", default="", help="as OPTIONS of `make upstream`")
    parser.add_argument("--rounds", type=int, default=15, help="runs of each script on each side (default 15)")
    args = parser.parse_args()
    if args.rounds < 1:
        raise Fail(f"--rounds {args.rounds}: give 1 or more")
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse(args.options)
    name = "-".join(filter(None, [tree.release, args.variant, options.slug]))
    suites = {
        flavour: Suite(tree, unix.build(tree, args.variant, flavour, options), options, work="perf")
        for flavour in ("c", "rust")
    }
    result = summarise(measure(suites, args.rounds))
    means = {
        kind: statistics.geometric_mean(one[f"{kind}_ratio"] for one in result.values()) for kind in ("best", "median")
    }
    print_table(name, result, means)
    path = BUILD / "perf" / f"{name}.json"
    write_json(path, {"release": tree.release, "variant": args.variant, "rounds": args.rounds, "scripts": result, "geometric_mean": means})
    say(f"written: {shown(path)}")
    return 0


if __name__ == "__main__":
    run_main(main)
