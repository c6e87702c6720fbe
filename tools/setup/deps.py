"""Finds what is missing on this machine to build and test, and installs it where apt and root
allow.

It is quick when everything is installed: it looks for programs and files, and starts apt only for
missing ones.
"""

import glob
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from importlib.util import find_spec

from tools.common import Fail, add_switch, say
from tools.setup import emulators
from tools.setup.boards import TESTED_BOARDS, find_board
from tools.setup.rust import add_rust_target, check_rust, check_rust_tools, rust_for
from tools.setup.targets import find_target, missing_for

OLDEST_PYTHON = (3, 9)
# Some checks read TOML.
OLDEST_FOR_CHECKS = (3, 11)

# Where Debian's packages put modules: those used here are plain Python, and fit any Python 3.
DEBIANS_PYTHON = "/usr/lib/python3/dist-packages"

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")

Need = namedtuple("Need", "what package present")


def program(name):
    return lambda: shutil.which(name) is not None


def installed(package):
    """Whether dpkg has the package; without dpkg the build shows what is missing."""

    def present():
        if not shutil.which("dpkg-query"):
            return True
        command = ["dpkg-query", "-W", "-f", "${Status}", package]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
        )
        return done.stdout.endswith(" installed")

    return present


def libclang():
    """bindgen loads libclang at run time, from LIBCLANG_PATH or the usual folders. libclang-cpp is
    another library.
    """
    named = os.environ.get("LIBCLANG_PATH")
    folders = [named] if named else []
    folders += [
        "/usr/lib",
        "/usr/lib/*-linux-gnu",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/llvm-*/lib",
        "/usr/lib/llvm/*/lib",
    ]
    patterns = ("libclang.so", "libclang-*.so", "libclang.so.*", "libclang-*.so.*")
    found = (
        path
        for folder in folders
        for pattern in patterns
        for path in glob.glob(os.path.join(folder, pattern))
    )
    return any("-cpp." not in os.path.basename(path) for path in found)


def libffi():
    if not shutil.which("pkg-config"):
        return False
    return subprocess.run(["pkg-config", "--exists", "libffi"], check=False).returncode == 0


NEEDS = [
    Need("make", "make", program("make")),
    Need("gcc", "gcc", program("gcc")),
    Need("g++ (the coverage variant has C++)", "g++", program("g++")),
    Need("the C library's headers", "libc6-dev", lambda: os.path.isfile("/usr/include/stdio.h")),
    Need(
        "readelf, objcopy, nm",
        "binutils",
        lambda: all(map(shutil.which, ("readelf", "objcopy", "nm"))),
    ),
    Need("pkg-config", "pkg-config", program("pkg-config")),
    Need("libffi (the ffi module of the unix port)", "libffi-dev", libffi),
    Need("libclang (bindgen reads the port's headers with it)", "libclang-dev", libclang),
    Need("xz (unpacks the source package)", "xz-utils", program("xz")),
    Need("git", "git", program("git")),
]

# What `make bench` needs beyond that.
BENCH_NEEDS = [
    Need(
        "valgrind (counts instructions)",
        "valgrind",
        lambda: program("valgrind")() and os.path.isfile("/usr/include/valgrind/callgrind.h"),
    ),
]

# What `make docs-check` needs beyond that.
SITE_NEEDS = [
    Need(
        "a browser (opens the site, and the page of mpgc-heap)",
        "chromium-headless-shell",
        lambda: any(map(shutil.which, BROWSERS)),
    ),
]

# What `make heap-check` needs beyond that.
HEAP_NEEDS = [
    Need(
        "gdb (takes snapshots of a process)",
        "gdb",
        lambda: all(map(shutil.which, ("gdb", "gcore"))),
    ),
    Need("node (reads exports with memlab and Chrome's parser)", "nodejs", program("node")),
    Need("npm (gets these)", "npm", program("npm")),
    *SITE_NEEDS,
]

# What the webassembly port needs beyond that.
WEBASSEMBLY_NEEDS = [
    Need("emcc", "emscripten", program("emcc")),
    Need("node", "nodejs", program("node")),
]

