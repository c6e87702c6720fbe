"""Measures the C original and mpgc in one process, on the same memory, in turns.

Times are those of this machine; instructions are counted by callgrind and repeat exactly. Writes
build/bench/report.json, report.md and ratios.svg. A ratio above 1 means that mpgc is faster.
"""

import json
import re
import subprocess
import zlib
from pathlib import Path

from tools.common import (
    BUILD,
    ROOT,
    Fail,
    add_switch,
    progress,
    run_logged,
    say,
    shown,
    table,
    write_json,
)
from tools.results import markdown_table, write_result
from tools.setup.targets import TARGETS, missing_for
from tools.setup.tree import get_tree
from tools.verify.twins import build_driver, build_twins, driver_of

SOURCES = ROOT / "benches"
WORK = BUILD / "bench"
# As a program has them: no interposition inside the C, whole chunks cleared (the default of the
# ports).
OPTIONS = "-DTWIN_BENCH -DMICROPY_GC_CONSERVATIVE_CLEAR=1 -fPIE"
# No more instructions than the C, but for these.
MOST_INSTRUCTIONS = 1.05
# The cases that CI counts: quick ones, each hot path once.
CHECKED = (
    "fill-1-block,fill-mixed-1MB,mark-list-100000,mark-tree,free-alloc-90%-128KB,alloc-after-collect-128KB,realloc-growth,free-storm-1MB,"
    "sweep-128KB,gc_info-128KB,collect-half-128KB,mark-graph-128KB,3000-lists,61-functions,live-100KB-buffers,"
    "pystack,nlr,sched"
)
# Cases above that, and their limits: debts, to be paid. docs/performance.md gives the reasons.
DEBTS = {
    "": {"pystack-3-frames": 1.55},
    "i686": {"pystack-3-frames": 1.11, "mark-tree-131071": 1.08, "mark-tree-1048575": 1.08},
}
# The harness's own functions are not counted.
HARNESS = ("env.c", "heap.c", "core.c", "bench.c")


def get_driver(target=None, charts=False):
    """The driver of the benchmarks; this machine's own driver draws the charts."""
    build_driver(target, "mpgc-bench", WORK, ["--features", "charts"] if charts else [])
    return driver_of(target, "mpgc-bench")


def draw(what, source, picture):
    run_logged([get_driver(charts=True), what, source, picture], WORK / "draw.log", what="drawing")


def lines_of(command, what):
    """The driver's lines as objects, each as soon as it is printed."""
    with open(WORK / "errors.log", "wb") as errors:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            for line in process.stdout:
                yield json.loads(line)
        finally:
            if process.poll() is None and process.stdout.read() == "":
                process.wait()
    if process.wait() != 0:
        tail = (WORK / "errors.log").read_text(errors="replace").strip().splitlines()[-8:]
        raise Fail(
            f"{what} ended with status {process.returncode}:\n"
            + "\n".join("    | " + line for line in tail)
        )


def counted_instructions(path):
    """(name, instructions) of a callgrind dump: all but those of the driver and the harness."""
    name, total, functions, objects, files = None, 0, {}, {}, {}
    counts = skip = False

    def resolve(text, known):
        match = re.match(r"\((\d+)\)(?: (.*))?$", text)
        if match and match[2]:
            known[match[1]] = match[2]
        return known.get(match[1], "") if match else text

    obj = file = ""
    for line in path.read_text(errors="replace").splitlines():
        key, equals, value = line.partition("=")
        if line.startswith("desc: Trigger: Client Request: "):
            name = line.split(": ", 3)[3]
        elif equals and key == "ob":
            obj = resolve(value, objects)
        elif equals and key == "fl":
            file = resolve(value, files)
        elif equals and key == "fn":
            resolve(value, functions)
            counts = obj.endswith((".so", ".so.6")) and Path(file).name not in HARNESS
        elif equals and key in ("fi", "fe", "cfi", "cfl"):
            resolve(value, files)
        elif equals and key == "cob":
            resolve(value, objects)
        elif equals and key == "cfn":
            resolve(value, functions)
        elif line.startswith("calls="):
            skip = True
        elif re.match(r"[+\-*\d]", line) and name:
            if counts and not skip:
                total += int(line.split()[1])
            skip = False
    return name, total


def count_instructions(driver, library, only):
    """{case: (C, Rust, counted as)}, instructions of one operation."""
    for path in WORK.glob("callgrind.*"):
        path.unlink()
    command = [
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        f"--callgrind-out-file={WORK}/callgrind.out",
        "--compress-pos=no",
        "-q",
        driver,
        "count",
        library,
        "0",
        only,
    ]
    lines = []
    for line in lines_of(command, "counting under callgrind"):
        lines.append(line)
        progress(f"counted: {line['case']}")
    found = dict(counted_instructions(path) for path in WORK.glob("callgrind.out*"))
    return {
        line["case"]: tuple(
            found[f"{side} {line['counted_as']}"] / operations
            for side, operations in zip(("c", "rust"), line["operations"])
        )
        + (line["counted_as"],)
        for line in lines
    }


