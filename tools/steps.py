"""Runs steps in parallel, as far as there are cores. A step is a command that checks something."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import namedtuple

from tools.common import ROOT, Fail, clean_env, run_logged, say, shown, table, write_json

# `count` adds up the (passed, failed) that a log reports; without it a step is one check. `minutes`
# is about how long it takes on two cores. A step uses that many `cores`; 0 means all of them, for a
# step that runs several jobs of its own or measures time. HALF is for a step that waits half of the
# time: one such may run beside steps that keep each core busy. A step starts when the steps that
# `after` names have passed, and never beside one that has a word of `uses` in common with it (a
# build folder).
Step = namedtuple(
    "Step", "name command count minutes cores after uses", defaults=(None, 0, 0, (), ())
)
HALF = 0.5
Result = namedtuple("Result", "passed failed seconds cpu")


def count_pattern(pattern):
    """A counter that adds up the (passed, failed) of every match."""

    def count(text):
        found = re.findall(pattern, text)
        return sum(int(p) for p, _ in found), sum(int(f) for _, f in found)

    return count


count_cargo = count_pattern(r"test result: \w+\. (\d+) passed; (\d+) failed")
count_line = count_pattern(r"(?m)^(\d+) passed, (\d+) failed$")


def count_unittest(text):
    ran = re.search(r"^Ran (\d+) tests?", text, re.M)
    bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", text))
    return (int(ran.group(1)) - bad if ran else 0), bad


def ended(passed, failed):
    """Print the line that count_line reads. Returns the exit status."""
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


class Tally:
    """Counts checks and prints the result of each; for a failed one also the end of `text`."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, name, good, text="", said=""):
        self.passed += bool(good)
        self.failed += not good
        say(f"  {name}: {'ok' if good else 'FAILED'} {said}".rstrip())
        if not good and text:
            say(text.strip()[-4000:])

    def skip(self, name, reason):
        self.skipped += 1
        say(f"skipped: {name}: {reason}")

    def ended(self):
        return ended(self.passed, self.failed)


def python(script, *arguments):
    return [sys.executable, str(ROOT / script), *arguments]


def task(name, *arguments, root=ROOT):
    """The command of one of the tasks. The caller has checked the packages already."""
    return [sys.executable, str(root / "tools"), name, "--no-deps", *arguments]


def run_step(number, step, folder, cores):
    """Run one step with JOBS set to its share of the cores. Returns its Result."""
    log = folder / (f"{number:02}-" + re.sub(r"[^a-z0-9.]+", "-", step.name.lower()) + ".log")
    say(f"{step.name} ...")
    started, usage = time.monotonic(), {}
    share = str(max(1, int(cores)))
    env = clean_env(JOBS=share, CARGO_BUILD_JOBS=share, RUST_TEST_THREADS=share)
    status = run_logged(
        step.command, log, env=env, cwd=ROOT, what=step.name, fatal=False, every=60, usage=usage
    )
    seconds = time.monotonic() - started
    text = log.read_text(errors="replace")
    passed, failed = step.count(text) if step.count else (int(status == 0), int(status != 0))
    skipped = re.findall(r"^skipped: .*$", text, re.M)
    if status != 0:
        failed = max(failed, 1)
        say("\n".join("  | " + line[:300] for line in text.splitlines()[-30:]))
    elif passed == 0 and not skipped:
        failed = max(failed, 1)
        say(f"  {step.name} reported no test; see {shown(log)}")
    for line in re.findall(
        r"^.*operations without a difference in \d+ configurations.*$", text, re.M
    ):
        say(f"  {line}")
    # The report also says what a step has skipped.
    for line in skipped:
        say(f"  {line}")
    word = "FAILED" if failed else "ok"
    say(f"  {step.name} {word}: {passed} passed, {failed} failed, {seconds:.0f} s ({shown(log)})")
    return Result(passed, failed, seconds, usage.get("cpu", 0.0))


def choose(steps, only):
    """The steps whose name contains one of the words, with their numbers; `only` has commas between
    the words.
    """
    words = only.split(",")
    chosen = [
        (number, step)
        for number, step in enumerate(steps)
        if any(word in step.name for word in words)
    ]
    if not chosen:
        names = ", ".join(step.name for step in steps)
        raise Fail(f"no step has `{only}` in its name; there are: {names}")
    return chosen


