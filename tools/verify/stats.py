"""Compares the figures of MPGC_STATS=1 with what a program has done: tests/python/stats.py."""

import re
import subprocess

from tools.build import unix
from tools.common import ROOT, Fail, clean_env, say, shown
from tools.setup import options as option_names
from tools.setup.tree import get_tree

SCRIPT = ROOT / "tests" / "python" / "stats.py"
# What the script claims; with the Python stack, for it is looked at too.
CLAIMS = 17
OPTIONS = "pystack"
# The build that `make snapshot` takes too.
WORDS = ("MPGC_STATS=1", "MPGC_PYTHON_MODULE=1")


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse(OPTIONS)
    options = options._replace(build_slug=f"{options.build_slug}-stats")
    program = unix.build(tree, "standard", "rust", options, *WORDS).program
    figures_are_those_of_the_program(program)
    return 0


def figures_are_those_of_the_program(program):
    done = subprocess.run(
        [str(program), str(SCRIPT)],
        env=clean_env(),
        stdin=subprocess.DEVNULL,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )
    held = re.findall(r"^\w+ holds", done.stdout, re.M)
    if done.returncode != 0 or "is wrong" in done.stdout or len(held) != CLAIMS:
        raise Fail(
            f"{shown(SCRIPT)} on {shown(program)} ended with status {done.returncode}, "
            f"{len(held)} of {CLAIMS} claims hold:\n{done.stdout}"
        )
    say(f"{CLAIMS} claims about the figures hold")
