"""Bad input and unknown headers: one message, which names the thing and the fix."""

import re
import subprocess
from collections import namedtuple

from .builds import expect, release_of, tail
from .integrations import patched_tree

BAD_INPUT = {
    "an unknown Rust target": (["MPGC_TARGET=no-such-target"], "no-such-target", "MPGC_TARGET"),
    "a target without core": (
        ["MPGC_TARGET=avr-none", "MPGC_BUILD_STD=0"],
        "avr-none",
        "rustup target add",
    ),
    "an unknown profile": (
        ["MPGC_PROFILE=tiny"],
        "MPGC_PROFILE=tiny",
        "choose speed, size or large",
    ),
    "a switch that is neither on nor off": (
        ["MPGC_NOSCAN=perhaps"],
        "MPGC_NOSCAN=perhaps",
        "give 1 or 0",
    ),
    "no cargo": (["MPGC_CARGO=/nowhere/cargo"], "/nowhere/cargo", "install Rust"),
    "no compiler": (["CC=no-such-gcc"], "no-such-gcc", "install it"),
    "weak references where the release has none": (
        ["CFLAGS_EXTRA=-DMICROPY_PY_WEAKREF=1"],
        "gc_weakref_table_start",
        "take such a tree",
    ),
    "a block that is no power of two": (
        ["CFLAGS_EXTRA=-DMICROPY_BYTES_PER_GC_BLOCK=48"],
        "MICROPY_BYTES_PER_GC_BLOCK is 48",
        "power of two",
    ),
    "a queue that is no power of two": (
        ["CFLAGS_EXTRA=-DMICROPY_SCHEDULER_DEPTH=6"],
        "MICROPY_SCHEDULER_DEPTH is 6",
        "power of two",
    ),
    "threads with a mutex that is not recursive": (
        ["CFLAGS_EXTRA=-DMICROPY_PY_THREAD_RECURSIVE_MUTEX=0"],
        "need the recursive gc_mutex",
        "switch it on",
    ),
    "headers that do not compile": (
        ["CFLAGS_EXTRA=-DMICROPY_OBJ_REPR=99"],
        "unknown type name",
        "build once with the C files",
    ),
    "a field that has gone": (
        ["CFLAGS_EXTRA=-Dgc_last_used_block=gc_renamed"],
        "gc_last_used_block",
        "take such a tree",
    ),
    "a release with other functions": (
        ["CFLAGS_EXTRA=-Dmp_handle_pending=mp_handle_pending_renamed"],
        "mp_handle_pending",
        "take such a tree",
    ),
    "a file that cannot be kept in C": (["MPGC_KEEP_C=vm"], "MPGC_KEEP_C=vm", "only `gc`"),
}


# A tree that is not as known, made of the real one: the file of py/ that is edited, how, and what
# is said then. What stops the build is one message with these parts; otherwise there is one warning
# with them, or none.
Other = namedtuple("Other", "file old new stops warns options", defaults=((), (), ()))
TAKE = "take such a tree"
DOES_NOT_COMPILE = '_Static_assert(0, "a");'

