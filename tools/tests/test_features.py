"""What rustc is given of a port's processor, and what the carrier must not hold then."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import mpgc_features
import mpgc_rust

from tools.verify import forbidden

POWERPC = "powerpc64le-unknown-linux-gnu"

# How the ports of MicroPython call the compiler for boards that are built and measured: there the
# target has what the port has.
AS_THE_TARGET = [
    ("thumbv6m-none-eabi", "arm-none-eabi-gcc", ["-mthumb", "-mcpu=cortex-m0"]),
    ("thumbv7m-none-eabi", "arm-none-eabi-gcc", ["-mthumb", "-mcpu=cortex-m3"]),
    ("thumbv7em-none-eabi", "arm-none-eabi-gcc", ["-mthumb", "-mcpu=cortex-m4"]),
    (
        "thumbv7em-none-eabihf",
        "arm-none-eabi-gcc",
        ["-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    ),
    ("armv7a-none-eabi", "arm-none-eabi-gcc", ["-mthumb", "-mcpu=cortex-a9"]),
    (
        "riscv32imac-unknown-none-elf",
        "riscv64-unknown-elf-gcc",
        ["-march=rv32imac", "-mabi=ilp32"],
    ),
    ("aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc", []),
    ("armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf-gcc", []),
    ("armv5te-unknown-linux-gnueabi", "arm-linux-gnueabi-gcc", []),
    ("riscv64gc-unknown-linux-gnu", "riscv64-linux-gnu-gcc", []),
    ("mipsel-unknown-linux-gnu", "mipsel-linux-gnu-gcc", []),
    ("mips64el-unknown-linux-gnuabi64", "mips64el-linux-gnuabi64-gcc", []),
    (POWERPC, "powerpc64le-linux-gnu-gcc", []),
    ("i686-unknown-linux-gnu", "i686-linux-gnu-gcc", []),
    ("x86_64-unknown-linux-gnu", "gcc", []),
]
# Others, as they call it; what the features are then.
OTHERS = [
    (
        POWERPC,
        "powerpc64le-linux-gnu-gcc",
        ["-mno-vsx", "-mno-altivec", "-mlittle-endian", "-mstrict-align", "-msoft-float"],
        "-vsx,-altivec,-hard-float",
    ),
    ("thumbv8m.main-none-eabi", "arm-none-eabi-gcc", ["-mthumb", "-mcpu=cortex-m33"], "+dsp"),
    ("thumbv8m.main-none-eabi", "arm-none-eabi-gcc", ["-mthumb", "-mcpu=cortex-m33+nodsp"], ""),
    (
        "thumbv8m.main-none-eabihf",
        "arm-none-eabi-gcc",
        ["-mthumb", "-mcpu=cortex-m55", "-mfloat-abi=hard"],
        "+dsp,+fp64",
    ),
    (
        "thumbv7em-none-eabihf",
        "arm-none-eabi-gcc",
        ["-mthumb", "-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard"],
        "+fp64",
    ),
    (
        "thumbv7em-none-eabi",
        "arm-none-eabi-gcc",
        ["-mthumb", "-mcpu=cortex-m4", "-mno-unaligned-access"],
        "+strict-align",
    ),
    (
        "riscv32imac-unknown-none-elf",
        "riscv64-unknown-elf-gcc",
        ["-march=rv32imac_zba_zbb_zbs", "-mabi=ilp32"],
        "+zba,+zbb,+zbs",
    ),
    ("riscv32i-unknown-none-elf", "riscv64-unknown-elf-gcc", ["-march=rv32i", "-mabi=ilp32"], ""),
    (
        "riscv32imc-unknown-none-elf",
        "riscv64-unknown-elf-gcc",
        ["-march=rv32imc", "-mabi=ilp32"],
        "",
    ),
    (
        "riscv32imac-unknown-none-elf",
        "riscv64-unknown-elf-gcc",
        ["-march=rv32imafc", "-mabi=ilp32"],
        "",
    ),
    (
        "riscv32imafc-unknown-none-elf",
        "riscv64-unknown-elf-gcc",
        ["-march=rv32imafc", "-mabi=ilp32f"],
        "",
    ),
    (
        "riscv32em-unknown-none-elf",
        "riscv64-unknown-elf-gcc",
        ["-march=rv32ema", "-mabi=ilp32e"],
        "",
    ),
    (
        "riscv64imac-unknown-none-elf",
        "riscv64-unknown-elf-gcc",
        ["-march=rv64i", "-mabi=lp64"],
        "-a,-c",
    ),
    ("aarch64-unknown-linux-gnu", "aarch64-linux-gnu-gcc", ["-mstrict-align"], "+strict-align"),
    ("i586-unknown-linux-gnu", "i686-linux-gnu-gcc", ["-march=i586"], ""),
]


def macros_of(command):
    done = subprocess.run(
        [*command, "-dM", "-E", "-x", "c", os.devnull],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    pairs = (line.split(" ", 2) for line in done.stdout.splitlines())
    return {pair[1]: pair[2] if len(pair) > 2 else "" for pair in pairs}


def as_gcc_has_addresses(target, features):
    """With the feature by which LLVM loads addresses on a Cortex-M, as gcc does."""
    of_cortex_m = re.match(r"thumbv(7|8m\.main).*-none", target)
    return ",".join(filter(None, [features, "+no-movt" if of_cortex_m else ""]))


def features_of(processor):
    """The features among rustc's words."""
    words = [word.partition("=")[2] for word in processor.rustc if "target-feature" in word]
    return "".join(words)


