"""Tests of the tools for firmware, without any build."""

import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools.build import firmware
from tools.build.unix import Build
from tools.common import Fail
from tools.measure import size
from tools.setup import boards, targets
from tools.setup.tree import Tree
from tools.verify import firmware_test


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
        self.assertEqual(
            firmware.port_variable(self.tree, self.built, "RUN_TESTS_ARGS"),
            ["--exclude", "asm(bcc|it).py"],
        )
        self.assertEqual(firmware.port_variable(self.tree, self.built, "NOT_SET"), [])

    def test_an_emulator_that_the_port_does_not_name_is_an_error(self):
        self.assertEqual(
            firmware.emulator(self.tree, self.built),
            ["qemu-system-arm", "-machine", "arm-board", "-m", "128M"],
        )
        (self.folder / "Makefile").write_text("all:\n")
        with self.assertRaisesRegex(Fail, "QEMU_SYSTEM"):
            firmware.emulator(self.tree, self.built)

    def test_the_tests_are_sent_to_the_emulator_with_the_ports_own_arguments(self):
        with mock.patch.object(firmware_test.BoardSuite, "prepare"):
            suite = firmware_test.BoardSuite(
                self.tree, "SABRELITE", self.built, mock.Mock(test_flags=["-i", "^basics/a"])
            )
        # with the port's filter first, run-tests.py would take every test that no filter names
        self.assertEqual(suite.flags, ["-i", "^basics/a", "--exclude", "asm(bcc|it).py"])
        flag, instance = suite.machine()
        self.assertEqual(flag, "-t")
        start, words = instance.split(":", 1)
        self.assertEqual(start, "execpty")
        self.assertEqual(words.split()[-2:], ["-kernel", "../../c/firmware.elf"])


class OwnBoards(unittest.TestCase):
    def command(self, board, variables):
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(firmware.unix, "build_mpy_cross", return_value="mpy-cross"),
        ):
            (Path(folder) / "ports" / "qemu" / "boards" / "MPS2_AN385").mkdir(parents=True)
            return firmware.make_command(
                Tree(Path(folder), "1.25.0", own=True), board, "c", variables, Path("out")
            )

    def test_a_board_of_ours_is_named_by_its_folder(self):
        words = self.command("MPS2_AN386", {})
        self.assertIn(f"BOARD_DIR={boards.OWN / 'MPS2_AN386'}", words)
        self.assertTrue((boards.OWN / "MPS2_AN386" / "mpconfigboard.mk").is_file())

    def test_a_python_stack_brings_the_code_that_makes_it(self):
        self.assertNotIn(f"USER_C_MODULES={boards.OWN}", self.command("MPS2_AN385", {}))
        self.assertIn(
            f"USER_C_MODULES={boards.OWN}",
            self.command("MPS2_AN385", {"CFLAGS_EXTRA": "-DMICROPY_ENABLE_PYSTACK=1"}),
        )

    def test_a_board_that_nobody_has_is_refused(self):
        with self.assertRaisesRegex(Fail, "has no board MICROBIT"):
            self.command("MICROBIT", {})


class Releases(unittest.TestCase):
    def test_a_release_without_boards_is_refused(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            self.assertRaisesRegex(Fail, "1.24.1 has no boards"),
        ):
            firmware.port(Tree(Path(folder), "1.24.1", own=False))


class Size(unittest.TestCase):
    def row(self, target, profile, c_text, rust_text):
        return {
            "target": target,
            "profile": profile,
            "c_text": c_text,
            "rust_text": rust_text,
            "ratio": rust_text / c_text,
        }

    def test_the_bar_of_the_profile_size_is_the_size_of_the_c(self):
        self.assertEqual(size.above_bars([self.row("thumbv7m", "size", 3615, 3615)]), [])
        self.assertRegex(
            size.above_bars([self.row("thumbv7m", "size", 3615, 3616)])[0],
            "thumbv7m, size: 3616 bytes",
        )

    def test_the_bar_of_the_profile_speed_is_for_machines_without_an_operating_system(self):
        self.assertEqual(size.above_bars([self.row("rv32imac", "speed", 1000, 1600)]), [])
        self.assertRegex(
            size.above_bars([self.row("rv32imac", "speed", 1000, 1601)])[0],
            "rv32imac, speed: 1601 bytes",
        )

    def test_what_has_no_bar_is_not_judged(self):
        self.assertEqual(
            size.above_bars(
                [self.row("x86-64", "size", 100, 200), self.row("i686", "speed", 100, 200)]
            ),
            [],
        )

    def test_each_processor_is_built_by_a_known_board_or_by_the_unix_port(self):
        self.assertLessEqual(
            {p.board for p in size.PROCESSORS.values()} - {None}, set(boards.BOARDS)
        )


if __name__ == "__main__":
    unittest.main()
