"""Reads the machine's own apt sources to find the Debian archive and its keyring."""

import re
from pathlib import Path

from tools.common import Fail

APT = Path("/etc/apt")
# Suites that hold something else than the main archive, for example bookworm-security.
SIDE_SUITE = re.compile(r"[-/](security|updates|backports|proposed-updates|debug)")


def os_release(path=Path("/etc/os-release")):
    values = {}
    if path.is_file():
        for line in path.read_text().splitlines():
            name, equals, value = line.partition("=")
            if equals:
                values[name] = value.strip().strip('"')
    return values


def deb822_entries(text):
    """The stanzas of a .sources file as dictionaries; a continued value keeps its line breaks."""
    for stanza in re.split(r"\n\s*\n", text):
        fields, last = {}, None
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and last:
                fields[last] += "\n" + line
            elif ":" in line:
                last, value = line.split(":", 1)
                last = last.lower()
                fields[last] = value.strip()
        if fields.get("enabled", "yes").lower() not in ("no", "false", "off", "0"):
            yield fields


def one_line_entries(text):
    """The `deb [options] uri suite components` lines as the same dictionaries."""
    pattern = re.compile(r"^\s*(deb(?:-src)?)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#\n]*)")
    for line in text.splitlines():
        match = pattern.match(line)
        if match:
            kind, options, uri, suite, components = match.groups()
            fields = {"types": kind, "uris": uri, "suites": suite, "components": components}
            for option in (options or "").split():
                name, _, value = option.partition("=")
                fields[name.lower()] = value.replace(",", " ")
            yield fields


def all_entries(apt=APT):
    folder = apt / "sources.list.d"
    for path in [apt / "sources.list"] + sorted(folder.glob("*.list")):
        if path.is_file():
            yield from one_line_entries(path.read_text(errors="replace"))
    for path in sorted(folder.glob("*.sources")):
        yield from deb822_entries(path.read_text(errors="replace"))


def debian_archive(apt=APT, release=None):
    """(URIs, Signed-By or None) of the machine's entry for Debian's main archive."""
    release = os_release() if release is None else release
    if release.get("ID") != "debian":
        raise Fail(
            f"this system is {release.get('PRETTY_NAME', 'not Debian')}: the MicroPython tree is "
            "taken from Debian's "
            "archive, which its apt sources do not name; give MICROPYTHON_DIR=<your MicroPython "
            "checkout>"
        )
    own = {release.get("VERSION_CODENAME"), "stable", "oldstable", "testing", "unstable", "sid"}
    for fields in all_entries(apt):
        suites = fields.get("suites", "").split()
        if "main" not in fields.get("components", "").split() or not own.intersection(suites):
            continue
        if all(SIDE_SUITE.search(suite) for suite in suites) or not fields.get("uris"):
            continue
        return fields["uris"], fields.get("signed-by")
    raise Fail(
        f"no entry for Debian's main archive in {apt}/sources.list or {apt}/sources.list.d: add "
        "one, "
        "or give MICROPYTHON_DIR=<your MicroPython checkout>"
    )
