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
import os
import re
import sys
from pathlib import Path

import mpgc_cargo
import mpgc_carrier
import mpgc_features
import mpgc_link
import mpgc_options
import mpgc_tree
from mpgc_command import Compiler, from_cmake, stamp
from mpgc_rust import Stop, rust_target

# mpgc's own exports that are left out when the heap stays in C.
OF_THE_HEAP = ("mpgc_check", "mpgc_chunk_of", "mpgc_fault", "mpgc_snapshot")


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


def carrier(args):
    work = args.work.absolute()
    options = mpgc_options.recorded(work)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    compiler = Compiler(work / "command")
    macros = compiler.macros()
    target = options["MPGC_TARGET"] or rust_target(macros, compiler.words)
    processor = mpgc_features.of(target, macros, compiler.words)
    toolchain = mpgc_cargo.choose_for(target, options, processor)
    library = mpgc_cargo.build_library(
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
