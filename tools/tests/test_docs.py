"""What the documents name exists: files, functions, tests, make targets, variables, options,
anchors.

Names are those in `backticks`, and the commands in code blocks. A name that is not ours must be
MicroPython's, if a tree is at hand to look for it (`make tree`).
"""

import fnmatch
import functools
import re
import subprocess
import unittest
from pathlib import Path

from tools.arguments import FOR_ALL, FOR_OTHERS, option
from tools.common import ROOT
from tools.setup.tree import TESTED_RELEASES
from tools.tasks import TASKS, variables_of

# The changelog may name what is gone.
DOCUMENTS = [path for path in sorted(ROOT.glob("*.md")) if path.name != "CHANGELOG.md"]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "c-tests").rglob("README.md"))
FILE = re.compile(
    r"[\w.*/-]*\.(rs|c|h|py|toml|md|mk|cmake|ld|json|svg|xz|S|patch|mjs)|[\w.*-]+/[\w.*/-]*"
)
NAME = re.compile(r"[A-Za-z_]\w*(::\w+)*(\(.*\)|!|\*)?")
UPSTREAM_FOLDERS = (
    "py/",
    "ports/",
    "extmod/",
    "thread/",
    "lib/",
    "shared/",
    "basics/",
    "boards/",
    "examples/",
)
# Names of other programs, and words that are no name at all.
OTHERS = {
    "compile_commands.json",
    "compiler_builtins",
    "lossy_provenance_casts",
    "fuzzy_provenance_casts",
    "on/off",
}


def listed():
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return {name for name in done.stdout.splitlines() if (ROOT / name).is_file()}


@functools.cache
def files():
    """The files of this repository, and the folders that they lie in."""
    names = listed()
    return names | {str(folder) for name in names for folder in Path(name).parents}


def text_of(names):
    return "\n".join((ROOT / name).read_text(errors="replace") for name in sorted(names))


@functools.cache
def sources():
    """All that is written here but for documents: what a document speaks of is somewhere in it."""
    kinds = (
        ".rs",
        ".c",
        ".h",
        ".py",
        ".toml",
        ".mk",
        ".cmake",
        ".cpp",
        ".S",
        ".ld",
        ".in",
        ".sh",
        "Makefile",
        ".lisp",
    )
    own = Path(__file__).name
    return text_of(name for name in listed() if name.endswith(kinds) and not name.endswith(own))


@functools.cache
def trees():
    """The MicroPython trees at hand: their files and folders, and the words of those that documents
    speak of. None if one of the tested releases is missing, since it may be the one that has them.
    """
    found, words = set(), set()
    folder = ROOT / "build" / "trees"
    if not all((folder / f"micropython-{release}").is_dir() for release in TESTED_RELEASES):
        return found, words
    for tree in sorted(folder.glob("micropython-*")):
        for path in tree.rglob("*"):
            name = path.relative_to(tree)
            found.add(str(name))
            if path.suffix in (".c", ".h", ".mk", ".cmake") and name.parts[0] in (
                "py",
                "shared",
                "extmod",
            ):
                words |= words_of(path.read_text(errors="replace"))
            elif path.suffix == ".py":
                # a test is called as its file is
                words.add(path.stem)
    return found, words


def words_of(text):
    return set(re.findall(r"\w+", text))


@functools.cache
def own_words():
    return words_of(sources())


def has_word(words, word):
    """Whether a word is among these; `gc_` stands for all that begin so, and `_AUTO` for all that
    end so.
    """
    if word.endswith("_"):
        return any(other.startswith(word) for other in words)
    return word in words or (word.startswith("_") and any(other.endswith(word) for other in words))


def exists(path, among):
    """Whether a path, or the end of one, is among these; `*` stands for anything."""
    path = path.removeprefix("./").rstrip("/")
    if "*" in path:
        return any(
            fnmatch.fnmatch(name, path) or fnmatch.fnmatch(name, "*/" + path) for name in among
        )
    return path in among or any(name.endswith("/" + path) for name in among)


def wrong_file(path):
    if exists(path, files()) or path in OTHERS:
        return None
    if path.startswith(("build/", "docs/results/")) or "/" not in path:
        # what a tool writes, or a file of a port, is named by some source
        if path.rstrip("/").split("/")[-1].split(".")[0] in sources():
            return None
    may_be_upstreams = path.startswith(UPSTREAM_FOLDERS) or "/" not in path
    if exists(path, trees()[0]) or (not trees()[0] and may_be_upstreams):
        return None
    # an object of MicroPython's
    source = re.sub(r"\.o(bj)?$", ".c", path.removesuffix(".obj"))
    return (
        None if source != path and exists(source, trees()[0] | {"py/gc.c"}) else f"no file `{path}`"
    )


