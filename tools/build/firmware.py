"""Builds firmware of MicroPython's qemu port for a board, with its own C or with mpgc.

Both builds use the same make command; mpgc's adds the wrapper makefile. Everything is written under
build/: the tree is only read.
"""

import os
import re
import shlex
import subprocess
import sys
import time

from tools.build import unix
from tools.common import BUILD, Fail, add_switch, jobs, run_logged, say, shown
from tools.setup import options as option_names
from tools.setup.boards import OWN, find_board, frozen_manifest
from tools.setup.tree import get_tree


def port(tree):
    folder = tree.path / "ports" / "qemu"
    if not (folder / "boards").is_dir():
        raise Fail(
            f"MicroPython {tree.release} has no boards in ports/qemu: choose a RELEASE of 1.25 or "
            "later"
        )
    return folder


def start_modules(make_variables):
    """The port makes no Python stack at its start, so a build with one needs code of ours before
    its main().
    """
    with_pystack = "-DMICROPY_ENABLE_PYSTACK=1" in make_variables.get("CFLAGS_EXTRA", "")
    return {"USER_C_MODULES": str(OWN)} if with_pystack else {}


def make_command(tree, name, flavour, make_variables, output):
    """The make command that builds one flavour ("c" or "rust") for a board into `output`."""
    board = find_board(name)
    folder = port(tree)
    if "BOARD_DIR" not in board.variables and not (folder / "boards" / name).is_dir():
        raise Fail(
            f"MicroPython {tree.release} has no board {name} in ports/qemu/boards: choose another "
            "RELEASE or BOARD"
        )
    command = ["make", f"-j{jobs()}", "-C", folder]
    if flavour == "rust":
        command += ["-f", unix.WRAPPER]
    variables = {
        "BOARD": name,
        "BUILD": output,
        "MICROPY_MPYCROSS": unix.build_mpy_cross(tree),
        "MPY_LIB_DIR": unix.absent_micropython_lib(),
        "FROZEN_MANIFEST": frozen_manifest(board),
        **board.variables,
        **start_modules(make_variables),
        **make_variables,
    }
    return command + [f"{variable}={value}" for variable, value in variables.items()]


def build(tree, name, flavour, options):
    """Build one flavour for a board. Returns a Build."""
    whole = "-".join(filter(None, [unix.tree_key(tree), name, options.build_slug]))
    output = BUILD / "qemu" / whole / flavour
    command = make_command(tree, name, flavour, options.make_variables, output)
    started = time.monotonic()
    unix.begin_with_c(output)
    run_logged(
        command,
        output.with_name(flavour + ".log"),
        env=unix.build_env(tree),
        what=f"building {whole} ({flavour})",
    )
    program = output / "firmware.elf"
    kept = options.make_variables.get("MPGC_KEEP_C", "").split()
    functions = ("nlr_jump",) if "gc" in kept else ("gc_alloc", "nlr_jump")
    unix.prove(program, flavour, functions, output / "firmware.map")
    say(f"  built {shown(program)} in {time.monotonic() - started:.0f} s")
    return unix.Build(flavour, output, program, [str(word) for word in command])


def port_variable(tree, built, variable):
    """The value of a make variable of the port for this build: only the port knows its emulator's
    arguments.
    """
    rule = f"mpgc-print:;@:$(info mpgc-print: $({variable}))"
    command = [*built.command, "--no-print-directory", f"--eval={rule}", "mpgc-print"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=unix.build_env(tree), check=False
    )
    printed = re.search(r"^mpgc-print: ?(.*)$", done.stdout, re.M)
    if done.returncode != 0 or not printed:
        raise Fail(f"`{shlex.join(command)}` does not print {variable}: {done.stderr.strip()}")
    return shlex.split(printed[1])


def emulator(tree, built):
    system = port_variable(tree, built, "QEMU_SYSTEM")
    if not system:
        raise Fail(
            f"the qemu port of MicroPython {tree.release} has no variable QEMU_SYSTEM: choose "
            "another RELEASE"
        )
    return system + port_variable(tree, built, "QEMU_ARGS")


def add_arguments(parser):
    parser.add_argument("--flavour", choices=("c", "rust"), default="rust")
    add_switch(
        parser, "--run", "open the prompt of the firmware in the emulator (leave it with Ctrl-A X)"
    )


def main(args):
    find_board(args.board)
    tree = get_tree(args.release or None, args.micropython_dir)
    say(f"building firmware of MicroPython {tree.release} for {args.board}, {args.flavour}")
    built = build(tree, args.board, args.flavour, option_names.parse(args.options))
    if args.run:
        serial = "none" if find_board(args.board).piped else "mon:stdio"
        command = [*emulator(tree, built), "-serial", serial, "-kernel", str(built.program)]
        sys.stdout.flush()
        os.execvp(command[0], command)
    return 0
