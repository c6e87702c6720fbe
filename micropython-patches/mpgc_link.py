"""The link of a port's program: the linker's messages, and whether the program holds mpgc and not
the C.
"""

import os
import re
import subprocess
import sys

import mpgc_options
from mpgc_objects import PROGRAM, kind, symbols
from mpgc_rust import Stop

# What GNU ld and lld say of a region of memory that is full: of each section, and of the region.
SECTION_OUTSIDE = re.compile(r"[Ss]ection [`'](\S+)' will not fit in region")
OVERFLOWED = re.compile(r"overflowed by \d+ bytes?")
# Sections without code, for which another profile changes nothing.
WITHOUT_CODE = re.compile(r"bss|noinit|heap|stack")
NOTE = (
    "mpgc: note: the program does not fit into the memory that the linker script has for it: with "
    "MPGC_PROFILE=size "
    "mpgc's code is about as large as the C's; give it where you gave the command that builds"
)


def too_much_code(said):
    """Whether a linker has said that the code does not fit."""
    outside = SECTION_OUTSIDE.findall(said)
    if outside:
        return not all(map(WITHOUT_CODE.search, outside))
    return OVERFLOWED.search(said) is not None


def is_small(work):
    """Whether the carrier has the profile `size`, which is the default for some machines."""
    return (work / "info").exists() and ", small" in (work / "info").read_text()


def run_linker(work, command):
    """The linker's exit status. If the program is too large, our message follows the linker's."""
    try:
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    except OSError as error:
        raise Stop(f"`{command[0]}` is not found or cannot run: {error.strerror}") from error
    sys.stderr.buffer.write(done.stderr)
    sys.stderr.flush()
    said = done.stderr.decode(errors="replace")
    if done.returncode and too_much_code(said) and not is_small(work):
        print(NOTE, file=sys.stderr, flush=True)
    return done.returncode


def check_program(path, work):
    """An executable that has `gc_alloc`, and local functions, but none of mpgc's, has the C's."""
    if kind(path) != PROGRAM or "gc" in mpgc_options.recorded(work)["MPGC_KEEP_C"].split():
        return
    found = symbols(path)
    names = {symbol.name for symbol in found}
    locals_kept = any(symbol.local and symbol.function for symbol in found)
    if "gc_alloc" in names and locals_kept and not any("mpgc" in name for name in names):
        raise Stop(
            f"{path} was linked with the C's gc_alloc, not with mpgc's: remove the build directory "
            "and build again; "
            "docs/porting.md lists the ways for ports with make and with CMake"
        )


def linked(work, carrier, patches):
    """Checks what make has built in the folder above `work`."""
    seen, port = work / "seen", os.getcwd()
    if not seen.exists():
        # the Makefile calls others, which have just made this check
        below = list(work.parent.glob("*/mpgc/linked"))
        for record in below:
            record.unlink()
        if below:
            return
        raise Stop(
            f"what {port} has built does not hold {carrier}, so it is not mpgc's: its Makefile "
            "hands on to another one, or "
            f"links nothing. Type `make -C {port} USER_C_MODULES={patches}/usermod`, without -f; "
            "or see docs/porting.md"
        )
    seen.unlink()
    if kind(carrier) and not any(symbol.name == "mpgc_version" for symbol in symbols(carrier)):
        raise Stop(
            f"{carrier} was compiled from C: the port has a rule of its own for it. Use "
            "wrapper.mk, whose rules come last"
        )
    made = carrier.stat().st_mtime_ns
    for path in sorted(work.parent.iterdir()):
        if path.is_file() and path.stat().st_mtime_ns >= made:
            check_program(path, work)
    (work / "linked").touch()
