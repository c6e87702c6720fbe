"""Runs mpgc-heap, and reads its output."""

import subprocess

from tools.common import Fail, clean_env

# What the tool may do with a damaged snapshot: read it, or report what is wrong.
READ, REFUSED = 0, 1


def run_tool(tool, *arguments, timeout=60):
    command = [str(tool), *map(str, arguments)]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=clean_env(RUST_BACKTRACE="0"),
        check=False,
    )


def answer(tool, *arguments):
    done = run_tool(tool, *arguments)
    if done.returncode != 0:
        raise Fail(
            f"mpgc-heap {' '.join(map(str, arguments))} ended with status "
            f"{done.returncode}:\n{done.stderr}"
        )
    return done.stdout


def chunks_of(text, state=None):
    """The (address, bytes) of the lines of `mpgc-heap list`, all or those in one state."""
    lines = (line.split(" ", 3) for line in text.splitlines())
    return {
        (address, int(size)) for address, size, liveness, _ in lines if state in (None, liveness)
    }
