"""Runs the long versions of the checks, hours of them, and ends with `N passed, N failed`.

What CI runs in minutes (tools/verify/test.py) is run here until it means something, with one
release: ten million operations for each configuration beside the C original, twenty times the
random traces, millions of interrupts, rounds of the thread tests, ten minutes of fuzzing for each
target; and MicroPython's own suites on the hardened build, with every release that is tested. Each
step is one check, whose output goes to build/proof; RESUME=1 leaves out those that have passed
before. All but the interrupts run JOBS at once: what they find does not depend on time, or is
compared with the C in turns.
"""

from tools.common import BUILD, add_switch, jobs, say
from tools.results import write_result
from tools.setup.tree import TESTED_RELEASES
from tools.steps import Step, choose, count_cargo, count_line, run_steps, task
from tools.verify import fuzz, twins
from tools.verify import test as run_checks

OPERATIONS = 10_000_000
TRACES = 3000
SIGNALS = 5_000_000
FUZZ_SECONDS = 600
HARDENED_VARIANTS = ("standard", "coverage")
FOLDER = BUILD / "proof"


def traces():
    """The pure heap against its naive model, with many more traces than `cargo test` draws.

    Optimised, for time; the debug assertions stay. A target folder of their own, for what
    `cargo test` has compiled is without.
    """
    settings = [f"MPGC_TRACES={TRACES}", "PROPTEST_CASES=20000", "CARGO_PROFILE_TEST_OPT_LEVEL=2"]
    command = ["env", *settings, "cargo", "test", "--lib", "--target-dir", str(FOLDER / "target")]
    return Step(f"{TRACES} traces of each heap", command, count_cargo, 40, cores=1)


def twins_steps(release):
    """A step for each configuration: any of them can be run again alone."""
    for name in twins.CONFIGURATIONS:
        missing = twins.missing_for(twins.CONFIGURATIONS[name], release)
        if missing:
            say(f"twins {release} {name}: left out: {missing}")
            continue
        words = ["--release", release, "--config", name, "--ops", str(OPERATIONS)]
        yield Step(f"twins {release} {name}", task("twins", *words), count_line, 1, cores=1)


def fuzz_steps(release):
    """Ten minutes for each target, from the corpus that is kept."""
    for target in fuzz.TARGETS:
        words = ["--release", release, "--target", target, "--seconds", str(FUZZ_SECONDS)]
        yield Step(
            f"fuzz {release} {target}",
            task("fuzz", *words),
            count_line,
            FUZZ_SECONDS // 60 + 1,
            cores=1,
        )


def hardened_steps(releases):
    """MicroPython's own suites on the hardened build, beside the C."""
    for release in releases:
        for variant in HARDENED_VARIANTS:
            words = ["--release", release, "--variant", variant, "--options", "hardened"]
            yield Step(f"upstream {release} {variant} hardened", task("upstream", *words), None, 8)


def all_steps(release, releases):
    """The longest first, so that no core waits for another at the end."""
    at = ["--release", release]
    signals = ["--signals", str(SIGNALS), "--pairs", "40"]
    rounds = ["--rounds", "20", "--stress-rounds", "50"]
    matrix = ["env", "JOBS=1", *task("matrix", *at)]
    return [
        # what several of the others build first, and must not at once
        Step(f"unix port {release}", task("build", *at), None, 2),
        Step(f"interrupts {release}", task("interrupts", *at, *signals), count_line, 10),
        Step(f"threads {release}", task("threads", *at, *rounds), count_line, 60, cores=1),
        Step(f"matrix {release}", matrix, count_line, 40, cores=1),
        traces(),
        *fuzz_steps(release),
        Step(f"sanitizers {release}", task("sanitize", *at), count_line, 10, cores=1),
        *twins_steps(release),
        *hardened_steps(releases),
    ]


def add_arguments(parser):
    add_switch(parser, "--list", "list the steps, run nothing")


def main(args):
    releases = [args.release] if args.release else TESTED_RELEASES
    chosen = choose(all_steps(releases[0], releases), args.only)
    if args.list:
        say("\n".join(f"{step.name} (about {step.minutes} min)" for _, step in chosen))
        return 0
    width = jobs()
    minutes = sum(step.minutes / (width if step.cores == 1 else 1) for _, step in chosen)
    say(
        f"{len(chosen)} steps, about {int(minutes) // 60} h {int(minutes) % 60} min on an idle "
        f"machine; JOBS={width}"
    )
    status = run_steps(chosen, FOLDER, resume=args.resume, width=width)
    if args.write:
        write_result(
            "proof", "The long versions of the checks", args.command, run_checks.times_table(FOLDER)
        )
    return status
