"""Builds the unix port of a MicroPython tree, with its own C or with mpgc.

Both builds use the same make command; mpgc's adds the wrapper makefile. Everything is written under
build/: the tree is only read.
"""

import hashlib
import os
import re
import shlex
import shutil
import sys
import time
from collections import namedtuple

from tools.common import (
    BUILD,
    ROOT,
    Fail,
    add_switch,
    clean_env,
    jobs,
    locked,
    output_of,
    run_logged,
    say,
    shown,
)
from tools.setup import options as option_names
from tools.setup.targets import find_target
from tools.setup.tree import get_tree

VARIANTS = ("standard", "coverage", "minimal", "longlong", "nanbox")
WRAPPER = ROOT / "micropython-patches" / "wrapper.mk"
# A symbol that only mpgc's object defines; the linker may drop it from the program, so the object
# is asked.
PROOF = "mpgc_build_info"
# The package of the source tree lacks the submodules that these need.
WITHOUT_SUBMODULES = ["MICROPY_PY_SSL=0", "MICROPY_SSL_MBEDTLS=0", "MICROPY_PY_BTREE=0"]

Build = namedtuple("Build", "flavour folder program command")


def tree_key(tree):
    """A folder name for builds of this tree, so that two trees of one release do not mix."""
    if tree.own:
        return tree.release
    return f"{tree.release}@{hashlib.sha256(str(tree.path).encode()).hexdigest()[:8]}"


def build_env(tree):
    # With the tag given, making the version header runs no git in a user's tree. The scripts of a
    # build need no package of Python's, and there are twenty of them: -S starts them sooner.
    return clean_env(
        MICROPY_GIT_TAG=f"v{tree.release}",
        MICROPY_GIT_HASH="unknown",
        PYTHON=f"{os.environ.get('PYTHON', 'python3')} -S",
    )


def absent_micropython_lib():
    """A folder that stands for micropython-lib: the build checks for its README."""
    folder = BUILD / "no-micropython-lib"
    folder.mkdir(parents=True, exist_ok=True)
    readme = folder / "README.md"
    if not readme.exists():
        readme.write_text("Stands for micropython-lib, of which these builds use nothing.\n")
    return folder


def build_mpy_cross(tree):
    folder = BUILD / "mpy-cross" / tree_key(tree)
    log = folder.with_name(folder.name + ".log")
    command = ["make", f"-j{jobs()}", "-C", tree.path / "mpy-cross", f"BUILD={folder}"]
    with locked(folder):
        run_logged(command, log, env=build_env(tree), what=f"building mpy-cross {tree.release}")
    return folder / "mpy-cross"


def manifest(tree, variant):
    """The frozen modules. Before 1.21 asyncio is called uasyncio."""
    named = "coverage" if variant == "coverage" else "standard"
    old = "" if (tree.path / "extmod" / "asyncio").is_dir() else "-uasyncio"
    return ROOT / "tools" / "build" / "manifests" / f"{named}{old}.py"


def make_variables(tree, variant, option_variables, mpy_cross):
    variables = [f"VARIANT={variant}", "STRIP=", f"MICROPY_MPYCROSS={mpy_cross}"]
    if variant != "minimal":
        variables += WITHOUT_SUBMODULES
        variables.append(f"FROZEN_MANIFEST={manifest(tree, variant)}")
        variables.append(f"MPY_LIB_DIR={absent_micropython_lib()}")
    return variables + [f"{name}={value}" for name, value in option_variables.items()]


def make_command(tree, variant, flavour, option_variables, folder):
    """The make command that builds one flavour ("c" or "rust") of a variant into `folder`."""
    command = ["make", f"-j{jobs()}", "-C", tree.path / "ports" / "unix"]
    if flavour == "rust":
        if not WRAPPER.is_file():
            raise Fail(
                f"{shown(WRAPPER)} is missing: the clone is not complete, check it out again"
            )
        command += ["-f", WRAPPER]
    return (
        command
        + make_variables(tree, variant, option_variables, build_mpy_cross(tree))
        + [f"BUILD={folder}"]
    )


def cross_variables(target):
    """The make variables that build the port for another machine. libffi is only installed for this
    machine.
    """
    return [f"CROSS_COMPILE={target.prefix}", "MICROPY_PY_FFI=0"]


def starter(target, program):
    """What to run: the program itself, or a script beside it that calls the emulator."""
    if not target or not target.emulator:
        return program
    script = program.with_name("run-micropython")
    script.write_text(f'#!/bin/sh\nexec {shlex.join([*target.emulator, str(program)])} "$@"\n')
    script.chmod(0o755)
    return script


