"""Tests of `make metal-bench`, without any build."""

import shlex
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools.build.unix import Build
from tools.measure import metal_bench
from tools.setup import options
from tools.setup.tree import Tree
from tools.verify import on_metal


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

    def test_a_row_has_the_profiles_of_one_case(self):
        found = [row("speed", 0.5), row("size", 1.25)]
        self.assertEqual(
            metal_bench.rows_of(found, ("speed", "size"))[1:],
            [["free-storm-16KB", "84", "42", "105", "0.50", "1.25"]],
        )

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
