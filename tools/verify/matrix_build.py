"""One cell of `make matrix`: both builds from one folder, and the smoke set on both."""

import difflib
import re
import shutil
import subprocess
from collections import namedtuple

from dropin.builds import warnings_of_ours

from tools.build import unix
from tools.common import BUILD, ROOT, Fail, clean_env
from tools.setup.targets import TARGETS, missing_for
from tools.verify.matrix_cells import SCRIPTS

VARIANT = ROOT / "tools" / "build" / "variants" / "matrix"
# The port's Makefile, with a gc.c of our own making: what an edit of the C switches on.
EDITED = VARIANT / "edited.mk"
HEAP = "512K"
SECONDS = 120
# tests/matrix/hook.py makes that many chunks, and the hook comes once for each at least.
HOOKED_CHUNKS = 2000
# Marks of a collection: what a stale word keeps may differ between two builds.
MARKS_MAY_DIFFER = 0.02

Run = namedtuple("Run", "status out err marks")


class Stopped(Exception):
    """A build that ended with a message."""


def last_lines(text, n=6):
    return " | ".join(line.strip()[:200] for line in text.strip().splitlines()[-n:])


class Builder:
    """Both sides of one cell in one folder: all objects but those of the four files are shared."""

    def __init__(self, tree, cell, folder, mpy_cross, scripts):
        self.tree, self.cell, self.folder, self.scripts = tree, cell, folder, scripts
        self.mpy_cross = mpy_cross
        self.env = unix.build_env(tree)

    def words(self, field):
        return [word for entry in self.cell.options for word in entry.get(field, [])]

    def make(self, side, target=""):
        """The program of one side; or only one target of it."""
        cflags = " ".join(entry["cflags"] for entry in self.cell.options if "cflags" in entry)
        command = ["make", "-j1", "-C", self.tree.path / "ports" / "unix"]
        command += (
            ["-f", unix.WRAPPER]
            if side == "rust"
            else ["-f", EDITED, f"MATRIX_GC={self.edited_gc()}"]
        )
        command += [
            f"VARIANT_DIR={VARIANT}",
            "STRIP=",
            f"MICROPY_MPYCROSS={self.mpy_cross}",
            f"BUILD={self.folder / 'made'}",
        ]
        command += [
            f"CFLAGS_EXTRA={cflags}",
            *self.words("make"),
            *(self.words("mpgc") if side == "rust" else []),
        ]
        command += [self.folder / "made" / target] if target else []
        log = self.folder / f"{side}.log"
        with open(log, "w") as out:
            out.write(" ".join(map(str, command)) + "\n")
            out.flush()
            done = subprocess.run(
                [str(word) for word in command],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
        text = log.read_text(errors="replace")
        if side == "rust" and warnings_of_ours(text):
            raise Fail(
                f"{self.cell.name}: the build warns of mpgc's own sources: "
                f"{' | '.join(warnings_of_ours(text))}"
            )
        if done.returncode:
            # where make itself finds the fault, its file and line come first
            text = re.sub(r"^.*\*\*\* mpgc: (.*?)\.  Stop\.$", r"mpgc: error: \1", text, flags=re.M)
            errors = re.findall(
                r"^(?:mpgc: error: .*|.*: error: .*|.*#error .*|.*undefined reference.*)$",
                text,
                re.M,
            )
            raise Stopped(errors[0] if errors else last_lines(text))
        if target:
            return self.folder / "made" / target
        program = self.folder / "made" / "micropython"
        unix.prove(program, side, self.proof())
        (self.folder / side[0]).mkdir(exist_ok=True)
        # The paths of both are equally long: they are in the heap.
        shutil.copy(program, self.folder / side[0] / "micropython")
        return self.folder / side[0] / "micropython"

    def proof(self):
        """Functions that only one of the two builds has; link-time optimisation leaves no trace of
        the C's.
        """
        if any("-flto" in word for word in self.words("make")):
            return ()
        without_heap = any(
            "MATRIX_ENABLE_GC=0" in entry.get("cflags", "") for entry in self.cell.options
        )
        return ("nlr_jump",) if without_heap else ("gc_alloc", "nlr_jump")

    def edited_gc(self):
        """The C with the edits of this cell, or nothing."""
        edits = self.words("c_edits")
        if not edits:
            return ""
        text = (self.tree.path / "py" / "gc.c").read_text()
        for old, new in edits:
            if text.count(old) != 1:
                raise Fail(
                    f"{self.cell.name}: py/gc.c of {self.tree.release} has {old!r} "
                    f"{text.count(old)} times, not once"
                )
            text = text.replace(old, new)
        path = self.folder / "gc.c"
        path.write_text(text)
        return path


def normal(text):
    """Without what may differ: addresses, and how deep the C stack is, which is up to the
    compiler.
    """
    text = re.sub(r"^stack: \d+ out of", "stack: DEPTH out of", text, flags=re.M)
    return re.sub(r"\b0x[0-9a-f]+|(?<=from )[0-9a-f]{6,}", "ADDRESS", text)


def run_script(program, script, heap):
    """A script's output and exit status. The addresses are the same each time, as far as the kernel
    allows.

    Without a collector the program has no option for the size of a heap: then `heap` is empty.
    """
    size = ["-X", f"heapsize={heap}"] if heap else []
    command = ["setarch", "-R", str(program), *size, f"{script}.py"]
    try:
        done = subprocess.run(
            command,
            cwd=SCRIPTS,
            env=clean_env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Run(f"no end after {SECONDS} s", "", "", 0)
    marks = len(re.findall(r"^gc_mark\(.*\n", done.stdout, re.M))
    return Run(
        done.returncode,
        normal(re.sub(r"gc_mark\(.*\n", "", done.stdout)),
        normal(done.stderr),
        marks,
    )


def hooks(run):
    """(calls in a collection, calls in allocation) that tests/matrix/hook.py prints."""
    found = re.search(r"^HOOKS (\d+) (\d+)$", run.out, re.M)
    return tuple(map(int, found.groups())) if found else None


def difference(c, rust, stderr):
    """What differs, in a few lines; nothing if nothing does."""
    if c.status != rust.status:
        return (
            f"C ends with {c.status}, Rust with {rust.status}; Rust says: "
            f"{last_lines(rust.err or rust.out, 3)}"
        )
    if hooks(c) and hooks(rust):
        # In a collection it is called as often as in C, except for chunks that a stale word keeps.
        if hooks(rust)[0] < (1 - MARKS_MAY_DIFFER) * hooks(c)[0] or hooks(rust)[1] < HOOKED_CHUNKS:
            return (
                f"the hook is called {hooks(rust)} times, in C {hooks(c)} times (collect, "
                "allocation)"
            )
        return ""
    if abs(c.marks - rust.marks) > MARKS_MAY_DIFFER * max(c.marks, rust.marks):
        return f"C tells of {c.marks} marks, Rust of {rust.marks}"
    for name, a, b in (("prints", c.out, rust.out), ("says", c.err, rust.err)):
        if name == "says" and stderr == "own words":
            if not a or not b:
                return f"{'C' if not a else 'Rust'} prints nothing"
        elif a != b:
            lines = list(
                difflib.unified_diff(a.splitlines(), b.splitlines(), "C", "Rust", lineterm="", n=0)
            )
            return f"Rust {name} something else: " + " | ".join(line[:160] for line in lines[2:8])
    return ""


def smoke(builder, control, program, heap, stderr, marks):
    """Run the scripts on both. Returns ({script: what differs or how it went}, notes)."""
    results, notes = {}, []
    for script, applies in builder.scripts.items():
        c, rust = run_script(control, script, heap), run_script(program, script, heap)
        wrong = difference(c, rust, stderr)
        skipped = "SKIP" in rust.out
        if not wrong and skipped == applies:
            wrong = (
                "the script says that it does not apply"
                if skipped
                else "it ran, and the table says that it does not apply"
            )
        if not wrong and rust.status not in (0, 7):
            wrong = f"both end with {rust.status}: {last_lines(rust.err or rust.out, 3)}"
        # Scripts print True or False for what they check.
        if not wrong and re.search(r"\bFalse\b", rust.out):
            wrong = "both say False: " + " | ".join(
                line for line in rust.out.splitlines() if "False" in line
            )
        if not wrong and marks and not rust.marks:
            wrong = "no mark was printed"
        if hooks(rust) and hooks(c):
            notes.append("hook: C {} and {}, mpgc {} and {} calls".format(*hooks(c), *hooks(rust)))
        if rust.marks:
            notes.append(f"{script}: C {c.marks}, mpgc {rust.marks} marks")
        results[script] = f"DIFFERS: {wrong}" if wrong else "skipped" if skipped else "equal"
    return results, notes


def missing(cell):
    """Why a cell cannot run on this machine; empty if it can."""
    for entry in cell.options:
        if "tool" in entry and not shutil.which(entry["tool"]):
            return (
                f"`{entry['tool']}` is not in PATH: `make matrix` installs it as root "
                "(`python3 -m tools deps --matrix`)"
            )
        if "target" in entry and missing_for(TARGETS[entry["target"]]):
            return missing_for(TARGETS[entry["target"]])
    return ""


def setting(cell, field, otherwise=""):
    return next((entry[field] for entry in cell.options if field in entry), otherwise)


def number(release):
    return tuple(int(part) for part in release.split("-")[0].split(".")[:2])


def stops_here(tree, cell):
    """The words of the message that mpgc's build of this cell ends with; nothing if it builds."""
    for last in (setting(cell, "since"), setting(cell, "fixed_since")):
        if last and number(tree.release) >= number(last):
            return ""
    return setting(cell, "stops")


def expect_stop(builder, stops):
    """mpgc's build of this cell ends with one message that holds these words."""
    try:
        builder.make("rust", "py/gc.o")
    except Stopped as stopped:
        said = str(stopped)
        if said.startswith("mpgc: error: ") and stops in said:
            return {"result": "stops", "message": said.removeprefix("mpgc: error: ")}
        return {"result": "wrong", "message": f"the message does not contain {stops!r}: {said}"}
    return {
        "result": "wrong",
        "message": f"mpgc builds; its build was to stop and to say {stops!r}",
    }


def run_cell(tree, cell, scripts, folder, mpy_cross, default_control):
    """Build and try one cell. Returns its result as a dict; `result` is ok, stops, missing or
    wrong.
    """
    absent = missing(cell)
    if absent:
        return {"result": "missing", "message": absent}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    builder = Builder(tree, cell, folder, mpy_cross, scripts)
    stops, c_stops = stops_here(tree, cell), setting(cell, "c_stops", False)
    c_said = ""
    if stops and not c_stops:
        return expect_stop(builder, stops)
    try:
        control = builder.make("c")
    except Stopped as stopped:
        c_said = str(stopped)
    if bool(c_said) != c_stops:
        return {
            "result": "wrong",
            "message": f"the C control: {c_said}"
            if c_said
            else "the C builds; the table says that it does not",
        }
    if stops:
        result = expect_stop(builder, stops)
        return result | {"message": f"{result['message']} (C: {c_said})"}
    try:
        program = builder.make("rust")
    except Stopped as stopped:
        said = str(stopped)
        if c_stops:
            return {"result": "stops", "message": f"with C and with mpgc: {c_said}"}
        return {"result": "wrong", "message": f"mpgc's build: {said}"}
    if c_stops:
        return {"result": "wrong", "message": "mpgc builds, and the C does not"}
    if setting(cell, "control") == "default":
        control = default_control
        if not control.is_file():
            raise Fail(
                f"{cell.name} is compared with the default cell's C, which is not built: add it, "
                f"ONLY=default,{cell.name}"
            )
    results, notes = smoke(
        builder,
        control,
        program,
        setting(cell, "heap", HEAP),
        setting(cell, "stderr"),
        setting(cell, "marks", False),
    )
    wrong = [f"{script}: {text}" for script, text in results.items() if text.startswith("DIFFERS")]
    return {
        "result": "wrong" if wrong else "ok",
        "message": "; ".join(wrong or notes),
        "scripts": results,
    }


def tidy(folder, keep):
    """Keep the programs, and the other files only of failed cells."""
    if not keep:
        shutil.rmtree(folder / "made", ignore_errors=True)


def relative_folder(tree):
    return BUILD / "matrix" / unix.tree_key(tree)
