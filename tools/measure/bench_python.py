"""Measures the interpreter with its C and with mpgc, in turns: what a Python program feels.

Runs upstream's perf_bench as it is and with gc.threshold(30000) and (10000), and the programs of
benches/python. Every round runs each of them once on either build, so that a slower machine slows
both; what they print must be equal. Writes build/bench/python.json, python.md and python.svg. A
ratio above 1 means that mpgc is faster.
"""

import re
import statistics
import subprocess
from collections import namedtuple

from tools.build import unix
from tools.common import BUILD, ROOT, Fail, clean_env, run_logged, say, shown, table, write_json
from tools.measure import bench
from tools.results import markdown_table, write_result
from tools.setup import options as option_names
from tools.setup.tree import get_tree

PROGRAMS = ROOT / "benches" / "python"
WORK = BUILD / "bench"
# MHz and kB, by which the scripts of perf_bench choose their sizes: short runs, of which many have
# an undisturbed one among them. For counting, small ones.
SCALE = (1000, 1000)
SMALL = (50, 25)
THRESHOLDS = (None, 30000, 10000)
# The C, mpgc, and mpgc with MPGC_NOSCAN=1.
FLAVOURS = ("c", "rust", "noscan")
NOSCAN = "noscan"
# The output of a script that this build cannot run: no native code, no complex numbers.
CANNOT = "SKIP|invalid micropython decorator|complex"
SLOW = 600  # seconds after which a program has failed

Case = namedtuple("Case", "name group script arguments flavour upstream")


def upstream_cases(tree):
    """perf_bench, the way upstream's run-perfbench.py puts a script together."""
    folder = tree.path / "tests" / "perf_bench"
    scripts = sorted(path for path in folder.glob("*.py") if path.name != "benchrun.py")
    if not scripts:
        raise Fail(f"{folder} holds no script: use a tree of MicroPython 1.20 or later")
    for threshold in THRESHOLDS:
        group = "perf_bench" + (f" gc.threshold({threshold})" if threshold else "")
        prelude = f"import gc\ngc.threshold({threshold})\n" if threshold else ""
        for path in scripts:
            text = f"{prelude}{path.read_text()}\n{(folder / 'benchrun.py').read_text()}\n"
            name = path.stem + (f" threshold {threshold}" if threshold else "")
            yield Case(name, group, text, (), "rust", True)


def own_cases():
    for path in sorted(PROGRAMS.glob("*.py")):
        text = path.read_text()
        heaps = re.search(r"^# heapsize: (.+)$", text, re.M)
        if not heaps:
            continue
        for flavour in ("rust", *([NOSCAN] if re.search(r"^# noscan$", text, re.M) else [])):
            suffix = " noscan" if flavour == NOSCAN else ""
            for heap in heaps[1].split():
                yield Case(
                    f"{path.stem} {heap}{suffix}",
                    "programs",
                    path,
                    ("-X", f"heapsize={heap}"),
                    flavour,
                    False,
                )


def chosen(tree, words):
    cases = [*upstream_cases(tree), *own_cases()]
    words = [word for word in words.split(",") if word]
    cases = [
        case
        for case in cases
        if not words or any(word in f"{case.group} {case.name}" for word in words)
    ]
    if not cases:
        raise Fail(f"no case has one of `{','.join(words)}` in its name")
    return cases


