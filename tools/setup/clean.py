"""Removes what was built, but not the fetched trees."""

import shutil

from tools.common import BUILD, ROOT

# These were downloaded and are needed again; `python3 -m tools` finds the trees and emulators
# there.
KEPT = ("trees", "emulators", "build-tools", "tools")


def main(args):
    shutil.rmtree(ROOT / "target", ignore_errors=True)
    for path in BUILD.iterdir() if BUILD.is_dir() else ():
        if path.name in KEPT:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    return 0
