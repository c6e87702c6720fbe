"""Writes what a command measured to docs/results, stamped with where it comes from."""

import datetime
import functools
import platform
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

from tools.common import ROOT, listeners, say, shown

FOLDER = ROOT / "docs" / "results"
# The section of a page that is written by hand: what explains the figures. Commands leave it.
NOTES = "## Notes"


def commit(root=ROOT):
    """The commit that was measured; `-dirty` where the sources differ from it. Pages do not count:
    a command may write several.
    """

    def git(*words):
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    name = git("describe", "--always", "--exclude=*")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return (name + ("-dirty" if changed else "")) or "unknown"


def machine():
    """The processors' name and number, as the system reports them."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.is_file() else ""
    names = re.findall(r"^model name\s*: (.*)$", text, re.M)
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


def today():
    return datetime.date.today().isoformat()


def stamp(command):
    """The stamp: which command measured, at which commit, when and where."""
    return f"Written by `{command}` at commit {commit()} on {today()}; {machine()}."


def parts_of(text):
    """The text before the first section of a page, and the sections."""
    first, *sections = re.split(r"^(?=## )", text, flags=re.M)
    return first, sections


def wrapped(text):
    """The text with its paragraphs in lines of at most 100 columns; what is laid out stays."""
    found, code = [], False
    for part in text.split("\n\n"):
        laid_out = part.startswith(("|", "#", "!", "- ", "    ", "```")) or code
        code ^= part.count("```") % 2 == 1
        found.append(
            part
            if laid_out
            else textwrap.fill(
                " ".join(part.split()), 100, break_long_words=False, break_on_hyphens=False
            )
        )
    return "\n\n".join(found)


def table_of(name, heads):
    """The rows of the first table with these heads in docs/results/<name>.md; none without it."""
    path = FOLDER / f"{name}.md"
    lines = path.read_text().splitlines() if path.exists() else []
    top = "| " + " | ".join(heads) + " |"
    at = lines.index(top) + 2 if top in lines else len(lines)
    rows = []
    for line in lines[at:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows


def write_section(name, title, command, body):
    """Write one section of docs/results/<name>.md, with a stamp of its own; the other sections
    stay.
    """
    path = FOLDER / f"{name}.md"
    first, sections = parts_of(path.read_text())
    new = f"## {title}\n\n{stamp(command)}\n\n{wrapped(body.strip())}"
    heads = [text.splitlines()[0] for text in sections]
    if f"## {title}" in heads:
        sections[heads.index(f"## {title}")] = new
    else:
        sections.insert(heads.index(NOTES) if NOTES in heads else len(sections), new)
    path.write_text("\n\n".join(text.strip() for text in [first, *sections]) + "\n")
    say(f"written: {shown(path)}")
    return path


def write_result(name, title, command, body, pictures=(), keep_sections=False):
    """Write docs/results/<name>.md: a title, the stamp, and `body` in Markdown.

    Pictures that the command has drawn go to docs/pictures, and are shown before the body. The
    section `## Notes` stays, behind the body; with `keep_sections` all sections do.
    """
    for picture in pictures:
        shutil.copy(picture, ROOT / "docs" / "pictures" / picture.name)
    shown_pictures = [f"![{title}](../pictures/{picture.name})" for picture in pictures]
    body = "\n\n".join([*shown_pictures, wrapped(body.strip())])
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.md"
    old = parts_of(path.read_text())[1] if path.exists() else []
    kept = [text for text in old if keep_sections or text.splitlines()[0] == NOTES]
    text = f"# {title}\n\n{stamp(command)}\n\n{body}"
    path.write_text("\n\n".join(text.strip() for text in [text, *kept]) + "\n")
    say(f"written: {shown(path)}")
    return path


def written(name, title, keep_sections=False):
    """For the `main` of a task that takes WRITE: what it prints becomes docs/results/<name>.md, as
    by `write_result`.
    """

    def decorate(main):
        @functools.wraps(main)
        def recorded(args):
            said = []
            listeners.append(said)
            try:
                status = main(args)
            finally:
                listeners.remove(said)
            if args.write and not status:
                text = "\n".join(said).strip("\n")
                body = f"```text\n{text}\n```"
                write_result(name, title, args.command, body, keep_sections=keep_sections)
            return status

        return recorded

    return decorate


def markdown_table(rows):
    """Rows of cells; the first row has the heads. All columns but the first are aligned to the
    right.
    """
    heads, *rest = [[str(cell) for cell in row] for row in rows]
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rest]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
