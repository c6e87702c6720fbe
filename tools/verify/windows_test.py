"""Runs MicroPython's own tests under wine on the windows port, with C and with mpgc.

The rules are those of `make upstream`. Results go to
build/upstream/<release>-windows-<variant>[-<options>].json. Before, it runs the unit tests of nlr
there, and programs with a weak function of a carrier.
"""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import mpgc_carrier

from tools.build import windows
from tools.common import BUILD, ROOT, Fail, clean_env, run_logged, say, shown
from tools.setup import options as option_names
from tools.setup.targets import WINE, find_target
from tools.setup.tree import get_tree
from tools.verify.suite import Suite
from tools.verify.upstream import compare_port

# What nlr, the collector's roots and the scheduler can break.
DIRS = ["basics", "micropython", "stress"]
WORK = BUILD / "windows"

# A weak function, as mpgc_fault is one, and a caller in the same carrier.
WEAK = """
__attribute__((weak)) int fault(void) { return 3; }
int call_it(void) { return fault() + 1; }
"""
CALLER = "int call_it(void); int main(void) { return call_it(); }"
OWN = "int fault(void) { return 20; }"

# The standard library of Rust takes random numbers from a function that wine had not before 9.0.
RANDOM = """
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
    return RtlGenRandom(data, (ULONG)size);
}
"""


class WindowsSuite(Suite):
    """Upstream's tests, run by wine."""

    def build_libraries(self):
        """The tests of the unix port alone need them."""

    def env(self):
        env = super().env()
        env["MICROPYPATH"] = env["MICROPYPATH"].replace(":", ";")
        return env


@contextmanager
def wine():
    """One server for all programs, and a folder that stands for a disk, both for this run alone.

    The folder has a link to all of this machine's files, which cargo would follow in the clone.
    """
    with tempfile.TemporaryDirectory(prefix="mpgc-wine-", ignore_cleanup_errors=True) as folder:
        # Without a desktop, and without wine's messages.
        os.environ.update(
            WINEPREFIX=folder,
            WINEDEBUG="-all",
            WINEDLLOVERRIDES="explorer.exe,winemenubuilder.exe,mscoree,mshtml=",
        )
        server = shutil.which("wineserver") or str(Path(WINE).with_name("wineserver"))
        # It stays until it is asked to end.
        subprocess.run([server, "-p"], check=True)
        try:
            run_logged([WINE, "wineboot", "--init"], WORK / "wine.log", what="setting up wine")
            yield
        finally:
            subprocess.run([server, "-k"], check=False)
            subprocess.run([server, "-w"], check=False)


def unit_tests():
    """The jumps in assembly, for this machine's processor with the conventions of Windows."""
    target = find_target("windows").rust
    folder = WORK / "unit"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "random.c").write_text(RANDOM)
    compiler = find_target("windows").prefix + "gcc"
    command = [compiler, "-shared", "-o", "bcryptprimitives.dll", "random.c", "-ladvapi32"]
    subprocess.run(command, cwd=folder, check=True)
    # wine has the root of this machine's files as Z:
    path = "Z:" + str(folder).replace("/", "\\")
    env = clean_env(WINEPATH=path)
    env[f"CARGO_TARGET_{target.upper().replace('-', '_')}_RUNNER"] = WINE
    log = WORK / "unit.log"
    command = ["cargo", "test", "--lib", "--target", target, "nlr"]
    run_logged(command, log, env=env, cwd=ROOT, what="the unit tests of nlr under wine")
    say(next(line for line in log.read_text().splitlines() if line.startswith("test result")))


def weak_functions():
    """A carrier's weak function is called where the program has none of that name."""
    folder = WORK / "weak"
    folder.mkdir(parents=True, exist_ok=True)
    prefix = find_target("windows").prefix
    compiler = prefix + "gcc"
    for name, text in (("weak", WEAK), ("caller", CALLER), ("own", OWN)):
        (folder / f"{name}.c").write_text(text)
        subprocess.run([compiler, "-Os", "-c", f"{name}.c"], cwd=folder, check=True)
    subprocess.run([prefix + "ar", "rcs", "weak.a", "weak.o"], cwd=folder, check=True)
    mpgc_carrier.link(
        [compiler],
        prefix + "objcopy",
        folder / "carrier.o",
        folder,
        folder / "weak.a",
        ["call_it", "fault"],
        find_target("windows").rust,
    )
    for objects, expected in ((["caller.o"], 4), (["caller.o", "own.o"], 21)):
        program = folder / "program.exe"
        command = [compiler, "-o", program, *objects, "carrier.o"]
        subprocess.run(command, cwd=folder, check=True)
        status = subprocess.run([windows.starter(program)], check=False).returncode
        if status != expected:
            raise Fail(f"{shown(program)} of {objects} ended with {status}, not with {expected}")
    say("weak functions of the carrier: as expected")


def add_arguments(parser):
    parser.add_argument("--dirs", nargs="*", help=f"test folders (default: {' '.join(DIRS)})")


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse(args.options)
    with wine():
        weak_functions()
        unit_tests()
        compare_port("windows", windows.build, WindowsSuite, tree, options, args, DIRS)
    return 0
