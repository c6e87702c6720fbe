#!/usr/bin/env python3
"""Tries mpgc-heap on programs of the unix port, with its own C and with mpgc. Ends with `N passed, N failed`.

What it finds reachable must be what a collection leaves, chunk by chunk; each planted leak must be named; a damaged snapshot
must be an error.
"""

import argparse
import os
import random
import re
import shutil
import subprocess

import heap
import options as option_names
import unix
from common import BUILD, ROOT, Fail, clean_env, run_main, say, shown
from tree import add_tree_arguments, get_tree

WORK = BUILD / "heap-check"
SCRIPTS = ROOT / "tests" / "python"
# The buffers of tests/python/heap_leaks.py by their length, and how each is reached.
LEAKS = {
    5001: "__main__.log[2]",
    5002: "__main__.cache['k3'][1][1]",
    5003: "__main__.counter.<closed over 0>",
    5004: "__main__.callbacks[0].__self__.history[0]",
    5005: "__main__.running.<local 1>",
    5006: "__main__.with_default.<default 0>",
    5007: "__main__.Node.attribute_of_class",
}
# What the tool may say of a damaged snapshot: it reads it, or it tells what is wrong.
READ, REFUSED = 0, 1


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, name, good, text=""):
        self.passed += bool(good)
        self.failed += not good
        say(f"  {name}: {'ok' if good else 'FAILED'}" + ("" if good else f"\n{text.strip()[-3000:]}"))


def run_tool(tool, *arguments, timeout=60):
    command = [str(tool), *map(str, arguments)]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
        env=clean_env(RUST_BACKTRACE="0"), check=False,
    )


def answer(tool, *arguments):
    done = run_tool(tool, *arguments)
    if done.returncode != 0:
        raise Fail(f"mpgc-heap {' '.join(map(str, arguments))} ended with status {done.returncode}:\n{done.stderr}")
    return done.stdout


