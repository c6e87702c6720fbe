"""Builds the rows of tools/verify/ports.toml, with their C and with mpgc, by the ways that
docs/porting.md has for them, and runs what can be run.
"""

import contextlib
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections import namedtuple
from pathlib import Path

import mpgc_link
from dropin import embedded

from tools.build import unix, webassembly, windows
from tools.common import BUILD, ROOT, Fail, clean_env, jobs, locked, run_logged, shown
from tools.measure.size import replaced
from tools.setup import options as option_names

WORK = BUILD / "ports"
USERMOD = ROOT / "micropython-patches" / "usermod"
# How long a program may take for its script.
SECONDS = 120
# What a line of a banner begins with, which has the day of the build in it.
BANNER = "MicroPython v"
# In the way of a prompt: paste mode, the script, and its end twice, which ends the program too.
PASTE, END = b"\x05", b"\x04"
PROMPT = b">>> "

# `objects` are those of the replaced files; `starter` is what runs the program here.
Built = namedtuple("Built", "flavour profile folder program starter objects carrier command")

# The program does not fit, and mpgc has said what may help; `text` is what was said.
TooLarge = namedtuple("TooLarge", "text")


def slug(name):
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")


def folder_of(row, tree, name):
    return WORK / unix.tree_key(tree) / slug(row.name) / name


def filled(word, **values):
    """A word of the table with its {places} filled; other braces stay."""
    values.setdefault("root", ROOT)
    for name, value in (*values.items(), *os.environ.items()):
        word = word.replace("{" + name + "}", str(value))
    return word


def make_command(row, tree, flavour, profile, folder):
    command = ["make", f"-j{jobs()}", "-C", tree.path / "ports" / row.port]
    if flavour == "rust" and row.entry != "usermod":
        command += ["-f", unix.WRAPPER]
    variables = {"BUILD": folder, "MICROPY_MPYCROSS": unix.build_mpy_cross(tree)}
    if not (tree.path / "lib" / "micropython-lib" / "README.md").exists():
        variables["MPY_LIB_DIR"] = unix.absent_micropython_lib()
    if flavour == "rust":
        variables["MPGC_PROFILE"] = profile
        if row.entry == "usermod":
            variables["USER_C_MODULES"] = USERMOD
    words = [f"{name}={value}" for name, value in variables.items()]
    return [str(word) for word in [*command, *words, *(filled(word) for word in row.make)]]


def objects_in(tree, folder):
    """The objects of the replaced files, wherever make or CMake has put them."""
    names = {f"{stem}{end}" for stem in replaced(tree) for end in (".o", ".c.o", ".c.obj", ".obj")}
    return sorted(
        path for path in folder.rglob("*.o*") if path.parent.name == "py" and path.name in names
    )


def env_of(row, tree):
    env = unix.build_env(tree)
    if row.port == "rp2" and not shutil.which("picotool"):
        # The SDK would fetch it, for a .uf2 file, which nothing here needs. On make's command line
        # this would replace what the port's Makefile adds.
        env["CMAKE_ARGS"] = f"{env.get('CMAKE_ARGS', '')} -DPICO_NO_PICOTOOL=1".strip()
    return env


def build_by_make(row, tree, flavour, profile):
    folder = folder_of(row, tree, profile or "c")
    command = make_command(row, tree, flavour, profile, folder)
    log = folder.with_name(folder.name + ".log")
    with locked(folder):
        if row.entry != "cmake":
            # A directory that CMake has configured keeps what it was configured with.
            unix.begin_with_c(folder)
        what = f"building {row.name} ({profile or 'c'})"
        status = run_logged(command, log, env=env_of(row, tree), what=what, fatal=False)
    if status:
        text = log.read_text(errors="replace")
        if flavour == "rust" and mpgc_link.NOTE in text:
            return TooLarge(text)
        end = "\n".join("    | " + line[:300] for line in text.splitlines()[-25:])
        raise Fail(f"{what} failed with status {status}; {shown(log)} ends with:\n{end}")
    program = folder / row.program
    if not program.is_file():
        raise Fail(f"{what} has made no {shown(program)}")
    objects = objects_in(tree, folder)
    carriers = [path for path in objects if path.name.startswith("gc.")]
    if len(carriers) != 1 and flavour == "rust":
        carriers = [path for path in carriers if path.parent.parent.name == "mpgc"] or carriers
    if not carriers:
        raise Fail(f"{what} has made no object of py/gc.c below {shown(folder)}")
    return Built(flavour, profile, folder, program, program, objects, carriers[0], command)


# What embedded.package() asks for.
Package = namedtuple("Package", "tree work jobs")


