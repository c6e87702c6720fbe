"""Unit tests of how steps are chosen, run beside each other, counted and resumed."""

import json
import sys
import tempfile
import unittest
from argparse import Namespace
from pathlib import Path
from unittest import mock

from tools import steps
from tools.arguments import read
from tools.common import ROOT, Fail
from tools.verify import fuzz, metal, mutant_edits, proof
from tools.verify import test as run_checks


def meets(folder, own, other):
    """A command that ends when the other one has begun too."""
    script = f"touch $0/{own}; until [ -e $0/{other} ]; do sleep 0.01; done"
    return ["sh", "-c", script, str(folder)]


def alone(folder):
    """A command that fails where another of its kind runs."""
    script = "mkdir $0/busy || exit 1; sleep 0.05; rmdir $0/busy"
    return ["sh", "-c", script, str(folder)]


class Steps(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def run_all(self, *chosen, **words):
        with mock.patch("tools.steps.say") as said, mock.patch("tools.common.say"):
            status = steps.run_steps(list(enumerate(chosen)), self.folder, **words)
        self.said = "\n".join(call.args[0] for call in said.call_args_list)
        return status

    def test_steps_are_chosen_by_any_of_several_words(self):
        known = [steps.Step(name, ["true"]) for name in ("twins a", "fuzz b", "threads c")]
        numbers = [number for number, _ in steps.choose(known, "twins,threads")]
        self.assertEqual(numbers, [0, 2])
        self.assertEqual(len(steps.choose(known, "")), 3)
        with self.assertRaisesRegex(Fail, "no step has `sheds`"):
            steps.choose(known, "sheds")

    def test_steps_of_one_core_run_beside_each_other_and_are_counted(self):
        one = steps.Step("one", meets(self.folder, "a", "b"), cores=1)
        other = steps.Step("other", meets(self.folder, "b", "a"), cores=1)
        self.assertEqual(self.run_all(one, other, steps.Step("alone", ["true"]), width=2), 0)
        self.assertIn("3 passed, 0 failed", self.said)

    def test_a_step_of_all_cores_has_them_to_itself(self):
        many = [steps.Step(f"{n}", alone(self.folder), cores=n % 2 * 2) for n in range(4)]
        self.assertEqual(self.run_all(*many, width=2), 0)

    def test_a_step_that_waits_runs_beside_those_that_keep_each_core_busy(self):
        busy = steps.Step("busy", meets(self.folder, "a", "b"), cores=1)
        waits = steps.Step("waits", meets(self.folder, "b", "a"), cores=steps.HALF)
        self.assertEqual(self.run_all(busy, waits, width=1), 0)

    def test_only_one_step_that_waits_runs_beside_them(self):
        busy, waits = steps.Step("busy", [], cores=1), steps.Step("waits", [], cores=steps.HALF)
        runner = steps.Runner([], self.folder, 1, None)
        runner.running = {0: waits}
        self.assertTrue(runner.may_start(waits) and runner.may_start(busy))
        runner.running = {0: waits, 1: busy}
        self.assertFalse(runner.may_start(waits) or runner.may_start(busy))

    def test_a_step_that_waits_leaves_all_cores_to_one_that_asks_for_them(self):
        cores = (0, steps.HALF, 0)
        many = [steps.Step(f"{at}", alone(self.folder), cores=n) for at, n in enumerate(cores)]
        self.assertEqual(self.run_all(*many, width=2), 0)

    def test_steps_that_use_the_same_folder_take_turns(self):
        many = [steps.Step(f"{n}", alone(self.folder), cores=1, uses=("a",)) for n in range(4)]
        self.assertEqual(self.run_all(*many, width=4), 0)

    def test_a_step_waits_for_what_it_rests_on_and_fails_with_it(self):
        made = str(self.folder / "made")
        makes = steps.Step("makes", ["sh", "-c", "sleep 0.05; touch $0", made], cores=1)
        needs = steps.Step("needs", ["test", "-e", made], cores=1, after=("makes",))
        self.assertEqual(self.run_all(needs, makes, width=2), 0)
        broken = makes._replace(command=["false"])
        self.assertEqual(self.run_all(broken, needs, width=2), 1)
        self.assertIn("needs: not run", self.said)

    def test_steps_that_wait_for_each_other_are_an_error(self):
        one = steps.Step("one", ["true"], after=("other",))
        with self.assertRaisesRegex(Fail, "wait for each other: one, other"):
            self.run_all(one, steps.Step("other", ["true"], after=("one",)))

    def test_a_step_gets_its_share_of_the_cores_as_jobs(self):
        step = steps.Step("share", ["sh", "-c", "test $JOBS = 1"], cores=1)
        whole = steps.Step("whole", ["sh", "-c", "test $JOBS = 4"])
        self.assertEqual(self.run_all(step, whole, width=4), 0)

    def test_a_step_that_fails_fails_all_and_is_run_again(self):
        good, bad = steps.Step("good", ["true"], cores=1), steps.Step("bad", ["false"], cores=1)
        self.assertEqual(self.run_all(good, bad, width=2), 1)
        later = [good._replace(command=["false"]), bad._replace(command=["true"])]
        self.assertEqual(self.run_all(*later, resume=True), 0)

    def test_results_of_other_sources_are_not_resumed(self):
        good = steps.Step("good", ["true"])
        self.assertEqual(self.run_all(good), 0)
        with mock.patch("tools.steps.fingerprint", return_value="other"):
            self.assertEqual(self.run_all(good._replace(command=["false"]), resume=True), 1)
        self.assertIn("the sources have changed", self.said)

    def test_times_are_written_with_the_processor_seconds_of_each_step(self):
        busy = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.2: pass"]
        self.run_all(steps.Step("busy", busy), steps.Step("idle", ["sleep", "0.3"]))
        times = json.loads((self.folder / "times.json").read_text())
        cpu = {each["step"]: each["cpu"] for each in times["steps"]}
        self.assertGreater(cpu["busy"], 0.15)
        self.assertLess(cpu["idle"], 0.15)

    def test_what_a_step_left_out_is_shown(self):
        none = ["echo", "skipped: Miri is not installed\n0 passed, 0 failed"]
        self.assertEqual(self.run_all(steps.Step("none", none, steps.count_line)), 0)
        self.assertIn("skipped: Miri is not installed", self.said)

    def test_a_step_that_counts_no_test_has_failed(self):
        none = steps.Step("none", ["echo", "0 passed, 0 failed"], steps.count_line)
        self.assertEqual(self.run_all(none), 1)


class Tallies(unittest.TestCase):
    def test_what_failed_is_shown_with_its_end_and_the_sum_is_what_a_step_counts(self):
        tally = steps.Tally()
        with mock.patch("tools.steps.say") as said:
            tally.add("good", True, "text of a check that passed", "(1 s)")
            self.assertEqual(tally.ended(), 0)
            tally.add("bad", None, "the reason")
            tally.skip("other", "there is no gdb")
            self.assertEqual(tally.ended(), 1)
        lines = [call.args[0] for call in said.call_args_list]
        expected = ["  good: ok (1 s)", "1 passed, 0 failed", "  bad: FAILED", "the reason"]
        self.assertEqual(lines[:4], expected)
        self.assertEqual(lines[4:], ["skipped: other: there is no gdb", "1 passed, 1 failed"])
        self.assertEqual(steps.count_line(lines[-1]), (1, 1))


class Lists(unittest.TestCase):
    def test_the_long_versions_are_those_of_every_configuration_and_target(self):
        names = {step.name for step in proof.all_steps("1.26.1", ["1.26.1"])}
        self.assertLessEqual({f"fuzz 1.26.1 {target}" for target in fuzz.TARGETS}, names)
        self.assertLessEqual({"twins 1.26.1 stack8", "threads 1.26.1", "matrix 1.26.1"}, names)

    def test_each_list_of_checks_can_be_run(self):
        for short in (True, False):
            chosen = run_checks.all_steps(short)
            names = [step.name for step in chosen]
            self.assertEqual(len(names), len(set(names)))
            for number, step in enumerate(chosen):
                self.assertLessEqual(set(step.after), set(names[:number]), step.name)

    def test_the_task_of_each_step_takes_its_arguments(self):
        every = [*run_checks.all_steps(True), *run_checks.all_steps(False), *metal.all_steps()]
        every += proof.all_steps("1.26.1", ["1.26.1"])
        commands = [step.command for step in every if str(ROOT / "tools") in step.command]
        self.assertGreater(len(commands), 100)
        for command in commands:
            words = list(map(str, command[command.index(str(ROOT / "tools")) + 1 :]))
            with self.subTest(" ".join(words)), mock.patch("sys.stderr"):
                read(words)

    def test_the_task_of_each_rung_takes_its_arguments(self):
        edit = mutant_edits.Edit(
            "name", "src/host/x.c", "b", "f", "p", "default", "plain", "threads"
        )
        with mock.patch.object(mutant_edits, "get_tree"):
            for short in (True, False):
                args = Namespace(short=short, rungs="")
                for rung in mutant_edits.ladder(edit, {}, args):
                    words = list(map(str, rung.command))
                    folder = str(mutant_edits.COPY / "tools")
                    if folder in words:
                        read(words[words.index(folder) + 1 :])

    def test_an_edit_is_shown_to_the_short_configurations_of_its_kind(self):
        short = mutant_edits.short_configurations
        self.assertEqual(short("split,auto"), "split,auto")
        self.assertEqual(short("hardened"), "hardened-auto")
        self.assertEqual(short("weakref"), "")

    def test_an_edit_is_shown_to_drop_in_checks_that_make_test_runs(self):
        self.assertTrue(mutant_edits.in_short_drop_in("scenarios: plain"))
        self.assertFalse(mutant_edits.in_short_drop_in("incremental"))


if __name__ == "__main__":
    unittest.main()
