"""Comments have lines of at most 100 columns, and no words that docs/glossary.md replaces."""

import ast
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COLUMNS = 100
# A comment of each language, from where it begins to the end of its line. An address in a string is
# none.
SLASHES = re.compile(r"(^|\s)(//|/\*)(\s|!|/).*|^\s*\* .*")
# The same where comments begin with a number sign, in Python outside of strings.
HASHES = re.compile(r"^\s*#( |$)|\S\s{2,}# ")
HASHED = (
    "mpgc-object",
    ".py",
    ".mk",
    "Makefile",
    "CMakeLists.txt",
    ".cmake",
    ".toml",
    ".yml",
    "options.txt",
)
# Programs whose bytecode has the numbers of their lines, and whose heaps are counted.
COUNTED = ("benches/memory/", "tests/matrix/", "tests/python/")
# Written by upstream: names and text are theirs.
THEIRS = ("micropython-patches/known_files.txt",)


def files(*suffixes):
    command = ["git", "ls-files", *("*" + suffix for suffix in suffixes)]
    listed = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.split()
    return [name for name in listed if name not in THEIRS and (ROOT / name).is_file()]


def long_comments(text, comment=SLASHES):
    """The lines with a comment that are too long, each with its number."""
    return [
        (n, line)
        for n, line in enumerate(text.splitlines(), 1)
        if len(line) > COLUMNS and comment.search(line)
    ]


def long_docstrings(text):
    """The numbers of the lines of docstrings that are too long."""
    found = []
    for node in ast.walk(ast.parse(text)):
        first = node.body[0] if getattr(node, "body", None) and ast_has_docstring(node) else None
        if first:
            lines = text.splitlines()[first.lineno - 1 : first.end_lineno]
            found += [first.lineno + n for n, line in enumerate(lines) if len(line) > COLUMNS]
    return found


def ast_has_docstring(node):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


class Columns(unittest.TestCase):
    def test_a_long_comment_is_found_and_long_code_is_not(self):
        code = "    call(" + "argument, " * 12 + ");"
        self.assertEqual(
            long_comments("\n".join([code, "/// " + "word " * 22, "// short"])),
            [(2, "/// " + "word " * 22)],
        )
        self.assertEqual(len(long_comments(code + " // why")), 1)
        words = "word " * 22
        found = long_comments(f"a = b  # {words}\n'{words}'\n    # {words}", HASHES)
        self.assertEqual([n for n, _ in found], [1, 3])

    def test_a_long_docstring_is_found_and_another_string_is_not(self):
        words = "word " * 22
        code = f'"""Short."""\na = "{words}"\n\ndef b():\n    """Short.\n\n    {words}\n    """\n'
        self.assertEqual(long_docstrings(code), [7])

    def test_docstrings_have_at_most_100_columns(self):
        found = [
            f"{name}:{n}"
            for name in files(".py", "mpgc-object")
            if not name.startswith(COUNTED)
            for n in long_docstrings((ROOT / name).read_text())
        ]
        self.assertEqual(found, [], "wrap these docstrings")

    def test_comments_have_at_most_100_columns(self):
        found = [
            f"{name}:{n}"
            for name in files(".rs", ".c", ".h", ".S", ".ld")
            for n, _ in long_comments((ROOT / name).read_text())
        ]
        found += [
            f"{name}:{n}"
            for name in files(*HASHED)
            if not name.startswith(COUNTED)
            for n, _ in long_comments((ROOT / name).read_text(), HASHES)
        ]
        self.assertEqual(found, [], "wrap these comments")


# The words that this project once had of its own, and what the glossary says in their place.
REPLACED = {
    r"rooms?": "module, space, capacity",
    r"doors?": "entry point, integration",
    r"mend(s|ed|ing)?": "fix",
    r"told": "reported, notified",
    r"witness(es)?": "invariant checker",
    r"an? collect|the collect|collects are": "a collection",
    r"in a hurry": "cold path",
    r"at their own addresses": "requires aligned access",
    r"askew": "not aligned",
}
# Where such a word is right: a Python program about a house, an identifier of the public header or
# scenario, and CircuitPython's collect table.
ALLOWED = (
    ("benches/memory/mqttdash.py", r"room|door"),
    ("", r"no-room|no_room|NO_ROOM|NoRoom|collect (table|bit)"),
)
# All that is written in this project, in the languages that have comments or are prose.
WRITTEN = (
    *(".rs", ".c", ".h", ".S", ".ld", ".cpp", ".js", ".mjs", ".lisp"),
    *("mpgc-object", ".py", ".mk", ".cmake", ".toml", ".yml", ".sh", "Makefile"),
    *(".md", ".txt", ".css", ".html"),
)
# This file names the words.
NAMES_THEM = "tools/tests/test_prose.py"


def replaced(name, text):
    """The lines that have a word which the glossary replaces: number, word, what to write."""
    found = []
    for n, line in enumerate(text.splitlines(), 1):
        for file, allowed in ALLOWED:
            if name.startswith(file):
                line = re.sub(allowed, "", line)
        for word, instead in REPLACED.items():
            match = re.search(rf"(?<![^\W_])(?:{word})(?![^\W_])", line, re.I)
            if match:
                found.append((n, match[0], instead))
    return found


class Words(unittest.TestCase):
    def test_a_replaced_word_is_found_and_a_part_of_another_is_not(self):
        text = "// The room is full.\n// mushroom, doorway, amended\nfn it_is_told() {}\n"
        self.assertEqual(
            replaced("a.rs", text),
            [(1, "room", "module, space, capacity"), (3, "told", "reported, notified")],
        )
        self.assertEqual(
            replaced("a.c", "return MPGC_FAULT_NO_ROOM; // a collect"),
            [(1, "a collect", "a collection")],
        )

    def test_nothing_has_a_word_that_the_glossary_replaces(self):
        found = [
            f"{name}:{n}: {word}, for which the glossary has: {instead}"
            for name in files(*WRITTEN)
            if name != NAMES_THEM
            for n, word, instead in replaced(name, (ROOT / name).read_text())
        ]
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
