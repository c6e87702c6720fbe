"""Writes what a command measured to docs/results, stamped with where it comes from."""

import datetime
import functools
import platform
import re
import shutil
import subprocess
from pathlib import Path

from tools.common import ROOT, listeners, say, shown

FOLDER = ROOT / "docs" / "results"


def commit():
    """The commit that was measured; `-dirty` where the sources differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or "unknown"


def machine():
    """The processor and how many of it, as the system names them."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.is_file() else ""
    names = re.findall(r"^model name\s*: (.*)$", text, re.M)
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


def write_result(name, title, command, body, pictures=()):
    """Write docs/results/<name>.md: a title, the stamp, and `body` in Markdown.

    Pictures that the command has drawn go to docs/pictures, and before the body.
    """
    for picture in pictures:
        shutil.copy(picture, ROOT / "docs" / "pictures" / picture.name)
    shown_pictures = [f"![{title}](../pictures/{picture.name})" for picture in pictures]
    body = "\n\n".join([*shown_pictures, body.strip()])
    today = datetime.date.today().isoformat()
    stamp = f"Written by `{command}` at commit {commit()} on {today}; {machine()}."
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.md"
    path.write_text(f"# {title}\n\n{stamp}\n\n{body}\n")
    say(f"written: {shown(path)}")
    return path


def written(name, title):
    """For the `main` of a task that takes WRITE: what it says becomes docs/results/<name>.md."""

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
                write_result(name, title, args.command, f"```text\n{text}\n```")
            return status

        return recorded

    return decorate


def markdown_table(rows):
    """Rows of cells, the first the heads; all but the first column to the right."""
    heads, *rest = [[str(cell) for cell in row] for row in rows]
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rest]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
