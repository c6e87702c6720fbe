"""Checks the format and the lints of all that is written here: Rust in every configuration that
ships, its documentation, Python.

The quick part looks at the profiles, at the library for C programs, at `host` and `ffi` in a few
configurations of a port, and at the Python. --all looks at every feature, at `host` and `ffi` in
every configuration that changes what is compiled, at the code for other processors where Rust has
their core, and at the programs around the library. --fix lets ruff fix what it can. Ends with `N
passed, N failed`; a line `skipped: ...` names what cannot run here.
"""

import functools
import importlib.util
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import mpgc_cargo
from mpgc_rust import choose_toolchain

from tools.build import firmware
from tools.build.unix import WRAPPER, build_env, tree_key
from tools.common import BUILD, ROOT, Fail, add_switch, clean_env, run_logged, shown
from tools.setup.boards import find_board
from tools.setup.targets import METAL
from tools.setup.tree import get_tree
from tools.steps import Tally

WORK = BUILD / "lint"
TWINS = ROOT / "c-tests" / "twins"
TARGET = "x86_64-unknown-linux-gnu"
RUFF = "0.14.9"

AIDS = "clear-on-sweep,heap-profiling,trace-marks"
COLLECTIONS = "pacing,idle-collect,clear-stack,stats,trace"
# Builds without MicroPython: features, which targets of cargo, whether the quick part looks at it.
Library = namedtuple("Library", "features targets quick", defaults=("--lib", False))
LIBRARIES = [
    Library("", "--all-targets", quick=True),
    Library("small", "--tests", quick=True),
    Library("bare", "--tests", quick=True),
    Library("testing"),
    Library("standalone", "--all-targets", quick=True),
    Library("standalone,small", quick=True),
    Library("standalone,hardened,noscan", quick=True),
    Library("standalone,bare"),
    Library("standalone,bare,large"),
    Library("standalone,small,hardened"),
    Library("standalone,hardened"),
    Library("standalone,noscan"),
    Library(f"standalone,{AIDS}"),
    Library(f"standalone,{COLLECTIONS}"),
]
# Clippy also checks all other members of the workspace, with all features except libFuzzer, whose
# C++ need not be compiled for it.
MEMBERS = ["--workspace", "--exclude", "mpgc", "--all-targets", "--features", "mpgc-bench/charts"]
# Processors whose assembly and tables no other check here compiles for clippy.
PROCESSORS = [
    ("thumbv6m-none-eabi", "small"),
    ("thumbv7em-none-eabihf", ""),
    ("riscv32imac-unknown-none-elf", ""),
    ("aarch64-unknown-linux-gnu", ""),
    ("riscv64gc-unknown-linux-gnu", ""),
    ("i686-unknown-linux-gnu", ""),
]

# Firmware of the qemu port: an atomic section that switches interrupts off, one thread, no system.
BOARDS = {"MPS2_AN385": "", "MICROBIT": "small", "VIRT_RV32": "large"}

# A port: options of the C compiler for the twins, the oldest release that has them, features.
# `quick` is part of the quick run.
Port = namedtuple(
    "Port", "options features since quick debug", defaults=("", (1, 20), False, False)
)
# What the port's build generates; no C is compiled for the lints.
HEADERS = ("mpversion.h", "moduledefs.h", "qstrdefs.generated.h", "root_pointers.h")
# With compressed messages in the firmware.
COMPRESSED = "compressed.data.h"
SPLIT = "-DMICROPY_GC_SPLIT_HEAP=1"
AUTO = f"{SPLIT} -DMICROPY_GC_SPLIT_HEAP_AUTO=1"
THREADS = "-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0"
FEWEST = (
    "-DMICROPY_GC_ALLOC_THRESHOLD=0 -DMICROPY_PY_GC_COLLECT_RETVAL=0 -DMICROPY_ENABLE_PYSTACK=0 "
    "-DMICROPY_ENABLE_VM_ABORT=0 "
    "-DMICROPY_KBD_EXCEPTION=0 -DMICROPY_ENABLE_SCHEDULER=0"
)
PORTS = {
    "default": Port("", quick=True),
    "fewest": Port(FEWEST, quick=True),
    "threads": Port(f"{THREADS} {AUTO}", quick=True),
    "hardened noscan": Port(AUTO, "hardened,noscan", quick=True, debug=True),
    "gil": Port("-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=1"),
    "split": Port(SPLIT),
    "no finaliser": Port("-DMICROPY_ENABLE_FINALISER=0 -DMICROPY_GC_CONSERVATIVE_CLEAR=1"),
    "no nodes": Port("-DMICROPY_SCHEDULER_STATIC_NODES=0"),
    "setjmp": Port("-DMICROPY_NLR_SETJMP=1 -Wno-clobbered"),
    "hook": Port("-DTWIN_HOOK_LOOP"),
    "valgrind": Port("-DMICROPY_DEBUG_VALGRIND=1"),
    "verbose": Port("-DMICROPY_DEBUG_VERBOSE=1"),
    "asserts": Port("-UNDEBUG", debug=True),
    "weak references": Port("-DMICROPY_PY_WEAKREF=1", since=(1, 28)),
    "no heap": Port(f"{FEWEST} -DMICROPY_ENABLE_GC=0 -DMICROPY_ENABLE_FINALISER=0"),
    "small": Port("", "small"),
    "small threads": Port(f"{THREADS} {AUTO}", "small"),
    "bare": Port("", "bare"),
    "bare fewest": Port(FEWEST, "bare"),
    "bare large": Port("", "bare,large"),
    "noscan": Port("", "noscan"),
    "debug aids": Port(AUTO, AIDS),
    "collections": Port(f"{THREADS} {AUTO}", COLLECTIONS),
    "collections fewest": Port(FEWEST, COLLECTIONS),
}