OTHER_RELEASES = {
    "a new field of an area": Other(
        "mpstate.h",
        "    byte *gc_pool_end;",
        "    byte *gc_pool_end;\n    byte *gc_new_table_start;",
        ("mp_state_mem_area_t", "does not know", "`gc_new_table_start`", TAKE),
    ),
    "a new field of the heap": Other(
        "mpstate.h",
        "    int gc_stack_overflow;",
        "    int gc_stack_overflow;\n    int gc_new_count;",
        ("mp_state_mem_t", "does not know", "`gc_new_count`", TAKE),
    ),
    "a field under another name": Other(
        "mpstate.h",
        "nlr_buf_t *nlr_top;",
        "nlr_buf_t *nlr_newest;",
        ("mp_state_thread_t", "has no field `nlr_top`", TAKE),
    ),
    "exceptions with another traceback": Other(
        "objexcept.h",
        "    size_t *traceback_data;",
        "    mp_obj_t traceback;",
        ("mp_obj_exception_t", "has no field `traceback_data`", TAKE),
    ),
    "a buffer for jumps with other fields": Other(
        "nlr.h",
        "    void *ret_val;",
        "    void *value;",
        ("nlr_buf_t", "has no field `ret_val`", TAKE),
    ),
    "another prototype": Other(
        "runtime.h",
        "void mp_handle_pending(bool raise_exc);",
        "int mp_handle_pending(int how);",
        ("mp_handle_pending", "three forms", TAKE),
    ),
    "an allocation with one more argument": Other(
        "gc.h",
        "gc_alloc(size_t n_bytes, unsigned int alloc_flags);",
        "gc_alloc(size_t n_bytes, unsigned int alloc_flags, bool long_lived);",
        (
            "gc_alloc of MicroPython",
            "another type, (usize, uint, bool -> *mut void) and not (usize, uint -> *mut void)",
            TAKE,
        ),
    ),
    # What the crate uses and no table has: what rustc says, in one message.
    "a field of another type": Other(
        "mpstate.h",
        "    uint16_t gc_auto_collect_enabled;",
        "    uint32_t gc_auto_collect_enabled;",
        ("headers do not fit", "mismatched types", "src/host/heap.rs", TAKE),
    ),
    # Both do not compile besides, as such releases with what comes next.
    "a release before 1.20": Other(
        "mpconfig.h",
        "#define MICROPY_VERSION_MINOR 2",
        f"{DOES_NOT_COMPILE}\n#define MICROPY_VERSION_MINOR 1",
        ("MicroPython 1.1", "older than any release that mpgc knows", "take a newer tree"),
    ),
    "a release that does not say which": Other(
        "mpconfig.h",
        "#define MICROPY_VERSION_MAJOR 1",
        f"{DOES_NOT_COMPILE}\n#define MICROPY_VERSION_MAJOR generated",
        (
            "py/mpconfig.h names no release",
            "older than any release that mpgc knows",
            "take a newer tree",
        ),
    ),
    "a newer release whose headers fit": Other(
        "mpconfig.h",
        "#define MICROPY_VERSION_MINOR ",
        "#define MICROPY_VERSION_MINOR 1",
        warns=("is newer than any",),
    ),
    "a fork with numbers of its own": Other(
        "mpconfig.h",
        "#define MICROPY_VERSION_MAJOR 1",
        "#define MICROPY_VERSION_MAJOR 10",
        warns=("10.2", "is no number of MicroPython: this tree is a fork", "make upstream"),
    ),
    "a fork that has edited gc.c": Other(
        "gc.c",
        "void *gc_alloc(size_t n_bytes",
        "void fork_hook(void);\nvoid *gc_alloc(size_t n_bytes",
        warns=(
            "py/gc.c is as in no release",
            "`git diff v1.2",
            "mpgc takes its place",
            "docs/porting.md",
            "MPGC_ALLOW_EDITED=1",
        ),
    ),
    "a fork that has edited gc.c, and knows": Other(
        "gc.c",
        "void *gc_alloc(size_t n_bytes",
        "void fork_hook(void);\nvoid *gc_alloc(size_t n_bytes",
        options=("MPGC_ALLOW_EDITED=1",),
    ),
    "a fork that has edited gc.c, and keeps it": Other(
        "gc.c",
        "void *gc_alloc(size_t n_bytes",
        "void fork_hook(void);\nvoid *gc_alloc(size_t n_bytes",
        options=("MPGC_KEEP_C=gc",),
    ),
    "a fork that has edited another architecture's nlr": Other(
        "nlrthumb.c", '#include "py/mpstate.h"', '// edited\n#include "py/mpstate.h"'
    ),
}


def edited_tree(builds, edit):
    """A copy made of links, but for one file of py/ that is edited."""
    copy = builds.work / "edited"
    if not copy.exists():
        subprocess.run(["cp", "-as", builds.tree, copy], check=True)
    for name in {other.file for other in OTHER_RELEASES.values()}:
        path, text = copy / "py" / name, (builds.tree / "py" / name).read_text()
        if name == edit.file:
            expect(
                text.count(edit.old) == 1,
                f"py/{name} has {edit.old!r} {text.count(edit.old)} times",
            )
            text = text.replace(edit.old, edit.new)
        if path.is_symlink() or path.read_text() != text:
            path.unlink()
            path.write_text(text)
    return copy


