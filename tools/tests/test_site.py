"""The site has every page, and its links go where they go on a forge."""

import tempfile
import unittest
from pathlib import Path

from tools.build import docs
from tools.common import ROOT
from tools.verify import docs_check

DOCS = ROOT / "docs"


class Pages(unittest.TestCase):
    def test_each_page_has_its_place_in_the_summary(self):
        written = set(DOCS.rglob("*.md")) | {
            ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
        }
        self.assertEqual(written - set(docs.pages()), set())
        for file in docs.pages():
            self.assertTrue(file.is_file(), file)


class Links(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.site = docs.Site(docs.pages(), self.folder)

    def test_a_link_goes_to_the_page_or_to_the_source(self):
        page = self.folder / "src" / "mpgc" / "heap" / "sweep.rs.html"
        page.parent.mkdir(parents=True)
        page.touch()
        for file, target, expected in [
            (ROOT / "README.md", "docs/porting.md#which-rust", "porting.md#which-rust"),
            (DOCS / "testing.md", "../README.md", "index.md"),
            (DOCS / "results" / "size.md", "../metal.md", "../metal.md"),
            (ROOT / "README.md", "docs/pictures/heap.png", "pictures/heap.png"),
            (ROOT / "README.md", "src/heap/sweep.rs", "reference/src/mpgc/heap/sweep.rs.html"),
            (DOCS / "reference.md", "../src/lib.rs", "reference/mpgc/index.html"),
            (DOCS / "metal.md", "../tools/common.py", "source/tools/common.py.html"),
            (DOCS / "metal.md", "https://rustup.rs", "https://rustup.rs"),
            (DOCS / "metal.md", "#sizes", "#sizes"),
        ]:
            self.assertEqual(self.site.link(file, target), expected)
        # What rustdoc does not show is shown by a page of its own.
        self.assertEqual(
            self.site.link(DOCS / "design.md", "../src/host/shim.c"), "source/src/host/shim.c.html"
        )
        self.assertEqual(self.site.shown, {ROOT / "tools/common.py", ROOT / "src/host/shim.c"})

    def test_code_is_left_alone(self):
        page = DOCS / "metal.md"
        line = "see [a](../README.md) and `x](../README.md)`"
        expected = "see [a](index.md) and `x](../README.md)`"
        self.assertEqual(docs.rewritten_line(self.site, page, line), expected)

    def test_a_broken_link_is_named(self):
        (self.folder / "a.html").write_text('<a id="here"></a><a href="b.html">b</a>')
        (self.folder / "b.html").write_text("<p>")
        page = self.folder / "a.html"
        for link in ("b.html", "#here", "a.html#here", "https://rustup.rs"):
            self.assertIsNone(docs_check.broken(self.folder, page, link))
        for link in ("c.html", "b.html#there", "../outside.html", "#nowhere"):
            self.assertIn(link, docs_check.broken(self.folder, page, link) or "")


if __name__ == "__main__":
    unittest.main()