def wrong_name(name):
    bare = re.sub(r"\(.*\)$|[!*]$", "", name)
    parts = bare.split("::")
    if name in OTHERS or not ("_" in bare or len(parts) > 1):
        return None
    if len(parts) > 1:
        what, last = parts[-2:]
        if (
            re.search(rf"\bfn {last}\b|\b(const|struct|enum|type) {last}\b", sources())
            and what in own_words()
        ):
            return None
    elif has_word(own_words(), bare) or has_word(trees()[1], bare):
        return None
    elif not trees()[0] and not bare.lower().startswith("mpgc_"):
        # it may be MicroPython's
        return None
    return f"nothing is called `{name}`"


def wrong_task(command):
    """A command line of make, or of the tools: the task is there, and takes these variables and
    options.
    """
    after = re.sub(r"^(make|python3 -m tools)", "", command).split()
    if any("<" in word for word in after) or (
        command.startswith("make") and any(w.startswith("-") for w in after)
    ):
        return None
    name = next((word for word in after if re.fullmatch(r"[a-z][a-z-]*", word)), None)
    if name and name not in TASKS:
        return f"no make target `{name}`"
    takes = {*variables_of(TASKS[name]), *FOR_ALL} if name else set()
    for variable in re.findall(r"(?<=\s)([A-Z_]+)=", command) if name else []:
        if variable not in takes and not variable.startswith(FOR_OTHERS):
            return f"`{name}` knows no {variable} (`{command}`)"
    known = text_of({f"tools/{TASKS[name].module.replace('.', '/')}.py"}) if name else ""
    for flag in re.findall(r"(?<=\s)--[a-z][a-z-]*", command) if name else []:
        if f'"{flag}"' not in known and flag not in map(option, takes):
            return f"`{name}` knows no {flag}"
    return None


def wrong_command(command):
    """A command line: a task with its variables, or a script with its options."""
    words = command.split()
    if words[0] == "make" or command.startswith("python3 -m tools"):
        return wrong_task(command)
    script = next(
        (
            word
            for word in words[:2]
            if re.fullmatch(r"(tools|micropython-patches)/[\w/]+\.py", word)
        ),
        None,
    )
    if script:
        if script not in files():
            return f"no file `{script}`"
        known = text_of({script})
        for flag in re.findall(r"(?<=\s)--[a-z][a-z-]*", command):
            if f'"{flag}"' not in known:
                return f"{script} knows no {flag}"
    return None


def wrong_pair(name, path):
    """`name`, `file`: the file defines it."""
    last = re.sub(r"\(.*\)$|!$", "", name).split("::")[-1]
    among = [file for file in listed() if file == path or file.endswith("/" + path)]
    kinds = "fn|struct|enum|trait|type|const|static|union|macro_rules!|def|class|import_name"
    defined = rf"\b({kinds}) {last}\b|\b{last}\("
    if among and not any(re.search(defined, (ROOT / file).read_text()) for file in among):
        return f"`{path}` does not define `{name}`"
    return None


def slug(heading):
    text = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(text):
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    return {slug(line) for line in re.findall(r"^#+ (.*)$", text, re.M)} | set(
        re.findall(r'<a id="([^"]+)">', text)
    )


def wrong_link(document, target):
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    file = (document.parent / path).resolve() if path else document
    if not file.exists() and file.parent.name == "results" and file.stem in own_words():
        # a command writes it
        return None
    if not file.exists():
        return f"no file for the link {target}"
    if anchor and anchor not in anchors(file.read_text()):
        return f"no anchor for the link {target}"
    return None


def faults(document, text):
    """What is wrong in a document, each with its line."""
    found = []
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        if line.startswith("    "):
            command = line.split("#")[0].strip()
            wrong = (
                [wrong_command(command)]
                if command.startswith(("make ", "tools/", "python3 "))
                else []
            )
        else:
            wrong = [
                wrong_link(document, target) for target in re.findall(r"\]\(([^)\s]+)\)", line)
            ]
            for quoted in re.findall(r"`([^`]+)`", line):
                if re.match(r"(make|python3 -m tools|tools/\S+|micropython-patches/\S+) ", quoted):
                    wrong.append(wrong_command(quoted))
                elif (
                    "<" not in quoted
                    and FILE.fullmatch(quoted)
                    and not quoted.startswith((".", "*", "-"))
                ):
                    wrong.append(wrong_file(quoted))
                elif NAME.fullmatch(quoted):
                    wrong.append(wrong_name(quoted))
            for name, path in re.findall(r"`([\w:!()]+)`(?:, | \()`([\w/]+\.(?:rs|c|h|py))`", line):
                if not FILE.fullmatch(name):
                    wrong.append(wrong_pair(name, path))
        found += [f"{document.name}:{number}: {what}" for what in wrong if what]
    return found


