"""Tries mpgc built with MPGC_NOSCAN=1: tests/python/noscan.py must print what it prints with C.

The last line differs: objects that only the bytes of a buffer point at stay alive with C, and are
freed with the option.
"""

import re

from tools.build import unix
from tools.common import ROOT, Fail, run_caught, say, shown
from tools.setup import options as option_names
from tools.setup.tree import get_tree

SCRIPT = ROOT / "tests" / "python" / "noscan.py"
HEAPS = ("768K", "4M")
# Of 40 objects: a stale word on the C stack may keep one or another alive, or hide one from the C's
# figure.
MANY, FEW = 36, 4


def run(program, heap):
    """(what came through, how many hidden objects are alive)."""
    done = run_caught([str(program), "-X", f"heapsize={heap}", str(SCRIPT)])
    match = re.fullmatch(r"(.*\n)hidden (\d+)\n", done.stdout, re.S)
    if done.returncode != 0 or not match:
        raise Fail(
            f"{shown(SCRIPT)} on {shown(program)}, heap {heap}, ended with status "
            f"{done.returncode}:\n{done.stdout}"
        )
    return match[1], int(match[2])


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    control = unix.build(tree, "standard", "c", option_names.parse("")).program
    program = unix.build(tree, "standard", "rust", option_names.parse("noscan")).program
    for heap in HEAPS:
        (expected, hidden), (got, left) = run(control, heap), run(program, heap)
        if got != expected:
            raise Fail(f"heap {heap}: with C it prints\n{expected}\nand with MPGC_NOSCAN=1\n{got}")
        if hidden < MANY or left > FEW:
            raise Fail(
                f"heap {heap}: of 40 objects that only bytes point at {hidden} live on with C and "
                f"{left} with "
                f"MPGC_NOSCAN=1; expected are {MANY} or more, and {FEW} or fewer"
            )
        say(
            f"heap {heap}: {len(expected.splitlines())} lines are equal; of 40 hidden objects C "
            f"keeps {hidden}, noscan {left}"
        )
    return 0
