"""Tries mpgc-heap on firmware with MicroPython's own C in qemu: snapshots through its GDB server,
and by the script that the tool makes, printed over the emulated serial line. Ends with `N passed, N
failed`.
"""

import re
import selectors
import socket
import subprocess
import time

from tools.build import firmware
from tools.build import heap_demo as heap
from tools.common import BUILD, ROOT, Fail, clean_env, say, shown
from tools.setup import options as option_names
from tools.setup.tree import get_tree
from tools.steps import Tally
from tools.verify.heap_answers import answer
from tools.verify.heap_check import check_names

WORK = BUILD / "heap-check"
SCRIPT = ROOT / "tests" / "python" / "heap_leaks.py"
# mpgc-heap needs debug information, which adds nothing to the firmware.
OPTIONS = "-g"
RAW, END = b"\x01", b"\x04"
# The number of bytes that the emulated serial line accepts at once.
PIECE = 128


class Board:
    """A board in qemu: this object has its serial line; its GDB server listens on a port of this
    machine.
    """

    def __init__(self, command):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.gdb = f"127.0.0.1:{probe.getsockname()[1]}"
        command = [*command, "-serial", "stdio", "-gdb", f"tcp:{self.gdb}"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_env(),
            bufsize=0,
        )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def until(self, mark, seconds=120):
        text, end = bytearray(), time.monotonic() + seconds
        while mark not in text:
            if time.monotonic() > end or (
                not self.selector.select(1) and self.process.poll() is not None
            ):
                raise Fail(f"the board does not print {mark!r}: {bytes(text[-500:])!r}")
            if self.selector.select(0):
                text += self.process.stdout.read(4096)
        return bytes(text)

    def run(self, source, seconds=120):
        """Run Python in the raw prompt. Returns what it prints."""
        self.process.stdin.write(RAW)
        self.until(b"raw REPL; CTRL-B to exit\r\n>")
        for at in range(0, len(source), PIECE):
            self.process.stdin.write(source[at : at + PIECE])
            time.sleep(0.01)
        self.process.stdin.write(END)
        self.until(b"OK")
        text = self.until(END + b">", seconds)
        printed, error = text[:-1].split(END)[:2]
        if error:
            raise Fail(f"the board says: {error.decode(errors='replace')}")
        return printed


def live_bytes(tool, program, snapshot):
    lines = (
        line.split(" ", 3) for line in answer(tool, "list", snapshot, "--elf", program).splitlines()
    )
    return sum(int(size) for _, size, liveness, _ in lines if liveness == "live")


def add_arguments(parser):
    parser.add_argument("--flavour", choices=("c", "rust"), default="c")


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    tool = heap.build()
    built = firmware.build(tree, args.board, args.flavour, option_names.parse(OPTIONS))
    program, checks = built.program, Tally()
    folder = WORK / f"{args.board}-{args.flavour}"
    folder.mkdir(parents=True, exist_ok=True)
    with Board([*firmware.emulator(tree, built), "-kernel", str(program)]) as board:
        board.until(b">>> ")
        source = SCRIPT.read_bytes()
        used = int(re.search(rb"used (\d+)", board.run(source))[1])
        by_gdb, by_script = folder / "by-gdb", folder / "by-script.txt"
        answer(tool, "record", "--gdb", board.gdb, "--elf", program, "--output", by_gdb)
        check_names(checks, tool, program, by_gdb, "by GDB")
        summary = answer(tool, "summary", by_gdb, "--elf", program, "--top", "99")
        checks.add(
            "by GDB, the frame of the prompt is named",
            "<C stack, frame of pyexec_raw_repl>" in summary,
            summary,
        )
        live = live_bytes(tool, program, by_gdb)
        checks.add(
            f"by GDB, {live} bytes are live, the program said {used}",
            0.8 * used < live < 1.2 * used,
        )
        printed = board.run(answer(tool, "script", "--elf", program).encode(), seconds=600)
        by_script.write_bytes(printed)
        check_names(checks, tool, program, by_script, "by script")
        checks.add("the board continues", board.run(b"print(6 * 7)").strip() == b"42")
    say(
        f"{shown(by_gdb)}: {by_gdb.stat().st_size} bytes, {shown(by_script)}: "
        f"{by_script.stat().st_size} bytes"
    )
    return checks.ended()
