"""Tests of what is looked for on a machine, and installed."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools import arguments
from tools.common import Fail
from tools.setup import deps, emulators, rust
from tools.setup.targets import find_target
from tools.tasks import TASKS


class Libclang(unittest.TestCase):
    def finds(self, *names):
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.dict(os.environ, LIBCLANG_PATH=folder),
        ):
            for name in names:
                (Path(folder) / name).touch()

            def found(pattern):
                return [path for path in deps.glob.iglob(pattern) if path.startswith(folder)]

            with mock.patch.object(deps.glob, "glob", found):
                return deps.libclang()

    def test_the_library_for_c_is_found_by_any_of_its_names(self):
        for name in ("libclang.so", "libclang-14.so.1", "libclang.so.14"):
            self.assertTrue(self.finds(name), name)

    def test_the_library_for_cpp_is_not_taken_for_it(self):
        self.assertFalse(self.finds("libclang-cpp.so.14", "libclang-cpp.so"))


class Emulators(unittest.TestCase):
    def test_packages_of_qemu_are_not_taken_to_be_installed(self):
        status = (
            "Package: make\nVersion: 4\n\nPackage: qemu-utils\nVersion: 10\n\nPackage: "
            "tar\nVersion: 1\n"
        )
        self.assertEqual(
            emulators.without_qemu(status),
            "Package: make\nVersion: 4\n\nPackage: tar\nVersion: 1\n",
        )

    def test_a_wrapper_starts_the_program_with_its_libraries(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder).resolve() / "qemu-system-arm"
            for part in (
                "usr/lib/x86_64-linux-gnu/libfdt.so.1",
                "lib/x86_64-linux-gnu/libusb.so.0",
                "usr/lib/x86_64-linux-gnu/qemu/hw.so",
            ):
                (root / part).parent.mkdir(parents=True, exist_ok=True)
                (root / part).touch()
            program = root / "usr" / "bin" / "qemu-system-arm"
            program.parent.mkdir()
            program.write_text('#!/bin/sh\necho "$LD_LIBRARY_PATH" "$@"\n')
            program.chmod(0o755)
            script = root.parent / "bin" / program.name
            script.parent.mkdir()
            script.write_text(emulators.wrapper(root, program.name))
            printed = subprocess.run(
                ["sh", script, "-M", "a b"], stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            libraries = f"{root}/lib/x86_64-linux-gnu:{root}/usr/lib/x86_64-linux-gnu"
            self.assertEqual(printed, f"{libraries} -M a b\n")


class RustTargets(unittest.TestCase):
    """Rust's library for another machine comes from rustup where it can."""

    def added(self, *, has_rustup=True, has_library=False, **outcome):
        which = mock.patch.object(rust.shutil, "which", lambda name: name if has_rustup else None)
        library = mock.patch.object(rust, "rust_for", return_value=has_library)
        run = mock.patch.object(rust.subprocess, "run", **outcome)
        with which, library, mock.patch.object(rust, "say"), run as run:
            rust.add_rust_target(find_target("thumbv7m"))
        return [call.args[0] for call in run.call_args_list]

    def test_what_is_missing_is_added(self):
        self.assertEqual(self.added(), [["rustup", "target", "add", "thumbv7m-none-eabi"]])

    def test_nothing_is_added_where_it_is_there_or_rustup_is_not(self):
        self.assertEqual(self.added(has_library=True), [])
        self.assertEqual(self.added(has_rustup=False), [])

    def test_a_rustup_that_does_not_answer_is_left_alone(self):
        self.added(side_effect=subprocess.TimeoutExpired("rustup", 1))

    def test_a_target_with_an_operating_system_needs_std(self):
        with mock.patch.object(rust, "choose_toolchain") as choose:
            rust.rust_for("i686-unknown-linux-gnu")
            rust.rust_for("thumbv7m-none-eabi")
        self.assertEqual([call.kwargs["crate"] for call in choose.call_args_list], ["std", "core"])


class Python(unittest.TestCase):
    def test_an_old_one_is_named_by_what_it_is_too_old_for(self):
        with mock.patch.object(deps.sys, "version_info", (3, 9)):
            deps.check_python(["bench"])
            with self.assertRaisesRegex(Fail, "needs 3.11 or later.*PYTHON="):
                deps.check_python(["test"])
        old = mock.patch.object(deps.sys, "version_info", (3, 8))
        with old, self.assertRaisesRegex(Fail, "needs 3.9 or later"):
            deps.check_python([])
        with mock.patch.dict(sys.modules, {"tomllib": None, "tools.verify.mutants": None}):
            del sys.modules["tools.verify.mutants"]
            with self.assertRaisesRegex(Fail, "`mutants` needs python3 3.11"):
                arguments.module_of(TASKS["mutants"])


if __name__ == "__main__":
    unittest.main()
