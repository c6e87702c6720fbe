"""What the header of the library for C programs says, and the tables of docs/firmware.md, has
tests.
"""

import re
import unittest

from tools.common import ROOT
from tools.verify import examples as firmware_examples
from tools.verify import promises


class Reading(unittest.TestCase):
    HEADER = """\
// Not a promise.
#ifndef MPGC_H
// One. `Two` goes on
// here: three. (NULL is fine.)
//
//     example();
//
// # Safety
// Asked. Not listed.
MPGC_RETURNS_TWICE
int mpgc_one(int a);
// A kind.
typedef enum mpgc_kind {
  // First.
  MPGC_FIRST = 1,
} mpgc_kind;
// Called.
typedef void (*mpgc_fn)(int);
"""

    def test_sentences_are_read_with_what_they_are_of(self):
        self.assertEqual(
            list(promises.promises(self.HEADER)),
            [
                ("mpgc_one", "One."),
                ("mpgc_one", "`Two` goes on here: three."),
                ("mpgc_one", "(NULL is fine.)"),
                ("mpgc_kind", "A kind."),
                ("mpgc_kind.MPGC_FIRST", "First."),
                ("mpgc_fn", "Called."),
            ],
        )

    def test_a_comment_that_declares_nothing_is_none(self):
        self.assertEqual(
            list(promises.promises("#ifndef X\n// Above all.\n\nint mpgc_one(void);\n")), []
        )


class Promises(unittest.TestCase):
    def setUp(self):
        self.rows = list(promises.listed(promises.LIST.read_text()))
        self.firmware = promises.FIRMWARE.read_text()

    def test_each_sentence_of_the_header_is_listed(self):
        listed = {row[:2] for row in self.rows}
        missing = [
            row for row in promises.promises(promises.HEADER.read_text()) if row not in listed
        ]
        self.assertEqual(
            missing,
            [],
            f"add these sentences of include/mpgc.h to {promises.LIST.name}, each with its test",
        )

    def test_each_sentence_that_is_listed_is_in_the_header(self):
        said = set(promises.promises(promises.HEADER.read_text()))
        strange = [row[:2] for row in self.rows if row[:2] not in said]
        self.assertEqual(strange, [], f"include/mpgc.h does not say this: fit {promises.LIST.name}")
        self.assertGreater(len(self.rows), 150)

    def test_each_test_that_is_named_exists(self):
        there = promises.tests()
        for of, sentence, tests in self.rows:
            if tests == promises.ASKED:
                continue
            names = re.findall(r"`(\w+)`", tests)
            self.assertTrue(names, f"{of}: {sentence}: no test is named")
            self.assertEqual(
                [name for name in names if name not in there], [], f"{of}: {sentence}: no such test"
            )

    def test_each_row_of_the_table_of_errors_has_a_test_that_exists(self):
        there, rows = promises.tests(), list(promises.table_tests(self.firmware))
        self.assertGreater(len(rows), 10)
        for row, names in rows:
            self.assertTrue(names, f"{row}: no test is named")
            self.assertEqual(
                [name for name in names if name not in there], [], f"{row}: no such test"
            )

    def test_each_file_of_the_example_exists(self):
        names = promises.table_files(self.firmware)
        self.assertIn("lisp.c", names)
        for name in names:
            self.assertTrue(list((ROOT / "examples" / "firmware").glob(name)), name)

    def test_the_sizes_of_each_board_are_reported(self):
        boards = {name for name, machine in firmware_examples.MACHINES.items() if machine.board}
        self.assertEqual(set(promises.table_sizes(self.firmware)), boards)
        self.assertEqual(
            firmware_examples.differing({"flash": (19_400, 19), "RAM": (15_000, 15)}), []
        )
        self.assertRegex(
            firmware_examples.differing({"flash": (21_500, 19)})[0], "21500 bytes of flash.*19 KB"
        )

    def test_a_test_that_does_not_exist_is_seen(self):
        self.assertIn("a_region_too_small_is_no_room", promises.tests())
        self.assertNotIn("a_test_that_nobody_wrote", promises.tests())


if __name__ == "__main__":
    unittest.main()
