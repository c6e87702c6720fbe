"""Tries mpgc-heap on programs of the unix port, with its own C and with mpgc.

What it finds reachable must be what a collection leaves, chunk by chunk; each planted leak must be
named; a damaged snapshot must be an error. Ends with `N passed, N failed`.
"""

import json
import random
import re
import shutil
import subprocess

from tools.build import heap_demo as heap
from tools.build import unix
from tools.common import BUILD, ROOT, Fail, add_switch, clean_env, output_of, run_caught, shown
from tools.setup import options as option_names
from tools.setup.tree import get_tree
from tools.steps import Tally
from tools.verify.heap_answers import READ, REFUSED, answer, chunks_of, run_tool
from tools.verify.heap_export import check_programs
from tools.verify.heap_page import check_pictures

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
# The outcomes for a damaged snapshot.
COMMANDS = [
    ("summary",),
    ("why", "bytearray"),
    ("export", "-o", "/dev/null"),
    ("html", "-o", "/dev/null"),
]


def under_gdb(program, script, collections, folder, *flags):
    """Run a script under gdb. Returns (where the C stack began in each of these collections, what
    the script printed).
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    gdb = [
        "gdb",
        "-nx",
        "-batch",
        "-iex",
        "set debuginfod enabled off",
        "-x",
        ROOT / "tools" / "verify" / "heap_gdb.py",
    ]
    command = [*gdb, "--args", program, *flags, script]
    done = run_caught(
        command,
        env=clean_env(HEAP_FOLDER=str(folder), HEAP_COLLECTIONS=",".join(map(str, collections))),
        timeout=300,
    )
    starts = {
        int(number): start
        for number, start in re.findall(r"^collection (\d+) (0x[0-9a-f]+)$", done.stdout, re.M)
    }
    if sorted(starts) != sorted(collections):
        raise Fail(
            f"{shown(script)} on {shown(program)} did not reach the end of {len(collections)} "
            f"collections:\n{done.stdout[-3000:]}"
        )
    return starts, done.stdout


def check_collections(checks, tool, program, folder, name, *flags):
    """What is found reachable before a collection equals what is left after it, and its size equals
    the program's.
    """
    numbers = (1, 2, 3, 4, 5)
    starts, output = under_gdb(program, SCRIPTS / "heap_graph.py", numbers, folder, *flags)
    used = [int(figure) for figure in re.findall(r"^used (\d+)$", output, re.M)]
    for number in numbers:
        before, after = folder / f"{number}-before", folder / f"{number}-after"
        text = answer(
            tool,
            "list",
            before,
            "--elf",
            program,
            "--registers",
            "none",
            "--stack-from",
            starts[number],
        )
        live, left = (
            chunks_of(text, "live"),
            chunks_of(answer(tool, "list", after, "--elf", program)),
        )
        garbage = chunks_of(text, "garbage")
        size = sum(size for _, size in left)
        problem = (
            f"kept, but not found: {sorted(left - live)[:9]}\nfound, but not kept: "
            f"{sorted(live - left)[:9]}"
        )
        checks.add(
            f"{name}, collection {number}: {len(live)} chunks are live, {len(garbage)} are not",
            live == left and live and garbage,
            problem,
        )
        checks.add(
            f"{name}, collection {number}: the program says {used[number - 1]} bytes",
            used[number - 1] == size,
            f"left are {size}",
        )


def check_names(checks, tool, program, core, name):
    """`why` names the cause of each planted leak, and each path begins at a root."""
    text = answer(tool, "why", core, "bytearray", "--elf", program, "--top", "99")
    for length, expected in LEAKS.items():
        found = re.search(
            rf"^0x[0-9a-f]+ bytearray of {length}, .*\n  (.*)\n    __main__ \(root pointer\)",
            text,
            re.M,
        )
        checks.add(
            f"{name}, leak {expected}",
            found and found[1] == expected,
            f"found: {found and found[1]}\n{text}",
        )


def check_leaks(checks, tool, program, folder, name):
    """The planted leaks, their number, and the frame of the interpreter have names."""
    under_gdb(program, SCRIPTS / "heap_leaks.py", [1], folder)
    core = folder / "1-after"
    check_names(checks, tool, program, core, name)
    summary = answer(tool, "summary", core, "--elf", program, "--top", "99")
    checks.add(
        f"{name}, summary counts 7 buffers",
        re.search(r"^ *7 +\d+  bytearray$", summary, re.M),
        summary,
    )
    frames = answer(tool, "why", core, "function.child_table", "--elf", program)
    checks.add(
        f"{name}, the frame of the interpreter is named",
        "<C stack, frame of mp_execute_bytecode>" in frames,
        frames,
    )
    hidden = answer(tool, "summary", core, "--elf", program, "--top", "999", "--redact")
    question = ("why", core, "str", "--elf", program, "--top", "99")
    plain, hidden = answer(tool, *question), hidden + answer(tool, *question, "--redact")
    checks.add(
        f"{name}, --redact hides strings", "kitchen" in plain and "kitchen" not in hidden, hidden
    )
    check_snapshot(checks, tool, program, core, folder, name)
    return core


def check_snapshot(checks, tool, program, core, folder, name):
    """A core saved as a snapshot gives the same answers, in bytes and as text."""
    saved, text = folder / "saved", folder / "saved.txt"
    answer(tool, "save", core, "--elf", program, "--output", saved)
    lines = saved.read_bytes().hex()
    pieces = [lines[at : at + 64] for at in range(0, len(lines), 64)]
    text.write_text("MPY: soft reboot\n" + "".join(f":{piece}\r\n" for piece in pieces) + ">>> \n")
    expected = answer(tool, "summary", core, "--elf", program)
    for form in (saved, text):
        checks.add(
            f"{name}, {form.name} says what the core says",
            answer(tool, "summary", form, "--elf", program) == expected,
        )


def check_diff(checks, tool, program, folder):
    """The chunks allocated between two snapshots that stay are the difference of what is live in
    them.
    """
    cores = [folder / f"{number}-after" for number in (1, 2, 3)]
    one, two, three = (live_lines(answer(tool, "list", core, "--elf", program)) for core in cores)
    for later, expected in ((cores[1:2], two - one), (cores[1:], (two - one) & three)):
        text = answer(tool, "diff", cores[0], *later, "--elf", program)
        first = (
            f"{len(expected)} chunks, {sum(size for _, size, _ in expected)} bytes were made "
            "in between and stay"
        )
        checks.add(
            f"diff of {1 + len(later)}: {first}", expected and text.startswith(first + "\n"), text
        )


def live_lines(text):
    lines = (line.split(" ", 3) for line in text.splitlines())
    return {
        (address, int(size), kind) for address, size, liveness, kind in lines if liveness == "live"
    }


def check_export(checks, tool, program, core, folder):
    """The export is a graph: its counts and places are right, all of it is reached, and its bytes
    are those that are live.
    """
    file = folder / "live.heapsnapshot"
    answer(tool, "export", core, "--elf", program, "--format", "heapsnapshot", "--output", file)
    whole = json.loads(file.read_text())
    nodes, edges, strings = whole["nodes"], whole["edges"], whole["strings"]
    width = len(whole["snapshot"]["meta"]["node_fields"])
    count = whole["snapshot"]["node_count"]
    good = len(nodes) == count * width and len(edges) == 3 * whole["snapshot"]["edge_count"]
    outgoing, first = [], 0
    for node in range(count):
        kind, name, _, _, number = nodes[node * width : node * width + 5]
        good = good and name < len(strings) and kind < 15
        outgoing.append([edges[3 * edge + 2] // width for edge in range(first, first + number)])
        first += number
    good = good and first * 3 == len(edges) and len(set(nodes[2::width])) == count
    reached, waiting = {0}, [0]
    while waiting:
        for to in outgoing[waiting.pop()]:
            if to not in reached:
                reached.add(to)
                waiting.append(to)
    size = sum(size for _, size in chunks_of(answer(tool, "list", core, "--elf", program), "live"))
    checks.add(
        f"export: {count} nodes, {len(edges) // 3} edges",
        good and len(reached) == count and sum(nodes[3::width]) == size,
    )


def hot_spots(program, core):
    """Where in a core the state and the heap are: (place in the file, bytes)."""
    listed = output_of(["readelf", "-lW", core])
    loads = re.findall(r"^  LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+) 0x\w+ RW ", listed, re.M)
    loads = [tuple(int(field, 16) for field in load) for load in loads]
    # The program's own data comes first, then what it allocated.
    return [(place, size) for place, _, size in loads[:3]]


def check_damaged(checks, tool, program, core, folder, count):
    """Truncated cores and flipped bits: the tool reads what is left or reports what is wrong, in
    time.
    """
    data, chance, outcomes = core.read_bytes(), random.Random(1), {READ: 0, REFUSED: 0}
    spots = hot_spots(program, core)
    damaged = folder / "damaged"
    bad = []
    for number in range(count):
        copy = bytearray(data[: chance.randrange(len(data))] if number % 4 == 0 else data)
        for _ in range(chance.choice((1, 10, 1000, 20000))):
            place, size = chance.choice([(0, len(copy)), *spots])
            at = place + chance.randrange(size)
            if at < len(copy):
                copy[at] ^= 1 << chance.randrange(8)
        damaged.write_bytes(copy)
        command = COMMANDS[number % len(COMMANDS)]
        try:
            done = run_tool(tool, command[0], damaged, *command[1:], "--elf", program, timeout=60)
        except subprocess.TimeoutExpired:
            bad.append(f"{number}: no end")
            continue
        good = done.returncode == READ or (
            done.returncode == REFUSED and done.stderr.startswith("error: ")
        )
        if good:
            outcomes[done.returncode] += 1
        else:
            bad.append(f"{number}: status {done.returncode}: {done.stderr[-300:]}")
    checks.add(
        f"of {count} damaged cores {outcomes[READ]} are read, {outcomes[REFUSED]} refused",
        not bad and all(outcomes.values()),
        "\n".join(bad[:5]),
    )


def check_refusals(checks, tool, program, core, folder):
    """A missing file or symbol is reported."""
    stripped = folder / "stripped"
    subprocess.run(["objcopy", "--strip-debug", program, stripped], check=True)
    cases = {
        "an ELF file without DWARF": ([core, "--elf", stripped], "has no DWARF"),
        "an ELF file of another program": (
            [core, "--elf", shutil.which("gdb")],
            "has no DWARF|no symbol",
        ),
        "a file that is not there": ([program.parent / "absent", "--elf", program], "reading"),
        "a text": (
            [SCRIPTS / "heap_leaks.py", "--elf", program],
            "neither an ELF core nor a snapshot",
        ),
    }
    for name, (arguments, expected) in cases.items():
        done = run_tool(tool, "summary", *arguments)
        checks.add(
            f"{name} is an error",
            done.returncode == REFUSED and re.search(expected, done.stderr),
            done.stderr,
        )


def add_arguments(parser):
    parser.add_argument(
        "--flavour",
        choices=("c", "rust"),
        action="append",
        help="test only the build with C, or with mpgc",
    )
    parser.add_argument("--damaged", type=int, default=200, help="how many damaged cores")
    add_switch(
        parser,
        "--short",
        "the leaks alone, the export, and what is refused: no collections, no browser",
    )
    add_switch(
        parser,
        "--no-page",
        "leave out the map, the page in a browser, and the programs that read exports",
    )


def main(args):
    if not shutil.which("gdb"):
        raise Fail("`gdb` is needed: install the package gdb")
    tree = get_tree(args.release or None, args.micropython_dir)
    checks = Tally()
    tool = heap.build()
    for flavour in args.flavour or ("c", "rust"):
        program = unix.build(tree, args.variant, flavour, option_names.parse("")).program
        folder = WORK / f"{args.variant}-{flavour}"
        name = "mpgc" if flavour == "rust" else "C"
        if not args.short:
            check_collections(checks, tool, program, folder / "graph", name, "-X", "heapsize=256K")
        core = check_leaks(checks, tool, program, folder / "leaks", name)
    check_export(checks, tool, program, core, folder)
    if not args.short:
        check_diff(checks, tool, program, folder / "graph")
    if not (args.short or args.no_page):
        check_pictures(checks, tool, program, core, folder)
        check_programs(checks, tool, program, core, folder)
    check_refusals(checks, tool, program, core, folder)
    check_damaged(checks, tool, program, core, folder, 12 if args.short else args.damaged)
    return checks.ended()
