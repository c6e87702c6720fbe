"""Runs MicroPython's own test suite on a build with its C and on one with mpgc, and compares.

A test that passes with the C and fails (or is skipped) with mpgc is an error, after three more runs
on each side; one that passes then is flaky, is named, and counts as passed. One that now passes and
now fails, on either side, gets more runs if mpgc fails more often, and is an error if by chance it
would fail so much more often than with the C less than once in twenty times: a test of times fails
on a busy machine whatever it runs on. Results go to
build/upstream/<release>[-<arch>]-<variant>[-<options>].json.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from tools.build import unix
from tools.common import BUILD, Fail, add_switch, say, shown, table, write_json
from tools.results import commit, today
from tools.setup import options as option_names
from tools.setup.targets import find_target
from tools.setup.tree import get_tree
from tools.verify.chance import fisher
from tools.verify.hardened_tests import stopped
from tools.verify.suite import Suite
from tools.verify.untouched import Untouched
from tools.verify.upstream_pages import write_results

REPEATS = 3
# An unsteady test runs that many times more.
MORE_REPEATS = 12
CHANCE = 0.05
FLAVOURS = ("c", "rust")
# What runs on a build for another machine: what nlr, the collector's roots and threads can break.
ARCH_DIRS = ["basics", "micropython", "stress", "thread"]


def find_by_stem(suite, stem, dirs):
    """The test files of this name: run-tests.py names skipped tests without their folder."""
    tests = suite.work / "tests"
    return [f"{folder}/{stem}.py" for folder in dirs if (tests / folder / f"{stem}.py").is_file()]


def suspects(c_suite, c, rust, dirs):
    """Tests whose result on the Rust build differs from that on the C control."""
    names = set(c.failed) ^ set(rust.failed)
    for stem in set(c.skipped) ^ set(rust.skipped):
        names.update(find_by_stem(c_suite, stem, dirs))
    return sorted(names)


def outcome(result, test):
    if test in result.failed:
        return "fail"
    return "pass" if result.passed else "skip"


def run_again(suites, test):
    """Outcomes of one test on each side, in turns, until they can be judged."""
    seen = {flavour: [] for flavour in suites}
    for turn in range(REPEATS + MORE_REPEATS):
        if turn >= REPEATS and not unsteady(seen):
            break
        for flavour, suite in suites.items():
            result = suite.run(f"again-{turn}", files=[test])
            seen[flavour].append(outcome(result, test))
    return seen


def unsteady(seen):
    """Whether a side, or both, sometimes fail, and mpgc fails more often."""
    c, rust = ([outcome == "pass" for outcome in seen[flavour]] for flavour in FLAVOURS)
    return sum(rust) < sum(c) and (any(rust) or not all(c))


def judge(seen):
    """The verdict of the repeated runs of a test that differed."""
    c, rust = set(seen["c"]), set(seen["rust"])
    if c == {"pass"} and "pass" not in rust:
        return "ERROR"
    failures = {flavour: sum(each != "pass" for each in turns) for flavour, turns in seen.items()}
    if (
        "pass" in c
        and fisher(failures["c"], len(seen["c"]), failures["rust"], len(seen["rust"])) < CHANCE
    ):
        return "ERROR"
    if rust == {"pass"} and "pass" not in c:
        return "only the C fails"
    return "flaky"


def settle(result, flavour, outcomes):
    """The result with each test that failed once and passed when run again counted as passed."""
    passed_again = [
        test for test in result.failed if "pass" in outcomes.get(test, {}).get(flavour, ())
    ]
    return result._replace(
        passed=result.passed + len(passed_again),
        failed=[test for test in result.failed if test not in passed_again],
    )


def as_json(result):
    return {
        "performed": result.performed,
        "passed": result.passed,
        "skipped": len(result.skipped),
        "skipped_names": result.skipped,
        "failed": result.failed,
    }


def compare(suites, c, rust, dirs):
    """Run the tests that differ again. Returns ({test: verdict}, {test: outcomes})."""
    verdicts, outcomes = {}, {}
    differing = suspects(suites["c"], c, rust, dirs)
    if len(differing) > 60:
        raise Fail(
            f"{len(differing)} tests differ between C and Rust, too many to run again; the first "
            "ones: "
            f"{' '.join(differing[:12])}; see {shown(suites['rust'].work)}"
        )
    for test in differing:
        say(f"  {test} differs: running it {REPEATS} times more on each side")
        outcomes[test] = run_again(suites, test)
        verdicts[test] = judge(outcomes[test])
        say(
            f"    C {' '.join(outcomes[test]['c'])}, Rust {' '.join(outcomes[test]['rust'])}: "
            f"{verdicts[test]}"
        )
    return verdicts, outcomes


def report(name, c, rust, verdicts, outcomes, suites):
    """The table, and a line for each exception."""
    rows = [["", "performed", "passed", "skipped", "failed"]]
    for label, result in (("C", c), ("Rust", rust)):
        rows.append(
            [label, result.performed, result.passed, len(result.skipped), len(result.failed)]
        )
    say(f"\n{name}\n{table(rows)}")
    both = sorted(set(c.failed) & set(rust.failed))
    if both:
        say(f"{len(both)} fail with C and Rust alike: {' '.join(both)}")
    differing = [
        t for t in both if suites["c"].output_of("all", t) != suites["rust"].output_of("all", t)
    ]
    if differing:
        say(f"{len(differing)} of them print something else with Rust: {' '.join(differing)}")
    for test, verdict in sorted(verdicts.items()):
        turns = outcomes[test]
        say(
            f"{verdict}: {test} (run again: C {' '.join(turns['c'])}, Rust "
            f"{' '.join(turns['rust'])})"
        )
    say("")


def run_suites(suites, dirs):
    def run(flavour):
        suite, started = suites[flavour], time.monotonic()
        result = suite.run("all", dirs=dirs)
        if result.performed == 0:
            raise Fail(
                f"{flavour}: run-tests.py performed no test; see {shown(suite.work / 'all.log')}"
            )
        say(
            f"  {flavour}: {result.performed} performed, {result.passed} passed in "
            f"{time.monotonic() - started:.0f} s"
        )
        return result

    # Towards the end most of the time is waited, for threads: so both sides run at once where they
    # may.
    width = len(suites) if all(suite.may_share(dirs) for suite in suites.values()) else 1
    with ThreadPoolExecutor(width) as pool:
        return dict(zip(suites, pool.map(run, suites)))


def run_and_compare(name, tree, make_suites, dirs, facts):
    """Make the suites, run them, write build/upstream/<name>.json. A Fail if a test passes with C
    alone.

    `dirs` is none for all that upstream's full run covers; `facts` are what the JSON tells of the
    builds and of what was run.
    """
    with Untouched(tree):
        suites = make_suites()
        of = f"{commit()} on {today()}"
        dirs = dirs or suites["c"].all_dirs()
        results = run_suites(suites, dirs)
        c, rust = results["c"], results["rust"]
        verdicts, outcomes = compare(suites, c, rust, dirs)
    for test, verdict in verdicts.items():
        reason = stopped(test, suites["rust"].options)
        if verdict == "ERROR" and reason:
            verdicts[test] = f"stopped by a fault of MicroPython, which {reason}"
    c, rust = settle(c, "c", outcomes), settle(rust, "rust", outcomes)
    path = BUILD / "upstream" / f"{name}.json"
    errors = sorted(test for test, verdict in verdicts.items() if verdict == "ERROR")
    write_json(
        path,
        {
            "release": tree.release,
            "of": of,
            **facts,
            "c": as_json(c),
            "rust": as_json(rust),
            "run_again": outcomes,
            "verdicts": verdicts,
            "errors": errors,
            "command": {flavour: suite.built.command for flavour, suite in suites.items()},
        },
    )
    report(name, c, rust, verdicts, outcomes, suites)
    say(f"written: {shown(path)}")
    if errors:
        raise Fail(f"{len(errors)} tests pass with C and not with Rust: {' '.join(errors)}")


def compare_port(port, build, suite, tree, options, args, default=None):
    """Build a port's variant with the C and with mpgc, and compare on the folders `args.dirs`;
    `default` are those without the option.
    """
    some = ["only", option_names.slug(args.dirs)] if args.dirs else []
    name = "-".join(filter(None, [tree.release, port, args.variant, options.slug, *some]))

    def make_suites():
        say(f"building the {port} port of {tree.release}, {args.variant}, C and Rust")
        return {
            flavour: suite(tree, build(tree, args.variant, flavour, options), options)
            for flavour in FLAVOURS
        }

    facts = {
        "port": port,
        "variant": args.variant,
        "options": args.options,
        "folders": args.dirs or default or [],
    }
    run_and_compare(name, tree, make_suites, args.dirs or default, facts)


def add_arguments(parser):
    parser.add_argument(
        "--dirs", nargs="*", help="test folders (default: all that upstream's full run covers)"
    )
    add_switch(parser, "--results", "only write the pages of docs/results from what is on hand")


def main(args):
    if args.results:
        return write_results()
    if args.arch:
        find_target(args.arch)
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse(args.options)
    some = [] if not args.dirs else ["only", option_names.slug(args.dirs)]
    name = "-".join(filter(None, [tree.release, args.arch, args.variant, options.slug, *some]))
    dirs = args.dirs or (ARCH_DIRS if args.arch else None)

    def make_suites():
        words = " ".join(filter(None, [args.arch, args.variant, args.options]))
        say(f"building the C control and the Rust build of MicroPython {tree.release}, {words}")
        return {
            flavour: Suite(
                tree, unix.build(tree, args.variant, flavour, options, arch=args.arch), options
            )
            for flavour in FLAVOURS
        }

    run_and_compare(
        name,
        tree,
        make_suites,
        dirs,
        {
            "arch": args.arch,
            "variant": args.variant,
            "options": args.options,
            "folders": dirs or [],
        },
    )
    return write_results(command=args.command) if args.write else 0
