"""Proves that a tree was only read."""

import os

from tools.common import Fail


def stamp(tree):
    """Every file and folder of the tree, with size and time of last change; not the inside of
    .git.
    """
    seen = {}
    for folder, folders, files in os.walk(tree.path):
        if ".git" in folders:
            folders.remove(".git")
        for name in folders + files:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            seen[os.path.relpath(path, tree.path)] = (
                info.st_mode,
                info.st_mtime_ns,
                0 if name in folders else info.st_size,
            )
    return seen


class Untouched:
    """`with Untouched(tree):` fails at the end when anything in the tree was added, changed or
    removed.
    """

    def __init__(self, tree):
        self.tree = tree

    def __enter__(self):
        self.before = stamp(self.tree)
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        after = stamp(self.tree)
        changed = sorted(
            name
            for name in set(self.before) | set(after)
            if self.before.get(name) != after.get(name)
        )
        if changed:
            raise Fail(
                f"{len(changed)} files of the tree {self.tree.path} were written to, which must "
                "not happen: "
                f"{', '.join(changed[:8])}; restore them, and report it with the command that "
                "you ran"
            )
