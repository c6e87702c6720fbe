"""What include/mpgc.h and the tables of docs/firmware.md promise, sentence by sentence, and the
test of each.

docs/promises.md lists the sentences and the tests. tools/tests/test_promises.py compares that list
with the header, the tables and the tests that there are.
"""

import re

from tools.common import ROOT

HEADER = ROOT / "include" / "mpgc.h"
FIRMWARE = ROOT / "docs" / "firmware.md"
LIST = ROOT / "docs" / "promises.md"
# In place of a test: the sentence promises nothing, it asks something of the program.
ASKED = "asked of the program"
# Where tests are, and how one is written there.
TESTS = {
    "c-tests/firmware/*.c": r"\bRUN\((\w+)\)",
    "src/**/*.rs": r"#\[test\]\s+(?:#\[[^\n]*\]\s+)*fn (\w+)",
    "tests/*.rs": r"#\[test\]\s+(?:#\[[^\n]*\]\s+)*fn (\w+)",
    "tools/tests/*.py": r"\bdef (test_\w+)",
    "tools/build/firmware*.py": r"\ndef (\w+)",
    "tools/verify/*.py": r"\ndef (\w+)",
    "micropython-patches/dropin/*.py": r"\ndef (\w+)",
    "c-tests/twins/src/*.rs": r"\bfn (\w+)",
}


def tests():
    """The names of all the tests that a sentence may name."""
    names = set()
    for files, pattern in TESTS.items():
        for path in ROOT.glob(files):
            names.update(re.findall(pattern, path.read_text(errors="replace")))
    return names


def sentences(text):
    """The sentences of a paragraph, each in one line."""
    text = re.sub(r"\s+", " ", text).strip()
    return [
        part for part in re.split(r"(?<=[^.]\.) (?=[A-Z`(])|(?<=\.\)) (?=[A-Z`])", text) if part
    ]


def paragraphs(comment):
    """The paragraphs of a comment's lines, without examples, which are indented, and what is asked
    of the caller.
    """
    kept = [line for line in comment if not line.startswith("    ")]
    text = "\n".join(kept).split("# Safety\n")[0]
    return [part for part in re.split(r"\n\s*\n", text) if part.strip()]


# What a line of the header declares, in the order in which they are tried.
DECLARATIONS = (
    r"^#define (\w+)",
    r"^typedef (?:enum|struct) (\w+)",
    r"\(\*(\w+)\)",
    r"\b(mpgc_\w+)\(",
    r"^\s*(\w+) =",
    r"(\w+)(?:\[\w+\])?[;,]",
)


def declared(line):
    found = (re.search(pattern, line) for pattern in DECLARATIONS)
    return next((match[1] for match in found if match), "")


def promises(text):
    """(what it is of, sentence) of each sentence of the header's comments behind the guard, in
    order.
    """
    comment, scope = [], ""
    for line in text[text.index("#ifndef") :].splitlines():
        said = re.match(r"\s*// ?(.*)", line)
        if said:
            comment.append(said[1])
            continue
        if line.startswith("}"):
            scope = ""
        name = declared(line)
        if not comment or not name:
            # a conditional, a closing brace, or a macro before a function
            comment = comment if line.startswith("MPGC_") else [] if not line.strip() else comment
            continue
        opens = line.startswith("typedef") and line.endswith("{")
        of = f"{scope}.{name}" if scope and line.startswith(" ") else name
        for paragraph in paragraphs(comment):
            for sentence in sentences(paragraph):
                yield of, sentence
        scope = name if opens else scope
        comment = []


def listed(text):
    """(what it is of, sentence, tests) of each row of the list."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 3 and cells[0] != "of":
            yield cells[0].strip("`"), cells[1], cells[2]


def table_tests(text):
    """(row, the names of its tests) of the table of docs/firmware.md that says what happens when
    something is wrong.
    """
    part = text[text.index("## When something is wrong") :]
    for line in part[: part.index("\n## ", 3)].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells[0] != "what":
            yield cells[0], re.findall(r"`(\w+)`", cells[-1])


def table_files(text):
    """The files that docs/firmware.md names in its table of the example."""
    part = text[text.index("## The example") :]
    rows = [line for line in part[: part.index("\n## ", 3)].splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([\w/*.]+)`", row.split(" | ")[0])]


def table_sizes(text):
    """{board: (KB of flash, KB of RAM)} of the table of docs/firmware.md."""
    rows = re.findall(r"^\| (\w+) \([^)]*\) \| (\d+) KB \| (\d+) KB", text, re.M)
    return {board: (int(flash), int(ram)) for board, flash, ram in rows}
