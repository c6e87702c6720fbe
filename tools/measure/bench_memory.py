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

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.build import unix
from tools.common import (
    BUILD,
    ROOT,
    Fail,
    add_switch,
    jobs,
    run_logged,
    say,
    shown,
    table,
    write_json,
)
from tools.measure import memory_report
from tools.setup import options as option_names
from tools.setup.tree import get_tree

PROGRAMS = ROOT / "benches" / "memory"
WORK = BUILD / "bench"
ARCH = "i686"
# `pacing`: its name in the report; `variable`: for mpgc's build; `prelude`: the first lines of the
# C's program.
Flavour = namedtuple("Flavour", "build pacing variable prelude")
FLAVOURS = (
    Flavour("c", "off", "", ""),
    Flavour("c", "8", "", "import gc\ngc.threshold((gc.mem_free() + gc.mem_alloc()) // 8)\n"),
    Flavour("mpgc", "off", "", ""),
    Flavour("mpgc", "8", "MPGC_PACING=8", ""),
    Flavour("mpgc", "free/4", "MPGC_PACING=free/4", ""),
    Flavour("mpgc", "free/3", "MPGC_PACING=free/3", ""),
)
WATCH = (f"USER_C_MODULES={PROGRAMS}", "LDFLAGS_EXTRA=-Wl,--wrap=gc_collect")
LARGE = 4 << 20  # every program ends in this heap
PICTURED = "cache"  # the program whose heap is drawn
STEP = 256  # sizes of heaps are multiples of it
CHECKED = ("table", "free/3")  # the program and the pace of --check
LARGEST_SHARE = 0.65  # of the C's smallest heap, for --check
COLLECTIONS = 20_000  # a run that collects more often has failed
SLOW = 3600  # seconds after which callgrind has failed
SAVED = 10  # seconds after which results are written to the file


class Runs:
    """The results of runs, kept in a file; several threads ask for them."""

    def __init__(self, library):
        self.path = WORK / "memory-runs.json"
        self.known = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.library = library
        self.lock, self.saved = threading.Lock(), time.monotonic()

    def get(self, key, find):
        key = " ".join(map(str, key))
        if key not in self.known:
            found = find()
            with self.lock:
                self.known[key] = found
                if time.monotonic() - self.saved > SAVED:
                    self.write()
        return self.known[key]

    def save(self):
        with self.lock:
            self.write()

    def write(self):
        write_json(self.path, self.known)
        self.saved = time.monotonic()


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


