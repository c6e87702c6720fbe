"""What include/mpgc.h and the tables of docs/firmware.md promise, sentence by sentence, and the test of each.

docs/promises.md lists them. tools/tests/test_promises.py compares that list with the header, the tables and the tests.
"""

import re

from common import ROOT

HEADER = ROOT / "include" / "mpgc.h"
FIRMWARE = ROOT / "docs" / "firmware.md"
LIST = ROOT / "docs" / "promises.md"
# Where a full stop ends no sentence.
NO_END = ("e.g.", "i.e.")


def sentences(text):
    """The sentences of a comment, each in one line."""
    text = re.sub(r"\s+", " ", text).strip()
    found, start = [], 0
    # a sentence ends before a capital, a backquoted word or an open parenthesis
    for end in re.finditer(r"[.:]\)? (?=[A-Z`(])", text):
        part = text[start:end.end()].strip()
        if end[0].startswith(":") or part.endswith(NO_END):
            continue
        found.append(part)
        start = end.end()
    return [part for part in [*found, text[start:].strip()] if part]


def paragraphs(comment):
    """The paragraphs of the lines of a comment, without the examples, which are indented."""
    kept = [line for line in comment if not line.startswith("    ")]
    return [part for part in re.split(r"\n\s*\n", "\n".join(kept)) if part.strip()]


def blocks(text):
    """(lines of a comment, the line of code behind it) of a header, the part above its guard left out."""
    comment, lines = [], text[text.index("#ifndef"):].splitlines()
    for line in lines:
        match = re.match(r"\s*// ?(.*)", line)
        if match:
            comment.append(match[1])
        elif comment and line.strip() and not line.strip().startswith("#if"):
            yield comment, line.strip()
            comment = []
        elif not line.strip():
            comment = []


def header_promises(text):
    """(name, sentence) of each sentence of the header's comments, in order."""
    scope = ""
    for comment, code in blocks(text):
        name = declared_name(code)
        if code.startswith(("typedef enum", "typedef struct")):
            scope = name
        elif code.startswith(("typedef", "#define", "extern")) or "(" in code:
            scope = ""
        full = f"{scope}.{name}" if scope and scope != name else name
        for paragraph in paragraphs(comment):
            for sentence in sentences(re.sub(r"^# Safety\n", "Safety: ", paragraph)):
                yield full, sentence


def declared_name(code):
    """The name that a line of the header declares."""
    for pattern in (r"#define (\w+)", r"typedef (?:enum|struct) (\w+)", r"\(\*(\w+)\)", r"(\w+)\(", r"(\w+)(?:\[\w+\])?[;,]", r"(\w+) ="):
        match = re.search(pattern, code)
        if match:
            return match[1]
    return code


def table_promises(text):
    """(first cell, second cell) of each row of the table of errors."""
    part = text[text.index("## When something is wrong"):]
    part = part[:part.index("\n## ", 5)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| ")]
    return [(row[0], row[1], row[2]) for row in rows[1:]]
