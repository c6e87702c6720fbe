"""Unit tests of what stands for CPython in a run of upstream's tests."""

import subprocess
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

from tools.setup.tree import Tree
from tools.verify import suite


class KeepingPython(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        patch = mock.patch.object(suite, "BUILD", self.folder / "a build")
        patch.start()
        self.addCleanup(patch.stop)
        self.python = suite.keeping_python(Tree(self.folder, "1.2.3", own=True))

    def write(self, name, text):
        path = self.folder / "c-tests" / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run_test(self, path):
        command = [self.python, "-BS", str(path)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return done.returncode, done.stdout

    def test_what_a_steady_test_prints_is_kept(self):
        path = self.write("basics/a.py", "print('one')")
        self.assertEqual(self.run_test(path), (0, b"one\n"))
        path.write_text("print('two')")
        self.assertEqual(self.run_test(path), (0, b"one\n"))

    def test_a_test_of_another_folder_is_run_each_time(self):
        path = self.write("extmod/a.py", "print('one')")
        self.assertEqual(self.run_test(path), (0, b"one\n"))
        path.write_text("print('two')")
        self.assertEqual(self.run_test(path), (0, b"two\n"))

    def test_a_failure_is_passed_on_and_not_kept(self):
        path = self.write("basics/a.py", "print('one'); raise SystemExit(3)")
        self.assertEqual(self.run_test(path), (3, b"one\n"))
        path.write_text("print('two')")
        self.assertEqual(self.run_test(path), (0, b"two\n"))

    def test_other_arguments_are_passed_on(self):
        done = subprocess.run(
            [self.python, "-c", "print(1 + 1)"], stdout=subprocess.PIPE, check=True
        )
        self.assertEqual(done.stdout, b"2\n")

    def test_of_a_tree_that_may_change_nothing_is_kept(self):
        self.assertEqual(
            suite.keeping_python(Tree(self.folder, "1.2.3", own=False)), sys.executable
        )

    def test_two_suites_may_begin_at_once(self):
        together = threading.Barrier(2)
        chmod = Path.chmod

        def both_have_written(path, mode):
            together.wait(timeout=20)
            chmod(path, mode)

        tree = Tree(self.folder, "1.2.4", own=True)
        with mock.patch.object(Path, "chmod", both_have_written), ThreadPoolExecutor(2) as pool:
            scripts = list(pool.map(suite.keeping_python, [tree, tree]))
        self.assertEqual(scripts[0], scripts[1])


if __name__ == "__main__":
    unittest.main()
