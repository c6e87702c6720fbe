"""Compares the size of the four files, C and Rust, for several processors and in each profile
(MPGC_PROFILE).

Only these objects are built, by the make command of a port: the qemu port's for boards, the unix
port's for this machine. Of the Rust, what the C's exports need is counted; mpgc's own
functions are counted separately, since a port that does not call them links without them. Results
go to build/size.json.
"""

import re
from collections import namedtuple

from tools.build import firmware, unix
from tools.common import BUILD, Fail, add_switch, output_of, run_logged, say, table, write_json
from tools.results import markdown_table, write_result
from tools.setup.targets import METAL, TARGETS
from tools.setup.tree import get_tree

WORK = BUILD / "size"
PROFILES = ("speed", "size", "large")
# With an operating system it is `speed`.
FOR_BOARDS = "large"

# A processor: its port, which is a board of the qemu port or none for the unix port, the prefix of
# its binutils, and further variables.
Processor = namedtuple("Processor", "board prefix variables", defaults=({},))

PROCESSORS = {
    "thumbv6m": Processor("MICROBIT", METAL["thumbv6m"].prefix),
    "thumbv7m": Processor("MPS2_AN385", METAL["thumbv7m"].prefix),
    "thumbv7em": Processor(
        "MPS2_AN385", METAL["thumbv7em"].prefix, {"CFLAGS_EXTRA": "-mcpu=cortex-m4"}
    ),
    "rv32imac": Processor("VIRT_RV32", METAL["rv32imac"].prefix),
    "x86-64": Processor(None, ""),
    "i686": Processor(
        None,
        TARGETS["i686"].prefix,
        {"CROSS_COMPILE": TARGETS["i686"].prefix, "MICROPY_PY_FFI": "0"},
    ),
}

# The limits of `--check`: the profile for the least flash may not exceed the C, and the other one,
# without an operating system, only by a factor.
BARS = {
    **dict.fromkeys([("thumbv6m", "size"), ("thumbv7m", "size")], 1.0),
    **dict.fromkeys(
        [(name, "speed") for name, processor in PROCESSORS.items() if processor.board], 1.6
    ),
}

Sizes = namedtuple("Sizes", "text data bss")

# The columns of a line of the report.
HEADS = {
    "target": "processor",
    "profile": "profile",
    "c_text": "C",
    "rust_text": "mpgc",
    "ratio": "ratio",
    "c_data": "C data",
    "rust_data": "mpgc data",
    "c_bss": "C bss",
    "rust_bss": "mpgc bss",
    "own_text": "mpgc's own",
}


def replaced(tree):
    return ["gc", "pystack", "scheduler"] + sorted(
        path.stem for path in (tree.path / "py").glob("nlr*.c")
    )


def build_objects(tree, name, flavour, profile, more=()):
    """Build the objects of the four files, with these make variables more. Returns their paths."""
    processor = PROCESSORS[name]
    variables = {**processor.variables, **dict(more)}
    if flavour == "rust":
        variables["MPGC_PROFILE"] = profile
    words = [profile if flavour == "rust" else "c", *dict(more)]
    folder = WORK / f"{unix.tree_key(tree)}-{name}" / "-".join(words)
    if processor.board:
        command = firmware.make_command(tree, processor.board, flavour, variables, folder)
    else:
        command = unix.make_command(tree, "standard", flavour, variables, folder)
    objects = [folder / "py" / f"{file}.o" for file in replaced(tree)]
    what = f"building the objects for {name}, {flavour} {profile}".rstrip()
    unix.begin_with_c(folder)
    run_logged(
        [*command, *objects],
        folder.with_name(folder.name + ".log"),
        env=unix.build_env(tree),
        what=what,
    )
    return objects


def exports(prefix, objects):
    lines = output_of([f"{prefix}nm", "-g", "--defined-only", *objects]).splitlines()
    return sorted({line.split()[2] for line in lines if len(line.split()) == 3})


