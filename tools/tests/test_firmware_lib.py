"""Tests of the tool that builds and installs the library for C programs, without any build."""

import tempfile
import unittest
from pathlib import Path

from tools.build import firmware_lib, install
from tools.common import Fail
from tools.verify import firmware_check


class Library(unittest.TestCase):
    def test_the_header_declares_functions_and_not_types_or_those_of_ports(self):
        names = firmware_lib.declared()
        for name in (
            "mpgc_alloc",
            "mpgc_nlr_jump",
            "mpgc_nlr_push_buf",
            "mpgc_sched_schedule_node",
            "mpgc_heap_check",
            "mpgc_heap_stats",
        ):
            self.assertIn(name, names)
        for name in (
            "mpgc_check",
            "mpgc_fault",
            "mpgc_chunk_of",
            "mpgc_idle",
            "mpgc_clear_dead_stack",
            "mpgc_stats",
            "mpgc_reset_stats",
            "mpgc_snapshot",
            "mpgc_trace_dump",
            "mpgc_error_fn",
            "mpgc_call_fn",
            "mpgc_heap",
            "mpgc_nlr_push",
        ):
            self.assertNotIn(name, names)

    def test_a_machine_without_a_library_is_reported(self):
        with self.assertRaisesRegex(
            Fail, "rv32imac has no library for C programs: choose one of thumbv6m"
        ):
            firmware_lib.machine("rv32imac")
        self.assertFalse(firmware_lib.machine("thumbv7m").hosted)
        self.assertTrue(firmware_lib.machine("aarch64").hosted)

    def test_a_prefix_is_absolute(self):
        with self.assertRaisesRegex(Fail, "PREFIX=there is not an absolute path"):
            install.install(Path("nowhere"), "there")

    def test_a_missing_library_is_reported_with_the_place(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            self.assertRaisesRegex(
                Fail, "cannot install below .*: .*libmpgc.a.*; choose another PREFIX"
            ),
        ):
            install.install(Path(folder) / "nothing", folder)

    def test_the_shared_library_is_named_for_the_minor_version_until_1(self):
        self.assertRegex(firmware_lib.soname(), r"^libmpgc\.so\.(0\.\d+|[1-9]\d*)$")
        self.assertEqual(firmware_lib.shared_name(), f"libmpgc.so.{firmware_lib.version()}")

    def test_the_document_has_a_program_and_what_it_prints(self):
        source, output = firmware_check.first_program()
        self.assertIn("#include <mpgc.h>", source)
        self.assertIn("out of memory\n", output)


if __name__ == "__main__":
    unittest.main()
