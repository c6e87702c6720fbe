"""Tries the pictures of mpgc-heap: the map of the blocks, and the page in a browser."""

import html
import re
import struct
import subprocess
from urllib.parse import quote

from tools.common import run_caught
from tools.setup.deps import find_browser
from tools.verify.heap_answers import answer, chunks_of


def check_pictures(checks, tool, program, core, folder):
    """The map has a square for each block; the page says what `why` says, in a browser."""
    text = answer(tool, "summary", core, "--elf", program)
    heap_bytes, block = map(
        int, re.search(r"heap +(\d+) bytes in 1 area\(s\), blocks of (\d+)", text).groups()
    )
    lines = -(-heap_bytes // block // 128)
    png, svg, page = folder / "map.png", folder / "map.svg", folder / "page.html"
    for file in (png, svg):
        answer(tool, "map", core, "--elf", program, "--output", file)
    head = png.read_bytes()[:24]
    good = head.startswith(b"\x89PNG") and struct.unpack(">II", head[16:]) == (512, 4 * lines)
    checks.add("map as a PNG", good, f"{head}")
    drawn = svg.read_text()
    width = sum(int(width) for width in re.findall(r'<rect x="\d+" y="\d+" width="(\d+)"', drawn))
    used = sum(size for _, size in chunks_of(answer(tool, "list", core, "--elf", program)))
    checks.add(
        "map as an SVG has a square for each block in use",
        width == 4 * used // block,
        f"{width}, {used}",
    )
    answer(tool, "html", core, "--elf", program, "--output", page)
    browser = find_browser()
    for wanted in ("__main__.cache['k3'][1][1]", "Sensor"):
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
            f"{page.as_uri()}#{quote(wanted)}",
        ]
        done = run_caught(command, timeout=120, stderr=subprocess.DEVNULL)
        found = re.search(
            r'<div id="why"><code class="name">(.*?)</code><div>(.*?)</div>', done.stdout
        )
        shown_name, detail = found.groups() if found else ("", "")
        shown = answer(tool, "why", core, wanted, "--elf", program, "--top", "1")
        expected = re.search(
            r"^(0x[0-9a-f]+) (.*), (\d+) bytes, retains (\d+)\n  (.*)$", shown, re.M
        )
        address, what, size, retained, name = expected.groups()
        same = (
            html.unescape(shown_name) == name
            and detail == f"{what} at {address}, {size} bytes, retains {retained}"
        )
        checks.add(
            f"the page says who keeps {wanted}", same, f"{shown_name}: {detail}\n{expected[0]}"
        )