def needed_by(prefix, object_file, names):
    """The object without the parts that none of these functions needs."""
    counted = object_file.with_name("counted.o")
    # The emulation of the linker is that of the object.
    emulation = ["-m", "elf32lriscv"] if prefix.startswith("riscv64") else []
    roots = [word for name in names for word in ("-u", name)]
    output_of(
        [f"{prefix}ld", *emulation, "-r", "--gc-sections", *roots, "-o", counted, object_file]
    )
    return counted


def sizes(prefix, objects):
    """Text (with what is only read), data and bss of objects together, as size(1) reports them."""
    rows = [line.split()[:3] for line in output_of([f"{prefix}size", *objects]).splitlines()[1:]]
    return Sizes(*(sum(int(row[i]) for row in rows) for i in range(3)))


def measure(tree, name, profiles):
    """Returns a dictionary for each profile, as it goes into the JSON, and the objects by flavour
    or profile.
    """
    prefix = PROCESSORS[name].prefix
    objects = {"c": build_objects(tree, name, "c", "")}
    c, names = sizes(prefix, objects["c"]), exports(prefix, objects["c"])
    found = []
    for profile in profiles:
        if profile == FOR_BOARDS and not PROCESSORS[name].board:
            continue
        carrier = build_objects(tree, name, "rust", profile)[0]
        objects[profile] = [needed_by(prefix, carrier, names)]
        rust, whole = sizes(prefix, objects[profile]), sizes(prefix, [carrier])
        found.append(
            {
                "target": name,
                "profile": profile,
                "c_text": c.text,
                "rust_text": rust.text,
                "ratio": round(rust.text / c.text, 3),
                "c_data": c.data,
                "rust_data": rust.data,
                "c_bss": c.bss,
                "rust_bss": rust.bss,
                "own_text": whole.text - rust.text,
            }
        )
    return found, objects


def symbols(prefix, objects):
    """Lines with size and name of each function and table, the largest first; the rest has no
    symbol.
    """
    text = output_of([f"{prefix}nm", "-S", "-C", "-td", *objects])
    rows = [
        (int(size), name) for size, name in re.findall(r"^\d+ (\d+) [tTrRwW] (.*)$", text, re.M)
    ]
    return [f"  {size:6} {name}" for size, name in sorted(rows, reverse=True)]


def above_bars(found):
    """A line for each size above its limit."""
    return [
        f"{row['target']}, {row['profile']}: {row['rust_text']} bytes are {row['ratio']} times "
        f"the C's {row['c_text']}, the bar is {bar}"
        for row in found
        if (bar := BARS.get((row["target"], row["profile"])))
        and row["rust_text"] > bar * row["c_text"]
    ]


def add_arguments(parser):
    parser.add_argument(
        "--profile", default="", help=f"with commas between them (all): {', '.join(PROFILES)}"
    )
    add_switch(parser, "--check", "fail if a size is above its limit")


def main(args):
    names = args.target.split(",") if args.target else list(PROCESSORS)
    profiles = args.profile.split(",") if args.profile else PROFILES
    for word, known in [(name, PROCESSORS) for name in names] + [
        (profile, PROFILES) for profile in profiles
    ]:
        if word not in known:
            raise Fail(f"`{word}` is not known: choose of {', '.join(known)}")
    tree = get_tree(args.release or None, args.micropython_dir)
    found = []
    for name in names:
        say(f"{name} ...")
        rows, objects = measure(tree, name, profiles)
        found += rows
        for label, files in objects.items() if args.symbols else ():
            say("\n".join([f"{name}, {label}:", *symbols(PROCESSORS[name].prefix, files)]))
    write_json(BUILD / "size.json", found)
    rows = [[*HEADS.values()], *([row[column] for column in HEADS] for row in found)]
    say("\n" + table(rows))
    say("\nwritten: build/size.json")
    if args.write:
        body = (
            f"MicroPython {tree.release}: bytes of the objects of the four files, "
            "[measured so](../metal.md#size).\n\n" + markdown_table(rows)
        )
        write_result("size", "Size of the code", args.command, body)
    wrong = above_bars(found) if args.check else []
    if wrong:
        raise Fail("; ".join(wrong))
    return 0