def nanoseconds(ns):
    for unit, scale in (("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)):
        if ns < 1000 * scale or unit == "s":
            return f"{ns / scale:.3g} {unit}"
    return ""


HEADS = [
    "case",
    "C",
    "mpgc",
    "C / mpgc",
    "of medians",
    "C instr.",
    "mpgc instr.",
    "mpgc / C instr.",
]


def row(line):
    cells = [
        line["case"],
        nanoseconds(line["c_ns"]),
        nanoseconds(line["rust_ns"]),
        f"{line['ratio']:.2f}",
        f"{line['median_ratio']:.2f}",
    ]
    c, rust = line.get("c_instructions"), line.get("rust_instructions")
    if c is None:
        return cells + ["", "", ""]
    return cells + [f"{c:.0f}", f"{rust:.0f}", f"{rust / c:.3f}" if c else ""]


def body(tree, report):
    """The report in Markdown."""
    notes = sorted(
        {
            f"- `{line['case']}` has its instructions counted as `{line['counted_as']}`."
            for line in report
            if line.get("counted_as", line["case"]) != line["case"]
        }
    )
    return (
        f"MicroPython {tree.release}. Times and instructions are those of one operation: the "
        "least of many "
        "samples, and the median of the ratios of neighbouring samples. Above 1, mpgc is "
        "faster.\n\n" + markdown_table([HEADS, *map(row, report)]) + "\n\n" + "\n".join(notes)
    )


def run(driver, library, args):
    report = []
    say(f"{'case':36} {'C':>10} {'mpgc':>10} {'C / mpgc':>9} {'of medians':>11}")
    for line in lines_of([driver, "run", library, args.seconds, args.case], "the benchmark"):
        report.append(line)
        case, c, rust, ratio, median, *_ = row(line)
        say(f"{case:36} {c:>10} {rust:>10} {ratio:>9} {median:>11}")
    return report


def growth(driver, library, args):
    points = []
    for point in lines_of(
        [driver, "growth", library, args.seconds, args.largest], "measuring the growth"
    ):
        points.append(point)
        c, rust = point["c_ns"], point["rust_ns"]
        say(
            f"{point['chart']}, {point['series']}, {point['x']} {point['unit']}: C "
            f"{nanoseconds(c)}, mpgc {nanoseconds(rust)}"
        )
    write_json(WORK / "growth.json", points)
    draw("draw-growth", WORK / "growth.json", WORK / "growth.svg")
    say(f"written: {shown(WORK / 'growth.json')}, growth.svg")
    if args.write:
        heads = ["what", "of", "at", "C", "mpgc"]
        rows = [
            [
                point["chart"],
                point["series"],
                f"{point['x']} {point['unit']}",
                nanoseconds(point["c_ns"]),
                nanoseconds(point["rust_ns"]),
            ]
            for point in points
        ]
        title, pictures = "Growth of pauses and allocations", [WORK / "growth.svg"]
        write_result("bench-growth", title, args.command, markdown_table([heads, *rows]), pictures)
    return 0


def check(counts, debts):
    """For CI: no hot path has more instructions than the C's times the factor; no debt grows, and
    no paid debt stays listed.
    """
    rows = [["case", "C", "mpgc", "mpgc / C", "at most"]]
    wrong, paid = [], []
    for case, (c, rust, _) in counts.items():
        most = debts.get(case, MOST_INSTRUCTIONS)
        rows.append([case, f"{c:.1f}", f"{rust:.1f}", f"{rust / c:.3f}", f"{most:.2f}"])
        if not 0 < rust <= c * most:
            wrong.append(case)
        elif case in debts and rust <= c * MOST_INSTRUCTIONS:
            paid.append(case)
    say(table(rows))
    if wrong:
        raise Fail(f"too many instructions, compared with the C's, in: {', '.join(wrong)}")
    if paid:
        raise Fail(
            f"no longer debts, remove them from DEBTS in {shown(Path(__file__))}: {', '.join(paid)}"
        )
    return 0


def add_arguments(parser):
    parser.add_argument(
        "--options",
        default="",
        help="-D options more for both, as in mpconfigport.h; the mark cases need finalisers",
    )
    add_switch(parser, "--check", "count a few quick cases and compare, as CI does")
    add_switch(parser, "--no-count", "times only")
    add_switch(parser, "--growth", "instead measure how pauses and allocations grow")
    parser.add_argument(
        "--largest", default="1024", help="of --growth: the largest heap, in MB (1024)"
    )


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    if args.arch not in DEBTS:
        raise Fail(
            f"ARCH={args.arch}: can only measure this machine (no ARCH) and "
            f"{', '.join(filter(None, DEBTS))}"
        )
    target = args.arch or None
    missing = missing_for(TARGETS[target], crate="std") if target else None
    if missing:
        raise Fail(missing)
    driver = get_driver(target)
    folder = WORK / args.arch
    name = "-".join(
        filter(
            None,
            ["bench", target, f"{zlib.crc32(args.options.encode()):x}" if args.options else ""],
        )
    )
    library = build_twins(tree, name, f"{OPTIONS} {args.options}".strip(), work=WORK, target=target)
    if args.check:
        return check(count_instructions(driver, library, CHECKED), DEBTS[args.arch])
    if args.growth:
        return growth(driver, library, args)
    say(
        f"MicroPython {tree.release}, C and mpgc in turns on the same memory; above 1: mpgc is "
        "faster"
    )
    report = run(driver, library, args)
    counts = {} if args.no_count else count_instructions(driver, library, args.case)
    for line in report:
        c, rust, counted_as = counts.get(line["case"], (None, None, line["case"]))
        line.update(c_instructions=c, rust_instructions=rust, counted_as=counted_as)
    write_json(folder / "report.json", report)
    (folder / "report.md").write_text(body(tree, report) + "\n")
    say("\n" + table([HEADS, *map(row, report)]) + "\n")
    draw("draw-ratios", folder / "report.json", folder / "ratios.svg")
    say(f"written: {shown(folder / 'report.json')}, report.md, ratios.svg")
    if args.write:
        name = "-".join(filter(None, ["bench", args.arch]))
        # the picture shows this machine's results
        pictures = [] if args.arch else [folder / "ratios.svg"]
        title = " ".join(filter(None, ["C and mpgc, case by case", args.arch]))
        write_result(name, title, args.command, body(tree, report), pictures)
    return 0
