"""The carrier's path, and the patterns by which linker scripts of ports place gc.c (docs/porting.md
lists them).
"""

import fnmatch
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PATCHES = ROOT / "micropython-patches"


def rows():
    text = (ROOT / "docs" / "porting.md").read_text()
    table = text.partition("## Where linker scripts place it")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("| ")
    ][1:]


def carriers():
    """The carrier's path with each entry point, as the rules have it."""
    cmake = re.search(
        r"^set\(MPGC_CARRIER \$\{MPGC_BUILD\}/(\S+)\$\{CMAKE_C_OUTPUT_EXTENSION\}\)$",
        (PATCHES / "micropython.cmake").read_text(),
        re.M,
    )
    make = re.search(
        r"^\$\((PY_BUILD)\)/\$\(MPGC_CARRIER\)\.o:", (PATCHES / "mpgc.mk").read_text(), re.M
    )
    first = re.search(
        r"^MPGC_REPLACED := \$\(filter-out \S+,(\w+) ", (PATCHES / "mpgc.mk").read_text(), re.M
    )
    assert cmake and make and first
    # py/mkenv.mk: PY_BUILD is $(BUILD)/py
    return [
        f"build-BOARD/py/{first[1]}.o",
        *(f"build-BOARD/mpgc/{cmake[1]}{suffix}" for suffix in (".o", ".obj")),
    ]


class Placement(unittest.TestCase):
    def test_each_pattern_for_gc_matches_a_carrier_as_it_matches_the_c(self):
        patterns = [word for row in rows() for word in re.findall(r"`(\*\S*gc\S*)`", row[2])]
        self.assertGreaterEqual(len(patterns), 4, patterns)
        c_objects = [
            "build-BOARD/py/gc.o",
            *(f"build/CMakeFiles/firmware.dir/tree/py/gc.c{suffix}" for suffix in (".o", ".obj")),
        ]
        for pattern in patterns:
            with self.subTest(pattern):
                meets = [fnmatch.fnmatch(path, pattern) for path in carriers()]
                self.assertTrue(any(meets))
                self.assertEqual(meets, [fnmatch.fnmatch(path, pattern) for path in c_objects])

    def test_the_table_is_there(self):
        self.assertGreaterEqual(len(rows()), 6)


if __name__ == "__main__":
    unittest.main()
