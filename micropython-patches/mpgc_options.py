#!/usr/bin/env python3
"""The options of the build, as options.txt lists them.

Without arguments: prints the table of docs/porting.md.
"""

import re
import sys
from collections import namedtuple
from pathlib import Path

from mpgc_rust import Stop

TABLE = Path(__file__).resolve().parent / "options.txt"
ON = ("1", "on", "true", "yes", "y")
OFF = ("", "0", "off", "false", "no", "n")

# `words`: the feature of a switch, or the values of a choice or a list. `hidden` values are for
# tests.
Option = namedtuple("Option", "name kind words hidden default meaning")


def table():
    """The options by name, in the order of the file."""
    options = {}
    for line in TABLE.read_text().splitlines():
        if line.startswith("MPGC_"):
            name, kind, default = (part.strip() for part in line.split("|"))
            kind, *words = kind.split()
            shown = [word for word in words if not word.startswith("(")]
            hidden = [word.strip("()") for word in words if word.startswith("(")]
            options[name] = Option(name, kind, shown, hidden, default, [])
        elif line.startswith(" "):
            options[name].meaning.append(line.strip())
    return options


def listed(words, last):
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def value_of(option, given):
    """One spelling for each value: switches are 1 or empty. Any other value is a Stop."""
    text, wrong = given.strip(), f"{option.name}={given}"
    if option.kind in ("switch", "auto"):
        low = text.lower()
        if low in ON:
            return "1"
        if low in OFF:
            return "0" if option.kind == "auto" and low else ""
        raise Stop(f"{wrong} is neither on nor off: give 1 or 0 (on, off, true, false, yes, no)")
    if option.kind == "pace":
        if text.lower() in OFF:
            return ""
        if not re.fullmatch(r"(free/)?[1-9][0-9]{0,2}", text):
            raise Stop(
                f"{wrong} is no pace: give a number from 1 to 999, `free/` and such a number, or 0"
            )
    if option.kind == "choice":
        if text and text not in option.words + option.hidden:
            raise Stop(f"{wrong} is not known: choose {listed(option.words, 'or')}")
    if option.kind == "list":
        words = text.split()
        if not set(words) <= set(option.words):
            raise Stop(
                f"{wrong}: only {listed([f'`{word}`' for word in option.words], 'and')} can be "
                "kept in C"
            )
    if "\n" in text:
        raise Stop(f"{wrong!r} has a line break")
    return text


def check_together(values):
    if values["MPGC_HARDENED"] and values["MPGC_CLEAR_ON_SWEEP"]:
        raise Stop(
            "MPGC_CLEAR_ON_SWEEP=1 zeroes freed blocks, which MPGC_HARDENED=1 fills: give one of "
            "the two"
        )
    for name in (
        "MPGC_PACING",
        "MPGC_IDLE_COLLECT",
        "MPGC_CLEAR_STACK",
        "MPGC_STATS",
        "MPGC_TRACE",
    ):
        if values[name] and "gc" in values["MPGC_KEEP_C"].split():
            raise Stop(
                f"{name} is an option of mpgc's heap, and MPGC_KEEP_C=gc keeps the C's: give one "
                "of the two"
            )


def read(given, environment=None):
    """The value of every option.

    `given` holds texts like NAME=value. Options that it does not name are looked up in
    `environment`, if there is one; different values are a Stop.
    """
    options, values = table(), {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in options:
            raise Stop(f"{name} is not an option of mpgc: docs/porting.md lists them")
        values[name] = value_of(options[name], value)
    for name, option in options.items():
        outside = (
            value_of(option, environment[name]) if environment and name in environment else None
        )
        if outside is not None and values.get(name, outside) != outside:
            raise Stop(
                f"{name} is `{values[name]}` for CMake and `{outside}` in the environment: give it "
                "once "
                f"(`cmake -U{name} <build directory>` takes it out of CMake's cache)"
            )
        values.setdefault(name, outside or "")
    check_together(values)
    return values


def features(values):
    """The features of the crate that the switches, and the pace, stand for."""
    on = [
        option
        for option in table().values()
        if option.kind in ("switch", "pace") and values[option.name]
    ]
    return [word for option in on for word in option.words]


def lines(values, *, places):
    """The options that change what is built, or the places, as lines of a file."""
    kinds = {name: option.kind for name, option in table().items()}
    return [
        f"{name}={value}" for name, value in values.items() if (kinds[name] == "place") == places
    ]


def recorded(work):
    """The values that were written into the build directory."""
    lines = [
        line for name in ("options", "places") for line in (work / name).read_text().splitlines()
    ]
    return read([line for line in lines if not line.startswith("#")])


def documented():
    """The table of docs/porting.md."""
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for option in table().values():
        meaning = " ".join(option.meaning)
        if option.kind == "switch":
            meaning = f"`1` {meaning}"
        elif option.kind == "auto":
            meaning = re.sub(r"^on (.*), off ", r"`1` \1, `0` ", meaning)
        rows.append(f"| `{option.name}` | {option.default} | {meaning} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(documented())
