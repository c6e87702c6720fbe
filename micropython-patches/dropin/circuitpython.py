"""CircuitPython as the headers tell it: the tree's own, edited as CircuitPython edits them.

Its tree is in no package. What is tried on it by hand is in docs/porting.md.
"""

import subprocess
from pathlib import Path

from .builds import expect, globals_of, release_of, tail
from .refusals import one_message

# What CircuitPython has of its own in these files, for {file: {old: new}}. Only the carrier is
# built.
EDITS = {
    "mpconfig.h": {
        "#define MICROPY_VERSION_MAJOR 1\n": (
            "#ifndef CIRCUITPY\n#define CIRCUITPY 1\n#endif\n"
            "#ifndef MICROPY_ENABLE_SELECTIVE_COLLECT\n"
            "#define MICROPY_ENABLE_SELECTIVE_COLLECT (0)\n#endif\n"
            '#define PLACE_IN_ITCM(name) __attribute__((section(".itcm." #name))) name\n'
            "#if CIRCUITPY\n#define MICROPY_VERSION_MAJOR 10\n#else\n"
            "#define MICROPY_VERSION_MAJOR 1\n#endif\n"
        ),
    },
    "mpstate.h": {
        "    byte *gc_pool_start;\n": (
            "    #if MICROPY_ENABLE_SELECTIVE_COLLECT\n    byte *gc_collect_table_start;\n    "
            "#endif\n"
            "    byte *gc_pool_start;\n"
        ),
    },
    "gc.h": {
        "void gc_collect_end(void);\n": (
            "void gc_collect_end(void);\nvoid gc_deinit(void);\nvoid gc_collect_ptr(void *ptr);\n"
            "bool gc_alloc_possible(void);\nbool gc_ptr_on_heap(const void *ptr);\n"
        ),
        "    GC_ALLOC_FLAG_HAS_FINALISER = 1,\n": (
            "    GC_ALLOC_FLAG_HAS_FINALISER = 1,\n    GC_ALLOC_FLAG_DO_NOT_COLLECT = 2,\n"
        ),
    },
    "objexcept.h": {
        "typedef struct _mp_obj_exception_t {": (
            "typedef struct _mp_obj_traceback_t {\n    mp_obj_base_t base;\n    size_t *data;\n"
            "} mp_obj_traceback_t;\n"
            "extern const struct _mp_obj_traceback_t mp_const_empty_traceback_obj;\n"
            "typedef struct _mp_obj_exception_t {"
        ),
        "    size_t *traceback_data;\n": "    mp_obj_traceback_t *traceback;\n",
    },
}
# Headers that MicroPython has not.
HEADERS = {
    "supervisor/shared/safe_mode.h": (
        "typedef enum { SAFE_MODE_NONE, SAFE_MODE_GC_ALLOC_OUTSIDE_VM = 3 } safe_mode_t;\n"
        "void reset_into_safe_mode(safe_mode_t reason) __attribute__((noreturn));\n"
    ),
    "shared-module/memorymonitor/__init__.h": (
        "#include <stddef.h>\nvoid memorymonitor_track_allocation(size_t block_count);\n"
    ),
}
OF_CIRCUITPYTHON = {"gc_deinit", "gc_collect_ptr", "gc_alloc_possible", "gc_ptr_on_heap"}
SELECTIVE = "-DMICROPY_ENABLE_SELECTIVE_COLLECT=1"
# For the function that CircuitPython places.
PYSTACK = "-DMICROPY_ENABLE_PYSTACK=1"


def edited_tree(builds, without=None, instead=""):
    """A copy made of links, but for the files that CircuitPython edits. `without`: what is there
    instead of a text of it."""
    copy = builds.work / "circuitpython"
    if not copy.exists():
        subprocess.run(["cp", "-as", builds.tree, copy], check=True)
    texts = {copy / name: text for name, text in HEADERS.items()}
    for name, edits in EDITS.items():
        text = (builds.tree / "py" / name).read_text()
        for old, new in edits.items():
            expect(text.count(old) == 1, f"py/{name} has {old!r} {text.count(old)} times")
            text = text.replace(old, new)
        texts[copy / "py" / name] = text
    if without:
        found = [path for path, text in texts.items() if text.count(without) == 1]
        expect(len(found) == 1, f"{without!r} is in {len(found)} of the edited files")
        texts[found[0]] = texts[found[0]].replace(without, instead)
    for path, text in texts.items():
        if path.is_symlink() or not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_text(text)
    return copy


