"""Has a program take snapshots of itself, `mpgc.snapshot`, and mpgc-heap read them and watch it.

tests/python/heap_snapshot.py takes one as it is, one with a locked heap and one with a full heap,
and allocates nothing. Each planted leak must be named in each.
"""

import re
import shutil

from tools.build import heap_demo, unix
from tools.common import BUILD, Fail, run_caught, say, shown
from tools.setup import options as option_names
from tools.setup.tree import get_tree
from tools.verify import stats
from tools.verify.heap_answers import answer
from tools.verify.heap_check import LEAKS, SCRIPTS

SCRIPT = SCRIPTS / "heap_snapshot.py"
NAMES = ("plain", "locked", "full")
WORK = BUILD / "snapshot"


def take(program, folder):
    """The snapshots of the script go to the folder. Returns what it printed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    done = run_caught(
        [str(program), "-X", "heapsize=256K", str(SCRIPT), str(folder), str(SCRIPTS)], timeout=300
    )
    if done.returncode != 0:
        raise Fail(f"{shown(SCRIPT)} ended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def the_device_says_what_it_holds(tool, program, folder, printed):
    """What a collection left is what is live in the snapshot, and why names each leak."""
    live = int(re.search(r"^live (\d+)$", printed, re.M)[1])
    if "no stream is refused" not in printed or "\nallocated 0\n" not in printed:
        raise Fail(f"{shown(SCRIPT)} on {shown(program)}:\n{printed}")
    for name in NAMES:
        snapshot = folder / name
        why = answer(tool, "why", snapshot, "bytearray", "--elf", program, "--top", "99")
        for length, expected in LEAKS.items():
            pattern = rf"^0x[0-9a-f]+ bytearray of {length}, .*\n  (.*)\n"
            found = re.search(pattern, why, re.M)
            if not found or found[1] != expected:
                raise Fail(f"{name}: {expected} is not named:\n{why[:3000]}")
        say(f"{name}: {len(LEAKS)} leaks are named")
    summary = answer(tool, "summary", folder / NAMES[0], "--elf", program)
    found = int(re.search(r"^live +(\d+) bytes", summary, re.M)[1])
    # what the script has made since, and what its own frames held
    if not live - 1000 <= found <= live + 1000:
        raise Fail(f"{found} bytes are live in the snapshot, the program said {live}:\n{summary}")


def the_process_is_watched(tool, program, folder):
    """`watch` starts the program with a trace: its lines count what the program has counted."""
    script = SCRIPTS / "trace.py"
    words = ("--", program, "-X", "heapsize=200k", script, folder / "ring.json")
    lines = answer(tool, "watch", *words).splitlines()
    printed = [line for line in lines if re.fullmatch(r"\| \d+ \d+ \d+ \d+", line)]
    if len(printed) != 1 or lines[-1] != "the program ended: exit status: 0":
        raise Fail("watch does not show what the program prints:\n" + "\n".join(lines[-9:]))
    collections, asked, _, failures = map(int, printed[0].split()[1:])
    # the program's end sweeps once more
    expected = (
        rf"; {collections} collections \(asked {asked}, full \d+, threshold \d+, idle 0\)"
        rf"; last \d+ us; longest \d+ us; failures {failures}$"
    )
    if not any(re.search(expected, line) for line in lines):
        raise Fail(f"watch does not count {collections} collections:\n" + "\n".join(lines[-9:]))
    say(f"watch has counted {collections} collections and {failures} failures")


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    tool = heap_demo.build()
    options = option_names.parse(stats.OPTIONS)
    options = options._replace(build_slug=f"{options.build_slug}-stats")
    program = unix.build(tree, "standard", "rust", options, *stats.WORDS).program
    folder = WORK / "snapshots"
    the_device_says_what_it_holds(tool, program, folder, take(program, folder))
    the_process_is_watched(tool, program, folder)
    return 0