class Table(unittest.TestCase):
    """By the compilers that this machine has."""

    def ask(self, compiler, words):
        if shutil.which(compiler) is None:
            self.skipTest(f"{compiler} is not here")
        command = [compiler, *words]
        macros = macros_of(command)
        target = mpgc_rust.rust_target(macros, command)
        return target, mpgc_features.of(target, macros, command)

    def test_a_port_with_what_the_target_has_is_compiled_as_ever(self):
        for target, compiler, words in AS_THE_TARGET:
            with self.subTest(target):
                found, processor = self.ask(compiler, words)
                self.assertEqual(
                    (found, features_of(processor), processor.lost),
                    (target, as_gcc_has_addresses(target, ""), []),
                )

    def test_other_processors(self):
        for target, compiler, words, features in OTHERS:
            with self.subTest(" ".join(words)):
                found, processor = self.ask(compiler, words)
                self.assertEqual(
                    (found, features_of(processor)),
                    (target, as_gcc_has_addresses(target, features)),
                )


class ByMacros(unittest.TestCase):
    """Without any compiler."""

    def of(self, target, *words, **macros):
        return mpgc_features.of(target, macros, ["cc", *words])

    def test_strict_alignment_on_powerpc_is_an_option_of_llvm(self):
        processor = self.of(POWERPC, "-mstrict-align", __VSX__="1", __ALTIVEC__="1")
        self.assertEqual(
            processor.rustc, ["-Cllvm-args=-disable-ppc-unaligned", "--cfg", "mpgc_aligned_words"]
        )
        self.assertTrue(processor.lost)

    def test_the_crate_reads_aligned_words_only(self):
        processor = self.of("thumbv7m-none-eabi")
        self.assertEqual(
            processor.rustc,
            ["-Ctarget-feature=+strict-align,+no-movt", "--cfg", "mpgc_aligned_words"],
        )
        self.assertNotIn(
            "--cfg",
            self.of(
                "thumbv8m.main-none-eabi", __ARM_FEATURE_DSP="1", __ARM_FEATURE_UNALIGNED="1"
            ).rustc,
        )

    def test_a_cortex_m_loads_addresses_unless_the_port_wants_no_loads_from_code(self):
        macros = {"__ARM_FEATURE_UNALIGNED": "1"}
        for target, words, features in (
            ("thumbv7em-none-eabihf", [], "+no-movt"),
            ("thumbv7m-none-eabi", ["-mslow-flash-data"], ""),
            ("thumbv8m.main-none-eabi", ["-mpure-code"], ""),
            ("thumbv6m-none-eabi", [], ""),
            ("thumbv7neon-unknown-linux-gnueabihf", [], ""),
        ):
            with self.subTest(target):
                self.assertEqual(features_of(self.of(target, *words, **macros)), features)

    def test_loongarch_without_vectors(self):
        self.assertEqual(
            features_of(self.of("loongarch64-unknown-linux-gnu", "-mstrict-align")), "-lsx,-ual"
        )
        self.assertEqual(
            mpgc_rust.rust_target({"__loongarch64": "1", "__loongarch_soft_float": "1"}),
            "loongarch64-unknown-none-softfloat",
        )
        self.assertEqual(
            mpgc_rust.rust_target({"__loongarch64": "1", "__linux__": "1"}),
            "loongarch64-unknown-linux-gnu",
        )

    def test_the_newer_name_of_compressed_instructions_counts(self):
        """As RP2350 is compiled for: its `c` is zca."""
        names = (
            "__riscv_mul",
            "__riscv_atomic",
            "__riscv_zca",
            "__riscv_float_abi_soft",
            "__riscv",
        )
        macros = dict.fromkeys(names, "1")
        self.assertEqual(
            mpgc_rust.rust_target({**macros, "__riscv_xlen": "32"}), "riscv32imac-unknown-none-elf"
        )
        of_64 = mpgc_features.of("riscv64imac-unknown-none-elf", macros, [])
        self.assertEqual(of_64.rustc, [])

    def test_general_registers_only(self):
        self.assertEqual(
            mpgc_rust.rust_target({"__aarch64__": "1"}), "aarch64-unknown-none-softfloat"
        )
        self.assertEqual(
            mpgc_rust.rust_target({"__aarch64__": "1", "__ARM_NEON": "1"}), "aarch64-unknown-none"
        )

    def test_what_can_be_looked_for_is_a_feature_of_the_table(self):
        rows = (*mpgc_features.TAKEN, *mpgc_features.GIVEN, mpgc_features.VECTORS)
        named = {row.feature for row in rows}
        self.assertLessEqual({*mpgc_features.FORBIDDEN, mpgc_features.COMPRESSED}, named)