def build(builds, flags, *options, check=True, **edit):
    """Builds the carrier of such a tree. Returns what make said, and the folder."""
    port = edited_tree(builds, **edit) / "ports" / "unix"
    folder = builds.directory("circuitpython", "rust")
    header = folder / "genhdr" / "qstrdefs.generated.h"
    # The tree's own C does not compile with the edited headers: what is generated is the tree's.
    if not header.exists():
        words = [f"CFLAGS_EXTRA={PYSTACK}"]
        builds.make(folder, "minimal", words, [header], entry=(), port=builds.port)
    words = ["-o", str(folder / "genhdr" / "qstr.i.last"), f"CFLAGS_EXTRA={PYSTACK} {flags}"]
    done = builds.make(
        folder, "minimal", [*words, *options], [folder / "py" / "gc.o"], port=port, check=False
    )
    expect(done.returncode == 0 or not check, tail(done.stdout))
    return done.stdout, folder


def symbols(path, kind):
    """The symbols of that kind (`U`: undefined) in an object."""
    done = subprocess.run(["nm", path], stdout=subprocess.PIPE, text=True, check=True)
    words = (line.split() for line in done.stdout.splitlines())
    return {word[-1] for word in words if word[-2] == kind}


def section_of(path: Path, name):
    done = subprocess.run(["objdump", "-t", path], stdout=subprocess.PIPE, text=True, check=True)
    lines = (line.split() for line in done.stdout.splitlines())
    return next((line[-3] for line in lines if len(line) > 4 and line[-1] == name), None)


def is_recognised(builds):
    """The parts of CircuitPython: functions, options, monitor, traceback, placement, and name."""
    flags = f"{SELECTIVE} -DCIRCUITPY_MEMORYMONITOR=1 -DCIRCUITPY_DEBUG=1"
    said, folder = build(builds, flags)
    made, base = folder / "py" / "gc.o", release_of(builds.tree).rpartition(".")[0]
    minor = release_of(builds.tree).split(".")[1]
    info = (folder / "mpgc" / "info").read_text()
    for part in (
        f"for CircuitPython 10.{minor}.",
        f" on MicroPython {base}, ",
        "selective collect",
    ):
        expect(part in info, f"{part!r} is not in {info!r}")
    missing = OF_CIRCUITPYTHON - globals_of([made])
    expect(not missing, f"not exported: {missing}")
    needed = {
        "reset_into_safe_mode",
        "memorymonitor_track_allocation",
        "mp_const_empty_traceback_obj",
    }
    missing = needed - symbols(made, "U")
    expect(not missing, f"not called: {missing}")
    place = section_of(made, "mp_pystack_alloc")
    expect(place == ".itcm.mp_pystack_alloc", f"mp_pystack_alloc is in {place}")
    # The C files are MicroPython's here, and CircuitPython has edited them.
    warnings = [line for line in said.splitlines() if line.startswith("mpgc: warning: ")]
    for part in ("py/gc.c", "no release of CircuitPython that mpgc knows"):
        expect(any(part in line for line in warnings), f"{part!r} is not in {warnings}")
    return info.strip()


def without_selective_collect(builds):
    """The option is off: no table, and the same functions."""
    _, folder = build(builds, "", "MPGC_ALLOW_EDITED=1")
    info, made = (folder / "mpgc" / "info").read_text(), folder / "py" / "gc.o"
    expect("CircuitPython" in info and "selective" not in info, info)
    expect(globals_of([made]) >= OF_CIRCUITPYTHON, "the functions that CircuitPython adds")
    expect("memorymonitor_track_allocation" not in symbols(made, "U"), "a monitor that is off")


def unknown(builds):
    """A CircuitPython that is otherwise: one message."""
    cases = (
        (
            {"without": "    byte *gc_collect_table_start;\n"},
            ("has no field `gc_collect_table_start`",),
        ),
        (
            {"without": "_FLAG_DO_NOT_COLLECT = 2", "instead": "_FLAG_DO_NOT_COLLECT = 4"},
            ("GC_ALLOC_FLAG_DO_NOT_COLLECT is 4",),
        ),
        (
            {"without": "gc_ptr_on_heap(const void *ptr)", "instead": "gc_ptr_on_heap(int how)"},
            ("gc_ptr_on_heap", "another type"),
        ),
    )
    for edit, parts in cases:
        said, _ = build(builds, SELECTIVE, check=False, **edit)
        one_message(said, "CircuitPython 10.", *parts)
    said, _ = build(builds, "-D__ZEPHYR__=1", check=False)
    one_message(said, "CircuitPython on Zephyr", "build this port without mpgc")
    return f"{len(cases) + 1} messages"