def under_gdb(program, script, collections, folder, *flags):
    """Run a script under gdb. Returns (where the C stack began in each of these collections, what the script printed)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [
        "gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-x", ROOT / "tools" / "heap_gdb.py", "--args", program, *flags, script,
    ]
    done = subprocess.run(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=clean_env(HEAP_FOLDER=str(folder), HEAP_COLLECTIONS=",".join(map(str, collections))), timeout=300, check=False,
    )
    starts = {int(number): start for number, start in re.findall(r"^collection (\d+) (0x[0-9a-f]+)$", done.stdout, re.M)}
    if sorted(starts) != sorted(collections):
        raise Fail(f"{shown(script)} on {shown(program)} did not come through {len(collections)} collections:\n{done.stdout[-3000:]}")
    return starts, done.stdout


def chunks_of(text, state=None):
    """The (address, bytes) of the lines of `mpgc-heap list`, all or those in one state."""
    lines = (line.split(" ", 3) for line in text.splitlines())
    return {(address, int(size)) for address, size, liveness, _ in lines if state in (None, liveness)}


def check_collections(checks, tool, program, folder, name, *flags):
    """What is found reachable before a collection is what is left after it, and what the program says of its size."""
    numbers = (1, 2, 3, 4, 5)
    starts, output = under_gdb(program, SCRIPTS / "heap_graph.py", numbers, folder, *flags)
    used = [int(figure) for figure in re.findall(r"^used (\d+)$", output, re.M)]
    for number in numbers:
        before, after = folder / f"{number}-before", folder / f"{number}-after"
        text = answer(tool, "list", before, "--elf", program, "--registers", "none", "--stack-from", starts[number])
        live, left = chunks_of(text, "live"), chunks_of(answer(tool, "list", after, "--elf", program))
        garbage = chunks_of(text, "garbage")
        size = sum(size for _, size in left)
        problem = f"kept, but not found: {sorted(left - live)[:9]}\nfound, but not kept: {sorted(live - left)[:9]}"
        checks.add(
            f"{name}, collection {number}: {len(live)} chunks are live, {len(garbage)} are not",
            live == left and live and garbage, problem,
        )
        checks.add(f"{name}, collection {number}: the program says {used[number - 1]} bytes", used[number - 1] == size, f"left are {size}")


def check_leaks(checks, tool, program, folder, name):
    """`why` names the cause of each planted leak, and each way ends in a root."""
    under_gdb(program, SCRIPTS / "heap_leaks.py", [1], folder)
    core = folder / "1-after"
    text = answer(tool, "why", core, "bytearray", "--elf", program, "--top", "99")
    for length, expected in LEAKS.items():
        found = re.search(rf"^0x[0-9a-f]+ bytearray of {length}, .*\n  (.*)\n    __main__ \(root pointer\)", text, re.M)
        checks.add(f"{name}, leak {expected}", found and found[1] == expected, f"found: {found and found[1]}\n{text}")
    summary = answer(tool, "summary", core, "--elf", program, "--top", "99")
    checks.add(f"{name}, summary counts 7 buffers", re.search(r"^ *7 +\d+  bytearray$", summary, re.M), summary)
    hidden = answer(tool, "summary", core, "--elf", program, "--top", "999", "--redact")
    checks.add(f"{name}, --redact hides strings", "kitchen" in answer(tool, "why", core, "str", "--elf", program, "--top", "99")
               and "kitchen" not in hidden and "kitchen" not in answer(tool, "why", core, "str", "--elf", program, "--redact", "--top", "99"), hidden)
    check_snapshot(checks, tool, program, core, folder, name)
    return core


def check_snapshot(checks, tool, program, core, folder, name):
    """A core saved as a snapshot says the same, in bytes and as text."""
    saved, text = folder / "saved", folder / "saved.txt"
    answer(tool, "save", core, "--elf", program, "--output", saved)
    lines = saved.read_bytes().hex()
    pieces = [lines[at:at + 64] for at in range(0, len(lines), 64)]
    text.write_text("MPY: soft reboot\n" + "".join(f":{piece}\r\n" for piece in pieces) + ">>> \n")
    expected = answer(tool, "summary", core, "--elf", program)
    for form in (saved, text):
        checks.add(f"{name}, {form.name} says what the core says", answer(tool, "summary", form, "--elf", program) == expected)


def check_damaged(checks, tool, program, core, folder, count):
    """Cut and flipped: the tool reads what is left or says what is wrong, in time."""
    data, chance, outcomes = core.read_bytes(), random.Random(1), {READ: 0, REFUSED: 0}
    damaged = folder / "damaged"
    bad = []
    for number in range(count):
        copy = bytearray(data[:chance.randrange(len(data))] if number % 4 == 0 else data)
        for _ in range(chance.choice((1, 10, 1000, 20000))):
            copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(8)
        damaged.write_bytes(copy)
        command = ("summary",) if number % 2 else ("why", "bytearray")
        try:
            done = run_tool(tool, command[0], damaged, *command[1:], "--elf", program, timeout=20)
        except subprocess.TimeoutExpired:
            bad.append(f"{number}: no end")
            continue
        good = done.returncode == READ or (done.returncode == REFUSED and done.stderr.startswith("error: "))
        if good:
            outcomes[done.returncode] += 1
        else:
            bad.append(f"{number}: status {done.returncode}: {done.stderr[-300:]}")
    checks.add(
        f"of {count} damaged cores {outcomes[READ]} are read, {outcomes[REFUSED]} refused",
        not bad and all(outcomes.values()), "\n".join(bad[:5]),
    )


def check_refusals(checks, tool, program, core, folder):
    """What is missing is said."""
    stripped = folder / "stripped"
    subprocess.run(["objcopy", "--strip-debug", program, stripped], check=True)
    cases = {
        "an ELF file without DWARF": ([core, "--elf", stripped], "has no DWARF"),
        "an ELF file of another program": ([core, "--elf", shutil.which("gdb")], "has no DWARF|no symbol"),
        "a snapshot that is none": ([program.parent / "Makefile-absent", "--elf", program], "reading"),
        "a text": ([SCRIPTS / "heap_leaks.py", "--elf", program], "neither an ELF core nor a snapshot"),
    }
    for name, (arguments, expected) in cases.items():
        done = run_tool(tool, "summary", *arguments)
        checks.add(f"{name} is an error", done.returncode == REFUSED and re.search(expected, done.stderr), done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_tree_arguments(parser)
    parser.add_argument("--flavour", choices=("c", "rust"), action="append", help="only the build with C, or with mpgc")
    parser.add_argument("--variant", default="standard")
    parser.add_argument("--damaged", type=int, default=200, help="how many damaged cores")
    args = parser.parse_args()
    if not shutil.which("gdb"):
        raise Fail("`gdb` is needed: install the package gdb")
    tree = get_tree(args.release or None, args.micropython_dir)
    checks = Checks()
    # With checks for overflows.
    tool = heap.build(release=False)
    for flavour in args.flavour or ("c", "rust"):
        program = unix.build(tree, args.variant, flavour, option_names.parse("")).program
        folder = WORK / f"{args.variant}-{flavour}"
        name = "mpgc" if flavour == "rust" else "C"
        check_collections(checks, tool, program, folder / "graph", name, "-X", "heapsize=256K")
        core = check_leaks(checks, tool, program, folder / "leaks", name)
    check_refusals(checks, tool, program, core, folder)
    check_damaged(checks, tool, program, core, folder, args.damaged)
    say(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    run_main(main)
