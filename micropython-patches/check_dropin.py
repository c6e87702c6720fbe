#!/usr/bin/env python3
"""Checks that mpgc is a drop-in for the C files of a MicroPython tree.

    check_dropin.py --tree DIR --work DIR [--jobs N] [--only WORD]

Builds both, the C and the Rust, outside the tree, and compares: exported symbols,
what else is global, what is linked, layouts, headers, incremental builds, the patch,
CMake, and the message for each bad input. Ends with `N passed, N failed`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

CRATE = Path(__file__).resolve().parent.parent
MOCK_PORT = CRATE / "c-tests" / "port"
WRAPPER = CRATE / "micropython-patches" / "wrapper.mk"

# No submodules, nothing frozen: the smallest unix build that is still the variant.
PLAIN = [
    "MICROPY_PY_SSL=0", "MICROPY_SSL_MBEDTLS=0", "MICROPY_PY_BTREE=0", "MICROPY_PY_FFI=0",
    "FROZEN_MANIFEST=", "STRIP=true",
]

# Each is a set of options under which the C objects export something different.
CONFIGURATIONS = {
    "standard": ("standard", []),
    "coverage": ("coverage", []),
    "minimal": ("minimal", []),
    "pystack, setjmp, VM abort, static nodes": ("standard", [
        "CFLAGS_EXTRA=-DMICROPY_ENABLE_PYSTACK=1 -DMICROPY_STACKLESS=1 -DMICROPY_NLR_SETJMP=1 "
        "-Wno-clobbered -DMICROPY_ENABLE_VM_ABORT=1 -DMICROPY_SCHEDULER_STATIC_NODES=1",
    ]),
    "split heap auto": ("minimal", [
        "CFLAGS_EXTRA=-DMICROPY_GC_SPLIT_HEAP=1 -DMICROPY_GC_SPLIT_HEAP_AUTO=1 "
        "-include stdlib.h -Wno-pointer-arith",
    ]),
    "GIL": ("minimal", ["CFLAGS_EXTRA=-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=1"]),
    "no GIL, no scheduler": ("minimal", [
        "CFLAGS_EXTRA=-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0 -DMICROPY_ENABLE_SCHEDULER=0",
    ]),
}

# Options of the mock port in c-tests/port.
SCENARIOS = {
    "plain": "",
    "setjmp": "-DMICROPY_NLR_SETJMP=1 -Wno-clobbered",
    "asserts": "-UNDEBUG",
    "threads": "-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0",
    "stackless": "-DMICROPY_STACKLESS=1",
    "split heap, conservative clear": "-DMICROPY_GC_SPLIT_HEAP=1 -DMICROPY_GC_CONSERVATIVE_CLEAR=1",
}

NOT_IN_A_RELEASE = re.compile(
    r"panic|rust_begin_unwind|rust_eh_personality|_Unwind_|_ZN4core3fmt|_RNv.*4core.*3fmt|core::fmt"
)


class Failed(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise Failed(message)


class Builds:
    """Builds of one tree, each in its own directory under `work`."""

    def __init__(self, tree, work, jobs):
        self.tree, self.work, self.jobs = tree, work, jobs
        self.port = tree / "ports" / "unix"
        self.replaced = ["gc", "pystack", "scheduler"] + sorted(p.stem for p in (tree / "py").glob("nlr*.c"))

    def directory(self, name, side):
        return self.work / (re.sub(r"\W+", "-", name) + "-" + side)

    def make(self, build, variant, options, targets=(), door=("-f", str(WRAPPER)), port=None, check=True):
        """Runs make; returns the finished process with both streams in stdout."""
        command = ["make", f"-j{self.jobs}", "-C", str(port or self.port), *door, f"BUILD={build}"]
        if variant:
            command.append(f"VARIANT={variant}")
        command += [*(PLAIN if variant != "minimal" else ["STRIP=true"]), *options, *map(str, targets)]
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=env
        )
        if check and done.returncode:
            raise Failed("make failed:\n" + tail(done.stdout))
        return done

    def objects(self, build):
        return [build / "py" / f"{name}.o" for name in self.replaced]


def tail(text, lines=15):
    return "\n".join(text.strip().splitlines()[-lines:])


def globals_of(objects):
    names = set()
    for path in objects:
        done = subprocess.run(["nm", "-g", "--defined-only", path], stdout=subprocess.PIPE, text=True, check=True)
        names |= {line.split()[2] for line in done.stdout.splitlines() if len(line.split()) == 3}
    return names


# Symbols and what is linked.

def same_symbols(builds, name):
    variant, options = CONFIGURATIONS[name]
    sides = {}
    for side, door in (("c", ()), ("rust", ("-f", str(WRAPPER)))):
        build = builds.directory(name, side)
        builds.make(build, variant, options, builds.objects(build), door=door)
        sides[side] = globals_of(builds.objects(build))
    added = {symbol for symbol in sides["rust"] if symbol.startswith("mpgc_")}
    expect({"mpgc_build_info", "mpgc_version"} <= added, f"mpgc_* are {sorted(added)}")
    expect(not any("shim" in symbol for symbol in added), f"the shim is global: {sorted(added)}")
    rust = sides["rust"] - added
    expect(
        rust == sides["c"],
        f"only in C: {sorted(sides['c'] - rust)}; only in Rust: {sorted(rust - sides['c'])}",
    )
    return f"{len(rust)} symbols and {len(added)} of mpgc"


def no_panic_is_linked(builds):
    build = builds.directory("standard", "rust")
    builds.make(build, "standard", [])
    done = subprocess.run(["nm", build / "micropython"], stdout=subprocess.PIPE, text=True, check=True)
    names = [line.split()[-1] for line in done.stdout.splitlines()]
    expect("gc_alloc" in names, "the program has no symbols to look at")
    found = sorted(name for name in names if NOT_IN_A_RELEASE.search(name))
    expect(not found, f"linked: {found[:10]}")
    return f"{len(names)} symbols looked at"


def the_program_runs_on_rust(builds):
    build = builds.directory("standard", "rust")
    code = "import gc; l=[[i] for i in range(5000)]; del l; gc.collect(); print('done')"
    done = subprocess.run([build / "micropython", "-c", code], stdout=subprocess.PIPE, text=True)
    expect(done.returncode == 0 and done.stdout == "done\n", f"{done.returncode}: {done.stdout!r}")


def module_tells_the_build(builds):
    build = builds.directory("module", "rust")
    builds.make(build, "standard", ["MPGC_PYTHON_MODULE=1"])
    done = subprocess.run(
        [build / "micropython", "-c", "import mpgc; print(mpgc.build_info()); print(mpgc.version())"],
        stdout=subprocess.PIPE, text=True,
    )
    info = (build / "mpgc" / "info").read_text().strip()
    expect(done.stdout.splitlines()[:1] == [info], f"{done.stdout!r} is not {info!r}")
    return info


def build_info_is_the_printed_line(builds):
    """What make prints, what the build leaves and what `mpgc_build_info` returns are one line."""
    build = builds.directory("scenarios plain", "rust")
    (build / "py" / "gc.o").unlink(missing_ok=True)
    options = [f"MICROPYTHON_DIR={builds.tree}", f"SCENARIO_OPTIONS={SCENARIOS['plain']}"]
    said = builds.make(build, None, options, port=MOCK_PORT).stdout
    info = (build / "mpgc" / "info").read_text()
    printed = [line + "\n" for line in said.splitlines() if line.startswith("mpgc ")]
    expect(printed == [info], f"make printed {printed}, not once {info!r}")
    done = subprocess.run([build / "scenarios", "info"], stdout=subprocess.PIPE, text=True, timeout=60)
    expect(done.stdout == info, f"mpgc_build_info() is {done.stdout!r}, not {info!r}")
    for word in (f"MicroPython {release_of(builds.tree)}", "-linux-gnu", "-byte blocks", "finalisers", "opt-level 3"):
        expect(word in info, f"{word!r} is not in {info!r}")
    return info.strip()


# Seeds of the design that need two builds, or Python (the others: c-tests/port/seeds.c, src/heap/tests/seeds.rs).

def realloc_is_checked_in_debug_builds_only(builds):
    for name, checked in (("plain", False), ("asserts", True)):
        build = builds.directory(f"scenarios {name}", "rust")
        symbols = subprocess.run(["nm", build / "py" / "gc.o"], stdout=subprocess.PIPE, text=True, check=True).stdout
        expect(("mpgc_shim_assert_failed" in symbols) == checked, f"{name}: the checks are {'out' if checked else 'in'}")
        command = [build / "scenarios", "fault", "inner-realloc"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
        said = "assertion failed" if checked else "unnoticed: inner-realloc"
        expect(said in done.stdout and (done.returncode != 0) == checked, f"{name}: {done.returncode} {done.stdout!r}")


def entry_points_are_safe_from_several_threads(builds):
    build = builds.directory("standard", "rust")
    program = [build / "micropython", CRATE / "tests" / "seeds" / "threads.py"]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True, timeout=300)
    expect(done.returncode == 0 and done.stdout == "[0, 1, 2, 3] []\n", f"{done.returncode}: {done.stdout!r}")


def scenarios(builds, name):
    """The same C program on both: what it prints must be the same."""
    release = tuple(int(part) for part in release_of(builds.tree).split("."))
    told = {}
    for side, door in (("c", ()), ("rust", ("-f", str(WRAPPER)))):
        build = builds.directory(f"scenarios {name}", side)
        options = [f"MICROPYTHON_DIR={builds.tree}", f"SCENARIO_OPTIONS={SCENARIOS[name]}"]
        builds.make(build, None, options, door=door, port=MOCK_PORT)
        done = subprocess.run([build / "scenarios"], stdout=subprocess.PIPE, text=True, timeout=60)
        told[side] = done.stdout.splitlines()
        expect(done.returncode == 0 and told[side][-1:] == ["end"], f"{side}: {done.returncode}\n{tail(done.stdout)}")
    differ = [(c, rust) for c, rust in zip(told["c"], told["rust"]) if c != rust]
    expect(len(told["c"]) == len(told["rust"]), f"{len(told['c'])} lines in C, {len(told['rust'])} in Rust")
    intended = [pair for pair in differ if release < (1, 26, 0) and pair[0].startswith("nodes that queue themselves")]
    expect(differ == intended, "\n".join(f"C:    {c}\nRust: {rust}" for c, rust in differ))
    return f"{len(told['c'])} lines" + (f", {len(intended)} differ as intended" if intended else "")


def placed_where_the_port_wants(builds):
    """The mock port wraps mp_sched_schedule into a section of its own."""
    carrier = builds.directory("scenarios plain", "rust") / "py" / "gc.o"
    done = subprocess.run(["objdump", "-t", carrier], stdout=subprocess.PIPE, text=True, check=True)
    place = {line.split()[-1]: line.split()[-3] for line in done.stdout.splitlines() if len(line.split()) > 4}
    for name in ("mp_sched_schedule", "mpgc_shim_atomic_begin", "mpgc_shim_atomic_end"):
        expect(place.get(name) == ".scenario_fast", f"{name} is in {place.get(name)}")
    # Nothing else of the code may be called from there.
    done = subprocess.run(["objdump", "-r", "-j", ".scenario_fast", carrier], stdout=subprocess.PIPE, text=True, check=True)
    targets = {line.split()[2].split("+")[0].split("-")[0] for line in done.stdout.splitlines() if "R_" in line}
    outside = {name for name in targets if place.get(name, "").startswith(".text")}
    expect(not outside, f"mp_sched_schedule needs {sorted(outside)}")


# Layouts and headers.

def words(build):
    return (build / "mpgc" / "command").read_text().splitlines()


def compile_c(builds, build, source, *extra):
    command = words(build) + [f"-I{CRATE / 'include'}", f"-I{CRATE / 'src/host'}", *extra]
    command += ["-c", str(source), "-o", str(build / "check.o")]
    return subprocess.run(command, cwd=builds.port, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def layouts_are_proven(builds):
    build = builds.directory("standard", "rust")
    proof = build / "mpgc" / "layout.c"
    expect(proof.exists(), "the build left no layout.c")
    text = proof.read_text()
    claims = text.count("_Static_assert")
    expect(claims > 100, f"only {claims} claims")
    expect(compile_c(builds, build, proof).returncode == 0, "the claims do not hold")
    # A claim that is wrong by one must be seen.
    wrong = build / "wrong.c"
    wrong.write_text(re.sub(r"== (\d+),", lambda m: f"== {int(m[1]) + 1},", text, count=1))
    expect(compile_c(builds, build, wrong).returncode != 0, "a false claim passes")
    return f"{claims} claims"


def headers_stand_together(builds):
    build = builds.directory("standard", "rust")
    for source in sorted((CRATE / "c-tests").glob("*.c")):
        done = compile_c(builds, build, source)
        expect(done.returncode == 0, f"{source.name}:\n{tail(done.stdout)}")


# Incremental builds.

# Faults: which the hardened build tells, as what (c-tests/port/faults.c).
FAULTS = {
    "no-room": "no room for a heap",
    "foreign-free": "foreign pointer",
    "foreign-realloc": "foreign pointer",
    "inner-free": "inner pointer",
    "inner-byte-free": "inner pointer",
    "inner-realloc": "inner pointer",
    "inner-block-realloc": "inner pointer",
    "double-free": "double free",
    "swept-free": "double free",
    "freed-realloc": "double free",
    "tail-without-head": "broken table",
    "mark-outside-collect": "broken table",
    "marked-free": "broken table",
    "write-after-free": "write after free",
    "write-after-sweep": "write after free",
    "write-after-shrink": "write after free",
    "overrun": "overrun",
    "overrun-realloc": "overrun",
    "overrun-collect": "overrun",
}
# Of these the account names the chunk.
IN_A_CHUNK = ("inner pointer", "overrun")
# The numbers of mpgc.h.
FAULT_KINDS = {words: number for number, words in enumerate(dict.fromkeys(FAULTS.values()), 1)}


def faults_are_told(builds):
    hardened = builds.directory("scenarios hardened", "rust")
    plain = builds.directory("scenarios plain", "rust")
    own = builds.directory("scenarios own fault", "rust")
    configurations = (
        (plain, []),
        (hardened, ["MPGC_HARDENED=1"]),
        # A heap that may have further areas finds the area of a pointer otherwise.
        (own, ["MPGC_HARDENED=1", "SCENARIO_OPTIONS=-DSCENARIO_OWN_FAULT -DMICROPY_GC_SPLIT_HEAP=1"]),
    )
    for build, options in configurations:
        options = [f"MICROPYTHON_DIR={builds.tree}", *options]
        builds.make(build, None, options, door=("-f", str(WRAPPER)), port=MOCK_PORT)

    def commit(build, fault, **env):
        command = [build / "scenarios", "fault", fault]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, env={**os.environ, **env})

    for fault, words in FAULTS.items():
        done = commit(hardened, fault)
        told = rf"mpgc: {words} at (0x)?[0-9a-f]+" + (r", in the chunk of 64 bytes at (0x)?[0-9a-f]+" if words in IN_A_CHUNK else "")
        expect(re.match(told + "[,\n]", done.stdout), f"{fault}: told {done.stdout!r}")
        expect(done.returncode < 0, f"{fault}: the program went on, or ended with {done.returncode}")
        done = commit(own, fault)
        told = f"the port was told of {FAULT_KINDS[words]} at "
        expect(done.stdout.startswith(told), f"{fault}: the port was not told: {done.stdout!r}")
        expect(done.returncode == 3, f"{fault}: not the port's exit: {done.returncode}")
    done = commit(own, "overrun", SCENARIO_FAULT_RETURNS="1")
    expect(done.returncode < 0, f"the program goes on after a port's mpgc_fault has returned: {done.stdout!r}")
    # A build that is not hardened does not look for overruns: the scenario itself tells no fault.
    expect(commit(plain, "overrun").stdout == "unnoticed: overrun\n", "the plain build tells an overrun")
    said = [
        subprocess.run([build / "scenarios"], stdout=subprocess.PIPE, text=True, timeout=60).stdout.splitlines()
        for build in (plain, hardened)
    ]
    # One byte a block is the slack table's, so the heap is smaller; all else is the same.
    differ = [line for line, other in zip(*said) if line != other]
    expect(len(said[0]) == len(said[1]) and len(differ) == 1 and differ[0].startswith("total "), f"differ: {differ}")
    return f"{len(FAULTS)} faults"


class Incremental:
    """One Rust build whose variant's headers are a copy, so that they can be touched."""

    def __init__(self, builds):
        self.builds = builds
        self.build = builds.directory("incremental", "rust")
        self.variants = builds.work / "variants"
        if not self.variants.exists():
            shutil.copytree(builds.port / "variants", self.variants)
        self.make()

    def make(self, *options):
        options = [f"VARIANT_DIR={self.variants / 'standard'}", *options]
        return self.builds.make(self.build, None, options).stdout

    def times(self):
        return [(self.build / name).stat().st_mtime_ns for name in ("py/gc.o", "py/pystack.o", "micropython")]

    def nothing_changed_rebuilds_nothing(self):
        before = self.times()
        said = self.make()
        expect("RUST" not in said and "LINK" not in said, tail(said))
        expect(self.times() == before, "an object or the program was made anew")

    def changed(self, touched, *options, link=True):
        time.sleep(1.1)
        before = self.times()
        if touched:
            os.utime(touched)
        said = self.make(*options)
        after = self.times()
        expect("RUST" in said and after[0] > before[0], f"the carrier was not made anew:\n{tail(said)}")
        expect(after[2] > before[2], "the program was not linked anew")

    def a_header_of_the_port_rebuilds(self):
        self.changed(self.variants / "standard" / "mpconfigvariant.h")
        self.nothing_changed_rebuilds_nothing()

    def a_header_of_another_variant_does_not(self):
        os.utime(self.variants / "coverage" / "mpconfigvariant.h")
        self.nothing_changed_rebuilds_nothing()

    def a_rust_file_rebuilds(self):
        before = (self.build / "py" / "vm.o").stat().st_mtime_ns
        self.changed(CRATE / "src" / "sched.rs")
        expect((self.build / "py" / "vm.o").stat().st_mtime_ns == before, "C was compiled anew")
        self.nothing_changed_rebuilds_nothing()

    def a_c_file_of_the_shim_rebuilds(self):
        self.changed(CRATE / "src" / "host" / "shim.h")

    def a_flag_rebuilds(self):
        self.changed(None, "CFLAGS_EXTRA=-DMPGC_CHECK_DROPIN=1")
        self.changed(None)

    def an_option_of_the_rules_rebuilds(self):
        self.changed(None, "MPGC_OPT_LEVEL=s")
        self.changed(None)


