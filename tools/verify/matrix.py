"""Builds the unix port with each option of tools/verify/matrix.toml, with its own C and with mpgc,
and compares.

A cell is one configuration: the default, one option, or a set of options of which each pair of
those that touch the four files is in some set. The scripts of tests/matrix run on both builds; what
they print and how they end must be equal. An option that cannot be has to stop the build by name.
Results go to build/matrix.json; ends with `N passed, N failed`.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from tools.build import unix
from tools.common import BUILD, Fail, add_switch, jobs, say, shown, write_json
from tools.setup.tree import get_tree
from tools.steps import ended
from tools.verify import matrix_build, matrix_docs
from tools.verify.matrix_cells import Table, built, chosen
from tools.verify.untouched import Untouched

RESULTS = BUILD / "matrix.json"
GOOD = ("ok", "stops", "missing")


def load():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


class Runner:
    """Runs cells, as many at a time as there are processors."""

    def __init__(self, tree, table, keep):
        self.tree, self.table, self.keep = tree, table, keep
        self.folder = matrix_build.relative_folder(tree)
        self.mpy_cross = unix.build_mpy_cross(tree)
        self.known = load()

    def run(self, cell):
        started = time.monotonic()
        folder = self.folder / cell.name
        control = self.folder / "default" / "c" / "micropython"
        try:
            result = matrix_build.run_cell(
                self.tree, cell, self.table.scripts(cell), folder, self.mpy_cross, control
            )
        except Fail as error:
            # The other cells still have to run.
            result = {"result": "wrong", "message": str(error)}
        matrix_build.tidy(folder, self.keep or result["result"] == "wrong")
        result["built"] = built(cell)
        result["options"] = [entry["name"] for entry in cell.options]
        result["seconds"] = round(time.monotonic() - started)
        return result

    def run_all(self, cells):
        count = jobs()
        results = self.known.setdefault(self.tree.release, {})
        done = {}
        # The default cell's C is the control of some others.
        groups = [
            [cell for cell in cells if cell.name == "default"],
            [cell for cell in cells if cell.name != "default"],
        ]
        with ThreadPoolExecutor(count) as pool:
            for group in groups:
                for cell, result in zip(group, pool.map(self.run, group)):
                    done[cell.name] = results[cell.name] = result
                    write_json(RESULTS, self.known)
                    word = "FAIL" if result["result"] not in GOOD else result["result"]
                    message = f": {result['message']}" if result["message"] else ""
                    say(
                        f"{word:8}{cell.name} "
                        f"{' '.join(n for n in result['options'] if n != cell.name)} "
                        f"({result['seconds']} s){message}"
                    )
        return done


def add_arguments(parser):
    add_switch(parser, "--ci", "run the few cells that CI runs")
    add_switch(parser, "--keep", "keep the objects of each cell")
    add_switch(parser, "--docs", "only write docs/results/options.md from the last results")


def main(args):
    table = Table()
    cells = table.cells()
    if args.only == "list":
        say(
            "\n".join(
                " ".join([cell.name, *(e["name"] for e in cell.options if e["name"] != cell.name)])
                for cell in cells
            )
        )
        return 0
    if args.docs:
        matrix_docs.write(table, load(), args.command)
        return 0
    cells = chosen(cells, args.only, args.ci)
    tree = get_tree(args.release or None, args.micropython_dir)
    passed_before = 0
    if args.resume:
        known = load().get(tree.release, {})
        left = [
            cell
            for cell in cells
            if (table.fresh(cell, known) or {}).get("result") not in ("ok", "stops")
        ]
        passed_before = len(cells) - len(left)
        say(f"{passed_before} cells passed in an earlier run")
        cells = left
    started = time.monotonic()
    with Untouched(tree):
        done = Runner(tree, table, args.keep).run_all(cells)
    bad = [name for name, result in done.items() if result["result"] not in GOOD]
    absent = [name for name, result in done.items() if result["result"] == "missing"]
    say(
        f"\n{len(done)} cells of MicroPython {tree.release} in "
        f"{(time.monotonic() - started) / 60:.1f} minutes; {shown(RESULTS)}"
    )
    if absent:
        say(f"not run here: {', '.join(absent)}")
    if bad:
        say(f"failed: {', '.join(bad)}")
    passed = len(done) - len(bad) - len(absent)
    if passed + passed_before == 0:
        raise Fail("no cell was run")
    if args.write:
        matrix_docs.write(table, load(), args.command)
    return ended(passed + passed_before, len(bad))
