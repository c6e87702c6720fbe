"""Builds the ports and boards of tools/verify/ports.toml with their C and with mpgc, and compares.

Each is built by the way that docs/porting.md has for it, with the profiles `speed` and `size`. Of
the linked programs it looks whether mpgc is in them, and no code of the C's objects; where each
function of the replaced files lies; how large they are; and what they print, where a program can be
run here. What this machine lacks is skipped by name. Results go to build/ports.json.
"""

import difflib
import json

import mpgc_link
import mpgc_objects
from mpgc_rust import Stop

from tools import results
from tools.common import BUILD, Fail, add_switch, say, shown, table, write_json
from tools.measure import bench_ports
from tools.setup.tree import get_tree
from tools.steps import Tally
from tools.verify import ports_build, ports_program, ports_table
from tools.verify.ports_build import TooLarge
from tools.verify.ports_program import Program

RESULTS = BUILD / "ports.json"
PAGE, TITLE = "ports", "Ports built with mpgc"
HEADS = ["port, board", "MicroPython", "C", "speed", "size", "data, bss", "ran", "of"]
ABOUT = (
    "Bytes of code with what is only read, as `size` counts them, with the C, and with mpgc in its "
    "two profiles; for WebAssembly those of the file. Data and bss are what mpgc has beyond the "
    "C's. Each row has the commit that it was measured at: what was not built this time is as it "
    "was."
)


def exports(path):
    """What an object defines for others."""
    return {symbol.name for symbol in mpgc_objects.symbols(path) if not symbol.local}


def check_program(row, control, built, result):
    """Whether a program is what it is to be. `result` gets what was measured."""
    ports_program.prove("rust", built.program, built.carrier, row.heap)
    if row.entry in ("wrapper", "usermod"):
        ports_program.prove_empty(built.objects, built.carrier)
    if (built.folder / "mpgc" / "places").exists():
        mpgc_link.check_program(built.program, built.folder / "mpgc")
    if not ports_program.is_elf(built.program):
        # in no file of ELF: sizes alone
        result["sizes"] = [bench_ports.size_of(built.folder)]
        return
    c, rust = Program(control.program), Program(built.program)
    result["sizes"] = list(rust.sizes)
    result["compared"] = ports_program.compare_code(control.objects, c, rust)
    if not (row.heap or result["compared"]):
        raise Fail("no function of the C's objects is long enough to be looked for")
    result["moved"] = ports_program.compare_places(exports(built.carrier), c, rust)


def check_profile(row, control, printed, profile, tree):
    """(what was measured with one profile, what is to be said of it)."""
    result = {"profile": profile}
    built = ports_build.build(row, tree, "rust", profile)
    if isinstance(built, TooLarge):
        if row.profile != "size" or profile == "size":
            raise Fail(
                f"it does not fit, and the profile in {ports_table.TABLE.name} is {row.profile}"
            )
        result["fits"] = False
        return result, "does not fit, and says so", None
    check_program(row, control, built, result)
    said = f"{result['sizes'][0]:,}"
    if "compared" in result:
        by = f"{result['compared']} functions" if result["compared"] else "by names alone"
        said += f", none of the C's code ({by}), {len(result['moved'])} moved"
    if printed is not None:
        found = ports_build.output_of(row, built)
        if found != printed:
            raise Fail("\n".join(["it prints otherwise:", *difflib.unified_diff(printed, found)]))
        result["ran"] = True
        said += f", {len(found)} lines as with the C"
    return result, said, built


def check_full(row, control, built):
    """Flash that holds the program with the C and with `size`, and not that with `speed`."""
    sizes = {name: Program(one.program).sizes for name, one in built.items()}
    c = Program(control.program).sizes
    least = max(c.text + c.data, sizes["size"].text + sizes["size"].data)
    if sizes["speed"].text + sizes["speed"].data <= least:
        raise Fail("`speed` is no larger than the C and `size`: nothing to see")
    # what aligns the end of the code
    least += 16
    for name, one in (("c", control), *built.items()):
        said, status = ports_build.relink(row, one, least)
        large = name == "speed"
        if (status != 0) != large or (mpgc_link.NOTE in said) != large:
            raise Fail(f"with {least} bytes of flash, {name} ends with {status}:\n{said[-2000:]}")
    return f"{least:,} bytes: `speed` does not fit, and says so; the C and `size` do"


