"""Bad input and headers that are not known: one message, which names the thing and the mend."""

import re
import subprocess

from .builds import expect, release_of, tail
from .doors import patched_tree

BAD_INPUT = {
    "an unknown Rust target": (["MPGC_TARGET=no-such-target"], "no-such-target", "MPGC_TARGET"),
    "a target without core": (["MPGC_TARGET=avr-none", "MPGC_BUILD_STD=0"], "avr-none", "rustup target add"),
    "an unknown profile": (["MPGC_PROFILE=tiny"], "MPGC_PROFILE=tiny", "choose speed, size or large"),
    "a switch that is neither on nor off": (["MPGC_NOSCAN=perhaps"], "MPGC_NOSCAN=perhaps", "give 1 or 0"),
    "no cargo": (["MPGC_CARGO=/nowhere/cargo"], "/nowhere/cargo", "install Rust"),
    "no compiler": (["CC=no-such-gcc"], "no-such-gcc", "install it"),
    "weak references where the release has none": (
        ["CFLAGS_EXTRA=-DMICROPY_PY_WEAKREF=1"], "gc_weakref_table_start", "take such a tree"),
    "a block that is no power of two": (
        ["CFLAGS_EXTRA=-DMICROPY_BYTES_PER_GC_BLOCK=48"], "MICROPY_BYTES_PER_GC_BLOCK is 48", "power of two"),
    "a queue that is no power of two": (
        ["CFLAGS_EXTRA=-DMICROPY_SCHEDULER_DEPTH=6"], "MICROPY_SCHEDULER_DEPTH is 6", "power of two"),
    "threads with a mutex that is not recursive": (
        ["CFLAGS_EXTRA=-DMICROPY_PY_THREAD_RECURSIVE_MUTEX=0"], "need the recursive gc_mutex", "switch it on"),
    "headers that do not compile": (
        ["CFLAGS_EXTRA=-DMICROPY_OBJ_REPR=99"], "unknown type name", "build once with the C files"),
    "a field that has gone": (
        ["CFLAGS_EXTRA=-Dgc_last_used_block=gc_renamed"], "gc_last_used_block", "take such a tree"),
    "a release with other functions": (
        ["CFLAGS_EXTRA=-Dmp_handle_pending=mp_handle_pending_renamed"], "mp_handle_pending", "take such a tree"),
    "a file that cannot be kept in C": (["MPGC_KEEP_C=vm"], "MPGC_KEEP_C=vm", "only `gc`"),
}


# Headers of a release that is not known, made of the tree's: file, what is edited, and what is said then.
OTHER_RELEASES = {
    "a new field of an area": (
        "mpstate.h", "    byte *gc_pool_end;", "    byte *gc_pool_end;\n    byte *gc_new_table_start;",
        ("mp_state_mem_area_t", "does not know", "`gc_new_table_start`")),
    "a new field of the heap": (
        "mpstate.h", "    int gc_stack_overflow;", "    int gc_stack_overflow;\n    int gc_new_count;",
        ("mp_state_mem_t", "does not know", "`gc_new_count`")),
    "a field under another name": (
        "mpstate.h", "nlr_buf_t *nlr_top;", "nlr_buf_t *nlr_newest;", ("mp_state_thread_t", "has no field `nlr_top`")),
    "another prototype": (
        "runtime.h", "void mp_handle_pending(bool raise_exc);", "int mp_handle_pending(int how);",
        ("mp_handle_pending", "three forms")),
    "a newer release whose headers fit": (
        "mpconfig.h", "#define MICROPY_VERSION_MINOR ", "#define MICROPY_VERSION_MINOR 1", None),
}


def edited_tree(builds, file, old, new):
    """A copy made of links, but for one header of py/ that is edited."""
    copy = builds.work / "edited"
    if not copy.exists():
        subprocess.run(["cp", "-as", builds.tree, copy], check=True)
    for name in {entry[0] for entry in OTHER_RELEASES.values()}:
        header, text = copy / "py" / name, (builds.tree / "py" / name).read_text()
        if name == file:
            expect(text.count(old) == 1, f"py/{file} has {old!r} {text.count(old)} times")
            text = text.replace(old, new)
        if header.is_symlink() or header.read_text() != text:
            header.unlink()
            header.write_text(text)
    return copy


def other_release(builds, name):
    file, old, new, parts = OTHER_RELEASES[name]
    port = edited_tree(builds, file, old, new) / "ports" / "unix"
    build = builds.directory("edited", "rust")
    target = build / "py" / "gc.o"
    # The headers that the tree's own C does not compile with are there already.
    old_files = ["-o", str(build / "genhdr" / "qstr.i.last")]
    if not (build / "genhdr" / "qstrdefs.generated.h").exists():
        builds.make(build, "minimal", [], [build / "genhdr" / "qstrdefs.generated.h"], door=(), port=builds.port)
    done = builds.make(build, "minimal", old_files, [target], port=port, check=False)
    if parts is not None:
        expect(done.returncode != 0, "the build went through")
        return one_message(done.stdout, *parts, "take such a tree")
    expect(done.returncode == 0, tail(done.stdout))
    warnings = [line for line in done.stdout.splitlines() if line.startswith("mpgc: warning: ")]
    expect(len(warnings) == 1 and "is newer than any" in warnings[0], f"warnings: {warnings}")
    return warnings[0]


def one_message(said, *parts):
    messages = [line for line in said.splitlines() if re.search(r"^mpgc: error: |\*\*\* mpgc: ", line)]
    expect(len(messages) == 1, f"{len(messages)} messages:\n{tail(said)}")
    for part in parts:
        expect(part in messages[0], f"{part!r} is not in: {messages[0]}")
    noise = [line for line in said.splitlines() if "panicked" in line or "Caused by" in line or "Traceback" in line]
    expect(not noise, f"besides the message: {noise}")
    return messages[0]


def bad_inputs(builds):
    """The names of those that this tree can be given: from 1.26 on the port itself makes the mutex recursive."""
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
    one_message(builds.make(empty / "b", None, [], port=empty, check=False).stdout, "no Makefile", "use make -C")
    (empty / "Makefile").write_text("all:\n")
    said = builds.make(empty / "b", None, [], port=empty, check=False).stdout
    (empty / "Makefile").unlink()
    return one_message(said, "is not that of a MicroPython port", "use make -C")


def switch_to_nowhere(builds):
    copy = patched_tree(builds)
    if copy is None:
        return f"no patch for release {release_of(builds.tree)}"
    port = copy / "ports" / "unix"
    done = builds.make(builds.work / "nowhere", "standard", ["MPGC=/nowhere"], door=(), port=port, check=False)
    return one_message(done.stdout, "MPGC=/nowhere", "clone of mpgc")
