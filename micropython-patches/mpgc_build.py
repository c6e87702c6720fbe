#!/usr/bin/env python3
"""Makes the carrier object: all the Rust of mpgc as one object for a port's link.

    stamp FILE -- WORDS...   writes WORDS, one a line, if they changed
    options ... NAME=VALUE...
                             checks the options of the build, and records them if they changed
    linked ...               stops if the program does not hold mpgc
    configured BUILD MODULE  stops if CMake configured BUILD without MODULE
    from-cmake COMMANDS TARGET SOURCE FILE
                             as stamp, with a command of CMake's compile_commands.json
    carrier ...              runs cargo, links the static library to one object

Called by mpgc.mk and micropython.cmake. Every failure is one message.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import uuid
import zlib
from collections import namedtuple
from pathlib import Path

import mpgc_carrier
import mpgc_features
import mpgc_link
import mpgc_options
import mpgc_tree
import mpgc_xtensa
from mpgc_rust import (
    Stop,
    choose_toolchain,
    first_error,
    library_command,
    run,
    rust_target,
    toolchain_environment,
)

# mpgc's own exports that are left out when the heap stays in C.
OF_THE_HEAP = ("mpgc_check", "mpgc_chunk_of", "mpgc_fault", "mpgc_snapshot")

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


def stamp(path, words):
    """Writes words one a line, unless the file holds them already."""
    for word in words:
        if "\n" in word:
            raise Stop(f"the argument {word!r} has a line break: take it out of CFLAGS")
    text = "".join(word + "\n" for word in words)
    try:
        if path.read_text() == text:
            return
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def from_cmake(commands, target, source, path):
    """The command that compiles `source` for CMake's target, from the list that CMake writes,
    without the arguments that name files.
    """
    try:
        entries = json.loads(commands.read_text())
    except (OSError, ValueError) as error:
        raise Stop(
            f'{commands} tells no commands ({error}): run cmake again, with -G Ninja or -G "Unix '
            'Makefiles"'
        ) from error
    of_target = f"CMakeFiles/{target}.dir/"
    same = [
        entry
        for entry in entries
        if Path(entry["file"]).name == source.name
        and Path(entry["file"]).resolve() == source.resolve()
    ]
    found = [entry for entry in same if of_target in entry["command"]]
    if not found:
        raise Stop(
            f"{commands} has no command that compiles {source} for {target}: give "
            "micropython.cmake to a port that compiles it"
        )
    words = shlex.split(found[0]["command"])
    at = words.index("-c") if "-c" in words else len(words)
    # CMake has the source behind -c
    stamp(path, without_files(words[:at] + words[at + 2 :]))


def without_files(words):
    """A compile command without the arguments that name its output and list its dependencies."""
    words, kept = list(words), []
    while words:
        word = words.pop(0)
        if word in ("-o", "-MF", "-MT", "-MQ"):
            del words[:1]
        elif word not in ("-c", "-MD", "-MMD", "-MP", "--", "") and not word.startswith(
            ("-MF", "-MT", "-MQ", "-Wp,-M")
        ):
            kept.append(word)
    return kept


def configured(build, module):
    """A build directory of CMake keeps its configuration, whatever is given later."""
    cache = build / "CMakeCache.txt"
    if not cache.exists():
        return
    found = re.search(r"^USER_C_MODULES:[A-Z]+=(.*)$", cache.read_text(errors="replace"), re.M)
    if not found or str(module) not in found[1].split(";"):
        raise Stop(
            f"{build} was configured without mpgc, and CMake keeps that: remove it, or give "
            "another BUILD, or run "
            f"`cmake -DUSER_C_MODULES={module} {build}` once"
        )


class Compiler:
    """The port's compiler, as `stamp` recorded it."""

    def __init__(self, command_file):
        self.words = command_file.read_text().splitlines()
        if not self.words:
            raise Stop(f"{command_file} is empty: the port has no CC")
        if shutil.which(self.words[0]) is None:
            raise Stop(
                f"the port's compiler `{self.words[0]}` is not found: install it, or set "
                "CROSS_COMPILE or CC"
            )

    def run(self, *extra):
        return run(self.words + list(extra))

    def macros(self):
        done = self.run("-dM", "-E", "-x", "c", os.devnull)
        if done.returncode:
            raise Stop(f"the port's compiler fails on an empty file: {first_error(done.stderr)}")
        pairs = (line.split(" ", 2) for line in done.stdout.splitlines())
        return {pair[1]: pair[2] if len(pair) > 2 else "" for pair in pairs}

    def driver(self):
        """The program: everything before the first flag (`ccache gcc`)."""
        flags = (at for at, word in enumerate(self.words) if word.startswith("-"))
        return self.words[: next(flags, len(self.words))]

    def linker(self):
        """The compiler driver, with the flags that select the architecture."""
        return self.driver() + [word for word in self.words if word.startswith("-m")]

    def dependencies(self, includes, sources):
        files = []
        for source in sources:
            done = self.run("-I", includes, "-M", "-x", "c", source)
            if done.returncode:
                raise Stop(f"the port's headers do not compile: {first_error(done.stderr)}")
            files += done.stdout.replace("\\\n", " ").split(":", 1)[1].split()
        return sorted(set(files))


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


def write_dependencies(args, compiler, replaced):
    """The .P file that py/mkrules.mk includes, so that a changed header makes the carrier again."""
    host = args.crate / "src" / "host"
    files = compiler.dependencies(str(host), [str(host / "port.h"), str(host / "shim.c")])
    # an edit of them is reported
    files += [str(args.py / name) for name in replaced]
    lines = [f"{args.output}: " + " ".join(files)] + [f"{name}:" for name in files]
    args.output.with_suffix(".P").write_text("\n".join(lines) + "\n")


