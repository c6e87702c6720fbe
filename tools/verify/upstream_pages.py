"""The pages of docs/results on MicroPython's own tests: a row for each comparison that was made.

A row has the commit that it was measured at. A comparison that is on hand (build/upstream) replaces
its row; the other rows stay.
"""

import json

from tools import results
from tools.common import BUILD, Fail
from tools.setup.tree import TESTED_RELEASES

# The pages of what was compared: title, and what makes a row.
PAGES = {
    "suites": ("Upstream's tests", "`make upstream` or `make firmware-test`"),
    "releases": ("Releases that were run", "`make upstream MICROPYTHON_DIR=<checkout>`"),
    "metal": (
        "MicroPython's tests on boards and other processors",
        "`make firmware-test BOARD=...` or `make upstream ARCH=...`",
    ),
}
# The first four tell a row from the others.
HEADS = [
    "release",
    "build",
    "options",
    "folders",
    "performed",
    "pass with C",
    "pass with mpgc",
    "fail with both",
    "fail with mpgc alone",
    "of",
]
KEY = 4
# More tests than this are counted and not named.
NAMED = 6


def page_of(run):
    if run.get("board") or run.get("arch"):
        return "metal"
    return "suites" if run["release"] in TESTED_RELEASES else "releases"


def names_of(tests):
    return ", ".join(sorted(tests)) if len(tests) <= NAMED else f"{len(tests)} tests"


def row_of(run):
    """The cells of a comparison."""
    port = run.get("port") if not run.get("board") else ""
    build = run.get("board") or " ".join(filter(None, [run.get("arch"), port, run.get("variant")]))
    c, rust = run["c"], run["rust"]
    failed = [set(side["failed"]) for side in (c, rust)]
    return [
        run["release"],
        build,
        run["options"],
        " ".join(run.get("folders") or ["all"]),
        str(c["performed"]),
        str(c["passed"]),
        str(rust["passed"]),
        names_of(failed[0] & failed[1]),
        names_of(failed[1] - failed[0]),
        run.get("of") or f"{results.commit()} on {results.today()}",
    ]


def merged(rows, old):
    """The rows of the page: the new ones, and those of other comparisons."""
    keys = {tuple(row[:KEY]) for row in rows}
    return sorted([*rows, *(row for row in old if tuple(row[:KEY]) not in keys)])


def body_of(rows, row_is):
    return (
        "MicroPython's own tests on a C build and an mpgc build of the same command line, one "
        f"{row_is} a row. `all` folders are those that upstream's own run covers. Each row has the "
        "commit that it was measured at.\n\n"
        + results.markdown_table([HEADS, *rows])
        + "\n\nWhat stops a hardened build is explained in "
        "[porting.md](../porting.md#what-a-hardened-build-stops-in-micropython).\n"
    )


def write_results(wanted=tuple(PAGES), command="python3 -m tools upstream --results"):
    """The pages of PAGES that some comparison on hand belongs to. Returns the exit status."""
    runs = [json.loads(path.read_text()) for path in sorted((BUILD / "upstream").glob("*.json"))]
    by_page = {page: [run for run in runs if page_of(run) == page] for page in wanted}
    if not any(by_page.values()):
        raise Fail("no comparison is on hand: run `make test` or `make test-all` first")
    for page, of_page in by_page.items():
        if of_page:
            title, row_is = PAGES[page]
            rows = merged(list(map(row_of, of_page)), results.table_of(page, HEADS))
            results.write_result(page, title, command, body_of(rows, row_is))
    return 0
