"""Pages of docs/results: who writes them, and what stands in them."""

import shutil
import subprocess
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

from tools import results
from tools.arguments import read
from tools.common import Fail, progress, say, write_json
from tools.measure import bench, hardened_cost, size
from tools.measure.hardened_cost import Pair
from tools.tests.pages import in_a_folder
from tools.verify import test as checks
from tools.verify import upstream_pages


class Pages(unittest.TestCase):
    def setUp(self):
        self.folder = in_a_folder(self)

    def page(self, name):
        return (self.folder / f"{name}.md").read_text()

    def test_a_page_says_by_what_it_was_written_and_where(self):
        results.write_result("name", "Title", "make task WRITE=1", "body")
        lines = self.page("name").splitlines()
        self.assertEqual(lines[0], "# Title")
        self.assertRegex(
            lines[2],
            r"^Written by `make task WRITE=1` at commit abc1234 on 20..-..-..; a machine\.$",
        )
        self.assertEqual(lines[4:], ["body"])

    def test_what_explains_the_figures_stays_when_they_are_written_again(self):
        results.write_result("name", "Title", "make task", "old\n\n## Part\n\nold")
        path = self.folder / "name.md"
        path.write_text(path.read_text() + "\n## Notes\n\nThe reason.\n")
        for _ in range(2):
            results.write_result("name", "Title", "make task", "new\n\n## Part\n\nnew")
        self.assertTrue(self.page("name").endswith("\nnew\n\n## Notes\n\nThe reason.\n"))
        self.assertNotIn("old", self.page("name"))
        results.write_section("name", "Other", "make other", "more")
        self.assertTrue(self.page("name").endswith("\n## Notes\n\nThe reason.\n"))

    def test_paragraphs_have_lines_of_at_most_100_columns(self):
        words = "a `command` and " * 20
        table = "| " + "cell | " * 30
        code = f"```text\n{words}\n\n{words}\n```"
        results.write_result("name", "Title", "c", f"{words}\n\n{table}\n\n{code}\n\n{words}")
        lines = self.page("name").splitlines()
        longer = [line for line in lines if len(line) > 100]
        self.assertEqual(longer, [table, words, words])
        self.assertEqual(lines[4], lines[-4])

    def test_what_a_task_says_is_written_if_that_was_asked_for_and_it_passed(self):
        @results.written("name", "Title")
        def main(args):
            progress("built for 15 s")
            say("3 passed, 0 failed")
            return args.status

        main(Namespace(write=False, status=0, command="make task"))
        main(Namespace(write=True, status=1, command="make task"))
        self.assertEqual(list(self.folder.iterdir()), [])
        main(Namespace(write=True, status=0, command="make task"))
        self.assertIn("```text\n3 passed, 0 failed\n```", self.page("name"))
        say("said after the end")
        main(Namespace(write=True, status=0, command="make task"))
        self.assertNotIn("after the end", self.page("name"))

    def test_the_times_of_a_whole_run_replace_those_of_the_same_command(self):
        (self.folder / "times.md").write_text(
            "# Times\n\n## make test\n\nold\n\n## make test-all\n\nlong\n"
        )
        step = {"step": "lints", "passed": 2, "failed": 0, "seconds": 3, "cpu": 4}
        write_json(self.folder / "times.json", {"steps": [step], "seconds": 3, "cores": 2})
        folders = {"make test": self.folder, "make test-all": self.folder / "none"}
        names = [Namespace(name="lints")]
        with mock.patch.multiple(checks, FOLDERS=folders, all_steps=lambda _: names):
            checks.write_times("make test WRITE=1")
            names.append(Namespace(name="twins"))
            with self.assertRaises(Fail):
                checks.write_times("make test WRITE=1")
        page = self.page("times")
        self.assertIn("| lints | 2 | 3 | 4 |", page)
        self.assertTrue(page.endswith("\n## make test-all\n\nlong\n"))
        self.assertNotIn("old", page)

    def test_what_the_hardened_build_costs_has_no_times(self):
        one = {"instructions": Pair(10, 15), "us": Pair(100.0, 170.0)}
        found = hardened_cost.tables({"fill": Pair(40.2, 60.3)}, {"bm": one}, {"gc.o": Pair(2, 3)})
        self.assertEqual(found[0][1], ["fill", "40", "60", "1.50"])
        self.assertEqual(found[1][1], ["bm", 10, 15, "1.50"])
        self.assertEqual(found[2][1], ["gc.o", 2, 3, "1.50"])

    def test_comparisons_go_to_the_page_of_their_kind(self):
        side = {"performed": 9, "passed": 9, "failed": []}
        run = {"release": "1.26.1", "variant": "standard", "options": "", "c": side, "rust": side}
        page_of = upstream_pages.page_of
        self.assertEqual(page_of(run), "suites")
        self.assertEqual(page_of({**run, "arch": "armhf"}), "metal")
        self.assertEqual(page_of({**run, "board": "MICROBIT"}), "metal")
        self.assertEqual(page_of({**run, "release": "1.22.2"}), "releases")
        with mock.patch.object(upstream_pages, "BUILD", self.folder), self.assertRaises(Fail):
            upstream_pages.write_results()

    def test_a_comparison_replaces_its_row_and_leaves_the_others(self):
        good = {"performed": 9, "passed": 9, "failed": []}
        run = {"release": "1.26.1", "variant": "standard", "options": "", "c": good, "rust": good}
        run["of"] = "abc on 2026-01-01"
        both = {**good, "passed": 8, "failed": ["basics/a.py"]}
        many = {**good, "passed": 2, "failed": [f"basics/{number}.py" for number in range(7)]}

        def write(*runs):
            shutil.rmtree(self.folder / "upstream", ignore_errors=True)
            for number, one in enumerate(runs):
                write_json(self.folder / "upstream" / f"{number}.json", one)
            with mock.patch.object(upstream_pages, "BUILD", self.folder):
                upstream_pages.write_results()
            return [line for line in self.page("suites").splitlines() if "1.26.1" in line]

        first = write(run, {**run, "options": "gil", "folders": ["basics", "stress"], "c": both})
        self.assertEqual(
            first,
            [
                "| 1.26.1 | standard |  | all | 9 | 9 | 9 |  |  | abc on 2026-01-01 |",
                "| 1.26.1 | standard | gil | basics stress | 9 | 8 | 9 |  |  | abc on 2026-01-01 |",
            ],
        )
        later = {**run, "c": both, "rust": {**both, "failed": ["basics/a.py", "basics/b.py"]}}
        del later["of"]
        text = write(later, {**run, "port": "windows", "variant": "dev", "c": many, "rust": many})
        self.assertRegex(
            text[0],
            r"standard \|  \| all \| 9 \| 8 \| 8 \| basics/a.py \| basics/b.py \| abc1234 on 20",
        )
        self.assertEqual(text[1], first[1])
        self.assertIn("| windows dev |  | all | 9 | 2 | 2 | 7 tests |  |", text[2])

    def test_a_report_of_the_benchmark_is_a_table(self):
        line = {"case": "fill", "c_ns": 2000, "rust_ns": 1000, "ratio": 2.0, "median_ratio": 1.9}
        line.update(c_instructions=10, rust_instructions=5, counted_as="fill-1MB")
        text = bench.body(Namespace(release="1.26.1"), [line])
        self.assertIn("| fill | 2 us | 1 us | 2.00 | 1.90 | 10 | 5 | 0.500 |", text)
        self.assertIn("`fill` has its instructions counted as `fill-1MB`", text)

    def test_sizes_are_a_table_with_heads_in_words(self):
        row = dict.fromkeys(size.HEADS, 0)
        row.update(target="thumbv7m", profile="size", c_text=3615, rust_text=3588, ratio=0.993)
        args = read(["size", "TARGET=thumbv7m", "WRITE=1"])[2]
        with (
            mock.patch.object(size, "measure", return_value=([row], {})),
            mock.patch.object(size, "get_tree", return_value=Namespace(release="1.25.0")),
            mock.patch.object(size, "write_json"),
        ):
            size.main(args)
        self.assertIn("| processor | profile | C | mpgc | ratio |", self.page("size"))
        self.assertIn("| thumbv7m | size | 3615 | 3588 | 0.993 |", self.page("size"))


