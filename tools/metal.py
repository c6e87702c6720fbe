#!/usr/bin/env python3
"""Runs what is there for machines without an operating system and for other processors: sizes, nlr, every board.

Ends with `N passed, N failed`; what it prints goes to build/metal.
"""

import argparse

from boards import BOARDS
from common import BUILD, run_main, say
from steps import Step, choose, count_line, python, run_steps

RELEASE = "1.25.0"
# Its emulation is so slow that only the short way is run.
SLOW = ("SABRELITE",)
# OPTIONS that one board is run with besides.
OPTIONS = ("size",)
WITH_OPTIONS = "MPS2_AN385"


def board_step(board, *words, about=""):
    command = python("tools/firmware_test.py", "--release", RELEASE, "--board", board, *words)
    return Step(" ".join(filter(None, ["firmware", board, about])), command, None, 10)


def all_steps():
    yield Step("size", python("tools/size.py", "--release", RELEASE, "--check"), None, 5)
    yield Step("nlr", python("tools/nlr.py"), count_line, 2)
    for board in BOARDS:
        yield board_step(board, *["--short"] * (board in SLOW))
    for options in OPTIONS:
        yield board_step(WITH_OPTIONS, "--options", options, about=options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="list the steps, run nothing")
    parser.add_argument("--only", default="", help="run the steps whose name holds this")
    parser.add_argument("--resume", action="store_true", help="leave out the steps that passed in an earlier run")
    args = parser.parse_args()
    chosen = choose(list(all_steps()), args.only)
    if args.list:
        say("\n".join(f"{step.name} (about {step.minutes} min)" for _, step in chosen))
        return 0
    return run_steps(chosen, BUILD / "metal", resume=args.resume)


if __name__ == "__main__":
    run_main(main)
