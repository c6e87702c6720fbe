"""Formats the Rust and Python sources."""

import subprocess

from tools.common import ROOT, say
from tools.verify.lint import find_ruff


def main(args):
    commands = [["cargo", "fmt", "--all"]]
    ruff, reason = find_ruff()
    if ruff:
        commands.append([ruff, "format", "--no-cache", "."])
    else:
        say(f"skipped: ruff: {reason}")
    return max(subprocess.run(command, cwd=ROOT, check=False).returncode for command in commands)
