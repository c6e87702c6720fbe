"""Runs upstream's tests/run-tests.py on one build, and reads its results."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

from tools.common import BUILD, ROOT, Fail, clean_env, jobs, run_logged, shown

# The folders of upstream's own full run; those that a tree lacks are skipped.
ALL_DIRS = [
    "basics",
    "cmdline",
    "extmod",
    "float",
    "import",
    "io",
    "micropython",
    "misc",
    "ports/unix",
    "stress",
    "thread",
    "unicode",
]
# The minimal variant lacks floats, files, threads and most modules.
MINIMAL_DIRS = ["basics", "import", "micropython", "misc", "stress"]
VIA_MPY_DIRS = ["basics", "float", "micropython"]
OPEN_FILES = 1024  # select_poll_fd relies on this limit
# Folders in which what CPython prints depends on the test file alone, not on where it lies: it is
# kept for the next suite of the release.
STEADY = ("basics", "float", "micropython", "misc", "stress", "unicode")

# Stands for CPython: run-tests.py starts it once for each test, and most suites share their tests.
KEEPING = """\
#!/bin/sh
# {python}, whose output for a test file is kept in {folder}.
case "$#$1${{2##*/tests/}}" in
{patterns}) ;;
*) exec {python} "$@" ;;
esac
kept={folder}/"${{2##*/tests/}}".out
if [ ! -f "$kept" ]; then
    mkdir -p "${{kept%/*}}"
    {python} "$@" >"$kept.$$" 2>&1 || {{
        status=$?; cat "$kept.$$"; rm -f "$kept.$$"; exit "$status"
    }}
    mv "$kept.$$" "$kept"
