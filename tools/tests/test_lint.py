"""`make lint` looks at all that ships; `make lint` and `make miri` say what they cannot run."""

import contextlib
import io
import re
import subprocess
import unittest
from unittest import mock

import tomllib

from tools.arguments import read
from tools.common import ROOT
from tools.verify import lint, miri


def features():
    text = (ROOT / "Cargo.toml").read_text()
    section = text.split("[features]")[1].split("\n[")[0]
    return set(re.findall(r"^([a-z-]+) = ", section, re.M)) - {"default"}


def printed(function, *arguments):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        result = function(*arguments)
    return result, said.getvalue()


class Lint(unittest.TestCase):
    def test_each_feature_is_looked_at_wherever_it_ships(self):
        of_libraries = {name for library in lint.LIBRARIES for name in library.features.split(",")}
        of_ports = {name for port in lint.PORTS.values() for name in port.features.split(",")}
        self.assertEqual(features() - of_libraries, {"micropython"})
        self.assertEqual(features() - of_ports - {"micropython", "standalone", "testing"}, set())

    def test_each_package_is_a_member_and_looked_at(self):
        command = ["git", "ls-files", "*/Cargo.toml"]
        listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        manifests = {name.removesuffix("/Cargo.toml") for name in listed.stdout.split()}
        root = tomllib.loads((ROOT / "Cargo.toml").read_text())
        self.assertEqual(manifests, set(root["workspace"]["members"]))
        for name in manifests:
            manifest = tomllib.loads((ROOT / name / "Cargo.toml").read_text())
            self.assertEqual((name, manifest["lints"]), (name, {"workspace": True}))
        # The library has checks of its own, in each of its shapes.
        self.assertEqual(lint.MEMBERS[:4], ["--workspace", "--exclude", "mpgc", "--all-targets"])

    def test_without_pip_ruff_is_skipped_by_name(self):
        checks = lint.Checks("")
        with mock.patch.object(lint, "find_ruff", return_value=(None, "no pip")):
            _, said = printed(lint.check_python, checks, False)
        self.assertEqual((said, checks.skipped, checks.failed), ("skipped: ruff: no pip\n", 1, 0))

    def test_what_a_check_finds_is_shown_and_counted(self):
        checks = lint.Checks("")
        printed(checks.run, "good", ["true"])
        _, said = printed(checks.run, "bad", ["sh", "-c", "echo a warning; exit 1"])
        self.assertEqual((checks.passed, checks.failed), (1, 1))
        self.assertIn("a warning", said)


class Miri(unittest.TestCase):
    def test_configurations_that_were_not_run_keep_their_rows(self):
        kept = [["`s390x`", "big", "1", "0", "0", "9", "old"], ["`gone`"] * 7]
        rows = miri.rows_of({"small": (3, 1, 2, 7.4)}, kept, "new")
        self.assertEqual(
            [(row[0], row[-1]) for row in rows], [("`small`", "new"), ("`s390x`", "old")]
        )
        self.assertEqual(rows[0][2:6], [3, 1, 2, "7"])

    def test_without_miri_the_reason_is_reported_and_nothing_fails(self):
        with mock.patch.object(miri.shutil, "which", return_value=None):
            status, said = printed(miri.main, read(["miri"])[2])
        self.assertEqual(status, 0)
        self.assertRegex(said, r"\Askipped: Miri is missing: .*rustup.*\n0 passed, 0 failed\n\Z")

    def test_a_run_that_stops_before_its_end_has_failed(self):
        log = "test heap::a ... ok <0.010s>\ntest heap::b ... error: Undefined Behavior: outside\n"
        self.assertEqual(miri.count(log, 1), (1, 1, 0))
        self.assertEqual(
            miri.count("test result: ok. 7 passed; 0 failed; 2 ignored; 0 measured", 0), (7, 0, 2)
        )
        self.assertEqual(
            miri.count("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured", 0), (0, 1, 0)
        )


if __name__ == "__main__":
    unittest.main()