def build_embedded(row, tree, flavour, profile):
    """The package of ports/embed with a program of ours; the C's objects are made once."""
    work = folder_of(row, tree, "package")
    folder = work / "embed"
    if flavour == "c":
        work.mkdir(parents=True, exist_ok=True)
        embedded.package(Package(tree.path, work, jobs()))
    objects = sorted((folder / "micropython_embed").rglob("*.o"))
    mine = {f"{stem}.o" for stem in replaced(tree)}
    own = [path for path in objects if path.parent.name == "py" and path.name in mine]
    program, carrier, command = folder / f"figures-{profile or 'c'}", own[0], ["gcc"]
    if flavour == "rust":
        carrier = folder / f"made-{profile}" / "gc.o"
        flags = [*embedded.FLAGS, "-c", "micropython_embed/py/gc.c"]
        command = [embedded.OBJECT, "-o", carrier, f"MPGC_PROFILE={profile}", "--", "gcc", *flags]
        embedded.run(folder, *command)
        objects = [path for path in objects if path not in own] + [carrier]
    embedded.run(folder, "gcc", "-o", program, "figures.o", *objects)
    words = [str(word) for word in command]
    return Built(flavour, profile, folder, program, program, own, carrier, words)


def build_by_tool(row, tree, flavour, profile):
    """The windows and webassembly ports, which have tools of their own."""
    tool = windows if row.entry == "windows" else webassembly
    variant = row.make[0].partition("=")[2]
    options = option_names.parse(f"MPGC_PROFILE={profile}" if flavour == "rust" else "")
    made = tool.build(tree, variant, flavour, options)
    name = "micropython.exe" if tool is windows else "micropython.wasm"
    carrier = made.folder / "py" / "gc.o"
    program, words = made.folder / name, made.command
    return Built(flavour, profile, made.folder, program, made.program, [], carrier, words)


def build(row, tree, flavour, profile=""):
    """A Built, or a TooLarge where the program does not fit and mpgc has said what may help."""
    if row.entry == "mpgc-object":
        return build_embedded(row, tree, flavour, profile)
    if row.entry in ("windows", "webassembly"):
        return build_by_tool(row, tree, flavour, profile)
    return build_by_make(row, tree, flavour, profile)


def output_of(row, built):
    """The lines that a program prints, but for the banner; ends when `until` is among them."""
    command = [
        filled(word, program=built.starter, folder=built.folder) for word in shlex.split(row.run)
    ]
    given = PASTE + (ROOT / row.input).read_bytes() + END + END if row.input else b""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    until, said, wanted = time.monotonic() + SECONDS, b"", bool(row.until)
    # on a line of its own: what is typed is echoed
    last = re.compile(rf"(?m)^(?:{row.until})\r*$".encode())
    try:
        while time.monotonic() < until:
            if select.select([process.stdout], [], [], 1)[0]:
                more = os.read(process.stdout.fileno(), 65536)
                said += more
                if not more:
                    break
            if given and PROMPT in said:
                # what comes before the firmware reads is lost
                process.stdin.write(given)
                process.stdin.flush()
                given = b""
            if wanted and last.search(said):
                break
        else:
            raise Fail(f"`{shlex.join(command)}` has not ended after {SECONDS} s:\n{said[-2000:]}")
    finally:
        # with what a script has started
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if wanted and not last.search(said):
        raise Fail(f"`{shlex.join(command)}` ended without `{row.until}`:\n{said[-2000:]}")
    lines = said.decode(errors="replace").replace("\r", "").splitlines()
    if wanted:
        # how much of what follows has been read is chance
        places = [i for i, line in enumerate(lines) if re.fullmatch(row.until, line)]
        lines = lines[: places[0] + 1]
    return [line for line in lines if not line.startswith(BANNER)]


def can_run(row):
    """What runs the program here, or None."""
    if not row.run:
        return None
    first = shlex.split(row.run)[0]
    needed = windows.find_target("windows").emulator[0] if row.entry == "windows" else first
    return needed if needed.startswith("{") or shutil.which(needed) else None


def relink(row, built, size):
    """Link a program again, with so many bytes of flash. Returns what was said, and the status."""
    name, flags = row.full
    port = built.command[built.command.index("-C") + 1]
    text = (Path(port) / name).read_text()
    changed, count = re.subn(r"(FLASH[^\n]*LENGTH = )\w+", rf"\g<1>{size}", text)
    if count != 1:
        raise Fail(f"{port}/{name} has {count} regions called FLASH")
    script = built.folder / "full.ld"
    script.write_text(changed)
    program = built.folder / row.program
    kept = program.read_bytes()
    try:
        program.unlink()
        command = [*built.command, f"LDFLAGS={flags.replace('{script}', str(script))}", program]
        done = subprocess.run(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**clean_env(), "LC_ALL": "C"},
            check=False,
        )
    finally:
        program.write_bytes(kept)
    return done.stdout, done.returncode
