"""Counts instructions of the C and of mpgc on boards in qemu, case by case, in heaps of 16 KB and
128 KB.

The emulator runs with -icount, where each instruction takes the same time, so the processor's timer
counts instructions, and the counts repeat. The port has one thread, and then threads as a
microcontroller with two cores has them (c-tests/metal/threads); OPTIONS chooses one configuration.
Writes build/bench/metal.json, a list like that of `make bench`.
"""

import re
from collections import namedtuple
from pathlib import Path

from tools.common import BUILD, Fail, add_switch, say, shown, table, write_json
from tools.results import markdown_table, write_result, write_section
from tools.setup import options as option_names
from tools.setup.tree import get_tree
from tools.verify import on_metal

# Nanoseconds of an instruction: 2 to the power of this.
SHIFT = 5
HEAPS = {"16KB": 16 << 10, "128KB": 128 << 10}
# The processor's clock, and the heap that the interpreter gets for itself and for the buffer.
Machine = namedtuple("Machine", "hertz heap")
MACHINES = {"MICROBIT": Machine(16_000_000, 184320), "MPS2_AN385": Machine(25_000_000, 400_000)}
PROFILES = ("speed", "size", "large")
# The profile in which no case may take more instructions than the C (`--check`).
BARRED = "speed"
# What the cases of the other profiles may take of the C's instructions.
BARS = Path(__file__).with_name("metal_bars.txt")
# Without OPTIONS: the port as it is, and with threads.
CONFIGURATIONS = ("", "threads")


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


def compare(tree, board, options, profiles):
    """One dictionary for each case and profile, as it goes into the JSON."""
    given = option_names.parse(options)
    variables, slug = given.make_variables, given.build_slug

    def counted(flavour, profile, more):
        name = "-".join(filter(None, [slug, profile]))
        return count(tree, board, flavour, {**variables, **more}, name)

    c = counted("c", "speed", {})
    rust = {profile: counted("rust", profile, {"MPGC_PROFILE": profile}) for profile in profiles}
    return [
        {
            "board": board,
            "options": options,
            "profile": profile,
            "case": case,
            "c_instructions": c[case],
            "rust_instructions": rust[profile][case],
            "ratio": rust[profile][case] / c[case],
        }
        for case in c
        for profile in profiles
    ]


def rows_of(found, profiles):
    """The table of one board and configuration."""
    rows = [["case", "C", *profiles, *(f"{profile} / C" for profile in profiles)]]
    for at in range(0, len(found), len(profiles)):
        of_case = found[at : at + len(profiles)]
        rows.append(
            [
                of_case[0]["case"],
                f"{of_case[0]['c_instructions']:.0f}",
                *(f"{row['rust_instructions']:.0f}" for row in of_case),
                *(f"{row['ratio']:.2f}" for row in of_case),
            ]
        )
    return rows


def above_c(found):
    """A line for each case that takes more instructions than the C, where none may."""
    return [
        f"{row['board']} {row['options']} {row['case']}: {row['rust_instructions']:.1f} "
        f"instructions, the C {row['c_instructions']:.1f}"
        for row in found
        if row["profile"] == BARRED and row["ratio"] > 1
    ]


def read_bars(text):
    """The limits of the file, by board, profile and case."""
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    columns = [column.split(":") for column in lines[0][1:]]
    return {
        (board, profile, case): float(limit)
        for case, *limits in lines[1:]
        for (board, profile), limit in zip(columns, limits, strict=True)
    }


def above_bars(found, bars):
    """A line for each case that takes more of the C's instructions than its bar, or has none. The
    bars are those of the port with one thread.
    """
    wrong = []
    for row in found:
        if row["profile"] == BARRED or row["options"]:
            continue
        key = row["board"], row["profile"], row["case"]
        if key not in bars:
            wrong.append(f"{' '.join(key)}: no bar in {BARS.name}")
        elif row["ratio"] > bars[key]:
            wrong.append(
                f"{' '.join(key)}: {row['ratio']:.3f} of the C's instructions, "
                f"the bar is {bars[key]:.2f}"
            )
    return wrong


def write(sections, args, release):
    """Writes the page; of a part of what it has, only the sections."""
    of_what = f"MicroPython {release}, instructions of one operation.\n\n"
    if len(sections) < len(MACHINES) * len(CONFIGURATIONS) or args.profile:
        for title, rows in sections:
            write_section("metal-bench", title, args.command, of_what + rows)
        return
    body = "\n\n".join(f"## {title}\n\n{rows}" for title, rows in sections)
    write_result("metal-bench", "Instructions on boards", args.command, of_what + body)


def add_arguments(parser):
    parser.add_argument(
        "--profile", default="", help=f"with commas between them (all): {', '.join(PROFILES)}"
    )
    add_switch(parser, "--one-thread", "measure the port as it is, and not with threads too")
    add_switch(
        parser,
        "--check",
        f"fail if a case takes more instructions than the C in the profile {BARRED}, or more than "
        f"its bar in another one ({BARS.name})",
    )


def configurations(args):
    """The OPTIONS that are measured."""
    if args.one_thread and args.options:
        raise Fail("--one-thread measures the port without OPTIONS: give one of the two")
    return [args.options] if args.options or args.one_thread else CONFIGURATIONS


def main(args):
    profiles = args.profile.split(",") if args.profile else PROFILES
    for profile in profiles:
        if profile not in PROFILES:
            raise Fail(f"--profile={profile}: choose of {', '.join(PROFILES)}")
    tree = get_tree(args.release or None, args.micropython_dir)
    report, sections = [], []
    for board in args.board.split(","):
        if board not in MACHINES:
            raise Fail(f"BOARD={board}: instructions are counted on {', '.join(MACHINES)}")
        for options in configurations(args):
            found = compare(tree, board, options, profiles)
            report += found
            rows = rows_of(found, profiles)
            title = ", ".join(filter(None, [board, options]))
            sections.append((title, markdown_table(rows)))
            say(
                f"\n{title}, MicroPython {tree.release}, instructions of one operation\n"
                f"{table(rows)}"
            )
    if args.write:
        write(sections, args, tree.release)
    path = BUILD / "bench" / "metal.json"
    write_json(path, report)
    say(f"\nwritten: {shown(path)}")
    wrong = above_c(report) + above_bars(report, read_bars(BARS.read_text())) if args.check else []
    if wrong:
        raise Fail("; ".join(wrong))
    return 0
