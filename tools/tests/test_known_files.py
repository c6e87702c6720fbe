"""What a build says of the C files that mpgc takes the place of: a release's, or edited."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent.parent
PATCHES = ROOT / "micropython-patches"
sys.path.insert(0, str(PATCHES))

import mpgc_tree  # noqa: E402

# A history of our own making: the text of each file in each release.
HISTORY = {
    "gc.c": ["one", "two", "three", "three"],
    "nlr.c": ["x", "x", "y", "y"],
    "scheduler.c": ["a", "b", "b", "c"],
}
RELEASES = ["1.20.0", "1.21.0", "1.22.0", "1.22.1"]


class Account(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.py = Path(folder.name) / "py"
        self.py.mkdir()
        lines = ["# a comment", "releases " + " ".join(RELEASES)]
        for name, texts in HISTORY.items():
            for text in dict.fromkeys(texts):
                first, last = (
                    RELEASES[at]
                    for at in (texts.index(text), len(texts) - 1 - texts[::-1].index(text))
                )
                last += "+" if text in ("c", "y") else ""
                lines.append(f"{self.id_of(text)} {name} {first} {last}")
        # A fork that has edited gc.c and left the rest as it was in 1.22.0.
        lines += ["fork Snake", "releases 7.0.0 7.1.0 7.2.0"]
        for text, span in (("long", "7.0.0 7.1.0"), ("longer", "7.2.0 7.2.0+")):
            lines.append(f"{self.id_of(text)} gc.c {span}")
        table = Path(folder.name) / "known_files.txt"
        table.write_text("\n".join(lines) + "\n")
        patched = mock.patch.object(mpgc_tree, "KNOWN", table)
        patched.start()
        self.addCleanup(patched.stop)

    @staticmethod
    def id_of(text):
        done = subprocess.run(
            ["git", "hash-object", "--stdin"],
            input=text + "\n",
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def account(self, release, names=("gc.c", "nlr.c", "scheduler.c"), **edits):
        at = RELEASES.index(release) if release in RELEASES else 2
        for name, texts in HISTORY.items():
            (self.py / name).write_text(edits.get(name.partition(".")[0], texts[at]) + "\n")
        return mpgc_tree.account(self.py, names, release)

    def test_a_releases_files_are_not_spoken_of(self):
        for release in RELEASES:
            self.assertEqual(self.account(release), "")

    def test_an_edited_file_is_named_with_the_release_and_what_it_means(self):
        said = self.account("1.22.0", gc="three\nmy_hook();")
        self.assertTrue(said.startswith("py/gc.c is as in no release"), said)
        for part in (
            "`git diff v1.22.0 -- py/gc.c`",
            "mpgc takes its place",
            "does not do what the edits do",
            "docs/porting.md",
            "MPGC_ALLOW_EDITED=1",
        ):
            self.assertIn(part, said)
        self.assertNotIn("newer", said)

    def test_several_edited_files_are_one_message(self):
        said = self.account("1.22.0", gc="3", scheduler="4")
        self.assertIn("py/gc.c and py/scheduler.c are as in no release", said)
        self.assertIn("takes their place", said)

    def test_the_file_of_another_release_is_reported_as_that(self):
        said = self.account("1.22.0", gc="one")
        self.assertIn("py/gc.c is that of 1.20.0, and the headers are those of 1.22.0", said)
        self.assertNotIn("no release", said)

    def test_a_fork_with_numbers_of_its_own_is_named_with_its_release(self):
        self.assertEqual(self.account("10.3.0"), "")
        said = self.account("10.3.0", gc="circuits")
        self.assertIn("the others are those of 1.22.0)", said)
        self.assertNotIn("git diff", said)

    def test_the_files_of_a_known_fork_are_its_own_and_those_that_it_left(self):
        self.assertEqual(self.account("Snake 7.1.0", gc="long"), "")
        self.assertEqual(self.account("Snake 7.2.0", gc="longer"), "")
        # a file that nobody knows yet may be in a newer one
        self.assertEqual(self.account("Snake 7.3.0", gc="longer"), "")
        said = self.account("Snake 7.2.0", gc="long")
        self.assertIn("py/gc.c is that of 7.0.0 to 7.1.0, and the headers are", said)
        said = self.account("Snake 7.1.0", gc="long\nmy_hook();")
        for part in ("as in no release of Snake", "`git diff 7.1.0 -- py/gc.c`"):
            self.assertIn(part, said)
        # MicroPython's gc.c is not the fork's
        self.assertIn("no release of Snake", self.account("Snake 7.1.0", gc="three"))
        # nor is the fork's MicroPython's
        self.assertIn("no release of MicroPython", self.account("1.22.0", gc="long"))

    def test_only_the_files_of_this_build_count(self):
        self.assertEqual(self.account("1.22.0", names=("scheduler.c", "nlr.c"), gc="edited"), "")
        (self.py / "nlr.c").unlink()
        self.assertEqual(mpgc_tree.account(self.py, ("nlr.c",), "1.22.0"), "")

    def test_what_is_newer_than_all_known_may_be_a_release_too(self):
        said = self.account("1.23.0-preview", gc="four")
        self.assertIn("so edited, or newer than 1.22.1", said)
        # a known file in a release that is not
        self.assertEqual(self.account("1.23.0", scheduler="c"), "")

    def test_master_after_the_newest_release_has_its_number(self):
        self.assertEqual(self.account("1.22.1", scheduler="c"), "")

    def test_line_ends_of_windows_are_no_edit(self):
        self.account("1.22.0")
        (self.py / "gc.c").write_bytes(b"three\r\n")
        self.assertEqual(mpgc_tree.account(self.py, ("gc.c",), "1.22.0"), "")


class Failure(unittest.TestCase):
    """rustc's errors, where the headers are the reason."""

    def test_a_missing_field_is_one_message_with_its_name(self):
        said = (
            "error[E0609]: no field `sched_tail` on type `_mp_state_vm_t`\n   --> "
            "src/host/sched_fields.rs:145:17\n    |\n"
            "145 |         (*vm()).sched_tail = raw(list.tail);\n    |                 "
            "^^^^^^^^^^ unknown field\n\n"
            "error: could not compile `mpgc` (lib) due to 1 previous error\n"
        )
        message = mpgc_tree.cargo_failure(said)
        self.assertEqual(len(message.splitlines()), 1)
        for part in (
            "no field `sched_tail` on type `_mp_state_vm_t`",
            "src/host/sched_fields.rs:145",
            "take such a tree",
        ):
            self.assertIn(part, message)

    def test_another_type_is_reported_with_both(self):
        said = (
            "error[E0308]: mismatched types\n   --> src/host/heap.rs:141:9\n    |\n141 |         "
            "of_mem!(gc_auto_collect_enabled)\n"
            "    |         ^^^^^^^ expected `*mut u16`, found `*mut u32`\n    |\n\nerror: "
            "aborting\n"
        )
        self.assertIn(
            "mismatched types (expected `*mut u16`, found `*mut u32`)",
            mpgc_tree.cargo_failure(said),
        )

    def test_what_is_no_error_in_the_sources_is_shown_whole(self):
        said = "error: failed to download `bindgen v0.72.1`\n\nCaused by:\n  no network\n"
        self.assertEqual(mpgc_tree.cargo_failure(said), "cargo failed:\n" + said.strip())


