"""Types the commands of the worked example of docs/snapshot.md, as they stand there, and compares
what they print, but for numbers.
"""

import os
import re
import shutil
import signal
import socket
import subprocess

from tools.common import ROOT, Fail, clean_env, say

PAGE = ROOT / "docs" / "snapshot.md"
SECTION = "## From a MemoryError to its cause"
GDB = "127.0.0.1:1234"


def commands():
    """(command, what it prints) of the section."""
    text = PAGE.read_text().split(f"\n{SECTION}\n")[1].split("\n## ")[0]
    found, block = [], re.findall(r"^    (.*)$", text, re.M)
    for line in block:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> "):
            found[-1] = (f"{found[-1][0].removesuffix(chr(92))} {line[2:].strip()}", found[-1][1])
        elif found:
            found[-1][1].append(line.rstrip())
    return [(command, "\n".join(lines)) for command, lines in found]


def shape(text):
    """A text without its numbers, and without how wide a column is."""
    text = re.sub(r"0x[0-9a-f]+|\d+(\.\d+)?", "N", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def check_docs(checks, tool, emulator, program, folder):
    """Runs each command in a folder that has what the page says is there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(program, folder / "firmware.elf")
    shutil.copy(ROOT / "examples" / "clock.py", folder)
    names = {"mpgc-heap": str(tool), "qemu-system-arm": str(emulator), GDB: free_port()}
    env = clean_env()
    started = []
    try:
        for command, expected in commands():
            typed = command
            for name, real in names.items():
                typed = typed.replace(name, real)
            say(f"$ {command}")
            process = subprocess.Popen(
                ["bash", "-c", f"exec {typed.removesuffix('&')}" if typed.endswith("&") else typed],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            if typed.endswith("&"):
                started.append(process)
                printed = process.stdout.readline()
                line = re.search(r"/dev/pts/\d+", printed)
                shown = re.search(r"/dev/pts/\d+", expected)
                if not line or not shown:
                    raise Fail(f"`{command}` names no serial line: {printed}")
                names[shown[0]] = line[0]
            else:
                printed = process.communicate(timeout=300)[0]
            checks.add(
                f"docs: {command.split()[0]} {command.split()[1]} prints what the page says",
                shape(printed) == shape(expected) and not process.poll(),
                f"{printed}\nbut the page has\n{expected}",
            )
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
