"""Runs cargo: for the program that reads a port's headers, and for the static library."""

import json
import os
import re
import subprocess
import sys
import threading
import uuid
import zlib
from collections import namedtuple
from pathlib import Path

import mpgc_features
import mpgc_options
import mpgc_tree
import mpgc_xtensa
from mpgc_rust import Stop, choose_toolchain, library_command, toolchain_environment

# MPGC_PROFILE: Rust's opt-level, that for machines without an operating system, and the feature of
# the crate that goes with it. s is a tenth smaller than 3 there, and hot code is inlined by hand
# (docs/metal.md). `large` has there what `speed` has elsewhere.
Profile = namedtuple("Profile", "opt_level bare_opt_level features")
# `bare` is for tests: it compiles the code of a machine without an operating system for any
# machine.
PROFILES = {
    "speed": Profile("3", "s", []),
    "size": Profile("z", "z", ["small"]),
    "large": Profile("3", "s", ["large"]),
    "bare": Profile("s", "s", ["bare"]),
}


def profile_of(options, target):
    """The requested profile; on the ESP8266 the least code is the default, because its flash is the
    smallest.
    """
    return PROFILES[options["MPGC_PROFILE"] or ("size" if target == mpgc_xtensa.CALL0 else "speed")]


def opt_level(options, target):
    profile = profile_of(options, target)
    return options["MPGC_OPT_LEVEL"] or (
        profile.bare_opt_level if "-none" in target else profile.opt_level
    )


def environment(toolchain):
    """The environment for cargo, without the variables of make and of the port, which must not
    affect its compilations.
    """
    ours = (
        "MAKE",
        "MFLAGS",
        "CFLAGS",
        "CXXFLAGS",
        "CPPFLAGS",
        "LDFLAGS",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_",
    )
    plain = ("CC", "CXX", "CPP", "LD", "AR", "AS", "TARGET", "HOST")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours) and k not in plain}
    return env | toolchain_environment(toolchain)


def run_cargo(command, crate, env, error=None, features=None):
    """Runs cargo, showing its progress; returns what it printed. A message in the file `error` is
    reported instead of cargo's."""
    if error:
        error.unlink(missing_ok=True)
    cargo = subprocess.Popen(
        command,
        cwd=crate,
        env=env,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    # cargo's progress is shown at once; the compiler's output only if it is the message.
    said, printed = [], []
    reader = threading.Thread(target=lambda: printed.append(cargo.stdout.read()))
    reader.start()
    for line in cargo.stderr:
        if re.match(
            r" +(Compiling|Downloading|Downloaded|Updating|Blocking|Building|Locking) ", line
        ):
            print(line.rstrip(), file=sys.stderr, flush=True)
        else:
            said.append(line)
    reader.join()
    said = "".join(line for line in said if not re.match(r" +(Finished|Running|Fresh) ", line))
    if cargo.wait():
        if error and error.exists():
            raise Stop(error.read_text().strip())
        raise Stop(mpgc_tree.cargo_failure(said))
    sys.stderr.write(mpgc_features.without_notes(said, features) if features else said)
    return printed[0]


def tools_folder(crate, options, work, toolchain):
    """The folder of what all builds share: in the clone, unless that is not writable."""
    folder = Path(options["MPGC_BUILD_TOOLS"] or crate / "build" / "build-tools").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if options["MPGC_BUILD_TOOLS"]:
            raise Stop(f"MPGC_BUILD_TOOLS={folder} cannot be made: {error}") from error
    if not os.access(folder, os.W_OK):
        folder = work / "tools"
    # cargo replaces a program that another toolchain made, and another build may be running it
    return folder / f"{zlib.crc32(toolchain.rustc.encode()):08x}"


def headers_program(crate, tools, toolchain):
    """The program that reads a port's headers, which the first build compiles. Parallel builds wait
    for cargo's lock.
    """
    command = [toolchain.cargo, "build", "--package", "mpgc-headers", "--profile", "headers"]
    command += ["--locked", "--message-format=json-render-diagnostics"]
    env = environment(toolchain)
    # these are meant for the library; a program for this machine does not depend on them
    for name in ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_BOOTSTRAP"):
        env.pop(name, None)
    env["CARGO_TARGET_DIR"] = str(tools)
    printed = run_cargo(command, crate, env)
    programs = [
        message["executable"]
        for message in map(json.loads, printed.splitlines())
        if message.get("executable")
    ]
    if not programs:
        raise Stop(
            f"cargo made no program of {crate}/buildsrc: report this with the output of "
            f"`{toolchain.cargo} --version`"
        )
    return programs[0]


def build_library(args, options, toolchain, work, target, processor, asserts):
    """The static library, made by cargo in the build directory, for a processor as mpgc_features
    has it."""
    tools = tools_folder(args.crate, options, work, toolchain)
    env = environment(toolchain) | {
        "MPGC_HEADERS": headers_program(args.crate, tools, toolchain),
        # The headers are read each time, so that the files in the build directory are of this
        # build, whatever cargo has cached.
        "MPGC_RUN": uuid.uuid4().hex,
        "MPGC_PORT_COMMAND": str(work / "command"),
        "MPGC_PORT_DIR": os.getcwd(),
        "MPGC_OUT": str(work),
        "MPGC_PACING": options["MPGC_PACING"],
        "CARGO_TARGET_DIR": str(work / "cargo"),
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": opt_level(options, target),
        "CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS": "true" if asserts else "false",
    }
    command = library_command(toolchain.cargo)
    features = [
        "micropython",
        *profile_of(options, target).features,
        *mpgc_options.features(options),
    ]
    words = (
        mpgc_xtensa.cargo_words(toolchain, target, tools)
        if mpgc_xtensa.is_ours(target)
        else ["--target", target]
    )
    command += ["--features", ",".join(features), *words]
    if toolchain.build_std:
        command.append("-Zbuild-std=core")
        # core is the same for all builds; cargo before 1.91 compiles it in each build directory
        # But it is compiled with the features, too.
        of = zlib.crc32(" ".join(processor.rustc).encode()) if processor.rustc else 0
        env["CARGO_BUILD_BUILD_DIR"] = str(tools / (f"core-{of:08x}" if of else "core"))
    if processor.rustc:
        env = mpgc_features.with_flags(env, processor.rustc)
    # Where full RELRO is the default, rustc calls other objects through the GOT. The port's link
    # knows better: so it makes direct calls of them.
    command += ["--", "-C", "relro-level=off"]
    if mpgc_xtensa.is_ours(target):
        command += mpgc_xtensa.rustc_words(work / "llvm.s")
    run_cargo(command, args.crate, env, work / "error", processor)
    library = work / "cargo" / target / "release" / "libmpgc.a"
    if not library.exists():
        raise Stop(
            f"cargo made no {library}: report this with the output of `{toolchain.cargo} --version`"
        )
    return library


def choose_for(target, options, processor):
    """The toolchain. Where the port forbids what the target has, Rust's `core` is compiled without
    it, if there is its source."""
    cargo, build_std = options["MPGC_CARGO"], options["MPGC_BUILD_STD"]
    if processor.lost and not build_std:
        try:
            return choose_toolchain(target, cargo, "1")
        except Stop:
            pass
    return choose_toolchain(target, cargo, build_std)
