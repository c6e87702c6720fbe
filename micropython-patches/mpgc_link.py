"""Whether a build that has ended holds mpgc, and not the C."""

import os
import struct

import mpgc_options
from mpgc_rust import Stop

ELF = b"\x7fELF"
EXECUTABLES = (2, 3)
SYMBOL_TABLE, LOCAL, FUNCTION = 2, 0, 2


def elf_type(path):
    """The type that an ELF file gives itself; None if it is something else."""
    with open(path, "rb") as file:
        head = file.read(18)
    if len(head) < 18 or not head.startswith(ELF):
        return None
    return struct.unpack_from("<H" if head[5] == 1 else ">H", head, 16)[0]


def symbols(path):
    """(name, is local, is a function) of each defined symbol of an ELF file; none if it is stripped."""
    data = path.read_bytes()
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    sections_at = struct.unpack_from(order + ("Q" if wide else "I"), data, 40 if wide else 32)[0]
    size, count = struct.unpack_from(order + "HH", data, 58 if wide else 46)
    # type, and where it lies, how long it is, and the section that belongs to it
    form = order + ("4xI8x8xQQI" if wide else "4xI4x4xIII")
    sections = [struct.unpack_from(form, data, sections_at + i * size) for i in range(count)]
    for kind, offset, length, strings in sections:
        if kind != SYMBOL_TABLE:
            continue
        names_at, names_length = sections[strings][1:3]
        names = data[names_at : names_at + names_length]
        entries = struct.iter_unpack(
            order + ("IBxH16x" if wide else "I8xBxH"), data[offset : offset + length]
        )
        for name, info, section in entries:
            if section:
                text = names[name : names.index(b"\0", name)].decode(errors="replace")
                yield text, info >> 4 == LOCAL, info & 15 == FUNCTION


def check_program(path, work):
    """An executable that has `gc_alloc`, and local functions, but none of mpgc's, has the C's."""
    if (
        elf_type(path) not in EXECUTABLES
        or "gc" in mpgc_options.recorded(work)["MPGC_KEEP_C"].split()
    ):
        return
    found = list(symbols(path))
    names = {name for name, _, _ in found}
    locals_kept = any(local and function for _, local, function in found)
    if "gc_alloc" in names and locals_kept and not any("mpgc" in name for name in names):
        raise Stop(
            f"{path} was linked with the C's gc_alloc, not with mpgc's: remove the build directory and build again; "
            "docs/porting.md lists the ways for ports with make and with CMake"
        )


def linked(work, carrier, patches):
    """Looks at what make has built in the folder above `work`."""
    seen, port = work / "seen", os.getcwd()
    if not seen.exists():
        # a Makefile that hands on to others, where these have looked just now
        below = list(work.parent.glob("*/mpgc/linked"))
        for record in below:
            record.unlink()
        if below:
            return
        raise Stop(
            f"what {port} has built does not hold {carrier}, so it is not mpgc's: its Makefile hands on to another one, or "
            f"links nothing. Type `make -C {port} USER_C_MODULES={patches}/usermod`, without -f; or see docs/porting.md"
        )
    seen.unlink()
    if elf_type(carrier) is not None and not any(
        name == "mpgc_version" for name, _, _ in symbols(carrier)
    ):
        raise Stop(
            f"{carrier} was compiled from C: the port has a rule of its own for it. Use wrapper.mk, whose rules come last"
        )
    made = carrier.stat().st_mtime_ns
    for path in sorted(work.parent.iterdir()):
        if path.is_file() and path.stat().st_mtime_ns >= made:
            check_program(path, work)
    (work / "linked").touch()
