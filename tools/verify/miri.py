"""Runs unit tests under Miri: the pure modules and the library for C programs, with strict
provenance.

Miri interprets the code and stops at undefined behaviour: a pointer that is used outside of what it
was made for, a misaligned or uninitialised read, a reference that another one invalidates. It takes
hundreds of times as long, so tests draw fewer cases under it (`heap::testing::every`), and those
that would take minutes are left out.

As many configurations as there are cores (JOBS) run at once. Ends with `N passed, N failed`, tests
of all of them; where Miri cannot be had, a line `skipped: ...` says why, and the exit status is 0.
--write keeps the table in docs/results/miri.md; configurations that were not run keep their rows.
"""

import re
import shutil
import subprocess
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from tools import results as pages
from tools.common import BUILD, ROOT, Fail, clean_env, jobs, run_logged, say, shown
from tools.steps import ended

WORK = BUILD / "miri"
TOOLCHAIN = "nightly"
COMPONENTS = ("miri", "rust-src")
FLAGS = "-Zmiri-strict-provenance -Zmiri-disable-isolation"

# A program with a fault that Miri has to see: the pointer that the test host once made of an
# integer.
PLANTED = """fn main() {
    let memory = Box::new(7usize);
    let address = (&raw const *memory).addr();
    let pointer = std::ptr::with_exposed_provenance::<usize>(address);
    println!("{}", unsafe { pointer.read() });
}
"""
MANIFEST = '[package]\nname = "planted"\nversion = "0.1.0"\nedition = "2024"\n\n[workspace]\n'

# `words` go to cargo. `tests` are the beginnings of the names of the tests that the configuration
# is for: what it changes.
Configuration = namedtuple("Configuration", "words tests why")
CONFIGURATIONS = {
    "default": Configuration([], ("",), "all tests"),
    "small": Configuration(["--features", "small"], ("heap::",), "the profile for the least code"),
    "bare": Configuration(
        ["--features", "bare"], ("heap::",), "the code of machines without an operating system"
    ),
    "hardened": Configuration(
        ["--features", "hardened"], ("standalone::",), "the hardened library for C programs"
    ),
    "i686": Configuration(["--target", "i686-unknown-linux-gnu"], ("",), "32 bits"),
    "s390x": Configuration(
        ["--target", "s390x-unknown-linux-gnu"],
        ("",),
        "big endian: tables by the word and by the byte agree",
    ),
}

HEADS = ["configuration", "what it is for", "passed", "failed", "left out", "seconds", "of"]


def works(*command):
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return done.returncode == 0


def missing():
    """Why Miri cannot run here, after rustup was asked for it; None if it can."""
    if not shutil.which("rustup"):
        return (
            "Miri is missing: it comes with rustup's nightly toolchain, and there is no "
            "rustup (https://rustup.rs)"
        )
    source = ["rustc", f"+{TOOLCHAIN}", "--print", "sysroot"]
    if not works("cargo", f"+{TOOLCHAIN}", "miri", "--version") or not has_source(source):
        say(f"installing Miri: rustup toolchain install {TOOLCHAIN} with {', '.join(COMPONENTS)}")
        installed = works("rustc", f"+{TOOLCHAIN}", "--version")
        command = ["rustup", "component", "add", *COMPONENTS, "--toolchain", TOOLCHAIN]
        if not installed:
            command = ["rustup", "toolchain", "install", TOOLCHAIN, "--profile", "minimal"]
            command += [word for name in COMPONENTS for word in ("--component", name)]
        log = WORK / "rustup.log"
        if run_logged(command, log, what="rustup", fatal=False):
            last = log.read_text(errors="replace").strip().splitlines()[-1]
            return f"Miri is missing, and `{' '.join(command)}` failed: {last}"
    return None


