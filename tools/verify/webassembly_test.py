"""Runs MicroPython's own tests under node on the webassembly port, with C and with mpgc.

The rules are those of `make upstream`. Results go to
build/upstream/<release>-webassembly-<variant>[-<options>].json. With --page it also builds the port
with the Python module `mpgc`, and opens a page that runs it in a browser.
"""

import functools
import html
import http.server
import re
import shutil
import subprocess
import threading

from tools.build import webassembly
from tools.common import BUILD, ROOT, Fail, add_switch, say, shown
from tools.setup import options as option_names
from tools.setup.deps import BROWSERS
from tools.setup.tree import get_tree
from tools.verify.suite import Suite
from tools.verify.upstream import compare_port

# Upstream's own run on this port covers these folders.
DIRS = ["basics", "micropython", "misc", "extmod", "float", "ports/webassembly"]
PAGE = ROOT / "c-tests" / "webassembly" / "index.html"
SECONDS = 60  # for the page, of the browser's own time
# What it prints before what it was built as.
EXPECTED = ["lists 20000", "grown True", "caught divide by zero", "collected True"]


class NodeSuite(Suite):
    """Upstream's tests, run by node."""

    def build_libraries(self):
        """The tests of the unix port alone need them."""

    def env(self):
        return {
            **super().env(),
            "MICROPY_MICROPYTHON_MJS": str(self.built.folder / "micropython.mjs"),
            "NODE_OPTIONS": webassembly.node_options(self.built.folder),
        }

    def machine(self):
        return ["-t", "webassembly"]

    def all_dirs(self):
        return DIRS


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        """Requests are not logged."""


def printed_by(page_folder):
    """The lines that the page has printed when it has ended, in a browser without a window."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise Fail(f"a browser is needed for the page: install the package {BROWSERS[0]}")
    handler = functools.partial(Quiet, directory=str(page_folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        command += [f"--virtual-time-budget={SECONDS * 1000}"]
        command.append(f"http://127.0.0.1:{server.server_port}/index.html")
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        server.shutdown()
    found = re.search(r'<pre id="printed">(.*?)</pre>', done.stdout, re.S)
    if not found:
        raise Fail(f"{browser} shows no page:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return html.unescape(found[1]).splitlines()


def try_page(tree, options):
    """MicroPython on mpgc in a page: the heap grows, exceptions are caught."""
    with_module = options._replace(
        build_slug="-".join(filter(None, [options.build_slug, "module"])),
        make_variables={**options.make_variables, "MPGC_PYTHON_MODULE": "1"},
    )
    built = webassembly.build(tree, "pyscript", "rust", with_module)
    folder = BUILD / "webassembly" / "page"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(PAGE, folder)
    for name in ("micropython.mjs", "micropython.wasm"):
        shutil.copy(built.folder / name, folder)
    expected = [*EXPECTED, (built.folder / "mpgc" / "info").read_text().strip(), "end"]
    found = printed_by(folder)
    if found != expected:
        raise Fail(f"the page printed {found}, not {expected}; it is in {shown(folder)}")
    say(f"the page in a browser: {len(found)} lines as expected")


def add_arguments(parser):
    parser.add_argument("--dirs", nargs="*", help=f"test folders (default: {' '.join(DIRS)})")
    add_switch(parser, "--page", "also open a page in a browser")
    add_switch(parser, "--only-page", "run no tests")


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    options = option_names.parse(args.options)
    if args.page or args.only_page:
        try_page(tree, options)
    if args.only_page:
        return 0
    compare_port("webassembly", webassembly.build, NodeSuite, tree, options, args)
    return 0