class Table(unittest.TestCase):
    def test_the_order_is_that_of_time(self):
        releases = [
            "1.9.0",
            "1.20.0",
            "1.20.0+",
            "1.21.0-preview",
            "1.21.0-preview+",
            "1.21.0",
            "1.21.1",
            "1.22.0-preview",
            "2.0.0",
        ]
        self.assertEqual(sorted(releases[::-1], key=mpgc_tree.order), releases)  # noqa: C415
        self.assertIsNone(mpgc_tree.order("unknown"))

    def test_each_line_is_a_file_of_a_span(self):
        for maker in ("MicroPython", "CircuitPython"):
            releases, files = mpgc_tree.known_files(maker)
            self.assertEqual(releases, sorted(releases, key=mpgc_tree.order))
            self.assertEqual({"gc.c", "pystack.c", "scheduler.c"} - set(files), set())
            for name, spans in files.items():
                self.assertRegex(name, r"^(gc|pystack|scheduler|nlr\w*)\.c$")
                for blob, (first, last) in spans.items():
                    self.assertTrue(re.fullmatch("[0-9a-f]{40}", blob))
                    self.assertLessEqual(
                        mpgc_tree.order(first), mpgc_tree.order(last), f"{name} {blob}"
                    )

    def test_each_release_has_one_content_of_each_file(self):
        for maker in ("MicroPython", "CircuitPython"):
            self.each_release_has_one_content_of_each_file(*mpgc_tree.known_files(maker))

    def each_release_has_one_content_of_each_file(self, releases, files):
        for name, spans in files.items():
            if name.startswith("nlr") and name != "nlr.c":
                continue
            for release in releases:
                within = [blob for blob, span in spans.items() if mpgc_tree.has_it(span, release)]
                # a tree of 1.20.0 may be one of the commits after it, which have no number of their
                # own
                exact = [
                    blob
                    for blob in within
                    if not spans[blob][0].endswith("+")
                    or mpgc_tree.order(spans[blob][0]) < mpgc_tree.order(release)
                ]
                self.assertEqual(len(exact), 1, f"{name} of {release}: {exact}")


if __name__ == "__main__":
    unittest.main()
