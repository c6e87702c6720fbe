"""What is made of LLVM's assembly for Xtensa, and of a specification that a rustc refuses."""

import json
import os
import tempfile
import unittest
from pathlib import Path

import mpgc_xtensa
from mpgc_run import Stop

from tools.common import ROOT
from tools.verify import xtensa_constants

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


LOADED, CALLED = "\tl32r\ta8, .LCPI0_0\n", "\tcallx0\ta8\n"

BEFORE = """\
	.literal .LCPI0_0, text
	.literal .LCPI0_1, memcpy
	.section	.text.one,"ax",@progbits
one:
"""
AFTER = """\
	.section	.rodata.one,"a",@progbits
text:
	.asciz	"a text"
table:
	.long	.LBB0_1
"""


def direct(*parts):
    lines = ("\t.literal .LCPI0_0, memcpy\n" + "".join(parts)).splitlines(keepends=True)
    return [line for line in mpgc_xtensa.with_direct_calls(lines) if line]


def short(text):
    return "".join(mpgc_xtensa.shortened(text.splitlines(keepends=True)))


class Assembly(unittest.TestCase):
    def test_literals_come_into_the_section_of_their_function(self):
        lines = mpgc_xtensa.with_literals_in_place(PRINTED.splitlines(keepends=True))
        self.assertEqual("".join(lines), IN_PLACE)

    def test_literals_of_no_function_are_reported(self):
        with self.assertRaisesRegex(Stop, "belong to no function"):
            list(mpgc_xtensa.with_literals_in_place(["\t.literal .LCPI0_0, 1\n"]))

    def test_a_call_by_an_address_from_a_literal_is_a_call(self):
        self.assertEqual(direct(LOADED + CALLED, "\tret\n"), ["\tcall0\tmemcpy\n", "\tret\n"])
        self.assertEqual(direct(LOADED, "\tmovi\ta2, 1\n", CALLED)[-1], "\tcall0\tmemcpy\n")

    def test_an_address_that_is_used_otherwise_stays(self):
        for between in (
            "\tor\ta2, a8, a8\n",
            "\tbeqz\ta2, .LBB0_1\n",
            ".LBB0_1:\n",
            "\tl32i\ta8, a2, 0\n",
        ):
            with self.subTest(between):
                self.assertIn(CALLED, direct(LOADED, between, CALLED))
        # a12 is the same after the call, and may be called once more
        self.assertEqual(len(direct("\tl32r\ta12, .LCPI0_0\n\tcallx0\ta12\n")), 3)

    def test_two_instructions_of_llvm_are_one_of_the_processor(self):
        moved = "one:\n\taddi\ta1, a1, -48\n\tret\n"
        self.assertEqual(short("one:\n\taddi\ta8, a1, -48\n\tor\ta1, a8, a8\n\tret\n"), moved)
        self.assertEqual(
            short("\taddi\ta8, a1, 48\n\tor\ta1, a8, a8\n\tret\n"), "\taddi\ta1, a1, 48\n\tret\n"
        )
        branch = "\tbne\ta2, a3, .LBB0_1\n\tj\t.LBB0_4\n.LBB0_1:\n"
        self.assertEqual(short(branch), "\tbeq\ta2, a3, .LBB0_4\n.LBB0_1:\n")

    def test_what_may_be_used_later_stays(self):
        for text in (
            "\taddi\ta8, a1, -48\n\tor\ta1, a8, a8\n\tmovi\ta2, 1\n",
            "\tbne\ta2, a3, .LBB0_2\n\tj\t.LBB0_4\n.LBB0_1:\n",
            "\tball\ta2, a3, .LBB0_1\n\tj\t.LBB0_4\n.LBB0_1:\n",
        ):
            self.assertEqual(short(text), text)


class Constants(unittest.TestCase):
    """One function, and after it a constant `text` and a table of addresses in code."""

    def faults(self, *instructions):
        lines = [f"\t{line}\n" if not line.endswith(":") else f"{line}\n" for line in instructions]
        return xtensa_constants.Assembly(BEFORE + "".join(lines) + AFTER).faults()

    def test_words_may_be_read(self):
        self.assertEqual(
            self.faults("l32r a8, .LCPI0_0", "l32i a2, a8, 0", "l8ui a2, a2, 0", "ret"), []
        )

    def test_bytes_and_halves_are_found(self):
        for read in ("l8ui a2, a9, 3", "l16ui a2, a9, 2", "l16si a2, a9, 0"):
            with self.subTest(read):
                found = self.faults("l32r a8, .LCPI0_0", "add a9, a8, a2", read, "ret")
                self.assertEqual(found, [("one", read.replace(",", ""))])

    def test_a_constant_is_followed_over_labels_the_stack_and_tables(self):
        loop = (
            "l32r a8, .LCPI0_0",
            "j .LBB0_2",
            ".LBB0_1:",
            "l8ui a2, a8, 0",
            "ret",
            ".LBB0_2:",
            "j .LBB0_1",
        )
        stack = (
            "l32r a8, .LCPI0_0",
            "s32i a8, a1, 4",
            "movi a8, 0",
            "l32i a9, a1, 4",
            "l8ui a2, a9, 0",
            "ret",
        )
        table = (
            "l32r a8, .LCPI0_0",
            "l32i a9, a2, 0",
            "jx a9",
            ".LBB0_1:",
            "l8ui a2, a8, 0",
            "ret",
        )
        for instructions in (loop, stack, table):
            with self.subTest(instructions):
                self.assertEqual(len(self.faults(*instructions)), 1)

    def test_a_constant_is_followed_into_a_function(self):
        call = ("l32r a2, .LCPI0_0", "call0 other", "ret", "other:", "l8ui a2, a2, 0", "ret")
        self.assertEqual(self.faults(*call), [("other", "l8ui a2 a2 0")])
        self.assertEqual(self.faults("movi a2, 0", *call[1:]), [])

    def test_a_function_that_copies_is_not_given_one(self):
        for call in (
            ["call0 memcpy"],
            ["l32r a9, .LCPI0_1", "s32i a9, a1, 0", "l32i a8, a1, 0", "callx0 a8"],
        ):
            with self.subTest(call):
                self.assertEqual(len(self.faults("l32r a3, .LCPI0_0", *call, "ret")), 1)


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
