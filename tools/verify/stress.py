"""Builds the programs of c-tests/stress, with the C of a tree and with mpgc, and runs them."""

import re
import subprocess
from collections import namedtuple

from tools.build.unix import WRAPPER, build_env, tree_key
from tools.common import BUILD, ROOT, Fail, clean_env, output_of, run_caught, run_logged, shown

SOURCES = ROOT / "c-tests" / "stress"
WORK = BUILD / "stress"
SIDES = ("c", "rust")
NAMES = {"c": "C", "rust": "Rust"}
PLAIN = "-DNDEBUG"

Outcome = namedtuple("Outcome", "good counts text")


def build(tree, program, side, *, name="", options=PLAIN, libraries="", environment=None):
    """Build a program with one side's gc, scheduler and nlr; returns where it is."""
    folder = WORK / tree_key(tree) / "-".join(filter(None, [program, name, side]))
    command = ["make", "-j1", "-C", SOURCES]
    if side == "rust":
        command += ["-f", WRAPPER]
    command += [
        f"MICROPYTHON_DIR={tree.path}",
        f"BUILD={folder}",
        f"PROGRAM={program}",
        f"STRESS_OPTIONS={options}",
        f"STRESS_LIBS={libraries}",
    ]
    env = {**build_env(tree), **(environment or {})}
    what = f"building {program} {name} with {NAMES[side]}".replace("  ", " ")
    run_logged(command, folder.with_suffix(".log"), env=env, what=what)
    made = folder / program
    symbols = output_of(["nm", "--defined-only", made])
    if ("mpgc_" in symbols) != (side == "rust"):
        raise Fail(
            f"{shown(made)} is not the {NAMES[side]} build: remove {shown(folder)} and build again"
        )
    return made


def run(command, timeout, **environment):
    """Run a program that ends with a line of counters. Returns an Outcome."""
    try:
        done = run_caught(command, timeout=timeout, env=clean_env(**environment))
    except subprocess.TimeoutExpired:
        return Outcome(
            False, {}, f"`{' '.join(map(str, command))}` has not ended after {timeout} s"
        )
    lines = done.stdout.splitlines()
    last = lines[-1] if lines else ""
    counts = {name: float(count) for name, count in re.findall(r"([a-z_]+) ([\d.]+)", last)}
    good = done.returncode == 0 and counts.get("faults") == 0
    return Outcome(good, counts, done.stdout)