class Subject:
    """A program on a build."""

    def __init__(self, runs, flavour, program, script):
        self.runs, self.flavour, self.program = runs, flavour, program
        self.script = (
            WORK / "memory" / flavour.build / flavour.pacing.replace("/", "-") / script.name
        )
        self.script.parent.mkdir(parents=True, exist_ok=True)
        self.script.write_text(flavour.prelude + script.read_text())
        self.key = (digest(program["plain"]), digest(self.script))
        self.expected = None

    def command(self, heap, which="plain", before=()):
        # The stack is scanned for roots, so the same addresses have to be on it in each run.
        words = ["setarch", "-R", *before, self.program[which], "-X", f"heapsize={heap}"]
        return [str(word) for word in [*words, self.script]]

    def surroundings(self):
        """The environment: little, and the same always, since it lies on the stack."""
        return {
            "PATH": os.environ["PATH"],
            "MICROPYPATH": str(self.runs.library),
            "WATCH_LIMIT": str(COLLECTIONS),
        }

    def run(self, heap, which="plain", before=()):
        return subprocess.run(
            self.command(heap, which, before),
            env=self.surroundings(),
            cwd=WORK,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SLOW,
            check=False,
        )

    def prints(self, heap, expected, folder=WORK):
        """Whether it ends, with that output. It is stopped where it prints something else."""
        process = subprocess.Popen(
            self.command(heap),
            env=self.surroundings(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        rest = expected.encode()
        with process:
            while part := process.stdout.read1():
                if not rest.startswith(part):
                    process.kill()
                    return False
                rest = rest[len(part) :]
        return process.returncode == 0 and not rest

    def output(self, heap):
        done = self.run(heap)
        return done.stdout if done.returncode == 0 else None

    def ends(self, heap):
        """Whether it ends with that heap, with the same output as with a large one."""
        expected = self.runs.get((*self.key, "output"), lambda: self.output(LARGE))
        if not expected:
            raise Fail(
                f"{shown(self.script)} does not run on {shown(self.program['plain'])}: "
                f"{self.run(LARGE).stderr.strip()}"
            )
        return self.runs.get((*self.key, heap), lambda: self.prints(heap, expected))

    def smallest(self):
        """The smallest heap, by bisection; and the smallest from which all larger heaps that were
        tried suffice.
        """
        low, high = 0, 64 << 10
        while not self.ends(high):
            low, high = high, high * 2
        while high - low > max(STEP, high // 200):
            middle = (low + high) // 2 // STEP * STEP
            low, high = (low, middle) if self.ends(middle) else (middle, high)
        safe, heap = high, high
        for _ in range(16):
            heap = int(heap * 1.03) // STEP * STEP + STEP
            if not self.ends(heap):
                safe = None
            elif safe is None:
                safe = heap
        return high, safe or heap

    def watched(self, heap):
        def find():
            found = re.search(r"^watch (\d+) (\d+) (\d+)$", self.run(heap, "watched").stderr, re.M)
            return [int(word) for word in found.groups()] if found else None

        return self.runs.get((*self.key, "watched", heap), find)

    def counted(self, heap):
        """(instructions of all, of the longest pause), or None if it does not end."""
        return self.runs.get((*self.key, "counted", heap), lambda: self.count(heap))

    def count(self, heap):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            tool = [
                "valgrind",
                "--tool=callgrind",
                "--combine-dumps=yes",
                f"--callgrind-out-file={out}",
            ]
            tool += ["--dump-before=gc_collect", "--dump-after=gc_collect"]
            if self.run(heap, before=tool).returncode != 0:
                return None
            parts = read_parts(out)
        if not parts:
            raise Fail(f"callgrind counted nothing for {shown(self.script)}")
        return [
            sum(count for _, count in parts),
            max((n for why, n in parts if "dump-after" in why), default=0),
        ]


def read_parts(path):
    """[(why a part was written, the instructions since the one before)]."""
    # A program that collects a thousand times has tens of megabytes of parts.
    lines = subprocess.run(
        ["grep", "-aE", "^(desc: Trigger|totals):", path],
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    parts, why = [], ""
    for line in lines.splitlines():
        if line.startswith("totals:"):
            parts.append((why, int(line.split()[1])))
        else:
            why = line
    return parts


def build_all(tree, flavours):
    """{(build, pacing): {"plain": program, "watched": program}}."""
    # A program tells the day it was made on. With one day for all, what is known of a program that
    # did not change stays known.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    built, c_folder = {}, None
    for flavour in flavours:
        name = "c" if flavour.build == "c" else "rust"
        if (name, flavour.variable) not in built:
            slug = flavour.variable.replace("MPGC_PACING=", "pacing-").replace("/", "-")
            slug = "-".join(filter(None, ["memory", slug]))
            options = option_names.parse("")._replace(build_slug=slug)
            if c_folder:
                begin_with(c_folder, unix_folder(tree, slug) / name)
            variables = [flavour.variable] if flavour.variable else []
            known = unix.build(tree, "standard", name, options, *variables, *WATCH, arch=ARCH)
            c_folder = c_folder or known.folder
            built[name, flavour.variable] = {
                "plain": known.program,
                "watched": link_watched(tree, known),
            }
    return {
        (f.build, f.pacing): built["c" if f.build == "c" else "rust", f.variable] for f in flavours
    }


def link_watched(tree, built):
    """The same objects once more, with the look at the largest free run."""
    name = "micropython-watched"
    command = [*built.command, f"PROG={name}", f"{WATCH[1]},--wrap=gc_alloc"]
    log = built.folder.with_name(f"{built.flavour}-watched.log")
    run_logged(command, log, env=unix.build_env(tree), what=f"linking {name}")
    return built.folder / name


def unix_folder(tree, slug):
    return BUILD / "unix" / "-".join(filter(None, [unix.tree_key(tree), ARCH, "standard", slug]))


def begin_with(control, folder):
    """All builds share the objects of the first one, except mpgc's and the program."""
    if folder != control and not folder.exists():
        # what unix.begin_with_c looks for
        beside = folder.with_name("c")
        if not beside.exists():
            shutil.copytree(control, beside, symlinks=True)


def libraries(tree):
    """A folder with asyncio, which this build has not frozen."""
    folder = WORK / "memory" / "lib"
    if not (folder / "asyncio").exists():
        shutil.copytree(tree.path / "extmod" / "asyncio", folder / "asyncio")
    return folder


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
