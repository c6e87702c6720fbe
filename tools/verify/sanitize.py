"""Runs mpgc under sanitizers and valgrind; each of them has to see a planted fault as well.

The Rust is instrumented with the toolchain on hand (RUSTC_BOOTSTRAP=1), the C around it by gcc, and
both are linked with the runtime that comes with Rust. UBSan checks only the C. --short leaves out
the unit tests under AddressSanitizer and the C original under valgrind. Ends with `N passed, N
failed`.
"""

import re
import subprocess
import time
from pathlib import Path

from tools.build.unix import WRAPPER, build_env, tree_key
from tools.common import BUILD, ROOT, Fail, add_switch, clean_env, output_of, run_logged, shown
from tools.results import written
from tools.setup.tree import get_tree
from tools.steps import Tally
from tools.verify import stress

WORK = BUILD / "sanitize"
TARGET = "x86_64-unknown-linux-gnu"
LINTS = [
    "-Zcrate-attr=feature(strict_provenance_lints)",
    "-Dfuzzy_provenance_casts",
    "-Dlossy_provenance_casts",
]
INTEGER_TO_POINTER = (
    '#![crate_type = "lib"]\npub fn planted(n: usize) -> *const u8 { n as *const u8 }\n'
)
# Leaks do not matter in these programs, and the search for them fails where a container forbids
# ptrace.
NO_LEAKS = {"ASAN_OPTIONS": "detect_leaks=0"}
# No suppressions. The scenarios tell memcheck what a conservative collector may read
# (c-tests/port/main.c).
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=9"]


def bootstrap(**extra):
    """The environment in which the stable compiler takes unstable flags."""
    return {"RUSTC_BOOTSTRAP": "1", **extra}


def runtime(name):
    """The library of a sanitizer that comes with the Rust toolchain."""
    done = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", TARGET],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = sorted(Path(done.stdout.strip()).glob(f"librustc*_rt.{name}.a"))
    if not found:
        raise Fail(
            f"the Rust toolchain has no {name} runtime in {done.stdout.strip()}: install it with "
            "rustup (https://rustup.rs)"
        )
    return found[0]


def instrumented(tree, program, sanitizer, short, c_flags):
    """A program of c-tests/stress with mpgc, all of it instrumented."""
    libraries = f"-Wl,--whole-archive {runtime(short)} -Wl,--no-whole-archive -lubsan"
    flags = f"-Zsanitizer={sanitizer} -Cunsafe-allow-abi-mismatch=sanitizer"
    return stress.build(
        tree,
        program,
        "rust",
        name=short,
        options=f"{stress.PLAIN} {c_flags}",
        libraries=libraries,
        environment=bootstrap(RUSTFLAGS=flags),
    )


class Checks(Tally):
    def add_timed(self, name, good, text, started):
        self.add(name, good, text, f"({time.monotonic() - started:.0f} s)")

    def runs_clean(self, name, command, **environment):
        started = time.monotonic()
        outcome = stress.run(command, 1800, **environment)
        self.add_timed(name, outcome.good, outcome.text, started)

    def is_seen(self, name, command, *words, **environment):
        """A planted fault: the tool must report it, in these words (patterns)."""
        started = time.monotonic()
        outcome = stress.run(command, 600, **environment)
        missing = [word for word in words if not re.search(word, outcome.text)]
        self.add_timed(
            f"{name}, planted fault",
            not outcome.good and not missing,
            f"not reported: {missing}\n{outcome.text}",
            started,
        )


def check_provenance(checks):
    """The pure modules make no pointer from an integer and no integer from a pointer, say the
    compiler's own lints.
    """
    started = time.monotonic()
    command = ["cargo", "rustc", "--lib", "--target-dir", WORK / "provenance", "--", *LINTS]
    log = WORK / "provenance.log"
    status = run_logged(
        command, log, env=clean_env(**bootstrap()), cwd=ROOT, what="provenance lints", fatal=False
    )
    checks.add_timed(
        "pointer provenance of the pure modules (lints)",
        status == 0,
        log.read_text(errors="replace"),
        started,
    )
    started = time.monotonic()
    planted = WORK / "planted.rs"
    planted.write_text(INTEGER_TO_POINTER)
    command = ["rustc", "--emit=metadata", "-o", WORK / "planted.rmeta", *LINTS, planted]
    status = run_logged(
        command,
        WORK / "planted.log",
        env=clean_env(**bootstrap()),
        what="a planted cast",
        fatal=False,
    )
    text = (WORK / "planted.log").read_text(errors="replace")
    checks.add_timed(
        "pointer provenance, planted fault",
        status != 0 and "strict provenance" in text,
        text,
        started,
    )


def check_unit_tests(checks):
    started = time.monotonic()
    command = ["cargo", "test", "--lib", "--target", TARGET, "--target-dir", WORK / "unit"]
    log = WORK / "unit.log"
    environment = clean_env(**bootstrap(RUSTFLAGS="-Zsanitizer=address", **NO_LEAKS))
    status = run_logged(
        command,
        log,
        env=environment,
        cwd=ROOT,
        what="unit tests under AddressSanitizer",
        fatal=False,
        every=60,
    )
    text = log.read_text(errors="replace")
    checks.add_timed(
        "cargo test --lib, AddressSanitizer",
        status == 0 and "test result: ok" in text,
        text,
        started,
    )


