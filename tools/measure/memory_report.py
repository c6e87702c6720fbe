"""The report of `make bench-memory`: the means, a table of each program, and a picture."""

import itertools
import re
import shutil
import statistics

from tools.common import ROOT
from tools.results import write_result

COLOURS = {"c": "#8a8a8a", "mpgc": "#2f6f9f"}
HEADS = [
    "build",
    "pacing",
    "smallest heap",
    "worst",
    "safe heap",
    "time",
    "worst",
    "collections",
    "longest pause",
    "largest free, mean",
    "least",
]


def sides(lines):
    return list(dict.fromkeys((line["build"], line["pacing"]) for line in lines))


def of_side(lines, side):
    return [line for line in lines if (line["build"], line["pacing"]) == side]


def gmean(values):
    """The geometric mean of the known values; zero counts as a hundredth."""
    values = [max(value, 0.01) for value in values if value is not None]
    return statistics.geometric_mean(values) if values else None


def shown(value):
    return "-" if value is None else f"{value:.2f}"


def ratios(lines, side, key):
    """{program: this side's figure by the C's without pacing}."""
    base = {line["program"]: line[key] for line in of_side(lines, ("c", "off"))}
    found = {line["program"]: line[key] for line in of_side(lines, side)}
    return {
        name: value / base[name]
        for name, value in found.items()
        if value is not None and base[name]
    }


def means(lines):
    rows = [HEADS]
    for side in sides(lines):
        mine = of_side(lines, side)
        heap, safe = ratios(lines, side, "smallest_kb"), ratios(lines, side, "safe_kb")
        times = [line["time_ratio"] for line in mine if line["time_ratio"]]
        rows.append(
            [
                *side,
                shown(gmean(heap.values())),
                shown(max(heap.values())),
                shown(gmean(safe.values())),
                *((f"{gmean(times):.3f}", f"{max(times):.3f}") if times else ("-", "-")),
                shown(gmean(ratios(lines, side, "collections").values())),
                *(
                    shown(gmean(line[key] for line in mine))
                    for key in ("longest_pause_ratio", "largest_free_mean", "largest_free_min")
                ),
            ]
        )
    return rows


