"""Tests of the tools for firmware, without any build."""

import re
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import boards
import firmware
import firmware_test
import targets
from common import Fail
from tree import Tree
from unix import Build


class Boards(unittest.TestCase):
    def test_each_board_has_a_target_whose_packages_are_known(self):
        for board in boards.BOARDS.values():
            self.assertTrue(targets.METAL[board.target].packages)
        self.assertLessEqual(set(boards.TESTED_BOARDS), set(boards.BOARDS))

    def test_a_board_that_is_not_known_is_refused_by_name(self):
        with self.assertRaisesRegex(Fail, "BOARD=PYBV10.*MICROBIT"):
            boards.find_board("PYBV10")

    def test_the_short_run_takes_some_tests_and_leaves_others(self):
        for name in ("basics/gen_yield_from.py", "micropython/schedule.py", "stress/gc_trace.py"):
            self.assertTrue(re.search(boards.SHORT, name), name)
        for name in ("basics/string1.py", "float/math_fun.py", "extmod/heapq1.py"):
            self.assertFalse(re.search(boards.SHORT, name), name)


class Port(unittest.TestCase):
    """A makefile that only has variables in place of the port's."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "Makefile").write_text(
            "QEMU_SYSTEM = qemu-system-$(CPU)\nQEMU_ARGS += -machine $(CPU)-board -m 128M\n"
            "RUN_TESTS_ARGS += --exclude 'asm(bcc|it).py'\nall:\n\t$(error not to be made)\n"
        )
        program = self.folder / "out" / "c" / "firmware.elf"
        command = ["make", "-C", str(self.folder), "CPU=arm", "MICROPY_MPYCROSS=mpy-cross"]
        self.built = Build("c", program.parent, program, command)
        self.tree = Tree(self.folder, "1.25.0", own=True)

    def test_the_port_tells_its_variables_as_words(self):
        self.assertEqual(firmware.port_variable(self.tree, self.built, "RUN_TESTS_ARGS"), ["--exclude", "asm(bcc|it).py"])
        self.assertEqual(firmware.port_variable(self.tree, self.built, "NOT_SET"), [])

    def test_an_emulator_that_the_port_does_not_name_is_an_error(self):
        self.assertEqual(firmware.emulator(self.tree, self.built), ["qemu-system-arm", "-machine", "arm-board", "-m", "128M"])
        (self.folder / "Makefile").write_text("all:\n")
        with self.assertRaisesRegex(Fail, "QEMU_SYSTEM"):
            firmware.emulator(self.tree, self.built)

    def test_the_tests_are_sent_to_the_emulator_with_the_ports_own_arguments(self):
        with mock.patch.object(firmware_test.BoardSuite, "prepare"):
            suite = firmware_test.BoardSuite(self.tree, "SABRELITE", self.built, mock.Mock(test_flags=[]))
        self.assertEqual(suite.machine()[0], "-t")
        self.assertEqual(suite.machine()[2:], ["--exclude", "asm(bcc|it).py"])
        start, words = suite.machine()[1].split(":", 1)
        self.assertEqual(start, "execpty")
        self.assertEqual(words.split()[-2:], ["-kernel", "../../c/firmware.elf"])


class Releases(unittest.TestCase):
    def test_a_release_without_boards_is_refused(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(Fail, "1.24.1 has no boards"):
            firmware.port(Tree(Path(folder), "1.24.1", own=False))


if __name__ == "__main__":
    unittest.main()