class Flags(unittest.TestCase):
    def test_the_users_own_flags_stay(self):
        with_flags = mpgc_features.with_flags
        self.assertEqual(with_flags({}, ["-Ca", "-Cb"]), {"RUSTFLAGS": "-Ca -Cb"})
        self.assertEqual(with_flags({"RUSTFLAGS": "-g"}, ["-Ca"]), {"RUSTFLAGS": "-g -Ca"})
        encoded = {"CARGO_ENCODED_RUSTFLAGS": "-g\x1f--cfg\x1fx"}
        self.assertEqual(
            with_flags(encoded, ["-Ca"]), {"CARGO_ENCODED_RUSTFLAGS": "-g\x1f--cfg\x1fx\x1f-Ca"}
        )

    def test_of_what_rustc_says_the_notes_on_features_are_left_out(self):
        note = (
            "warning: unstable feature specified for `-Ctarget-feature`: `vsx`\n  |\n"
            "  = note: this feature is not stably supported; its behavior can change\n\n"
        )
        other = "warning: unused import: `a`\n --> src/lib.rs:3:5\n  |\n\n"
        count = "warning: `mpgc` (lib) generated 2 warnings\n"
        features = mpgc_features.Features(["-Ctarget-feature=-vsx"], ["-vsx"])
        said = note + note.replace("unstable", "unknown and unstable") + other + count
        self.assertEqual(mpgc_features.without_notes(said, features), other)
        self.assertEqual(mpgc_features.without_notes(said, mpgc_features.Features([], [])), said)


GNU = """
0000000000000010 <gc_alloc>:
  10:\t98 00 00 7c \tlxvd2x  vs0,0,r3
  14:\t00 00 83 f8 \tstd     r4,0(r3)
  18:\tf8 00 00 48 \tb       f8 <xs_is_a_name>
"""
LLVM = """
0000000000000010 <gc_alloc>:
      10: 98 00 00 7c  \tlxvd2x 0, 0, 3
      14: 00 00 83 f8  \tstd 4, 0(3)
"""
RISCV = """
00000000 <gc_free>:
   0:\t1141                \taddi\tsp,sp,-16
   2:\t00c5a52f          \tamoadd.w\ta0,a2,(a1)
   6:\t00000513          \tli\ta0,0
"""


