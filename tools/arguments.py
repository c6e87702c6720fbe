"""How tasks get their arguments: as variables (`CONFIG=split`), as options (`--config split`), or
in the environment.

A variable of `make` and the option of its lower case are the same thing. tools/tasks.py says which
task takes which.
"""

import argparse
import difflib
import importlib
import os
import re
import shlex
from collections import namedtuple

from mpgc_options import OFF, ON

from tools.common import Fail
from tools.tasks import TASKS, variables_of

# `kind`: "text", "whole" (a number) or "switch". `default` is that of most tasks.
Variable = namedtuple("Variable", "kind default help")


def text(help, default=""):
    return Variable("text", default, help)


def whole(help, default):
    return Variable("whole", default, help)


def switch(help):
    return Variable("switch", False, help)


VARIABLES = {
    "RELEASE": text("the MicroPython that is fetched and used: 1.25.0 or 1.26.1"),
    "MICROPYTHON_DIR": text("a tree of your own instead, which is only read"),
    "VARIANT": text(
        "of the unix port: standard, coverage, minimal, longlong or nanbox", "standard"
    ),
    "OPTIONS": text("words such as pystack, setjmp, hardened, and raw flags of the build"),
    "ARCH": text("another machine to build for and run on, under qemu-user"),
    "TARGET": text("another machine, by its name in tools/setup/targets.py or Rust's"),
    "BOARD": text("the board of MicroPython's qemu port", "MPS2_AN385"),
    "RP2040_BOOTROM": text("a boot ROM of the RP2040, an image or words in hex (default: ours)"),
    "ONLY": text("run what has this in its name"),
    "RESUME": switch("leave out what an earlier run of the same sources saw pass"),
    "WRITE": switch("write what was found to docs/results"),
    "ALL": switch("look at every configuration"),
    "CONFIG": text("configurations, with commas between them; `ci` is those that CI runs (all)"),
    "OPS": text("operations for each configuration (1000000)"),
    "SEED": whole("another seed draws other operations", 1),
    "RUN": text("start at this run of the seed, to see a difference again"),
    "CASE": text("words with commas: the cases whose names hold one (all)"),
    "SECONDS": text("how long each is measured or fuzzed"),
    "INPUT": text("run this input of one target, as the account of a finding says"),
    "SIGNALS": whole("signals of the longest run on each side", 1_000_000),
    "PAIRS": whole("two interrupts in a run: 1 takes all pairs, 40 a fortieth, 0 none", 40),
    "ROUNDS": whole("rounds on each side", 9),
    "STRESS_ROUNDS": whole("rounds of thread/stress_schedule under load", 50),
    "COUNT": switch("count instructions too"),
    "SYMBOLS": switch("print the size of each function too"),
    "SHARD": text("k/n: every n-th change from the k-th on"),
    "SINCE": text("a commit: only what has changed since"),
    "SAMPLE": whole("so many changes, drawn by a fixed seed (0: all)", 0),
    "SHORT": switch("show changes to what `make test` runs alone"),
    "TRUST": switch("count what has a reason as a survivor, without running it"),
    "HARDENED": switch("stop at overruns, writes after a free and broken tables"),
    "PREFIX": text("install below this", "/usr/local"),
    "DESTDIR": text("put before the prefix while installing, for packages"),
    "LIBDIR": text("where libraries are, below the prefix", "lib"),
}

# These variables stay in the environment for the commands that a task starts.
INHERITED = ("MICROPYTHON_DIR",)
# Variables that `make` takes for any task: each tool reads them where it needs them.
FOR_ALL = ("MICROPYTHON_DIR", "PYTHON", "JOBS")
FOR_OTHERS = ("MPGC_", "MICROPY_", "CARGO", "RUST", "LIBCLANG")


def option(name):
    return "--" + name.lower().replace("_", "-")


def whole_number(given):
    if not given.isdigit():
        raise argparse.ArgumentTypeError(f"`{given}` is no whole number")
    return int(given)


def is_on(name, given):
    low = given.strip().lower()
    if low not in (*ON, *OFF):
        raise Fail(
            f"{name}={given} is neither on nor off: give 1 or 0 (on, off, true, false, yes, no)"
        )
    return low in ON