def has_source(sysroot):
    done = subprocess.run(
        sysroot, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    return works(
        "test", "-f", f"{done.stdout.strip()}/lib/rustlib/src/rust/library/core/src/lib.rs"
    )


def set_up(configuration):
    """Compiles a standard library for Miri. Not side by side: all configurations share its
    folder.
    """
    target = configuration.words if "--target" in configuration.words else []
    command = ["cargo", f"+{TOOLCHAIN}", "miri", "setup", *target]
    run_logged(command, WORK / "setup.log", what="a standard library for Miri", cwd=ROOT)


def count(text, status):
    """What a log tells: (passed, failed, ignored). The interpreter stops at the first fault; the
    tests before it have passed.
    """
    found = re.search(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", text, re.M)
    passed, failed, ignored = (
        map(int, found.groups()) if found else (len(re.findall(r"\.\.\. ok <", text)), 1, 0)
    )
    return passed, max(failed, int(status != 0 or passed == 0)), ignored


def run(name, args):
    """Returns (passed, failed, ignored, seconds)."""
    configuration = CONFIGURATIONS[name]
    flags = f"{FLAGS} -Zmiri-seed={args.seed}"
    environment = clean_env(
        MIRIFLAGS=flags, MPGC_TRACES=str(args.traces), PROPTEST_CASES=str(args.cases)
    )
    command = [
        "cargo",
        f"+{TOOLCHAIN}",
        "miri",
        "test",
        "--lib",
        "--target-dir",
        WORK / name,
        *configuration.words,
    ]
    command += [
        "--",
        "--test-threads=1",
        # which of them takes long
        "-Zunstable-options",
        "--report-time",
        *(args.tests.split(",") if args.tests else filter(None, configuration.tests)),
    ]
    log = WORK / f"{name}.log"
    started = time.monotonic()
    status = run_logged(command, log, env=environment, cwd=ROOT, what=name, fatal=False, every=120)
    seconds = time.monotonic() - started
    text = log.read_text(errors="replace")
    passed, failed, ignored = count(text, status)
    say(
        f"  {name}: {passed} passed, {failed} failed, {ignored} ignored, {seconds:.0f} s "
        f"({shown(log)})"
    )
    if failed:
        say("\n".join("    | " + line[:300] for line in text.strip().splitlines()[-40:]))
    return passed, failed, ignored, seconds


def sees_the_planted_fault():
    """Whether Miri, with these flags, stops at the planted fault and says so."""
    folder = WORK / "planted"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(MANIFEST)
    (folder / "src" / "main.rs").write_text(PLANTED)
    log = WORK / "planted.log"
    command = ["cargo", f"+{TOOLCHAIN}", "miri", "run"]
    status = run_logged(
        command,
        log,
        env=clean_env(MIRIFLAGS=FLAGS),
        cwd=folder,
        what="a planted fault",
        fatal=False,
    )
    seen = status != 0 and "with_exposed_provenance" in log.read_text(errors="replace")
    say(f"  planted fault: {'seen' if seen else 'NOT SEEN'} ({shown(log)})")
    return seen


def rows_of(results, old, of):
    """The rows of the page in the order of CONFIGURATIONS: what was run, and the others as they
    were.
    """
    rows = {row[0]: row for row in old}
    for name, (passed, failed, ignored, seconds) in results.items():
        why = CONFIGURATIONS[name].why
        rows[f"`{name}`"] = [f"`{name}`", why, passed, failed, ignored, f"{seconds:.0f}", of]
    return [rows[f"`{name}`"] for name in CONFIGURATIONS if f"`{name}`" in rows]


def write(results, args):
    version = subprocess.run(
        ["cargo", f"+{TOOLCHAIN}", "miri", "--version"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    of = f"{pages.commit()} on {pages.today()}"
    rows = rows_of(results, pages.table_of("miri", HEADS), of)
    body = (
        f'{version.stdout.strip()}, `MIRIFLAGS="{FLAGS} -Zmiri-seed={args.seed}"`. As many at a '
        "time as there are cores. Each row has the commit that it was run at.\n\n"
        f"{pages.markdown_table([HEADS, *rows])}\n"
    )
    pages.write_result("miri", "Miri", args.command, body)


def add_arguments(parser):
    parser.add_argument(
        "--tests",
        default="",
        help="parts of names of tests, with commas between (those that the configuration is for)",
    )
    parser.add_argument("--traces", type=int, default=1, help="random traces of each heap (1)")
    parser.add_argument(
        "--cases", type=int, default=4, help="cases of each other test that draws them (4)"
    )


def main(args):
    chosen = args.only.split(",") if args.only else list(CONFIGURATIONS)
    for name in chosen:
        if name not in CONFIGURATIONS:
            raise Fail(f"no configuration is called {name}; there are: {', '.join(CONFIGURATIONS)}")
    WORK.mkdir(parents=True, exist_ok=True)
    reason = missing()
    if reason:
        say(f"skipped: {reason}\n0 passed, 0 failed")
        return 0
    for configuration in {
        str(CONFIGURATIONS[name].words[-2:]): CONFIGURATIONS[name] for name in chosen
    }.values():
        set_up(configuration)
    seen = sees_the_planted_fault()
    started = time.monotonic()
    with ThreadPoolExecutor(jobs()) as pool:
        results = dict(zip(chosen, pool.map(lambda name: run(name, args), chosen)))
    say(f"{len(chosen)} configurations in {(time.monotonic() - started) / 60:.1f} minutes")
    if args.write:
        write(results, args)
    passed, failed = (sum(result[i] for result in results.values()) for i in (0, 1))
    passed, failed = passed + seen, failed + (not seen)
    return ended(passed, failed)
