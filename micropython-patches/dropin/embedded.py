"""Checks mpgc-object, the entry point for trees without a port's Makefile, with the package of
ports/embed.
"""

import re
import shutil
import subprocess

from .builds import CRATE, expect, globals_of, tail

OBJECT = CRATE / "micropython-patches" / "mpgc-object"
FLAGS = ["-I.", "-Imicropython_embed", "-Imicropython_embed/port", "-Wall", "-Og", "-fno-common"]


def run(folder, *command):
    done = subprocess.run(
        list(map(str, command)),
        check=False,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    expect(
        done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{tail(done.stdout, 20)}"
    )
    return done.stdout


def package(builds):
    """The example of embedding, with its package, compiled in its own folder; and the objects."""
    folder = builds.work / "embed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(builds.tree / "examples" / "embedding", folder)
    # the example's own, and one that shows more
    (folder / "main.c").rename(folder / "example.c")
    shutil.copy(CRATE / "c-tests" / "embed" / "main.c", folder / "figures.c")
    shutil.copy(CRATE / "c-tests" / "embed" / "hook.c", folder / "hook.c")
    run(
        folder,
        "make",
        f"-j{builds.jobs}",
        "-f",
        "micropython_embed.mk",
        f"MICROPYTHON_TOP={builds.tree}",
    )
    sources = sorted(
        path.relative_to(folder) for path in (folder / "micropython_embed").rglob("*.c")
    )
    expect(len(sources) > 50, f"the package has {len(sources)} C files")
    rules = "\n".join(
        [
            "CFLAGS = " + " ".join(FLAGS),
            "all: "
            + " ".join(str(source.with_suffix(".o")) for source in sources)
            + " example.o figures.o hook.o",
        ]
    )
    (folder / "objects.mk").write_text(rules + "\n")
    run(folder, "make", f"-j{builds.jobs}", "-f", "objects.mk")
    return folder, [source.with_suffix(".o") for source in sources]


def object_for_a_package(builds):
    folder, objects = package(builds)
    # As in a build system: the command that compiles gc.c, whole.
    compile_gc = [
        "gcc",
        *FLAGS,
        "-MMD",
        "-MF",
        "gc.d",
        "-c",
        "-o",
        "micropython_embed/py/gc.o",
        "micropython_embed/py/gc.c",
    ]
    said = run(folder, OBJECT, "-o", "made/gc.o", "--", *compile_gc)
    expect("for MicroPython" in said and "warning" not in said, f"it says {said}")
    replaced = {f"{name}.o" for name in builds.replaced}
    others = [made for made in objects if made.parent.name != "py" or made.name not in replaced]
    expect(
        len(objects) - len(others) == len(replaced),
        f"not all of {sorted(replaced)} are in the package",
    )
    output = []
    # the last: a hook in gc_alloc, as docs/porting.md has it
    for program, first in (
        ("example", ["example.o"]),
        ("figures", ["figures.o"]),
        ("hook", ["-Wl,--wrap=gc_alloc", "figures.o", "hook.o"]),
    ):
        run(folder, "gcc", "-o", f"{program}-c", *first, *objects)
        run(folder, "gcc", "-o", f"{program}-rust", *first, *others, "made/gc.o")
        for side in ("c", "rust"):
            expect(
                ("mpgc_version" in globals_of([folder / f"{program}-{side}"])) == (side == "rust"),
                f"{program}-{side} has the other's objects",
            )
        c, rust = (run(folder, f"./{program}-{side}").splitlines() for side in ("c", "rust"))
        differ = [f"C:    {a}\nRust: {b}" for a, b in zip(c, rust) if a != b]
        expect(c == rust and c, "\n".join(differ) or f"{len(c)} lines in C, {len(rust)} in Rust")
        expect(
            program != "hook" or re.fullmatch(r"[1-9]\d+ calls of gc_alloc", c[-1]),
            f"the hook tells {c[-1:]}",
        )
        output.append(f"{program}: {len(c)} lines")
    # Nothing has changed: the object is the same, and its dependencies are reported.
    dependencies = (folder / "made" / "gc.P").read_text()
    for file in ("micropython_embed/py/gc.c", "mpconfigport.h", "mpconfigport_common.h"):
        expect(file in dependencies, f"gc.P does not name {file}")
    return ", ".join(output)


def object_refusals(builds):
    """What cannot be is one message."""
    folder = builds.work / "embed-wrong"
    folder.mkdir(exist_ok=True)
    for words, *parts in (
        (["-o", "gc.o", "--"], "no compile command", "behind --"),
        (
            ["-o", "gc.o", "--", "gcc", "-I."],
            "does not compile MicroPython's headers",
            "py/gc.h",
            "genhdr",
        ),
        (
            ["-o", "gc.o", "MPGC_HARDENED=perhaps", "--", "gcc"],
            "MPGC_HARDENED=perhaps is neither on nor off",
        ),
        (["-o", "gc.o", "--", "no-such-gcc"], "`no-such-gcc` is not found"),
    ):
        done = subprocess.run(
            [OBJECT, *words],
            check=False,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = done.stdout.splitlines()
        expect(
            done.returncode == 1 and len(lines) == 1 and lines[0].startswith("mpgc: error: "),
            f"{words}: {done.stdout}",
        )
        for part in parts:
            expect(part in lines[0], f"{part!r} is not in: {lines[0]}")
