"""Builds the windows port with mingw-w64, with its own C or with mpgc, to run under wine."""

import shlex

import mpgc_objects

from tools.build import other_ports, unix
from tools.common import ROOT
from tools.setup.targets import find_target

MANIFEST = ROOT / "tools" / "build" / "manifests" / "standard.py"


def build(tree, variant, flavour, options):
    """Build one flavour. Returns a Build, whose program is a script that starts wine."""
    target = find_target("windows")
    folder = other_ports.folder_of("windows", tree, variant, options, flavour)
    variables = {
        "VARIANT": variant,
        "CROSS_COMPILE": target.prefix,
        "STRIP": "",
        "FROZEN_MANIFEST": MANIFEST,
    }
    command = other_ports.make(
        tree, tree.path / "ports" / "windows", flavour, options, folder, variables
    )
    program = folder / "micropython.exe"
    names = {symbol.name for symbol in mpgc_objects.symbols(program) if symbol.function}
    other_ports.prove(flavour, folder / "py" / "gc.o", names)
    return unix.Build(flavour, folder, starter(program), command)


def starter(program):
    """A script that runs a program under wine, whose settings are in the environment."""
    words = shlex.join([*find_target("windows").emulator, str(program)])
    script = program.with_name("run-" + program.stem)
    script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    script.chmod(0o755)
    return script