class Commit(unittest.TestCase):
    def test_only_a_change_of_the_sources_makes_it_dirty(self):
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            (root / "docs").mkdir()
            for file in (root / "docs" / "page.md", root / "source.rs"):
                file.write_text("one\n")
            who = ["-c", "user.name=a", "-c", "user.email=a@b"]
            for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "one"]):
                subprocess.run(["git", *words], cwd=root, check=True)
            (root / "docs" / "page.md").write_text("two\n")
            self.assertNotIn("dirty", results.commit(root))
            (root / "source.rs").write_text("two\n")
            self.assertRegex(results.commit(root), "^[0-9a-f]{7,}-dirty$")
            self.assertEqual(results.commit(Path("/")), "unknown")


class Commands(unittest.TestCase):
    def test_the_command_of_a_page_can_be_typed(self):
        for words, command in (
            (["size", "--no-deps", "WRITE=1"], "make size WRITE=1"),
            (["twins", "CONFIG=a b", "WRITE=yes"], "make twins CONFIG='a b' WRITE=yes"),
            (["matrix", "--docs"], "python3 -m tools matrix --docs"),
            (
                ["ports", "MICROPYTHON_DIR=/home/me/tree"],
                "make ports MICROPYTHON_DIR=<checkout>",
            ),
        ):
            self.assertEqual(sorted(read(words)[2].command.split()), sorted(command.split()))


if __name__ == "__main__":
    unittest.main()
