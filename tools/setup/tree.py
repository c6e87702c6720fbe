"""Finds or fetches the MicroPython tree that is built and tested.

MICROPYTHON_DIR names the user's own tree, which is never written to. Without it, the release is
unpacked from Debian's source package into build/trees, through a private apt state: nothing on the
system changes and no root is needed.
"""

import os
import re
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

from tools.common import BUILD, Fail, add_switch, say, shown
from tools.setup.apt_sources import debian_archive

TREES = BUILD / "trees"
TESTED_RELEASES = ("1.25.0", "1.26.1")
SUITES = ("trixie", "forky")

Tree = namedtuple("Tree", "path release own")


def read_release(path):
    """The release of a tree, from the version macros of its own header."""
    header = path / "py" / "mpconfig.h"
    if not header.is_file() or not (path / "ports" / "unix" / "Makefile").is_file():
        raise Fail(
            f"{path} is no MicroPython tree (py/mpconfig.h and ports/unix/Makefile are not both "
            "there): "
            "let MICROPYTHON_DIR name the top folder of a MicroPython checkout, or leave it out"
        )
    text = header.read_text(errors="replace")
    numbers = [
        re.search(rf"^#define MICROPY_VERSION_{part} (\d+)", text, re.M)
        for part in ("MAJOR", "MINOR", "MICRO")
    ]
    if not all(numbers):
        raise Fail(
            f"{header} does not say which release it is (MICROPY_VERSION_MAJOR, _MINOR, _MICRO): "
            "use a tree of MicroPython 1.20 or later"
        )
    release = ".".join(match.group(1) for match in numbers)
    return release + (
        "-preview" if re.search(r"^#define MICROPY_VERSION_PRERELEASE 1", text, re.M) else ""
    )


def is_circuitpython(tree):
    """Whether a tree is CircuitPython's, which MicroPython's headers never name."""
    text = (tree.path / "py" / "mpconfig.h").read_text(errors="replace")
    return re.search(r"^#define CIRCUITPY\b", text, re.M) is not None


def users_tree(path, release):
    tree = Path(path).expanduser().resolve()
    found = read_release(tree)
    if release and release != found:
        raise Fail(
            f"RELEASE={release} was asked for, but MICROPYTHON_DIR={path} holds {found}: leave "
            "RELEASE out, or correct one of them"
        )
    if found not in TESTED_RELEASES:
        say(
            f"note: MicroPython {found} is none of the releases tested here "
            f"({', '.join(TESTED_RELEASES)})"
        )
    return Tree(tree, found, own=False)


def get_tree(release=None, micropython_dir=None, fetch_missing=True):
    """The tree to use. `release` may be None: then the user's tree decides, or the first tested
    one.
    """
    if micropython_dir:
        return users_tree(micropython_dir, release)
    release = release or TESTED_RELEASES[0]
    path = TREES / f"micropython-{release}"
    if not path.is_dir():
        if not fetch_missing:
            raise Fail(
                f"the tree {shown(path)} is missing: run `make tree RELEASE={release}`, or give "
                "MICROPYTHON_DIR"
            )
        fetch(release, path)
    found = read_release(path)
    if found != release:
        raise Fail(
            f"{shown(path)} holds release {found}: remove that folder and run `make tree "
            f"RELEASE={release}`"
        )
    return Tree(path, release, own=True)


class PrivateApt:
    """apt-get and apt-cache with all lists, caches and source entries in a folder of ours."""

    def __init__(self, folder, suite):
        self.folder = folder
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        uris, signed_by = debian_archive()
        fields = ["Types: deb-src", f"URIs: {uris}", f"Suites: {suite}", "Components: main"]
        if signed_by:
            fields.append(f"Signed-By: {signed_by}")
        sources = folder / "debian.sources"
        sources.write_text("\n".join(fields) + "\n")
        options = {
            "Dir::Etc::SourceList": sources,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::lists": folder / "lists",
            "Dir::Cache": folder / "cache",
            "Acquire::Languages": "none",
        }
        if os.geteuid() == 0:
            options["APT::Sandbox::User"] = "root"
        self.options = [
            word for name, value in options.items() for word in ("-o", f"{name}={value}")
        ]

    def __call__(self, program, *words):
        done = subprocess.run(
            [program, *self.options, *words],
            check=False,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
        )
        if done.returncode != 0:
            raise Fail(f"`{program} {' '.join(words)}` failed:\n{done.stdout.strip()}")
        return done.stdout


def find_version(apt, release):
    """The highest Debian revision of the source package that carries this release, or None."""
    text = apt("apt-cache", "showsrc", "--only-source", "micropython")
    versions = re.findall(r"^Version: (.+)$", text, re.M)
    fitting = [v for v in versions if re.match(re.escape(release) + r"[+~-]", v)]
    return max(fitting, key=lambda v: [int(n) for n in re.findall(r"\d+", v)], default=None)


def fetch(release, path):
    for tool in ("apt-get", "apt-cache", "tar", "xz"):
        if not shutil.which(tool):
            raise Fail(
                f"`{tool}` is needed to fetch MicroPython {release}: install it, or give "
                "MICROPYTHON_DIR=<your checkout>"
            )
    for suite in SUITES:
        folder = TREES / "apt" / suite
        say(f"looking for MicroPython {release} among the source packages of Debian {suite}")
        apt = PrivateApt(folder, suite)
        apt("apt-get", "update")
        version = find_version(apt, release)
        if version:
            break
    else:
        raise Fail(
            f"Debian's suites {' and '.join(SUITES)} carry no MicroPython {release} (tested "
            "releases: "
            f"{', '.join(TESTED_RELEASES)}): choose RELEASE=..., or give MICROPYTHON_DIR=<your "
            "checkout>"
        )
    say(f"downloading micropython {version}")
    apt("apt-get", "source", "--download-only", f"micropython={version}")
    upstream_version = version.rpartition("-")[0]
    archives = sorted(folder.glob(f"micropython_{upstream_version}.orig.tar.*"))
    archives = [a for a in archives if not a.name.endswith(".asc")]
    if not archives:
        raise Fail(
            f"apt downloaded no micropython_{upstream_version}.orig.tar.* into {shown(folder)}: "
            "remove that folder and try again"
        )
    unpack(archives[0], path)
    say(f"unpacked into {shown(path)}")


def unpack(archive, path):
    """Unpack into a folder beside `path` and rename it, so that a tree is either complete or
    absent.
    """
    partial = path.with_name(path.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    subprocess.run(
        ["tar", "-xf", str(archive), "-C", str(partial), "--strip-components=1", "--no-same-owner"],
        check=True,
    )
    os.replace(partial, path)


def add_arguments(parser):
    add_switch(parser, "--print", "print only the folder of the tree")


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir, fetch_missing=not args.print)
    say(str(tree.path) if args.print else f"MicroPython {tree.release} is in {shown(tree.path)}")
