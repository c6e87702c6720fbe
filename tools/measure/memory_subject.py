"""The programs of `make bench-memory` on its builds: building them, and running and counting one.

The results of runs are kept in build/bench/memory-runs.json, by what the program and the build
hold.
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
from pathlib import Path

from tools.build import unix
from tools.common import BUILD, ROOT, Fail, run_logged, shown, write_json
from tools.setup import options as option_names

PROGRAMS = ROOT / "benches" / "memory"
WORK = BUILD / "bench"
ARCH = "i686"
# `pacing`: its name in the report; `variable`: for mpgc's build; `prelude`: the first lines of the
# C's program.
Flavour = namedtuple("Flavour", "build pacing variable prelude")
WATCH = (f"USER_C_MODULES={PROGRAMS}", "LDFLAGS_EXTRA=-Wl,--wrap=gc_collect")
LARGE = 4 << 20  # every program ends in this heap
STEP = 256  # sizes of heaps are multiples of it
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
