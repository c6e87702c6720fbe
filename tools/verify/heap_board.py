"""Tries mpgc-heap on firmware with MicroPython's own C in qemu: snapshots through its GDB server,
and by the script that the tool makes, printed over the emulated serial line, on which `watch` asks
for figures too. Ends with `N passed, N failed`.
"""

import os
import pty
import re
import select
import selectors
import socket
import subprocess
import threading
import time
import tty
from contextlib import contextmanager

from tools.build import firmware
from tools.build import heap_demo as heap
from tools.common import BUILD, ROOT, Fail, clean_env, say, shown
from tools.setup import options as option_names
from tools.setup.tree import get_tree
from tools.steps import Tally
from tools.verify.heap_answers import answer
from tools.verify.heap_check import check_names
from tools.verify.heap_docs import check_docs

WORK = BUILD / "heap-check"
SCRIPT = ROOT / "tests" / "python" / "heap_leaks.py"
# mpgc-heap needs debug information, which adds nothing to the firmware.
OPTIONS = "-g"
# Board, release and flavour of the worked example in docs/snapshot.md.
DOCUMENTED = ("MPS2_AN385", "1.26.1", "c")
RAW, PASTE, MORE, END = b"\x01", b"\x05A\x01", b"\x01", b"\x04"
# How many bytes are carried at once between the serial line and a pseudo-terminal.
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
        self.held = bytearray()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def read(self, enough, what, seconds):
        """What it prints until that is enough; the rest of what has come is kept."""
        end = time.monotonic() + seconds
        while not enough(self.held):
            if time.monotonic() > end or (
                not self.selector.select(1) and self.process.poll() is not None
            ):
                raise Fail(f"the board does not print {what}: {bytes(self.held[-500:])!r}")
            if self.selector.select(0):
                self.held += self.process.stdout.read(4096)
        count = enough(self.held)
        text, self.held = self.held[:count], self.held[count:]
        return bytes(text)

    def until(self, mark, seconds=120):
        return self.read(
            lambda text: text.find(mark) + len(mark) if mark in text else 0, repr(mark), seconds
        )

    def exactly(self, count, seconds=120):
        return self.read(lambda text: count if len(text) >= count else 0, f"{count} bytes", seconds)

    def paste(self, source):
        """Send a program in the raw prompt's mode for pasting, in which the board says when it
        accepts more.
        """
        self.process.stdin.write(PASTE)
        head = self.exactly(4)
        if head[:2] != b"R\x01":
            raise Fail(f"the board has no mode for pasting: {head!r}")
        window = space = int.from_bytes(head[2:], "little")
        while source:
            if not space:
                answer = self.exactly(1)
                if answer != MORE:
                    raise Fail(f"the board answers {answer!r} while it is sent a program")
                space = window
            self.process.stdin.write(source[:space])
            source, space = source[space:], max(0, space - len(source))
        self.process.stdin.write(END)
        while self.exactly(1) != END:
            pass

    def run(self, source, seconds=120):
        """Run Python in the raw prompt. Returns what it prints."""
        self.process.stdin.write(RAW)
        self.until(b"raw REPL; CTRL-B to exit\r\n>")
        self.paste(source)
        text = self.until(END + b">", seconds)
        printed, error = text[:-1].split(END)[:2]
        if error:
            raise Fail(f"the board says: {error.decode(errors='replace')}")
        return printed

    @contextmanager
    def serial_port(self):
        """The path of a pseudo-terminal, which is the board's serial line meanwhile."""
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        output, ended = self.process.stdout.fileno(), threading.Event()

        def carry():
            while not ended.is_set():
                for ready in select.select([ours, output], [], [], 0.05)[0]:
                    data = os.read(ready, PIECE)
                    os.write(ours if ready == output else self.process.stdin.fileno(), data)

        thread = threading.Thread(target=carry)
        thread.start()
        try:
            yield os.ttyname(theirs)
        finally:
            ended.set()
            thread.join()
            os.close(ours)
            os.close(theirs)


def check_watch(checks, tool, board):
    """`watch` says how much is in use, by the board's own micropython.mem_info(); what it runs
    first is shown.
    """
    program = WORK / "watched.py"
    program.write_text("kept = bytearray(3000)\nprint('kept', len(kept))\n")
    used = int(board.run(b"import gc; gc.collect(); print(gc.mem_alloc())"))
    with board.serial_port() as port:
        words = (port, "--run", program, "--count", "3", "--every", "0.1")
        lines = answer(tool, "watch", *words).splitlines()
    found = [
        re.search(r" (\d+) of \d+ bytes in use; largest free \d+ blocks$", line) for line in lines
    ]
    good = len(lines) == 4 and lines[0] == "| kept 3000" and all(found[1:])
    good = good and all(3000 <= int(match[1]) - used < 12000 for match in found[1:])
    checks.add(f"watch reads the board three times, with {used} bytes in use before", good, lines)


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
        check_watch(checks, tool, board)
        checks.add("the board continues", board.run(b"print(6 * 7)").strip() == b"42")
    if (args.board, tree.release, args.flavour) == DOCUMENTED:
        emulator = firmware.emulator(tree, built)[0]
        check_docs(checks, tool, emulator, program, folder / "docs")
    say(
        f"{shown(by_gdb)}: {by_gdb.stat().st_size} bytes, {shown(by_script)}: "
        f"{by_script.stat().st_size} bytes"
    )
    return checks.ended()