def replaced_files(py, options, work):
    """The C files that the Rust of this configuration replaces."""
    names = (work / "replaced").read_text().split()
    return [
        name
        for name in names
        if Path(name).stem not in options["MPGC_KEEP_C"].split() and (py / name).is_file()
    ]


def write_options(args):
    """Checks the options, and writes them into the build directory: those that change the carrier
    to `options`, the others to `places`.
    """
    values = mpgc_options.read(args.given, os.environ if args.environment else None)
    if args.work:
        # another clone may have older files
        stamp(
            args.work / "options", [f"# of {args.clone}", *mpgc_options.lines(values, places=False)]
        )
        stamp(args.work / "places", mpgc_options.lines(values, places=True))
        # written as given, so that make sees whether anything has changed
        stamp(args.work / "given", [args.clone, *args.given])
    for text in args.configured:
        name, _, value = text.partition("=")
        if values[name] != value:
            # CMake looks at this file before it builds
            args.again.touch()
            raise Stop(
                f"{name} was {value or 'off'} when CMake configured this build, and is "
                f"{values[name] or 'off'} now: "
                "give the same command again, and CMake is run anew"
            )
    for name in args.tell:
        print(values[name])


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


def carrier(args):
    work = args.work.absolute()
    options = mpgc_options.recorded(work)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    compiler = Compiler(work / "command")
    macros = compiler.macros()
    target = options["MPGC_TARGET"] or rust_target(macros, compiler.words)
    processor = mpgc_features.of(target, macros, compiler.words)
    toolchain = choose_for(target, options, processor)
    library = build_library(
        args, options, toolchain, work, target, processor, asserts="NDEBUG" not in macros
    )
    exports = (work / "exports").read_text().split()
    if "gc" in options["MPGC_KEEP_C"].split():
        exports = [
            name for name in exports if not name.startswith("gc_") and name not in OF_THE_HEAP
        ]
    replaced = replaced_files(args.py, options, work)
    write_dependencies(args, compiler, replaced)
    mpgc_carrier.link(compiler.linker(), args.objcopy, args.output, work, library, exports, target)
    try:
        mpgc_features.check(args.output, args.objcopy, processor)
    except Stop:
        # make would take it the next time
        args.output.unlink()
        raise
    print((work / "info").read_text().strip(), flush=True)
    warnings = [(work / "warning").read_text().strip()]
    if not options["MPGC_ALLOW_EDITED"]:
        warnings.append(
            mpgc_tree.account(args.py, replaced, (work / "release").read_text().strip())
        )
    for warning in filter(None, warnings):
        print(f"mpgc: warning: {warning}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    stamp_parser = commands.add_parser("stamp")
    stamp_parser.add_argument("file", type=Path)
    stamp_parser.add_argument("words", nargs="*")
    linked_parser = commands.add_parser("linked")
    linked_parser.add_argument("--work", type=Path, required=True)
    linked_parser.add_argument("--program", type=Path, help="check only this one")
    linked_parser.add_argument("--carrier", type=Path)
    link_parser = commands.add_parser("link")
    link_parser.add_argument("--work", type=Path, required=True)
    configured_parser = commands.add_parser("configured")
    configured_parser.add_argument("build", type=Path)
    configured_parser.add_argument("module", type=Path)
    cmake_parser = commands.add_parser("from-cmake")
    cmake_parser.add_argument("commands", type=Path)
    cmake_parser.add_argument("target")
    cmake_parser.add_argument("source", type=Path)
    cmake_parser.add_argument("file", type=Path)
    build = commands.add_parser("carrier")
    build.add_argument("--crate", type=Path, required=True)
    build.add_argument("--work", type=Path, required=True)
    build.add_argument("--py", type=Path, required=True, help="the tree's py/")
    build.add_argument("--output", type=Path, required=True)
    build.add_argument("--objcopy", default="objcopy")
    options_parser = commands.add_parser("options")
    options_parser.add_argument("--work", type=Path, help="the directory to write them to")
    options_parser.add_argument("--clone", help="that of mpgc")
    options_parser.add_argument(
        "--environment",
        action="store_true",
        help="options that are not given may be in the environment",
    )
    options_parser.add_argument(
        "--tell", metavar="NAME", action="append", default=[], help="print the value of this one"
    )
    options_parser.add_argument(
        "--configured",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="the values when CMake configured the build",
    )
    options_parser.add_argument("--again", type=Path, help="the file that makes CMake run anew")
    options_parser.add_argument("given", nargs="*", metavar="NAME=VALUE")
    # Everything after -- belongs to the port, options and all.
    words = sys.argv[1:]
    after = []
    if "--" in words:
        at = words.index("--")
        words, after = words[:at], words[at + 1 :]
    args = parser.parse_args(words)
    try:
        if args.command == "stamp":
            stamp(args.file, after)
        elif args.command == "options":
            write_options(args)
        elif args.command == "linked":
            if args.program:
                mpgc_link.check_program(args.program, args.work)
            else:
                mpgc_link.linked(args.work, args.carrier, Path(__file__).resolve().parent)
        elif args.command == "link":
            return mpgc_link.run_linker(args.work, after)
        elif args.command == "configured":
            configured(args.build, args.module)
        elif args.command == "from-cmake":
            from_cmake(args.commands, args.target, args.source, args.file)
        else:
            carrier(args)
    except Stop as stop:
        print(f"mpgc: error: {stop}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
