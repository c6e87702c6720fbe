"""Firmware of the qemu port with the C modules of c-tests/metal, and Python scripts that run on it
in the emulator.
"""

import os
import sys

from tools.build import firmware, unix
from tools.common import BUILD, ROOT, clean_env, run_logged, shown
from tools.verify.firmware_test import serial_path

SOURCES = ROOT / "c-tests" / "metal"
WORK = BUILD / "on-metal"


def build(tree, board, flavour, make_variables=(), name=""):
    """One flavour ("c" or "rust") for a board. Returns a Build."""
    folder = "-".join(filter(None, [unix.tree_key(tree), board, name]))
    output = WORK / folder / flavour
    variables = {"USER_C_MODULES": SOURCES, **dict(make_variables)}
    flags = ["-include", str(SOURCES / "port.h"), variables.get("CFLAGS_EXTRA", "")]
    variables["CFLAGS_EXTRA"] = " ".join(filter(None, flags))
    command = firmware.make_command(tree, board, flavour, variables, output)
    unix.begin_with_c(output)
    run_logged(
        command,
        output.with_name(flavour + ".log"),
        env=unix.build_env(tree),
        what=f"building {folder} ({flavour})",
    )
    unix.prove(output / "firmware.elf", flavour, ("gc_alloc", "nlr_jump"), output / "firmware.map")
    return unix.Build(flavour, output, output / "firmware.elf", [str(word) for word in command])


def run(tree, built, source, constants, name, *emulator_words):
    """Runs a script of c-tests/metal, with constants before it. Returns (what it printed, whether
    it came to its end).
    """
    script = WORK / f"{name}.py"
    script.write_text(
        "".join(f"{key} = {value!r}\n" for key, value in constants.items())
        + (SOURCES / source).read_text()
    )
    # pyboard.py splits the command at blanks, so the path is relative to where it runs.
    kernel = os.path.relpath(built.program, WORK)
    emulator = " ".join(
        [*firmware.emulator(tree, built), *emulator_words, "-serial", "pty", "-kernel", kernel]
    )
    env = clean_env()
    serial = serial_path()
    if serial:
        env["PYTHONPATH"] = str(serial)
    command = [
        sys.executable,
        tree.path / "tools" / "pyboard.py",
        "--device",
        f"execpty:{emulator}",
        script,
    ]
    log = WORK / f"{name}.log"
    status = run_logged(command, log, env=env, cwd=WORK, what=name, fatal=False, every=60)
    text = log.read_text(errors="replace")
    return (
        (text, True)
        if status == 0
        else (f"status {status}, see {shown(log)}\n{text[-1500:]}", False)
    )
