"""Builds the webassembly port with emcc, with its own C or with mpgc, to run under node."""

import re
import shlex
import shutil

from tools.build import other_ports, unix
from tools.common import BUILD, ROOT, locked

MANIFEST = ROOT / "tools" / "build" / "manifests" / "webassembly.py"
PORT = "webassembly"


# What emcc of 2022 writes knows neither node's modules, in which the first two are not there, nor
# that node has the third one for addresses alone.
GLOBALS = """\
globalThis.require = require;
globalThis.__dirname = __dirname;
globalThis.fetch = undefined;
"""
# A module made by a newer emcc needs none of this.
OF_NEWER = "createRequire"


def plain_functions(text):
    """library.js without arrow functions, which the emcc of 2022 (Debian's) cannot read there."""
    text = re.sub(r"(\w+): \(\) => \{", r"\1: function () {", text)
    return re.sub(
        r"(\w+): \(\) =>\s+([^\s{].*),$", r"\1: function () { return \2; },", text, flags=re.M
    )


def copy_of(tree):
    """A tree of links to the real one, except for the port, whose library.js is made readable for
    any emcc.
    """
    folder = BUILD / PORT / f"tree-{unix.tree_key(tree)}"
    with locked(folder):
        if folder.is_dir():
            return folder
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "ports").mkdir(parents=True)
        for entry in tree.path.iterdir():
            if entry.name not in ("ports", ".git"):
                (partial / entry.name).symlink_to(entry)
        for entry in (tree.path / "ports").iterdir():
            if entry.name != PORT:
                (partial / "ports" / entry.name).symlink_to(entry)
        shutil.copytree(tree.path / "ports" / PORT, partial / "ports" / PORT)
        library = partial / "ports" / PORT / "library.js"
        text = library.read_text()
        library.unlink()
        library.write_text(plain_functions(text))
        partial.rename(folder)
    return folder


def build(tree, variant, flavour, options):
    """Build one flavour. Returns a Build, whose program is a script that starts node."""
    folder = other_ports.folder_of(PORT, tree, variant, options, flavour)
    variables = {
        "VARIANT": variant,
        "FROZEN_MANIFEST": MANIFEST,
        "LDFLAGS": "--emit-symbol-map",
    }
    port = copy_of(tree) / "ports" / PORT
    command = other_ports.make(tree, port, flavour, options, folder, variables)
    symbols = (folder / "micropython.mjs.symbols").read_text().splitlines()
    other_ports.prove(flavour, folder / "py" / "gc.o", {line.partition(":")[2] for line in symbols})
    old = OF_NEWER not in (folder / "micropython.mjs").read_text()
    (folder / "globals.cjs").write_text(GLOBALS if old else "")
    script = folder / "run-micropython"
    words = shlex.join(["node", str(folder / "micropython.mjs"), "-X", "heapsize=1m"])
    options = shlex.quote(node_options(folder))
    script.write_text(f'#!/bin/sh\nNODE_OPTIONS={options} exec {words} "$@" </dev/null\n')
    script.chmod(0o755)
    return unix.Build(flavour, folder, script, command)


def node_options(folder):
    """NODE_OPTIONS for a build."""
    return f"--require={folder / 'globals.cjs'}"
