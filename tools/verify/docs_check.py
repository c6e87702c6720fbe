"""Builds the site and looks at it: follows every link, opens every page in a headless browser,
where nothing may go wrong, and searches.

Ends with `N passed, N failed`, one for each page and one for the search.
"""

import functools
import http.server
import re
import subprocess
import threading
from collections import namedtuple
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from tools.build import docs
from tools.common import Fail, say, shown
from tools.setup.deps import find_browser

# The targets of links, and the anchors that a page offers.
Page = namedtuple("Page", "links anchors")
# Pages without text of their own: the one for a wrong address, and the whole book for a printer.
NO_PAGES = ("404.html", "print.html")
# Words that the pages contain, but no title does.
SEARCHED = "conservative"
# Opens the pages one after the other and reports when the last one is loaded.
OPENER = """\
<!DOCTYPE html><title>opening</title><iframe id="frame" width="1200" height="900"></iframe>
<script>
const pages = {pages};
const frame = document.getElementById("frame");
let at = -1;
frame.onload = () => {{
  if (at + 1 === pages.length) document.title = `opened ${{pages.length}}`;
  else frame.src = pages[++at];
}};
frame.src = "about:blank";
</script>
"""


class Reader(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self):
        super().__init__()
        self.page = Page([], set())

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") and value and tag != "base":
                self.page.links.append(value)
            elif name == "id" or (name == "name" and tag == "a"):
                self.page.anchors.add(value)


@functools.cache
def read(path):
    reader = Reader()
    reader.feed(path.read_text(errors="replace"))
    return reader.page


def broken(site, page, link):
    """What is wrong with a link on a page of the site; None if nothing is."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target = target / "index.html"
    if not target.is_relative_to(site) or not target.is_file():
        return f"{link}: there is no {shown(target)}"
    anchor = unquote(parts.fragment)
    # The numbers of lines in the pages of Rust's source are made by a script.
    if anchor and target.suffix == ".html" and "/src/mpgc/" not in str(target):
        if anchor not in read(target).anchors:
            return f"{link}: {shown(target)} has no anchor {anchor}"
    return None


def pages_of(site):
    """All pages but those of the Rust documentation, which rustdoc links by itself."""
    found = (path for path in site.rglob("*.html") if path.name not in NO_PAGES)
    return sorted(path for path in found if docs.REFERENCE not in path.relative_to(site).parts[:1])


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site, and records requests for missing files."""

    def send_error(self, code, *words, **more):
        # A browser requests this by itself.
        if self.path != "/favicon.ico":
            self.server.errors.append(f"{code} {self.path}")
        super().send_error(code, *words, **more)

    def log_message(self, *words):
        pass


def browse(server, page):
    """A page as the browser finally shows it, and the errors on its console and at the server."""
    server.errors = []
    command = [
        find_browser(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--virtual-time-budget=60000",
        "--dump-dom",
        f"http://127.0.0.1:{server.server_port}/{page}",
    ]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=600,
        check=False,
    )
    said = re.findall(r":CONSOLE[^\]]*\] (.*)", done.stderr)
    return done.stdout, [*filter(is_error, said), *server.errors]


def is_error(line):
    return re.search(r"Uncaught|Error|Failed|Refused", line)


def look(site, pages):
    """The errors in the browser: on all pages, then in a search."""
    handler = functools.partial(Handler, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    opener, planted = site / "opener.html", site / "planted.html"
    try:
        planted.write_text("<script>nobody_has_this()</script><img src='nowhere.png'>")
        if len(browse(server, "planted.html")[1]) < 2:
            raise Fail("the browser does not report a script's error and a missing picture")
        opener.write_text(OPENER.format(pages=[str(path.relative_to(site)) for path in pages]))
        shown_page, errors = browse(server, "opener.html")
        if f"<title>opened {len(pages)}</title>" not in shown_page:
            errors.append("the browser did not open all pages")
        found, of_search = browse(server, f"index.html?search={SEARCHED}")
        results = re.search(r'<ul id="mdbook-searchresults"[^>]*>(.*?)</ul>', found, re.S)
        if not results or "<li" not in results[1]:
            of_search.append(f"a search for `{SEARCHED}` finds nothing")
        return errors, of_search
    finally:
        opener.unlink(missing_ok=True)
        planted.unlink(missing_ok=True)
        server.shutdown()


def main(args):
    site = docs.build().resolve()
    pages = pages_of(site)
    if len(pages) < len(docs.pages()):
        raise Fail(f"the site has only {len(pages)} pages")
    passed = failed = 0
    for page in pages:
        wrong = list(filter(None, (broken(site, page, link) for link in read(page).links)))
        for line in dict.fromkeys(wrong):
            say(f"{page.relative_to(site)}: {line}")
        passed, failed = passed + (not wrong), failed + bool(wrong)
    of_book = [path for path in pages if path.relative_to(site).parts[0] != docs.SOURCES]
    for what, errors in zip(("opening the pages", "searching"), look(site, of_book), strict=True):
        for line in dict.fromkeys(errors):
            say(f"{what}: {line}")
        passed, failed = passed + (not errors), failed + bool(errors)
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