fi
exec cat "$kept"
"""

EARLY_CANCEL = ROOT / "c-tests" / "port" / "early_cancel.c"

Result = namedtuple("Result", "performed passed skipped failed")


def keeping_python(tree):
    """A script that stands for CPython and keeps what it prints; of a tree that may change nothing
    is kept.
    """
    if not tree.own:
        return sys.executable
    folder = BUILD / "expected" / tree.release
    folder.mkdir(parents=True, exist_ok=True)
    patterns = "|".join(f"2-BS{name}/*.py" for name in STEADY)
    words = {"python": shlex.quote(sys.executable), "folder": shlex.quote(str(folder))}
    text = KEEPING.format(patterns=patterns, **words)
    script = folder / "python3"
    if not script.exists() or script.read_text() != text:
        # Another suite may be running it.
        partial = script.with_name(f"python3.{os.getpid()}.{threading.get_ident()}")
        partial.write_text(text)
        partial.chmod(0o755)
        partial.replace(script)
    return str(script)


def with_early_cancel(built, folder):
    """A script in `folder` that runs a program of the unix port, in which a thread can be cancelled
    before it has begun. The port lets such a thread read the heap after that is freed, with the C
    as well as with mpgc.
    """
    compilers = [word.partition("=")[2] for word in built.command if word.startswith("CROSS_COMP")]
    library, script = folder / "early_cancel.so", folder / "micropython"
    run_logged(
        [
            f"{''.join(compilers)}gcc",
            "-O2",
            "-shared",
            "-fPIC",
            "-o",
            library,
            EARLY_CANCEL,
            "-ldl",
        ],
        library.with_suffix(".log"),
        what=f"building {library.name}",
    )
    words = shlex.quote(str(library)), shlex.quote(str(built.program))
    script.write_text('#!/bin/sh\nLD_PRELOAD={}:$LD_PRELOAD exec {} "$@"\n'.format(*words))
    script.chmod(0o755)
    return script


class Suite:
    """The tests of a tree, to be run on one build, in a copy: some tests write beside
    themselves.
    """

    def __init__(self, tree, built, options, work="tests"):
        self.tree, self.built = tree, built
        self.work = built.folder.with_name(built.flavour + "-tests")
        self.options = options
        self.flags = list(options.test_flags)
        self.prepare()

    def prepare(self):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        for entry in self.tree.path.iterdir():
            if entry.is_dir() and entry.name not in ("tests", ".git"):
                (self.work / entry.name).symlink_to(entry)
        shutil.copytree(
            self.tree.path / "tests",
            self.work / "tests",
            symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__", "results", "*.mpy.tmp"),
        )
        subprocess.run(["chmod", "-R", "u+w", str(self.work / "tests")], check=True)
        self.program = self.built.program
        self.build_libraries()

    def build_libraries(self):
        """What the tests of the unix port load, and what is loaded before the port."""
        source = self.work / "tests" / "ports" / "unix" / "ffi_lib.c"
        if source.is_file():
            compiler = os.environ.get("CC") or "gcc"
            run_logged(
                [compiler, "-shared", "-fPIC", "-o", source.with_suffix(".so"), source],
                self.work / "ffi_lib.log",
                what="building the library of the ffi tests",
            )
        if self.built.program.name == "micropython":
            # not in an emulator
            self.program = with_early_cancel(self.built, self.work)

    def env(self):
        path = [".frozen", str(self.work / "extmod")]
        library = self.tree.path / "lib" / "micropython-lib" / "python-stdlib" / "unittest"
        path.append(
            str(library if library.is_dir() else ROOT / "tools" / "build" / "unittest-standin")
        )
        mpy_cross = next(
            word for word in self.built.command if word.startswith("MICROPY_MPYCROSS=")
        )
        return clean_env(
            MICROPYPATH=":".join(path),
            MICROPY_MICROPYTHON=str(self.program),
            MICROPY_MPYCROSS=mpy_cross.partition("=")[2],
            MICROPY_CPYTHON3=keeping_python(self.tree),
        )

    def run(self, name, *, dirs=(), files=()):
        """One run of run-tests.py; results and output go to <flavour>-tests/<name>/. Returns a
        Result.
        """
        tests = self.work / "tests"
        results = self.work / name
        shutil.rmtree(results, ignore_errors=True)
        command = [
            sys.executable,
            "run-tests.py",
            f"-j{jobs()}",
            "--keep-path",
            "--result-dir",
            results,
            *self.machine(),
            *self.flags,
        ]
        if dirs:
            command += ["-d", *(folder for folder in dirs if (tests / folder).is_dir())]
        else:
            command += files
        log = results.with_name(name + ".log")
        # Where the system allows fewer, it stays with those.
        limited = ["sh", "-c", f'ulimit -Sn {OPEN_FILES} 2>/dev/null; exec "$@"', "sh", *command]
        run_logged(
            limited,
            log,
            env=self.env(),
            cwd=tests,
            fatal=False,
            what=f"{self.built.flavour}: {name}",
        )
        return read_result(log, results)

    def machine(self):
        """The arguments that tell run-tests.py where to run the tests; none by default."""
        return []

    def may_share(self, dirs):
        """Whether the tests of these folders may run beside the other side's: those of extmod open
        ports by fixed numbers.
        """
        return "extmod" not in dirs

    def all_dirs(self):
        if "VARIANT=minimal" in self.built.command:
            return MINIMAL_DIRS
        return VIA_MPY_DIRS if "--via-mpy" in self.flags else ALL_DIRS

    def output_of(self, name, test):
        """What a failed test printed in the run `name`, as bytes; None when it left nothing."""
        path = self.work / name / output_file(test)
        # The two sides run in folders of their own, which tracebacks name.
        return path.read_bytes().replace(str(self.work).encode(), b"") if path.is_file() else None


def failed_tests(text, results):
    """The files of the tests that failed: from _results.json, which 1.23 brought, or from the
    summary.
    """
    path = results / "_results.json"
    if path.is_file():
        result = json.loads(path.read_text())
        # From 1.28 on the runner forgives what it knows to be flaky; here the C control says what
        # is to be forgiven.
        return [*result["failed_tests"], *result.get("ignored_tests", [])]
    # The summary has names without folders; what a failed test printed lies in a file that is named
    # for its folder too.
    names = re.search(r"^\d+ tests failed: (.*)$", text, re.M)
    tests = results.with_name("tests")
    return [
        str(test.relative_to(tests))
        for stem in (names.group(1).split() if names else [])
        for test in tests.rglob(f"{stem}.py")
        if (results / output_file(test.relative_to(tests))).is_file()
    ]


def output_file(test):
    """The name of the file in which run-tests.py keeps what a failed test printed."""
    return str(test).replace("..", "_").replace("./", "").replace("/", "_") + ".out"


def read_result(log, results):
    """Counts and names from the summary at the end of the output.

    The line of each test is not read: two of them can run into each other when tests run in
    parallel.
    """
    text = log.read_text(errors="replace")
    performed = re.search(r"^(\d+) tests performed", text, re.M)
    passed = re.search(r"^(\d+) tests passed", text, re.M)
    if not performed or not passed:
        tail = "\n".join("    | " + line for line in text.splitlines()[-15:])
        raise Fail(
            f"run-tests.py reported no result; its output is in {shown(log)}, the end:\n{tail}"
        )
    skipped = []
    for match in re.finditer(r"^(\d+) tests skipped[^:\n]*: (.*)$", text, re.M):
        skipped += [Path(name).stem for name in match.group(2).split()]
    failed = failed_tests(text, results)
    result = Result(int(performed.group(1)), int(passed.group(1)), sorted(skipped), sorted(failed))
    if result.performed != result.passed + len(result.failed):
        raise Fail(
            f"{shown(log)}: {result.performed} performed is not {result.passed} passed + "
            f"{len(result.failed)} failed"
        )
    return result