def begin_with_c(folder, control=None):
    """Start a new folder with the objects of the C control beside it, because all but mpgc's are
    the same. `control` names one that lies elsewhere.
    """
    control = control or folder.with_name("c")
    if folder.name == "c" or folder.exists() or not control.is_dir():
        return
    # The copy keeps the times, or make would compile the objects again.
    unfinished = folder.with_name(folder.name + "-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(control, unfinished, symlinks=True)
    # The dependencies of an object are recorded under its path.
    for noted in unfinished.rglob("*.P"):
        times = noted.stat()
        noted.write_text(noted.read_text().replace(f"{control}/", f"{folder}/"))
        os.utime(noted, ns=(times.st_atime_ns, times.st_mtime_ns))
    unfinished.rename(folder)


def build(tree, variant, flavour, options, *extra, arch=""):
    """Build one flavour ("c" or "rust"); `extra` are further make variables, `arch` a name of
    targets.TARGETS. Returns a Build.
    """
    target = find_target(arch) if arch else None
    if variant not in VARIANTS:
        raise Fail(f"VARIANT={variant} is not known here: choose one of {', '.join(VARIANTS)}")
    if "VARIANT_DIR" in options.make_variables and variant != "standard":
        raise Fail(
            "OPTIONS=gil extends the standard variant: give it with VARIANT=standard, not "
            f"{variant}"
        )
    if not (tree.path / "ports" / "unix" / "variants" / variant).is_dir():
        raise Fail(
            f"MicroPython {tree.release} has no variant {variant} of the unix port: choose "
            "another RELEASE or VARIANT"
        )
    name = "-".join(filter(None, [tree_key(tree), arch, variant, options.build_slug]))
    folder = BUILD / "unix" / name / flavour
    command = [*make_command(tree, variant, flavour, options.make_variables, folder), *extra]
    command += cross_variables(target) if target else []
    started = time.monotonic()
    with locked(folder):
        begin_with_c(folder)
        run_logged(
            command,
            folder.with_name(flavour + ".log"),
            env=build_env(tree),
            what=f"building {name} ({flavour})",
        )
    program = folder / "micropython"
    kept = options.make_variables.get("MPGC_KEEP_C", "").split()
    prove(program, flavour, ("nlr_jump",) if "gc" in kept else ("gc_alloc", "nlr_jump"))
    say(f"  built {shown(program)} in {time.monotonic() - started:.0f} s")
    return Build(flavour, folder, starter(target, program), [str(word) for word in command])


def object_of(link_map, function):
    """The object file that the linker took a function from."""
    match = re.search(rf"^ \.text\.{function}\s+0x[0-9a-f]+\s+0x[0-9a-f]+ (\S+)$", link_map, re.M)
    return match.group(1) if match else None


def prove(program, flavour, functions=("gc_alloc", "nlr_jump"), map_file=None):
    """Fail unless the Rust program took these functions from mpgc's object, and the C control from
    none of its.
    """
    readelf = shutil.which("readelf")
    if not readelf:
        raise Fail("`readelf` is needed to distinguish the two builds: install binutils")
    map_file = map_file or program.with_name(program.name + ".map")
    link_map = map_file.read_text(errors="replace")
    for function in functions:
        found = object_of(link_map, function)
        if not found:
            raise Fail(
                f"{shown(map_file)} does not say where {function} came from: remove "
                f"{shown(program.parent)} and build again"
            )
        symbols = output_of([readelf, "-sW", found])
        is_rust = any(line.split()[-1:] == [PROOF] for line in symbols.splitlines())
        if is_rust != (flavour == "rust"):
            raise Fail(
                f"{shown(program)} is to be the {flavour} build, but has {function} from "
                f"{shown(found)}, which "
                f"{'is' if is_rust else 'is not'} mpgc's ({PROOF}): remove "
                f"{shown(program.parent)} and build again"
            )


def add_arguments(parser):
    parser.add_argument("--flavour", choices=("c", "rust"), default="rust")
    add_switch(parser, "--python-module", "link the Python module mpgc in")
    parser.add_argument(
        "--run",
        nargs="*",
        metavar="ARG",
        help="run the program with these arguments (none: its prompt)",
    )


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse(args.options)
    extra = []
    if args.python_module:
        extra.append("MPGC_PYTHON_MODULE=1")
        options = options._replace(
            build_slug="-".join(filter(None, [options.build_slug, "module"]))
        )
    what = " ".join(filter(None, [args.arch, args.variant]))
    say(f"building the unix port of MicroPython {tree.release}, {what}, {args.flavour}")
    built = build(tree, args.variant, args.flavour, options, *extra, arch=args.arch)
    if args.run is not None:
        sys.stdout.flush()
        os.execv(built.program, [str(built.program), *args.run])
    return 0
