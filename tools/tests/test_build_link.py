"""What a build looks at when it has ended: is it mpgc that was linked?"""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "micropython-patches"))

import mpgc_build  # noqa: E402
import mpgc_link  # noqa: E402
from mpgc_rust import Stop  # noqa: E402

# `gc_alloc` and a local function, as either side has them.
PROGRAM = """
__attribute__((noinline)) static int %s(int x) { return x ? %s(x - 1) + 2 : 1; }
int gc_alloc(int x) { return %s(x); }
int main(int count, char **words) { return gc_alloc(count); }
"""


MINGW = "x86_64-w64-mingw32-gcc"


class Linked(unittest.TestCase):
    compiler = "gcc"

    def setUp(self):
        self.build = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.work = self.build / "mpgc"
        self.work.mkdir()
        (self.work / "places").touch()
        (self.work / "options").touch()

    def compile(self, name, local, *flags):
        path = self.build / name
        command = [self.compiler, "-O0", "-x", "c", "-o", path, *flags, "-"]
        subprocess.run(command, input=PROGRAM.replace("%s", local), text=True, check=True)
        return path

    def linked(self):
        carrier = self.build / "py" / "gc.o"
        mpgc_link.linked(self.work, carrier, Path("/clone/micropython-patches"))

    def carrier(self, names="int mpgc_version;"):
        (self.build / "py").mkdir(exist_ok=True)
        command = [self.compiler, "-x", "c", "-c", "-o", self.build / "py" / "gc.o", "-"]
        subprocess.run(command, input=names, text=True, check=True)
        (self.work / "seen").touch()

    def test_the_c_in_the_program_stops(self):
        self.carrier()
        self.compile("firmware.elf", "gc_mark")
        with self.assertRaisesRegex(Stop, "firmware.elf was linked with the C's gc_alloc"):
            self.linked()

    @unittest.skipUnless(shutil.which(MINGW), f"{MINGW} is not there")
    def test_a_program_for_windows_is_looked_at_too(self):
        self.compiler = MINGW
        self.carrier()
        self.compile("micropython.exe", "_RNv4mpgc4heap")
        self.linked()
        (self.work / "seen").touch()
        self.compile("micropython.exe", "gc_mark")
        with self.assertRaisesRegex(Stop, "micropython.exe was linked with the C's gc_alloc"):
            self.linked()
        self.carrier("int gc_alloc;")
        with self.assertRaisesRegex(Stop, "py/gc.o was compiled from C"):
            self.linked()

    def test_mpgc_in_the_program_goes_through_once_it_was_needed(self):
        self.carrier()
        self.compile("firmware.elf", "_RNv4mpgc4heap")
        self.linked()
        self.assertTrue((self.work / "linked").exists())
        # nothing has asked for the carrier since
        with self.assertRaisesRegex(
            Stop, "does not hold .*py/gc.o.*USER_C_MODULES=/clone/micropython-patches/usermod"
        ):
            self.linked()

    def test_a_carrier_of_c_stops(self):
        self.carrier("int gc_alloc;")
        with self.assertRaisesRegex(Stop, "py/gc.o was compiled from C"):
            self.linked()

    def test_what_cannot_be_told_goes_through(self):
        self.carrier()
        self.compile("stripped", "gc_mark", "-s")
        self.compile("object.o", "gc_mark", "-c")
        (self.build / "firmware.bin").write_bytes(b"\x7f")
        self.linked()
        (self.work / "options").write_text("MPGC_KEEP_C=gc\n")
        mpgc_link.check_program(self.compile("kept", "gc_mark"), self.work)

    def test_a_makefile_below_that_has_looked_counts_once(self):
        (self.build / "core" / "mpgc").mkdir(parents=True)
        (self.build / "core" / "mpgc" / "linked").touch()
        # nothing was written down for this one
        (self.work / "options").unlink()
        self.linked()
        with self.assertRaises(Stop):
            self.linked()

    def test_a_directory_that_cmake_configured_without_mpgc_stops(self):
        module = Path("/clone/micropython-patches/micropython.cmake")
        cache = self.build / "CMakeCache.txt"
        mpgc_build.configured(self.build, module)
        for modules, stops in (
            ("", True),
            ("/other/micropython.cmake", True),
            (str(module), False),
            (f"/other;{module}", False),
        ):
            cache.write_text(f"A:BOOL=ON\nUSER_C_MODULES:UNINITIALIZED={modules}\n")
            with self.subTest(modules):
                if stops:
                    with self.assertRaisesRegex(
                        Stop, "configured without mpgc.*cmake -DUSER_C_MODULES="
                    ):
                        mpgc_build.configured(self.build, module)
                else:
                    mpgc_build.configured(self.build, module)
        cache.write_text("A:BOOL=ON\n")
        with self.assertRaises(Stop):
            mpgc_build.configured(self.build, module)


if __name__ == "__main__":
    unittest.main()
