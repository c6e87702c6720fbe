"""Symbols of objects and programs in each format, and what linkers' maps say of them."""

import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import mpgc_carrier
import mpgc_objects
from mpgc_objects import OBJECT, PROGRAM, Symbol

from tools.build import other_ports, webassembly
from tools.common import Fail


def coff(*symbols):
    """An object for x86-64; each symbol is (name, section, form, storage, what follows it)."""
    entries, names = b"", b""
    for name, section, form, storage, more in symbols:
        text = name.encode()
        if len(text) > 8:
            field = struct.pack("<II", 0, 4 + len(names))
            names += text + b"\0"
        else:
            field = text.ljust(8, b"\0")
        entries += struct.pack("<8sIhHBB", field, 0, section, form, storage, len(more)) + b"".join(
            more
        )
    header = struct.pack("<HHIIIHH", 0x8664, 0, 0, 20, len(entries) // 18, 0, 0)
    return header + entries + struct.pack("<I", 4 + len(names)) + names


def number(value):
    out = b""
    while True:
        value, byte = value >> 7, value & 0x7F
        if not value:
            return out + bytes([byte])
        out += bytes([byte | 0x80])


def counted(data):
    return number(len(data)) + data


def custom(name, content):
    return b"\0" + counted(counted(name.encode()) + content)


def wasm(*sections):
    return b"\0asm\1\0\0\0" + b"".join(sections)


class Objects(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def file(self, data):
        path = self.folder / "file"
        path.write_bytes(data)
        return path

    def test_elf(self):
        path = self.folder / "a.o"
        text = "static int __attribute__((used)) inner(void) { return 1; } int outer; extern int other;"
        subprocess.run(["gcc", "-x", "c", "-c", "-o", path, "-"], input=text, text=True, check=True)
        found = mpgc_objects.symbols(path)
        self.assertEqual(mpgc_objects.kind(path), OBJECT)
        self.assertIn(Symbol("inner", True, True), found)
        self.assertIn(Symbol("outer", False, False), found)

    def test_coff(self):
        path = self.file(
            coff(
                (".text", 1, 0, 3, [bytes(18)]),
                ("gc_alloc", 1, 0x20, 2, []),
                ("a_long_name_of_a_local_one", 1, 0x20, 3, []),
                ("elsewhere", 0, 0x20, 2, []),
            )
        )
        self.assertEqual(mpgc_objects.kind(path), OBJECT)
        self.assertEqual(
            mpgc_objects.symbols(path),
            [
                Symbol(".text", True, False),
                Symbol("gc_alloc", False, True),
                Symbol("a_long_name_of_a_local_one", True, True),
            ],
        )

    def test_a_program_for_windows(self):
        start = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0"
        table = 64 + 4 + 20
        header = struct.pack("<HHIIIHH", 0x8664, 0, 0, table, 1, 0, 0)
        path = self.file(start + header + coff(("gc_alloc", 1, 0x20, 2, []))[20:])
        self.assertEqual(mpgc_objects.kind(path), PROGRAM)
        self.assertEqual(mpgc_objects.symbols(path), [Symbol("gc_alloc", False, True)])

    def test_weak_functions_of_coff_name_what_stands_for_them(self):
        stale = struct.pack("<II10x", 77, 3)
        data = coff(
            (".file", -2, 0, 103, [bytes(18), bytes(18)]),
            ("mpgc_fault", 0, 0x20, 105, [stale]),
            (".weak.mpgc_fault.other", 1, 0x20, 2, []),
        )
        fixed = mpgc_objects.with_weak_functions(data)
        # 20 bytes of a header, and the weak function is the fourth entry
        at = 20 + 4 * 18
        self.assertEqual(struct.unpack_from("<II", data, at), (77, 3))
        self.assertEqual(struct.unpack_from("<II", fixed, at), (5, 3))
        self.assertEqual((fixed[:at], fixed[at + 4 :]), (data[:at], data[at + 4 :]))

    def test_wasm(self):
        symbols = [
            b"\0" + number(0) + number(200) + counted(b"gc_alloc"),
            b"\0" + number(2) + number(3) + counted(b"inner"),
            b"\0" + number(0x10) + number(0),
            b"\0" + number(0x50) + number(1) + counted(b"elsewhere"),
            b"\1" + number(0) + counted(b"data") + number(1) + number(0) + number(4),
            b"\1" + number(0x10) + counted(b"other_data"),
            b"\3" + number(2) + number(1),
        ]
        table = number(2) + b"\x08" + counted(number(len(symbols)) + b"".join(symbols))
        path = self.file(wasm(b"\1" + counted(b"types"), custom("linking", table)))
        self.assertEqual(mpgc_objects.kind(path), OBJECT)
        self.assertEqual(
            mpgc_objects.symbols(path),
            [
                Symbol("gc_alloc", False, True),
                Symbol("inner", True, True),
                Symbol("data", False, False),
            ],
        )

    def test_a_program_of_wasm_and_its_names(self):
        names = number(2) + number(0) + counted(b"gc_alloc") + number(1) + counted(b"gc_mark")
        path = self.file(wasm(custom("name", b"\1" + counted(names))))
        self.assertEqual(mpgc_objects.kind(path), PROGRAM)
        self.assertEqual([s.name for s in mpgc_objects.symbols(path)], ["gc_alloc", "gc_mark"])
        self.assertEqual(mpgc_objects.symbols(self.file(wasm())), [])

    def test_the_files_of_an_archive(self):
        path = self.folder / "a.a"
        for name in ("short.o", "a_name_that_has_more_than_16_letters.o"):
            (self.folder / name).write_bytes(name.encode())
            subprocess.run(["ar", "qcS", path, name], cwd=self.folder, check=True)
        self.assertEqual(
            list(mpgc_objects.members(path.read_bytes())),
            [
                ("short.o", b"short.o"),
                (
                    "a_name_that_has_more_than_16_letters.o",
                    b"a_name_that_has_more_than_16_letters.o",
                ),
            ],
        )

    def test_other_files_are_neither(self):
        for data in (b"", b"\x7f", b"MZ", b"text of some length", b"#!/bin/sh\n"):
            with self.subTest(data):
                self.assertIsNone(mpgc_objects.kind(self.file(data)))


# As modmachine.h of the esp8266 port has it; each object that includes it defines the pins.
SHIM = """
const int pins[17];
int gc_alloc(int x) { return %s; }
"""


@unittest.skipUnless(shutil.which("gcc"), "gcc is not there")
class Common(unittest.TestCase):
    """A port whose headers define variables, and whose compiler merges them (-fcommon)."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_with(self, shim):
        """The status of a program that has a carrier of this shim, and pins of its own."""
        made, library, carrier = (self.folder / name for name in ("shim.o", "library.a", "gc.o"))
        flags = ["-g", "-fcommon", "-fdata-sections", "-x", "c"]
        subprocess.run(["gcc", *flags, "-c", "-o", made, "-"], input=shim, text=True, check=True)
        subprocess.run(["ar", "rcs", library, made], check=True)
        self.assertEqual(mpgc_objects.commons(library), ["pins"])
        names, target = ["gc_alloc"], "x86_64-unknown-linux-gnu"
        mpgc_carrier.link(["gcc"], "objcopy", carrier, self.folder, library, names, target)
        main = "int gc_alloc(int); const int pins[17] = {0, 7}; int main() { return gc_alloc(1); }"
        program = self.folder / "program"
        command = ["gcc", "-o", program, "-x", "c", "-", "-x", "none", carrier]
        subprocess.run(command, input=main, text=True, check=True)
        return subprocess.run([program], check=False).returncode

    def test_the_carrier_links_where_it_does_not_use_them(self):
        self.assertEqual(self.run_with(SHIM % "x + 1"), 2)

    def test_the_carrier_has_the_programs_where_it_does(self):
        self.assertEqual(self.run_with(SHIM % "pins[x]"), 7)


class Proof(unittest.TestCase):
    """What tells a build with mpgc from one with the C."""

    def setUp(self):
        self.carrier = Path(self.enterContext(tempfile.TemporaryDirectory())) / "gc.o"

    def prove(self, flavour, exported, *names):
        self.carrier.write_bytes(coff((exported, 1, 0x20, 2, [])))
        other_ports.prove(flavour, self.carrier, {"gc_alloc", *names})

    def test_each_side_as_it_is_to_be(self):
        self.prove("c", "gc_alloc", "gc_mark_subtree")
        self.prove("rust", "mpgc_build_info", "_ZN4mpgc4heap")

    def test_link_time_optimization_leaves_the_names_known(self):
        self.prove("c", "gc_alloc", "gc_mark_subtree.lto_priv.0")
        with self.assertRaisesRegex(Fail, "the C's gc_mark_subtree"):
            self.prove("rust", "mpgc_build_info", "_ZN4mpgc4heap", "gc_mark_subtree.lto_priv.0")

    def test_anything_of_the_other_side_fails(self):
        for flavour, exported, *names in (
            ("c", "mpgc_build_info", "gc_mark_subtree"),
            ("c", "gc_alloc", "gc_mark_subtree", "_ZN4mpgc4heap"),
            ("c", "gc_alloc"),
            ("rust", "gc_alloc", "_ZN4mpgc4heap"),
            ("rust", "mpgc_build_info"),
            ("rust", "mpgc_build_info", "_ZN4mpgc4heap", "gc_mark_subtree"),
        ):
            with self.subTest(flavour, names=names), self.assertRaises(Fail):
                self.prove(flavour, exported, *names)


class Library(unittest.TestCase):
    def test_arrow_functions_become_plain_ones(self):
        text = "    a: () => Date.now() - E,\n    b: () => {\n        f();\n    },\n    c: () =>\n        g(1)[0],\n"
        self.assertEqual(
            webassembly.plain_functions(text),
            "    a: function () { return Date.now() - E; },\n    b: function () {\n        f();\n    },\n"
            "    c: function () { return g(1)[0]; },\n",
        )


if __name__ == "__main__":
    unittest.main()