def other_release(builds, name):
    edit = OTHER_RELEASES[name]
    port = edited_tree(builds, edit) / "ports" / "unix"
    build = builds.directory("edited", "rust")
    target = build / "py" / ("pystack.o" if "MPGC_KEEP_C=gc" in edit.options else "gc.o")
    # The headers that the tree's own C does not compile with are there already.
    old_files = ["-o", str(build / "genhdr" / "qstr.i.last")]
    if not (build / "genhdr" / "qstrdefs.generated.h").exists():
        builds.make(
            build,
            "minimal",
            [],
            [build / "genhdr" / "qstrdefs.generated.h"],
            entry=(),
            port=builds.port,
        )
    done = builds.make(
        build, "minimal", [*old_files, *edit.options], [target], port=port, check=False
    )
    if edit.stops:
        expect(done.returncode != 0, "the build went through")
        return one_message(done.stdout, *edit.stops)
    expect(done.returncode == 0, tail(done.stdout))
    warnings = [line for line in done.stdout.splitlines() if line.startswith("mpgc: warning: ")]
    expect(len(warnings) == bool(edit.warns), f"warnings: {warnings}")
    for part in edit.warns:
        expect(part in warnings[0], f"{part!r} is not in: {warnings[0]}")
    return "".join(warnings)


def one_message(said, *parts):
    messages = [
        line for line in said.splitlines() if re.search(r"^mpgc: error: |\*\*\* mpgc: ", line)
    ]
    expect(len(messages) == 1, f"{len(messages)} messages:\n{tail(said)}")
    for part in parts:
        expect(part in messages[0], f"{part!r} is not in: {messages[0]}")
    noise = [
        line
        for line in said.splitlines()
        if "panicked" in line or "Caused by" in line or "Traceback" in line
    ]
    expect(not noise, f"besides the message: {noise}")
    return messages[0]


def bad_inputs(builds):
    """The names of the edits that fit this tree: from 1.26 on the port itself makes the mutex
    recursive.
    """
    fixed = "MICROPY_PY_THREAD_RECURSIVE_MUTEX" in (builds.port / "mpconfigport.h").read_text()
    return [name for name in BAD_INPUT if not (fixed and "not recursive" in name)]


def bad_input(builds, name):
    options, *parts = BAD_INPUT[name]
    build = builds.directory("bad", "rust")
    target = build / "py" / "gc.o"
    if not (build / "genhdr" / "qstrdefs.generated.h").exists():
        builds.make(build, "standard", [], [target])
    # Only the carrier is asked for: the headers are there, and the tree's own checks pass.
    old = ["-o", str(build / "genhdr" / "qstr.i.last")]
    if any(option.startswith("CC=") for option in options):
        old += ["-o", str(build / "genhdr" / "qstrdefs.generated.h")]
    done = builds.make(build, "standard", [*old, *options], [target], check=False)
    expect(done.returncode != 0, "the build went through")
    return one_message(done.stdout, *parts)


def no_tree(builds):
    empty = builds.work / "no-tree" / "ports" / "unix"
    empty.mkdir(parents=True, exist_ok=True)
    one_message(
        builds.make(empty / "b", None, [], port=empty, check=False).stdout,
        "no Makefile",
        "use make -C",
    )
    (empty / "Makefile").write_text("all:\n")
    said = builds.make(empty / "b", None, [], port=empty, check=False).stdout
    (empty / "Makefile").unlink()
    return one_message(said, "is not that of a MicroPython port", "use make -C")


def switch_to_nowhere(builds):
    copy = patched_tree(builds)
    if copy is None:
        return f"no patch for release {release_of(builds.tree)}"
    port = copy / "ports" / "unix"
    done = builds.make(
        builds.work / "nowhere", "standard", ["MPGC=/nowhere"], entry=(), port=port, check=False
    )
    return one_message(done.stdout, "MPGC=/nowhere", "clone of mpgc")
