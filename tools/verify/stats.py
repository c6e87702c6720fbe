"""Compares the figures of MPGC_STATS=1 with what a program has done (tests/python/stats.py),
and the trace of MPGC_TRACE=1 with the figures (tests/python/trace.py).
"""

import json
import re

from tools.build import unix
from tools.common import BUILD, ROOT, Fail, clean_env, run_caught, say, shown
from tools.setup import options as option_names
from tools.setup.tree import get_tree

SCRIPT = ROOT / "tests" / "python" / "stats.py"
TRACE_SCRIPT = ROOT / "tests" / "python" / "trace.py"
WORK = BUILD / "stats"
# What the script claims; with the Python stack, for it is looked at too.
CLAIMS = 17
OPTIONS = "pystack"
# The build that `make snapshot` takes too.
WORDS = ("MPGC_STATS=1", "MPGC_TRACE=1", "MPGC_PYTHON_MODULE=1")


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse(OPTIONS)
    options = options._replace(build_slug=f"{options.build_slug}-stats")
    program = unix.build(tree, "standard", "rust", options, *WORDS).program
    figures_are_those_of_the_program(program)
    the_trace_has_what_the_figures_count(program)
    return 0


def figures_are_those_of_the_program(program):
    done = run_caught([str(program), str(SCRIPT)])
    held = re.findall(r"^\w+ holds", done.stdout, re.M)
    if done.returncode != 0 or "is wrong" in done.stdout or len(held) != CLAIMS:
        raise Fail(
            f"{shown(SCRIPT)} on {shown(program)} ended with status {done.returncode}, "
            f"{len(held)} of {CLAIMS} claims hold:\n{done.stdout}"
        )
    say(f"{CLAIMS} claims about the figures hold")


def the_trace_has_what_the_figures_count(program):
    """The ring and the file that the environment names are JSON with each collection."""
    WORK.mkdir(parents=True, exist_ok=True)
    ring, file = WORK / "ring.json", WORK / "trace.json"
    done = run_caught(
        [str(program), "-X", "heapsize=200k", str(TRACE_SCRIPT), str(ring)],
        env=clean_env(MPGC_TRACE=str(file)),
    )
    words = done.stdout.split()
    if done.returncode != 0 or len(words) != 4:
        raise Fail(f"{shown(TRACE_SCRIPT)} ended with status {done.returncode}:\n{done.stdout}")
    collections, asked, freed, failures = map(int, words)
    if asked != 6 or not collections > asked or not failures:
        raise Fail(f"{shown(TRACE_SCRIPT)} has other collections than it asks for: {done.stdout}")
    for path in (ring, file):
        found = read_trace(path)
        # the program's end sweeps once more
        del found[collections:]
        if len(found) != collections:
            raise Fail(f"{shown(path)} has {len(found)} collections, of {collections}")
        if sum(event["args"]["reason"] == "asked" for event in found) != asked:
            raise Fail(f"{shown(path)} has not {asked} collections that were asked for")
        if sum(event["args"]["freed_objects"] for event in found) != freed:
            raise Fail(f"{shown(path)} has not the {freed} objects that were freed")
        failed = [event for event in events(path) if event["name"] == "allocation failed"]
        if len(failed) != failures or max(e["args"]["bytes"] for e in failed) < 1 << 30:
            raise Fail(f"{shown(path)} has {len(failed)} failures, of {failures}")
    say(f"{collections} collections and {failures} failures are in the ring and in the file")


def events(path):
    return json.loads(path.read_text())


def read_trace(path):
    """The collections of a trace, whose phases make up each."""
    found = [event for event in events(path) if event["ph"] == "X"]
    collections = [event for event in found if event["name"] == "collect"]
    phases = [event for event in found if event["name"] in ("mark", "sweep")]
    counters = [event for event in events(path) if event["ph"] == "C"]
    if len(phases) != 2 * len(collections) or len(counters) != len(collections):
        raise Fail(f"{shown(path)} has not two phases and a counter for each collection")
    last = 0
    for whole, mark, sweep, counter in zip(
        collections, phases[0::2], phases[1::2], counters, strict=True
    ):
        end = whole["ts"] + whole["dur"]
        good = whole["ts"] >= last and mark["ts"] == whole["ts"] and counter["ts"] == end
        good = good and sweep["ts"] == mark["ts"] + mark["dur"]
        if not good or sweep["ts"] + sweep["dur"] != end:
            raise Fail(f"{shown(path)}: the phases of a collection do not make it up: {whole}")
        last = end
    return collections