class Checks(Tally):
    def __init__(self, only):
        super().__init__()
        self.only = only

    def wants(self, name):
        return self.only in name

    def run(self, name, command, **environment):
        """Runs a command that prints nothing if it passes."""
        if not self.wants(name):
            return
        started = time.monotonic()
        log = WORK / f"{name.replace(' ', '-').replace('/', '-').replace(',', '-')}.log"
        status = run_logged(
            command,
            log,
            env={**clean_env(), **environment},
            cwd=ROOT,
            what=name,
            fatal=False,
            every=60,
        )
        said = log.read_text(errors="replace").strip().splitlines()[-60:]
        text = "\n".join("    | " + line[:300] for line in said) + f"\n    all of it: {shown(log)}"
        self.add(name, status == 0, text, f"({time.monotonic() - started:.0f} s)")


def clippy(*words):
    return ["cargo", "clippy", "--locked", *words, "--", "-D", "warnings"]


def check_libraries(checks, everything):
    """The library without MicroPython, in each of its shapes."""
    checks.run("format", ["cargo", "fmt", "--all", "--check"])
    for library in LIBRARIES:
        if everything or library.quick:
            words = [
                library.targets,
                "--features",
                library.features,
                "--target-dir",
                WORK / "target",
            ]
            checks.run(f"clippy {library.features}".strip(), clippy(*words))
    if everything:
        words = ["--all-targets", "--all-features", "--target-dir", WORK / "target"]
        checks.run("clippy of all features", clippy(*words))


def has_core(target):
    """Whether the Rust that has clippy has a core for the target."""
    command = ["rustc", "--print", "target-libdir", "--target", target]
    folder = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    return any(Path(folder).glob("libcore-*.rlib"))


def check_processors(checks):
    for target, features in PROCESSORS:
        name = f"clippy for {target}"
        if not checks.wants(name):
            continue
        if not has_core(target):
            checks.skip(name, f"Rust's core for it is missing (rustup target add {target})")
            continue
        words = ["--lib", "--features", f"standalone,{features}".strip(","), "--target", target]
        checks.run(name, clippy(*words, "--target-dir", WORK / "target"))


def headers_of(tree, name, port):
    """The files that the make rules write for the build script of one of the twins."""
    build = WORK / tree_key(tree) / name.replace(" ", "-")
    command = [
        "make",
        "-j1",
        "-C",
        TWINS,
        "-f",
        WRAPPER,
        f"MICROPYTHON_DIR={tree.path}",
        f"BUILD={build}",
        "TWIN=rust",
        f"TWIN_OPTIONS=-DNDEBUG {port.options}",
    ]
    return make_headers(tree, build, command, TWINS, port.debug)


def make_headers(tree, build, command, folder, debug=False, more=()):
    """Has the make rules of a port leave what its build script reads. Returns the environment for
    cargo.
    """
    goals = [
        build / "mpgc" / "command",
        *(build / "genhdr" / header for header in (*HEADERS, *more)),
    ]
    run_logged(
        [*command, *goals],
        build.with_suffix(".log"),
        env=build_env(tree),
        what=f"the headers of {shown(build)}",
    )
    return {
        "MPGC_PORT_COMMAND": str(build / "mpgc" / "command"),
        "MPGC_PORT_DIR": str(folder),
        "MPGC_OUT": str(build / "mpgc"),
        "MPGC_PACING": "4",
        "CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS": "true" if debug else "false",
        "MPGC_HEADERS": headers_program(),
    }


@functools.cache
def headers_program():
    """The program that reads headers, which is compiled once for builds and for this."""
    toolchain = choose_toolchain(TARGET)
    tools = mpgc_cargo.tools_folder(
        ROOT, {"MPGC_BUILD_TOOLS": clean_env()["MPGC_BUILD_TOOLS"]}, WORK, toolchain
    )
    return mpgc_cargo.headers_program(ROOT, tools, toolchain)


