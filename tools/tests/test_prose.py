"""Comments have lines of at most 100 columns."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
COLUMNS = 100
# A comment of each language, from where it begins to the end of its line. An address in a string is
# none.
SLASHES = re.compile(r"(^|\s)(//|/\*)(\s|!|/).*|^\s*\* .*")
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


class Columns(unittest.TestCase):
    def test_a_long_comment_is_found_and_long_code_is_not(self):
        code = "    call(" + "argument, " * 12 + ");"
        self.assertEqual(
            long_comments("\n".join([code, "/// " + "word " * 22, "// short"])),
            [(2, "/// " + "word " * 22)],
        )
        self.assertEqual(len(long_comments(code + " // why")), 1)

    def test_comments_have_at_most_100_columns(self):
        found = [
            f"{name}:{n}"
            for name in files(".rs", ".c", ".h", ".S", ".ld")
            for n, _ in long_comments((ROOT / name).read_text())
        ]
        self.assertEqual(found, [], "wrap these comments")


if __name__ == "__main__":
    unittest.main()
