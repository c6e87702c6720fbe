"""Runs MicroPython's own tests in qemu on firmware with its C and on firmware with mpgc, and
compares.

The rules are those of `make upstream`. Results go to
build/upstream/<release>-qemu-<board>[-<options>].json.
"""

import importlib.util
import os
import sys
from pathlib import Path

from tools.build import firmware
from tools.common import BUILD, Fail, add_switch, say
from tools.setup import options as option_names
from tools.setup.boards import DIRS, SHORT, find_board
from tools.setup.tree import get_tree
from tools.verify.suite import Suite
from tools.verify.upstream import FLAVOURS, run_and_compare
from tools.verify.upstream_pages import write_results

# Where Debian's python3-serial puts the module; it is plain Python, and fits any Python 3.
DEBIANS_SERIAL = Path("/usr/lib/python3/dist-packages/serial")


def serial_path():
    """A folder for PYTHONPATH that holds pyserial and nothing else; none where this Python has
    it.
    """
    if importlib.util.find_spec("serial"):
        return None
    if not DEBIANS_SERIAL.is_dir():
        raise Fail(
            f"{sys.executable} has no module `serial`: install python3-serial, or run "
            f"`{sys.executable} -m pip install pyserial`"
        )
    folder = BUILD / "pyserial"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "serial"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(DEBIANS_SERIAL)
    return folder


class BoardSuite(Suite):
    """Upstream's tests, sent to firmware in the emulator."""

    def __init__(self, tree, board, built, options):
        self.board = find_board(board)
        self.emulator = firmware.emulator(tree, built)
        super().__init__(tree, built, options)
        # A board's own arguments are those that the port gives to run-tests.py, such as tests to
        # leave out. They come last: the first filter decides about a test that no filter knows.
        self.flags += firmware.port_variable(tree, built, "RUN_TESTS_ARGS")

    def build_libraries(self):
        """The tests of the unix port alone need them."""

    def env(self):
        env = super().env()
        folder = serial_path()
        if folder:
            env["PYTHONPATH"] = str(folder)
        return env

    def machine(self):
        # run-tests.py splits the command at blanks, so the path is relative to the folder of the
        # tests.
        kernel = os.path.relpath(self.built.program, self.work / "tests")
        command = [
            *self.emulator,
            "-serial",
            "none" if self.board.piped else "pty",
            "-kernel",
            kernel,
        ]
        return ["-t", ("exec:" if self.board.piped else "execpty:") + " ".join(command)]

    def may_share(self, dirs):
        """An emulator uses a whole core, and a test has a time limit."""
        return False

    def all_dirs(self):
        return DIRS + self.board.dirs


def add_arguments(parser):
    parser.add_argument(
        "--dirs",
        nargs="*",
        help="test folders (default: all that upstream's run on this port covers)",
    )
    add_switch(parser, "--short", "run some two hundred tests, mainly those that allocate and jump")


def main(args):
    find_board(args.board)
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse(args.options)
    some = ["only", option_names.slug(args.dirs)] if args.dirs else []
    if args.short:
        options = options._replace(test_flags=[*options.test_flags, "-i", SHORT])
        some.append("short")
    name = "-".join(filter(None, [tree.release, "qemu", args.board, options.slug, *some]))

    def make_suites():
        say(
            f"building the C control and the Rust build of MicroPython {tree.release} for "
            f"{args.board} {args.options}".rstrip()
        )
        return {
            flavour: BoardSuite(
                tree, args.board, firmware.build(tree, args.board, flavour, options), options
            )
            for flavour in FLAVOURS
        }

    run_and_compare(
        name,
        tree,
        make_suites,
        args.dirs,
        {
            "port": "qemu",
            "board": args.board,
            "options": args.options,
            "folders": args.dirs or (["short"] if args.short else []),
        },
    )
    return write_results(command=args.command) if args.write else 0
