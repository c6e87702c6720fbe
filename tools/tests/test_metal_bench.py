"""Tests of `make metal-bench` and `make metal-interrupts`, without any build."""

import shlex
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools import results
from tools.arguments import read
from tools.build.unix import Build
from tools.common import Fail
from tools.measure import metal_bench
from tools.setup import options
from tools.setup.tree import Tree
from tools.tests.pages import in_a_folder
from tools.verify import metal_interrupts, on_metal


def row(profile, ratio):
    return {
        "board": "MICROBIT",
        "options": "threads",
        "profile": profile,
        "case": "free-storm-16KB",
        "c_instructions": 84.0,
        "rust_instructions": 84.0 * ratio,
        "ratio": ratio,
    }


class MetalBench(unittest.TestCase):
    def test_a_case_above_the_c_is_named_in_the_profile_for_speed_alone(self):
        self.assertEqual(metal_bench.above_c([row("speed", 1.0), row("size", 1.2)]), [])
        found = metal_bench.above_c([row("speed", 1.25)])
        self.assertEqual(
            found, ["MICROBIT threads free-storm-16KB: 105.0 instructions, the C 84.0"]
        )

    def test_a_case_above_its_bar_is_named_and_so_is_one_without(self):
        bars = metal_bench.read_bars(
            "# text\n\ncase MICROBIT:size MICROBIT:large\nfree-storm-16KB 1.25 0.50\n"
        )
        of_one_thread = [
            {**row(profile, ratio), "options": ""}
            for profile, ratio in (("speed", 2.0), ("size", 1.25), ("large", 0.51))
        ]
        self.assertEqual(
            metal_bench.above_bars(of_one_thread, bars),
            ["MICROBIT large free-storm-16KB: 0.510 of the C's instructions, the bar is 0.50"],
        )
        self.assertEqual(metal_bench.above_bars([row("size", 9.0)], bars), [])
        of_one_thread[1]["case"] = "new"
        self.assertEqual(
            metal_bench.above_bars(of_one_thread[:2], bars),
            ["MICROBIT size new: no bar in metal_bars.txt"],
        )

    def test_check_compares_with_the_bars(self):
        def compare(tree, board, options, profiles):
            return [{**row("size", 1.5), "board": board, "options": options}]

        with (
            mock.patch.object(metal_bench, "compare", compare),
            mock.patch.object(
                metal_bench, "get_tree", return_value=Tree(Path("."), "1.25.0", True)
            ),
            mock.patch.object(metal_bench, "write_json"),
        ):
            words = ["metal-bench", "BOARD=MICROBIT", "--one-thread", "--profile=size"]
            self.assertEqual(metal_bench.main(read(words)[2]), 0)
            with self.assertRaisesRegex(Fail, "1.500 of the C's instructions, the bar is 1.04"):
                metal_bench.main(read([*words, "--check"])[2])

    def test_each_board_and_profile_has_its_bars(self):
        bars = metal_bench.read_bars(metal_bench.BARS.read_text())
        cases = {case for _, _, case in bars}
        self.assertIn("fill-1-block-16KB", cases)
        profiles = set(metal_bench.PROFILES) - {metal_bench.BARRED}
        self.assertEqual(
            set(bars),
            {
                (board, profile, case)
                for board in metal_bench.MACHINES
                for profile in profiles
                for case in cases
            },
        )

    def test_a_row_has_the_profiles_of_one_case(self):
        found = [row("speed", 0.5), row("size", 1.25)]
        self.assertEqual(
            metal_bench.rows_of(found, ("speed", "size"))[1:],
            [["free-storm-16KB", "84", "42", "105", "0.50", "1.25"]],
        )

    def write(self, *words):
        """What --write makes of docs/results/metal-bench.md, when the words are given."""
        args = read(["metal-bench", "WRITE=1", *words])[2]

        def compare(tree, board, options, profiles):
            return [{**row(profile, 0.5), "case": board + options} for profile in profiles]

        with (
            mock.patch.object(metal_bench, "compare", compare),
            mock.patch.object(
                metal_bench, "get_tree", return_value=Tree(Path("."), "1.25.0", True)
            ),
            mock.patch.object(metal_bench, "write_json"),
        ):
            metal_bench.main(args)
        return (results.FOLDER / "metal-bench.md").read_text()

    def test_a_part_of_the_measurement_leaves_the_rest_of_the_page(self):
        in_a_folder(self)
        both = "MPS2_AN385,MICROBIT"
        whole = self.write(f"BOARD={both}")
        self.assertEqual(whole.count("## "), 4)
        (results.FOLDER / "metal-bench.md").write_text(whole.replace("0.50", "0.75"))
        for words, changed in (
            ((f"BOARD={both}", "--one-thread"), 2),
            (("BOARD=MICROBIT",), 3),
            (("BOARD=MPS2_AN385", "OPTIONS=threads"), 4),
        ):
            text = self.write(*words)
            self.assertEqual(text.count("## "), 4)
            self.assertEqual(text.count("| 0.50 | 0.50 | 0.50 |"), changed, words)
        with self.assertRaises(Fail):
            self.write("OPTIONS=threads", "--one-thread")

    def test_interrupts_come_by_the_instruction_and_not_by_the_clock(self):
        """A busy machine would let them take all the time that the emulator gets."""
        said = "counts 1 2 3 4 5 6 7 8"
        with mock.patch.object(on_metal, "run", return_value=(said, True)) as run:
            counts, _ = metal_interrupts.run(None, None, 20000, True, "name")
        self.assertEqual(counts, metal_interrupts.Counts(1, 2, 3, 4, 5, 6, 7, 8))
        self.assertEqual(run.call_args.args[-2:], ("-icount", "shift=5"))

    def test_the_flags_of_options_join_those_of_every_build_on_a_board(self):
        given = options.parse("threads -DMICROPY_ENABLE_VM_ABORT=1")
        made = {}

        def make_command(tree, board, flavour, variables, output):
            made.update(variables)
            return ["true"]

        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(Path(folder), "1.25.0", own=True)
            with (
                mock.patch.object(on_metal, "WORK", Path(folder)),
                mock.patch.object(on_metal.firmware, "make_command", make_command),
                mock.patch.object(on_metal.unix, "build_env", lambda tree: {}),
                mock.patch.object(on_metal.unix, "begin_with_c"),
                mock.patch.object(on_metal.unix, "prove"),
            ):
                built = on_metal.build(tree, "MICROBIT", "c", given.make_variables)
        self.assertIsInstance(built, Build)
        flags = shlex.split(made["CFLAGS_EXTRA"])
        self.assertEqual(flags[:2], ["-include", str(on_metal.SOURCES / "port.h")])
        self.assertIn("-DMETAL_THREADS", flags)
        self.assertIn("-DMICROPY_ENABLE_VM_ABORT=1", flags)


if __name__ == "__main__":
    unittest.main()
