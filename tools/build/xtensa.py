"""Programs for Xtensa on qemu's machine `sim`: c-tests/xtensa has the code that runs before
main().
"""

from pathlib import Path

from tools.build.firmware_lib import machine
from tools.common import ROOT

SOURCES = ROOT / "c-tests" / "xtensa"
TARGET = "xtensa-lx106"
# Debian's compiler does not look where the package of the C library puts it.
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
    """The sources that every program needs, with those that stand in for an operating system."""
    return [SOURCES / "start.S", *sorted(SOURCES.glob("*.c"))]


def run_command(program):
    return [*EMULATOR, "-kernel", program]
