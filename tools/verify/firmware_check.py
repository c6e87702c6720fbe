"""Checks the library for C programs (docs/firmware.md): its C tests, an installation, and the
examples on each machine.

Ends with `N passed, N failed`.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.build import heap_demo, xtensa
from tools.build.firmware_lib import CPUS, build, machine, shared_name, soname, version
from tools.build.install import install
from tools.common import BUILD, ROOT, Fail, output_of, run_logged, say, shown
from tools.setup.targets import find_target
from tools.steps import count_line, ended
from tools.verify import examples as firmware_examples

TESTS = ROOT / "c-tests" / "firmware"
WORK = BUILD / "firmware"
# The most bytes of constants: the version and the line that says how the library was built need
# them.
MERGED = 64
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
# What `why` says of the second connection of c-tests/firmware/snapshot.c.
CONNECTION_WAY = (
    r"^  connections\+0x0\n"
    r"    connections \(roots\) -> ADDRESS connection number 2\n"
    r"    \+0x0 -> ADDRESS connection number 1$"
)
# How the C tests are compiled: options, and features of the library.
FLAVOURS = {
    "-O2": (["-O2"], ()),
    "-O0": (["-O0"], ()),
    "hardened": (["-O2", "-DHARDENED"], ("hardened",)),
}


def c_tests(flavour, target=""):
    """On this machine, on another whose programs qemu-user runs, or on the one that c-tests/xtensa
    is for.
    """
    options, features = FLAVOURS[flavour]
    folder = build(target, features)
    program, log = WORK / f"tests{target}{flavour}", WORK / f"tests{target}{flavour}.log"
    program.parent.mkdir(parents=True, exist_ok=True)
    if target == xtensa.TARGET:
        compiler, run_command = (
            [*xtensa.compiler(), "-DWITHOUT_THREADS", "-DWITHOUT_FILES"],
            xtensa.run_command(program),
        )
        sources = [
            *sorted(set(TESTS.glob("*.c")) - {TESTS / "threads.c"}),
            *xtensa.sources(),
            folder / "libmpgc.a",
        ]
    else:
        compiler, run_command = (
            machine(target).compiler,
            [*(find_target(target).emulator if target else []), program],
        )
        sources = [*sorted(TESTS.glob("*.c")), folder / "libmpgc.a", "-pthread"]
    command = [*compiler, "-std=gnu11", *options, *WARNINGS, "-I", ROOT / "include", "-o", program]
    run_logged([*command, *sources], log, what="compiling the C tests")
    # they take a second; a deadlock would take for ever
    status = run_logged(
        ["timeout", "120", *run_command], log, what="running the C tests", fatal=False
    )
    text = log.read_text(errors="replace")
    passed, failed = count_line(text)
    if status != 0 or failed or not passed:
        raise Fail(f"the C tests ({flavour}) ended with status {status}:\n{text}")
    return f"{passed} tests"


def heap_snapshot():
    """mpgc-heap reads the snapshot of c-tests/firmware/snapshot.c without an ELF file."""
    c_tests("-O2")
    tool, snapshot = heap_demo.build(), WORK / "c.snapshot"
    program, log = WORK / "tests-O2", WORK / "snapshot.log"
    run_logged([program, snapshot], log, what="writing a snapshot")

    def answer(*words):
        found = printed([tool, *words])
        return re.sub(r"0x[0-9a-f]{5,}", "ADDRESS", found)

    for command, expected in (
        ("summary", r"^ +3 +96  connection$"),
        ("summary", r"^ +6 +480  connections$"),
        ("why", CONNECTION_WAY),
        ("list", r"^ADDRESS 32 garbage unknown$"),
    ):
        words = [command, snapshot, *(["number 1"] if command == "why" else [])]
        found = answer(*words)
        if not re.search(expected, found, re.M):
            raise Fail(f"mpgc-heap {command} does not say `{expected}`:\n{found}")
    page = WORK / "c.html"
    run_logged([tool, "html", snapshot, "--output", page], log, what="writing the page")
    if "connection" not in page.read_text():
        raise Fail(f"{shown(page)} does not show the connections")
    return "summary, why, list, html"


def header():
    """The header compiles by itself, in each C standard and in C++."""
    for language, standards in (("c", ("c99", "gnu11", "c17")), ("c++", ("c++11", "gnu++17"))):
        for standard in standards:
            command = [
                "g++" if language == "c++" else "gcc",
                f"-std={standard}",
                *WARNINGS,
                "-x",
                language,
                "-fsyntax-only",
            ]
            run_logged(
                [*command, "-include", ROOT / "include" / "mpgc.h", "/dev/null"],
                WORK / "header.log",
                what=f"the header as {standard}",
            )
    return "c99 to c17, c++11, gnu++17"


def library():
    """Nothing but the functions of the header is global, and nothing panics."""
    folder = build()
    listing = output_of(["nm", folder / "libmpgc.a"])
    panics = re.findall(r"^.*panic.*$", listing, re.M)
    if panics:
        raise Fail(f"{shown(folder / 'libmpgc.a')} can panic: {panics[0]}")
    strange = sorted(set(re.findall(r" [A-TV-Z] (?!mpgc_)(\S+)$", listing, re.M)))
    if strange:
        raise Fail(
            f"{shown(folder / 'libmpgc.a')} has other globals than those of the header: "
            f"{', '.join(strange)}"
        )
    outside = sorted(set(re.findall(r" U (\S+)$", listing, re.M)))
    if not set(outside) <= {"memcpy", "memset", "memmove", "memcmp"}:
        raise Fail(
            f"{shown(folder / 'libmpgc.a')} needs {', '.join(outside)}: only the mem functions "
            "are for it to ask for"
        )
    sections = output_of(["objdump", "-h", folder / "libmpgc.a"])
    # A linker keeps these sections whole, even in a program that calls nothing that needs them:
    # only the version's texts may be there.
    merged = sum(
        int(size, 16) for size in re.findall(r"\.rodata\.(?:str|cst)\S*\s+([0-9a-f]+)", sections)
    )
    if merged > MERGED:
        raise Fail(
            f"{shown(folder / 'libmpgc.a')} has {merged} bytes of constants that every program "
            "keeps: end texts with two NULs, as src/heap/check.rs does"
        )
    return f"asks for {', '.join(outside)} alone"


def first_program():
    """The program of docs/firmware.md."""
    text = (ROOT / "docs" / "firmware.md").read_text()
    found = re.search(r"```c\n(// hello\.c.*?)```", text, re.S)
    output = re.search(r"It prints:\n\n```text\n(.*?)```", text, re.S)
    if not found or not output:
        raise Fail(
            "docs/firmware.md has no program that begins with `// hello.c`, or does not say what "
            "it prints"
        )
    return found[1], output[1]


CMAKE_LISTS = """\
cmake_minimum_required(VERSION 3.16)
project(hello C)
find_package(mpgc {version} REQUIRED)
add_executable(hello hello.c)
target_link_libraries(hello PRIVATE mpgc::mpgc)
add_executable(hello-shared hello.c)
target_link_libraries(hello-shared PRIVATE mpgc::shared)
"""


def printed(command, **options):
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    return done.stdout + (f"(status {done.returncode})\n" if done.returncode else "")


def expect_printed(what, expected, command, **options):
    found = printed(command, **options)
    if found != expected:
        raise Fail(f"{what} printed\n{found}\nwhere docs/firmware.md has\n{expected}")


def installed(folder, *, prefix, destdir):
    """Where a program finds the package: below the prefix, or where a package was unpacked."""
    root = install(folder, prefix, destdir)
    for link in (soname(), "libmpgc.so"):
        if (root / "lib" / link).resolve().name != shared_name():
            raise Fail(f"{link} does not lead to {shared_name()}")
    return root


def pkg_config(folder):
    source, output = first_program()
    if shutil.which("pkg-config") is None:
        raise Fail("`pkg-config` is not in PATH: run `make deps`")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        prefix = installed(folder, prefix=scratch / "prefix", destdir="")
        (scratch / "hello.c").write_text(source)
        env = {"PATH": "/usr/bin:/bin", "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
        if printed(["pkg-config", "--modversion", "mpgc"], env=env).strip() != version():
            raise Fail("pkg-config has not the version of Cargo.toml")
        words = printed(["pkg-config", "--cflags", "--libs", "mpgc"], env=env).split()
        for kind, more in (
            ("static", ["-Wl,-Bstatic", *words, "-Wl,-Bdynamic"]),
            ("shared", [*words, f"-Wl,-rpath,{prefix}/lib"]),
        ):
            program = scratch / f"hello-{kind}"
            run_logged(
                ["gcc", *WARNINGS, "-O2", "-o", program, scratch / "hello.c", *more],
                WORK / "pkg-config.log",
                what="compiling with pkg-config",
            )
            expect_printed(f"the program linked with the {kind} library", output, [program])
            if (soname() in printed(["readelf", "-d", program])) != (kind == "shared"):
                raise Fail(f"the program is not linked with the {kind} library")
    return "static and shared"


def cmake(folder):
    if shutil.which("cmake") is None:
        raise Fail(
            "`cmake` is not in PATH: run `python3 -m tools deps --test`, or install the "
            "package cmake"
        )
    source, output = first_program()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        # installed with DESTDIR, as for a package, and then used from there
        root = installed(folder, prefix="/opt/mpgc", destdir=scratch / "package")
        (scratch / "hello.c").write_text(source)
        (scratch / "CMakeLists.txt").write_text(
            CMAKE_LISTS.format(version=".".join(version().split(".")[:2]))
        )
        log = WORK / "cmake.log"
        run_logged(
            ["cmake", "-S", scratch, "-B", scratch / "build", f"-DCMAKE_PREFIX_PATH={root}"],
            log,
            what="cmake",
        )
        run_logged(["cmake", "--build", scratch / "build"], log, what="cmake --build")
        for name in ("hello", "hello-shared"):
            expect_printed(f"{name} of CMake", output, [scratch / "build" / name])
        (scratch / "CMakeLists.txt").write_text(CMAKE_LISTS.format(version="99.0"))
        if (
            run_logged(
                ["cmake", "-S", scratch, "-B", scratch / "other", f"-DCMAKE_PREFIX_PATH={root}"],
                log,
                what="cmake",
                fatal=False,
            )
            == 0
        ):
            raise Fail("find_package(mpgc 99.0) is satisfied with this version")
    return "static and shared, below a DESTDIR"


def all_checks():
    checks = {"header": header, "library": library}
    for flavour in FLAVOURS:
        checks[f"C tests, {flavour}"] = lambda flavour=flavour: c_tests(flavour)
    checks["heap snapshot"] = heap_snapshot
    checks["pkg-config"] = lambda: pkg_config(build())
    checks["CMake"] = lambda: cmake(build())
    for name in firmware_examples.MACHINES:
        checks[f"example, {name}"] = lambda name=name: firmware_examples.check(name)
    return checks


def checks_on(target):
    if find_target(target).rust in CPUS and target != xtensa.TARGET:
        raise Fail(
            f"TARGET={target} has no operating system for the C tests: run `make examples "
            f"TARGET={target}`"
        )
    return {
        f"C tests on {target}, {flavour}": lambda flavour=flavour: c_tests(flavour, target)
        for flavour in FLAVOURS
    }


def main(args):
    known = checks_on(args.target) if args.target else all_checks()
    checks = {name: check for name, check in known.items() if args.only in name}
    if not checks:
        raise Fail(f"no check has `{args.only}` in its name; there are: {', '.join(known)}")
    passed = failed = 0
    for name, check in checks.items():
        try:
            said, good = check(), True
        except Fail as error:
            said, good = f"FAILED: {error}", False
        say(f"{name}: {said}")
        passed, failed = passed + good, failed + (not good)
    return ended(passed, failed)
