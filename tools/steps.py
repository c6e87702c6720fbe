"""Steps: checks that run one after the other, each a command whose end is counted."""

import json
import re
import sys
import threading
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from common import ROOT, Fail, clean_env, run_logged, say, shown, write_json

# `count` adds up the (passed, failed) that a log tells; without it a step is one check. `minutes` is about how
# long it takes on two cores. What keeps one core busy and measures no time may run beside others: it `shares`.
Step = namedtuple("Step", "name command count minutes shares", defaults=(None, 0, False))


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


def python(script, *arguments):
    return [sys.executable, str(ROOT / script), *arguments]


def run_step(number, step, folder):
    """Run one step. Returns (passed, failed, seconds)."""
    log = folder / (f"{number:02}-" + re.sub(r"[^a-z0-9.]+", "-", step.name.lower()) + ".log")
    say(f"{step.name} ...")
    started = time.monotonic()
    status = run_logged(step.command, log, env=clean_env(), cwd=ROOT, what=step.name, fatal=False, every=60)
    seconds = time.monotonic() - started
    text = log.read_text(errors="replace")
    passed, failed = step.count(text) if step.count else (int(status == 0), int(status != 0))
    if status != 0:
        failed = max(failed, 1)
        say("\n".join("  | " + line[:300] for line in text.splitlines()[-30:]))
    elif passed == 0:
        failed = max(failed, 1)
        say(f"  {step.name} counted no test at all; see {shown(log)}")
    for line in re.findall(r"^.*operations without a difference in \d+ configurations.*$", text, re.M):
        say(f"  {line}")
    say(f"  {'FAILED' if failed else 'ok'}: {passed} passed, {failed} failed, {seconds:.0f} s ({shown(log)})")
    return passed, failed, seconds


def choose(steps, only):
    """The steps whose name holds one of some words, with their numbers; `only` has commas between the words."""
    words = only.split(",")
    chosen = [(number, step) for number, step in enumerate(steps) if any(word in step.name for word in words)]
    if not chosen:
        raise Fail(f"no step has `{only}` in its name; there are: {', '.join(step.name for step in steps)}")
    return chosen


def run_steps(chosen, folder, *, resume=False, width=1):
    """Run steps, and end with `N passed, N failed`. Returns the exit status.

    With `resume`, what an earlier run saw pass is counted as it was. Steps that share the machine run `width` at a
    time, after the others.
    """
    results = folder / "results.json"
    known = json.loads(results.read_text()) if resume and results.exists() else {}
    done, left = {}, []
    started = time.monotonic()
    for number, step in chosen:
        if known.get(step.name, [0, 1])[1] == 0:
            done[step.name] = known[step.name]
            say(f"{step.name}: {done[step.name][0]} passed in an earlier run")
        else:
            left.append((number, step))
    lock = threading.Lock()

    def run(numbered):
        number, step = numbered
        good, bad, _ = run_step(number, step, folder)
        with lock:
            done[step.name] = known[step.name] = [good, bad]
            write_json(results, known)

    for numbered in left:
        if width == 1 or not numbered[1].shares:
            run(numbered)
    if width > 1:
        with ThreadPoolExecutor(width) as pool:
            # list: an exception in a step is raised here
            list(pool.map(run, [numbered for numbered in left if numbered[1].shares]))
    wrong = [step.name for _, step in left if done[step.name][1]]
    say(f"\n{len(chosen)} steps in {(time.monotonic() - started) / 60:.1f} minutes")
    if wrong:
        say(f"failed: {', '.join(wrong)}")
    passed, failed = (sum(result[i] for result in done.values()) for i in (0, 1))
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
