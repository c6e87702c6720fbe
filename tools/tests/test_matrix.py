"""Tests of tools/verify/matrix.py that build nothing."""

import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent
from tools.common import Fail
from tools.verify import matrix_build, matrix_cells, matrix_docs
from tools.verify.matrix_build import Run, difference


class Cells(unittest.TestCase):
    def setUp(self):
        self.table = matrix_cells.Table()

    def test_every_two_options_that_touch_the_four_files_meet_in_some_cell(self):
        rows = [
            {entry["name"] for entry in cell.options}
            for cell in self.table.cells()
            if cell.name.startswith("pairs")
        ]
        pairs = self.table.pairs()
        self.assertGreater(len(pairs), 200)
        for a, b in pairs:
            self.assertTrue(any({a, b} <= row for row in rows), (a, b))

    def test_no_cell_has_options_that_exclude_each_other(self):
        for cell in self.table.cells():
            for a in cell.options:
                for b in cell.options:
                    self.assertTrue(self.table.together(a["name"], b["name"]), cell.name)

    def test_what_an_option_needs_is_switched_on_with_it(self):
        cell = next(cell for cell in self.table.cells() if cell.name == "pystack-align16")
        self.assertEqual([entry["name"] for entry in cell.options], ["pystack", "pystack-align16"])

    def test_a_script_applies_where_no_option_takes_it_away(self):
        cells = {cell.name: cell for cell in self.table.cells()}
        self.assertFalse(self.table.scripts(cells["default"])["hook"])
        self.assertTrue(self.table.scripts(cells["hook"])["hook"])
        self.assertFalse(self.table.scripts(cells["no-thread"])["threads"])
        self.assertEqual(list(self.table.scripts(cells["entry8"])), ["tiny"])

    def test_a_fault_of_the_table_is_reported(self):
        for fault, message in (
            ('name = "a"\nthing = "x"', "`thing` is not a field"),
            ('name = "a"\npairs = 1', "`pairs` is not a field, or has a value"),
            ('name = "a"\nruns = ["nothing"]', "no script tests/matrix/nothing.py"),
            ('name = "a"\nstops = "x"', "say in `why`"),
            ('name = "a"\nwith = ["b"]', "names the option b"),
            ('name = "a b"', "give it a name"),
        ):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "matrix.toml"
                path.write_text(f"skips = []\nspecial = []\n[[option]]\n{fault}\n")
                with self.assertRaises(Fail) as raised:
                    matrix_cells.Table(path)
                self.assertIn(message, str(raised.exception))

    def test_ci_runs_few_cells(self):
        found = matrix_cells.chosen(self.table.cells(), "", True)
        self.assertTrue(1 <= len(found) <= 3, [cell.name for cell in found])


class Differences(unittest.TestCase):
    def test_equal_runs_do_not_differ(self):
        run = Run(0, "a\n", "", 0)
        self.assertEqual(difference(run, run, ""), "")

    def test_status_output_and_errors_are_compared(self):
        run = Run(0, "a\n", "", 0)
        self.assertIn("Rust with -11", difference(run, run._replace(status=-11), ""))
        self.assertIn("+b", difference(run, run._replace(out="b\n"), ""))
        self.assertIn("says something else", difference(run, run._replace(err="b\n"), ""))
        self.assertEqual(difference(run._replace(err="a"), run._replace(err="b"), "own words"), "")
        self.assertIn("Rust prints nothing", difference(run._replace(err="a"), run, "own words"))

    def test_the_hook_is_called_often_enough(self):
        c = Run(0, "HOOKS 25600 7700\n", "", 0)
        self.assertEqual(difference(c, c._replace(out="HOOKS 25600 2000\n"), ""), "")
        self.assertIn("the hook", difference(c, c._replace(out="HOOKS 24000 2000\n"), ""))
        self.assertIn("the hook", difference(c, c._replace(out="HOOKS 25600 1999\n"), ""))

    def test_marks_are_counted(self):
        c = Run(0, "", "", 1000)
        self.assertEqual(difference(c, c._replace(marks=990), ""), "")
        self.assertIn("marks", difference(c, c._replace(marks=900), ""))

    def test_addresses_are_no_difference(self):
        self.assertEqual(
            matrix_build.normal("at 0x7f00, from 7ffff7c7:"), "at ADDRESS, from ADDRESS:"
        )
        self.assertEqual(
            matrix_build.normal("stack: 924 out of 80000"), "stack: DEPTH out of 80000"
        )


class Pages(unittest.TestCase):
    def test_each_cell_is_in_the_tables(self):
        table = matrix_cells.Table()
        good = {"result": "ok", "message": "", "scripts": {"heap": "equal", "weak": "skipped"}}
        stops = {"result": "stops", "message": "/some/where/x.h: MICROPY_A_B is 3: fix it"}
        known = {cell.name: good for cell in table.cells()} | {"block48": stops}
        known = {
            cell.name: known[cell.name] | {"built": matrix_cells.built(cell)}
            for cell in table.cells()
        }
        known["depth1"] = good | {"built": "with something else"}
        del known["clang"]
        text = matrix_docs.tables(table, {"1.25.0": known})
        for entry in table.options.values():
            self.assertIn(matrix_docs.escape(entry["option"]), text)
        self.assertIn("x.h: MICROPY\\_A\\_B is 3", text)
        self.assertNotIn("/some", text)
        self.assertRegex(text, r"CC=clang \| not run")
        self.assertRegex(text, r"DEPTH=1 \| not run")
        self.assertIn(
            f"{len(table.cells()) - 2} of {len(table.cells())} cells passed, 0 failed, 2 were "
            "not run",
            text,
        )


if __name__ == "__main__":
    unittest.main()
