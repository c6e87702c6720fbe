#!/usr/bin/env python3
"""Runs what is there for machines without an operating system and for other processors: sizes, nlr, every board.

Ends with `N passed, N failed`; what it prints goes to build/metal.
"""

import argparse
import subprocess

from boards import BOARDS
from common import BUILD, run_main, say
from steps import Step, choose, count_line, python, run_steps
from targets import TARGETS

RELEASE = "1.25.0"
# The release that a variant of the unix port came with.
VARIANTS = {"nanbox": "1.25.0", "longlong": "1.26.1"}
# Variants for machines of 32 bits.
WITH_VARIANTS = "i686"
# Where MicroPython emits native code, which counts on the slots of nlr_buf_t.
NATIVE = ("i686", "armhf", "armel")
# py/nlrmips.c keeps half of each register of 64 bits; with py/nlrpowerpc.c the C control does not start here.
SETJMP = ("mips64el", "ppc64el")
# Its emulation is so slow that only the short way is run.
SLOW = ("SABRELITE",)
# OPTIONS that one board is run with besides.
OPTIONS = ("size", "large", "pystack")
WITH_OPTIONS = "MPS2_AN385"


def board_step(board, *words, about=""):
    command = python("tools/firmware_test.py", "--release", RELEASE, "--board", board, *words)
    return Step(" ".join(filter(None, ["firmware", board, about])), command, None, 10)


def unix_step(arch, release=RELEASE, variant="standard", options=""):
    """The unix port cross-built, and run under qemu-user; on its own where this machine can."""
    command = python("tools/upstream.py", "--release", release, "--arch", arch, "--variant", variant, "--options", options)
    special = variant if variant != "standard" else ""
    return Step(" ".join(filter(None, ["unix", arch, special, options])), command, None, 12)


def unix_steps():
    for arch in TARGETS:
        yield unix_step(arch, options="setjmp" if arch in SETJMP else "")
        if arch in NATIVE:
            yield unix_step(arch, options="native")
    for variant, release in VARIANTS.items():
        yield unix_step(WITH_VARIANTS, release, variant)


def all_steps():
    yield Step("size", python("tools/size.py", "--release", RELEASE, "--check"), None, 5)
    yield Step("nlr", python("tools/nlr.py"), count_line, 2)
    for board in BOARDS:
        yield board_step(board, *["--short"] * (board in SLOW))
    for options in OPTIONS:
        yield board_step(WITH_OPTIONS, "--options", options, about=options)
    yield Step("interrupts", python("tools/metal_interrupts.py", "--release", RELEASE), count_line, 5)
    yield Step("instructions", python("tools/metal_bench.py", "--release", RELEASE), None, 10)
    yield from unix_steps()


def install_for(chosen):
    """The compilers and emulators of the machines that these steps are for."""
    for arch in TARGETS:
        if any(step.name.startswith(f"unix {arch}") for _, step in chosen):
            subprocess.run(python("tools/deps.py", "--target", arch), check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="list the steps, run nothing")
    parser.add_argument("--deps", action="store_true", help="install what the unix port for other machines needs, run nothing")
    parser.add_argument("--only", default="", help="run the steps whose name holds this")
    parser.add_argument("--resume", action="store_true", help="leave out the steps that passed in an earlier run")
    args = parser.parse_args()
    chosen = choose(list(all_steps()), args.only)
    if args.list:
        say("\n".join(f"{step.name} (about {step.minutes} min)" for _, step in chosen))
        return 0
    if args.deps:
        install_for(chosen)
        return 0
    return run_steps(chosen, BUILD / "metal", resume=args.resume)


if __name__ == "__main__":
    run_main(main)
