"""Runs the checks of `make test`, or with --all those of `make test-all`, and ends with `N passed,
N failed`.

`make test` has the checks that find most in the least time: twelve minutes on two cores, from a
clean clone. `make test-all` takes an hour. Steps run beside each other (tools/steps.py); what a
step prints goes to build/checks, and the times of all to build/checks/times.json.
"""

import json
import shutil
import sys
from collections import namedtuple

from tools.common import BUILD, Fail, add_switch, jobs, say
from tools.results import markdown_table, write_result, write_section
from tools.setup.boards import TESTED_BOARDS
from tools.setup.deps import LIBRARY_TARGETS
from tools.steps import (
    HALF,
    Step,
    choose,
    count_cargo,
    count_line,
    count_unittest,
    python,
    run_steps,
    task,
)

# The release that `make test` runs beside, and the other one of `make test-all`.
SHORT_RELEASE = "1.26.1"
RELEASE = "1.25.0"

# A run of upstream's suite; without `dirs` it is whole.
Suite = namedtuple("Suite", "release variant options arch dirs", defaults=("", "", ()))

# The folders of tests that faults of the heap, the scheduler and nlr would break.
CORE_DIRS = ("basics", "micropython", "stress", "thread")

SHORT_SUITES = [
    Suite(SHORT_RELEASE, "standard"),
    Suite(SHORT_RELEASE, "coverage", dirs=CORE_DIRS),
]
SUITES = [
    Suite(RELEASE, "standard"),
    Suite(RELEASE, "coverage"),
    Suite(RELEASE, "minimal"),
    Suite(SHORT_RELEASE, "coverage"),
    Suite(SHORT_RELEASE, "minimal"),
    Suite(RELEASE, "standard", "pystack"),
    Suite(RELEASE, "standard", "setjmp", dirs=CORE_DIRS),
    Suite(RELEASE, "standard", "gil", dirs=CORE_DIRS),
    Suite(RELEASE, "standard", "tail-clear", dirs=CORE_DIRS),
    Suite(RELEASE, "standard", "native"),
    Suite(RELEASE, "standard", "via-mpy"),
    Suite(RELEASE, "standard", arch="i686"),
    Suite(RELEASE, "nanbox", arch="i686", dirs=CORE_DIRS[1:]),
    Suite(SHORT_RELEASE, "longlong", arch="i686", dirs=CORE_DIRS[1:]),
]

# What the variant `standard` of the webassembly port is tried with: it asks for keys every few
# instructions, so that a test takes seconds. The other one is tried with all.
WEBASSEMBLY_DIRS = ("ports/webassembly",)

# What of the drop-in's checks is quick: what it exports, refuses and lays out.
SHORT_DROP_IN = (
    "symbols: standard,scenarios: plain,layouts,linked: no panic,linked: the "
    "program,bad input,headers,mpgc-object,CircuitPython"
)

# Random traces of each heap in the unit tests of `make test`; with the features `small` and `bare`,
# where most of what runs is the same code, fewer.
SHORT_TRACES = "60"
FEWER_TRACES = "20"

# Operations of each configuration of the twins in `make test`, and which share of the states of
# small heaps.
SHORT_OPERATIONS = "60000"
SHORT_SHARE = "23"

# Those on which mpgc-heap is tried: of two processors.
HEAP_BOARDS = ("MPS2_AN385", "VIRT_RV32")

# Of the C program alone, and a few turns of it.
SHORT_THREADS = ("--operations", "20000", "--turns", "3", "--rounds", "0", "--stress-rounds", "0")

# Release and configurations of each comparison of the C and mpgc by operation in `make test-all`.
# What differs between the releases' C is the scheduler and the text of a dump.
TWINS = [(RELEASE, "ci"), (SHORT_RELEASE, "split,auto,stack8,block16,no-nodes,asserts")]

PACKAGES = "packages"

# Where what a task prints goes.
FOLDERS = {"make test": BUILD / "checks", "make test-all": BUILD / "checks-all"}


def tree_of(release):
    return f"tree {release}"


