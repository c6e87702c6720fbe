"""Whether a run of `make bench-memory` ends as it should, and what its counts are read from."""

import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from tools.measure import memory_subject
from tools.measure.memory_subject import STEP, Flavour, Runs, Subject, read_parts


class Script:
    """A shell script in place of a program; it gets what setarch would."""

    def __init__(self, text):
        self.text = text

    def prints(self, expected):
        subject = Subject.__new__(Subject)
        subject.flavour = Flavour("c", "off", "", "")
        subject.command = lambda heap: ["sh", "-c", self.text]
        subject.surroundings = lambda: {"PATH": "/usr/bin:/bin"}
        with tempfile.TemporaryDirectory() as folder:
            return subject.prints(0, expected, folder)


class Prints(unittest.TestCase):
    def test_it_has_to_print_all_of_it_and_no_more(self):
        self.assertTrue(Script("echo one; echo two").prints("one\ntwo\n"))
        self.assertFalse(Script("echo one").prints("one\ntwo\n"))
        self.assertFalse(Script("echo one; echo two").prints("one\n"))

    def test_it_has_to_end_with_success(self):
        self.assertFalse(Script("echo one; exit 3").prints("one\n"))

    def test_it_is_stopped_where_it_prints_something_else(self):
        begun = time.monotonic()
        self.assertFalse(Script("echo other; exec sleep 60").prints("one\n"))
        self.assertLess(time.monotonic() - begun, 30)


class Smallest(unittest.TestCase):
    def smallest(self, suffices):
        subject = Subject.__new__(Subject)
        subject.ends = suffices
        return subject.smallest()

    def test_it_is_found_to_a_step_in_heaps_of_any_size(self):
        for least in (3 * STEP, 40 << 10, 300 << 10):
            found, safe = self.smallest(lambda heap, least=least: heap >= least)
            self.assertGreaterEqual(found, least)
            self.assertLessEqual(found - least, max(STEP, found // 100))
            self.assertEqual(safe, found)

    def test_a_heap_is_safe_from_the_last_failure_on(self):
        least, bad = 40 << 10, range(42 << 10, 44 << 10)
        found, safe = self.smallest(lambda heap: heap >= least and heap not in bad)
        self.assertLess(found, bad.start)
        self.assertGreaterEqual(safe, bad.stop)


class Kept(unittest.TestCase):
    def test_what_was_run_is_known_to_the_next_measurement(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(memory_subject, "WORK", Path(folder)),
        ):
            runs = Runs(None)
            self.assertEqual(runs.get(("a", 1), lambda: [7]), [7])
            runs.save()
            self.assertEqual(Runs(None).get(("a", 1), lambda: self.fail("run again")), [7])
            self.assertEqual(Runs(None).get(("a", 2), lambda: [8]), [8])


class Parts(unittest.TestCase):
    def test_each_part_has_its_trigger_and_its_instructions(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "out"
            path.write_bytes(
                b"version: 1\ndesc: Trigger: --dump-before=gc_collect\nfn=(1) \xff\n+3 7\n"
                b"totals: 70\ndesc: Trigger: --dump-after=gc_collect\ntotals: 5\n"
            )
            found = read_parts(path)
        self.assertEqual([count for _, count in found], [70, 5])
        self.assertEqual(["dump-after" in why for why, _ in found], [False, True])


if __name__ == "__main__":
    unittest.main()