def c_build_turns_into_rust(builds):
    build = builds.directory("minimal turned", "rust")
    variant, options = CONFIGURATIONS["minimal"]
    for _ in range(2):
        # Whatever an earlier round left is compiled from C.
        for made in builds.objects(build):
            made.unlink(missing_ok=True)
        builds.make(build, variant, options, builds.objects(build), door=())
        builds.make(build, variant, options, builds.objects(build))
        names = globals_of(builds.objects(build))
        expect("mpgc_version" in names, "the C objects were kept")
        empty = globals_of(builds.objects(build)[1:])
        expect(not empty, f"compiled from C: {sorted(empty)}")


def the_heap_can_stay_in_c(builds):
    build = builds.directory("minimal kept", "rust")
    variant, options = CONFIGURATIONS["minimal"]
    for kept in ([], ["MPGC_KEEP_C=gc"], []):
        builds.make(build, variant, options + kept)
        carrier = build / "py" / ("pystack.o" if kept else "gc.o")
        expect("mpgc_version" in globals_of([carrier]), f"{kept}: {carrier.name} does not carry the Rust")
        expect(("gc_alloc" in globals_of([carrier])) != bool(kept), f"{kept}: gc_alloc is in the wrong object")


# The other doors.

def usermod_door(builds):
    build = builds.directory("usermod", "rust")
    door = (f"USER_C_MODULES={CRATE / 'micropython-patches/usermod'}",)
    builds.make(build, "standard", [], builds.objects(build), door=door)
    expect("mpgc_version" in globals_of(builds.objects(build)), "the door did nothing")


