"""A Raspberry Pi Pico in the emulator rp2040js: its firmware with C and with mpgc, a boot ROM, and
a serial line.

The emulator comes from npm into build/rp2040. The firmware is built from a checkout with its
submodules, by the way of `make ports`.
"""

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import threading
import time
import tty
from contextlib import contextmanager
from pathlib import Path

from tools.build import unix
from tools.common import BUILD, ROOT, Fail, run_logged, say, shown
from tools.verify import ports_build, ports_program, ports_table

SOURCES = ROOT / "c-tests" / "rp2040"
WORK = BUILD / "rp2040"
BOARDS = ("RPI_PICO",)
PROMPT = b">>> "
# How long the board may take to its prompt, on a busy machine.
START_SECONDS = 300
# What the emulator has for it.
ROM_BYTES = 16 << 10
COMPILER = [
    *["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", "-Os", "-std=c11", "-Wall", "-Wextra"],
    # it has memcpy and memset itself, which must not call themselves
    *["-ffreestanding", "-fno-tree-loop-distribute-patterns", "-ffunction-sections"],
    *["-nostdlib", "-Wl,--gc-sections", "-Wl,-e,rom_reset"],
]


def row_of(board):
    """The row of `make ports` for a board."""
    if board not in BOARDS:
        raise Fail(f"BOARD={board} is not emulated here: choose one of {', '.join(BOARDS)}")
    return next(row for row in ports_table.rows() if row.name == f"rp2 {board}")


def boot_rom(given):
    """The image of a boot ROM: ours, or what RP2040_BOOTROM names, an image or words in hex."""
    WORK.mkdir(parents=True, exist_ok=True)
    image = WORK / ("given.bin" if given else "rom.bin")
    if given:
        path = Path(given)
        if not path.is_file():
            raise Fail(f"RP2040_BOOTROM={given} is no file")
        data = path.read_bytes()
        if path.suffix in (".ts", ".js", ".h", ".txt"):
            words = re.findall(r"0x([0-9a-fA-F]{8})\b", data.decode())
            data = b"".join(int(word, 16).to_bytes(4, "little") for word in words)
        image.write_bytes(data)
    else:
        program = WORK / "rom.elf"
        sources = [SOURCES / "rom.S", SOURCES / "rom.c"]
        command = [*COMPILER, f"-Wl,-T,{SOURCES / 'rom.ld'}", "-o", program, *sources, "-lgcc"]
        run_logged(command, WORK / "rom.log", what="building the boot ROM")
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", program, image], check=True)
    # the RP2040 knows its ROM by this
    if image.read_bytes()[0x10:0x13] != b"Mu\x01" or image.stat().st_size > ROM_BYTES:
        raise Fail(f"{given or shown(image)} is no boot ROM of an RP2040")
    return image


def emulator():
    """The folder with the emulator, and with what starts it."""
    WORK.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "board.mjs"):
        shutil.copyfile(SOURCES / name, WORK / name)
    if not (WORK / "node_modules" / "rp2040js").is_dir():
        for needed in ("node", "npm"):
            if not shutil.which(needed):
                raise Fail(f"{needed} is missing: install nodejs (18 or newer) and npm")
        command = ["npm", "install", "--no-audit", "--no-fund"]
        run_logged(command, WORK / "npm.log", cwd=WORK, what="installing rp2040js by npm")
    return WORK


def check_compiler():
    """The SDK has a file of C++, and Debian has the headers in a package of their own."""
    command = ["arm-none-eabi-g++", "-E", "-x", "c++", "-"]
    done = subprocess.run(
        command, input="#include <cstdlib>", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Fail(
            "arm-none-eabi-g++ has no headers of the C++ library: install "
            "libstdc++-arm-none-eabi-newlib"
        )


def build(tree, board, flavour, profile="speed"):
    """One flavour ("c" or "rust"). Returns a unix.Build whose program is the image of the flash."""
    row = row_of(board)
    lacking = [name for name in row.submodules if not any((tree.path / name).glob("*"))]
    if lacking:
        raise Fail(
            f"{tree.path} lacks {', '.join(lacking)}: give MICROPYTHON_DIR=<a checkout with its "
            "submodules>"
        )
    check_compiler()
    built = ports_build.build(row, tree, flavour, profile if flavour == "rust" else "")
    ports_program.prove(flavour, built.program, built.carrier)
    image = built.folder / "firmware.bin"
    if not image.is_file():
        raise Fail(f"{shown(built.folder)} has no firmware.bin")
    say(f"  built {shown(image)}")
    return unix.Build(flavour, built.folder, image, built.command)


@contextmanager
def running(rom, built):
    """Starts the board, waits for its prompt, and gives the name of its serial line, a
    pseudo-terminal.
    """
    command = ["node", WORK / "board.mjs", rom, built.program]
    master, slave = pty.openpty()
    tty.setraw(slave)
    with (WORK / f"{built.flavour}.err").open("wb") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0
        )
    pumps = []
    try:
        # The first prompt comes before the line is open, and is lost.
        process.stdin.write(b"\r\n")
        said, until = b"", time.monotonic() + START_SECONDS
        while PROMPT not in said:
            more = os.read(process.stdout.fileno(), 4096) if readable(process.stdout, 1) else None
            if more == b"" or time.monotonic() > until:
                text = Path(errors.name).read_text(errors="replace")[-800:]
                raise Fail(f"{shown(built.program)} has no prompt: {said[-800:]!r} {text}")
            said += more or b""
        for source, sink in ((process.stdout.fileno(), master), (master, process.stdin.fileno())):
            pumps.append(threading.Thread(target=pump, args=(source, sink), daemon=True))
            pumps[-1].start()
        yield os.ttyname(slave)
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        for each in pumps:
            each.join(10)
        os.close(master)


def readable(file, seconds):
    return bool(select.select([file], [], [], seconds)[0])


def pump(source, sink):
    """Copies until one of both ends."""
    # the board has been stopped
    with contextlib.suppress(OSError):
        while more := os.read(source, 4096):
            while more:
                more = more[os.write(sink, more) :]
