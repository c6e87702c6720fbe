"""Builds the library for C programs (docs/firmware.md) for this machine or another."""

import os
import re
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

import mpgc_xtensa
from mpgc_cargo import PROFILES
from mpgc_rust import (
    Stop,
    choose_toolchain,
    library_command,
    rust_target,
    toolchain_environment,
)
from mpgc_xtensa import CALL0

from tools.common import BUILD, ROOT, Fail, clean_env, output_of, run_logged, say, shown
from tools.setup.targets import METAL, find_target

WORK = BUILD / "firmware-lib"
# How the names end that a program has no use for.
OF_PORTS = (
    "mpgc_fault",
    "mpgc_chunk_of",
    "mpgc_check",
    "mpgc_clear_dead_stack",
    "mpgc_idle",
    "mpgc_stats",
    "mpgc_reset_stats",
    "mpgc_snapshot",
    "mpgc_trace_dump",
)

# `compiler` is the words that call the C compiler for it; `hosted` means that programs run under an
# operating system.
Machine = namedtuple("Machine", "rust compiler objcopy ar hosted")

# Machines without an operating system, and the options of their compiler.
CPUS = {
    "thumbv6m-none-eabi": ["-mcpu=cortex-m0", "-mthumb"],
    "thumbv7m-none-eabi": ["-mcpu=cortex-m3", "-mthumb"],
    "thumbv7em-none-eabi": ["-mcpu=cortex-m4", "-mthumb"],
    # with the literals in the text section a linker script has one section less to place
    CALL0: ["-mlongcalls", "-mtext-section-literals"],
}


def machine(name):
    """This machine (no name), or one of tools/setup/targets.py by either of its names."""
    if not name:
        macros = output_of(["gcc", "-dM", "-E", "-x", "c", os.devnull])
        pairs = (line.split(" ", 2) for line in macros.splitlines())
        return Machine(
            rust_target({pair[1]: pair[2] if len(pair) > 2 else "" for pair in pairs}),
            ["gcc"],
            "objcopy",
            "ar",
            True,
        )
    target = find_target(name)
    if target not in METAL.values():
        return Machine(
            target.rust,
            [f"{target.prefix}gcc"],
            f"{target.prefix}objcopy",
            f"{target.prefix}ar",
            True,
        )
    if target.rust not in CPUS:
        raise Fail(
            f"TARGET={name} has no library for C programs: choose one of {', '.join(CPUS)}, or "
            "one with an operating system"
        )
    return Machine(
        target.rust,
        [f"{target.prefix}gcc", *CPUS[target.rust]],
        f"{target.prefix}objcopy",
        f"{target.prefix}ar",
        False,
    )


def version():
    return re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]


def declared():
    """The functions that include/mpgc.h has for C programs."""
    text = re.sub(r"//.*", "", (ROOT / "include" / "mpgc.h").read_text())
    names = re.findall(
        r"\b(mpgc_\w+)\([^;{]*?\)(?: MPGC_NORETURN)?;", re.sub(r"typedef[^;]*;", "", text)
    )
    return sorted(set(names) - set(OF_PORTS))