class Documents(unittest.TestCase):
    def test_all_that_they_name_exists(self):
        found = [
            fault for document in DOCUMENTS for fault in faults(document, document.read_text())
        ]
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_each_kind_of_fault_is_noticed(self):
        planted = {
            "see [this](docs/nowhere.md)": "no file for the link",
            "see [this](README.md#nowhere)": "no anchor",
            "in `heap/nowhere.rs`": "no file `heap/nowhere.rs`",
            "in `src/nowhere/`": "no file `src/nowhere/`",
            "`Heap::nowhere` does it": "nothing is called",
            "`Heap::alloc`, `heap/sweep.rs`": "does not define",
            "`make nowhere` does it": "no make target",
            "    make nowhere # does it": "no make target",
            "`make twins NOWHERE=1`": "knows no NOWHERE",
            "`python3 -m tools twins --nowhere`": "knows no --nowhere",
            "set `MPGC_NOWHERE`": "nothing is called",
        }
        if trees()[0]:
            planted["the test `a_test_that_nobody_has_written`"] = "nothing is called"
        for line, said in planted.items():
            found = faults(ROOT / "README.md", line)
            self.assertTrue(found and said in found[0], f"{line}: {found}")

    def test_what_exists_is_left_alone(self):
        for line in (
            "[this](docs/upstream.md#d1), [that](docs/metal.md#size), [out](https://example.org/x#y)",
            "`src/heap/`, `heap/alloc.rs`, `py/gc.c`, `alloc_table.rs`, `c-tests/stress`",
            "`Heap::alloc`, `heap/alloc.rs`; `make twins CONFIG=split OPS=1000`; `MPGC_HARDENED=1`",
            "    make bench CASE=fill   # measures",
        ):
            self.assertEqual(faults(ROOT / "README.md", line), [])


# What is measured: a number by itself in a cell, with or without a unit.
FIGURE = re.compile(r"\W*\d[\d.,]*( ?(ns|us|ms|s|KB|MB|kB|bytes|%|million|minutes))?\W*")
DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")
MACHINE = re.compile(r"\b(Intel|AMD|Xeon|EPYC|Ryzen)\b")
OUTCOME = re.compile(r"\b\d+ passed, \d+ failed")
STAMP = re.compile(
    r"(Written by `[^`]+` at commit [0-9a-f]+(-dirty)? on 20\d\d-\d\d-\d\d; .+\."
    r"|Entered by hand in commit [0-9a-f]+ on 20\d\d-\d\d-\d\d; .+; `[^`]+` renews it\."
    r"|Measured by hand at commit [0-9a-f]+ on 20\d\d-\d\d-\d\d; .+; no command writes it\.)"
)
RESULTS = ROOT / "docs" / "results"


def measured(text):
    """The lines of a page that hold what was measured, each with its number."""
    found, code = [], False
    for number, line in enumerate(text.splitlines(), 1):
        code ^= line.startswith("```")
        cells = line.strip("| ").split("|") if line.startswith("|") else []
        figures = sum(bool(FIGURE.fullmatch(cell.strip())) for cell in cells)
        marks = any(pattern.search(line) for pattern in (DATE, MACHINE, OUTCOME))
        if not code and (figures >= 2 or marks):
            found.append(f"{number}: {line[:80]}")
    return found


class Results(unittest.TestCase):
    """What was measured stands in docs/results, where a command writes it."""

    def test_pages_of_prose_hold_no_figure_that_was_measured(self):
        pages = [page for page in DOCUMENTS if RESULTS not in page.parents]
        found = [f"{page.name}:{line}" for page in pages for line in measured(page.read_text())]
        self.assertEqual(found, [], "move this to docs/results:\n" + "\n".join(found))

    def test_each_page_of_results_says_where_it_comes_from(self):
        for page in sorted(RESULTS.glob("*.md")):
            lines = page.read_text().splitlines()
            self.assertRegex(lines[0], "^# ", page.name)
            self.assertRegex(lines[2], STAMP, page.name)

    def test_a_figure_is_noticed_and_what_is_none_is_not(self):
        for line in (
            "| fill | 1.15 | 1.17 |",
            "| `gc.collect()` | 8 MB | 276 us | 12 |",
            "run on 2026-11-29",
            "on an AMD EPYC",
            "`make threads`: 30 passed, 0 failed",
        ):
            self.assertEqual(len(measured(line)), 1, line)
        for line in (
            "| 0 to 6 | `mpgc-sn` |",
            "| the heap | `make twins` | 2 |",
            "ends with `N passed, N failed`",
        ):
            self.assertEqual(measured(line), [], line)


if __name__ == "__main__":
    unittest.main()
