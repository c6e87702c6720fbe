"""Measures the windows and webassembly ports: their sizes, and perf_bench under node in turns.

A program of the windows port is measured by its code and constants, one of the webassembly port by
its file. Scripts that a build cannot run are skipped by themselves.
"""

import json

import mpgc_objects

from tools.build import webassembly, windows
from tools.common import BUILD, Fail, clean_env, run_logged, say, table
from tools.measure import bench_python
from tools.results import markdown_table, write_section
from tools.setup import options as option_names
from tools.setup.tree import get_tree

# Each side: its name, the flavour, the options of the build.
SIDES = (("C", "c", ""), ("mpgc", "rust", ""), ("mpgc, size", "rust", "MPGC_PROFILE=size"))
BUILDS = (
    ("windows", "dev", windows.build),
    ("webassembly", "standard", webassembly.build),
    ("webassembly", "pyscript", webassembly.build),
)
# The sections of a program for Windows that are code and constants.
LOADED = (".text", ".rdata", ".data", ".pdata", ".xdata")
HEADS = ["port", "variant", *(name for name, _, _ in SIDES)]


def size_of(folder):
    wasm = folder / "micropython.wasm"
    if wasm.exists():
        return wasm.stat().st_size
    sections = mpgc_objects.sections((folder / "micropython.exe").read_bytes())
    return sum(size for name, size in sections if name in LOADED)


def sizes(tree, port, variant, build):
    """A row of the table, and the builds."""
    built = [build(tree, variant, flavour, option_names.parse(text)) for _, flavour, text in SIDES]
    return [port, variant, *(f"{size_of(one.folder):,}" for one in built)], built


def times(tree, programs, args):
    """A table of processor seconds: node cannot count instructions, and the clock would include
    waiting.
    """
    bench_python.WORK.mkdir(parents=True, exist_ok=True)
    # pyscript sets its own threshold, and collects only while no Python code runs.
    cases = bench_python.chosen(tree, args.case)
    cases = [case for case in cases if case.group == "perf_bench"]
    rows = [["case", "C", "mpgc", "C / mpgc"]]
    for case in cases:
        least = {}
        for _ in range(args.rounds):
            for side, program in programs.items():
                usage = {}
                run_logged(
                    bench_python.command(case, program),
                    bench_python.WORK / "node.log",
                    env=clean_env(),
                    what=f"{case.name} ({side})",
                    usage=usage,
                )
                least[side] = min(usage["cpu"], least.get(side, usage["cpu"]))
        c, rust = least["c"], least["rust"]
        rows.append([case.name, f"{c:.2f}", f"{rust:.2f}", f"{c / rust:.3f}"])
    return rows


def suites():
    """A table of what `make windows-test` and `make webassembly-test` have left, and what fails."""
    rows, alike = (
        [["release", "port, variant", "performed", "pass with C", "pass with mpgc"]],
        set(),
    )
    for path in sorted((BUILD / "upstream").glob("*.json")):
        result = json.loads(path.read_text())
        port = result.get("port")
        if port in ("windows", "webassembly"):
            sides = [result["c"], result["rust"]]
            passed = [side["passed"] for side in sides]
            rows.append(
                [result["release"], f"{port}, {result['variant']}", sides[0]["performed"], *passed]
            )
            alike |= set(sides[0]["failed"]) & set(sides[1]["failed"])
    failed = f"\n\nFail with both: {', '.join(sorted(alike)) or 'none'}." if rows[1:] else ""
    return markdown_table(rows) + failed


def add_arguments(parser):
    parser.add_argument("--ports", default="", help="windows, webassembly (both)")


def main(args):
    if args.rounds < 0:
        raise Fail(f"--rounds {args.rounds}: give 0 (no times) or more")
    tree = get_tree(args.release or None, args.micropython_dir)
    rows, programs = [HEADS], {}
    for port, variant, build in BUILDS:
        if not args.ports or port in args.ports.split(","):
            row, built = sizes(tree, port, variant, build)
            rows.append(row)
            if variant == "pyscript":
                programs = {"c": built[0].program, "rust": built[1].program}
    say("\n" + table(rows) + "\n")
    body = f"MicroPython {tree.release}. Bytes of a program:\n\n{markdown_table(rows)}\n"
    if programs and args.rounds:
        bench_python.WORK.mkdir(parents=True, exist_ok=True)
        timed = times(tree, programs, args)
        say(table(timed))
        body += (
            "\n### perf_bench under node\n\nVariant pyscript; the least processor seconds of "
            f"{args.rounds} runs in turns.\n\n{markdown_table(timed)}"
        )
    body += f"\n\n### MicroPython's tests\n\n{suites()}"
    if args.write:
        write_section("ports", "Windows and WebAssembly", args.command, body)
    return 0
