"""Strains the scheduler with interrupts that schedule, lock and unlock: the C's and mpgc's, by the
same program.

By a timer, at any instruction (c-tests/stress/interrupts.c), and by breakpoints, one before each
instruction of a short program (c-tests/stress/steps.c). Each change is looked at as it happens:
nothing lost, nothing run twice, in order, refused exactly when the queue is full, idle at the end.
In a control the atomic sections keep nothing out, which must be seen. Ends with `N passed, N
failed`.
"""

import platform
import re
import time

from tools.common import Fail, say
from tools.results import written
from tools.setup.tree import get_tree
from tools.steps import ended
from tools.verify import stress

# A port that places its functions in sections of their own, and has a hook.
PLACED = f"{stress.PLAIN} -DSTRESS_PLACED"
# What a run must have met; otherwise it has shown nothing.
BY_TIMER = (
    "interrupts",
    "inside",
    "queued",
    "refused",
    "nodes",
    "nodes_refused",
    "locks",
    "exceptions",
    "dropped",
)
BY_STEPS = ("instructions", "runs", "inside", "refused")


def check(name, outcome, met):
    """Prints one line; returns whether the run passed."""
    never = [what for what in met if not outcome.counts.get(what)]
    good = outcome.good and not never
    if good:
        say(f"  {name}: " + ", ".join(f"{what} {int(outcome.counts[what])}" for what in met))
    else:
        say(
            f"  {name}: "
            f"FAILED{', never met: ' + ' '.join(never) if never else ''}\n"
            f"{outcome.text.strip()[-3000:]}"
        )
    return good


def check_control(name, outcome):
    """A planted fault must be seen. The damage that it does may end the program before the faults
    are counted.
    """
    reported = int(outcome.counts.get("faults", 0)) or len(
        re.findall(r"(?m)^fault: ", outcome.text)
    )
    good = reported > 0
    if good:
        say(f"  {name}: seen ({reported} faults reported)")
    else:
        say(f"  {name}: FAILED: nothing was seen\n{outcome.text.strip()[-3000:]}")
    return good


def control(program, seed):
    """A run whose sections keep nothing out. The interrupts may then make a list circular, so that
    the scheduler never ends and nothing is reported; another seed does not meet that.
    """
    for other in range(seed, seed + 5):
        outcome = stress.run([program, 100_000, other, "off"], 90)
        if outcome.counts.get("faults"):
            break
    return outcome


def run_side(tree, side, args):
    """Yields, for each check, whether it passed."""
    name = stress.NAMES[side]
    timeout = 600 + args.signals / 1000
    plain = stress.build(tree, "interrupts", side)
    placed = stress.build(tree, "interrupts", side, name="placed", options=PLACED)
    some = max(args.signals // 10, 1000)
    for what, program, signals, mask in (
        ("timer", plain, args.signals, "flag"),
        ("timer, signal blocked by the kernel", plain, some, "kernel"),
        ("timer, functions placed", placed, some, "flag"),
    ):
        outcome = stress.run([program, signals, args.seed, mask], timeout)
        met = BY_TIMER if mask == "kernel" else (*BY_TIMER, "deferred")
        yield check(f"{name}, {what}", outcome, met)
    outcome = control(plain, args.seed)
    yield check_control(f"{name}, timer, control without atomic sections", outcome)
    if platform.machine() != "x86_64":
        say(f"  {name}: breakpoints skipped: c-tests/stress/steps.c supports only x86-64")
        return
    plain = stress.build(tree, "steps", side)
    placed = stress.build(tree, "steps", side, name="placed", options=PLACED)
    for what, program in (
        ("each instruction", plain),
        ("each instruction, functions placed", placed),
    ):
        yield check(f"{name}, {what}", stress.run([program, "single"], 600), BY_STEPS)
    # Every third breakpoint is enough to notice the fault.
    outcome = stress.run([plain, "single", 0, 3, "off"], 600)
    yield check_control(f"{name}, each instruction, control without atomic sections", outcome)
    if args.pairs:
        outcome = stress.run([plain, "pairs", args.seed % args.pairs, args.pairs], 24 * 3600)
        yield check(
            f"{name}, pairs of instructions, 1 of {args.pairs} first ones", outcome, BY_STEPS
        )


@written("interrupts", "Interrupts at any instruction")
def main(args):
    if args.signals < 1 or args.pairs < 0:
        raise Fail("--signals is 1 or more, --pairs is 0 or more")
    tree = get_tree(args.release or None, args.micropython_dir)
    results = []
    for side in stress.SIDES:
        started = time.monotonic()
        results += list(run_side(tree, side, args))
        say(f"{stress.NAMES[side]}: {time.monotonic() - started:.0f} s")
    failed = results.count(False)
    return ended(len(results) - failed, failed)
