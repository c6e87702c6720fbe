"""What a build looks at when it has ended: is it mpgc that was linked?"""

import os
import re
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

    def test_what_cannot_be_decided_goes_through(self):
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


# 64 bytes of code, and as many of variables, in regions of so many bytes.
LARGE = 'char variables[64]; __attribute__((section(".text"))) const char code[64] = {1};'
REGIONS = """
MEMORY { FLASH (rx) : ORIGIN = 0x10000, LENGTH = %d  RAM (rw) : ORIGIN = 0x20000, LENGTH = %d }
SECTIONS {
    .text : { *(.text*) } > FLASH
    .bss : { *(.bss*) } > RAM
    /DISCARD/ : { *(*) }
}
"""
MAKEFILE = """
CC = gcc
LD = ld
MPGC_TOOL = {tool}
MPGC_BUILD = {work}
all: {build}/by-ld.elf {build}/by-cc.elf
{build}/by-ld.elf: {build}/object.o
\t$(LD) -T {build}/regions.ld -o $@ $^
{build}/by-cc.elf: {build}/object.o
\t$(CC) -nostdlib -no-pie -Wl,--build-id=none -T {build}/regions.ld -o $@ $^
{build}/object.o: {build}/object.c
\t$(CC) -c -o $@ $<
"""


class Sources(unittest.TestCase):
    """The carrier is made again when a script that makes it has changed."""

    def setUp(self):
        self.folder = ROOT / "micropython-patches"
        self.scripts = {str(path) for path in self.folder.glob("mpgc_*.py")}
        self.assertIn(str(self.folder / "mpgc_build.py"), self.scripts)

    def test_make_knows_each_script(self):
        text = (self.folder / "mpgc.mk").read_text()
        sources = re.search(r"^MPGC_SOURCES := (?:.*\\\n)*.*\n", text, re.M)[0]
        sources += "$(info $(MPGC_SOURCES))\nall:\n"
        words = [f"MPGC_DIR={ROOT}", f"MPGC_PATCHES_DIR={self.folder}"]
        command = ["make", "-s", "-f", "-", *words]
        done = subprocess.run(command, input=sources, capture_output=True, text=True, check=True)
        self.assertEqual(self.scripts - set(done.stdout.split()), set())

    def test_cmake_knows_each_script(self):
        text = (self.folder / "micropython.cmake").read_text()
        names = re.findall(r"\$\{MPGC_PATCHES_DIR\}/(\S+\.py)", text)
        known = {str(path) for name in names for path in self.folder.glob(name)}
        self.assertEqual(self.scripts - known, set())


class CommandLine(unittest.TestCase):
    """A port whose Makefile runs CMake gets mpgc by a variable that the Makefile appends to."""

    def make(self, *words, **variables):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "CMakeLists.txt").touch()
        text = "CMAKE_ARGS += -DUSER_C_MODULES=$(USER_C_MODULES)\nall:\n\t@echo '$(CMAKE_ARGS)'\n"
        (folder / "Makefile").write_text(text)
        wrapper = ROOT / "micropython-patches" / "wrapper.mk"
        command = ["make", "-C", folder, "-f", wrapper, f"BUILD={folder}/build", *words]
        env = {**os.environ, **variables}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        return done.stdout + done.stderr, done.returncode

    def test_arguments_in_the_environment_go_through(self):
        said, status = self.make(CMAKE_ARGS="-DA=1")
        self.assertRegex(said, "-DA=1 -DUSER_C_MODULES=.*micropython.cmake")
        self.assertEqual(status, 0)

    def test_those_that_would_drop_mpgc_stop(self):
        for name in ("CMAKE_ARGS", "IDFPY_FLAGS"):
            said, status = self.make(f"{name}=-DA=1")
            self.assertIn(f"mpgc: {name} on make's command line drops", said)
            self.assertNotEqual(status, 0)


class TooLarge(unittest.TestCase):
    """Firmware that does not fit: after the linker's message stands what may help."""

    def setUp(self):
        self.build = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.work = self.build / "mpgc"
        self.work.mkdir()
        (self.work / "info").write_text("mpgc 1 for MicroPython 2, scheduler, release profile\n")
        (self.build / "object.c").write_text(LARGE)
        tool = f"{sys.executable} {ROOT / 'micropython-patches' / 'mpgc_build.py'}"
        wrapper = (ROOT / "micropython-patches" / "wrapper.mk").read_text()
        # what the wrapper has behind the port's Makefile, as it is
        rules = wrapper[wrapper.index("ifneq ($(filter undefine") :].partition("\nendif\n")[0]
        text = MAKEFILE.format(tool=tool, work=self.work, build=self.build)
        (self.build / "Makefile").write_text(text + rules + "\nendif\n")

    def make(self, flash, ram, *words):
        """What make says for both programs, and how it ends."""
        (self.build / "regions.ld").write_text(REGIONS % (flash, ram))
        command = ["make", "-k", "-C", self.build, *words]
        env = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        for program in self.build.glob("*.elf"):
            program.unlink()
        return done.stdout + done.stderr, done.returncode

    def test_what_fits_says_nothing(self):
        said, status = self.make(64, 64)
        self.assertEqual((said.count("mpgc: note"), status), (0, 0), said)

    def test_for_code_that_does_not_fit_the_message_names_what_may_help(self):
        for words in ((), ("CC=gcc", "LD=ld")):
            said, status = self.make(63, 64, *words)
            self.assertNotEqual(status, 0)
            self.assertEqual(said.count("overflowed by 1 byte"), 2, said)
            notes = [line for line in said.splitlines() if line.startswith("mpgc: note")]
            self.assertEqual(len(notes), 2, said)
            self.assertIn("MPGC_PROFILE=size", notes[0])

    def test_objects_are_compiled_by_the_compiler_alone(self):
        said, _ = self.make(64, 64)
        compiled = [line for line in said.splitlines() if line.endswith("object.c")]
        self.assertEqual(len(compiled), 1, said)
        self.assertTrue(compiled[0].startswith("gcc "), compiled)

    def test_variables_that_do_not_fit_and_the_least_profile_get_no_advice(self):
        said, status = self.make(64, 63)
        self.assertNotEqual(status, 0)
        self.assertIn("overflowed by 1 byte", said)
        self.assertNotIn("mpgc: note", said)
        (self.work / "info").write_text("mpgc 1 for MicroPython 2, scheduler, small, release\n")
        said, status = self.make(63, 64)
        self.assertNotEqual(status, 0)
        self.assertNotIn("mpgc: note", said)

    def test_another_error_is_the_linkers_alone(self):
        (self.build / "object.c").write_text("int nowhere(void); int f(void) { return nowhere(); }")
        said, status = self.make(4096, 64)
        self.assertNotEqual(status, 0)
        self.assertNotIn("mpgc: note", said)

    def test_the_linker_of_llvm_is_understood(self):
        said = "ld.lld: error: section '%s' will not fit in region 'FLASH': overflowed by 4 bytes"
        self.assertTrue(mpgc_link.too_much_code(said % ".text"))
        self.assertFalse(mpgc_link.too_much_code(said % ".bss"))


if __name__ == "__main__":
    unittest.main()