def check_address(tree, checks, args):
    c_flags = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
    program = instrumented(tree, "threads", "address", "asan", c_flags)
    checks.runs_clean(
        "threads, AddressSanitizer and UBSan", [program, 8, args.operations, "locked"], **NO_LEAKS
    )
    checks.is_seen(
        "threads, AddressSanitizer",
        [program, 4, 2000, "locked", "long-roots"],
        # The reading instruction is one of ours; the compiler may have put the whole mark into the
        # entry point.
        "AddressSanitizer: heap-buffer-overflow",
        r"#0 .* in (gc_collect_root|<mpgc::heap::)",
        **NO_LEAKS,
    )
    program = instrumented(tree, "interrupts", "address", "asan", c_flags)
    checks.runs_clean("interrupts, AddressSanitizer and UBSan", [program, args.signals], **NO_LEAKS)


def check_thread(tree, checks, args):
    program = instrumented(tree, "threads", "thread", "tsan", "-fsanitize=thread")
    checks.runs_clean("threads, ThreadSanitizer", [program, 8, args.operations, "locked"])
    checks.is_seen(
        # On a busy machine a few thousand operations of a thread may end before the next thread has
        # begun.
        "threads, ThreadSanitizer",
        [program, 4, 500_000, "locked", "no-mutex"],
        # After the first race the heap's tables are broken, and the program may never end.
        "ThreadSanitizer: data race",
        " gc_",
        TSAN_OPTIONS="halt_on_error=1",
    )


def build_scenarios(tree, side):
    folder = stress.WORK / tree_key(tree) / f"scenarios-valgrind-{side}"
    command = [
        "make",
        "-j1",
        "-C",
        ROOT / "c-tests" / "port",
        *(["-f", WRAPPER] if side == "rust" else []),
    ]
    command += [
        f"MICROPYTHON_DIR={tree.path}",
        f"BUILD={folder}",
        "STRIP=",
        "SCENARIO_OPTIONS=-DSCENARIOS_VALGRIND",
    ]
    run_logged(
        command,
        folder.with_suffix(".log"),
        env=build_env(tree),
        what=f"building the scenarios with {stress.NAMES[side]}",
    )
    return folder / "scenarios"


def check_valgrind(tree, checks, args):
    for side in ("rust",) if args.short else stress.SIDES:
        name = stress.NAMES[side]
        program = stress.build(tree, "threads", side)
        checks.runs_clean(
            f"{name}: threads, memcheck",
            [*VALGRIND, program, 8, max(args.operations // 4, 1), "locked"],
        )
        checks.is_seen(
            f"{name}: threads, memcheck",
            [*VALGRIND, program, 4, 200, "locked", "long-roots"],
            "Invalid read of size",
            "collect_root",
        )
        program = stress.build(tree, "interrupts", side)
        checks.runs_clean(
            f"{name}: interrupts, memcheck", [*VALGRIND, program, max(args.signals // 20, 1)]
        )
        program = build_scenarios(tree, side)
        started = time.monotonic()
        log = program.parent.with_name(program.parent.name + "-memcheck.log")
        status = run_logged(
            [*VALGRIND, program], log, what=f"scenarios of {name} under valgrind", fatal=False
        )
        text = log.read_text(errors="replace")
        checks.add_timed(
            f"{name}: scenarios, memcheck",
            status == 0 and text.endswith("\nend\n"),
            f"see {shown(log)}\n{text}",
            started,
        )


def add_arguments(parser):
    add_switch(parser, "--short", "skip the checks that take more than a minute")
    parser.add_argument(
        "--operations",
        type=int,
        default=0,
        help="operations of each of 8 threads (50000; 4000 with --short)",
    )
    parser.add_argument(
        "--signals",
        type=int,
        default=0,
        help="signals under AddressSanitizer, and 20 times less under valgrind (20000; 2000)",
    )


@written("sanitize", "Sanitizers and valgrind")
def main(args):
    args.operations = args.operations or (4000 if args.short else 50_000)
    args.signals = args.signals or (2000 if args.short else 20_000)
    if args.operations < 1 or args.signals < 1:
        raise Fail("--operations and --signals are 1 or more")
    host = output_of(["rustc", "-vV"])
    if f"host: {TARGET}" not in host:
        raise Fail(f"the sanitizers are only set up for {TARGET}")
    tree = get_tree(args.release or None, args.micropython_dir)
    WORK.mkdir(parents=True, exist_ok=True)
    checks = Checks()
    check_provenance(checks)
    if not args.short:
        check_unit_tests(checks)
    check_address(tree, checks, args)
    check_thread(tree, checks, args)
    check_valgrind(tree, checks, args)
    return checks.ended()
