"""Programs for Xtensa on qemu's machine `sim`: c-tests/xtensa has what comes before main()."""

from pathlib import Path

from tools.build.firmware_lib import machine
from tools.common import ROOT

SOURCES = ROOT / "c-tests" / "xtensa"
TARGET = "xtensa-lx106"
# Debian's compiler for it looks elsewhere than the package of the C library has it.
PICOLIBC = Path("/usr/lib/xtensa-lx106-elf/picolibc.specs")
EMULATOR = [
    "qemu-system-xtensa",
    "-M",
    "sim",
    "-cpu",
    "lx106",
    "-semihosting",
    "-nographic",
    "-monitor",
    "none",
]


def compiler():
    """The words that compile and link a program of C files; with `sources()` it has a main() to
    write.
    """
    link = ["-nostartfiles", "-T", SOURCES / "memory.ld", "-Wl,-z,noexecstack"]
    return [
        *machine(TARGET).compiler,
        f"--specs={PICOLIBC}",
        "-ffunction-sections",
        "-I",
        SOURCES,
        *link,
    ]


def sources():
    """What every program needs, with what stands in for an operating system."""
    return [SOURCES / "start.S", *sorted(SOURCES.glob("*.c"))]


def run_command(program):
    return [*EMULATOR, "-kernel", program]
