"""Checks that mpgc can be built from a user's own tree: a git checkout outside the clone stays
unchanged.

Builds with mpgc and runs the demo through `make run MICROPYTHON_DIR=...`, then lets git say what
changed.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.common import BUILD, ROOT, Fail, clean_env, run_logged, say
from tools.setup.tree import get_tree


def git(tree, *words):
    command = [
        "git",
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.invalid",
        "-C",
        str(tree),
        *words,
    ]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ).stdout


def main(args):
    source = get_tree()
    log = BUILD / "checks" / "own-tree-run.log"
    with tempfile.TemporaryDirectory(prefix="mpgc-own-tree-") as folder:
        tree = Path(folder) / "micropython"
        shutil.copytree(source.path, tree, symlinks=True)
        git(tree, "init", "--quiet")
        git(tree, "add", "--all", "--force")
        git(tree, "commit", "--quiet", "--message", "as it was")
        command = ["make", "-C", ROOT, "run", f"MICROPYTHON_DIR={tree}", "RELEASE="]
        try:
            run_logged(command, log, env=clean_env(), what="make run MICROPYTHON_DIR=<a checkout>")
        finally:
            # The build is named after this temporary folder.
            for left in (BUILD / "unix").glob(f"{source.release}@*-module"):
                shutil.rmtree(left)
        changed = git(tree, "status", "--porcelain", "--ignored")
    if changed:
        raise Fail(f"`make run MICROPYTHON_DIR=...` wrote into the tree:\n{changed}")
    if "memory system: mpgc" not in log.read_text(errors="replace"):
        raise Fail(f"the demo did not say that mpgc runs; see {log}")
    say("the demo ran, and the checkout is unchanged")