def unit_tests(short):
    """What needs no package of the system but a C compiler's linker can begin before they are
    there.
    """
    traces = ["env", f"MPGC_TRACES={SHORT_TRACES}"] if short else []
    fewer = ["env", f"MPGC_TRACES={FEWER_TRACES}"] if short else []
    after = () if shutil.which("cc") else (PACKAGES,)
    uses = ("cargo",)
    small = [*fewer, "cargo", "test", "--lib", "heap", "--features"]
    return [
        Step(
            "unit tests", [*traces, "cargo", "test"], count_cargo, cores=1, after=after, uses=uses
        ),
        Step("unit tests, small", [*small, "small"], count_cargo, cores=1, after=after, uses=uses),
        Step("unit tests, bare", [*small, "bare"], count_cargo, cores=1, after=after, uses=uses),
    ]


def sources(release, short):
    """The sources as they are: format, lints, the tools, what the mutants speak of."""
    lint = task("lint", "--release", release, *([] if short else ["--all"]))
    yield Step("lints", lint, count_line, cores=1, after=(tree_of(release),))
    tools = [sys.executable, "-m", "unittest", "discover", "-s", "tools/tests"]
    yield Step("tests of the tools", tools, count_unittest, cores=1, after=(PACKAGES,))
    yield Step("mutants: the edits apply", task("mutants", "--check"), cores=1)
    test = ["cargo", "test", "--locked"]
    words = {"count": count_cargo, "cores": 1, "after": (PACKAGES,)}
    others = [*test, "--workspace", "--exclude", "mpgc", "--exclude", "mpgc-heap"]
    yield Step("tests of the other packages", others, uses=("cargo",), **words)
    yield Step("tests of mpgc-heap", [*test, "--package", "mpgc-heap"], uses=("cargo",), **words)


def drop_in(release, only=""):
    command = python(
        "micropython-patches/check_dropin.py",
        "--tree",
        str(BUILD / "trees" / f"micropython-{release}"),
        "--work",
        str(BUILD / "dropin" / release),
        "--only",
        only,
    )
    what = only if only and "," not in only else ""
    name = " ".join(filter(None, ["drop-in", release, what]))
    return Step(name, command, count_line, cores=1, after=(tree_of(release),), uses=("drop-in",))


def twins(release, configurations, *words):
    command = task("twins", "--release", release, "--config", configurations, *words)
    return Step(
        f"twins {release}", command, count_line, cores=1, after=(tree_of(release),), uses=("twins",)
    )


def upstream(suite):
    words = ["--release", suite.release, "--variant", suite.variant, "--options", suite.options]
    words += ["--arch", suite.arch, *(["--dirs", *suite.dirs] if suite.dirs else [])]
    name = " ".join(
        filter(None, ["upstream", suite.release, suite.arch, suite.variant, suite.options])
    )
    # The tests of extmod open ports by fixed numbers, and builds of a release share mpy-cross.
    uses = (f"unix {suite.release}", *(() if suite.dirs else ("ports",)))
    command = task("upstream", *words)
    # Its tests of time and of sockets wait.
    cores = 1 if suite.dirs else HALF
    return Step(name, command, cores=cores, after=(tree_of(suite.release),), uses=uses)


def firmware(release, board):
    command = task("firmware-test", "--release", release, "--board", board, "--short")
    return Step(f"firmware {release} {board}", command, cores=HALF, after=(tree_of(release),))


def xtensa(release):
    """The ESP8266's processor: what the heap, the scheduler and nlr can break, and how the Rust
    reads its constants.
    """
    words = {"cores": 1, "after": (tree_of(release),), "uses": ("xtensa",)}
    at = ["--release", release]
    suite = task("firmware-test", *at, "--board", "SIM_LX106", "--dirs", *CORE_DIRS[:-1])
    yield Step(f"firmware {release} SIM_LX106", suite, **words)
    windows = task("xtensa-windows")
    yield Step("register windows of Xtensa", windows, count_line, cores=1, after=(PACKAGES,))
    yield Step("constants on Xtensa", task("xtensa-constants", *at), count_line, **words)


def instructions(release):
    for arch in ("", "i686"):
        command = task("bench", "--release", release, "--arch", arch, "--check")
        name = " ".join(filter(None, ["instructions of the hot paths", arch]))
        yield Step(name, command, cores=1, after=(tree_of(release),), uses=("bench",))


