"""Runs inside gdb (tools/verify/heap_check.py): cores of a MicroPython program around some
collections.

Before: at the call that marks from the C stack, so that its argument says where that begins,
registers included. After: where gc_collect returns, so that the alloc table says what is left.
Prints `collection N START`, and what the program prints.
"""

import os

import gdb

folder = os.environ["HEAP_FOLDER"]
wanted = [int(number) for number in os.environ["HEAP_COLLECTIONS"].split(",")]
ARGUMENT = {"i386:x86-64": "$rdi", "i386": "*(unsigned int *)($esp + 4)", "aarch64": "$x0"}

for setting in (
    "pagination off",
    "confirm off",
    "breakpoint pending off",
    "print thread-events off",
):
    gdb.execute(f"set {setting}")


def run_to(place):
    gdb.Breakpoint(place, temporary=True)
    gdb.execute("continue", to_string=True)


gdb.execute("starti", to_string=True)
for number in range(1, max(wanted) + 1):
    # A port may collect by itself too; only the collections that the script requests are counted.
    run_to("*py_gc_collect")
    if number not in wanted:
        continue
    run_to("*gc_helper_collect_regs_and_stack")
    run_to("*gc_collect_root")
    argument = ARGUMENT[gdb.selected_frame().architecture().name()]
    start = int(gdb.parse_and_eval(argument)) & (1 << 64) - 1
    gdb.execute(f"generate-core-file {folder}/{number}-before", to_string=True)
    run_to("*gc_collect_end")
    gdb.execute("finish", to_string=True)
    gdb.execute(f"generate-core-file {folder}/{number}-after", to_string=True)
    print(f"collection {number} {start:#x}", flush=True)
gdb.execute("continue")
