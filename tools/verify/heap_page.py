"""Tries the pictures of mpgc-heap: the map of the blocks, and the page in a browser, clicked."""

import re
import struct
from urllib.parse import quote

from tools.verify.browser import Browser
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
    for wanted in ("__main__.cache['k3'][1][1]", "Sensor"):
        with Browser() as browser:
            browser.open(f"{page.as_uri()}#{quote(wanted)}")
            checks.add(*same_as_why(browser, tool, program, core, wanted, "at its name"))
    check_clicks(checks, tool, program, core, page)


def same_as_why(browser, tool, program, core, wanted, how):
    """(What is compared, whether the page says what `why` says, the difference.)"""
    name, detail = browser.value(
        "[document.querySelector('#why .name').textContent,"
        "document.querySelector('#why div').textContent]"
    )
    steps = browser.value("document.querySelectorAll('#why li').length")
    shown = answer(tool, "why", core, wanted, "--elf", program, "--top", "1")
    expected = re.search(r"^(0x[0-9a-f]+) (.*), (\d+) bytes, retains (\d+)\n  (.*)$", shown, re.M)
    address, what, size, retained, full_name = expected.groups()
    same = (
        name == full_name
        and detail == f"{what} at {address}, {size} bytes, retains {retained}"
        and steps == len(re.findall(r" -> 0x", shown))
    )
    return f"the page, {how}, says who keeps {wanted}", same, f"{name}: {detail}\n{shown}"


def check_clicks(checks, tool, program, core, page):
    """Search, a row, a step of its path, a block of the map and a rectangle of the treemap, clicked
    as by a person.
    """
    with Browser() as browser:
        browser.open(page.as_uri())
        browser.click_on("document.getElementById('search')")
        browser.type("bytearray of 5004")
        row = "document.querySelector('#rows tbody tr')"
        browser.click_on(row)
        name = "__main__.callbacks[0].__self__.history[0]"
        checks.add(*same_as_why(browser, tool, program, core, name, "by search and click"))
        chosen = browser.value(f"{row}.className")
        checks.add("the row that was clicked is marked", chosen == "chosen", chosen)
        # The second step of the path is the list of callbacks.
        browser.click_on("document.querySelectorAll('#why li')[1]")
        checks.add(
            *same_as_why(browser, tool, program, core, "__main__.callbacks", "by a step's click")
        )
        # The block of the buffer, as the page has drawn it.
        left, top = browser.value(
            "(() => { by('search').value = 'bytearray of 5001'; fillRows();"
            f"choose(+{row}.dataset.number); by('why').replaceChildren(); frame.scrollIntoView();"
            "const node = nodes[chosen], { columns, size, first } = layout[node[AREA]];"
            "const line = first + Math.floor(node[BLOCK] / columns);"
            "const box = blocks.getBoundingClientRect();"
            "return [box.left + (node[BLOCK] % columns + .5) * size,"
            "box.top + (line + .5) * size - frame.scrollTop]; })()"
        )
        browser.click(left, top)
        checks.add(*same_as_why(browser, tool, program, core, "__main__.log[2]", "by its block"))
        # The largest rectangle: chosen by a click, which may move it; entered by a double click.
        for count in (1, 2):
            x, y, number = browser.value(
                "(() => { tree.scrollIntoView({ block: 'center' });"
                "const box = tree.getBoundingClientRect(), one = rectangles[0];"
                "return [box.left + one.x + 6, box.top + one.y + 8, one.number]; })()"
            )
            browser.click(x, y, count)
        base, path = browser.value("[base, document.getElementById('path').children.length]")
        checks.add(
            "a double click enters a rectangle", base == number and path == 2, f"{base} {path}"
        )
        browser.click_on("document.querySelector('#path button')")
        checks.add("its path leads back", browser.value("base") == -1)
        hint = browser.value("document.getElementById('hint').textContent")
        checks.add("what lies under the mouse is named", "retains" in hint, hint)
