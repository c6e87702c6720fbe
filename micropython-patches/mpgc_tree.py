"""The edits of a fork: edited C files that mpgc replaces, and headers that do not fit."""

import hashlib
import re
from pathlib import Path

KNOWN = Path(__file__).resolve().parent / "known_files.txt"
WHERE = 'docs/porting.md, "A fork\'s own edits"'


def blob_id(path):
    """The id that git gives the content, without the line ends of Windows."""
    data = path.read_bytes().replace(b"\r\n", b"\n")
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def order(release):
    """A release as numbers that sort by time; None if it has another form."""
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(-preview)?(\+)?", release)
    if not match:
        return None
    major, minor, micro = map(int, match.groups()[:3])
    return major, minor, micro, (0 if match[4] else 2) + bool(match[5])


def known_files(maker="MicroPython"):
    """The releases of the tree's makers, and {name: {id: (first release, last release)}}."""
    releases, files, of = [], {}, "MicroPython"
    for line in KNOWN.read_text().splitlines():
        words = line.split()
        if words and words[0] == "fork":
            of = words[1]
        elif not words or words[0] == "#" or of != maker:
            continue
        elif words[0] == "releases":
            releases = words[1:]
        else:
            blob, name, first, last = words
            files.setdefault(name, {})[blob] = first, last
    return releases, files


def newest(files):
    return max((last for spans in files.values() for _, last in spans.values()), key=order)


def has_it(span, release):
    """Whether a tree of `release` may have a file of these releases. A tree keeps its number until
    the next release.
    """
    first, last = map(order, span)
    return first <= order(release + "+") and order(release) <= last


def spoken(span, releases):
    """A span for people: the releases in it, or the part of master's history."""
    first, last = map(order, span)
    within = [release for release in releases if first <= order(release) <= last]
    if not within:
        return f"master after {span[0].rstrip('+')}"
    return within[0] if len(within) == 1 else f"{within[0]} to {within[-1]}"


def listed(names):
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def base(py, files):
    """The span of releases that all known files of the tree have in common; None if there is
    none.
    """
    spans = [files[path.name].get(blob_id(path)) for path in py.glob("*.c") if path.name in files]
    spans = [span for span in spans if span]
    if not spans:
        return None
    first = max((span[0] for span in spans), key=order)
    last = min((span[1] for span in spans), key=order)
    return (first, last) if order(first) <= order(last) else None


def account(py, names, release):
    """The message about the files in `py` that mpgc replaces; empty if they are those of the
    release.

    `release` is what the headers say, behind the name of a fork whose files are known; any other
    fork may have numbers of its own.
    """
    maker, _, release = release.rpartition(" ")
    maker = maker or "MicroPython"
    releases, files = known_files(maker)
    # what a fork has not edited is the release's that it was made of
    _, inherited = known_files()
    last = newest(files)
    is_fork = maker != "MicroPython"
    ours = order(release) is not None and (is_fork or order(release) < (3,))
    edited, others = [], []
    for name in names:
        path = py / name
        if not path.is_file():
            continue
        blob = blob_id(path)
        span = files.get(name, {}).get(blob)
        if name not in files and blob in inherited.get(name, {}):
            continue
        if span is None:
            edited.append(f"py/{name}")
        elif ours and not has_it(span, release) and order(release) <= order(last):
            others.append(f"py/{name} is that of {spoken(span, releases)}")
    report = []
    if edited:
        one = len(edited) == 1
        text = (
            f"{listed(edited)} {'is' if one else 'are'} as in no release of {maker} that mpgc "
            "knows, so edited"
        )
        if ours and order(release + "+") >= order(last):
            text += f", or newer than {last.rstrip('+')}"
        if ours:
            text += (
                f" (`git diff {'' if is_fork else 'v'}{release} -- {' '.join(edited)}` shows it)"
            )
        elif base(py, files):
            text += f" (the others are those of {spoken(base(py, files), releases)})"
        report.append(
            f"{text}. mpgc takes {'its' if one else 'their'} place, and does not do what the edits "
            "do"
        )
    if others:
        report.append(
            f"{listed(others)}, and the headers are those of {release}. mpgc does what those say"
        )
    if not report:
        return ""
    return ". ".join(report) + f": see {WHERE}. MPGC_ALLOW_EDITED=1 switches this off"


def cargo_failure(said):
    """The message for cargo's output when it failed. Code that does not fit the bindings of the
    headers is reported as such.
    """
    error = re.search(
        r"^error(?:\[E\d+\])?: (.*)\n +--> ((?:src|\S*/out)/\S+?\.rs:\d+)", said, re.M
    )
    if not error:
        return f"cargo failed:\n{said.strip()}"
    what, where = error.groups()
    block = said[error.start() :].split("\n\n")[0]
    notes = re.findall(r"^ *=? ?note: (.*)|\^+ (expected .*)$", block, re.M)
    more = "".join(f" ({' '.join(note).strip()})" for note in notes[:1])
    return (
        f"the port's headers do not fit what mpgc knows, as {where} uses them: {what}{more}; take "
        "such a tree as mpgc knows, "
        "1.20 to 1.29-preview or CircuitPython 10, or a newer mpgc. If the tree is one of those, "
        "report this with its mpconfigport.h"
    )
