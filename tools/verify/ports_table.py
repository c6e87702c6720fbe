"""The rows of tools/verify/ports.toml: the ports and boards that `make ports` builds, and what each
needs.
"""

import os
import shutil
from collections import namedtuple

import tomllib
from mpgc_rust import Stop, choose_toolchain

from tools.common import ROOT, Fail
from tools.setup.targets import find_target

TABLE = ROOT / "tools" / "verify" / "ports.toml"
ENTRIES = ("wrapper", "cmake", "usermod", "mpgc-object", "windows", "webassembly")
PROFILES = ("speed", "size")

FIELDS = {
    "name": str,
    "port": str,
    "entry": str,
    "make": list,
    "program": str,
    "profile": str,
    "rust": str,
    "needs": list,
    "submodules": list,
    "variables": dict,
    "small": bool,
    "heap": bool,
    "run": str,
    "input": str,
    "until": str,
    "full": list,
}
REQUIRED = ("name", "port", "entry", "profile")
DEFAULTS = {"make": (), "needs": (), "submodules": (), "variables": {}, "heap": True, "full": ()}

Row = namedtuple("Row", FIELDS)


def row_of(entry):
    name = entry.get("name", "?")
    for key, value in entry.items():
        if not isinstance(value, FIELDS.get(key, ())):
            raise Fail(f"{TABLE.name}: {name}: `{key}` is not known, or of another kind")
    for key in REQUIRED:
        if key not in entry:
            raise Fail(f"{TABLE.name}: {name} has no `{key}`")
    if entry["entry"] not in ENTRIES or entry["profile"] not in PROFILES:
        raise Fail(
            f"{TABLE.name}: {name}: choose an entry of {', '.join(ENTRIES)}, and a profile of "
            f"{', '.join(PROFILES)}"
        )
    return Row(**{key: entry.get(key, DEFAULTS.get(key)) for key in FIELDS})


def rows(path=TABLE):
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise Fail(f"{path.name}: {error}") from error
    found = [row_of(entry) for entry in table["port"]]
    names = [row.name for row in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise Fail(f"{path.name}: there is more than one {', '.join(sorted(twice))}")
    return found


def chosen(only, small):
    """The rows whose name has a word of `only`; where that is a whole name, the row of that name
    alone (`rp2 RPI_PICO` begins other names too).
    """
    words = only.split(",")
    found = [row for row in rows() if row.name == only]
    found = found or [row for row in rows() if any(word in row.name for word in words)]
    found = [row for row in found if row.small or not small]
    if not found:
        names = "; ".join(row.name for row in rows())
        raise Fail(f"no port has `{only}` in its name; there are: {names}")
    return found


def board(row):
    return next((word[6:] for word in row.make if word.startswith("BOARD=")), None)


def missing(row, tree):
    """What keeps a row from being built here, in one line; None if nothing does."""
    folder = tree.path / "ports" / row.port
    if not folder.is_dir():
        return f"MicroPython {tree.release} has no ports/{row.port}"
    name = board(row)
    if name and (folder / "boards").is_dir() and not (folder / "boards" / name).is_dir():
        return f"MicroPython {tree.release} has no board {name} in ports/{row.port}"
    empty = [
        name
        for name in row.submodules
        if not (tree.path / name).is_dir() or not any((tree.path / name).iterdir())
    ]
    if empty:
        are = "is" if len(empty) == 1 else "are"
        return f"{', '.join(empty)} {are} empty: git submodule update --init {' '.join(empty)}"
    for variable, what in row.variables.items():
        if not os.environ.get(variable):
            return f"{variable} is not set: it is {what}"
    for program in row.needs:
        if not shutil.which(program):
            return f"`{program}` is not in PATH{how_to_get(row)}"
    if row.rust:
        try:
            choose_toolchain(row.rust)
        except Stop as stop:
            return str(stop)
    return None


def how_to_get(row):
    """The task that installs a compiler, where there is one for the machine."""
    try:
        find_target(row.rust)
    except Fail:
        return ""
    return f": make deps TARGET={row.rust}"
