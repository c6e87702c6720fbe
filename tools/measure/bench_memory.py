"""Measures how much heap programs need: the C, the C at a pace, mpgc, and mpgc at a pace.

The programs of benches/memory run on the unix port for i686, whose blocks are as large as a
board's. For each of them and each build: the smallest heap in which it ends and prints what it
should; the smallest size from which all larger ones that were tried do; and in a heap 1.1 times the
smallest of the C: instructions (callgrind), collections, the longest pause, and the largest free
run. The C is paced by `gc.threshold((gc.mem_free() + gc.mem_alloc()) // 8)`, mpgc by MPGC_PACING.

A run has failed as soon as it prints something else than in a large heap, or collects again and
again. JOBS programs run at a time. Results are kept in build/bench/memory-runs.json, by what the
program and the build hold: a measurement that was stopped goes on, and one of another commit counts
only what changed. Writes build/bench/memory.json and memory.svg; where all were
measured, docs/results/memory.md too.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor

from tools.common import Fail, add_switch, jobs, say, shown, table, write_json
from tools.measure import memory_report
from tools.measure.memory_subject import (
    PROGRAMS,
    STEP,
    WORK,
    Flavour,
    Runs,
    Subject,
    build_all,
    libraries,
)
from tools.setup.tree import get_tree

FLAVOURS = (
    Flavour("c", "off", "", ""),
    Flavour("c", "8", "", "import gc\ngc.threshold((gc.mem_free() + gc.mem_alloc()) // 8)\n"),
    Flavour("mpgc", "off", "", ""),
    Flavour("mpgc", "8", "MPGC_PACING=8", ""),
    Flavour("mpgc", "free/4", "MPGC_PACING=free/4", ""),
    Flavour("mpgc", "free/3", "MPGC_PACING=free/3", ""),
)
PICTURED = "cache"  # the program whose heap is drawn
CHECKED = ("table", "free/3")  # the program and the pace of --check
LARGEST_SHARE = 0.65  # of the C's smallest heap, for --check


def measure(subjects):
    """The figures of one program on all builds, in the order of the builds."""
    base = subjects[0]
    found = [subject.smallest() for subject in subjects]
    heap = int(found[0][0] * 1.1) // STEP * STEP
    while not base.ends(heap):
        heap += STEP
    lines = []
    for subject, (smallest, safe) in zip(subjects, found):
        line = {
            "program": subject.script.stem,
            "build": subject.flavour.build,
            "pacing": subject.flavour.pacing,
            "smallest_kb": smallest / 1024,
            "safe_kb": safe / 1024,
        }
        counted, watched = subject.counted(heap), subject.watched(heap)
        of_base, base_watched = base.counted(heap), base.watched(heap)
        for name in (
            "time_ratio",
            "collections",
            "longest_pause_ratio",
            "largest_free_mean",
            "largest_free_min",
        ):
            line[name] = None
        if counted and watched and of_base and base_watched:
            line.update(
                time_ratio=counted[0] / of_base[0],
                collections=watched[0],
                longest_pause_ratio=counted[1] / of_base[1] if of_base[1] else None,
                largest_free_mean=watched[1] / max(base_watched[1], 1),
                largest_free_min=watched[2] / max(base_watched[2], 1),
            )
        lines.append(line)
    return lines


def draw_heaps(runs, programs, script):
    """The heap of one program at its end, after a collection, without pacing and with it."""
    maps = []
    for flavour in (Flavour("mpgc", "off", "", ""), Flavour("mpgc", "8", "MPGC_PACING=8", "")):
        subject = Subject(runs, flavour, programs[flavour.build, flavour.pacing], script)
        heap = int(maps[0][2] if maps else subject.smallest()[1] * 1.1) // STEP * STEP
        subject.script = subject.script.with_name("map-" + script.name)
        subject.script.write_text(
            script.read_text() + "\nimport gc, micropython\ngc.collect()\nmicropython.mem_info(1)\n"
        )
        blocks = memory_report.heap_map(subject.run(heap).stdout)
        if not blocks:
            raise Fail(f"{shown(subject.script)} prints no map of the heap")
        title = "without pacing" if flavour.pacing == "off" else f"MPGC_PACING={flavour.pacing}"
        maps.append((f"{script.stem}.py, {title}", blocks, heap))
    (WORK / "fragmentation.svg").write_text(
        memory_report.heap_picture([entry[:2] for entry in maps])
    )


def add_arguments(parser):
    parser.add_argument(
        "--pacing", default="", help="with commas: only these pacings of mpgc (off,8,free/4,free/3)"
    )
    add_switch(
        parser,
        "--check",
        "check, with one program on two builds, that pacing saves heap and takes no time",
    )


def check(tree):
    """One program, two builds: with pacing mpgc must need less heap, and be as fast as the C."""
    flavours = [f for f in FLAVOURS if (f.build, f.pacing) in (("c", "off"), ("mpgc", CHECKED[1]))]
    programs = build_all(tree, flavours)
    runs, script = Runs(libraries(tree)), PROGRAMS / f"{CHECKED[0]}.py"
    subjects = [Subject(runs, f, programs[f.build, f.pacing], script) for f in flavours]
    (base, _), (paced, _) = (subject.smallest() for subject in subjects)
    heap = int(base * 1.1) // STEP * STEP
    while not subjects[0].ends(heap):
        heap += STEP
    of_c, of_mpgc = (subject.counted(heap) for subject in subjects)
    runs.save()
    share, time = paced / base, of_mpgc[0] / of_c[0] if of_mpgc else None
    say(
        f"{script.name}: {share:.2f} of the C's smallest heap, {time and f'{time:.3f}'} of its time"
    )
    if share > LARGEST_SHARE or time is None or time > 1:
        raise Fail(f"expected is {LARGEST_SHARE} of the heap or less, in no more time than the C's")
    return 0


def main(args):
    if not shutil.which("valgrind") or not shutil.which("setarch"):
        raise Fail("`make bench-memory` needs valgrind and setarch: `make deps`")
    tree = get_tree(args.release or None, args.micropython_dir)
    WORK.mkdir(parents=True, exist_ok=True)
    if args.check:
        return check(tree)
    words = [word for word in args.case.split(",") if word]
    scripts = [
        path
        for path in sorted(PROGRAMS.glob("*.py"))
        if not words or any(word in path.stem for word in words)
    ]
    paces = [word for word in args.pacing.split(",") if word]
    flavours = [f for f in FLAVOURS if f.build == "c" or not paces or f.pacing in paces]
    if not scripts or not flavours:
        raise Fail(f"no program has one of `{args.case}` in its name")
    programs = build_all(tree, flavours)
    runs = Runs(libraries(tree))

    def measure_script(script):
        subjects = [Subject(runs, f, programs[f.build, f.pacing], script) for f in flavours]
        found = measure(subjects)
        say(f"  {script.stem}")
        return found

    pool = ThreadPoolExecutor(jobs())
    try:
        lines = [line for found in pool.map(measure_script, scripts) for line in found]
    finally:
        pool.shutdown(cancel_futures=True)
        runs.save()
    write_json(WORK / "memory.json", lines)
    (WORK / "memory.svg").write_text(memory_report.picture(lines))
    pictured = [script for script in scripts if script.stem == PICTURED]
    if pictured and ("mpgc", "off") in programs and ("mpgc", "8") in programs:
        draw_heaps(runs, programs, pictured[0])
    if args.write or not (words or paces):
        memory_report.publish(
            lines, tree.release, args.command, [WORK / "memory.svg", WORK / "fragmentation.svg"]
        )
    say(
        "\n"
        + table(memory_report.means(lines))
        + f"\n\nwritten: {shown(WORK / 'memory.json')}, memory.svg"
    )
    return 0
