"""Which Rust is chosen for a machine, without any build."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import mpgc_rust

from tools.common import Fail
from tools.setup import targets


class RustTargets(unittest.TestCase):
    def target(self, *macros, **values):
        return mpgc_rust.rust_target({**dict.fromkeys(macros, "1"), **values})

    def test_the_compilers_macros_choose_the_target(self):
        self.assertEqual(self.target("__linux__", "__i386__"), "i686-unknown-linux-gnu")
        self.assertEqual(
            self.target("__linux__", "__arm__", "__ARM_PCS_VFP", __ARM_ARCH="7"),
            "armv7-unknown-linux-gnueabihf",
        )
        self.assertEqual(
            self.target("__linux__", "__arm__", __ARM_ARCH="5"), "armv5te-unknown-linux-gnueabi"
        )
        self.assertEqual(
            self.target("__linux__", "__mips__", __BYTE_ORDER__="__ORDER_LITTLE_ENDIAN__"),
            "mipsel-unknown-linux-gnu",
        )
        self.assertEqual(
            self.target("__arm__", "__ARM_ARCH_7EM__", "__ARM_PCS_VFP"), "thumbv7em-none-eabihf"
        )
        self.assertEqual(self.target("__arm__", "__ARM_ARCH_6M__"), "thumbv6m-none-eabi")
        self.assertEqual(
            self.target(
                "__riscv",
                "__riscv_mul",
                "__riscv_atomic",
                "__riscv_compressed",
                "__riscv_float_abi_soft",
                __riscv_xlen="32",
            ),
            "riscv32imac-unknown-none-elf",
        )
        self.assertEqual(self.target("__xtensa__", "__XTENSA_CALL0_ABI__"), "xtensa-call0-none-elf")
        self.assertEqual(
            self.target("__xtensa__", "__XTENSA_WINDOWED_ABI__"), "xtensa-windowed-none-elf"
        )
        self.assertEqual(self.target("__MINGW32__", "__x86_64__"), "x86_64-pc-windows-gnu")
        # It has those of 32-bit Unix as well, but never __linux__.
        self.assertEqual(self.target("__EMSCRIPTEN__", "__unix__"), "wasm32-unknown-emscripten")

    def test_a_machine_without_a_target_is_named(self):
        with self.assertRaisesRegex(mpgc_rust.Stop, "__mips__.*MPGC_TARGET"):
            self.target("__mips__")
        with self.assertRaisesRegex(mpgc_rust.Stop, "__i386__.*MPGC_TARGET"):
            self.target("__MINGW32__", "__i386__")


class RustToolchains(unittest.TestCase):
    """Toolchains that only answer questions."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for patch in (
            mock.patch.dict(os.environ, {"PATH": f"{self.folder / 'first'}:/usr/bin:/bin"}),
            mock.patch.object(mpgc_rust, "DEBIANS_CARGO", str(self.folder / "debian" / "cargo")),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        os.environ.pop("RUSTC", None)

    def toolchain(self, name, version="1.95.0", prebuilt=(), source=False):
        folder = self.folder / name
        for target in prebuilt:
            (folder / target).mkdir(parents=True)
            (folder / target / "libcore-1.rlib").touch()
        if source:
            library = folder / "lib/rustlib/src/rust/library/core/src"
            library.mkdir(parents=True)
            (library / "lib.rs").touch()
        folder.mkdir(exist_ok=True)
        answers = (
            f'case "$*" in --version) echo rustc {version};; *sysroot) echo {folder};; *) '
            f"echo {folder}/$4;; esac"
        )
        for program in ("rustc", "cargo"):
            (folder / program).write_text(f"#!/bin/sh\n{answers}\n")
            (folder / program).chmod(0o755)
        return folder

    def choose(self, **options):
        found = mpgc_rust.choose_toolchain("t1", **options)
        return Path(found.cargo).parent.name, Path(found.rustc).parent.name, found.build_std

    def test_prebuilt_then_source_then_debians(self):
        self.toolchain("debian", prebuilt=["t1"], source=True)
        self.toolchain("first")
        self.assertEqual(self.choose(), ("debian", "debian", False))
        self.toolchain("first", source=True)
        self.assertEqual(self.choose(), ("first", "first", True))
        self.toolchain("first", prebuilt=["t1"])
        self.assertEqual(self.choose(), ("first", "first", False))
        self.assertEqual(self.choose(build_std="1"), ("first", "first", True))
        self.assertEqual(
            self.choose(cargo=str(self.folder / "debian" / "cargo")), ("debian", "debian", False)
        )

    def test_what_is_too_old_is_passed_over_or_named(self):
        self.toolchain("first", version="1.70.0", prebuilt=["t1"])
        with self.assertRaisesRegex(mpgc_rust.Stop, "1.88 or newer.*found rustc 1.70.0"):
            self.choose()
        self.toolchain("debian", source=True)
        self.assertEqual(self.choose(), ("debian", "debian", True))
        with self.assertRaisesRegex(
            mpgc_rust.Stop,
            "no `core` for t1: run `rustup target add t1`.*; Rust 1.88 or newer.*found rustc "
            "1.70.0",
        ):
            self.choose(build_std="0")

    def test_a_target_without_core_names_the_fix(self):
        self.toolchain("first")
        with self.assertRaisesRegex(
            mpgc_rust.Stop, "no `core` for t1: run .*apt-get install cargo-web rust-web-src"
        ):
            self.choose()
        with self.assertRaisesRegex(mpgc_rust.Stop, "rustup target add t1"):
            self.choose(build_std="0")

    def test_a_target_is_found_by_either_name(self):
        self.assertEqual(
            targets.find_target("armhf"), targets.find_target("armv7-unknown-linux-gnueabihf")
        )
        with self.assertRaisesRegex(Fail, "ARCH=sparc.*aarch64"):
            targets.find_target("sparc")


if __name__ == "__main__":
    unittest.main()
