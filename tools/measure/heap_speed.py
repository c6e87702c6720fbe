"""Measures how long mpgc-heap takes for a large heap: 64 MB with a million objects, of a
MicroPython process and of a C program. It fails above the limits.
"""

import os
import struct
import subprocess
from array import array
from collections import namedtuple

from tools.build import heap_demo, unix
from tools.common import BUILD, Fail, clean_env, output_of, say, table
from tools.results import written
from tools.setup import options as option_names
from tools.setup.tree import get_tree

WORK = BUILD / "heap-speed"
HEAP_BYTES = 64 << 20
OBJECTS = 1 << 20
# Processor seconds, and megabytes of memory.
MOST_SECONDS, MOST_MEGABYTES = 3.0, 1024
COMMANDS = (
    ("summary",),
    ("why", "QUESTION"),
    ("html", "--output", "page.html"),
    ("export", "--output", "live.heapsnapshot"),
    ("export", "--format", "speedscope", "--output", "live.json"),
)
# Half a million lists, each with its items, and a buffer: a million chunks.
SCRIPT = f"""\
import gc
import sys

kept = [None] * {OBJECTS // 2}
for number in range({OBJECTS // 2}):
    kept[number] = [number, kept[number // 2]]
rest = bytearray(20 << 20)
gc.collect()
print("ready")
sys.stdin.readline()
"""

Run = namedtuple("Run", "seconds megabytes")


def snapshot_of_c(path):
    """A tree of a million objects of four blocks, which a word of the program holds."""
    block, table_at, pool, roots = 16, 0x1000_0000, 0x2000_0000, 0x100
    size = HEAP_BYTES // OBJECTS
    words = array("I", bytes(HEAP_BYTES))
    for number in range(OBJECTS):
        at = number * size // 4
        words[at] = number
        for child in (1, 2):
            if 2 * number + child < OBJECTS:
                words[at + child] = pool + (2 * number + child) * size
    # A head and three tails.
    alloc_table = bytes([0b10101001]) * (HEAP_BYTES // block // 4)
    name = b"tree\0"

    def record(kind, address, *parts):
        return [struct.pack("<III", kind, address, sum(map(len, parts))), *parts]

    pieces = [
        b"mpgc-sn1" + bytes([4, 1]) + bytes(6),
        *record(5, pool, struct.pack("<IIII", HEAP_BYTES, block, table_at, len(alloc_table))),
        *record(6, roots, struct.pack("<II", 4, 0), name),
        *record(1, roots, struct.pack("<I", pool)),
        *record(1, table_at, alloc_table),
        *record(1, pool, words.tobytes()),
    ]
    total = sum(sum(piece) for piece in pieces) & 0xFFFF_FFFF
    path.write_bytes(b"".join([*pieces, struct.pack("<III", 0, total, 0)]))


def run(command):
    """Runs it. Returns processor seconds and the most memory."""
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=clean_env(),
        cwd=WORK,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Fail(f"{' '.join(map(str, command))} ended with status {process.returncode}")
    return Run(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@written("heap-speed", "How long mpgc-heap takes for a large heap")
def main(args):
    WORK.mkdir(parents=True, exist_ok=True)
    tool = heap_demo.build()
    tree = get_tree(args.release or None, args.micropython_dir)
    program = unix.build(tree, "standard", "c", option_names.parse("")).program
    script, of_c = WORK / "million.py", WORK / "million.snapshot"
    script.write_text(SCRIPT)
    core = heap_demo.take_core(program, script, WORK, "-X", f"heapsize={HEAP_BYTES}")
    snapshot_of_c(of_c)
    samples = {
        "MicroPython, a core": ([core, "--elf", program], "__main__.kept[77777]"),
        "a C program": ([of_c], "0x2123ac40"),
    }
    rows, wrong = [["heap", "command", "processor seconds", "MB of memory"]], []
    for name, (source, question) in samples.items():
        chunks = output_of([tool, "list", *source]).count(" live ")
        if chunks < 0.99 * OBJECTS:
            raise Fail(f"{name} has {chunks} live chunks, not a million")
        for command, *words in COMMANDS:
            words = [question if word == "QUESTION" else word for word in words]
            found = run([tool, command, *source, *words])
            shown_words = " ".join([command, *words])
            rows.append([name, shown_words, f"{found.seconds:.2f}", f"{found.megabytes:.0f}"])
            if found.seconds > MOST_SECONDS or found.megabytes > MOST_MEGABYTES:
                wrong.append(f"{name}, {shown_words}")
    say(f"64 MB of heap with a million objects; at most {MOST_SECONDS:.0f} s and 1 GB\n")
    say(table(rows))
    if wrong:
        raise Fail(f"above the limits: {', '.join(wrong)}")
    return 0
