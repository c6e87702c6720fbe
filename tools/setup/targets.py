"""The other machines for which programs can be built and run on this one: compiler, packages,
emulator.
"""

import shutil
import sys
from collections import namedtuple

from tools.common import ROOT, Fail

sys.path.insert(0, str(ROOT / "micropython-patches"))
from mpgc_rust import Stop, choose_toolchain
from mpgc_xtensa import CALL0, WINDOWED

# `emulator` is empty where this machine runs the programs itself; `compiler` follows the prefix.
Target = namedtuple("Target", "rust prefix packages emulator compiler", defaults=("gcc",))


def linux(rust, triplet, libc, qemu):
    packages = [f"gcc-{triplet}", f"libc6-dev-{libc}-cross", "qemu-user"]
    return Target(rust, f"{triplet}-", packages, [f"qemu-{qemu}", "-L", f"/usr/{triplet}"])


TARGETS = {
    "aarch64": linux("aarch64-unknown-linux-gnu", "aarch64-linux-gnu", "arm64", "aarch64"),
    "armhf": linux("armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf", "armhf", "arm"),
    "armel": linux("armv5te-unknown-linux-gnueabi", "arm-linux-gnueabi", "armel", "arm"),
    "riscv64": linux("riscv64gc-unknown-linux-gnu", "riscv64-linux-gnu", "riscv64", "riscv64"),
    "mipsel": linux("mipsel-unknown-linux-gnu", "mipsel-linux-gnu", "mipsel", "mipsel"),
    "mips64el": linux(
        "mips64el-unknown-linux-gnuabi64", "mips64el-linux-gnuabi64", "mips64el", "mips64el"
    ),
    "ppc64el": linux(
        "powerpc64le-unknown-linux-gnu", "powerpc64le-linux-gnu", "ppc64el", "ppc64le"
    ),
    "i686": Target(
        "i686-unknown-linux-gnu",
        "i686-linux-gnu-",
        ["gcc-i686-linux-gnu", "libc6-dev-i386-cross", "libc6-i386", "lib32gcc-s1"],
        [],
    ),
}

# No package has a C library for these, so their programs bring the functions that they use.
FREESTANDING = {
    "loongarch64": Target(
        "loongarch64-unknown-none",
        "",
        ["clang-22", "lld-22", "qemu-user"],
        ["qemu-loongarch64"],
        "clang-22",
    ),
}

# Firmware needs pyserial beside the compiler: upstream's run-tests.py speaks to a board by it.
ARM_METAL = ["gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "qemu-system-arm", "python3-serial"]
RISCV_METAL = [
    "gcc-riscv64-unknown-elf",
    "picolibc-riscv64-unknown-elf",
    "qemu-system-misc",
    "python3-serial",
]

# The compiler is for the ESP8266 alone; with register windows it makes code for the ESP32's
# processors too.
XTENSA_METAL = [
    "gcc-xtensa-lx106",
    "picolibc-xtensa-lx106-elf",
    "qemu-system-misc",
    "python3-serial",
]

# Machines without an operating system.
METAL = {
    "thumbv6m": Target("thumbv6m-none-eabi", "arm-none-eabi-", ARM_METAL, ["qemu-system-arm"]),
    "thumbv7m": Target("thumbv7m-none-eabi", "arm-none-eabi-", ARM_METAL, ["qemu-system-arm"]),
    "thumbv7em": Target("thumbv7em-none-eabi", "arm-none-eabi-", ARM_METAL, ["qemu-system-arm"]),
    "thumbv7emhf": Target(
        "thumbv7em-none-eabihf", "arm-none-eabi-", ARM_METAL, ["qemu-system-arm"]
    ),
    "armv7a": Target("armv7a-none-eabi", "arm-none-eabi-", ARM_METAL, ["qemu-system-arm"]),
    "rv32imac": Target(
        "riscv32imac-unknown-none-elf", "riscv64-unknown-elf-", RISCV_METAL, ["qemu-system-riscv32"]
    ),
    "xtensa-lx106": Target(CALL0, "xtensa-lx106-elf-", XTENSA_METAL, ["qemu-system-xtensa"]),
    "xtensa-windowed": Target(
        WINDOWED,
        "xtensa-lx106-elf-",
        ["gcc-xtensa-lx106", "llvm-22", "qemu-system-misc"],
        ["qemu-system-xtensa"],
    ),
}

# Debian has it outside PATH.
WINE = next(filter(shutil.which, ("wine64", "wine")), "/usr/lib/wine/wine64")

# Machines of MicroPython's ports that are none of those above. Where emsdk is installed, its emcc
# is taken.
PORTS = {
    "windows": Target(
        "x86_64-pc-windows-gnu",
        "x86_64-w64-mingw32-",
        ["gcc-mingw-w64-x86-64", "wine64"],
        [WINE],
    ),
    "webassembly": Target("wasm32-unknown-emscripten", "", [], ["node"], "emcc"),
}


def find_target(name):
    """By its short name, or by Rust's."""
    known = {**TARGETS, **FREESTANDING, **METAL, **PORTS}
    found = next((target for short, target in known.items() if name in (short, target.rust)), None)
    if not found:
        raise Fail(f"ARCH={name} is not known here: choose one of {', '.join(known)}")
    return found


def missing_for(target, crate="core"):
    """Why programs for this target cannot be built on this machine, in one line; None if they
    can.
    """
    compiler = target.prefix + target.compiler
    if shutil.which(compiler) is None:
        return f"`{compiler}` is not in PATH: run `make deps TARGET={target.rust}`"
    if target.emulator and shutil.which(target.emulator[0]) is None:
        return f"`{target.emulator[0]}` is not in PATH: run `make deps TARGET={target.rust}`"
    try:
        choose_toolchain(target.rust, crate=crate)
    except Stop as stop:
        return str(stop)
    return None
