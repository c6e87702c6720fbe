"""Runs the heap and the scheduler where registers are in windows, as on an ESP32, in qemu.

c-tests/xtensa/windowed is a program for the processor de212. The compiler for the ESP8266 makes
code with windows, but its assembler and its linker do not know them: LLVM assembles, and the linker
is given no call that it would have to read.
"""

import re
import shutil

from mpgc_rust import choose_toolchain
from mpgc_xtensa import ASSEMBLY, TRAP, WINDOWED, with_literals_in_place

from tools.build import firmware_lib, xtensa
from tools.common import BUILD, ROOT, Fail, output_of, run_logged, say
from tools.steps import count_line

WORK = BUILD / "xtensa-windows"
SOURCES = xtensa.SOURCES / "windowed"
ASSEMBLER = "llvm-mc-22"
OPTIONS = "density,windowed,mul16,mul32,nsa,exception,debug,highpriinterrupts,rvector"
COMPILER = ["xtensa-lx106-elf-gcc", "-mabi=windowed", "-std=gnu11", "-Os", "-Wall", "-Wextra"]
# Without a C library. The mem functions are not to be made of calls to themselves.
COMPILER += [
    "-Werror",
    "-ffunction-sections",
    "-ffreestanding",
    "-fno-tree-loop-distribute-patterns",
]


def printed(command):
    return output_of([str(word) for word in command])


def for_llvm(assembly):
    """gcc's assembly with calls by an address from a literal, and branches that reach farther."""
    lines = []
    for line in re.sub(r"\b(b\w+z)\.n\b", r"\1", assembly).splitlines(keepends=True):
        call = re.fullmatch(r"\tcall8\t(\S+)\n", line)
        if call:
            literal = f".LCALL{len(lines)}"
            line = f"\t.literal {literal}, {call[1]}\n\tl32r\ta8, {literal}\n\tcallx8\ta8\n"
        lines.append(line)
    return "".join(lines)


def assemble(name, text):
    """An object. LLVM says that literals may lie at any byte, where the processor takes words."""
    source, output, log = WORK / f"{name}.s", WORK / f"{name}.o", WORK / f"{name}.log"
    source.write_text(text)
    command = [ASSEMBLER, "--triple=xtensa-none-elf", "--mcpu=generic", "-filetype=obj"]
    command.append("--mattr=" + ",".join(f"+{option}" for option in OPTIONS.split(",")))
    run_logged([*command, source, "-o", output], log, what=f"assembling {name}")
    sections = re.findall(
        r"^ *\d+ (\.literal\S*)", printed(["xtensa-lx106-elf-objdump", "-h", output]), re.M
    )
    aligned = [f"--set-section-alignment={section}=4" for section in dict.fromkeys(sections)]
    run_logged(["xtensa-lx106-elf-objcopy", *aligned, output], log, what=f"aligning {name}")
    return output


def build():
    WORK.mkdir(parents=True, exist_ok=True)
    firmware_lib.compile_rust(WINDOWED, False, choose_toolchain(WINDOWED), WORK)
    rust = (WORK / "llvm.s").read_text().splitlines(keepends=True)
    objects = [assemble("rust", "".join(with_literals_in_place(rust)))]
    for source in (SOURCES / "start.S", ASSEMBLY):
        objects.append(
            assemble(source.stem, printed(["gcc", "-E", "-P", "-x", "assembler-with-cpp", source]))
        )
    for source in (SOURCES / "smoke.c", xtensa.SOURCES / "sim.c", xtensa.SOURCES / "rom.c"):
        command = [*COMPILER, "-I", ROOT / "include", "-I", xtensa.SOURCES, "-S", source, "-o", "-"]
        objects.append(assemble(source.stem, for_llvm(printed(command))))
    program = WORK / "smoke.elf"
    options = [
        "--no-relax",
        "--gc-sections",
        f"--wrap={TRAP}",
        "--no-warn-execstack",
        "--no-warn-rwx-segments",
    ]
    command = [
        "xtensa-lx106-elf-ld",
        *options,
        "-T",
        SOURCES / "memory.ld",
        "-o",
        program,
        *objects,
    ]
    run_logged(command, WORK / "link.log", what="linking the program")
    return program


def main(args):
    if shutil.which(ASSEMBLER) is None:
        raise Fail(f"`{ASSEMBLER}` is not in PATH: install the package llvm-22")
    program, log = build(), WORK / "run.log"
    emulator = [word if word != "lx106" else "de212" for word in xtensa.run_command(program)]
    # it takes less than a second
    status = run_logged(
        ["timeout", "60", *emulator, "-serial", "none"], log, what="running it", fatal=False
    )
    text = log.read_text(errors="replace")
    passed, failed = count_line(text)
    if status != 0 or failed or not passed:
        raise Fail(f"the program ended with status {status}:\n{text}")
    say(text.split("\n", 1)[1].strip())
    return 0
