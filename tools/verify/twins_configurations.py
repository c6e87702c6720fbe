"""The configurations of `make twins`: what the C and mpgc are both compiled with."""

from collections import namedtuple
from pathlib import Path

from tools.common import Fail
from tools.setup.targets import TARGETS
from tools.setup.targets import missing_for as missing_for_target

# `rust_variables` are make variables of mpgc's build alone. CI runs those with `ci`. `only_faults`:
# no traces, because the C is wrong everywhere. `pystack_debug` is the one option that a port sets
# by an edit.
Configuration = namedtuple(
    "Configuration",
    "options small target rust_variables ci only_faults pystack_debug c_fixes",
    defaults=(False, None, (), True, False, False, ()),
)

SPLIT = "-DMICROPY_GC_SPLIT_HEAP=1"
AUTO = SPLIT + " -DMICROPY_GC_SPLIT_HEAP_AUTO=1"
NO_FINALISER = "-DMICROPY_ENABLE_FINALISER=0"
SETJMP = "-DMICROPY_NLR_SETJMP=1 -Wno-clobbered"
WEAKREF = "-DMICROPY_PY_WEAKREF=1"
# From 1.28 on, the C without finalisers but with weak references does not compile. [old, new] of
# py/gc.c; what a later release has fixed is left as it is.
WEAKREF_FIXES = (
    ("gc_last_used_block / BLOCKS_PER_FTB; // index", "gc_last_used_block / 8; // index"),
    (
        "            block = ftb_idx * BLOCKS_PER_WTB;",
        "            size_t block = ftb_idx * BLOCKS_PER_WTB;",
    ),
)
# The release that brought an option.
SINCE = {"-DMICROPY_GC_SPLIT_HEAP_AUTO=1": (1, 21), WEAKREF: (1, 28)}
# An option of CircuitPython alone, with what its heap does besides.
SELECTIVE = "-DMICROPY_ENABLE_SELECTIVE_COLLECT=1 -DCIRCUITPY_MEMORYMONITOR=1"
# What differs on purpose is listed and checked in c-tests/twins/src/hardened.rs.
HARDENED = {"rust_variables": ("MPGC_HARDENED=1",), "ci": False}
# The profile for the least code: another search, and a sweep by the block.
SIZE = {"rust_variables": ("MPGC_PROFILE=size",), "ci": False}
# The code for a machine without an operating system; with 32 bits, for one that reads aligned words
# only and finds the lowest bit by a table.
BARE = {"rust_variables": ("MPGC_PROFILE=bare",), "ci": False}


def stack(entries, kind="size_t"):
    return f"-DMICROPY_ALLOC_GC_STACK_SIZE={entries} -DMICROPY_GC_STACK_ENTRY_TYPE={kind}"