# What `make test` needs beyond that.
TEST_NEEDS = [
    HEAP_NEEDS[0],
    Need("cmake (checks the CMake integration and package)", "cmake", program("cmake")),
    Need("patch (checks the patches)", "patch", program("patch")),
    *BENCH_NEEDS,
]

# What `make ports` needs beyond that. Compilers are left to those who build for a machine.
PORTS_NEEDS = [
    Need("an emulator (runs the powerpc port)", "qemu-system-ppc", program("qemu-system-ppc64")),
    Need(
        "pyelftools (reads programs)",
        "python3-pyelftools",
        lambda: find_spec("elftools") is not None or os.path.isdir(f"{DEBIANS_PYTHON}/elftools"),
    ),
]

# What `make board-test` needs beyond the compiler for Arm: the SDK has files in C++.
PICO_NEEDS = [
    Need("cmake (builds the SDK)", "cmake", program("cmake")),
    Need(
        "the C++ library for Arm (the SDK includes it)",
        "libstdc++-arm-none-eabi-newlib",
        installed("libstdc++-arm-none-eabi-newlib"),
    ),
    Need("node (runs the emulator)", "nodejs", program("node")),
    Need("npm (gets the emulator)", "npm", program("npm")),
]

# What `make matrix` needs beyond that.
MATRIX_NEEDS = [
    Need("clang (a port's other compiler)", "clang-14", program("clang-14")),
    Need("setarch (runs with the same addresses each time)", "util-linux", program("setarch")),
    *BENCH_NEEDS,
]

# The other machines that `make test` builds for; the board of its firmware.
TESTED_TARGETS = ("i686",)
SHORT_BOARDS = TESTED_BOARDS[:1]

# The further machines for which `make test-all` tests the library for C programs.
LIBRARY_TARGETS = ("xtensa-lx106",)
# The machine that `make xtensa-windows` builds for.
WINDOWED_TARGET = "xtensa-windowed"
# The ports that it tests beside unix and qemu.
PORT_TARGETS = ("windows", "webassembly")

# The other machines on which the Lisp of examples/firmware runs.
EXAMPLE_TARGETS = ("thumbv6m", "thumbv7m")


def needs_of(target):
    """What a build for another machine needs: its compiler and library, and Debian's Rust if the
    user's lacks that target.
    """
    found = []
    for package in target.packages:
        present = (
            program(target.emulator[0])
            if package.startswith(emulators.PREFIX)
            else installed(package)
        )
        found.append(Need(f"the compiler, library or emulator for {target.rust}", package, present))
    # rust-web-src is the source of core and std, which cargo-web builds for any target.
    return found + [
        Need(f"Rust for {target.rust}", package, lambda: rust_for(target.rust))
        for package in ("cargo-web", "rust-web-src")
    ]


def find_browser():
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise Fail(f"a browser is needed: install the package {BROWSERS[0]}")
    return browser


