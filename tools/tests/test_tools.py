"""Tests of the tools themselves: what they read and what they conclude, without any build."""

import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools.build.unix import object_of
from tools.common import ROOT, Fail
from tools.setup import apt_sources, options, tree
from tools.verify import chance, fuzz, hardened_tests, interrupts, threads, twins, upstream
from tools.verify import test as run_checks
from tools.verify.suite import Result, read_result
from tools.verify.untouched import Untouched

DEBIAN_12 = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
DEB822 = """\
# a mirror
Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /keys/security.gpg

Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""
ONE_LINE = """\
# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/keys/other.gpg] https://tools.example/apt stable other
deb [signed-by=/keys/debian.gpg] http://mirror.example/debian bookworm main # the archive
"""


class AptSources(unittest.TestCase):
    def archive(self, files, release=DEBIAN_12):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return apt_sources.debian_archive(Path(folder), release)

    def test_deb822_gives_the_main_archive_with_its_inline_key(self):
        uri, key = self.archive({"sources.list.d/debian.sources": DEB822})
        self.assertEqual(uri, "http://mirror.example/debian")
        self.assertIn("\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc", key)

    def test_one_line_format_gives_the_main_archive_with_its_key_file(self):
        self.assertEqual(
            self.archive({"sources.list": ONE_LINE}),
            ("http://mirror.example/debian", "/keys/debian.gpg"),
        )

    def test_an_entry_that_is_switched_off_is_not_used(self):
        with self.assertRaises(Fail):
            self.archive(
                {
                    "sources.list.d/a.sources": DEB822.replace(
                        "Types: deb\n", "Enabled: no\nTypes: deb\n"
                    )
                }
            )

    def test_another_system_is_asked_to_name_a_tree(self):
        with self.assertRaisesRegex(Fail, "MICROPYTHON_DIR"):
            self.archive({"sources.list": ONE_LINE}, {"ID": "fedora", "PRETTY_NAME": "Fedora"})


class Options(unittest.TestCase):
    def test_names_and_raw_flags_meet_in_one_cflags_extra(self):
        parsed = options.parse("pystack -DX=1 native")
        self.assertEqual(
            parsed.make_variables,
            {"CFLAGS_EXTRA": "-DMICROPY_ENABLE_PYSTACK=1 -DMICROPY_STACKLESS=1 -DX=1"},
        )
        self.assertEqual(parsed.test_flags, ["--emit", "native"])
        self.assertEqual(parsed.slug, "pystack-DX-1-native")

    def test_a_name_as_the_value_of_a_flag_is_that_value(self):
        self.assertEqual(options.parse("--emit native").test_flags, ["--emit", "native"])

    def test_test_flags_share_the_plain_build(self):
        self.assertEqual(
            {options.parse(o).build_slug for o in ("", "native", "--via-mpy --emit native")}, {""}
        )

    def test_unknown_words_and_reserved_variables_are_refused(self):
        for text in ("pystak", "BUILD=/x", "--emit"):
            with self.assertRaises(Fail):
                options.parse(text)


class HardenedTests(unittest.TestCase):
    def test_a_test_may_stop_in_a_hardened_build_alone(self):
        for test in hardened_tests.STOPPED:
            self.assertTrue(hardened_tests.stopped(test, options.parse("hardened")))
            self.assertEqual(hardened_tests.stopped(test, options.parse("")), "")
        self.assertEqual(hardened_tests.stopped("basics/list1.py", options.parse("hardened")), "")

    def test_the_port_page_explains_each(self):
        page = (ROOT / "docs" / "porting.md").read_text()
        for test in hardened_tests.STOPPED:
            self.assertIn(f"`{test}`", page)


class Verdicts(unittest.TestCase):
    def judge(self, c, rust):
        return upstream.judge({"c": c.split(), "rust": rust.split()})

    def test_only_a_test_that_c_passes_and_rust_does_not_is_an_error(self):
        # of fifteen runs each
        always, often, seldom = "pass " * 15, "pass pass fail " * 5, "pass pass pass pass fail " * 3
        self.assertEqual(self.judge(always, often), "ERROR")
        self.assertEqual(self.judge(always, seldom), "flaky")
        self.assertEqual(self.judge(seldom, often), "flaky")
        self.assertEqual(self.judge("pass pass pass", "skip skip skip"), "ERROR")
        self.assertEqual(self.judge(seldom, "fail " * 15), "ERROR")
        # three runs of what the C fails too say little: see unsteady
        self.assertEqual(self.judge("pass fail pass", "fail fail fail"), "flaky")
        self.assertEqual(self.judge("pass pass pass", "pass pass pass"), "flaky")
        self.assertEqual(self.judge("pass fail pass", "fail fail pass"), "flaky")
        self.assertEqual(self.judge("fail fail fail", "pass pass pass"), "only the C fails")

    def test_what_is_unsteady_gets_more_runs_if_mpgc_fails_more_often(self):
        def unsteady(c, rust):
            return upstream.unsteady({"c": c.split(), "rust": rust.split()})

        self.assertTrue(unsteady("pass pass pass", "pass fail pass"))
        self.assertTrue(unsteady("pass fail pass", "fail fail fail"))
        self.assertTrue(unsteady("pass fail pass", "pass fail fail"))
        # settled: an error, no difference, the C alone
        self.assertFalse(unsteady("pass pass pass", "fail fail fail"))
        self.assertFalse(unsteady("pass pass pass", "pass pass pass"))
        self.assertFalse(unsteady("fail fail fail", "fail fail fail"))
        self.assertFalse(unsteady("fail fail pass", "pass fail pass"))

    def test_what_c_never_passes_is_not_blamed_on_rust(self):
        self.assertEqual(self.judge("fail fail fail", "fail fail fail"), "flaky")

    def test_a_flaky_test_counts_as_passed_where_it_passed_again(self):
        outcomes = {
            "a.py": {"c": ["pass"], "rust": ["fail", "pass"]},
            "b.py": {"c": ["pass"], "rust": ["fail"]},
        }
        settled = upstream.settle(Result(9, 7, [], ["a.py", "b.py"]), "rust", outcomes)
        self.assertEqual(settled, Result(9, 8, [], ["b.py"]))

    def test_one_run_of_one_test_is_pass_fail_or_skip(self):
        self.assertEqual(upstream.outcome(Result(1, 1, [], []), "a.py"), "pass")
        self.assertEqual(upstream.outcome(Result(1, 0, [], ["a.py"]), "a.py"), "fail")
        self.assertEqual(upstream.outcome(Result(0, 0, ["a"], []), "a.py"), "skip")


class Reading(unittest.TestCase):
    def read(self, text, failed, files=()):
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder) / "all"
            results.mkdir()
            if failed is not None:
                (results / "_results.json").write_text('{"failed_tests": %s}' % failed)
            for name in files:
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            log = Path(folder) / "all.log"
            log.write_text(text)
            return read_result(log, results)

    SUMMARY = (
        "3 tests performed (9 individual testcases)\n2 tests passed\n1 tests skipped: "
        "a_b\n1 tests failed: c\n"
    )

    def test_counts_and_names(self):
        self.assertEqual(self.read(self.SUMMARY, '["x/c.py"]'), Result(3, 2, ["a_b"], ["x/c.py"]))

    def test_what_the_runner_forgives_counts_as_failed(self):
        text = (
            "3 tests performed\n2 tests passed\n1 tests had known-flaky failures (ignored): "
            "x/c.py [flaky]\n"
        )
        self.assertEqual(
            self.read(text, '[], "ignored_tests": ["x/c.py"]'), Result(3, 2, [], ["x/c.py"])
        )

    def test_before_1_23_a_failed_test_is_found_by_its_output(self):
        files = ["tests/x/c.py", "tests/y/c.py", "tests/x/d.py", "all/y_c.py.out"]
        self.assertEqual(self.read(self.SUMMARY, None, files), Result(3, 2, ["a_b"], ["y/c.py"]))
        with self.assertRaises(Fail):
            self.read(self.SUMMARY, None)

    def test_a_run_without_a_summary_or_with_a_wrong_sum_is_no_result(self):
        with self.assertRaises(Fail):
            self.read("error: test x requires unittest\n", "[]")
        with self.assertRaises(Fail):
            self.read(self.SUMMARY, "[]")

    def test_the_object_of_a_function_is_read_off_the_link_map(self):
        text = (
            " .text.gc_alloc\n                0x0000000000001000      0x2d8 /b/py/gc.o\n "
            ".text.nlr_jump 0x2 0x9 /b/py/n.o\n"
        )
        self.assertEqual(object_of(text, "gc_alloc"), "/b/py/gc.o")
        self.assertEqual(object_of(text, "nlr_jump"), "/b/py/n.o")
        self.assertIsNone(object_of(text, "gc_free"))

    def test_cargo_counts_are_added_up(self):
        text = (
            "test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: FAILED. 2 passed; 1 "
            "failed; 0 ignored\n"
        )
        self.assertEqual(run_checks.count_cargo(text), (5, 1))


class Trees(unittest.TestCase):
    def make(self, folder, version):
        root = Path(folder)
        (root / "py").mkdir()
        (root / "ports" / "unix").mkdir(parents=True)
        (root / "ports" / "unix" / "Makefile").touch()
        names = zip(("MAJOR", "MINOR", "MICRO"), version.split("."))
        (root / "py" / "mpconfig.h").write_text(
            "".join(f"#define MICROPY_VERSION_{n} {v}\n" for n, v in names)
        )
        return root

    def test_the_release_is_read_from_the_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(tree.read_release(self.make(folder, "1.25.0")), "1.25.0")

    def test_a_release_that_the_tree_is_not_is_refused(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(Fail, "holds 1.25.0"):
            tree.get_tree("1.26.1", str(self.make(folder, "1.25.0")))

    def test_a_folder_that_is_no_tree_is_refused(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            self.assertRaisesRegex(Fail, "no MicroPython tree"),
        ):
            tree.get_tree(None, folder)

    def test_a_file_written_into_the_tree_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            own = tree.Tree(self.make(folder, "1.25.0"), "1.25.0", own=False)
            with self.assertRaisesRegex(Fail, "py/new.pyc"), Untouched(own):
                (own.path / "py" / "new.pyc").touch()


class Twins(unittest.TestCase):
    def test_counters_are_read_and_other_lines_are_not(self):
        text = "operations 12\nmoves 3\nseed 1 run 2 operation 4: gc_info\n  frees 9\n"
        self.assertEqual(twins.counters(text), {"operations": 12, "moves": 3})

    def test_what_no_configuration_has_met_is_an_error(self):
        twins.cover_everything({"a": {"moves": 0, "frees": 1}, "b": {"moves": 2, "frees": 0}})
        with self.assertRaisesRegex(Fail, "moves"):
            twins.cover_everything({"a": {"moves": 0, "frees": 1}, "b": {"moves": 0, "frees": 0}})

    def test_the_configurations_in_ci_exist(self):
        for _, only in run_checks.TWINS:
            self.assertTrue(twins.choose(only))
        self.assertIn("hardened-auto", twins.choose("ci"))
        with self.assertRaisesRegex(Fail, "CONFIG=hardend"):
            twins.choose("default,hardend")


class Threads(unittest.TestCase):
    def test_the_chance_of_failures_is_that_of_the_one_sided_fisher_test(self):
        # A table known from the literature: 1 of 8 against 5 of 8.
        self.assertAlmostEqual(chance.fisher(1, 8, 5, 8), 0.0594, places=3)
        self.assertEqual(chance.fisher(0, 50, 0, 50), 1)

    def test_a_test_fails_more_often_only_beyond_chance(self):
        self.assertFalse(threads.fails_more_often(0, 50, 2, 50))
        self.assertFalse(threads.fails_more_often(20, 50, 24, 50))
        self.assertTrue(threads.fails_more_often(0, 50, 8, 50))
        # Failing less often is no fault.
        self.assertFalse(threads.fails_more_often(30, 50, 0, 50))


class Interrupts(unittest.TestCase):
    def test_a_planted_fault_is_seen_though_the_program_does_not_count_it(self):
        for text, counts, seen in (
            ("fault: none\nfaults 1", {"faults": 1.0}, True),
            ("fault: the queue went from 0 to 2", {}, True),
            ("faults 0", {"faults": 0.0}, False),
            ("", {}, False),
        ):
            with mock.patch.object(interrupts, "say"):
                self.assertEqual(
                    interrupts.check_control(
                        "control", interrupts.stress.Outcome(False, counts, text)
                    ),
                    seen,
                    text,
                )


class Fuzz(unittest.TestCase):
    def test_what_was_found_is_reported_without_the_stack(self):
        text = (
            "#7 NEW cov: 3\nthread 'x' panicked at src/a.rs:1:2:\nit differs\nnote: run with "
            "RUST_BACKTRACE\n    #0 0x1 in f\n"
        )
        self.assertEqual(
            fuzz.reason_of(text), ["thread 'x' panicked at src/a.rs:1:2:", "it differs"]
        )

    def test_every_target_has_a_program_and_a_corpus(self):
        programs = {path.stem for path in (fuzz.SOURCES / "fuzz_targets").glob("*.rs")}
        self.assertEqual(programs, set(fuzz.TARGETS))
        with tarfile.open(fuzz.KEPT) as kept:
            self.assertEqual({name.split("/")[0] for name in kept.getnames()}, set(fuzz.TARGETS))


if __name__ == "__main__":
    unittest.main()
