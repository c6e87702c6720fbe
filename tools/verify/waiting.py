"""Tries collections while a program waits, and the clearing of dead stack: MPGC_IDLE_COLLECT=1.

tests/python/idle.py runs a loop with deadlines on a unix port whose time is counted
(c-tests/waiting), with the C and with mpgc. Nearly all pauses have to fall into waits, and what the
C keeps because of a stale word has to be freed.
"""

import re

from tools.build import unix
from tools.common import ROOT, Fail, run_caught, say, shown
from tools.setup import options as option_names
from tools.setup.tree import get_tree

SCRIPT = ROOT / "tests" / "python" / "idle.py"
HEAP = "160K"
EXPECTED = {
    "c": {
        "short": "False",
        "long": "False",
        "enabled": "False",
        "indefinite": "0",
        "other thread": "0",
        "main thread": "False",
    },
    "rust": {
        "short": "False",
        "long": "True",
        "again": "False",
        "disabled": "False",
        "enabled": "True",
        "heap locked": "0",
        "scheduler locked": "0",
        "indefinite": "1",
        "other thread": "0",
        "main thread": "True",
    },
}
STALE = 10_240


def figures(program):
    done = run_caught([str(program), "-X", f"heapsize={HEAP}", str(SCRIPT)])
    loops = {
        name: tuple(map(int, words.split()))
        for name, words in re.findall(r"^(wait|idle) ([\d ]+)$", done.stdout, re.M)
    }
    said = dict(
        re.findall(
            r"(short|long|again|disabled|enabled|heap locked|scheduler locked|indefinite|"
            r"other thread|main thread|stale) (-?\w+)",
            done.stdout,
        )
    )
    if done.returncode != 0 or len(loops) != 2 or "stale" not in said:
        raise Fail(
            f"{shown(SCRIPT)} on {shown(program)} ended with status "
            f"{done.returncode}:\n{done.stdout}"
        )
    return loops, said


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse("")._replace(build_slug="waiting")
    found = {}
    for flavour, words in (("c", ()), ("rust", ("MPGC_IDLE_COLLECT=1",))):
        program = unix.build(
            tree, "standard", flavour, options, f"USER_C_MODULES={ROOT / 'c-tests'}", *words
        ).program
        found[flavour] = loops, said = figures(program)
        it_collects_when_it_may(flavour, said)
        for name, (missed, waits, collections) in loops.items():
            say(
                f"{flavour}, {name}: {missed} deadlines missed, {waits} of {collections} "
                "collections while it waits"
            )
        say(f"{flavour}: a stale word keeps {said['stale']} bytes, which clearing the stack frees")
    pauses_fall_into_waits(found["c"][0], found["rust"][0])
    a_stale_word_is_let_go(int(found["c"][1]["stale"]), int(found["rust"][1]["stale"]))
    return 0


def it_collects_when_it_may(flavour, said):
    for name, expected in EXPECTED[flavour].items():
        if said.get(name) != expected:
            raise Fail(f"{flavour}: {name} is {said.get(name)}, expected is {expected}")


def pauses_fall_into_waits(control, rust):
    for name, (missed, waits, collections) in rust.items():
        c_missed = control[name][0]
        if c_missed < 20:
            raise Fail(
                f"{name}: the C misses {c_missed} deadlines; with so few there is nothing to see"
            )
        if missed * 10 > c_missed:
            raise Fail(f"{name}: mpgc misses {missed} deadlines, the C {c_missed}")
        if waits < 0.95 * collections:
            raise Fail(f"{name}: {waits} of {collections} collections fall into waits")


def a_stale_word_is_let_go(control, rust):
    if rust < STALE:
        raise Fail(f"clearing the stack lets go of {rust} bytes, not of {STALE}")
    if control >= STALE:
        raise Fail("the C frees them as well, so nothing was planted")
