"""Unit tests of the RP2040's boot ROM, compiled for this machine, and of what runs the board."""

import ctypes
import math
import random
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools.build import rp2040
from tools.common import Fail
from tools.verify import board_test

FIRST, LAST = -(1 << 63), (1 << 63) - 1


class BootRom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        library = Path(scratch.name) / "rom.so"
        # beside the C library's own
        names = ["-Dmemcpy=rom_memcpy", "-Dmemset=rom_memset", "-fno-builtin"]
        command = [
            "gcc",
            "-O2",
            "-shared",
            "-fPIC",
            *names,
            "-o",
            library,
            rp2040.SOURCES / "rom.c",
        ]
        subprocess.run(command, check=True)
        cls.rom = ctypes.CDLL(str(library))
        cls.random = random.Random(1)

    def test_bits(self):
        for x in (0, 1, 0x80000000, 0xFFFFFFFF, *(self.random.getrandbits(32) for _ in range(99))):
            x >>= self.random.randrange(32)
            bits = f"{x:032b}"
            self.assertEqual(self.rom.rom_popcount(x), bits.count("1"))
            self.assertEqual(self.rom.rom_clz(x), 32 - x.bit_length())
            self.assertEqual(self.rom.rom_ctz(x), len(bits) - len(bits.rstrip("0")))
            self.assertEqual(self.rom.rom_reverse(x) & 0xFFFFFFFF, int(bits[::-1], 2))

    def test_bytes_are_copied_and_set_at_every_address(self):
        for to in range(4):
            for start in range(4):
                for n in range(40):
                    before = self.random.randbytes(64)
                    source = self.random.randbytes(64)
                    memory = ctypes.create_string_buffer(before, 64)
                    other = ctypes.create_string_buffer(source, 64)
                    at = ctypes.addressof(memory) + to
                    read = ctypes.c_void_p(ctypes.addressof(other) + start)
                    self.rom.rom_memcpy(ctypes.c_void_p(at), read, ctypes.c_size_t(n))
                    expected = before[:to] + source[start : start + n] + before[to + n :]
                    self.assertEqual(memory.raw, expected)
                    self.rom.rom_memset(ctypes.c_void_p(at), 0x1A5, ctypes.c_size_t(n))
                    expected = before[:to] + b"\xa5" * n + before[to + n :]
                    self.assertEqual(memory.raw, expected)

    def check_fixed(self, name, type_, x, places):
        signed, unsigned = (getattr(self.rom, f"rom_{name}2{f}") for f in ("fix64", "ufix64"))
        signed.restype, unsigned.restype = ctypes.c_int64, ctypes.c_uint64
        signed.argtypes = unsigned.argtypes = [type_, ctypes.c_int]
        exact = math.floor(math.ldexp(x, places)) if math.isfinite(x) else x * 2.0**200
        with self.subTest(name, x=x, places=places):
            self.assertEqual(signed(x, places), int(min(max(exact, FIRST), LAST)))
            self.assertEqual(unsigned(x, places), int(min(max(exact, 0), (1 << 64) - 1)))

    def test_floats_become_integers_towards_minus_infinity(self):
        single = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.0**31, 2.0**62, 2.0**63, -(2.0**63)]
        single += [2.0**64, -(2.0**64), 1e-30, -1e-30, 3e38, math.inf, -math.inf]
        for _ in range(300):
            mantissa = self.random.uniform(-2, 2)
            x = math.ldexp(mantissa, self.random.randrange(-40, 70))
            single.append(struct.unpack("f", struct.pack("f", x))[0])
            self.check_fixed("double", ctypes.c_double, x, self.random.randrange(-8, 9))
        for x in single:
            for places in (0, 3, -3):
                self.check_fixed("float", ctypes.c_float, x, places)
                self.check_fixed("double", ctypes.c_double, x, places)

    def test_a_table_is_searched_to_its_end(self):
        lookup = self.rom.rom_table_lookup
        lookup.restype = ctypes.c_void_p
        table = (ctypes.c_uint16 * 5)(0x1234, 100, 0x4321, 200, 0)
        self.assertEqual([lookup(table, c) for c in (0x1234, 0x4321, 5)], [100, 200, None])


class GivenRom(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        patch = mock.patch.object(rp2040, "WORK", self.folder / "work")
        patch.start()
        self.addCleanup(patch.stop)

    def test_words_in_hex_become_an_image(self):
        path = self.folder / "rom.ts"
        path.write_text("[0x20041f00, 0x000000ef,\n 0x00000031, 0x00000031, 0x0301754d,]")
        image = rp2040.boot_rom(path).read_bytes()
        self.assertEqual(image[:4] + image[0x10:], b"\x00\x1f\x04\x20Mu\x01\x03")

    def test_another_file_is_refused(self):
        path = self.folder / "rom.bin"
        path.write_bytes(bytes(64))
        with self.assertRaises(Fail):
            rp2040.boot_rom(path)
        with self.assertRaises(Fail):
            rp2040.boot_rom(self.folder / "none")


class Speed(unittest.TestCase):
    def test_what_was_printed_is_read_and_compared(self):
        times = {
            "c": board_test.cases_of("case loop 100\r\ncase call 200\r\nend\r\n"),
            "rust": board_test.cases_of("case loop 100\ncase call 201\nend\n"),
        }
        rows, slower = board_test.cases_beside(times)
        self.assertEqual(
            rows[1:], [["loop", "100", "100", "1.000"], ["call", "200", "201", "1.005"]]
        )
        self.assertEqual(slower, ["call"])

    def test_a_run_that_has_not_ended_is_no_result(self):
        for text in ("case loop 100\n", "case loop 0\nend\n", "end\n"):
            with self.assertRaises(Fail):
                board_test.cases_of(text)


if __name__ == "__main__":
    unittest.main()
