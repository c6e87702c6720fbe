"""What `make bench-memory` makes of the runs of a program."""

import unittest
from pathlib import Path

from tools.measure.bench_memory import measure
from tools.measure.memory_subject import STEP, Flavour


class Fake:
    """A subject with given figures."""

    script = Path("table.py")

    def __init__(self, build, smallest, counted, watched):
        self.flavour = Flavour(build, "off", "", "")
        self.found, self.instructions, self.free = smallest, counted, watched
        self.heaps = set()

    def smallest(self):
        return self.found

    def ends(self, heap):
        return heap >= self.found[1]

    def counted(self, heap):
        self.heaps.add(heap)
        return self.instructions

    def watched(self, heap):
        self.heaps.add(heap)
        return self.free


class Measure(unittest.TestCase):
    def test_ratios_are_to_the_c_in_a_heap_in_which_the_c_ends(self):
        c = Fake("c", (20 * STEP, 24 * STEP), [1000, 100], [4, 50, 0])
        mpgc = Fake("mpgc", (10 * STEP, 10 * STEP), [900, 50], [8, 25, 3])
        of_c, of_mpgc = measure([c, mpgc])
        self.assertEqual(mpgc.heaps, {24 * STEP})
        self.assertEqual((of_c["time_ratio"], of_c["smallest_kb"]), (1.0, 20 * STEP / 1024))
        self.assertEqual(of_mpgc["time_ratio"], 0.9)
        self.assertEqual(of_mpgc["collections"], 8)
        self.assertEqual(of_mpgc["longest_pause_ratio"], 0.5)
        self.assertEqual(of_mpgc["largest_free_mean"], 0.5)
        self.assertEqual(of_mpgc["largest_free_min"], 3.0)

    def test_a_program_that_fails_in_that_heap_has_no_ratios(self):
        c = Fake("c", (20 * STEP, 20 * STEP), [1000, 100], [4, 50, 5])
        _, line = measure([c, Fake("mpgc", (30 * STEP, 30 * STEP), None, None)])
        self.assertEqual(line["smallest_kb"], 30 * STEP / 1024)
        self.assertIsNone(line["time_ratio"])
        self.assertIsNone(line["longest_pause_ratio"])


if __name__ == "__main__":
    unittest.main()
