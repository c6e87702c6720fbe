"""Runs the unit tests of the library: no MicroPython tree and no libclang needed."""

import subprocess

from tools.common import ROOT


def main(args):
    return subprocess.run(["cargo", "test"], cwd=ROOT, check=False).returncode
