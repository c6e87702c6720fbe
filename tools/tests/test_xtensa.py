"""What is made of LLVM's assembly for Xtensa, and of a specification that a rustc refuses."""

import json
import os
import tempfile
import unittest
from pathlib import Path

import mpgc_xtensa
from mpgc_run import Stop

from tools.common import ROOT

# As LLVM prints two functions: their literals before the section that they belong to.
PRINTED = """\
	.literal_position
	.literal .LCPI0_0, memcpy
	.section	.text.one,"ax",@progbits
	.type	one,@function
one:
	l32r	a8, .LCPI0_0
	.literal .LCPI1_0, 1048575
	.section	.text.two,"ax",@progbits
	.type	two,@function
two:
	l32r	a8, .LCPI1_0
	.type	table,@object
"""
IN_PLACE = """\
	.section	.text.one,"ax",@progbits
	.literal_position
	.literal .LCPI0_0, memcpy
	.type	one,@function
one:
	l32r	a8, .LCPI0_0
	.section	.text.two,"ax",@progbits
	.literal .LCPI1_0, 1048575
	.type	two,@function
two:
	l32r	a8, .LCPI1_0
	.type	table,@object
"""

# A rustc that takes one layout of data, and names it when it is given another.
FUSSY = """\
#!/bin/sh
grep -q '"data-layout": "{layout}"' "$3" && exit 0
echo 'error: data-layout for target `x`, `other`, differs from LLVM target'"'"'s `xtensa` default layout, `{layout}`' >&2
exit 1
"""


class Assembly(unittest.TestCase):
    def test_literals_come_into_the_section_of_their_function(self):
        lines = mpgc_xtensa.with_literals_in_place(PRINTED.splitlines(keepends=True))
        self.assertEqual("".join(lines), IN_PLACE)

    def test_literals_of_no_function_are_reported(self):
        with self.assertRaisesRegex(Stop, "belong to no function"):
            list(mpgc_xtensa.with_literals_in_place(["\t.literal .LCPI0_0, 1\n"]))


class Specifications(unittest.TestCase):
    def rustc(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = Path(folder.name) / "rustc"
        program.write_text(text)
        program.chmod(0o755)
        return str(program)

    def test_each_has_the_name_that_build_rs_looks_for(self):
        self.assertTrue(all(map(mpgc_xtensa.is_ours, (mpgc_xtensa.CALL0, mpgc_xtensa.WINDOWED))))
        self.assertFalse(mpgc_xtensa.is_ours("thumbv7m-none-eabi"))
        windowed = json.loads(
            (mpgc_xtensa.SPECIFICATIONS / f"{mpgc_xtensa.WINDOWED}.json").read_text()
        )
        self.assertIn("+windowed", windowed["features"])
        self.assertIn('starts_with("xtensa-windowed")', (ROOT / "build.rs").read_text())

    def test_the_layout_of_data_is_the_one_that_rustc_names(self):
        text, reason = mpgc_xtensa.specification(
            self.rustc(FUSSY.format(layout="e-p:32:32")), mpgc_xtensa.CALL0
        )
        self.assertIsNone(reason)
        self.assertEqual(json.loads(text)["data-layout"], "e-p:32:32")

    def test_a_rustc_without_xtensa_is_named_with_what_it_says(self):
        rustc = self.rustc("#!/bin/sh\necho 'error: no such processor' >&2\nexit 1\n")
        text, reason = mpgc_xtensa.specification(rustc, mpgc_xtensa.CALL0)
        self.assertIsNone(text)
        self.assertRegex(reason, f"{rustc}.*no such processor")

    def test_one_that_is_as_it_was_is_not_written_again(self):
        with tempfile.TemporaryDirectory() as folder:
            cargo = self.rustc("#!/bin/sh\necho '    -Z json-target-spec'\n")
            toolchain = type(
                "Toolchain", (), {"rustc": self.rustc("#!/bin/sh\nexit 0\n"), "cargo": cargo}
            )
            words = mpgc_xtensa.cargo_words(toolchain, mpgc_xtensa.CALL0, Path(folder))
            self.assertEqual(
                words, ["--target", f"{folder}/{mpgc_xtensa.CALL0}.json", "-Zjson-target-spec"]
            )
            os.utime(words[1], (1, 1))
            mpgc_xtensa.cargo_words(toolchain, mpgc_xtensa.CALL0, Path(folder))
            self.assertEqual(os.stat(words[1]).st_mtime, 1)


if __name__ == "__main__":
    unittest.main()
