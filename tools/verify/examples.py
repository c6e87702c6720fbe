"""Builds the Lisp of examples/firmware for this machine and for two boards, runs it, and compares
what it prints.
"""

import difflib
import shutil
import subprocess
from collections import namedtuple

from tools.build.firmware_lib import build
from tools.build.firmware_lib import machine as find_machine
from tools.common import BUILD, ROOT, Fail, run_caught, run_logged, say, shown
from tools.verify.promises import FIRMWARE, table_sizes

SOURCES = ROOT / "examples" / "firmware"
WORK = BUILD / "firmware"
LISP = [
    SOURCES / name
    for name in ("lisp.c", "eval.c", "values.c", "reader.c", "builtins.c", "program.c")
]
FLAGS = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-I", ROOT / "include", "-I", SOURCES]
# It takes less than a second on each.
TIMEOUT = 60

# `target` is a name of tools/setup/targets.py; `board` that of qemu and, with an underscore, of the
# files here.
Machine = namedtuple("Machine", "target board")
MACHINES = {
    "hosted": Machine("", ""),
    "MPS2_AN385": Machine("thumbv7m", "mps2-an385"),
    "MICROBIT": Machine("thumbv6m", "microbit"),
}


def compile_hosted():
    program = WORK / "lisp"
    sources = [SOURCES / "hosted.c", *LISP]
    command = ["gcc", "-O2", *FLAGS, "-o", program, *sources, build() / "libmpgc.a"]
    run_logged(command, WORK / "lisp.log", what="compiling the example")
    return program


def compile_metal(machine):
    """Without a C library: startup code and linker script are those of examples/firmware/metal."""
    metal, name = SOURCES / "metal", machine.board.replace("-", "_")
    program = WORK / f"lisp-{machine.board}.elf"
    library = build(machine.target) / "libmpgc.a"
    command = [*find_machine(machine.target).compiler, "-Os", *FLAGS, "-ffreestanding"]
    # the compiler must not turn the mem functions of startup.c into calls of themselves
    command += [
        "-fno-tree-loop-distribute-patterns",
        "-ffunction-sections",
        "-fdata-sections",
        "-nostdlib",
    ]
    command += [
        "-Wl,--gc-sections",
        "-Wl,-z,noexecstack",
        "-L",
        metal,
        "-T",
        metal / f"{name}.ld",
        "-o",
        program,
    ]
    command += [metal / f"{name}.c", metal / "startup.c", metal / "main.c", *LISP, library, "-lgcc"]
    run_logged(
        command,
        WORK / f"lisp-{machine.board}.log",
        what=f"compiling the example for {machine.board}",
    )
    return program


def qemu(machine, program):
    if shutil.which("qemu-system-arm") is None:
        raise Fail(f"`qemu-system-arm` is not in PATH: run `make deps TARGET={machine.target}`")
    command = [
        "qemu-system-arm",
        "-M",
        machine.board,
        "-display",
        "none",
        "-monitor",
        "none",
        "-serial",
        "stdio",
    ]
    return [*command, "-semihosting-config", "enable=on,target=native", "-kernel", str(program)]


def sizes(program):
    """Flash and RAM, in bytes."""
    done = subprocess.run(
        ["arm-none-eabi-size", program], stdout=subprocess.PIPE, text=True, check=True
    )
    text, data, bss = map(int, done.stdout.splitlines()[1].split()[:3])
    return text + data, data + bss


def differing(measured):
    """The entries of {memory: (bytes, documented KB)} that differ from docs/firmware.md,
    rounded.
    """
    return [
        f"{found} bytes of {what}, where docs/firmware.md has {kb} KB"
        for what, (found, kb) in measured.items()
        if abs(found / 1000 - kb) > 1
    ]


def run(command, name):
    try:
        done = run_caught(command, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as late:
        so_far = (late.stdout or b"").decode(errors="replace")
        raise Fail(
            f"the example on {name} did not end within {TIMEOUT} s; it printed:\n{so_far}"
        ) from late
    expected = (SOURCES / "expected.txt").read_text()
    printed = done.stdout.replace("\r\n", "\n")
    if done.returncode != 0 or printed != expected:
        differ = difflib.unified_diff(
            expected.splitlines(), printed.splitlines(), "expected.txt", name, lineterm=""
        )
        raise Fail(
            f"the example on {name} ended with status {done.returncode}:\n" + "\n".join(differ)
        )
    return printed


def check(name):
    """Build and run the example on one machine. Returns a line for the report."""
    WORK.mkdir(parents=True, exist_ok=True)
    machine = MACHINES[name]
    if not machine.board:
        program = compile_hosted()
        lines = run([program], name).count("\n")
        return f"{lines} lines as expected"
    program = compile_metal(machine)
    lines = run(qemu(machine, program), name).count("\n")
    flash, ram = sizes(program)
    documented = table_sizes(FIRMWARE.read_text())[name]
    wrong = differing({"flash": (flash, documented[0]), "RAM": (ram, documented[1])})
    if wrong:
        raise Fail(f"{name}: {'; '.join(wrong)}")
    return (
        f"{lines} lines as expected; {flash} bytes of flash, {ram} of RAM, stack and heap included"
    )


def main(args):
    names = [
        name
        for name, known in MACHINES.items()
        if args.target.lower() in ("", name.lower(), known.target)
    ]
    if not names:
        raise Fail(f"TARGET={args.target} has no example; there are: {', '.join(MACHINES)}")
    for name in names:
        say(f"{name}: {check(name)}")
    say(
        f"the programs are in {shown(WORK)}; what they print is in "
        f"{shown(SOURCES / 'expected.txt')}"
    )
    return 0