def root_prefix():
    """How to become root: [] as root, ["sudo", ...] if that works, otherwise None."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if sys.stdin.isatty():
        return ["sudo"]
    works = (
        subprocess.run(["sudo", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode
        == 0
    )
    return ["sudo", "-n"] if works else None


def install(missing):
    packages = sorted({need.package for need in missing})
    unpacked = [package for package in packages if package.startswith(emulators.PREFIX)]
    packages = [package for package in packages if package not in unpacked]
    listing = "".join(dict.fromkeys(f"\n  {need.what}: package {need.package}" for need in missing))
    by_hand = f"apt-get install {' '.join(packages)}"
    if not shutil.which("apt-get"):
        raise Fail(f"missing, and this system has no apt-get (install these packages):{listing}")
    prefix = root_prefix()
    if packages and prefix is None:
        raise Fail(
            f"missing, and neither root nor sudo is at hand to install it:{listing}\nrun as root: "
            f"{by_hand}"
        )
    say(f"installing what is missing:{listing}")
    if prefix is not None:
        install_packages(prefix, packages, by_hand)
    for package in unpacked:
        emulators.unpack(package)


def install_packages(prefix, packages, by_hand):
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    for words in (
        ["update"],
        ["install", "-y", "--no-install-recommends", "--no-remove", *packages],
    ):
        command = [*prefix, *environment, "apt-get", "-q", *words]
        if (
            subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode != 0
            and words[0] == "install"
        ):
            raise Fail(
                f"apt-get could not install {' '.join(packages)} (its messages are above); fix "
                f"that, then run as root: {by_hand}"
            )


KINDS = {
    "test": "also what `make test` needs",
    "test-all": "also what `make test-all` needs",
    "bench": "also what `make bench` needs",
    "matrix": "also what `make matrix` needs",
    "heap": "also what `make heap-check` needs",
    "ports": "also what `make ports` needs",
    "pico": "also what `make board-test` needs",
    "examples": "also what the examples for C programs need",
}


def wanted(kinds=(), targets=(), boards=()):
    """(needs, targets) of kinds of tasks, machines and boards, beyond the needs of every build."""
    tests = "test" in kinds or "test-all" in kinds
    needs = NEEDS + (TEST_NEEDS if tests else BENCH_NEEDS if "bench" in kinds else [])
    needs = needs + (MATRIX_NEEDS if "matrix" in kinds else [])
    needs = needs + (HEAP_NEEDS if "heap" in kinds or "test-all" in kinds else [])
    needs = needs + (PORTS_NEEDS if "ports" in kinds or "test-all" in kinds else [])
    needs = needs + (PICO_NEEDS if "pico" in kinds else [])
    needs = needs + (SITE_NEEDS if "site" in kinds else [])
    boards = boards or (
        TESTED_BOARDS if "test-all" in kinds else SHORT_BOARDS if "test" in kinds else []
    )
    names = [name for name in targets if name]
    names += [find_board(board).target for board in boards]
    names += TESTED_TARGETS if tests else ()
    names += EXAMPLE_TARGETS if tests or "examples" in kinds else ()
    names += (*LIBRARY_TARGETS, WINDOWED_TARGET, *PORT_TARGETS) if "test-all" in kinds else ()
    machines = [find_target(name) for name in dict.fromkeys(names)]
    if find_target("webassembly") in machines:
        # the browser opens a page
        needs = needs + WEBASSEMBLY_NEEDS + HEAP_NEEDS[-1:]
    return needs, machines


def check_python(kinds):
    checks = {"test", "test-all", "matrix"}.intersection(kinds)
    oldest = OLDEST_FOR_CHECKS if checks else OLDEST_PYTHON
    if sys.version_info < oldest:
        raise Fail(
            f"python3 is {sys.version.split()[0]}, this needs {'.'.join(map(str, oldest))} or "
            "later: install a newer python3, or name one with PYTHON=..."
        )


def ensure(kinds=(), targets=(), boards=(), check=False):
    """Install what is missing; with `check` only print it."""
    needs, machines = wanted(kinds, targets, boards)
    for target in machines:
        if not check:
            add_rust_target(target)
        needs = needs + needs_of(target)
    check_python(kinds)
    missing = [need for need in needs if not need.present()]
    if missing and check:
        raise Fail(
            "missing:" + "".join(f"\n  {need.what}: package {need.package}" for need in missing)
        )
    if missing:
        install(missing)
        still = [need.what for need in needs if not need.present()]
        if still:
            reasons = "".join(
                f"\n{reason}" for reason in dict.fromkeys(filter(None, map(missing_for, machines)))
            )
            what = ", ".join(dict.fromkeys(still))
            raise Fail(
                f"installed, but still not found: {what}; look at the output of apt-get "
                f"above{reasons}"
            )
    check_rust()
    for wrong in filter(None, map(missing_for, machines)):
        raise Fail(wrong)
    if "test" in kinds or "test-all" in kinds:
        check_rust_tools()


def add_arguments(parser):
    add_switch(parser, "--check", "only print what is missing, install nothing")
    for kind, help in KINDS.items():
        parser.add_argument(f"--{kind}", action="append_const", dest="kinds", const=kind, help=help)
    parser.add_argument(
        "--board",
        default="",
        help="also install what firmware for this board needs (a name of tools/setup/boards.py)",
    )


def main(args):
    ensure(
        args.kinds or (), [args.target or args.arch], [args.board] if args.board else (), args.check
    )
    return 0
