"""The ways of CONTRIBUTING.md, `Where to find it`, lead to the code, whatever one starts from."""

import importlib.util
import re
import unittest

from tools.common import ROOT
from tools.tasks import TASKS

FOLDERS = ("setup", "build", "verify", "measure")
RUST = {path: path.read_text() for path in sorted((ROOT / "src").rglob("*.rs"))}
OPTIONS = (ROOT / "micropython-patches" / "options.txt").read_text()
PORT_OPTIONS = (ROOT / "src" / "host" / "port_options.h").read_text()


def rows_of(text):
    """The cells of each row of the tables of a page."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def where(word, files):
    """Which of these files hold the word, as it is or as buildsrc asks the headers for it."""
    pattern = rf"\b(FLAG_|NUMBER_)?{word}\b"
    return [path for path, text in files.items() if re.search(pattern, text)]


def body_of(name):
    """The Rust of the function that src/ffi exports with that name."""
    exports = [text for path, text in RUST.items() if path.parent.name == "ffi"]
    found = [text for text in exports if f"fn {name}(" in text]
    return re.search(rf"fn {name}\((?:.|\n)*?\n}}\n", found[0])[0] if len(found) == 1 else ""


class Ways(unittest.TestCase):
    def test_a_c_function_has_one_export_and_upstream_md_names_what_it_calls(self):
        """Step 1: its `fn` in src/ffi. Step 2: the method and file of docs/upstream.md."""
        tried = 0
        for cells in rows_of((ROOT / "docs" / "upstream.md").read_text()):
            names = re.findall(r"`(\w+)`", cells[0])
            calls = re.match(r"`Heap::(\w+)`, `([\w/]+\.rs)`", cells[1] if cells[1:] else "")
            if not calls or len(names) != 1:
                continue
            method, file = calls.groups()
            exported = any(f"fn {names[0]}(" in text for text in RUST.values())
            with self.subTest(names[0]):
                if exported:
                    self.assertRegex(body_of(names[0]), rf"\.{method}\(")
                self.assertRegex((ROOT / "src" / file).read_text(), rf"\bfn {method}\b")
            # what is static in C has no export
            tried += exported
        self.assertGreater(tried, 10)
        self.assertEqual(body_of("gc_no_such_function"), "")

    def test_a_task_has_the_file_of_its_name_or_tasks_py_says_which(self):
        for name, task in TASKS.items():
            with self.subTest(name):
                guesses = {f"{folder}.{name.replace('-', '_')}" for folder in FOLDERS}
                there = {guess for guess in guesses if importlib.util.find_spec(f"tools.{guess}")}
                self.assertLessEqual(there, {task.module})
                self.assertTrue(importlib.util.find_spec(f"tools.{task.module}"))
        self.assertEqual(TASKS["twins"].module, "verify.twins")

    def test_an_option_of_the_build_names_its_feature_which_the_code_asks_for(self):
        """Step 1: its line of options.txt. Step 2: the feature in src, or else the scripts."""
        scripts = {
            path: path.read_text()
            for path in (ROOT / "micropython-patches").iterdir()
            if path.suffix in (".py", ".mk", ".cmake")
        }
        lines = re.findall(r"^(MPGC_\w+) \| (\w+) ?([^|]*?) \|", OPTIONS, re.M)
        self.assertGreater(len(lines), 15)
        for name, kind, feature in lines:
            with self.subTest(name):
                if kind in ("switch", "pace") and feature:
                    asked = f'feature = "{feature}"'
                    self.assertTrue(any(asked in text for text in RUST.values()), asked)
                else:
                    self.assertTrue(where(name, scripts))

    def test_an_option_of_a_port_names_its_cfg_or_constant_which_the_code_uses(self):
        """Step 1: its line of port_options.h. Step 2: the cfg or constant in src, else buildsrc."""
        read = {path: path.read_text() for path in (ROOT / "buildsrc").glob("*.rs")}
        lines = re.findall(r"^(FLAG|TRUTH|NUMBER)\((\w+), (\w+)", PORT_OPTIONS, re.M)
        self.assertGreater(len(lines), 40)
        for kind, name, second in lines:
            with self.subTest(name):
                if second == "none":
                    self.assertTrue(where(name, read))
                else:
                    self.assertTrue(where(name if kind == "NUMBER" else second, RUST))


if __name__ == "__main__":
    unittest.main()
