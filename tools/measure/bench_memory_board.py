"""Measures programs of benches/memory on MPS2_AN385 in qemu: how much heap, and how many
instructions.

One firmware serves for all sizes of the heap: the emulator's command line sets the size
(c-tests/metal/clock). Times are those of -icount, where each instruction takes the same: in a heap
1.1 times the smallest of the C without pacing. Writes build/bench/memory-board.json and
docs/results/memory-board.md.
"""

import re

from tools.build import unix
from tools.common import BUILD, Fail, say, table, write_json
from tools.measure import memory_report
from tools.measure.bench_memory import FLAVOURS
from tools.measure.memory_subject import PROGRAMS, begin_with
from tools.results import markdown_table, write_result
from tools.setup.tree import get_tree
from tools.verify import on_metal

BOARD = "MPS2_AN385"
HEAP = 1 << 20  # the largest
HEAP_WORD = 0x2000_0000  # the address at which c-tests/metal/clock reads a smaller size
CASES = ("table", "csvjoin", "mqttdash", "plugins")
PACES = ("off", "free/4")
STEP = 1024
HERTZ, SHIFT = 25_000_000, 5
BEGIN = "import boardclock\nbegun = boardclock.ticks()\n"
END = """
print("took", boardclock.ticks() - begun & 0xffffffff)
"""


class Board:
    """A build on the board."""

    def __init__(self, tree, flavour):
        self.tree, self.flavour, self.known = tree, flavour, {}
        variables = {"MICROPY_HEAP_SIZE": HEAP, "METAL_HEAP_SIZE": 1}
        if flavour.variable:
            variables["MPGC_PACING"] = flavour.pacing
        name = "memory" + (f"-{flavour.pacing}".replace("/", "-") if flavour.variable else "")
        folder = on_metal.WORK / f"{unix.tree_key(tree)}-{BOARD}-memory"
        if flavour.variable and (folder / "c").exists():
            begin_with(
                folder / "c", on_metal.WORK / f"{unix.tree_key(tree)}-{BOARD}-{name}" / "rust"
            )
        self.built = on_metal.build(
            tree, BOARD, "c" if flavour.build == "c" else "rust", variables, name
        )

    def run(self, case, heap):
        """(what it printed, its instructions); (None, None) if it did not end."""
        if (case, heap) in self.known:
            return self.known[case, heap]
        source = on_metal.WORK / f"memory-{case}.py"
        text = (PROGRAMS / f"{case}.py").read_text()
        source.write_text(BEGIN + self.flavour.prelude + text + END)
        name = f"memory-{case}-{self.flavour.build}-{self.flavour.pacing.replace('/', '-')}"
        words = ["-icount", f"shift={SHIFT}"]
        words += ["-device", f"loader,addr={HEAP_WORD:#x},data={heap},data-len=4"]
        output, good = on_metal.run(self.tree, self.built, source, {}, name, *words)
        took = re.search(r"^took (\d+)\s*$", output, re.M)
        found = (None, None)
        if good and took:
            # The log begins with the command, which names the build.
            printed = re.sub(r"\A\$ .*\n", "", output[: took.start()]).strip()
            found = printed, round(int(took[1]) * 1e9 / HERTZ / (1 << SHIFT))
        self.known[case, heap] = found
        return found

    def smallest(self, case, expected):
        low, high = 0, 64 << 10
        while self.run(case, high)[0] != expected:
            low, high = high, high * 2
            if high > HEAP:
                raise Fail(f"{case} does not end on {BOARD} with {high} bytes")
        while high - low > max(STEP, high // 50):
            middle = (low + high) // 2 // STEP * STEP
            low, high = (low, middle) if self.run(case, middle)[0] == expected else (middle, high)
        return high


def write(lines, tree, command):
    """Written after each program, so that an interrupted run keeps its results."""
    write_json(BUILD / "bench" / "memory-board.json", lines)
    rows = [["program", "build, pacing", "smallest KB", "of the C's", "time"]]
    for line in lines:
        ratio = memory_report.ratios(lines, (line["build"], line["pacing"]), "smallest_kb")[
            line["program"]
        ]
        time = "-" if line["time_ratio"] is None else f"{line['time_ratio']:.3f}"
        rows.append(
            [
                line["program"],
                f"{line['build']}, {line['pacing']}",
                f"{line['smallest_kb']:.0f}",
                f"{ratio:.2f}",
                time,
            ]
        )
    say(table(rows))
    write_result(
        "memory-board",
        f"How much heap programs need on {BOARD}",
        command,
        f"MicroPython {tree.release} in qemu; times by instructions, in a heap 1.1 times the "
        "smallest of the C without pacing, as a "
        f"multiple of that C's.\n\n{markdown_table(rows)}",
    )


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    on_metal.WORK.mkdir(parents=True, exist_ok=True)
    boards = [Board(tree, f) for f in FLAVOURS if f.pacing in PACES]
    lines = []
    for case in (args.case or ",".join(CASES)).split(","):
        expected = boards[0].run(case, HEAP)[0]
        if not expected:
            raise Fail(f"{case} does not run on {BOARD}")
        sizes = [board.smallest(case, expected) for board in boards]
        heap = int(sizes[0] * 1.1) // STEP * STEP
        while boards[0].run(case, heap)[0] != expected:
            heap += STEP
        times = [board.run(case, heap)[1] for board in boards]
        for board, size, time in zip(boards, sizes, times):
            lines.append(
                {
                    "program": case,
                    "build": board.flavour.build,
                    "pacing": board.flavour.pacing,
                    "smallest_kb": size / 1024,
                    "instructions": time,
                    "time_ratio": time / times[0] if time and times[0] else None,
                }
            )
            say(
                f"  {case}: {board.flavour.build}, {board.flavour.pacing}: {size / 1024:.0f} KB, "
                f"{time} instructions"
            )
        write(lines, tree, args.command)
    return 0