def exported(files, made_by):
    """The functions that a library, or the objects that it is made of, have for C."""
    listing = subprocess.run(
        ["nm", "--defined-only", "-g", *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    names = sorted(set(re.findall(r" T (mpgc_\w+)$", listing.stdout, re.M)))
    if names != declared():
        differ = sorted(set(names) ^ set(declared()))
        raise Fail(
            f"{made_by} and include/mpgc.h do not have the same functions; they differ in "
            f"{', '.join(differ)}: run `MPGC_BLESS=1 cargo test --test header`"
        )
    return names


def build(name="", features=(), cargo=""):
    """Build the library, and the shared one where there is an operating system. Returns the
    folder.
    """
    target = machine(name)
    folder = WORK / "-".join([target.rust, *features])
    try:
        toolchain = choose_toolchain(target.rust, cargo)
    except Stop as stop:
        raise Fail(f"{stop} (or `make deps TARGET={name}`)") from stop
    if shutil.which(target.compiler[0]) is None:
        raise Fail(f"`{target.compiler[0]}` is not in PATH: run `make deps TARGET={name}`")
    return link(
        target, compile_rust(target.rust, target.hosted, toolchain, folder, features), folder
    )


def compile_rust(target, hosted, toolchain, folder, features=()):
    """Compile the library for a target of Rust. Returns the static library; for a target of our
    own, LLVM's assembly is in the folder too.
    """
    command = library_command(toolchain.cargo)
    command += ["--features", ",".join(["standalone", *features])]
    command += ["--target-dir", WORK / ("cargo-from-source" if toolchain.build_std else "cargo")]
    if toolchain.build_std:
        command.append("-Zbuild-std=core")
    if mpgc_xtensa.is_ours(target):
        command += mpgc_xtensa.cargo_words(toolchain, target, WORK / "targets")
        command += ["--", *mpgc_xtensa.rustc_words(folder / "llvm.s")]
    else:
        command += ["--target", target]
    what = f"building mpgc for {target}" + (
        ", with `core` from its source" if toolchain.build_std else ""
    )
    profile = PROFILES["speed"]
    level = profile.opt_level if hosted else profile.bare_opt_level
    env = clean_env(CARGO_PROFILE_RELEASE_OPT_LEVEL=level, **toolchain_environment(toolchain))
    run_logged(command, folder / "cargo.log", env=env, cwd=ROOT, what=what)
    return Path(command[command.index("--target-dir") + 1]) / target / "release" / "libmpgc.a"


def link(target, rust, folder):
    """One object whose only globals are the functions of the header, as an archive and as a shared
    library.
    """
    inputs = [rust]
    if mpgc_xtensa.is_ours(target.rust):
        # without the functions of `core`, since C's are there: the library for Rust is made of
        # objects that do not link
        inputs = mpgc_xtensa.assemble(
            target.compiler, folder / "llvm.s", folder, "mpgc_nlr_push_buf"
        )
    names = exported(inputs, "the Rust library")
    (folder / "globals").write_text("".join(name + "\n" for name in names))
    linked, carrier, library = folder / "linked.o", folder / "mpgc.o", folder / "libmpgc.a"
    # Parts of `core` and compiler functions that none of these needs are left out.
    options = ["--force-group-allocation", "--gc-sections", *(f"-u,{name}" for name in names)]
    if mpgc_xtensa.is_ours(target.rust):
        options.append(f"--wrap={mpgc_xtensa.TRAP}")
    steps = [
        [
            *target.compiler,
            "-r",
            "-nostdlib",
            *(f"-Wl,{option}" for option in options),
            "-o",
            linked,
            *inputs,
        ],
        [
            target.objcopy,
            f"--keep-global-symbols={folder / 'globals'}",
            *without("*ARM.exidx*", "*ARM.extab*", ".llvm*"),
            linked,
            carrier,
        ],
        [target.ar, "rcs", library, carrier],
    ]
    if target.hosted:
        steps.append(
            [
                *target.compiler,
                "-shared",
                f"-Wl,-soname,{soname()}",
                "-Wl,-z,defs",
                "-o",
                folder / shared_name(),
                carrier,
            ]
        )
    library.unlink(missing_ok=True)
    for step in steps:
        run_logged(step, folder / "link.log", what=f"linking mpgc for {target.rust}")
    return folder


def without(*sections):
    """Arguments for objcopy that remove sections which no C program needs."""
    return [word for section in sections for word in ("--wildcard", "-R", section)]


def soname():
    """The name that contains the version: until 1.0 each minor version has its own, since it may
    change the header.
    """
    major, minor, _ = version().split(".")
    return f"libmpgc.so.{major}.{minor}" if major == "0" else f"libmpgc.so.{major}"


def shared_name():
    return f"libmpgc.so.{version()}"


def add_arguments(parser):
    parser.add_argument(
        "--cargo",
        default=os.environ.get("MPGC_CARGO", ""),
        help="the cargo to use (the one in PATH, then Debian's)",
    )


def main(args):
    folder = build(args.target, ("hardened",) if args.hardened else (), args.cargo)
    say(f"the library: {shown(folder / 'libmpgc.a')}")
    return 0