def markdown_table(rows, words):
    """The first `words` columns are words, the others numbers."""
    rows = [rows[0], ["---"] * words + ["--:"] * (len(rows[0]) - words), *rows[1:]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def programs(lines):
    rows = [
        [
            "program",
            "build, pacing",
            "smallest KB",
            "safe KB",
            "time",
            "collections",
            "longest pause",
            "largest free, mean",
            "least",
        ]
    ]
    for line in lines:
        rows.append(
            [
                line["program"],
                f"{line['build']}, {line['pacing']}",
                f"{line['smallest_kb']:.1f}",
                f"{line['safe_kb']:.1f}",
                "-" if line["time_ratio"] is None else f"{line['time_ratio']:.3f}",
                "-" if line["collections"] is None else str(line["collections"]),
                *(
                    shown(line[key])
                    for key in ("longest_pause_ratio", "largest_free_mean", "largest_free_min")
                ),
            ]
        )
    return rows


def picture(lines):
    """A bar for each program and build: the smallest heap by that of the C without pacing."""
    shown_sides = [side for side in sides(lines) if side != ("c", "off")]
    names = list(dict.fromkeys(line["program"] for line in lines))
    left, bar, gap, wide = 110, 9, 10, 480
    height = 40 + len(names) * (len(shown_sides) * bar + gap)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + wide + 160}" '
        f'height="{height + 20}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{left + wide + 160}" height="{height + 20}" fill="white"/>',
        f'<text x="{left}" y="16">smallest heap, as a share of what the C needs without '
        "pacing</text>",
    ]
    for number in range(5):
        x = left + wide * number / 4
        parts.append(f'<line x1="{x}" y1="24" x2="{x}" y2="{height}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{height + 14}" text-anchor="middle">{number * 25} %</text>')
    shades = {side: 1 - 0.7 * i / max(len(shown_sides), 1) for i, side in enumerate(shown_sides)}
    for i, name in enumerate(names):
        y = 30 + i * (len(shown_sides) * bar + gap)
        parts.append(
            f'<text x="{left - 6}" y="{y + len(shown_sides) * bar / 2 + 4}" '
            f'text-anchor="end">{name}</text>'
        )
        for j, side in enumerate(shown_sides):
            ratio = ratios(lines, side, "smallest_kb").get(name)
            if ratio is not None:
                parts.append(
                    f'<rect x="{left}" y="{y + j * bar}" width="{wide * min(ratio, 1.25):.1f}" '
                    f'height="{bar - 1}" '
                    f'fill="{COLOURS[side[0]]}" opacity="{shades[side]:.2f}"/>'
                )
    for j, side in enumerate(shown_sides):
        y = 40 + j * 16
        parts.append(
            f'<rect x="{left + wide + 30}" y="{y - 9}" width="10" height="10" '
            f'fill="{COLOURS[side[0]]}" opacity="{shades[side]:.2f}"/>'
        )
        parts.append(f'<text x="{left + wide + 46}" y="{y}">{side[0]}, {side[1]}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def heap_map(text):
    """The blocks of a map that micropython.mem_info(1) has printed, used or not; None if there is
    none.
    """
    blocks = []
    for line in text.splitlines():
        folded = re.match(r" +\((\d+) lines all free\)", line)
        row = re.match(r"[0-9a-f]+: (.+)$", line)
        if folded:
            blocks += [False] * 64 * int(folded[1])
        elif row:
            blocks += [kind != "." for kind in row[1]]
    return blocks or None


def heap_picture(maps):
    """A square for each block, row by row; one map below the other. `maps`: [(what it is,
    blocks)].
    """
    wide, size = 160, 4
    rows = [-(-len(blocks) // wide) for _, blocks in maps]
    height = sum(rows) * size + 34 * len(maps)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide * size + 20}" '
        f'height="{height + 10}" font-family="sans-serif" font-size="12">',
        f'<rect width="{wide * size + 20}" height="{height + 10}" fill="white"/>',
    ]
    top = 0
    for (title, blocks), count in zip(maps, rows):
        parts.append(
            f'<text x="10" y="{top + 20}">{title}: {longest(blocks)} blocks in the longest free '
            "run</text>"
        )
        top += 28
        parts.append(
            f'<rect x="10" y="{top}" width="{wide * size}" height="{count * size}" fill="#e6eef4"/>'
        )
        for begin, length in used_runs(blocks, wide):
            x, y = begin % wide * size + 10, begin // wide * size + top
            parts.append(
                f'<rect x="{x}" y="{y}" width="{length * size}" height="{size}" fill="#1d4f74"/>'
            )
        top += count * size + 6
    return "\n".join([*parts, "</svg>"]) + "\n"


def used_runs(blocks, wide):
    """(first block, blocks) of the runs of used blocks, each within a row."""
    for row in range(0, len(blocks), wide):
        for used, run in itertools.groupby(
            range(row, min(row + wide, len(blocks))), key=blocks.__getitem__
        ):
            run = list(run)
            if used:
                yield run[0], len(run)


def longest(blocks):
    return max((len(list(run)) for used, run in itertools.groupby(blocks) if not used), default=0)


def body(lines, release):
    return (
        f"MicroPython {release}, unix port for i686: blocks of 16 bytes, as on a board. Ratios to "
        "the C without pacing: of the smallest heap; "
        "of the smallest from which all larger ones that were tried do; and, in a heap 1.1 times "
        "the smallest of that C, of instructions, "
        "collections, the longest pause and the largest free run. Geometric means over "
        f"{len({line['program'] for line in lines})} programs of `benches/memory`.\n\n"
        f"![smallest heaps](../pictures/memory.svg)\n\n{markdown_table(means(lines), 2)}\n\n## "
        "Each program\n\n"
        f"{markdown_table(programs(lines), 2)}\n"
    )


def publish(lines, release, command, pictures):
    """Writes docs/results/memory.md, and its pictures beside the others."""
    write_result("memory", "How much heap programs need", command, body(lines, release))
    for picture_file in pictures:
        if picture_file.exists():
            shutil.copy(picture_file, ROOT / "docs" / "pictures" / picture_file.name)
