"""What the builds of other ports than unix and qemu share: the same make command on both sides."""

import re
import time

import mpgc_objects

from tools.build import unix
from tools.common import BUILD, Fail, jobs, locked, run_logged, say, shown

# A function that both sides have, and one that only py/gc.c has and that is too long to be inlined.
FUNCTION, OF_THE_C = "gc_alloc", "gc_mark_subtree"
# Options of mpgc that do not change C files. The module is not among them, because it changes their
# lists of names.
OF_MPGC = re.compile(r"MPGC_(?!PYTHON_MODULE)")


def folder_of(port, tree, variant, options, flavour):
    name = "-".join(filter(None, [unix.tree_key(tree), variant, options.build_slug]))
    return BUILD / port / name / flavour


def make(tree, port_folder, flavour, options, folder, variables):
    """Build one flavour ("c" or "rust") of a port into `folder`. Returns the command."""
    command = ["make", f"-j{jobs()}", "-C", port_folder]
    if flavour == "rust":
        command += ["-f", unix.WRAPPER]
    values = {
        "BUILD": folder,
        "MICROPY_MPYCROSS": unix.build_mpy_cross(tree),
        "MPY_LIB_DIR": unix.absent_micropython_lib(),
        **variables,
        **options.make_variables,
    }
    command += [f"{name}={value}" for name, value in values.items()]
    control = None
    if options.make_variables and all(map(OF_MPGC.match, options.make_variables)):
        # options that only mpgc knows leave the C's objects unchanged
        slug = f"-{options.build_slug}"
        control = folder.parent.with_name(folder.parent.name.removesuffix(slug)) / "c"
    started = time.monotonic()
    what = f"building {port_folder.name} {folder.parent.name} ({flavour})"
    with locked(folder):
        unix.begin_with_c(folder, control)
        run_logged(command, folder.with_name(flavour + ".log"), env=unix.build_env(tree), what=what)
    say(f"  built {shown(folder)} in {time.monotonic() - started:.0f} s")
    return [str(word) for word in command]


def prove(flavour, carrier, names):
    """Fail unless the Rust program holds mpgc's carrier, and the C control nothing of it.

    `names` are the functions of the program.
    """
    # link-time optimization renames what was static: `gc_mark_subtree.lto_priv.0`
    names = {name.partition(".")[0] for name in names}
    has = {symbol.name for symbol in mpgc_objects.symbols(carrier)}
    wrong = None
    if FUNCTION not in names:
        wrong = f"no {FUNCTION} among its {len(names)} functions"
    elif (unix.PROOF in has) != (flavour == "rust"):
        which = "has" if unix.PROOF in has else "lacks"
        wrong = f"for {shown(carrier)} an object that {which} {unix.PROOF}"
    elif any("mpgc" in name for name in names) != (flavour == "rust"):
        wrong = "functions of mpgc" if flavour == "c" else "no function of mpgc"
    elif (OF_THE_C in names) != (flavour == "c"):
        wrong = f"the C's {OF_THE_C}" if flavour == "rust" else f"no {OF_THE_C}"
    if wrong:
        folder = shown(carrier.parent.parent)
        raise Fail(f"the {flavour} build has {wrong}: remove {folder} and build again")
