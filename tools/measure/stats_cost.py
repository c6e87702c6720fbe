"""Measures what counting costs (MPGC_STATS=1): instructions of `make bench`, memory on a Cortex-M.

Instructions are counted by callgrind and repeat exactly. It fails if a case or the memory costs
more than the limit.
"""

from collections import namedtuple

from tools.common import Fail, say, table
from tools.measure import bench, size
from tools.results import markdown_table, write_result
from tools.setup.tree import get_tree
from tools.verify.twins import build_twins

STATS = "MPGC_STATS"
TARGET = "thumbv7m"
# Percent of instructions, and bytes.
MOST_PERCENT, MOST_BYTES = 2.0, 200

Pair = namedtuple("Pair", "off on")


def instructions(tree, only):
    """{case: Pair of instructions of an operation}."""
    driver = bench.get_driver()
    counts = []
    for name, variables in (("bench", ()), ("bench-stats", (f"{STATS}=1",))):
        library = build_twins(tree, name, bench.OPTIONS, variables, work=bench.WORK)
        counts.append(bench.count_instructions(driver, library, only))
    return {case: Pair(off[1], counts[1][case][1]) for case, off in counts[0].items()}


def memory(tree):
    """Pair of sizes on a board."""
    prefix = size.PROCESSORS[TARGET].prefix
    builds = ({}, {STATS: "1"})
    objects = [size.build_objects(tree, TARGET, "rust", "speed", more)[:1] for more in builds]
    return Pair(*(size.sizes(prefix, files) for files in objects))


def percent(pair):
    return 100 * (pair.on / pair.off - 1)


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    cases = instructions(tree, args.case or bench.CHECKED)
    sizes = memory(tree)
    ram = Pair(*(of.data + of.bss for of in sizes))
    head = (
        f"MicroPython {tree.release}: instructions of one operation, if nobody reads the figures."
    )
    rows = [["case", "off", "on", "percent"]]
    for case, pair in cases.items():
        rows.append([case, f"{pair.off:.1f}", f"{pair.on:.1f}", f"{percent(pair):.2f}"])
    more = Pair(ram.on - ram.off, sizes.on.text - sizes.off.text)
    end = f"{TARGET}: {more.off} bytes of RAM more, {more.on} bytes of flash with the shim."
    say("\n\n".join([head, table(rows), end]))
    wrong = [case for case, pair in cases.items() if percent(pair) > MOST_PERCENT]
    if wrong or more.off > MOST_BYTES:
        raise Fail(
            f"above {MOST_PERCENT:.0f} percent, or {MOST_BYTES} bytes of RAM: "
            f"{', '.join([*wrong, f'{more.off} bytes'])}"
        )
    if args.write:
        body = "\n\n".join([head, markdown_table(rows), end])
        write_result("stats-cost", "What the figures of MPGC_STATS=1 cost", args.command, body)
    return 0
