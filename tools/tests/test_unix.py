"""Tests of what a build begins with, without any build."""

import os
import tempfile
import unittest
from pathlib import Path

from tools.build.unix import begin_with_c


class BuildsBesideTheControl(unittest.TestCase):
    def folder(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "c" / "py"
        folder.mkdir(parents=True)
        control = folder.parent
        (folder / "vm.o").write_text("object")
        (folder / "vm.P").write_text(f"{control}/py/vm.o: vm.c {control}/genhdr/x.h\n")
        for name in ("vm.o", "vm.P"):
            os.utime(folder / name, ns=(10**18, 10**18 + 7))
        return control, control.with_name("rust")

    def test_a_build_begins_with_the_controls_objects_under_its_own_path(self):
        control, rust = self.folder()
        begin_with_c(rust)
        self.assertEqual(
            (rust / "py" / "vm.P").read_text(), f"{rust}/py/vm.o: vm.c {rust}/genhdr/x.h\n"
        )
        times = {(rust / "py" / name).stat().st_mtime_ns for name in ("vm.o", "vm.P")}
        self.assertEqual(times, {(control / "py" / "vm.o").stat().st_mtime_ns})

    def test_a_build_that_is_there_and_the_control_itself_are_left_alone(self):
        control, rust = self.folder()
        rust.mkdir()
        begin_with_c(rust)
        begin_with_c(control)
        self.assertEqual(
            (list(rust.iterdir()), [entry.name for entry in control.iterdir()]), ([], ["py"])
        )

    def test_without_a_control_nothing_is_begun(self):
        control, _ = self.folder()
        begin_with_c(control.parent / "other" / "rust")
        self.assertFalse((control.parent / "other").exists())


if __name__ == "__main__":
    unittest.main()
