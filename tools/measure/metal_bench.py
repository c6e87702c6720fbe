"""Counts instructions of the C and of mpgc on boards in qemu, case by case, in heaps of 16 KB and
128 KB.

The emulator runs with -icount, where each instruction takes the same time, so the processor's timer
counts instructions, and the counts repeat. Writes build/bench/metal.json, a list like that of `make
bench`.
"""

import re
from collections import namedtuple

from tools.common import BUILD, Fail, say, shown, table, write_json
from tools.results import markdown_table, write_result
from tools.setup.tree import get_tree
from tools.verify import on_metal

# Nanoseconds of an instruction: 2 to the power of this.
SHIFT = 5
HEAPS = {"16KB": 16 << 10, "128KB": 128 << 10}
# The processor's clock, and the heap that the interpreter gets for itself and for the buffer.
Machine = namedtuple("Machine", "hertz heap")
MACHINES = {"MICROBIT": Machine(16_000_000, 184320), "MPS2_AN385": Machine(25_000_000, 400_000)}
PROFILES = ("speed", "size", "large")


def count(tree, board, flavour, variables, name):
    """Instructions of an operation, by case."""
    machine = MACHINES[board]
    built = on_metal.build(
        tree, board, flavour, {"MICROPY_HEAP_SIZE": machine.heap, **variables}, name
    )
    found = {}
    for label, size in HEAPS.items():
        what = f"bench-{board}-{name}-{flavour}-{label}"
        text, good = on_metal.run(
            tree, built, "bench.py", {"HEAP": size}, what, "-icount", f"shift={SHIFT}"
        )
        if not good or not re.search(r"^end\s*$", text, re.M):
            raise Fail(f"{what}: {text}")
        for case, operations, ticks in re.findall(r"^case (\S+) (\d+) (\d+)\s*$", text, re.M):
            if int(operations) == 0:
                raise Fail(f"{what}: {case} had no operation")
            found[f"{case}-{label}"] = (
                int(ticks) * 1e9 / machine.hertz / (1 << SHIFT) / int(operations)
            )
    return found


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    report, sections = [], []
    for board in args.board.split(","):
        if board not in MACHINES:
            raise Fail(f"BOARD={board}: instructions are counted on {', '.join(MACHINES)}")
        c = count(tree, board, "c", {}, "speed")
        rust = {
            profile: count(tree, board, "rust", {"MPGC_PROFILE": profile}, profile)
            for profile in PROFILES
        }
        rows = [["case", "C", *PROFILES, *(f"{profile} / C" for profile in PROFILES)]]
        for case, counted in c.items():
            ratios = [rust[profile][case] / counted for profile in PROFILES]
            rows.append(
                [
                    case,
                    f"{counted:.0f}",
                    *(f"{rust[profile][case]:.0f}" for profile in PROFILES),
                    *(f"{ratio:.2f}" for ratio in ratios),
                ]
            )
            report += [
                {
                    "board": board,
                    "profile": profile,
                    "case": case,
                    "c_instructions": counted,
                    "rust_instructions": rust[profile][case],
                    "ratio": ratio,
                }
                for profile, ratio in zip(PROFILES, ratios)
            ]
        sections.append(f"## {board}\n\n{markdown_table(rows)}")
        say(f"\n{board}, MicroPython {tree.release}, instructions of one operation\n{table(rows)}")
    if args.write:
        body = f"MicroPython {tree.release}, instructions of one operation.\n\n"
        write_result(
            "metal-bench", "Instructions on boards", args.command, body + "\n\n".join(sections)
        )
    path = BUILD / "bench" / "metal.json"
    write_json(path, report)
    say(f"\nwritten: {shown(path)}")
    return 0