def add_variable(parser, name, default=None):
    variable = VARIABLES[name]
    if variable.kind == "switch":
        parser.add_argument(option(name), action="store_true", help=variable.help)
        return
    default = variable.default if default is None else default
    if name == "MICROPYTHON_DIR":
        default = os.environ.get(name, "")
    shown = "" if default == "" else f" ({default})"
    kind = whole_number if variable.kind == "whole" else str
    parser.add_argument(
        option(name), type=kind, default=default, metavar=name, help=variable.help + shown
    )


def check_given(task, given, takes):
    """Refuse a variable on make's command line that the task does not take: a wrong name must not
    go unnoticed.
    """
    for name in given:
        if name in takes or name in FOR_ALL or name.startswith(FOR_OTHERS):
            continue
        close = difflib.get_close_matches(name, takes, 1)
        hint = (
            f"did you mean {close[0]}?"
            if close
            else f"it takes {', '.join(takes) or 'no variable'}"
        )
        raise Fail(
            f"`{task}` takes no {name}: {hint} (A variable for another program goes first: "
            f"`{name}=... make {task}`.)"
        )


def as_options(values, takes):
    """Variables as options; one with an empty value is left out."""
    words = []
    for name in takes:
        given = values.get(name, "")
        if VARIABLES[name].kind == "switch":
            words += [option(name)] if is_on(name, given) else []
        elif given:
            words.append(f"{option(name)}={given}")
    return words


def find_task(name):
    if name in TASKS:
        return TASKS[name]
    close = difflib.get_close_matches(name, TASKS, 1)
    hint = f"did you mean `{close[0]}`?" if close else "`make help` lists all"
    raise Fail(f"there is no task `{name}`: {hint}")


def module_of(task):
    try:
        return importlib.import_module(f"tools.{task.module}")
    except ModuleNotFoundError as error:
        if error.name != "tomllib":
            raise
        raise Fail(
            f"`{task.name}` needs python3 3.11 or later: name one with PYTHON=..."
        ) from error


def parser_of(task, module):
    parser = argparse.ArgumentParser(
        prog=f"python3 -m tools {task.name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, default in variables_of(task).items():
        add_variable(parser, name, default)
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
    parser.add_argument(
        "--no-deps", action="store_true", help="assume that all packages are installed"
    )
    parser.set_defaults(**task.preset)
    return parser


def from_environment():
    """The variables in the environment, where make puts those of its command line; the commands of
    a task do not get them.
    """
    values = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    for name in values:
        if name not in INHERITED:
            del os.environ[name]
    return values


def command_of(name, values, words):
    """The command, as a person would type it."""
    # where somebody keeps a tree says nothing to others
    given = [
        f"{variable}=" + ("<checkout>" if variable == "MICROPYTHON_DIR" else shlex.quote(value))
        for variable, value in values.items()
    ]
    options = [shlex.quote(word) for word in words if word != "--no-deps"]
    return " ".join([f"python3 -m tools {name}" if options else f"make {name}", *given, *options])


def split(parser, words):
    """({variable: value}, the options) of a command line, in whatever order they stand."""
    _, left = parser.parse_known_args(words)
    given = [word for word in left if re.match(r"[A-Z][A-Z0-9_]*=", word)]
    options = [word for word in words if word not in given]
    return dict(word.split("=", 1) for word in given), options


def read(argv):
    """(task, module, arguments) of a command line."""
    name, *words = argv or ["help"]
    task = find_task("help" if name in ("-h", "--help") else name)
    module = module_of(task)
    takes = variables_of(task)
    # with `make one other VARIABLE=...` the other task may take it
    others = [TASKS[name] for name in os.environ.pop("MAKE_TASKS", "").split() if name in TASKS]
    values = from_environment()
    parser = parser_of(task, module)
    given, options = split(parser, words)
    # an outer make passes on all of its own variables
    if os.environ.get("MAKELEVEL", "1") == "1":
        also = {name: None for other in others for name in variables_of(other)}
        check_given(task.name, given, {**takes, **also})
    values.update(given)
    # each tool reads these itself
    for variable, value in given.items():
        if variable not in VARIABLES or variable in INHERITED:
            os.environ[variable] = value
    args = parser.parse_args([*as_options(values, takes), *options])
    args.command = command_of(name, {key: values[key] for key in takes if values.get(key)}, options)
    return task, module, args
