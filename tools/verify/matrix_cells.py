"""The cells of `make matrix`: the options of tools/verify/matrix.toml, one by one and in pairs."""

import re
from collections import namedtuple

import tomllib

from tools.common import ROOT, Fail

TABLE = ROOT / "tools" / "verify" / "matrix.toml"
SCRIPTS = ROOT / "tests" / "matrix"
# The most options in one cell of pairs. More would make fewer cells, but options hide each other's
# effects.
TOGETHER = 8

# One build of each side, and the scripts that run on it. `options` are entries of the table.
Cell = namedtuple("Cell", "name options")

FIELDS = {
    "name": str,
    "option": str,
    "cflags": str,
    "make": list,
    "mpgc": list,
    "c_edits": list,
    "with": list,
    "pairs": bool,
    "not_with": list,
    "skips": list,
    "runs": list,
    "only": list,
    "without": list,
    "heap": str,
    "control": str,
    "why": str,
    "since": str,
    "fixed_since": str,
    "stops": str,
    "c_stops": bool,
    "tool": str,
    "target": str,
    "ci": bool,
    "stderr": str,
    "marks": bool,
}


class Table:
    """The options by name, checked to be what the comment of the table says."""

    def __init__(self, path=TABLE):
        try:
            table = tomllib.loads(path.read_text())
        except tomllib.TOMLDecodeError as error:
            raise Fail(f"{path.name}: {error}") from error
        self.skips, self.special = table["skips"], table["special"]
        self.options = {}
        for entry in table["option"]:
            self.check(entry, path)
            self.options[entry["name"]] = entry
        for entry in table["option"]:
            for name in entry.get("with", []) + entry.get("not_with", []):
                if name not in self.options:
                    raise Fail(
                        f"{path.name}: {entry['name']} names the option {name}, which is not there"
                    )

    def check(self, entry, path):
        name = entry.get("name", "")
        if (
            not re.fullmatch(r"[A-Za-z0-9-]+", name)
            or name in self.options
            or name.startswith(("default", "pairs"))
        ):
            raise Fail(
                f"{path.name}: an option is called {name!r}: give it a name of its own of "
                "letters, digits and -"
            )
        for key, value in entry.items():
            if not isinstance(value, FIELDS.get(key, ())):
                raise Fail(
                    f"{path.name}: {name}: `{key}` is not a field, or has a value of another kind"
                )
        for script in (
            entry.get("skips", [])
            + entry.get("runs", [])
            + entry.get("only", [])
            + entry.get("without", [])
        ):
            if not (SCRIPTS / f"{script}.py").is_file():
                raise Fail(f"{path.name}: {name}: there is no script tests/matrix/{script}.py")
        if ({"stops", "c_stops", "control"} & set(entry)) and not entry.get("why"):
            raise Fail(
                f"{path.name}: {name} is not compared with its own C: say in `why` for what reason"
            )

    def with_needs(self, names):
        """The entries of these options and of those that they need."""
        found = {}
        for name in names:
            for needed in self.options[name].get("with", []):
                found.setdefault(needed, self.options[needed])
            found[name] = self.options[name]
        return list(found.values())

    def together(self, a, b):
        """Whether two options can both be on."""
        return b not in self.options[a].get("not_with", []) and a not in self.options[b].get(
            "not_with", []
        )

    def pairs(self):
        """Every two options that touch the four files and can both be on."""
        names = [name for name, entry in self.options.items() if entry.get("pairs")]
        return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if self.together(a, b)]

    def rows(self):
        """Few sets of options so that each pair is in one of them: greedily, the same ones each
        time.
        """
        left = self.pairs()
        names = list(dict.fromkeys(name for pair in left for name in pair))
        rows = []
        while left:
            row = list(left[0])
            waiting = set(left)
            while len(row) < TOGETHER:
                gains = {
                    name: sum((a, name) in waiting or (name, a) in waiting for a in row)
                    for name in names
                    if name not in row and all(self.together(name, a) for a in row)
                }
                best = max(gains, key=gains.get, default=None)
                if best is None or gains[best] == 0:
                    break
                row.append(best)
            rows.append(sorted(row, key=names.index))
            left = [(a, b) for a, b in left if not (a in row and b in row)]
        return rows

    def cells(self):
        cells = [Cell("default", [])]
        cells += [Cell(name, self.with_needs([name])) for name in self.options]
        return cells + [
            Cell(f"pairs-{i:02}", self.with_needs(row)) for i, row in enumerate(self.rows(), 1)
        ]

    def scripts(self, cell):
        """{script: whether it applies} of all that run in this cell."""
        only = next((entry["only"] for entry in cell.options if "only" in entry), None)
        runs = [script for entry in cell.options for script in entry.get("runs", [])]
        names = only or sorted(
            path.stem
            for path in SCRIPTS.glob("*.py")
            if path.stem not in self.special or path.stem in runs
        )
        names = [
            name
            for name in names
            if not any(name in entry.get("without", []) for entry in cell.options)
        ]
        skips = set(self.skips) - set(runs)
        for entry in cell.options:
            skips |= set(entry.get("skips", []))
        return {name: name not in skips for name in names}

    def fresh(self, cell, results):
        """The result of this cell; None if its entry in the table has changed since."""
        result = results.get(cell.name)
        return result if result and result.get("built") == built(cell) else None


def built(cell):
    """What a cell is built with, as text."""
    fields = ("cflags", "make", "mpgc", "c_edits", "heap")
    return "; ".join(
        f"{field} {entry[field]}" for entry in cell.options for field in fields if field in entry
    )


def chosen(cells, only, ci):
    """Those cells that have a word of ONLY in their name or in that of an option; with `ci`, those
    for CI.
    """
    if ci:
        return [
            cell
            for cell in cells
            if any(entry.get("ci") for entry in cell.options[-1:]) and "pairs" not in cell.name
        ]
    words = [word for word in re.split(r"[, ]+", only) if word]
    found = [cell for cell in cells if not words or any(word == cell.name for word in words)]
    found = found or [cell for cell in cells if any(word in cell.name for word in words)]
    if not found:
        raise Fail(f"ONLY={only}: no cell has that name; `make matrix ONLY=list` names them")
    return found
