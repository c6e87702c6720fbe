"""Unpacks the emulators of boards into build/emulators: nothing on the system changes, and no root
is needed.

Debian's qemu-system packages cannot be installed beside a newer qemu-utils, so installing them
could remove packages that somebody uses.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.common import EMULATORS, Fail, run_caught, say, shown

DPKG_STATUS = Path("/var/lib/dpkg/status")
PREFIX = "qemu-system-"


def without_qemu(status):
    """The installed packages that dpkg knows, without those of qemu: apt then takes all of qemu
    from one release.
    """
    return "\n\n".join(
        stanza for stanza in status.split("\n\n") if not stanza.startswith("Package: qemu-")
    )


def download(package, folder):
    """Downloads the package, and its dependencies that are not installed, into `folder`."""
    status = folder / "status"
    status.write_text(without_qemu(DPKG_STATUS.read_text()))
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    options = {
        "Dir::State::status": status,
        "Dir::Cache::archives": archives,
        "Debug::NoLocking": "1",
    }
    if os.geteuid() == 0:
        options["APT::Sandbox::User"] = "root"
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    command = [
        "apt-get",
        "-q",
        "-y",
        *words,
        "--no-install-recommends",
        "--download-only",
        "install",
        package,
    ]
    done = run_caught(command, timeout=None)
    found = sorted(archives.glob("*.deb"))
    if done.returncode != 0 or not found:
        raise Fail(
            f"apt-get could not download {package}; run `apt-get update` as root and try again. "
            f"It said:\n{done.stdout[-2000:]}"
        )
    return found


def wrapper(root, program):
    """A script for a folder beside `root` that starts the program with the libraries that were
    unpacked with it.
    """
    libraries = sorted(
        {
            path.parent
            for path in root.glob("**/lib/*/*.so*")
            if re.search(r"-linux-gnu\w*$", path.parent.name)
        }
    )
    listed = ":".join(f"$here/{folder.relative_to(root)}" for folder in libraries)
    here = f'here="$(cd "$(dirname "$0")/.." && pwd)/{root.name}"'
    return f'#!/bin/sh\n{here}\nLD_LIBRARY_PATH="{listed}" exec "$here/usr/bin/{program}" "$@"\n'


def unpack(package):
    """Put the package's emulators into build/emulators/bin, which every tool here has in its
    PATH.
    """
    if not (shutil.which("dpkg") and DPKG_STATUS.is_file()):
        raise Fail(
            f"this system has no dpkg: install qemu's emulators for boards (called {package} in "
            "Debian) so that they are in PATH"
        )
    root = EMULATORS / package
    partial = EMULATORS / f"{package}.partial"
    for folder in (root, partial):
        shutil.rmtree(folder, ignore_errors=True)
    partial.mkdir(parents=True)
    say(f"unpacking {package} into {shown(root)}")
    for archive in download(package, partial):
        subprocess.run(["dpkg", "-x", archive, partial / "root"], check=True)
    os.replace(partial / "root", root)
    shutil.rmtree(partial)
    scripts = EMULATORS / "bin"
    scripts.mkdir(exist_ok=True)
    for program in sorted((root / "usr" / "bin").glob(PREFIX + "*")):
        script = scripts / program.name
        script.write_text(wrapper(root, program.name))
        script.chmod(0o755)
