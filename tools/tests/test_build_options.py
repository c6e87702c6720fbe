"""The options of a port's build: their table, what reads it, and how people spell on and off."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parent.parent.parent
PATCHES = ROOT / "micropython-patches"
sys.path.insert(0, str(PATCHES))

import mpgc_cargo  # noqa: E402
import mpgc_options  # noqa: E402
from mpgc_rust import Stop  # noqa: E402


class Values(unittest.TestCase):
    def test_off_is_off_however_it_is_spelled(self):
        for word in ("", " ", "0", "OFF", "off", "Off", "false", "FALSE", "no", "NO", "n", "N"):
            with self.subTest(word):
                values = mpgc_options.read([f"MPGC_NOSCAN={word}", f"MPGC_BUILD_STD={word}"])
                self.assertEqual(values["MPGC_NOSCAN"], "")
                self.assertEqual(values["MPGC_BUILD_STD"], "0" if word.strip() else "")
                self.assertEqual(mpgc_options.features(values), [])

    def test_on_is_on_however_it_is_spelled(self):
        for word in ("1", "on", "ON", "true", "True", "yes", "YES", "y", "Y", " yes "):
            with self.subTest(word):
                values = mpgc_options.read(
                    [f"MPGC_NOSCAN={word}", f"MPGC_PYTHON_MODULE={word}", f"MPGC_BUILD_STD={word}"]
                )
                self.assertEqual(
                    [
                        values[name]
                        for name in ("MPGC_NOSCAN", "MPGC_PYTHON_MODULE", "MPGC_BUILD_STD")
                    ],
                    ["1"] * 3,
                )
                self.assertEqual(mpgc_options.features(values), ["noscan"])

    def test_anything_else_stops_by_name(self):
        for given in (
            "MPGC_NOSCAN=maybe",
            "MPGC_HARDENED=2",
            "MPGC_BUILD_STD=core",
            "MPGC_PROFILE=tiny",
            "MPGC_OPT_LEVEL=4",
            "MPGC_KEEP_C=gc vm",
            "MPGC_HARDEND=1",
            "MPGC_PYTHON_MODULE=-",
        ):
            with self.subTest(given), self.assertRaisesRegex(Stop, given.partition("=")[0]):
                mpgc_options.read([given])

    def test_each_switch_is_taken_in_each_spelling(self):
        for name, option in mpgc_options.table().items():
            if option.kind == "switch":
                self.assertEqual(mpgc_options.read([f"{name}=Yes"])[name], "1")
                self.assertEqual(mpgc_options.read([f"{name}=False"])[name], "")

    def test_what_contradicts_each_other_stops(self):
        with self.assertRaisesRegex(Stop, "MPGC_CLEAR_ON_SWEEP=1 zeroes"):
            mpgc_options.read(["MPGC_CLEAR_ON_SWEEP=yes", "MPGC_HARDENED=on"])
        mpgc_options.read(["MPGC_CLEAR_ON_SWEEP=yes", "MPGC_HARDENED=off"])
        for given in ("MPGC_PACING=8", "MPGC_IDLE_COLLECT=1", "MPGC_CLEAR_STACK=1"):
            with self.assertRaisesRegex(Stop, given.partition("=")[0] + ".*MPGC_KEEP_C=gc"):
                mpgc_options.read([given, "MPGC_KEEP_C=gc"])

    def test_a_pace_is_a_number_or_a_part_of_what_is_free(self):
        for given, value in (("8", "8"), ("free/3", "free/3"), ("0", ""), ("off", ""), ("", "")):
            values = mpgc_options.read([f"MPGC_PACING={given}"])
            self.assertEqual(values["MPGC_PACING"], value)
            self.assertEqual(mpgc_options.features(values), ["pacing"] if value else [])
        for given in ("-1", "free/0", "free", "1/8", "8.0", "heap/8", "yes", "1000"):
            with self.subTest(given), self.assertRaisesRegex(Stop, "MPGC_PACING=.* is no pace"):
                mpgc_options.read([f"MPGC_PACING={given}"])

    def test_the_environment_counts_where_nothing_is_given(self):
        read = mpgc_options.read
        self.assertEqual(read([], {"MPGC_NOSCAN": "on"})["MPGC_NOSCAN"], "1")
        self.assertEqual(read(["MPGC_NOSCAN=1"], {"MPGC_NOSCAN": "yes"})["MPGC_NOSCAN"], "1")
        self.assertEqual(read(["MPGC_NOSCAN=1"], {})["MPGC_NOSCAN"], "1")
        self.assertEqual(read([], {"MPGC_NOSCAN": ""})["MPGC_NOSCAN"], "")
        for given, outside in (("1", "0"), ("", "1")):
            with self.assertRaisesRegex(Stop, "MPGC_NOSCAN.*CMake.*environment"):
                read([f"MPGC_NOSCAN={given}"], {"MPGC_NOSCAN": outside})
        with self.assertRaisesRegex(Stop, "MPGC_NOSCAN=perhaps"):
            read([], {"MPGC_NOSCAN": "perhaps"})

    def test_what_is_written_down_is_read_back(self):
        values = mpgc_options.read(
            ["MPGC_HARDENED=yes", "MPGC_CARGO=/a b/cargo=1", "MPGC_BUILD_TOOLS=/tools"]
        )
        lines = [
            line for places in (False, True) for line in mpgc_options.lines(values, places=places)
        ]
        self.assertEqual(mpgc_options.read(lines), values)
        # where tools lie changes nothing in what is built
        self.assertNotIn("/tools", "".join(mpgc_options.lines(values, places=False)))


class Readers(unittest.TestCase):
    def test_the_features_are_those_of_the_crate(self):
        features = tomllib.loads((ROOT / "Cargo.toml").read_text())["features"]
        for option in mpgc_options.table().values():
            if option.kind == "switch":
                self.assertLessEqual(set(option.words), set(features), option.name)
        for profile in mpgc_cargo.PROFILES.values():
            self.assertLessEqual(set(profile.features), set(features))

    def test_the_profiles_are_those_of_the_table(self):
        profile = mpgc_options.table()["MPGC_PROFILE"]
        self.assertEqual(profile.words + profile.hidden, list(mpgc_cargo.PROFILES))

    def test_the_documents_have_the_table(self):
        command = [sys.executable, PATCHES / "mpgc_options.py"]
        table = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertIn(
            table,
            (ROOT / "docs" / "porting.md").read_text(),
            "paste what mpgc_options.py prints into docs/porting.md",
        )

    def test_no_document_names_an_option_that_the_table_has_not(self):
        """Names as they are given: MPGC_X=..."""
        for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
            for name in re.findall(r"\b(MPGC_[A-Z_]+)=", path.read_text()):
                with self.subTest(path.name):
                    self.assertIn(name, {*mpgc_options.table(), "MPGC_BLESS"})


if __name__ == "__main__":
    unittest.main()