def size(release):
    command = task(
        "size", "--release", release, "--target", "thumbv7m", "--profile", "speed,size", "--check"
    )
    return Step("size", command, cores=1, after=(tree_of(release),))


def fuzz_corpus(release):
    """The twins that it takes are those of the step before."""
    command = task("fuzz", "--release", release, "--replay")
    return Step("the fuzz corpus", command, count_line, cores=1, after=(f"twins {release}",))


def fuzzing(release):
    """All of the corpus that is kept, then whatever else comes up in a few seconds; each target
    sees a planted fault.
    """
    command = task("fuzz", "--release", release, "--seconds", "8", "--prove")
    return Step("fuzzing", command, count_line, cores=1, after=(tree_of(release),))


def firmware_library():
    command = task("firmware-check")
    uses = ("mpgc-heap",)
    name = "the library for C programs"
    return Step(name, command, count_line, cores=1, after=(PACKAGES,), uses=uses)


def firmware_library_for(target):
    command = task("firmware-check", "--target", target)
    name = f"the library for C programs, {target}"
    return Step(name, command, count_line, cores=1, after=(PACKAGES,))


def other_ports(release):
    """The windows port under wine, and the webassembly port under node and in a browser."""
    words = {"cores": 1, "after": (tree_of(release),)}
    at = ["--release", release]
    yield Step("windows", task("windows-test", *at, "--variant", "dev"), **words)
    # Builds of a release share what they copy of the tree.
    pyscript = task("webassembly-test", *at, "--variant", "pyscript", "--page")
    yield Step("webassembly pyscript", pyscript, uses=("webassembly",), **words)
    standard = task("webassembly-test", *at, "--variant", "standard", "--dirs", *WEBASSEMBLY_DIRS)
    yield Step("webassembly standard", standard, uses=("webassembly",), **words)


def ports(release):
    """The ports that packages are enough for, but for those of other_ports()."""
    command = task("ports", "--release", release, "--small")
    return Step("ports", command, count_line, cores=1, after=(tree_of(release),))


def heap_tool(release):
    """mpgc-heap on processes, on their page in a browser, and on boards in qemu."""
    words = {"cores": 1, "after": (tree_of(release),), "uses": ("mpgc-heap",)}
    check = task("heap-check", "--release", release)
    yield Step("mpgc-heap", check, count_line, **words)
    # The worked example of docs/snapshot.md is of this release.
    words["after"] = (tree_of(SHORT_RELEASE),)
    for board in HEAP_BOARDS:
        at = task("heap-board", "--release", SHORT_RELEASE, "--board", board)
        yield Step(f"mpgc-heap on {board}", at, count_line, **words)


def heap_tool_short(release):
    """mpgc-heap on the leaks of a program, with the builds and the tool of the steps before."""
    command = task("heap-check", "--release", release, "--short")
    after = (upstream(SHORT_SUITES[0]).name, firmware_library().name)
    uses = ("mpgc-heap", f"unix {release}")
    return Step("mpgc-heap", command, count_line, cores=1, after=after, uses=uses)


def beginning(releases, short):
    yield Step(PACKAGES, task("deps", "--test" if short else "--test-all"), cores=1)
    yield from unit_tests(short)
    for release in releases:
        command = task("tree", "--release", release)
        yield Step(tree_of(release), command, cores=1, after=(PACKAGES,), uses=("trees",))


def short_steps():
    release = SHORT_RELEASE
    return [
        *beginning([release], True),
        # The longest steps start first, so that no core waits for another at the end.
        twins(release, "ci", "--ops", SHORT_OPERATIONS, "--share", SHORT_SHARE),
        *map(upstream, SHORT_SUITES),
        drop_in(release, SHORT_DROP_IN),
        *sources(release, True),
        firmware(release, TESTED_BOARDS[0]),
        fuzz_corpus(release),
        *instructions(release),
        firmware_library(),
        heap_tool_short(release),
        size(release),
    ]


