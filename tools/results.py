"""Writes what a command measured to docs/results, stamped with where it comes from."""

import datetime
import platform
import re
import subprocess
from pathlib import Path

from tools.common import ROOT, say, shown

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


def write_result(name, title, command, body):
    """Write docs/results/<name>.md: a title, the stamp, and `body` in Markdown."""
    today = datetime.date.today().isoformat()
    stamp = f"Written by `{command}` at commit {commit()} on {today}; {machine()}."
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.md"
    path.write_text(f"# {title}\n\n{stamp}\n\n{body.strip()}\n")
    say(f"written: {shown(path)}")
    return path


def markdown_table(rows):
    """Rows of cells, the first the heads; all but the first column to the right."""
    heads, *rest = [[str(cell) for cell in row] for row in rows]
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rest]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
