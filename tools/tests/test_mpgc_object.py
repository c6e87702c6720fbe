"""What mpgc-object makes of a compile command, and what the checks take for a warning of ours."""

import importlib.machinery
import importlib.util
import stat
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PATCHES = ROOT / "micropython-patches"
sys.path.insert(0, str(PATCHES))

import mpgc_command  # noqa: E402
from dropin.builds import warnings_of_ours  # noqa: E402

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("mpgc_object", str(PATCHES / "mpgc-object"))
mpgc_object = importlib.util.module_from_spec(
    importlib.util.spec_from_loader("mpgc_object", loader)
)
loader.exec_module(mpgc_object)


class Command(unittest.TestCase):
    def test_what_names_files_is_left_out(self):
        command = [
            "cc",
            "-Iinc",
            "-c",
            "-o",
            "out.o",
            "-DNAME=x",
            "-MMD",
            "-MF",
            "out.d",
            "-MTout.o",
            "-MP",
            "-Wp,-MD,out.d",
            "-include",
            "head.h",
            "in.c",
        ]
        self.assertEqual(
            mpgc_command.without_files(command),
            ["cc", "-Iinc", "-DNAME=x", "-include", "head.h", "in.c"],
        )
        self.assertEqual(mpgc_command.without_files(["cc", "-o"]), ["cc"])

    def test_the_objcopy_is_the_one_beside_the_compiler(self):
        with tempfile.TemporaryDirectory() as folder:
            tool = Path(folder) / "some-elf-objcopy"
            tool.write_text("#!/bin/sh\n")
            tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
            for driver in ("some-elf-gcc", "some-elf-gcc-12.2", "some-elf-clang"):
                self.assertEqual(
                    mpgc_object.objcopy_of(["ccache", f"{folder}/{driver}"]), str(tool)
                )
            for driver in ("gcc", f"{folder}/other-elf-gcc", "clang-14", "some-thing"):
                self.assertEqual(mpgc_object.objcopy_of([driver]), "objcopy")


class Warnings(unittest.TestCase):
    def test_rustcs_and_those_of_our_c_files_are_ours(self):
        said = (
            "   Compiling mpgc v0.1.0\nwarning: unused import: `nlr_buf_t`\n  --> "
            "src/host/nlr.rs:30:36\n   |\n"
            f"{ROOT}/src/host/shim.c:12:3: warning: unused variable\n../../py/vm.c:3:4: warning: "
            "the port's\nmpgc: warning: py/gc.c is\n"
        )
        self.assertEqual(
            warnings_of_ours(said),
            [
                "warning: unused import: `nlr_buf_t`\n  --> src/host/nlr.rs:30:36",
                f"{ROOT}/src/host/shim.c:12:3: warning: unused variable",
            ],
        )
        self.assertEqual(warnings_of_ours("   Compiling mpgc\nmpgc 0.1.0 for MicroPython\n"), [])


if __name__ == "__main__":
    unittest.main()