def long_steps():
    at = ["--release", RELEASE]
    rest = {"after": (tree_of(RELEASE),)}
    return [
        *beginning([RELEASE, SHORT_RELEASE], False),
        *sources(RELEASE, False),
        *(twins(release, configurations) for release, configurations in TWINS),
        drop_in(RELEASE),
        drop_in(SHORT_RELEASE, "symbols"),
        drop_in(SHORT_RELEASE, "patch"),
        drop_in(SHORT_RELEASE, "mpgc-object"),
        Step(
            "interrupts",
            task("interrupts", *at, "--signals", "100000", "--pairs", "0"),
            count_line,
            **rest,
        ),
        Step("threads", task("threads", *at, *SHORT_THREADS), count_line, **rest),
        Step("matrix", task("matrix", *at, "--ci"), count_line, **rest),
        *map(upstream, SHORT_SUITES[:1] + SUITES),
        *instructions(RELEASE),
        Step("sanitizers", task("sanitize", *at, "--short"), count_line, cores=1, **rest),
        fuzzing(RELEASE),
        firmware_library(),
        *map(firmware_library_for, LIBRARY_TARGETS),
        Step("Miri", task("miri"), count_line, **rest),
        *heap_tool(RELEASE),
        *other_ports(SHORT_RELEASE),
        ports(SHORT_RELEASE),
        Step(
            "the site", task("docs-check"), count_line, cores=1, after=(PACKAGES,), uses=("cargo",)
        ),
        Step("waiting", task("waiting", *at), cores=1, **rest),
        Step("noscan", task("noscan", *at), cores=1, **rest),
        Step("less heap", task("bench-memory", *at, "--check"), cores=1, **rest),
        Step("figures", task("stats", *at), cores=1, uses=("stats",), **rest),
        Step("snapshots", task("snapshot", *at), cores=1, uses=("stats", "mpgc-heap"), **rest),
        Step("cost of the figures", task("stats-cost", *at), cores=1, uses=("bench",), **rest),
        Step("a tree of one's own", task("own-tree"), cores=1, **rest),
        *(firmware(RELEASE, board) for board in TESTED_BOARDS),
        *xtensa(SHORT_RELEASE),
        Step(
            "firmware under interrupts",
            task("metal-interrupts", *at, "--interrupts", "20000"),
            count_line,
            cores=1,
            **rest,
        ),
        size(RELEASE),
    ]


def all_steps(short):
    return short_steps() if short else long_steps()


def times_table(folder):
    """How long each step of the last whole run took, the longest first."""
    times = json.loads((folder / "times.json").read_text())
    steps = sorted(times["steps"], key=lambda step: -step["cpu"])
    rows = [["step", "checks", "seconds", "processor seconds"]]
    rows += [
        [step["step"], step["passed"] + step["failed"], round(step["seconds"]), round(step["cpu"])]
        for step in steps
    ]
    checks = sum(step["passed"] + step["failed"] for step in steps)
    cpu = round(sum(step["cpu"] for step in steps))
    rows.append(["**all**", checks, round(times["seconds"]), cpu])
    return markdown_table(rows) + f"\n\n{times['cores']} cores."


def write_times(command_given):
    """A section of docs/results/times.md for each of the commands whose last run was whole."""
    tables = {}
    for command, folder in FOLDERS.items():
        path = folder / "times.json"
        ran = (
            {step["step"] for step in json.loads(path.read_text())["steps"]}
            if path.exists()
            else set()
        )
        # A run of only some steps says nothing about the whole.
        if ran == {step.name for step in all_steps(command == "make test")}:
            tables[command] = times_table(folder)
    if not tables:
        raise Fail("there are no times of a whole run yet: run `make test` first")
    head = "Each section is of the last whole run of its command."
    write_result("times", "What the checks take", command_given, head, keep_sections=True)
    for command, table in tables.items():
        write_section("times", command, command_given, table)
    return 0


def add_arguments(parser):
    add_switch(parser, "--all", "run the steps of `make test-all`")
    add_switch(parser, "--list", "list the steps, run nothing")
    add_switch(parser, "--times", "only write docs/results/times.md from the last runs")


def main(args):
    if args.times:
        return write_times(args.command)
    chosen = choose(all_steps(not args.all), args.only)
    if args.list:
        say("\n".join(step.name for _, step in chosen))
        return 0
    folder = FOLDERS["make test-all" if args.all else "make test"]
    status = run_steps(chosen, folder, resume=args.resume, width=jobs())
    if args.write:
        write_times(args.command)
    return status
