"""Builds mpgc-heap, and shows it on a program with a leak.

It takes a snapshot and prints what fills the heap and what keeps it alive. Everything is written
under build/heap-demo.
"""

import shlex
import shutil
import subprocess
import sys

from tools.build import unix
from tools.common import (
    BUILD,
    ROOT,
    Fail,
    built,
    cargo_build,
    clean_env,
    run_caught,
    run_logged,
    say,
    shown,
)
from tools.setup import options as option_names
from tools.setup.tree import get_tree

DEMO = ROOT / "examples" / "leak.py"


def build():
    """Build mpgc-heap, with its checks for overflows. Returns the program."""
    command = cargo_build("mpgc-heap", profile="checked")
    run_logged(command, BUILD / "mpgc-heap" / "build.log", what="building mpgc-heap")
    return built("checked", "mpgc-heap")


def shown_run(command):
    """Print a command as a person would type it, and run it."""
    say("\n$ " + shlex.join([shown(command[0]), *map(shown, command[1:])]))
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        env=clean_env(),
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        raise Fail(f"that ended with status {done.returncode}")


def take_core(program, script, folder, *flags):
    """Run a script until it says `ready`, take a core of it with gdb's gcore, and end it."""
    if not shutil.which("gcore"):
        raise Fail("`gcore` is needed: install the package gdb")
    process = subprocess.Popen(
        [str(program), *flags, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_env(),
    )
    try:
        for line in process.stdout:
            sys.stdout.write(line)
            if line.strip() == "ready":
                break
        else:
            raise Fail(f"{shown(script)} ended before it said `ready`")
        say(f"\n$ gcore -o {shown(folder / 'core')} {process.pid}")
        done = run_caught(["gcore", "-o", str(folder / "core"), str(process.pid)])
        made = folder / f"core.{process.pid}"
        if not made.is_file():
            raise Fail(f"gcore took no core (a container may forbid ptrace):\n{done.stdout}")
        made.replace(folder / "core")
    finally:
        process.kill()
        process.wait()
    return folder / "core"


def add_arguments(parser):
    parser.add_argument("--flavour", choices=("c", "rust"), default="c")


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    program = unix.build(tree, "standard", args.flavour, option_names.parse("")).program
    tool = build()
    folder = BUILD / "heap-demo"
    folder.mkdir(parents=True, exist_ok=True)
    say(f"\n$ {shown(program)} {shown(DEMO)}")
    core = take_core(program, DEMO, folder)
    shown_run([tool, "summary", core, "--elf", program, "--top", "8"])
    shown_run([tool, "why", core, "bytes", "--elf", program, "--top", "1"])
    shown_run([tool, "html", core, "--elf", program, "--output", folder / "page.html"])
    say(f"\nopen {shown(folder / 'page.html')} in a browser")
    return 0
