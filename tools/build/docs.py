"""Builds the site: the pages of docs/ and of the top folder with mdBook, and rustdoc's.

The pages are written for a forge, where a link may name any file of the repository. So they are
copied to build/site-pages first, with the links turned into what the site has: another page; for a
file below src/ the page of its source in the Rust documentation; for anything else a page that
shows it. docs/SUMMARY.md orders the pages.
"""

import html
import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.common import BUILD, CARGO_TARGET, ROOT, clean_env, run_logged, say, shown

MDBOOK = "0.5.4"
TOOLS = BUILD / "tools"
PAGES = BUILD / "site-pages"
SITE = BUILD / "site"
# Folders of the site beside the pages.
REFERENCE, SOURCES = "reference", "source"
CRATE = ROOT / "src" / "lib.rs"
# An inline link or picture; text in backticks or in a code block is skipped.
LINK = re.compile(r"(`+.*?`+)|(\]\()([^)\s]+)(\))")
SOURCE_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{name}</title>
<style>body {{ font-family: sans-serif; margin: 1em }} pre {{ font-size: 0.85em }}</style></head>
<body><p><a href="{home}">mpgc</a> / {name}</p>
{body}
</body>
</html>
"""


def mdbook():
    """The program: the one in PATH if it has that version, otherwise one that is installed below
    build/.
    """
    own = TOOLS / "bin" / "mdbook"
    for program in filter(None, (shutil.which("mdbook"), own if own.exists() else None)):
        done = subprocess.run(
            [program, "--version"], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.stdout.strip() == f"mdbook v{MDBOOK}":
            return program
    command = ["nice", "-n", "15", "cargo", "install", "--locked", "--force", "--root", TOOLS]
    command += ["--version", f"={MDBOOK}", "--no-default-features", "--features", "search"]
    say(f"installing mdbook {MDBOOK} into {shown(TOOLS)}")
    # There are few pages, so a quick compilation matters more than a fast program.
    env = clean_env(CARGO_PROFILE_RELEASE_OPT_LEVEL="1", CARGO_PROFILE_RELEASE_LTO="off")
    log = TOOLS / "mdbook.log"
    run_logged([*command, "mdbook"], log, env=env, what=f"installing mdbook {MDBOOK}", every=60)
    return own


def pages():
    """The pages of the book, from the file in the repository to its place in the book."""
    summary = ROOT / "docs" / "SUMMARY.md"
    targets = re.findall(r"\]\(([^)]+\.md)\)", summary.read_text())
    files = [summary, *(Path(os.path.normpath(summary.parent / target)) for target in targets)]
    return {file: place_of(file) for file in files}


def place_of(file):
    """Where a page or a picture is in the book."""
    path = file.relative_to(ROOT)
    if path == Path("README.md"):
        return Path("index.md")
    return path.relative_to("docs") if path.parts[0] == "docs" else path


def source_place(named):
    """Where the page that shows a file or a folder is in the site."""
    # mdBook takes a link with `.md` in it for one to a page of its own.
    path = str(named.relative_to(ROOT)).replace(".md", "-md")
    return Path(SOURCES, f"{path}.html")


class Site:
    """Where the links of the pages lead, and which further pages the site needs for them."""

    def __init__(self, places, documented):
        self.places, self.documented = places, documented
        self.shown = set()

    def link(self, file, target):
        """The link in the book for the link `target` on the page of a file."""
        path, mark, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return target
        named = Path(os.path.normpath(file.parent / path))
        if not named.exists():
            return target
        return self.relative(file, self.place(named)) + mark + anchor

    def place(self, named):
        if named in self.places:
            return self.places[named]
        if named.suffix in (".svg", ".png"):
            return place_of(named)
        if named == CRATE:
            return Path(REFERENCE, "mpgc", "index.html")
        if named.is_relative_to(ROOT / "src"):
            page = Path("src", "mpgc", f"{named.relative_to(ROOT / 'src')}.html")
            if (self.documented / page).exists():
                return Path(REFERENCE, page)
        self.shown.add(named)
        return source_place(named)

    def relative(self, file, place):
        return os.path.relpath(place, self.places[file].parent)


def rewritten_line(site, file, line):
    """A line of a page with its links as the book has them."""
    return LINK.sub(
        lambda found: found[1] or f"{found[2]}{site.link(file, found[3])}{found[4]}", line
    )


def rewritten(site, file):
    """The text of a page with its links as the book has them."""
    lines, in_code = [], False
    for line in file.read_text().splitlines():
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code and not line.startswith("    "):
            line = rewritten_line(site, file, line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_pages(site):
    shutil.rmtree(PAGES, ignore_errors=True)
    for file, place in site.places.items():
        write(PAGES / place, rewritten(site, file))
    for name in ("book.toml", "site.css"):
        shutil.copy(ROOT / "docs" / name, PAGES / name)
    shutil.copytree(ROOT / "docs" / "pictures", PAGES / "pictures")


def write_sources(site):
    """A page for each file and folder that a page links to, and for the files of such a folder."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    known = [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    for named in sorted(site.shown):
        if named.is_file():
            write_source(named, f"<pre>{html.escape(named.read_text(errors='replace'))}</pre>")
            continue
        links = []
        for file in (file for file in known if named in file.parents):
            write_source(file, f"<pre>{html.escape(file.read_text(errors='replace'))}</pre>")
            link = os.path.relpath(source_place(file), source_place(named).parent)
            links.append(f"<li><a href='{link}'>{file.relative_to(named)}</a></li>")
        write_source(named, f"<ul>{''.join(links)}</ul>")


def write_source(named, body):
    path = named.relative_to(ROOT)
    home = "../" * len(path.parts) + "index.html"
    page = SOURCE_PAGE.format(name=html.escape(str(path)), home=home, body=body)
    write(SITE / source_place(named), page)


def build():
    """Builds it. Returns the folder."""
    program = mdbook()
    documented = CARGO_TARGET / "doc"
    command = ["cargo", "doc", "--locked", "--no-deps", "--lib", "--package", "mpgc"]
    command += ["--document-private-items", "--target-dir", CARGO_TARGET]
    run_logged(command, BUILD / "site.log", cwd=ROOT, what="the Rust documentation")
    site = Site(pages(), documented)
    write_pages(site)
    shutil.rmtree(SITE, ignore_errors=True)
    run_logged([program, "build", PAGES, "--dest-dir", SITE], BUILD / "site.log", what="mdbook")
    shutil.copytree(documented, SITE / REFERENCE)
    write_sources(site)
    return SITE


def main(args):
    say(f"open {shown(build() / 'index.html')} in a browser")
    return 0