def release_of(tree):
    text = (tree / "py" / "mpconfig.h").read_text()
    return ".".join(re.search(rf"MICROPY_VERSION_{part} (\d+)", text)[1] for part in ("MAJOR", "MINOR", "MICRO"))


def patched_tree(builds):
    """A copy made of links, but for the one file that the patch changes."""
    release = release_of(builds.tree)
    patch = CRATE / "micropython-patches" / f"micropython-{release}.patch"
    if not patch.exists():
        return None
    copy = builds.work / "patched"
    if not copy.exists():
        subprocess.run(["cp", "-as", builds.tree, copy], check=True)
        (copy / "py" / "py.mk").unlink()
        shutil.copy(builds.tree / "py" / "py.mk", copy / "py" / "py.mk")
        for command in (["patch", "-p1", "--dry-run", "--fuzz=0"], ["patch", "-p1", "--fuzz=0"]):
            done = subprocess.run(
                command, cwd=copy, stdin=patch.open(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            expect(done.returncode == 0, f"{patch.name} does not apply:\n{done.stdout}")
    return copy


def patch_applies_and_switches(builds):
    copy = patched_tree(builds)
    if copy is None:
        return f"no patch for release {release_of(builds.tree)}"
    port = copy / "ports" / "unix"
    for name, switch, rust in (("patched", [f"MPGC={CRATE}"], True), ("patched off", [], False)):
        build = builds.directory(name, "rust")
        builds.make(build, "standard", switch, builds.objects(build), door=(), port=port)
        names = globals_of(builds.objects(build))
        expect(("mpgc_version" in names) == rust, f"MPGC={switch}: the wrong objects")


def cmake_door(builds):
    if shutil.which("cmake") is None:
        raise Failed("cmake is not found: install it (apt-get install cmake)")
    build = builds.work / "cmake-rust"
    # A copy, so that a header can be touched.
    source = builds.work / "cmake-port"
    shutil.copytree(MOCK_PORT, source, dirs_exist_ok=True)
    module = CRATE / "micropython-patches" / "micropython.cmake"
    steps = (
        ["cmake", "-S", source, "-B", build, f"-DUSER_C_MODULES={module}", f"-DMICROPY_DIR={builds.tree}"],
        ["cmake", "--build", build, f"-j{builds.jobs}"],
    )
    for command in steps:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        expect(done.returncode == 0, tail(done.stdout, 25))
    done = subprocess.run([build / "scenarios"], stdout=subprocess.PIPE, text=True)
    expect(done.returncode == 0 and done.stdout.endswith("end\n"), f"{done.returncode}: {done.stdout!r}")
    # Nothing changed: nothing is made.
    before = (build / "mpgc" / "carrier-gc.o").stat().st_mtime_ns
    subprocess.run(steps[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    expect((build / "mpgc" / "carrier-gc.o").stat().st_mtime_ns == before, "the carrier was made anew")
    os.utime(source / "mpconfigport.h")
    subprocess.run(steps[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    expect((build / "mpgc" / "carrier-gc.o").stat().st_mtime_ns > before, "a changed header did nothing")


# Bad input: one message, which names the thing and the mend.

BAD_INPUT = {
    "an unknown Rust target": (["MPGC_TARGET=no-such-target"], "no-such-target", "MPGC_TARGET"),
    "a target without core": (["MPGC_TARGET=avr-none", "MPGC_BUILD_STD=0"], "avr-none", "rustup target add"),
    "an unknown profile": (["MPGC_PROFILE=tiny"], "MPGC_PROFILE=tiny", "choose one of speed, size"),
    "no cargo": (["MPGC_CARGO=/nowhere/cargo"], "/nowhere/cargo", "install Rust"),
    "no compiler": (["CC=no-such-gcc"], "no-such-gcc", "install it"),
    "weak references where the release has none": (
        ["CFLAGS_EXTRA=-DMICROPY_PY_WEAKREF=1"], "gc_weakref_table_start", "take such a tree"),
    "a block that is no power of two": (
        ["CFLAGS_EXTRA=-DMICROPY_BYTES_PER_GC_BLOCK=48"], "MICROPY_BYTES_PER_GC_BLOCK is 48", "power of two"),
    "a queue that is no power of two": (
        ["CFLAGS_EXTRA=-DMICROPY_SCHEDULER_DEPTH=6"], "MICROPY_SCHEDULER_DEPTH is 6", "power of two"),
    "threads with a mutex that is not recursive": (
        ["CFLAGS_EXTRA=-DMICROPY_PY_THREAD_RECURSIVE_MUTEX=0"], "need the recursive gc_mutex", "switch it on"),
    "headers that do not compile": (
        ["CFLAGS_EXTRA=-DMICROPY_OBJ_REPR=99"], "unknown type name", "build once with the C files"),
    "a field that has gone": (
        ["CFLAGS_EXTRA=-Dgc_last_used_block=gc_renamed"], "gc_last_used_block", "take such a tree"),
    "a release with other functions": (
        ["CFLAGS_EXTRA=-Dmp_handle_pending=mp_handle_pending_renamed"], "mp_handle_pending", "take such a tree"),
    "a file that cannot be kept in C": (["MPGC_KEEP_C=vm"], "MPGC_KEEP_C=vm", "only `gc`"),
}


# Headers of a release that is not known, made of the tree's: file, what is edited, and what is said then.
OTHER_RELEASES = {
    "a new field of an area": (
        "mpstate.h", "    byte *gc_pool_end;", "    byte *gc_pool_end;\n    byte *gc_new_table_start;",
        ("mp_state_mem_area_t", "does not know", "`gc_new_table_start`")),
    "a new field of the heap": (
        "mpstate.h", "    int gc_stack_overflow;", "    int gc_stack_overflow;\n    int gc_new_count;",
        ("mp_state_mem_t", "does not know", "`gc_new_count`")),
    "a field under another name": (
        "mpstate.h", "nlr_buf_t *nlr_top;", "nlr_buf_t *nlr_newest;", ("mp_state_thread_t", "has no field `nlr_top`")),
    "another prototype": (
        "runtime.h", "void mp_handle_pending(bool raise_exc);", "int mp_handle_pending(int how);",
        ("mp_handle_pending", "three forms")),
    "a newer release whose headers fit": (
        "mpconfig.h", "#define MICROPY_VERSION_MINOR ", "#define MICROPY_VERSION_MINOR 1", None),
}


def edited_tree(builds, file, old, new):
    """A copy made of links, but for one header of py/ that is edited."""
    copy = builds.work / "edited"
    if not copy.exists():
        subprocess.run(["cp", "-as", builds.tree, copy], check=True)
    for name in {entry[0] for entry in OTHER_RELEASES.values()}:
        header, text = copy / "py" / name, (builds.tree / "py" / name).read_text()
        if name == file:
            expect(text.count(old) == 1, f"py/{file} has {old!r} {text.count(old)} times")
            text = text.replace(old, new)
        if header.is_symlink() or header.read_text() != text:
            header.unlink()
            header.write_text(text)
    return copy


def other_release(builds, name):
    file, old, new, parts = OTHER_RELEASES[name]
    port = edited_tree(builds, file, old, new) / "ports" / "unix"
    build = builds.directory("edited", "rust")
    target = build / "py" / "gc.o"
    # The headers that the tree's own C does not compile with are there already.
    old_files = ["-o", str(build / "genhdr" / "qstr.i.last")]
    if not (build / "genhdr" / "qstrdefs.generated.h").exists():
        builds.make(build, "minimal", [], [build / "genhdr" / "qstrdefs.generated.h"], door=(), port=builds.port)
    done = builds.make(build, "minimal", old_files, [target], port=port, check=False)
    if parts is not None:
        expect(done.returncode != 0, "the build went through")
        return one_message(done.stdout, *parts, "take such a tree")
    expect(done.returncode == 0, tail(done.stdout))
    warnings = [line for line in done.stdout.splitlines() if line.startswith("mpgc: warning: ")]
    expect(len(warnings) == 1 and "is newer than any" in warnings[0], f"warnings: {warnings}")
    return warnings[0]


def one_message(said, *parts):
    messages = [line for line in said.splitlines() if re.search(r"^mpgc: error: |\*\*\* mpgc: ", line)]
    expect(len(messages) == 1, f"{len(messages)} messages:\n{tail(said)}")
    for part in parts:
        expect(part in messages[0], f"{part!r} is not in: {messages[0]}")
    noise = [line for line in said.splitlines() if "panicked" in line or "Caused by" in line or "Traceback" in line]
    expect(not noise, f"besides the message: {noise}")
    return messages[0]


def bad_input(builds, name):
    options, *parts = BAD_INPUT[name]
    build = builds.directory("bad", "rust")
    target = build / "py" / "gc.o"
    if not (build / "genhdr" / "qstrdefs.generated.h").exists():
        builds.make(build, "standard", [], [target])
    # Only the carrier is asked for: the headers are there, and the tree's own checks pass.
    old = ["-o", str(build / "genhdr" / "qstr.i.last")]
    if any(option.startswith("CC=") for option in options):
        old += ["-o", str(build / "genhdr" / "qstrdefs.generated.h")]
    done = builds.make(build, "standard", [*old, *options], [target], check=False)
    expect(done.returncode != 0, "the build went through")
    return one_message(done.stdout, *parts)


def no_tree(builds):
    empty = builds.work / "no-tree" / "ports" / "unix"
    empty.mkdir(parents=True, exist_ok=True)
    one_message(builds.make(empty / "b", None, [], port=empty, check=False).stdout, "no Makefile", "use make -C")
    (empty / "Makefile").write_text("all:\n")
    said = builds.make(empty / "b", None, [], port=empty, check=False).stdout
    (empty / "Makefile").unlink()
    return one_message(said, "is not that of a MicroPython port", "use make -C")


def switch_to_nowhere(builds):
    copy = patched_tree(builds)
    if copy is None:
        return f"no patch for release {release_of(builds.tree)}"
    port = copy / "ports" / "unix"
    done = builds.make(builds.work / "nowhere", "standard", ["MPGC=/nowhere"], door=(), port=port, check=False)
    return one_message(done.stdout, "MPGC=/nowhere", "clone of mpgc")


def all_checks(builds):
    for name in CONFIGURATIONS:
        yield f"symbols: {name}", lambda name=name: same_symbols(builds, name)
    for name in SCENARIOS:
        yield f"scenarios: {name}", lambda name=name: scenarios(builds, name)
    yield "build info: printed, left, and told at run time", lambda: build_info_is_the_printed_line(builds)
    yield "placement: MICROPY_WRAP_MP_SCHED_SCHEDULE", lambda: placed_where_the_port_wants(builds)
    yield "linked: no panic, unwind or formatting code", lambda: no_panic_is_linked(builds)
    yield "linked: the program runs", lambda: the_program_runs_on_rust(builds)
    yield "linked: the Python module tells the build", lambda: module_tells_the_build(builds)
    yield "seed: realloc is checked in debug builds only", lambda: realloc_is_checked_in_debug_builds_only(builds)
    yield "seed: several threads", lambda: entry_points_are_safe_from_several_threads(builds)
    yield "hardened: each fault is told, and stops", lambda: faults_are_told(builds)
    yield "layouts: proven by the port's compiler", lambda: layouts_are_proven(builds)
    yield "headers: py/gc.h and mpgc.h together", lambda: headers_stand_together(builds)
    state = {}

    def incremental(name):
        if "it" not in state:
            state["it"] = Incremental(builds)
        return getattr(state["it"], name)()

    for name in [name for name in vars(Incremental) if name.endswith(("rebuilds", "rebuilds_nothing", "does_not"))]:
        yield f"incremental: {name.replace('_', ' ')}", lambda name=name: incremental(name)
    yield "incremental: a C build turns into a Rust build", lambda: c_build_turns_into_rust(builds)
    yield "incremental: the heap can stay in C, and come back", lambda: the_heap_can_stay_in_c(builds)
    yield "door: USER_C_MODULES", lambda: usermod_door(builds)
    yield "door: the patch applies and switches", lambda: patch_applies_and_switches(builds)
    yield "door: CMake, on a mock port", lambda: cmake_door(builds)
    yield "bad input: no tree", lambda: no_tree(builds)
    yield "bad input: the switch points nowhere", lambda: switch_to_nowhere(builds)
    for name in OTHER_RELEASES:
        yield f"another release: {name}", lambda name=name: other_release(builds, name)
    for name in BAD_INPUT:
        yield f"bad input: {name}", lambda name=name: bad_input(builds, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, required=True, help="a MicroPython tree; it is only read")
    parser.add_argument("--work", type=Path, required=True, help="a directory for the builds")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="run the checks whose name holds this")
    args = parser.parse_args()
    tree = args.tree.resolve()
    if not (tree / "py" / "gc.c").exists():
        print(f"mpgc: {tree} is not a MicroPython tree (no py/gc.c): give one with --tree", file=sys.stderr)
        return 2
    args.work.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("MPGC_BUILD_TOOLS", str(args.work.resolve() / "build-tools"))
    builds = Builds(tree, args.work.resolve(), args.jobs)
    passed = failed = 0
    for name, check in all_checks(builds):
        if args.only not in name:
            continue
        start = time.time()
        try:
            told = check()
            passed += 1
            print(f"ok    {name} ({time.time() - start:.0f} s)" + (f": {told}" if told else ""), flush=True)
        except (Failed, subprocess.CalledProcessError, OSError) as error:
            failed += 1
            print(f"FAIL  {name} ({time.time() - start:.0f} s)", flush=True)
            print(textwrap.indent(str(error), "      "), flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
