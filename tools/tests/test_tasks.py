"""Each task of `make help` can be run, and what make is given for it reaches the code behind it."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools import arguments
from tools.arguments import VARIABLES, option, read
from tools.common import ROOT, Fail
from tools.tasks import SECTIONS, TASKS, variables_of

# A value of each kind that is no default.
OTHER = {"text": "a 'b' c", "whole": "7", "switch": "yes"}
MAKEFILE = (ROOT / "Makefile").read_text()


def attribute(name):
    return option(name)[2:].replace("-", "_")


class Make(unittest.TestCase):
    """The Makefile, with a program in the place of python3 that prints the words it is given."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.python = Path(folder.name) / "python"
        self.python.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\n')
        self.python.chmod(0o755)
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in (*VARIABLES, "MAKELEVEL", "MAKEFLAGS")
        }
        patch = mock.patch.dict(os.environ, environment, clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def words(self, *given):
        command = ["make", "-C", ROOT, "--no-print-directory", f"PYTHON={self.python}", *given]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(done.stdout.splitlines()[:2], ["-m", "tools"])
        return done.stdout.splitlines()[2:]

    def test_what_make_is_given_reaches_the_task(self):
        for task in TASKS.values():
            values = {name: OTHER[VARIABLES[name].kind] for name in variables_of(task)}
            words = self.words(task.name, *(f"{name}={value}" for name, value in values.items()))
            found, _, args = read(words)
            self.assertEqual(found.name, task.name)
            for name, value in values.items():
                with self.subTest(f"make {task.name} {name}={value}"):
                    expected = {"text": value, "whole": 7, "switch": True}[VARIABLES[name].kind]
                    self.assertEqual(getattr(args, attribute(name)), expected)

    def test_what_is_in_the_environment_reaches_the_task_and_not_its_commands(self):
        for task in TASKS.values():
            values = {name: OTHER[VARIABLES[name].kind] for name in variables_of(task)}
            with mock.patch.dict(os.environ, values):
                args = read([task.name])[2]
                left = set(os.environ) & set(VARIABLES)
            self.assertEqual(left - set(arguments.INHERITED), set(), task.name)
            for name, value in values.items():
                expected = {"text": value, "whole": 7, "switch": True}[VARIABLES[name].kind]
                self.assertEqual(getattr(args, attribute(name)), expected, f"{name} of {task.name}")

    def test_the_command_line_is_before_the_environment_and_an_empty_value_is_none(self):
        with mock.patch.dict(os.environ, {"CONFIG": "auto"}):
            self.assertEqual(read(["twins", "CONFIG=split"])[2].config, "split")
        self.assertEqual(read(["threads", "ROUNDS="])[2].rounds, 20)
        self.assertEqual(read(["build", "VARIANT="])[2].variant, "standard")
        # the value of an option is no variable
        args = read(["firmware", "--options", "X=1", "BOARD=MICROBIT"])[2]
        self.assertEqual((args.options, args.board), ("X=1", "MICROBIT"))

    def test_off_is_off(self):
        for task, variable in (
            ("firmware-lib", "HARDENED"),
            ("size", "SYMBOLS"),
            ("mutants", "TRUST"),
            ("matrix", "RESUME"),
        ):
            for value, on in (
                ("1", True),
                ("yes", True),
                ("", False),
                ("0", False),
                ("OFF", False),
                ("no", False),
            ):
                args = read(self.words(task, f"{variable}={value}"))[2]
                with self.subTest(f"{variable}={value}"):
                    self.assertEqual(getattr(args, attribute(variable)), on)
        with self.assertRaisesRegex(Fail, "RESUME=maybe is neither on nor off"):
            read(["matrix", "RESUME=maybe"])

    def test_a_variable_that_a_task_does_not_take_is_refused(self):
        with self.assertRaisesRegex(Fail, "`twins` takes no CONFG: did you mean CONFIG"):
            read(self.words("twins", "CONFG=split"))
        with self.assertRaisesRegex(Fail, "`clean` takes no OPS: it takes no variable"):
            read(self.words("clean", "OPS=1"))
        for given in (
            "JOBS=1",
            "MPGC_CARGO=/bin/cargo",
            "CARGO_HOME=/nowhere",
            "MICROPYTHON_DIR=/nowhere",
        ):
            read(self.words("clean", given))
        # one of several tasks may take it, and so may a make that called this one
        with mock.patch.dict(os.environ, {"MAKE_TASKS": "clean twins"}):
            read(["clean", "OPS=1"])
        with mock.patch.dict(os.environ, {"MAKELEVEL": "2"}):
            read(["clean", "OPS=1"])

    def test_what_every_tool_reads_is_in_the_environment(self):
        read(["test", "JOBS=3", "MPGC_CARGO=/a b", "MICROPYTHON_DIR=/c"])
        self.assertEqual(os.environ["MICROPYTHON_DIR"], "/c")
        self.assertEqual((os.environ["JOBS"], os.environ["MPGC_CARGO"]), ("3", "/a b"))

    def test_the_folder_of_the_tools_can_be_run_from_anywhere(self):
        command = [sys.executable, ROOT / "tools", "help"]
        done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, text=True, check=True)
        self.assertIn("\nBuild:\n", done.stdout)

    def test_what_is_no_task_is_named(self):
        self.assertEqual(self.words("twin"), ["twin"])
        with self.assertRaisesRegex(Fail, "no task `twin`: did you mean `twins`"):
            read(["twin"])

    def test_make_alone_lists_the_tasks(self):
        self.assertEqual(self.words(), ["help"])

    def test_the_commands_that_make_shows_are_those_that_it_runs(self):
        command = [
            "make",
            "-n",
            "-C",
            ROOT,
            "--no-print-directory",
            "twins",
            "CONFIG=split",
            "RUN=a 'b'",
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(
            shlex.split(done.stdout.splitlines()[-1])[2:],
            ["tools", "twins", "CONFIG=split", "RUN=a 'b'"],
        )


class Table(unittest.TestCase):
    def test_make_knows_the_tasks_and_no_others(self):
        listed = (
            re.search(r"^TASKS := (.*?[^\\])\n", MAKEFILE, re.M | re.S)[1]
            .replace("\\\n", " ")
            .split()
        )
        self.assertEqual(sorted(listed), sorted(TASKS))
        self.assertEqual(len(TASKS), sum(map(len, SECTIONS.values())))

    def test_each_variable_in_what_help_says_is_taken(self):
        for task in TASKS.values():
            named = set(re.findall(r"(?<![A-Z0-9_])(?!MPGC_)([A-Z][A-Z0-9_]*)=", task.does))
            self.assertLessEqual(named, set(variables_of(task)), task.name)

    def test_a_task_that_has_a_module_of_its_own_is_where_its_name_says(self):
        alone = [
            task
            for task in TASKS.values()
            if sum(t.module == task.module for t in TASKS.values()) == 1
        ]
        self.assertGreater(len(alone), 30)
        for task in alone:
            self.assertEqual(task.module.split(".")[-1], task.name.replace("-", "_"))

    def test_each_task_says_what_it_needs(self):
        for task in TASKS.values():
            args = read([task.name])[2]
            if task.needs:
                self.assertLessEqual(
                    set(task.needs(args)), {"kinds", "targets", "boards"}, task.name
                )


if __name__ == "__main__":
    unittest.main()
