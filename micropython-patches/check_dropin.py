#!/usr/bin/env python3
"""Checks that mpgc is a drop-in for the C files of a MicroPython tree.

    check_dropin.py --tree DIR --work DIR [--jobs N] [--only WORD]

Builds both, the C and the Rust, outside the tree, and compares: exported symbols,
what else is global, what is linked, layouts, headers, incremental builds, the patch,
CMake, and the message for each bad input. Ends with `N passed, N failed`.
"""

import argparse
import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from dropin import (
    circuitpython,
    embedded,
    handed_on,
    incremental,
    integrations,
    linked,
    programs,
    refusals,
)
from dropin.builds import CONFIGURATIONS, SCENARIOS, Builds, Failed


# Each takes the builds.
CHECKS = {
    "build info: printed, left, and available at run time": programs.build_info_is_the_printed_line,
    "placement: MICROPY_WRAP_MP_SCHED_SCHEDULE": programs.placed_where_the_port_wants,
    "in place: the macros of atomic sections": programs.macros_are_called_as_they_are,
    "linked: no panic, unwind or formatting code": linked.no_panic_is_linked,
    "linked: the program runs": linked.the_program_runs_on_rust,
    "linked: the Python module tells the build": linked.module_tells_the_build,
    "seed: realloc is checked in debug builds only": programs.realloc_is_checked_in_debug_builds_only,
    "seed: several threads": programs.entry_points_are_safe_from_several_threads,
    "hardened: each fault is reported, and stops": programs.faults_are_reported,
    "layouts: proven by the port's compiler": linked.layouts_are_proven,
    "headers: py/gc.h and mpgc.h together": linked.headers_stand_together,
    "incremental: a C build turns into a Rust build": incremental.c_build_turns_into_rust,
    "incremental: the heap can stay in C, and come back": incremental.the_heap_can_stay_in_c,
    "integration: USER_C_MODULES": integrations.usermod_integration,
    "integration: the patch applies and switches": integrations.patch_applies_and_switches,
    "integration: CMake, on a mock port": integrations.cmake_integration,
    "integration: CMake, with an SDK for a Cortex-M0+": partial(
        integrations.cmake_sdk_integration, placement="by_name"
    ),
    "integration: CMake, with an SDK that places gc.c in RAM by the path of its object": partial(
        integrations.cmake_sdk_integration, placement="by_path"
    ),
    "handed on: to another makefile": handed_on.another_makefile,
    "handed on: to CMake": handed_on.cmake,
    "entry point: mpgc-object, with the package of ports/embed": embedded.object_for_a_package,
    "bad input: mpgc-object": embedded.object_refusals,
    "bad input: no tree": refusals.no_tree,
    "bad input: the switch points nowhere": refusals.switch_to_nowhere,
    "another release: CircuitPython": circuitpython.is_recognised,
    "another release: CircuitPython without selective collect": circuitpython.without_selective_collect,
    "another release: a CircuitPython that is otherwise": circuitpython.unknown,
}


def all_checks(builds):
    for name in CONFIGURATIONS:
        yield f"symbols: {name}", lambda name=name: linked.same_symbols(builds, name)
    for name in SCENARIOS:
        yield f"scenarios: {name}", lambda name=name: programs.scenarios(builds, name)
    for name, check in CHECKS.items():
        yield name, partial(check, builds)
    first = {}

    def rebuild(name):
        if "build" not in first:
            first["build"] = incremental.Incremental(builds)
        return getattr(first["build"], name)()

    for name in incremental.Incremental.checks():
        yield f"incremental: {name.replace('_', ' ')}", lambda name=name: rebuild(name)
    for name in refusals.OTHER_RELEASES:
        yield f"another release: {name}", lambda name=name: refusals.other_release(builds, name)
    for name in refusals.bad_inputs(builds):
        yield f"bad input: {name}", lambda name=name: refusals.bad_input(builds, name)


# Checks with a folder of their own run in parallel.
BESIDE_OTHERS = ("symbols: ", "scenarios: ")
# Checks that change files of mpgc, or rely on nobody changing them, or need the patched tree, run
# one after the other, beside the rest.
IN_TURN = (
    "incremental: ",
    "integration: CMake, on a mock port",
    "integration: the patch",
    "bad input: ",
    "another release: ",
)


def run_check(named):
    """Run a check and print its result. Returns whether it passed."""
    name, check = named
    start = time.time()
    try:
        output = check()
    except (Failed, subprocess.CalledProcessError, OSError) as error:
        print(
            f"FAIL  {name} ({time.time() - start:.0f} s)\n" + textwrap.indent(str(error), "      "),
            flush=True,
        )
        return False
    print(
        f"ok    {name} ({time.time() - start:.0f} s)" + (f": {output}" if output else ""),
        flush=True,
    )
    return True


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tree", type=Path, required=True, help="a MicroPython tree; it is only read"
    )
    parser.add_argument("--work", type=Path, required=True, help="a directory for the builds")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS") or 2))
    parser.add_argument(
        "--only",
        default="",
        help="run the checks whose name contains one of these words, with commas between",
    )
    args = parser.parse_args()
    tree = args.tree.resolve()
    if not (tree / "py" / "gc.c").exists():
        print(
            f"mpgc: {tree} is not a MicroPython tree (no py/gc.c): give one with --tree",
            file=sys.stderr,
        )
        return 2
    args.work.mkdir(parents=True, exist_ok=True)
    builds = Builds(tree, args.work.resolve(), args.jobs)
    words = args.only.split(",")
    chosen = [
        (name, check) for name, check in all_checks(builds) if any(word in name for word in words)
    ]
    beside = [named for named in chosen if named[0].startswith(BESIDE_OTHERS)]
    in_turn = [named for named in chosen if named[0].startswith(IN_TURN)]
    rest = [named for named in chosen if not named[0].startswith((*BESIDE_OTHERS, *IN_TURN))]
    with ThreadPoolExecutor(args.jobs) as pool:
        outcomes = list(pool.map(run_check, beside))
        for lane in pool.map(lambda checks: list(map(run_check, checks)), (in_turn, rest)):
            outcomes += lane
    passed, failed = outcomes.count(True), outcomes.count(False)
    if not passed + failed:
        print(f"mpgc: no check has `{args.only}` in its name", file=sys.stderr)
        return 2
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