def command(case, program, small=False):
    """The command that runs a case on a program."""
    if not case.upstream:
        return [program, *case.arguments, case.script]
    path = WORK / "python" / (re.sub(r"\W+", "-", case.name) + ("-small" if small else "") + ".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(case.script + "bm_run(%d, %d)\n" % (SMALL if small else SCALE))
    return [program, path]


def run_once(case, program):
    """({what was timed: ns}, the rest of the output); no times where the build cannot run the
    script.
    """
    done = subprocess.run(
        [str(word) for word in command(case, program)],
        env=clean_env(MICROPYPATH=str(PROGRAMS)),
        stdin=subprocess.DEVNULL,
        cwd=WORK,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SLOW,
        check=False,
    )
    text = done.stdout
    if case.upstream:
        match = re.fullmatch(r"(\d+) (\d+ .*)", text.strip(), re.S)
        if not match and not re.search(CANNOT, text):
            raise Fail(
                f"{case.name} on {shown(program)} ended with status "
                f"{done.returncode}:\n{text.strip()}"
            )
        return ({case.name: int(match[1]) * 1000}, match[2]) if match else ({}, text)
    times = {
        f"{name} {case.name.partition(' ')[2]}": int(ns)
        for name, ns in re.findall(r"^time (\S+) (\d+)$", text, re.M)
    }
    if done.returncode != 0 or not times:
        raise Fail(
            f"{shown(case.script)} on {shown(program)} ended with status "
            f"{done.returncode}:\n{text.strip()}"
        )
    return times, re.sub(r"^time .*\n", "", text, flags=re.M)


def measure_once(case, programs, order):
    """{what was timed: {side: ns}} of one run on either build, in this order."""
    got = {side: run_once(case, programs["c" if side == "c" else case.flavour]) for side in order}
    (c_times, c_rest), (rust_times, rust_rest) = got["c"], got["rust"]
    if c_times.keys() != rust_times.keys():
        raise Fail(
            f"{case.name} runs with only one of C and mpgc; C: {c_rest.strip()}; mpgc: "
            f"{rust_rest.strip()}"
        )
    if c_times and c_rest != rust_rest:
        raise Fail(
            f"{case.name} prints something else with mpgc; C: {c_rest.strip()}; mpgc: "
            f"{rust_rest.strip()}"
        )
    return {name: {"c": c_times[name], "rust": rust_times[name]} for name in c_times}


def measure(cases, programs, rounds):
    """{(group, what was timed): {side: [ns]}}; the order changes each round."""
    times = {}
    left = list(cases)
    for number in range(rounds):
        order = ("c", "rust") if number % 2 == 0 else ("rust", "c")
        group = None
        for case in list(left):
            if case.group != group:
                group = case.group
                say(f"round {number + 1} of {rounds}: {group}")
            got = measure_once(case, programs, order)
            if not got:
                say(f"    {case.name} does not run on this build, with C and mpgc alike")
                left.remove(case)
            for name, by_side in got.items():
                sides = times.setdefault((case.group, name), {"c": [], "rust": []})
                for side, ns in by_side.items():
                    sides[side].append(max(ns, 1))
    return times


def count(case, programs):
    """(C, mpgc): the instructions of a whole run on small sizes, startup and all."""
    counts = []
    for flavour in ("c", case.flavour):
        log = WORK / "python" / "callgrind.log"
        words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={log.with_suffix('.out')}"]
        words += command(case, programs[flavour], small=True)
        run_logged(
            words,
            log,
            env=clean_env(MICROPYPATH=str(PROGRAMS)),
            cwd=WORK,
            what=f"counting {case.name}",
        )
        match = re.search(r"Collected : (\d+)", log.read_text(errors="replace"))
        if not match:
            raise Fail(f"callgrind counted nothing for {case.name}: see {shown(log)}")
        counts.append(int(match[1]))
    say(
        f"    counted: {case.name}: C {counts[0]}, mpgc {counts[1]}, mpgc / C "
        f"{counts[1] / counts[0]:.3f}"
    )
    return tuple(counts)


def report(times, counts):
    """A line for each thing timed, and one for each group of perf_bench: its geometric mean."""
    lines = []
    for (group, name), sides in times.items():
        c, rust = sides["c"], sides["rust"]
        counted = counts.get(name)
        lines.append(
            {
                "case": name,
                "group": group,
                "c_ns": min(c),
                "rust_ns": min(rust),
                "ratio": min(c) / min(rust),
                "median_ratio": statistics.median(x / y for x, y in zip(c, rust)),
                "samples": len(c),
                "c_instructions": counted and counted[0],
                "rust_instructions": counted and counted[1],
            }
        )
    for group in dict.fromkeys(line["group"] for line in lines if line["group"] != "programs"):
        of_group = [line for line in lines if line["group"] == group]
        lines.append(
            {
                "case": f"mean of {group}",
                "group": "means",
                "c_ns": None,
                "rust_ns": None,
                "samples": len(of_group),
                "c_instructions": None,
                "rust_instructions": None,
                **{
                    key: statistics.geometric_mean(line[key] for line in of_group)
                    for key in ("ratio", "median_ratio")
                },
            }
        )
    return lines


HEADS = ["case", "C", "mpgc", "C / mpgc", "of medians", "C instr.", "mpgc instr."]


def row(line):
    c, rust = (
        "" if line[key] is None else bench.nanoseconds(line[key]) for key in ("c_ns", "rust_ns")
    )
    counts = [
        "" if line[key] is None else str(line[key])
        for key in ("c_instructions", "rust_instructions")
    ]
    return [line["case"], c, rust, f"{line['ratio']:.3f}", f"{line['median_ratio']:.3f}", *counts]


def body(tree, lines, args):
    return (
        f"MicroPython {tree.release}, {args.variant}. The least time of {args.rounds} runs in "
        "turns, and the "
        "median of the ratios of neighbouring runs. `noscan`: mpgc built with MPGC_NOSCAN=1.\n\n"
        + markdown_table([HEADS, *map(row, lines)])
    )


def main(args):
    if args.rounds < 1:
        raise Fail(f"--rounds {args.rounds}: give 1 or more")
    tree = get_tree(args.release or None, args.micropython_dir)
    cases = chosen(tree, args.case)
    WORK.mkdir(parents=True, exist_ok=True)
    programs = {}
    for flavour in FLAVOURS[:2] + (
        (NOSCAN,) if any(case.flavour == NOSCAN for case in cases) else ()
    ):
        options = option_names.parse(args.options + (" noscan" if flavour == NOSCAN else ""))
        programs[flavour] = unix.build(
            tree, args.variant, "c" if flavour == "c" else "rust", options
        ).program
    times = measure(cases, programs, args.rounds)
    counted = [
        case
        for case in cases
        if args.count and case.group == "perf_bench" and (case.group, case.name) in times
    ]
    lines = report(times, {case.name: count(case, programs) for case in counted})
    write_json(WORK / "python.json", lines)
    (WORK / "python.md").write_text(body(tree, lines, args) + "\n")
    say("\n" + table([HEADS, *map(row, lines)]) + "\n")
    bench.draw("draw-ratios", WORK / "python.json", WORK / "python.svg")
    say(f"written: {shown(WORK / 'python.json')}, python.md, python.svg")
    if args.write:
        pictures = [WORK / "python.svg"]
        write_result(
            "bench-python", "Python programs", args.command, body(tree, lines, args), pictures
        )
    return 0
