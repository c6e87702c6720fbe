"""Writes docs/results/options.md from what `make matrix` found (build/matrix.json)."""

import re

from tools.common import Fail
from tools.results import write_result


def cell_text(table, entry, result):
    """What a table says of one cell of one release."""
    if result is None or result["result"] == "missing":
        return "not run"
    if result["result"] == "wrong":
        return "**differs**"
    if result["result"] == "stops":
        return "stops"
    scripts = result["scripts"].values()
    equal, skipped = (sum(word == text for text in scripts) for word in ("equal", "skipped"))
    return f"equal ({equal})" if not skipped else f"equal ({equal}, {skipped} do not apply)"


def escape(text):
    return re.sub(r"([|<>*_])", r"\\\1", text)


def shortened(text):
    """A message as it can stand in a table: without folders."""
    text = re.sub(r"(?:\.\./|/)[\w./@-]*/", "", text)
    return escape(text if len(text) < 170 else text[:167] + "...")


def remarks(entry, results):
    found = [entry["why"]] if "why" in entry else []
    for result in results:
        if (
            result
            and result.get("message", "")
            and result["result"] in ("stops", "missing", "wrong")
        ) or (result and result.get("message", "").startswith("hook")):
            found.append(shortened(result.get("message", "")))
    return "; ".join(dict.fromkeys(found))


def tables(table, known):
    releases = sorted(known)
    if not releases:
        raise Fail("there are no results yet: run `make matrix` first")

    def line(cells):
        return "| " + " | ".join(cells) + " |"

    cells = {cell.name: cell for cell in table.cells()}

    def of(name):
        return [table.fresh(cells[name], known[release]) for release in releases]

    lines = [line(["option", *releases, ""]), line(["---"] * (len(releases) + 2))]
    lines.append(
        line(["(default)", *(cell_text(table, {}, result) for result in of("default")), ""])
    )
    for name, entry in table.options.items():
        shown_name = escape(entry["option"]) + (
            "" if "with" not in entry else f" (with {', '.join(entry['with'])})"
        )
        lines.append(
            line(
                [
                    shown_name,
                    *(cell_text(table, entry, result) for result in of(name)),
                    remarks(entry, of(name)),
                ]
            )
        )
    lines += ["", line(["options together", *releases]), line(["---"] * (len(releases) + 1))]
    for cell in cells.values():
        if cell.name.startswith("pairs"):
            names = ", ".join(entry["name"] for entry in cell.options)
            lines.append(
                line(
                    [
                        f"{cell.name}: {names}",
                        *(cell_text(table, {}, result) for result in of(cell.name)),
                    ]
                )
            )
    counts = []
    for release in releases:
        results = [table.fresh(cell, known[release]) for cell in cells.values()]
        run = [result for result in results if result and result["result"] != "missing"]
        good = sum(result["result"] in ("ok", "stops") for result in run)
        counts.append(
            f"{release}: {good} of {len(results)} cells passed, {len(run) - good} failed, "
            f"{len(results) - len(run)} were not run"
        )
    return "\n".join(["; ".join(counts) + ".", "", *lines])


def write(table, known, command):
    body = (
        "`equal (9)`: nine scripts ran, and printed the same on both sides. `stops`: the build "
        "ends, "
        "with the message on the right.\n\n" + tables(table, known)
    )
    write_result("options", "Options, one by one and together", command, body)