def check_ports(checks, tree, everything):
    """`host` and `ffi`, which exist only beside a port's headers."""
    release = tuple(int(part) for part in tree.release.split("-")[0].split(".")[:2])
    for name, port in PORTS.items():
        what = f"clippy of a port, {name}"
        if not checks.wants(what) or not (everything or port.quick):
            continue
        if release < port.since:
            checks.skip(
                what,
                f"MicroPython {tree.release} has no such option: give "
                f"RELEASE={'.'.join(map(str, port.since))}.0",
            )
            continue
        environment = headers_of(tree, name, port)
        features = ",".join(filter(None, ["micropython", port.features]))
        words = [
            "--lib",
            "--release",
            "--features",
            features,
            "--target",
            TARGET,
            "--target-dir",
            WORK / "port",
        ]
        checks.run(what, clippy(*words), **environment)


def check_firmware(checks, tree):
    for board, features in BOARDS.items():
        what = f"clippy of firmware, {board}"
        if not checks.wants(what):
            continue
        target = METAL[find_board(board).target]
        if not has_core(target.rust):
            checks.skip(what, f"Rust's core for it is missing (rustup target add {target.rust})")
            continue
        if not shutil.which(f"{target.prefix}gcc"):
            checks.skip(
                what, f"{target.prefix}gcc is missing (make deps TARGET={find_board(board).target})"
            )
            continue
        build = WORK / tree_key(tree) / board
        command = firmware.make_command(tree, board, "rust", {}, build)
        environment = make_headers(tree, build, command, firmware.port(tree), more=[COMPRESSED])
        words = [
            "--lib",
            "--release",
            "--features",
            ",".join(filter(None, ["micropython", features])),
        ]
        checks.run(
            what,
            clippy(*words, "--target", target.rust, "--target-dir", WORK / "port"),
            **environment,
        )


def check_docs(checks, tree, everything):
    flags = {"RUSTDOCFLAGS": "-D warnings"}
    at = ["--no-deps", "--lib", "--locked", "--target-dir", WORK / "target"]
    checks.run("cargo doc", ["cargo", "doc", *at, "--document-private-items"], **flags)
    checks.run(
        "cargo doc standalone", ["cargo", "doc", *at, "--features", "standalone,testing"], **flags
    )
    if everything:
        words = ["--workspace", "--exclude", "mpgc", "--no-deps", "--locked", *at[-2:]]
        checks.run("cargo doc of the other packages", ["cargo", "doc", *words], **flags)
    name = "cargo doc of a port"
    if everything and checks.wants(name):
        environment = headers_of(tree, "threads", PORTS["threads"])
        at[-1] = WORK / "port"
        words = [
            "--release",
            "--target",
            TARGET,
            "--features",
            "micropython",
            "--document-private-items",
        ]
        checks.run(name, ["cargo", "doc", *at, *words], **flags, **environment)


def find_ruff():
    """The command of ruff, which pip puts into a folder of the build; (None, why not)."""
    folder = WORK / f"ruff-{RUFF}"
    program = folder / "bin" / "ruff"
    if not program.exists():
        if importlib.util.find_spec("pip") is None:
            return None, "this Python has no pip to install ruff with (apt-get install python3-pip)"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            folder,
            f"ruff=={RUFF}",
        ]
        log = WORK / "pip.log"
        if run_logged(command, log, what=f"installing ruff {RUFF}", fatal=False):
            return (
                None,
                f"pip cannot install ruff {RUFF}: "
                f"{log.read_text(errors='replace').strip().splitlines()[-1]}",
            )
    return program, ""


def check_python(checks, fix):
    if not checks.wants("ruff"):
        return
    ruff, reason = find_ruff()
    if not ruff:
        checks.skip("ruff", reason)
        return
    checks.run("ruff", [ruff, "check", *(["--fix"] if fix else []), "--no-cache", "."])
    checks.run("ruff format", [ruff, "format", *([] if fix else ["--diff"]), "--no-cache", "."])


def add_arguments(parser):
    add_switch(parser, "--fix", "let ruff fix what it can")


def main(args):
    WORK.mkdir(parents=True, exist_ok=True)
    checks = Checks(args.only)
    tree = get_tree(args.release or None, args.micropython_dir)
    check_libraries(checks, args.all)
    check_ports(checks, tree, args.all)
    check_docs(checks, tree, args.all)
    check_python(checks, args.fix)
    if args.all:
        words = [*MEMBERS, "--target-dir", WORK / "target"]
        checks.run("clippy of the other packages", clippy(*words))
        check_firmware(checks, tree)
        check_processors(checks)
    if not checks.passed + checks.failed + checks.skipped:
        raise Fail(f"no check has `{args.only}` in its name")
    return checks.ended()
