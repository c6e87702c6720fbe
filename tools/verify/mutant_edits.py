"""The edits of mutants/edits.toml: what cargo-mutants cannot plant, each shown to checks until one
notices.

An edit is made in a copy of the working tree. The checks form a ladder, the cheapest first:

    unit        the tests of the pure modules (for edits of these)
    twins       the C original beside mpgc, in the configurations that the edit names
    dropin      the checks of micropython-patches/check_dropin.py whose name holds the edit's word
    interrupts, threads     under interrupts or threads, for edits that only these can show
    upstream    MicroPython's own tests

In the short form each check is as `make test` has it, and an edit is not shown to what `make test`
leaves out.

An edit that does not apply exactly once, and one that does not compile, are errors: they show
nothing. A check that fails is tried once without the edit, so that one which fails for another
reason proves nothing either.
"""

import fcntl
import json
import re
import shutil
import subprocess
import sys
import time
from collections import namedtuple

import tomllib

from tools.common import BUILD, ROOT, Fail, clean_env, run_logged, say, shown, write_json
from tools.setup.tree import get_tree
from tools.steps import task
from tools.verify import test as run_checks
from tools.verify import twins

EDITS = ROOT / "mutants" / "edits.toml"
WORK = BUILD / "mutants"
COPY = WORK / "tree"
OPERATIONS = "200000"
STRAINS = {
    "interrupts": ("--signals", "100000", "--pairs", "0"),
    "threads": run_checks.SHORT_THREADS,
}
LEAST = 30
# What caught each edit in the last run, for RESUME=1.
CAUGHT = WORK / "edits.json"
PURE = re.compile(r"src/(heap|nlr|sched)/|src/(pystack|sched)\.rs")
# Output that means that the copy was not even built.
NOT_BUILT = re.compile(r"could not compile|(building the|linking) [^\n]* failed with status")

Edit = namedtuple(
    "Edit", "name file breaks find put config dropin strain", defaults=("stack8", "", "")
)
Rung = namedtuple("Rung", "name command env")


def load_edits():
    edits = []
    for entry in tomllib.loads(EDITS.read_text())["edit"]:
        try:
            edits.append(Edit(**entry))
        except TypeError as error:
            raise Fail(f"{shown(EDITS)}: {entry.get('name', entry)}: {error}") from error
    return edits


def check_edits(edits):
    """Each has a name of its own, says what it breaks, and applies exactly once."""
    names = [edit.name for edit in edits]
    for name in names:
        if names.count(name) > 1:
            raise Fail(f"{shown(EDITS)}: two edits are called {name}")
    if len(edits) < LEAST:
        raise Fail(f"{shown(EDITS)} has {len(edits)} edits; {LEAST} are needed")
    for edit in edits:
        if not edit.breaks or edit.find == edit.put:
            raise Fail(f"{shown(EDITS)}: {edit.name} breaks nothing, or does not say what")
        edited(edit, ROOT)


def edited(edit, root):
    """The text of the file with the edit in it."""
    path = root / edit.file
    if not path.exists():
        raise Fail(f"{shown(EDITS)}: {edit.name}: there is no {edit.file}")
    text = path.read_text()
    if text.count(edit.find) != 1:
        raise Fail(
            f"{shown(EDITS)}: {edit.name} must match once in {edit.file}, but matches "
            f"{text.count(edit.find)} "
            f"times: fit its `find` to the code as it is now"
        )
    return text.replace(edit.find, edit.put)


