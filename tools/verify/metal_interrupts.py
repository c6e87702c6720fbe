"""Interrupts firmware in qemu while it allocates and collects, and checks that nothing is lost.

The timer of MPS2_AN385 schedules callbacks, fills the queue, and allocates under the heap's lock,
which must raise (c-tests/metal). With the C and with mpgc alike, each callback that was accepted
must have run once, and what the program keeps must be whole. A planted fault, interrupts that take
no lock, must be seen. What the port wants in fast RAM must lie there, and its atomic sections, a
few instructions, must need no call. With MPGC_IDLE_COLLECT=1 a wait collects in the program, and
neither in a handler nor with interrupts off. Ends with `N passed, N failed`.
"""

import re
import subprocess
from collections import namedtuple

from tools.build import unix
from tools.common import Fail, output_of
from tools.results import written
from tools.setup.tree import get_tree
from tools.steps import Tally
from tools.verify import on_metal

BOARD = "MPS2_AN385"
# Cycles of the processor's 25 MHz, and the nanoseconds of an instruction as a power of 2: some
# thousand instructions between two interrupts, however busy the machine is.
CYCLES, SHIFT = 1250, 5
FAST = ("mp_sched_schedule", "mp_sched_exception")

Counts = namedtuple("Counts", "interrupts scheduled refused caught wrong ran broken turns")


def run(tree, built, wanted, lock, name):
    """Runs the script on the firmware. Returns its counts, or None and the output."""
    text, good = on_metal.run(
        tree,
        built,
        "interrupts.py",
        {"WANTED": wanted, "CYCLES": CYCLES, "LOCK": lock},
        name,
        "-icount",
        f"shift={SHIFT}",
    )
    found = re.search(r"^counts ([\d ]+?)\s*$", text, re.M)
    if not good or not found:
        return None, text
    return Counts(*map(int, found[1].split())), found[0]


def fault_in(counts, wanted):
    """What is wrong with what the firmware counted; None if nothing is."""
    if counts.interrupts < wanted:
        return "fewer interrupts than were asked for"
    if counts.ran != counts.scheduled:
        return f"{counts.scheduled} callbacks were accepted and {counts.ran} ran"
    if counts.wrong or counts.broken:
        return f"{counts.wrong} allocations under the lock, {counts.broken} objects broken"
    if not counts.refused or not counts.caught or not counts.turns:
        return (
            "the queue was never full, or nothing was allocated under the lock: this shows nothing"
        )
    return None


def placed_fast(tree, built):
    """The functions of the scheduler that do not lie in the section that the port asked for."""
    link_map = (built.folder / "firmware.map").read_text(errors="replace")
    missing = []
    for function in FAST:
        found = re.search(
            rf"^ \.text\.fast\.{function}\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$", link_map, re.M
        )
        if not found or int(found[1], 16) == 0:
            missing.append(function)
            continue
        symbols = subprocess.run(
            ["readelf", "-sW", found[2]],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=built.folder,
        ).stdout
        if (unix.PROOF in symbols) != (built.flavour == "rust"):
            missing.append(function)
    return missing


def called(built):
    """The functions of the port's atomic sections that mpgc calls."""
    symbols = output_of(["readelf", "-sW", built.program])
    return sorted(set(re.findall(r"\bmpgc_shim_atomic_\w+", symbols)))


# What c-tests/metal/idle.py has to print: 1 is a refusal, 2 a collection.
IDLE = {"in the program": 2, "with interrupts off": 1, "in a handler": 1, "in the program again": 2}


def fault_in_idle(tree):
    """What is wrong with the collections that a wait makes; None if nothing is."""
    built = on_metal.build(tree, BOARD, "rust", {"MPGC_IDLE_COLLECT": 1}, "idle")
    text, good = on_metal.run(tree, built, "idle.py", {}, "idle")
    found = re.search(r"^results ([\d ]+?)\s*$", text, re.M)
    if not good or not found:
        return text
    said = dict(zip(IDLE, map(int, found[1].split())))
    wrong = [f"{where}: {said.get(where)}" for where in IDLE if said.get(where) != IDLE[where]]
    return ", ".join(wrong) or None


def add_arguments(parser):
    parser.add_argument("--interrupts", type=int, default=1_000_000, help="how many (1000000)")


@written("metal-interrupts", "Interrupts on firmware")
def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    if args.interrupts < 1000:
        raise Fail("--interrupts: give at least 1000, or the queue is never full")
    checks = Tally()
    for flavour, side in (("c", "C"), ("rust", "mpgc")):
        built = on_metal.build(tree, BOARD, flavour)
        missing = placed_fast(tree, built)
        checks.add(
            f"{side}: {', '.join(FAST)} lie in .text.fast", not missing, f"not so: {missing}"
        )
        if flavour == "rust":
            calls = called(built)
            checks.add(f"{side}: atomic sections without a call", not calls, f"called: {calls}")
        counts, text = run(tree, built, args.interrupts, True, f"interrupts-{flavour}")
        fault = fault_in(counts, args.interrupts) if counts else text
        checks.add(f"{side}: interrupts", not fault, fault, counts)
        counts, text = run(tree, built, 20000, False, f"planted-{flavour}")
        seen = not counts or counts.wrong or counts.broken
        name = f"{side}: interrupts without the lock, planted fault"
        checks.add(name, seen, f"not seen: {text}")
    fault = fault_in_idle(tree)
    checks.add("mpgc: mpgc_idle collects in the program alone", not fault, fault)
    return checks.ended()
