"""Whether a build that has ended holds mpgc, and not the C."""

import os

import mpgc_options
from mpgc_objects import PROGRAM, kind, symbols
from mpgc_rust import Stop


def check_program(path, work):
    """An executable that has `gc_alloc`, and local functions, but none of mpgc's, has the C's."""
    if kind(path) != PROGRAM or "gc" in mpgc_options.recorded(work)["MPGC_KEEP_C"].split():
        return
    found = symbols(path)
    names = {symbol.name for symbol in found}
    locals_kept = any(symbol.local and symbol.function for symbol in found)
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
    if kind(carrier) and not any(symbol.name == "mpgc_version" for symbol in symbols(carrier)):
        raise Stop(
            f"{carrier} was compiled from C: the port has a rule of its own for it. Use wrapper.mk, whose rules come last"
        )
    made = carrier.stat().st_mtime_ns
    for path in sorted(work.parent.iterdir()):
        if path.is_file() and path.stat().st_mtime_ns >= made:
            check_program(path, work)
    (work / "linked").touch()