def fingerprint():
    """A digest of the sources without documents: a result is valid while it stays the same."""
    words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(["git", *words], cwd=ROOT, stdout=subprocess.PIPE, check=False).stdout
    digest = hashlib.sha256()
    for name in sorted(set(filter(None, listed.split(b"\0")))):
        path = os.path.join(os.fsencode(ROOT), name)
        if os.path.isfile(path) and not name.endswith((b".md", b".svg")):
            with open(path, "rb") as file:
                digest.update(name + b"\0" + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


class Runner:
    """Runs steps in order, as many at a time as the cores allow."""

    def __init__(self, left, folder, width, settled):
        self.waiting, self.folder, self.width = list(left), folder, width
        self.running, self.results = {}, {}
        self.names = {step.name for _, step in left}
        self.changed = threading.Condition()
        self.settled, self.broken = settled, None

    def cores(self, step):
        # All of them is so many that no half is left for another step.
        return self.width + HALF if step.cores == 0 else min(step.cores, self.width)

    def may_start(self, step):
        busy = sum(self.cores(other) for other in self.running.values())
        if int(busy + self.cores(step)) > self.width:
            return False
        if any(set(step.uses) & set(other.uses) for other in self.running.values()):
            return False
        return all(name in self.results for name in step.after if name in self.names)

    def lost(self, step):
        """Whether a step that this one depends on has failed."""
        return any(self.results[name].failed for name in step.after if name in self.results)

    def run(self, number, step):
        try:
            result = run_step(number, step, self.folder, self.cores(step))
        except BaseException as error:  # the waiting thread reports it
            self.broken = error
            result = Result(0, 1, 0.0, 0.0)
        with self.changed:
            del self.running[number]
            self.settle(step, result)

    def settle(self, step, result):
        self.results[step.name] = result
        self.settled(step, result)
        self.changed.notify()

    def run_all(self):
        with self.changed:
            while (self.waiting or self.running) and not self.broken:
                if not self.start_some():
                    self.changed.wait()
            while self.running:
                self.changed.wait()
        if self.broken:
            raise self.broken
        return self.results

    def start_some(self):
        """Start the steps that can start now. Returns whether anything has changed."""
        for numbered in self.waiting:
            number, step = numbered
            if not self.may_start(step):
                continue
            self.waiting.remove(numbered)
            if self.lost(step):
                say(f"{step.name}: not run, because a step that it depends on has failed")
                self.settle(step, Result(0, 1, 0.0, 0.0))
                return True
            self.running[number] = step
            threading.Thread(target=self.run, args=numbered, daemon=True).start()
            return True
        if self.waiting and not self.running:
            names = ", ".join(step.name for _, step in self.waiting)
            raise Fail(f"these steps wait for each other: {names}")
        return False


def print_times(results, seconds):
    """How long each step took, the longest first."""
    rows = [["step", "seconds", "processor seconds"]]
    longest_first = sorted(results.items(), key=lambda item: -item[1].cpu)
    rows += [[name, f"{result.seconds:.0f}", f"{result.cpu:.0f}"] for name, result in longest_first]
    cpu = sum(result.cpu for result in results.values())
    rows.append(["all", f"{seconds:.0f}", f"{cpu:.0f}"])
    say("\n" + table(rows))


def run_steps(chosen, folder, *, resume=False, width=1):
    """Run steps on `width` cores, and end with `N passed, N failed`. Returns the exit status.

    With `resume`, steps that passed in an earlier run of the same sources are counted and not run
    again. The time of each step is printed and written to times.json in the folder.
    """
    path = folder / "results.json"
    now = fingerprint()
    kept = json.loads(path.read_text()) if path.exists() else {}
    known = kept.get("steps", {}) if resume and kept.get("sources") == now else {}
    if resume and kept and not known:
        say("the sources have changed since the earlier run: every step is run")
    done, left = {}, []
    started = time.monotonic()
    for number, step in chosen:
        if known.get(step.name, [0, 1])[1] == 0:
            done[step.name] = Result(*known[step.name])
            say(f"{step.name}: {done[step.name].passed} passed in an earlier run")
        else:
            left.append((number, step))

    def settled(step, result):
        known[step.name] = list(result)
        write_json(path, {"sources": now, "steps": known})

    results = Runner(left, folder, width, settled).run_all()
    seconds = time.monotonic() - started
    done.update(results)
    print_times(results, seconds)
    times = [{"step": name, **result._asdict()} for name, result in done.items()]
    write_json(folder / "times.json", {"cores": width, "seconds": seconds, "steps": times})
    wrong = [step.name for _, step in chosen if done[step.name].failed]
    say(f"\n{len(chosen)} steps in {seconds / 60:.1f} minutes")
    if wrong:
        say(f"failed: {', '.join(wrong)}")
    passed = sum(result.passed for result in done.values())
    failed = sum(result.failed for result in done.values())
    return ended(passed, failed)
