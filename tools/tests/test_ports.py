"""The table of `make ports`, what it compares, and the page that it renews."""

import shutil
import subprocess
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

from tools import results
from tools.common import ROOT, Fail
from tools.setup.tree import Tree
from tools.tests.pages import in_a_folder
from tools.verify import ports, ports_build, ports_program, ports_table

PORTING = (ROOT / "docs" / "porting.md").read_text()


def program_of(folder, name, text, *flags):
    path = Path(folder) / name
    command = ["gcc", "-Os", "-x", "c", "-o", path, *flags, "-"]
    subprocess.run(command, input=text, text=True, check=True)
    return path


class Table(unittest.TestCase):
    def test_the_rows_are_whole(self):
        found = ports_table.rows()
        self.assertGreaterEqual(len(found), 20)
        for row in found:
            with self.subTest(row.name):
                whole = row.program or row.entry in ("mpgc-object", "windows", "webassembly")
                self.assertTrue(whole, "no program")
                if row.input:
                    self.assertTrue((ROOT / row.input).is_file() and row.until)

    def test_a_field_that_is_not_known_and_one_that_is_missing_are_named(self):
        whole = {"name": "a", "port": "b", "entry": "wrapper", "profile": "size"}
        ports_table.row_of(whole)
        for wrong, said in (
            ({**whole, "made": []}, "`made`"),
            ({**whole, "make": "BOARD=A"}, "`make`"),
            ({"name": "a"}, "no `port`"),
            ({**whole, "entry": "nowhere"}, "an entry of wrapper"),
            ({**whole, "profile": "large"}, "a profile of speed"),
        ):
            with self.assertRaisesRegex(Fail, said):
                ports_table.row_of(wrong)

    def test_a_whole_name_chooses_its_row_alone(self):
        for only, names in (
            ("rp2 RPI_PICO", ["rp2 RPI_PICO"]),
            ("rp2 RPI_PICO2, ARM", ["rp2 RPI_PICO2, ARM"]),
            (
                "samd,WIPY",
                ["cc3200 WIPY", *(row.name for row in ports_table.rows() if row.port == "samd")],
            ),
        ):
            with self.subTest(only):
                found = [row.name for row in ports_table.chosen(only, False)]
                self.assertEqual(sorted(found), sorted(names))

    def test_docs_and_the_table_recommend_the_same(self):
        text = PORTING.partition("### Which profile")[2].partition("\n#")[0]
        lines = [line.strip("| ").split(" | ") for line in text.splitlines()]
        named = [cells for cells in lines if len(cells) == 4 and cells[2].startswith("`")]
        documented = {tuple(cells[:3]) for cells in named}
        for row in ports_table.rows():
            entry = "wrapper" if row.entry in ("cmake", "windows", "webassembly") else row.entry
            self.assertIn((row.name, entry, f"`{row.profile}`"), documented)
        self.assertEqual(len(documented), len(ports_table.rows()) + 2)


class Missing(unittest.TestCase):
    def setUp(self):
        self.tree = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.tree / "ports" / "rp2" / "boards" / "RPI_PICO").mkdir(parents=True)
        for row in ports_table.rows():
            for name in row.submodules:
                (self.tree / name / "file").mkdir(parents=True, exist_ok=True)

    def missing(self, name="rp2 RPI_PICO"):
        row = next(row for row in ports_table.rows() if row.name == name)
        return ports_table.missing(row, Tree(self.tree, "1.26.1", own=True))

    def test_it_is_named_with_what_to_do(self):
        with (
            mock.patch.object(ports_table.shutil, "which", return_value="/usr/bin/program"),
            mock.patch.object(ports_table, "choose_toolchain"),
        ):
            self.assertIsNone(self.missing())
            (self.tree / "lib" / "pico-sdk" / "file").rmdir()
            self.assertEqual(
                self.missing(),
                "lib/pico-sdk is empty: git submodule update --init lib/pico-sdk",
            )
            self.assertIn("no board RPI_PICO2", self.missing("rp2 RPI_PICO2, ARM"))
            self.assertIn("no ports/nrf", self.missing("nrf MICROBIT"))
            (self.tree / "ports" / "esp32").mkdir()
            with mock.patch.dict(ports_table.os.environ, clear=True):
                self.assertIn("IDF_PATH is not set", self.missing("esp32 ESP32_GENERIC"))

    def test_a_compiler_is_named_with_the_task_that_installs_it(self):
        with mock.patch.object(ports_table.shutil, "which", return_value=None):
            self.assertEqual(
                self.missing(),
                "`arm-none-eabi-gcc` is not in PATH: make deps TARGET=thumbv6m-none-eabi",
            )

    def test_what_is_missing_is_skipped_by_name(self):
        args = Namespace(only="RPI_PICO,MICROBIT", small=False, list=False, release="")
        args.micropython_dir, args.write = self.tree, False
        tree = Tree(self.tree, "1.26.1", own=True)
        said = []
        with (
            mock.patch.object(ports, "get_tree", return_value=tree),
            mock.patch.object(ports, "write_json"),
            mock.patch.object(ports_table, "missing", return_value="it is not here"),
            mock.patch("builtins.print", lambda text, **_: said.append(text)),
        ):
            ports.main(args)
        self.assertIn("skipped: rp2 RPI_PICO: it is not here", said)
        self.assertIn("0 passed, 0 failed", said)