# The options of each; `small` adds what is exhaustive.
CONFIGURATIONS = {
    "default": Configuration("", small=True),
    "no-finaliser": Configuration(NO_FINALISER, small=True),
    "conservative-clear": Configuration("-DMICROPY_GC_CONSERVATIVE_CLEAR=1"),
    "split": Configuration(SPLIT),
    "split-no-finaliser": Configuration(
        f"{SPLIT} {NO_FINALISER} -DMICROPY_GC_CONSERVATIVE_CLEAR=1"
    ),
    # What mpgc counts is compared with what is counted around the C.
    "split-stack8": Configuration(
        f"-DTWIN_FIGURES=1 {SPLIT} {stack(8)}", rust_variables=("MPGC_STATS=1",)
    ),
    "auto": Configuration(AUTO),
    "auto-no-finaliser": Configuration(f"{AUTO} {NO_FINALISER} {stack(8)}"),
    "block16": Configuration("-DMICROPY_BYTES_PER_GC_BLOCK=16"),
    "block64": Configuration("-DMICROPY_BYTES_PER_GC_BLOCK=64"),
    "block128": Configuration(f"-DMICROPY_BYTES_PER_GC_BLOCK=128 {SPLIT}"),
    "stack8": Configuration(stack(8)),
    "stack1024": Configuration(stack(1024)),
    "entry16": Configuration(stack(64, "uint16_t")),
    "entry32": Configuration(stack(8, "uint32_t")),
    "no-finaliser-entry16": Configuration(f"{NO_FINALISER} {stack(8, 'uint16_t')}"),
    "fewest": Configuration(
        "-DMICROPY_GC_ALLOC_THRESHOLD=0 -DMICROPY_PY_GC_COLLECT_RETVAL=0 "
        "-DMICROPY_ENABLE_PYSTACK=0 "
        "-DMICROPY_ENABLE_VM_ABORT=0 -DMICROPY_KBD_EXCEPTION=0 -DMICROPY_ENABLE_SCHEDULER=0"
    ),
    "no-nodes": Configuration("-DMICROPY_SCHEDULER_STATIC_NODES=0"),
    "setjmp": Configuration(SETJMP),
    "threads": Configuration(f"-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0 {AUTO}"),
    "gil": Configuration("-DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=1"),
    "hook": Configuration(f"-DTWIN_HOOK_LOOP {SPLIT}"),
    # docs/upstream.md, 9: in C every root is dropped.
    "valgrind": Configuration("-DMICROPY_DEBUG_VALGRIND=1", only_faults=True),
    "asserts": Configuration("-UNDEBUG", pystack_debug=True),
    "weakref": Configuration(WEAKREF, ci=False),
    "weakref-split": Configuration(f"{WEAKREF} {SPLIT} {stack(8)}", ci=False),
    "weakref-no-finaliser": Configuration(
        f"{WEAKREF} {AUTO} {NO_FINALISER}", ci=False, c_fixes=WEAKREF_FIXES
    ),
    "selective": Configuration(SELECTIVE, small=True, ci=False),
    "selective-split": Configuration(f"{SELECTIVE} {SPLIT} {stack(8)}", ci=False),
    "selective-auto": Configuration(f"{SELECTIVE} {AUTO}", ci=False),
    "selective-no-finaliser": Configuration(
        f"{SELECTIVE} {NO_FINALISER} {stack(8)} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", ci=False
    ),
    "selective-threads": Configuration(
        f"{SELECTIVE} -DMICROPY_PY_THREAD=1 -DMICROPY_PY_THREAD_GIL=0 {SPLIT}", ci=False
    ),
    "selective-size": Configuration(f"{SELECTIVE} {stack(8)}", **SIZE),
    "selective-bare-i686": Configuration(
        f"{SELECTIVE} -DMICROPY_BYTES_PER_GC_BLOCK=16 {stack(8)}", target="i686", **BARE
    ),
    "selective-hardened": Configuration(f"{SELECTIVE} {SPLIT}", **HARDENED),
    "size": Configuration("", small=True, **SIZE),
    "size-auto": Configuration(f"{AUTO} {stack(8)}", **SIZE)._replace(ci=True),
    "size-no-finaliser": Configuration(
        f"{NO_FINALISER} {stack(8)} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", **SIZE
    ),
    "bare": Configuration("", small=True, **BARE),
    "bare-no-finaliser": Configuration(
        f"{NO_FINALISER} {stack(8)} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", **BARE
    ),
    "bare-i686": Configuration(
        f"-DMICROPY_BYTES_PER_GC_BLOCK=16 {stack(8)}", target="i686", **BARE
    )._replace(ci=True),
    "bare-i686-auto": Configuration(
        f"{AUTO} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", target="i686", **BARE
    ),
    "hardened": Configuration("", **HARDENED),
    "hardened-auto": Configuration(f"{AUTO} {stack(8)}", **HARDENED)._replace(ci=True),
    "hardened-no-finaliser": Configuration(
        f"{NO_FINALISER} -DMICROPY_GC_CONSERVATIVE_CLEAR=1", **HARDENED
    ),
    "hardened-block16": Configuration(f"-DMICROPY_BYTES_PER_GC_BLOCK=16 {SPLIT}", **HARDENED),
    "hardened-block128": Configuration(
        "-DMICROPY_BYTES_PER_GC_BLOCK=128 -DMICROPY_GC_CONSERVATIVE_CLEAR=1", **HARDENED
    ),
    "hardened-i686": Configuration(f"{SPLIT} {NO_FINALISER}", target="i686", **HARDENED),
    # The C is given the threshold that mpgc sets itself.
    "paced": Configuration(f"{AUTO} {stack(8)}", rust_variables=("MPGC_PACING=4",)),
    "paced-free": Configuration("", rust_variables=("MPGC_PACING=free/3",)),
    "paced-free-bare-i686": Configuration(
        f"{SPLIT} {NO_FINALISER}",
        target="i686",
        rust_variables=(*BARE["rust_variables"], "MPGC_PACING=free/2"),
        ci=False,
    ),
    "i686": Configuration("", target="i686", ci=False),
    "i686-auto": Configuration(f"{AUTO} {stack(8)}", target="i686", ci=False),
    "i686-setjmp": Configuration(
        f"{SETJMP} {SPLIT} -DMICROPY_BYTES_PER_GC_BLOCK=32", target="i686", ci=False
    ),
}


def missing_for(configuration, release, circuitpython=False):
    """Why a configuration cannot run on this machine; None if it can."""
    if SELECTIVE in configuration.options and not circuitpython:
        return "it is CircuitPython's: let MICROPYTHON_DIR name a tree of it"
    number = tuple(int(part) for part in release.split("-")[0].split(".")[:2])
    for option, since in SINCE.items():
        if option in configuration.options and number < since:
            return f"{option} is an option of {'.'.join(map(str, since))} and later"
    if (
        number == (1, 21)
        and AUTO in configuration.options
        and "MPGC_HARDENED=1" in configuration.rust_variables
    ):
        return (
            "1.21 makes a new area as large as all regions are, and those of a hardened heap "
            "are larger"
        )
    if (
        "DEBUG_VALGRIND" in configuration.options
        and not Path("/usr/include/valgrind/memcheck.h").is_file()
    ):
        return "there is no valgrind/memcheck.h (apt-get install valgrind)"
    return (
        missing_for_target(TARGETS[configuration.target], crate="std")
        if configuration.target
        else None
    )


def choose(words):
    """The names of the configurations that CONFIG asks for."""
    if words == "ci":
        return [name for name, configuration in CONFIGURATIONS.items() if configuration.ci]
    names = [name for name in words.split(",") if name] or list(CONFIGURATIONS)
    unknown = [name for name in names if name not in CONFIGURATIONS]
    if unknown:
        raise Fail(
            f"CONFIG={','.join(unknown)} is not known; there are {', '.join(CONFIGURATIONS)}, "
            "and `ci`"
        )
    return names
