"""Breaks the library on purpose, one small change at a time, and reports whether a check notices.

The changes come from cargo-mutants, which changes the pure modules and runs their unit tests
(.cargo/mutants.toml), and from mutants/edits.toml, for what it cannot plant; there the first of
several checks that fails has noticed. A change that nothing notices is a survivor:
mutants/equivalent.toml must say why it changes nothing. Ends with `N caught, N survived`; the exit
status says whether at least 95 % were caught and each survivor is explained.
"""

import json
import random
import re
import shutil
import subprocess
import sys
import time
from collections import namedtuple

import tomllib

from tools.common import ROOT, Fail, add_switch, clean_env, jobs, run_logged, say, shown, write_json
from tools.results import markdown_table, write_result
from tools.verify import test as run_checks
from tools.verify.mutant_edits import EDITS, WORK, check_edits, load_edits, run_edits

CARGO_MUTANTS = "27.1.0"
EQUIVALENT = ROOT / "mutants" / "equivalent.toml"
RESULTS = WORK / "results.json"
BAR = 95
# Draws the sample of --sample.
SAMPLE_SEED = 19
# cargo-mutants: all caught; some missed; some timed out.
FINISHED = (0, 2, 3)
NOTICED = ("CaughtMutant", "Timeout")

Found = namedtuple("Found", "name caught")


def cargo_mutants():
    """The program, installed where nothing else is."""
    root = WORK / "tools"
    program = root / "bin" / "cargo-mutants"
    if program.exists():
        done = subprocess.run(
            [program, "mutants", "--version"], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.stdout.split()[-1:] == [CARGO_MUTANTS]:
            return program
    say(f"installing cargo-mutants {CARGO_MUTANTS} into {shown(root)}")
    command = [
        "cargo",
        "install",
        "--locked",
        "--root",
        root,
        "--version",
        CARGO_MUTANTS,
        "cargo-mutants",
    ]
    run_logged(command, WORK / "install.log", what="cargo install cargo-mutants")
    return program


def host_target():
    done = subprocess.run(["rustc", "-vV"], stdout=subprocess.PIPE, text=True, check=True)
    return next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("host:"))


def test_env(short):
    """For unit tests of a mutant: the same traces for each, no search for a shorter one, the runner
    (which optimises what needs it).
    """
    runner = "CARGO_TARGET_" + host_target().upper().replace("-", "_") + "_RUNNER"
    traces = {"MPGC_TRACES": run_checks.SHORT_TRACES} if short else {}
    return clean_env(
        PROPTEST_RNG_SEED="1",
        PROPTEST_MAX_SHRINK_TIME="1",
        PROPTEST_DISABLE_FAILURE_PERSISTENCE="1",
        CARGO_PROFILE_TEST_DEBUG="0",
        CARGO_PROFILE_TEST_OPT_LEVEL="0",
        CARGO_TERM_COLOR="never",
        **traces,
        **{runner: f"{sys.executable} {ROOT / 'tools' / 'verify' / 'mutant_runner.py'}"},
    )


def name_of(mutant):
    """`file: what: source`, the place that is changed between « and »: it stays when lines move."""
    line = (ROOT / mutant["file"]).read_text().splitlines()[mutant["span"]["start"]["line"] - 1]
    start, end = mutant["span"]["start"], mutant["span"]["end"]
    if mutant["genre"] != "FnValue" and start["line"] == end["line"]:
        at, to = start["column"] - 1, end["column"] - 1
        line = f"{line[:at]}«{line[at:to]}»{line[to:]}"
    what = mutant["name"].split(": ", 1)[1]
    return f"{mutant['file']}: {what}: {line.strip()}"


def outcomes_in(folder):
    """The outcome of each change that compiles, from a run of cargo-mutants."""
    outcomes = folder / "outcomes.json"
    found = {}
    for outcome in json.loads(outcomes.read_text())["outcomes"] if outcomes.exists() else []:
        if outcome["scenario"] == "Baseline" or outcome["summary"] == "Unviable":
            continue
        name = name_of(outcome["scenario"]["Mutant"])
        # a function may hold one line twice
        while name in found:
            name += " (again)"
        found[name] = outcome["summary"] in NOTICED
    return found


def earlier_results(out):
    """The results of an earlier run, if the code that it changed is still the same."""
    outcomes = out / "mutants.out" / "outcomes.json"
    if not outcomes.exists():
        return {}
    sources = [
        *(ROOT / "src").glob("*.rs"),
        *(path for name in ("heap", "nlr", "sched") for path in (ROOT / "src" / name).glob("*.rs")),
    ]
    if max(path.stat().st_mtime for path in sources) > outcomes.stat().st_mtime:
        say("the sources have changed since the earlier run: beginning anew")
        return {}
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return {**known, **outcomes_in(out / "mutants.out")}


