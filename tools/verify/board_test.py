"""Runs MicroPython's own tests on a Raspberry Pi Pico in the emulator rp2040js, with C and with
mpgc, and measures both.

The rules are those of `make upstream`. Then c-tests/rp2040/speed.py prints the time of operations
by the board's clock, once without interrupts and once while the serial line is served. Results go
to build/upstream/<release>-rp2-<board>[-<dirs>].json and build/rp2040/speed.json.
"""

import json
import re
import sys

from tools.build import rp2040
from tools.common import BUILD, Fail, clean_env, run_logged, say, shown, table, write_json
from tools.results import markdown_table, write_result
from tools.setup import options as option_names
from tools.setup.boards import SHORT
from tools.setup.tree import get_tree
from tools.verify.firmware_test import serial_path
from tools.verify.suite import Suite
from tools.verify.untouched import Untouched
from tools.verify.upstream import FLAVOURS, run_and_compare

# What the heap, nlr and the scheduler can break. The emulator has one of the two cores, so those
# of threads are left out.
DIRS = ["basics", "micropython", "stress"]
# mpgc's time to the C's, above which a case is named.
SLOWER = 1.0


def with_serial(env):
    folder = serial_path()
    return {**env, "PYTHONPATH": str(folder)} if folder else env


class EmulatedSuite(Suite):
    """Upstream's tests, sent to a board in the emulator."""

    def __init__(self, tree, rom, built, options):
        self.rom = rom
        super().__init__(tree, built, options)

    def build_libraries(self):
        """The tests of the unix port alone need them."""

    def env(self):
        return with_serial(super().env())

    def machine(self):
        return ["-t", self.line]

    def run(self, name, **chosen):
        with rp2040.running(self.rom, self.built) as self.line:
            return super().run(name, **chosen)

    def may_share(self, dirs):
        """An emulator uses a whole core, and a test has a time limit."""
        return False

    def all_dirs(self):
        return DIRS


def cases_of(text):
    """{case: nanoseconds} of what speed.py printed; a Fail if it has not come to its end."""
    if not re.search(r"^end\s*$", text, re.M):
        raise Fail(f"speed.py has not come to its end: {text[-1500:]}")
    found = {name: int(time) for name, time in re.findall(r"^case (\S+) (\d+)\s*$", text, re.M)}
    if not found or not all(found.values()):
        raise Fail(f"speed.py measured nothing: {text[-1500:]}")
    return found


def measure(tree, rom, built, quiet):
    """Nanoseconds of an operation by the board's clock, by case."""
    name = f"speed-{built.flavour}-{'quiet' if quiet else 'usb'}"
    script = rp2040.WORK / f"{name}.py"
    script.write_text(f"QUIET = {quiet}\n" + (rp2040.SOURCES / "speed.py").read_text())
    log = rp2040.WORK / f"{name}.log"
    with rp2040.running(rom, built) as line:
        command = [sys.executable, tree.path / "tools" / "pyboard.py", "--device", line, script]
        run_logged(command, log, env=with_serial(clean_env()), what=name, every=60)
    return cases_of(log.read_text(errors="replace"))


def cases_beside(times):
    """Rows for a table, and the cases in which mpgc takes longer."""
    rows = [["case", "C", "mpgc", "mpgc / C"]]
    slower = []
    for case, c in times["c"].items():
        rust = times["rust"][case]
        rows.append([case, f"{c:,}", f"{rust:,}", f"{rust / c:.3f}"])
        if rust > c * SLOWER:
            slower.append(case)
    return rows, slower


def run_speed(tree, rom, builds):
    """{True and False, as to quiet: {flavour: {case: nanoseconds}}}"""
    found = {}
    for quiet in (True, False):
        found[quiet] = {flavour: measure(tree, rom, builds[flavour], quiet) for flavour in FLAVOURS}
        rows, slower = cases_beside(found[quiet])
        when = "without interrupts" if quiet else "while the serial line is served"
        say(f"\nnanoseconds of an operation, {when}\n{table(rows)}")
        say(f"takes longer with mpgc: {' '.join(slower) or 'nothing'}")
    path = rp2040.WORK / "speed.json"
    write_json(path, {"quiet": found[True], "usb": found[False]})
    say(f"written: {shown(path)}")
    return found


def write_page(args, tree, compared_tests, found):
    """docs/results/rp2040.md, with the comparison of tests that is on hand."""
    rom = "the boot ROM of RP2040_BOOTROM" if args.rp2040_bootrom else "the boot ROM of c-tests"
    sides = [compared_tests[flavour] for flavour in FLAVOURS]
    rows = [["", "performed", "pass"]]
    for label, side in zip(("C", "mpgc"), sides):
        rows.append([label, side["performed"], side["passed"]])
    failed = [set(side["failed"]) for side in sides]
    body = (
        f"MicroPython {tree.release}, port rp2, {args.board}, in rp2040js with {rom}.\n\n"
        f"{markdown_table(rows)}\n\n"
        f"Pass with C and fail with mpgc: {', '.join(sorted(failed[1] - failed[0])) or 'none'}.\n\n"
        f"Fail with both: {', '.join(sorted(failed[0] & failed[1])) or 'none'}.\n"
    )
    for quiet, title in ((True, "Without interrupts"), (False, "While the serial line is served")):
        rows, _ = cases_beside(found[quiet])
        body += f"\n## {title}\n\nNanoseconds of an operation.\n\n{markdown_table(rows)}\n"
    write_result("rp2040", "A Raspberry Pi Pico in an emulator", args.command, body)


def add_arguments(parser):
    parser.add_argument("--dirs", nargs="*", help=f"test folders (default: {' '.join(DIRS)})")
    parser.add_argument(
        "--short",
        action="store_true",
        help="run some two hundred tests, mainly those that allocate and jump",
    )
    parser.add_argument("--speed", action="store_true", help="measure only, without the tests")


def main(args):
    rp2040.row_of(args.board)
    tree = get_tree(args.release or None, args.micropython_dir)
    rp2040.emulator()
    rom = rp2040.boot_rom(args.rp2040_bootrom)
    say(f"building the rp2 port of MicroPython {tree.release} for {args.board}, C and Rust")
    with Untouched(tree):
        builds = {flavour: rp2040.build(tree, args.board, flavour) for flavour in FLAVOURS}
    options = option_names.parse("")
    some = ["only", option_names.slug(args.dirs)] if args.dirs else []
    if args.short:
        options = options._replace(test_flags=[*options.test_flags, "-i", SHORT])
        some.append("short")
    name = "-".join([tree.release, "rp2", args.board, *some])
    if not args.speed:

        def make_suites():
            return {
                flavour: EmulatedSuite(tree, rom, built, options)
                for flavour, built in builds.items()
            }

        facts = {"port": "rp2", "board": args.board, "options": ""}
        run_and_compare(name, tree, make_suites, args.dirs, facts)
    found = run_speed(tree, rom, builds)
    path = BUILD / "upstream" / f"{name}.json"
    if args.write:
        if not path.is_file():
            raise Fail(f"WRITE=1 needs {shown(path)}: run the tests too")
        write_page(args, tree, json.loads(path.read_text()), found)
    return 0
