"""Measures what the hardened build costs: instructions, time and size, against mpgc without it.

Instructions are counted by callgrind and repeat exactly. Times are those of this machine, the best
of runs in turns. Of the heap: cases of `make bench`; of the interpreter: MicroPython's perf_bench.
"""

import re
import subprocess
from collections import namedtuple

from tools.build import unix
from tools.common import BUILD, Fail, progress, say, shown, table, write_json
from tools.measure import bench
from tools.results import markdown_table, write_result
from tools.setup import options as option_names
from tools.setup.tree import get_tree
from tools.verify.twins import build_twins

WORK = BUILD / "hardened-cost"
HARDENED = "MPGC_HARDENED=1"
# Cases of the benchmarks; collect-half and mark-graph are not among them, because they write beyond
# the bytes that they requested and would be stopped.
CASES = (
    "fill-1-block-1MB,fill-mixed-1MB,free-alloc-90%-128KB,alloc-after-collect-128KB,realloc-growth-1MB,free-storm-1MB,"
    "sweep-128KB,gc_info-128KB,3000-lists,61-functions,live-100KB-buffers"
)
# Allocation of different kinds: floats, strings, objects, lists, big integers.
SCRIPTS = (
    "bm_float",
    "bm_wordcount",
    "bm_chaos",
    "bm_fannkuch",
    "bm_pidigits",
    "misc_pystone",
    "misc_raytrace",
)
# The sizes that the scripts are run with: to count, and to measure.
COUNTED, TIMED = (50, 25), (1000, 1000)

Pair = namedtuple("Pair", "plain hardened")


def text_bytes(path):
    """Bytes of code and constants of an object or a program."""
    done = subprocess.run(["size", path], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.splitlines()[1].split()[0])


def heap_cases(tree):
    """{case: Pair of instructions}."""
    driver = bench.get_driver()
    counts = []
    for name, variables in (("plain", ()), ("hardened", (HARDENED,))):
        library = build_twins(tree, f"cost-{name}", bench.OPTIONS, variables, work=bench.WORK)
        counts.append(bench.count_instructions(driver, library, CASES))
    return {case: Pair(plain[1], counts[1][case][1]) for case, plain in counts[0].items()}


def interpreters(tree):
    options = option_names.parse("")
    plain = unix.build(tree, "standard", "rust", options)
    hardened = unix.build(
        tree, "standard", "rust", options._replace(build_slug="hardened"), HARDENED
    )
    return Pair(plain, hardened)


def script_file(tree, name, sizes):
    """A script of perf_bench with its driver, as its own runner combines them."""
    folder = tree.path / "tests" / "perf_bench"
    parts = [(folder / f"{part}.py").read_text() for part in (name, "benchrun")]
    path = WORK / f"{name}-{sizes[0]}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "bm_run(%u, %u)\n" % sizes]))
    return path


def run(command):
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Fail(
            f"{' '.join(map(str, command))} ended with status "
            f"{done.returncode}:\n{(done.stdout + done.stderr).strip()[-800:]}"
        )
    return done


def instructions(build, script):
    done = run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", build.program, script]
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if not found:
        raise Fail(f"callgrind reports no count for {shown(script)}:\n{done.stderr.strip()[-800:]}")
    return int(found[1])


def microseconds(build, script):
    return float(run([build.program, script]).stdout.split()[0])


def interpreter_cases(tree, builds, rounds):
    """{script: {"instructions": Pair, "us": Pair}}."""
    result = {}
    for name in SCRIPTS:
        script = script_file(tree, name, COUNTED)
        counted = Pair(*(instructions(build, script) for build in builds))
        progress(f"counted: {name}")
        script = script_file(tree, name, TIMED)
        times = [Pair(*(microseconds(build, script) for build in builds)) for _ in range(rounds)]
        result[name] = {"instructions": counted, "us": Pair(*(min(side) for side in zip(*times)))}
    return result


def ratio(pair):
    return f"{pair.hardened / pair.plain:.2f}"


def tables(cases, scripts, sizes):
    """The counts as tables, without what depends on the machine."""
    heads = ["mpgc", "hardened", "ratio"]
    heap = [
        [case, f"{pair.plain:.0f}", f"{pair.hardened:.0f}", ratio(pair)]
        for case, pair in cases.items()
    ]
    programs = [
        [name, *one["instructions"], ratio(one["instructions"])] for name, one in scripts.items()
    ]
    text = [[name, *pair, ratio(pair)] for name, pair in sizes.items()]
    return [
        [["heap, instructions of one operation", *heads], *heap],
        [["perf_bench, all instructions", *heads], *programs],
        [["text in bytes", *heads], *text],
    ]


def main(args):
    if args.rounds == 0:
        raise Fail("ROUNDS=0: give 1 or more")
    tree = get_tree(args.release or None, args.micropython_dir)
    cases = heap_cases(tree)
    builds = interpreters(tree)
    scripts = interpreter_cases(tree, builds, args.rounds)
    sizes = {
        "mpgc's object (gc.o)": Pair(
            *(text_bytes(build.folder / "py" / "gc.o") for build in builds)
        ),
        "the unix port": Pair(*(text_bytes(build.program) for build in builds)),
    }
    head = f"MicroPython {tree.release}: what the hardened build costs; a ratio above 1 is a cost."
    found = tables(cases, scripts, sizes)
    say("\n\n".join(["", head, *map(table, found)]))
    times = ", ".join(f"{name} {ratio(one['us'])}" for name, one in scripts.items())
    say(f"\ntimes of perf_bench, hardened / mpgc, on this machine: {times}")
    if args.write:
        body = "\n\n".join([head, *map(markdown_table, found)])
        write_result("hardened-cost", "What the hardened build costs", args.command, body)
    path = WORK / "report.json"
    write_json(path, {"release": tree.release, "heap": cases, "scripts": scripts, "text": sizes})
    say(f"\nwritten: {shown(path)}")
    return 0