def check_row(row, tree, tally):
    """What was measured of a row, for the JSON; None where its C does not build."""
    try:
        control = ports_build.build(row, tree, "c")
        ports_program.prove("c", control.program, control.carrier, row.heap)
        elf = ports_program.is_elf(control.program)
        sizes = (
            list(Program(control.program).sizes) if elf else [bench_ports.size_of(control.folder)]
        )
        printed = ports_build.output_of(row, control) if ports_build.can_run(row) else None
    except Fail as fail:
        tally.add(f"{row.name}, C", False, str(fail))
        return None
    tally.add(f"{row.name}, C", True, said=f"{sizes[0]:,}")
    found = {"name": row.name, "release": tree.release, "c": sizes, "ran": printed is not None}
    built = {}
    for profile in ports_table.PROFILES:
        try:
            result, said, built[profile] = check_profile(row, control, printed, profile, tree)
        except (Fail, Stop) as fail:
            tally.add(f"{row.name}, {profile}", False, str(fail))
        else:
            found[profile] = result
            tally.add(f"{row.name}, {profile}", True, said=said)
    if row.full and all(built.get(profile) for profile in ports_table.PROFILES):
        try:
            tally.add(f"{row.name}, full", True, said=check_full(row, control, built))
        except Fail as fail:
            tally.add(f"{row.name}, full", False, str(fail))
    return found


def cells(found, of):
    """The row of the page."""
    text, beyond = [], []
    for profile in ports_table.PROFILES:
        result = found.get(profile, {})
        sizes = result.get("sizes")
        text.append(f"{sizes[0]:,}" if sizes else "does not fit" if "fits" in result else "")
        if sizes and len(sizes) == 3:
            beyond.append(", ".join(f"{a - b:+}" for a, b in zip(sizes[1:], found["c"][1:])))
    ran = "as the C" if any(found.get(p, {}).get("ran") for p in ports_table.PROFILES) else ""
    most = "; ".join(dict.fromkeys(beyond))
    return [found["name"], found["release"], f"{found['c'][0]:,}", *text, most, ran, of]


def merged(rows, old):
    """Rows of the page: those of this run, and those of earlier ones that it has none for."""
    names = {tuple(row[:2]) for row in rows}
    kept = [row for row in old if tuple(row[:2]) not in names]
    order = [row.name for row in ports_table.rows()]
    known = {name: place for place, name in enumerate(order)}
    return sorted([*rows, *kept], key=lambda row: (known.get(row[0], len(order)), row[1]))


def write_page(found, command):
    """The table of the page; the sections that others write stay as they are."""
    of = f"{results.commit()} on {results.today()}"
    old = results.table_of(PAGE, HEADS)
    rows = merged([cells(one, of) for one in found], old)
    body = f"{ABOUT}\n\n{results.markdown_table([HEADS, *rows])}"
    results.write_result(PAGE, TITLE, command, body, keep_sections=True)


def add_arguments(parser):
    add_switch(parser, "--small", "those that packages are enough for")
    add_switch(parser, "--list", "list the ports, build nothing")


def main(args):
    chosen = ports_table.chosen(args.only, args.small)
    tree = get_tree(args.release or None, args.micropython_dir)
    reasons = {row.name: ports_table.missing(row, tree) for row in chosen}
    if args.list:
        rows = [[row.name, row.entry, row.profile, reasons[row.name] or ""] for row in chosen]
        say(table([["port, board", "entry point", "profile", "missing"], *rows]))
        return 0
    tally, found = Tally(), []
    for row in chosen:
        if reasons[row.name]:
            tally.skip(row.name, reasons[row.name])
            continue
        say(f"{row.name} ...")
        if row.run and not ports_build.can_run(row):
            say(f"skipped: running {row.name}: `{row.run.split()[0]}` is not in PATH")
        one = check_row(row, tree, tally)
        if one:
            found.append(one)
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    names = {(one["name"], one["release"]) for one in found}
    kept = [one for one in earlier if (one["name"], one["release"]) not in names]
    write_json(RESULTS, [*kept, *found])
    say(f"written: {shown(RESULTS)}")
    if args.write and found and not tally.failed:
        write_page(found, args.command)
    return tally.ended()