def copy_tree():
    """The working tree in a folder of its own. What has not changed keeps its time, so little is
    built anew.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    # a compile that was stopped in the middle leaves pieces that do not fit
    shutil.rmtree(COPY / "target" / "debug" / "incremental", ignore_errors=True)
    names = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        source, target = ROOT / name, COPY / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for folder in ("src", "buildsrc", "tests", "c-tests", "tools", "micropython-patches"):
        for target in (COPY / folder).rglob("*"):
            if (
                target.is_file()
                and "__pycache__" not in target.parts
                and str(target.relative_to(COPY)) not in names
            ):
                target.unlink()


def short_configurations(wanted):
    """The configurations that `make test` has for those that an edit names, or those of their
    kind.
    """
    all_short = twins.choose("ci")
    found = [name for name in wanted.split(",") if name in all_short]
    kinds = tuple(name.split("-")[0] for name in wanted.split(","))
    return ",".join(found or [name for name in all_short if name.startswith(kinds)])


def in_short_drop_in(word):
    """Whether `make test` runs the drop-in checks that have this word in their name."""
    return any(word in name or name in word for name in run_checks.SHORT_DROP_IN.split(","))


def ladder(edit, unit_env, args):
    short = args.short
    tree = get_tree(run_checks.SHORT_RELEASE if short else run_checks.RELEASE)
    env = clean_env(MPGC_BUILD_TOOLS=str(WORK / "build-tools"), JOBS="1")

    def task_of_copy(name, *words):
        return task(name, "--micropython-dir", tree.path, *words, root=COPY)

    rungs = []
    if PURE.match(edit.file):
        rungs.append(Rung("unit", ["cargo", "test", "--lib"], unit_env))
    config = short_configurations(edit.config) if short else edit.config
    words = ["--ops", run_checks.SHORT_OPERATIONS if short else OPERATIONS, "--config", config]
    words += ["--share", run_checks.SHORT_SHARE] if short else []
    if config:
        rungs.append(Rung("twins", task_of_copy("twins", *words), env))
    if edit.dropin and (not short or in_short_drop_in(edit.dropin)):
        rungs.append(
            Rung(
                "dropin",
                [
                    sys.executable,
                    COPY / "micropython-patches/check_dropin.py",
                    "--tree",
                    tree.path,
                    "--work",
                    WORK / "dropin",
                    "--only",
                    edit.dropin,
                ],
                env,
            )
        )
    if edit.strain and not short:
        rungs.append(Rung(edit.strain, task_of_copy(edit.strain, *STRAINS[edit.strain]), env))
    rungs.append(Rung("upstream", task_of_copy("upstream", "--variant", "standard"), env))
    wanted = [word for word in args.rungs.split(",") if word]
    return [rung for rung in rungs if not wanted or rung.name in wanted]


class NotBuilt(Exception):
    """The copy could not even be built: the check says nothing."""


def fails(rung, log):
    """Whether a check fails."""
    status = run_logged(
        rung.command, log, env=rung.env, cwd=COPY, what=rung.name, fatal=False, every=300
    )
    if status == 0:
        return False
    if NOT_BUILT.search(log.read_text(errors="replace")):
        raise NotBuilt(f"an edit must compile, and this cannot be built: {shown(log)}")
    return True


def run_edits(edits, unit_env, args):
    """Plants each edit and runs the checks of the ladder. Yields (name, whether it was caught)."""
    if not edits:
        return
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Fail(f"another run uses {shown(COPY)}: wait for its end") from error
        copy_tree()
        yield from run_all(edits, unit_env, args)


def run_all(edits, unit_env, args):
    known = json.loads(CAUGHT.read_text()) if CAUGHT.exists() and args.resume else {}
    sound, wrong = set(), []
    for number, edit in enumerate(edits, 1):
        started = time.monotonic()
        if known.get(edit.name, [None])[0] == list(edit):
            yield edit.name, True
            continue
        try:
            by = climb(edit, ladder(edit, unit_env, args), sound)
        except NotBuilt as error:
            wrong.append(edit.name)
            say(f"{number}/{len(edits)} {edit.name}: {error}")
            continue
        say(
            f"{number}/{len(edits)} {edit.name}: {f'caught by {by}' if by else 'SURVIVED'}, "
            f"{time.monotonic() - started:.0f} s"
        )
        if by:
            known[edit.name] = [edit, by]
            write_json(CAUGHT, known)
        yield edit.name, by is not None
    if wrong:
        raise Fail(f"edits that do not compile show nothing; fix them: {', '.join(wrong)}")


def climb(edit, rungs, sound):
    """The name of the first check that fails with the edit in place, and passes without it; None if
    all pass.

    `sound` holds the commands that were seen to pass without any edit.
    """
    path = COPY / edit.file
    whole = path.read_text()
    for rung in rungs:
        path.write_text(edited(edit, COPY))
        try:
            caught = fails(rung, WORK / "edits" / f"{edit.name}-{rung.name}.log")
        finally:
            path.write_text(whole)
        if not caught:
            continue
        key = tuple(map(str, rung.command))
        if key not in sound and fails(rung, WORK / "edits" / f"nothing-changed-{rung.name}.log"):
            raise Fail(f"{rung.name} fails even when nothing is changed: {' '.join(key)}")
        sound.add(key)
        return rung.name
    return None
