"""What the tools share: where things lie, how to print, how to run a command."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
# Where tools/setup/emulators.py puts the emulators that this system lacks; those in PATH come
# first.
EMULATORS = BUILD / "emulators"
os.environ["PATH"] = os.pathsep.join(filter(None, [os.environ.get("PATH"), str(EMULATORS / "bin")]))


# Where cargo builds the members of the workspace. A port's library is built in the port's own
# folder.
CARGO_TARGET = ROOT / "target"


class Fail(Exception):
    """An error for the person at the terminal: what is wrong, and how to fix it."""


# Lists that also receive what is printed.
listeners = []


def say(text):
    print(text, flush=True)
    for said in listeners:
        said.append(text)


def progress(text):
    """Print how far a step is, which is no result of it."""
    print(f"    {text}", flush=True)


def add_switch(parser, name, help):
    """Add an option that is on or off."""
    parser.add_argument(name, action="store_true", help=help)


def run_main(main):
    """Run `main()`, and turn a Fail into one message and exit status 1."""
    try:
        sys.exit(main())
    except Fail as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        sys.exit(130)


def jobs():
    return int(os.environ.get("JOBS") or min(os.cpu_count() or 1, 8))


def clean_env(**extra):
    """The environment for make, tests and benchmarks: without the variables of an outer make, and
    without files beside sources.
    """
    dropped = (
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "MAKEOVERRIDES",
        "MICROPYPATH",
        "MICROPYINSPECT",
        "BUILD",
        "VARIANT",
    )
    env = {key: value for key, value in os.environ.items() if key not in dropped}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    env["MICROPY_CPYTHON3"] = sys.executable
    # bindgen and the like are compiled once for all build directories
    env.setdefault("MPGC_BUILD_TOOLS", str(BUILD / "build-tools"))
    env.update(extra)
    return env


def wait_with_usage(process, seconds):
    """Wait at most that long for a process.

    Returns (exit status, processor seconds), or None if it still runs. The processor time includes
    the children that it has waited for.
    """
    until, pause = time.monotonic() + seconds, 0.001
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used.ru_utime + used.ru_stime
        if time.monotonic() >= until:
            return None
        time.sleep(pause)
        pause = min(pause * 2, 0.2)


def run_logged(command, log, *, env=None, cwd=None, what="", fatal=True, every=15, usage=None):
    """Run a command with its output in the file `log`; report every `every` seconds that it still
    runs.

    Returns the exit status; with `fatal`, a non-zero one is a Fail that shows the end of the log.
    `usage` is a dict that gets the processor seconds as "cpu".
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with open(log, "wb") as out:
        out.write(("$ " + " ".join(map(str, command)) + "\n").encode())
        out.flush()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env or clean_env(),
            cwd=cwd,
        )
        try:
            while (ended := wait_with_usage(process, every)) is None:
                lines = log.read_bytes().count(b"\n")
                progress(f"{what}: {time.monotonic() - started:.0f} s, {lines} lines so far")
        except BaseException:
            process.terminate()
            process.wait()
            raise
    status, cpu = ended
    if usage is not None:
        usage["cpu"] = cpu
    if status != 0 and fatal:
        tail = "\n".join(
            "    | " + line[:400] for line in log.read_text(errors="replace").splitlines()[-25:]
        )
        raise Fail(
            f"{what} failed with status {status}; the whole output is in {shown(log)}, its "
            f"end:\n{tail}"
        )
    return status


def run_caught(command, *, timeout=600, **more):
    """Run a command that gets no input. Returns what `subprocess.run` does, with all that the
    command printed as text in `stdout`.
    """
    caught = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "env": clean_env(),
    }
    return subprocess.run(
        [str(part) for part in command],
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        **{**caught, **more},
    )


def output_of(command, **more):
    """What a command prints, which has to succeed."""
    done = run_caught(command, stderr=subprocess.PIPE, **more)
    if done.returncode != 0:
        raise Fail(f"`{' '.join(map(str, command))}` failed: {done.stderr.strip()}")
    return done.stdout


def cargo_build(package, *words, profile, cargo="cargo", command="build"):
    """The command that builds a member of the workspace."""
    at = ["--manifest-path", ROOT / "Cargo.toml", "--target-dir", CARGO_TARGET]
    return [cargo, command, "--locked", *at, "--package", package, "--profile", profile, *words]


def built(profile, name, target=""):
    """Where that puts a program or a library; `target` is Rust's name of another machine."""
    return CARGO_TARGET / target / profile / name


def shown(path):
    """A path as a person at the top of the clone would type it."""
    try:
        return str(Path(path).relative_to(ROOT))
    except ValueError:
        return str(path)


@contextlib.contextmanager
def locked(folder):
    """Lock a folder that another step may build in at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    os.replace(partial, path)


def table(rows):
    """Rows of cells as aligned text; numbers are aligned to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    numeric = [
        all(row[i][:1].isdigit() or not row[i] for row in rows[1:]) for i in range(len(widths))
    ]

    def line(row):
        cells = (c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numeric))
        return "  ".join(cells).rstrip()

    return "\n".join(
        [line(rows[0]), "  ".join("-" * w for w in widths)] + [line(row) for row in rows[1:]]
    )
