"""Builds of one tree, and what the checks share."""

import os
import re
import subprocess
from pathlib import Path

CRATE = Path(__file__).resolve().parent.parent.parent
MOCK_PORT = CRATE / "c-tests" / "port"
WRAPPER = CRATE / "micropython-patches" / "wrapper.mk"

# No submodules, nothing frozen: the smallest unix build that is still the variant.
PLAIN = [
    "MICROPY_PY_SSL=0",
    "MICROPY_SSL_MBEDTLS=0",
    "MICROPY_PY_BTREE=0",
    "MICROPY_PY_FFI=0",
    "FROZEN_MANIFEST=",
    "STRIP=true",
]

# Each is a set of options under which the C objects export something different.
CONFIGURATIONS = {
    "standard": ("standard", []),
    "coverage": ("coverage", []),
    "minimal": ("minimal", []),
    "pystack, setjmp, VM abort, static nodes": (
        "standard",
        [
            "CFLAGS_EXTRA=-DMICROPY_ENABLE_PYSTACK=1 -DMICROPY_STACKLESS=1 -DMICROPY_NLR_SETJMP=1 "
            "-Wno-clobbered -DMICROPY_ENABLE_VM_ABORT=1 -DMICROPY_SCHEDULER_STATIC_NODES=1",
        ],
    ),
    "split heap auto": (
        "minimal",
        [
            "CFLAGS_EXTRA=-DMICROPY_GC_SPLIT_HEAP=1 -DMICROPY_GC_SPLIT_HEAP_AUTO=1 "
            "-include stdlib.h -Wno-pointer-arith "
            # as CircuitPython's boards have it
            f"-DCIRCUITPY_MIN_GCC_VERSION=5 -include {MOCK_PORT / 'min_gcc.h'}",
        ],
    ),
    "GIL": ("minimal", ["CFLAGS_EXTRA=-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=1"]),
    "no GIL, no scheduler": (
        "minimal",
        [
            "CFLAGS_EXTRA=-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0 "
            "-DMICROPY_ENABLE_SCHEDULER=0",
        ],
    ),
}

# Options of the mock port in c-tests/port.
SCENARIOS = {
    "plain": "",
    "setjmp": "-DMICROPY_NLR_SETJMP=1 -Wno-clobbered",
    "asserts": "-UNDEBUG",
    "threads": "-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0",
    "threads, inline": "-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0 "
    "-DSCENARIO_INLINE_THREADS=1",
    "stackless": "-DMICROPY_STACKLESS=1",
    "split heap, conservative clear": "-DMICROPY_GC_SPLIT_HEAP=1 -DMICROPY_GC_CONSERVATIVE_CLEAR=1",
}


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
        self.replaced = ["gc", "pystack", "scheduler"] + sorted(
            p.stem for p in (tree / "py").glob("nlr*.c")
        )

    def directory(self, name, side):
        return self.work / (re.sub(r"\W+", "-", name) + "-" + side)

    def make(
        self, build, variant, options, targets=(), entry=("-f", str(WRAPPER)), port=None, check=True
    ):
        """Runs make; returns the finished process with both streams in stdout."""
        command = ["make", f"-j{self.jobs}", "-C", str(port or self.port), *entry, f"BUILD={build}"]
        if variant:
            command.append(f"VARIANT={variant}")
        command += [
            *(PLAIN if variant != "minimal" else ["STRIP=true"]),
            *options,
            *map(str, targets),
        ]
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        done = subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
        )
        if check and done.returncode:
            raise Failed("make failed:\n" + tail(done.stdout))
        expect(
            not warnings_of_ours(done.stdout),
            "the build warns of mpgc's own sources:\n" + "\n".join(warnings_of_ours(done.stdout)),
        )
        return done

    def objects(self, build):
        return [build / "py" / f"{name}.o" for name in self.replaced]

    def forget_objects(self, build):
        """So that the next build makes them, whichever side that is."""
        for made in self.objects(build):
            made.unlink(missing_ok=True)


def warnings_of_ours(said):
    """What rustc and cargo warn of, and the port's compiler in our C files; only this project can
    fix it."""
    return re.findall(
        rf"^warning: .*(?:\n +--> .*)?|^{re.escape(str(CRATE / 'src'))}\S+: warning: .*", said, re.M
    )


def same_output(builds, output):
    """Compares the lines that the scenarios have printed on either side."""
    release = tuple(int(part) for part in release_of(builds.tree).split("."))
    differ = [(c, rust) for c, rust in zip(output["c"], output["rust"]) if c != rust]
    expect(
        len(output["c"]) == len(output["rust"]),
        f"{len(output['c'])} lines in C, {len(output['rust'])} in Rust",
    )
    intended = [
        pair
        for pair in differ
        if release < (1, 26, 0) and pair[0].startswith("nodes that queue themselves")
    ]
    expect(differ == intended, "\n".join(f"C:    {c}\nRust: {rust}" for c, rust in differ))
    return f"{len(output['c'])} lines" + (
        f", {len(intended)} differ as intended" if intended else ""
    )


def tail(text, lines=15):
    return "\n".join(text.strip().splitlines()[-lines:])


def globals_of(objects):
    names = set()
    for path in objects:
        done = subprocess.run(
            ["nm", "-g", "--defined-only", path], stdout=subprocess.PIPE, text=True, check=True
        )
        names |= {line.split()[2] for line in done.stdout.splitlines() if len(line.split()) == 3}
    return names


def release_of(tree):
    text = (tree / "py" / "mpconfig.h").read_text()
    return ".".join(
        re.search(rf"MICROPY_VERSION_{part} (\d+)", text)[1] for part in ("MAJOR", "MINOR", "MICRO")
    )