class Forbidden(unittest.TestCase):
    def test_an_instruction_is_reported_with_its_function(self):
        for listing in (GNU, LLVM):
            self.assertEqual(
                mpgc_features.forbidden_in(listing, ["-vsx", "-altivec", "-hard-float"]),
                [("gc_alloc", "lxvd2x")],
            )
        self.assertEqual(mpgc_features.forbidden_in(GNU, ["-altivec", "-hard-float"]), [])
        self.assertEqual(mpgc_features.forbidden_in(RISCV, ["-a"]), [("gc_free", "amoadd.w")])
        self.assertEqual(mpgc_features.forbidden_in(RISCV, ["-c"]), [("gc_free", "addi")])
        self.assertEqual(mpgc_features.forbidden_in(RISCV, ["+strict-align"]), [])

    def test_an_object_that_holds_one_is_refused(self):
        prefix = "powerpc64le-linux-gnu-"
        if shutil.which(f"{prefix}gcc") is None:
            self.skipTest(f"{prefix}gcc is not here")
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        processor = mpgc_features.Features([], ["-vsx", "-altivec", "-hard-float"])
        text = "typedef int v __attribute__((vector_size(16))); v f(v a, v b) { return a + b; }"
        for flags, refused in (("-mvsx", True), ("-mno-vsx -mno-altivec", False)):
            made = folder / "carrier.o"
            command = [
                f"{prefix}gcc",
                "-w",
                "-O2",
                *flags.split(),
                "-c",
                "-x",
                "c",
                "-o",
                made,
                "-",
            ]
            subprocess.run(command, input=text, text=True, check=True)
            if refused:
                with self.assertRaisesRegex(mpgc_rust.Stop, "-vsx.*`vadduwm` in f.*MPGC_BUILD_STD"):
                    mpgc_features.check(made, f"{prefix}objcopy", processor)
            else:
                mpgc_features.check(made, f"{prefix}objcopy", processor)

    @unittest.skipUnless(shutil.which("arm-none-eabi-gcc"), "arm-none-eabi-gcc is not here")
    def test_vectors_and_doubles_that_a_cortex_m_lacks_are_refused(self):
        """An object for a Cortex-M55, as rustc makes it where RUSTFLAGS say so, in other ports."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        target, made = "thumbv8m.main-none-eabihf", folder / "carrier.o"
        vectors = "void f(int *a, int n) { for (int i = 0; i < n; i++) a[i] += 3; }"
        bytes_ = "void f(char *restrict a, char *restrict b) { for (int i = 0; i < 64; i++) a[i] += b[i]; }"
        doubles = "double f(double a, double b) { return a * b; }"
        singles = "float f(int a, float b) { return a * b; } int g(float a) { return a; }"
        command = ["arm-none-eabi-gcc", "-mthumb", "-mfloat-abi=hard"]
        for cpu, text, found in (
            ("cortex-m55", vectors, "vectors"),
            ("cortex-m55", bytes_, "vectors"),
            ("cortex-m55+nomve", doubles, "doubles"),
            ("cortex-m33", singles, ""),
            ("cortex-m33", vectors, ""),
        ):
            words = [*command, f"-mcpu={cpu}", "-O3", "-w", "-c", "-x", "c", "-o", made, "-"]
            subprocess.run(words, input=text, text=True, check=True)
            for port, refused in (
                ("cortex-m55", ""),
                ("cortex-m55+nomve", "vectors"),
                ("cortex-m33", "vectors doubles"),
            ):
                macros = macros_of([*command, f"-mcpu={port}"])
                processor = mpgc_features.of(target, macros, command)
                with self.subTest(cpu=cpu, text=text, port=port):
                    if found and found in refused:
                        with self.assertRaisesRegex(mpgc_rust.Stop, "forbidden by the port's"):
                            mpgc_features.check(made, "arm-none-eabi-objcopy", processor)
                    else:
                        mpgc_features.check(made, "arm-none-eabi-objcopy", processor)

    def test_a_register_is_seen_and_an_address_is_none(self):
        lines = [
            "   0:\tvadduwm v2,v2,v3",
            "  20:\tlfd     f0,0(r4)",
            "  24:\tlxvd2x  vs33,0,r4",
            "  28:\tmtvsrd  vs0,r3",
        ]
        others = [
            "  2c:\tb       f0 <f1>",
            "  30:\tstd     r4,0(r3)",
            "00000000000000f8 <f8>:",
            "  34:\tblr",
        ]
        self.assertEqual(forbidden.with_registers("\n".join(lines + others)), lines)


if __name__ == "__main__":
    unittest.main()