def listed_mutants(program, chosen):
    """All changes that a run makes, by the names of the reasons: [(name of ours, name of
    cargo-mutants)].
    """
    command = [program, "mutants", "--dir", ROOT, "--list", "--json", *chosen]
    listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return [(name_of(mutant), mutant["name"]) for mutant in listed]


def sample_of(program, count):
    """A pattern for so many of all changes, the same ones for the same sources."""
    command = [program, "mutants", "--dir", ROOT, "--list", "--json"]
    listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    names = sorted(mutant["name"] for mutant in listed)
    drawn = random.Random(SAMPLE_SEED).sample(names, min(count, len(names)))
    return "^(" + "|".join(map(re.escape, sorted(drawn))) + ")$"


def leave_out(listed, survivors):
    """The arguments that leave out what survives, as is known: such a change takes longest to
    run.
    """
    names = [name for ours, name in listed if ours in survivors]
    return [word for name in names for word in ("--exclude-re", f"^{re.escape(name)}$")]


def changes_since(commit):
    """The file with what has changed in src since a commit."""
    done = subprocess.run(
        ["git", "diff", commit, "--", "src"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or not done.stdout:
        raise Fail(f"SINCE={commit}: {done.stderr.strip() or 'nothing in src has changed since'}")
    path = WORK / "since.diff"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(done.stdout)
    return path


def run_cargo_mutants(args, reasons):
    """Changes the pure modules and runs their unit tests. Returns what became of each change that
    compiles.
    """
    program = cargo_mutants()
    out = WORK / "cargo"
    command = [
        program,
        "mutants",
        "--dir",
        ROOT,
        "--output",
        out,
        "--jobs",
        str(jobs()),
        "--colors",
        "never",
    ]
    chosen = []
    if args.only:
        chosen += ["--re", re.escape(args.only)]
    if args.since:
        chosen += ["--in-diff", changes_since(args.since)]
    if args.sample:
        chosen += ["--re", sample_of(program, args.sample)]
    if args.shard:
        chosen += ["--shard", "/".join(map(str, args.shard)), "--sharding", "round-robin"]
    command += chosen
    found = earlier_results(out) if args.resume else {}
    listed = listed_mutants(program, chosen) if found or args.trust else []
    survivors = {name for name, caught in found.items() if not caught and name in reasons}
    if found:
        command += ["--iterate"]
    else:
        shutil.rmtree(out, ignore_errors=True)
    if args.trust:
        # never in our favour: counted as survivors, whether a test would catch them now or not
        survivors |= {name for name, _ in listed if name in reasons and not found.get(name)}
        found.update(dict.fromkeys(survivors, False))
        say(
            f"{len(survivors)} of {len(listed)} changes have a reason why they survive, and are "
            "counted so without a run"
        )
    command += leave_out(listed, survivors)
    out.mkdir(parents=True, exist_ok=True)
    write_json(RESULTS, found)
    status = run_logged(
        command,
        WORK / "cargo.log",
        env=test_env(args.short),
        cwd=ROOT,
        what="cargo mutants",
        fatal=False,
        every=300,
    )
    text = (WORK / "cargo.log").read_text(errors="replace")
    if "Found 0 mutants" not in text:
        if status not in FINISHED:
            tail = "\n".join("    | " + line for line in text.splitlines()[-25:])
            raise Fail(
                f"cargo mutants ended with status {status}; the tests must pass while nothing is "
                f"changed:\n{tail}"
            )
        found.update(outcomes_in(out / "mutants.out"))
    write_json(RESULTS, found)
    return [Found(name, caught) for name, caught in found.items()]


def load_equivalent():
    """The reason for each survivor, by its name."""
    reasons = {}
    for entry in tomllib.loads(EQUIVALENT.read_text()).get("equivalent", []):
        if not entry.get("reason") or not entry.get("mutants"):
            raise Fail(f"{shown(EQUIVALENT)}: each entry needs a reason and mutants: {entry}")
        for name in entry["mutants"]:
            if name in reasons:
                raise Fail(f"{shown(EQUIVALENT)}: this is listed twice: {name}")
            reasons[name] = entry["reason"]
    return reasons


def check_equivalent(reasons, edits):
    """An entry must match existing code."""
    for name in reasons:
        if name.startswith("edit: "):
            if name.removeprefix("edit: ") not in {edit.name for edit in edits}:
                raise Fail(f"{shown(EQUIVALENT)}: there is no such edit: {name}; strike it")
            continue
        file, _, source = name.split(": ", 2)
        lines = {line.strip() for line in (ROOT / file).read_text().splitlines()}
        if source.replace("«", "").replace("»", "").replace(" (again)", "") not in lines:
            raise Fail(
                f"{shown(EQUIVALENT)}: {file} has no such line any more; delete it or correct it: "
                f"{name}"
            )


def report(found, reasons):
    """Prints what survived, and returns whether enough was caught."""
    survivors = [each.name for each in found if not each.caught]
    caught = len(found) - len(survivors)
    unexplained = [name for name in survivors if name not in reasons]
    for name in sorted(set(survivors) - set(unexplained)):
        say(f"survived: {name}\n    {reasons[name]}")
    for name in unexplained:
        say(f"SURVIVED without a reason: {name}")
    for name in sorted({each.name for each in found if each.caught} & set(reasons)):
        say(f"caught, though {shown(EQUIVALENT)} gives a reason why not; strike it: {name}")
    if not found:
        raise Fail("nothing was changed: no mutant has ONLY in its name, or the shard is empty")
    enough = caught * 100 >= BAR * len(found)
    if not enough:
        say(f"{caught * 100 / len(found):.1f} % are caught, and it must be {BAR} %")
    if unexplained:
        say(
            f"{len(unexplained)} survivors have no reason: let a test catch them, or add them to "
            f"{shown(EQUIVALENT)}"
        )
    say(f"{caught} caught, {len(survivors)} survived")
    return enough and not unexplained


def write_page(found, reasons, args):
    """docs/results/mutants.md: what was caught, and what survived, with its reason."""
    survivors = sorted(each.name for each in found if not each.caught)
    caught = len(found) - len(survivors)
    edits = sum(each.name.startswith("edit: ") for each in found)
    of_tool = f"a sample of {args.sample}" if args.sample else "all"
    shown_to = "what `make test` runs" if args.short else "every check that is meant to see them"
    rows = [
        ["survivor", "reason"],
        *([f"`{name}`", reasons.get(name, "none")] for name in survivors),
    ]
    body = (
        f"{caught} of {len(found)} changes are caught, {caught * 100 / len(found):.1f} %: "
        f"{len(found) - edits} by "
        f"cargo-mutants ({of_tool}; those that compile), and {edits} edits of mutants/edits.toml, "
        f"shown to {shown_to}."
        + ("\n\nSurvivors whose reason is known were counted without a run." if args.trust else "")
        + f"\n\n{markdown_table(rows)}"
    )
    words = (
        [f"SAMPLE={args.sample}"] * bool(args.sample)
        + ["SHORT=1"] * args.short
        + ["TRUST=1"] * args.trust
    )
    write_result(
        "mutants", "What notices a planted fault", " ".join(["make mutants WRITE=1", *words]), body
    )


def shard(text):
    k, _, n = text.partition("/")
    if not (k.isdigit() and n.isdigit() and int(k) < int(n)):
        raise Fail(f"SHARD={text} is not k/n with k from 0 to n - 1")
    return int(k), int(n)


def add_arguments(parser):
    parser.add_argument(
        "--rungs", default="", help="the checks that edits are shown to, with commas (all)"
    )
    add_switch(parser, "--check", "only check that all edits and reasons fit the sources")


def main(args):
    args.shard = shard(args.shard) if args.shard else None
    edits, reasons = load_edits(), load_equivalent()
    check_edits(edits)
    check_equivalent(reasons, edits)
    if args.check:
        say(
            f"{len(edits)} edits of {shown(EDITS)} apply, {len(reasons)} reasons of "
            f"{shown(EQUIVALENT)} fit"
        )
        return 0
    started = time.monotonic()
    found = []
    if not args.only.startswith("edit:"):
        found += run_cargo_mutants(args, reasons)
        say(
            f"cargo-mutants: {sum(f.caught for f in found)} of {len(found)} caught, "
            f"{(time.monotonic() - started) / 60:.0f} minutes"
        )
    edits = [
        edit
        for edit in edits
        if args.only.removeprefix("edit:").strip() in f"{edit.name} {edit.file}"
    ]
    if args.since:
        changed = changes_since(args.since).read_text()
        edits = [edit for edit in edits if f"+++ b/{edit.file}\n" in changed]
    if args.shard:
        edits = edits[args.shard[0] :: args.shard[1]]
    found += [
        Found(f"edit: {name}", caught)
        for name, caught in run_edits(edits, test_env(args.short), args)
    ]
    good = report(found, reasons)
    if args.write:
        write_page(found, reasons, args)
    return 0 if good else 1