# The same function, and another one with its name; both call into the rest of the program.
SAME = """
int other(int x);
__attribute__((noinline)) int gc_alloc(int x) {
    int sum = 1;
    for (int i = 0; i < x; i++) { sum = sum * 3 + other(sum ^ i) - i / 7; }
    return sum;
}
"""
ANOTHER = SAME.replace("sum * 3", "sum * 5")
MAIN = """
__attribute__((noinline)) int other(int x) { return x + %d; }
int gc_alloc(int x);
int main(int count, char **words) { return gc_alloc(count); }
"""


@unittest.skipUnless(shutil.which("gcc"), "gcc is not there")
class Code(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        try:
            ports_program.elf_file(program_of(self.folder, "any.o", SAME, "-c"))
        except Fail as fail:
            self.skipTest(str(fail))

    def sides(self, rust, placed=""):
        c = program_of(self.folder, "c.o", placed + SAME, "-c", "-ffunction-sections")
        rust = program_of(self.folder, "rust.o", rust, "-c", "-ffunction-sections")
        found = []
        for name, own in (("c", c), ("rust", rust)):
            # something else stands before, so that no address is the same
            main = program_of(self.folder, f"main-{name}.o", MAIN % len(name), "-c")
            path = Path(self.folder) / name
            subprocess.run(["gcc", "-o", path, main, own], check=True)
            found.append(ports_program.Program(path))
        return [c], *found

    def test_the_cs_code_in_the_program_is_seen_wherever_it_lies(self):
        objects, control, program = self.sides("int pad(void) { return 4; }" + SAME)
        with self.assertRaisesRegex(Fail, "has the C's code of gc_alloc"):
            ports_program.compare_code(objects, control, program)

    def test_other_code_of_that_name_is_none_of_the_cs(self):
        objects, control, program = self.sides(ANOTHER)
        self.assertEqual(ports_program.compare_code(objects, control, program), 1)

    def test_where_the_control_has_other_code_than_its_objects_nothing_is_claimed(self):
        objects, _, program = self.sides(ANOTHER)
        self.assertEqual(ports_program.compare_code(objects, program, program), 0)

    def test_an_object_beside_the_carrier_holds_no_function(self):
        carrier = program_of(self.folder, "gc.o", SAME, "-c")
        empty = program_of(self.folder, "scheduler.o", "int variable;", "-c")
        ports_program.prove_empty([carrier, empty], carrier)
        with self.assertRaisesRegex(Fail, "gc.o is not empty: it has gc_alloc"):
            ports_program.prove_empty([carrier, empty], empty)

    def test_sizes_are_those_of_size(self):
        path = self.sides(SAME)[1].path
        line = subprocess.run(["size", path], capture_output=True, text=True, check=True).stdout
        text, data, bss = map(int, line.splitlines()[1].split()[:3])
        self.assertEqual(ports_program.Program(path).sizes, (text, data, bss))

    def test_a_function_that_the_c_places_and_mpgc_does_not_is_a_fault(self):
        placed = '__attribute__((section("fast"))) int gc_alloc(int x);'
        _, control, program = self.sides(ANOTHER, placed)
        with self.assertRaisesRegex(Fail, r"gc_alloc \(fast, with mpgc .text\)"):
            ports_program.compare_places({"gc_alloc"}, control, program)
        # what mpgc alone places is reported
        moved = ports_program.compare_places({"gc_alloc"}, program, control)
        self.assertEqual(moved, [("gc_alloc", ".text", "fast")])


class Run(unittest.TestCase):
    def output(self, script, until="the end", seconds=20, given=None):
        run = f"sh -c {ports_build.shlex.quote(script)}"
        row = mock.Mock(run=run, input=given, until=until)
        built = mock.Mock(starter="x", folder="y")
        with mock.patch.object(ports_build, "SECONDS", seconds):
            return ports_build.output_of(row, built)

    def test_it_ends_with_the_last_line_that_is_waited_for(self):
        script = "echo 'print(\"the end\")'; echo MicroPython v1 on a day; echo the end; echo more; sleep 60"
        self.assertEqual(self.output(script), ['print("the end")', "the end"])

    def test_a_script_is_given_when_the_prompt_is_there(self):
        # what is there before is lost, as with a serial line that nobody reads
        lose = "import os, select; os.read(0, 9999) if select.select([0], [], [], 1)[0] else 0"
        read = "import os; print(); print(os.read(0, 5)); print('the end')"
        script = f'python3 -c "{lose}"; printf \'>>> \'; python3 -c "{read}"; sleep 60'
        found = self.output(script, given="tests/ports/small.py")
        self.assertEqual(found, [">>> ", repr(b"\x05try:"), "the end"])

    def test_a_program_that_ends_before_or_never_is_a_fault(self):
        with self.assertRaisesRegex(Fail, "ended without `the end`"):
            self.output("echo nothing")
        with self.assertRaisesRegex(Fail, "has not ended after 2 s"):
            self.output("echo nothing; sleep 60", seconds=2)


FOUND = {
    "name": "rp2 RPI_PICO",
    "release": "1.26.1",
    "c": [339568, 10, 20],
    "speed": {"profile": "speed", "sizes": [341956, 10, 24], "ran": True},
    "size": {"profile": "size", "fits": False},
}


class Page(unittest.TestCase):
    def setUp(self):
        self.folder = in_a_folder(self)

    def text(self):
        return (self.folder / "ports.md").read_text()

    def test_a_run_renews_its_own_rows_and_no_others(self):
        ports.write_page([FOUND, {**FOUND, "name": "bare-arm"}], "make ports WRITE=1")
        self.assertIn("| rp2 RPI_PICO | 1.26.1 | 339,568 | 341,956 | does not fit |", self.text())
        results.write_section("ports", "Windows", "make bench-ports WRITE=1", "| a | 1 |")
        again = {**FOUND, "c": [1, 2, 3]}
        ports.write_page([again, {**FOUND, "release": "1.28.0"}], "make ports WRITE=1")
        text = self.text()
        lines = [line for line in text.splitlines() if line.startswith("| ")]
        names = [line.split(" | ")[:3] for line in lines[2:]]
        self.assertEqual(
            names,
            [
                ["| bare-arm", "1.26.1", "339,568"],
                ["| rp2 RPI_PICO", "1.26.1", "1"],
                ["| rp2 RPI_PICO", "1.28.0", "339,568"],
                ["| a", "1 |"],
            ],
        )
        self.assertEqual(text.count("## Windows\n\nWritten by `make bench-ports WRITE=1`"), 1)

    def test_a_section_is_written_in_its_place(self):
        (self.folder / "ports.md").write_text("# A\n\nstamp\n\n## B\n\nold\n\n## C\n\nkept\n")
        results.write_section("ports", "B", "make b", "new")
        results.write_section("ports", "D", "make d", "more")
        text = self.text()
        self.assertNotIn("old", text)
        places = [text.index(word) for word in ("stamp", "## B", "new", "## C", "kept", "## D")]
        self.assertEqual(places, sorted(places))


if __name__ == "__main__":
    unittest.main()
