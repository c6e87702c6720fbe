"""The version is the same wherever it is written, and CHANGELOG.md has a section for it."""

import re
import unittest

import tomllib

from tools.common import ROOT

WORKSPACE = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
VERSION = WORKSPACE["package"]["version"]


def found(pattern, file):
    return re.findall(pattern, (ROOT / file).read_text(), re.M)


class Version(unittest.TestCase):
    def test_it_is_that_of_the_workspace_everywhere(self):
        self.assertEqual(found(r'MPGC_VERSION_STRING "(.*)"', "include/mpgc.h"), [VERSION])
        self.assertEqual(set(found(r"^ +mpgc (\S+) for MicroPython", "docs/porting.md")), {VERSION})
        minor = VERSION.rpartition(".")[0]
        self.assertEqual(found(r"find_package\(mpgc (\S+) REQUIRED", "docs/firmware.md"), [minor])
        packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
        ours = {package["version"] for package in packages if "source" not in package}
        self.assertEqual(ours, {VERSION})

    def test_the_changes_have_a_section_for_it_below_those_that_are_not_released(self):
        sections = found(r"^## \[(.*?)\]", "CHANGELOG.md")
        self.assertEqual(sections[:2], ["Unreleased", VERSION])
        self.assertTrue(found(rf"^## \[{re.escape(VERSION)}\] - 20\d\d-\d\d-\d\d$", "CHANGELOG.md"))


if __name__ == "__main__":
    unittest.main()
