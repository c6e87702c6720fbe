"""Xtensa: targets of our own, since rustc has none that its LLVM takes, and code that goes through
the port's assembler.

LLVM writes assembly that is right but for one thing, and objects that do not link: both have the
literals of a function in the section of the function before. The port's assembler also takes the
short form of an instruction wherever there is one, and of calls the form that its linker shortens.
"""

import functools
import os
import re
import tempfile
from pathlib import Path

from mpgc_run import Stop, first_error, run

SPECIFICATIONS = Path(__file__).resolve().parent / "targets"
ASSEMBLY = Path(__file__).resolve().parent.parent / "src" / "nlr" / "xtensa.S"
# The ESP8266; and the ESP32, S2 and S3, in instructions that all of them have.
CALL0, WINDOWED = "xtensa-call0-none-elf", "xtensa-windowed-none-elf"
# LLVM calls it for a trap, a port need not have it: xtensa.S has what stops the processor.
TRAP = "abort"
LITERALS = (".literal_position", ".literal")
# Rust's compiler for the ESP32, which Espressif's installer calls so.
ESPRESSIFS = "esp"


def is_ours(target):
    """Whether rustc is given a specification for the target instead of its name."""
    return (SPECIFICATIONS / f"{target}.json").is_file()


def target_of(macros):
    """The target for a C compiler for Xtensa that predefines these macros."""
    return CALL0 if "__XTENSA_CALL0_ABI__" in macros else WINDOWED


def espressifs_cargo():
    """The cargo of Espressif's toolchain, where rustup has it; none elsewhere."""
    try:
        done = run(["rustup", "which", "--toolchain", ESPRESSIFS, "cargo"])
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@functools.cache
def specification(rustc, target):
    """(the target's specification for this rustc, why there is none).

    Espressif's LLVM and the one that it was taken from disagree on the layout of data, rustc
    refuses one that is not its LLVM's, and names that.
    """
    text = (SPECIFICATIONS / f"{target}.json").read_text()
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            file, source = Path(folder) / f"{target}.json", Path(folder) / "empty.rs"
            file.write_text(text)
            source.write_text('#![feature(no_core)]\n#![no_core]\n#![crate_type = "lib"]\n')
            command = [
                rustc,
                "-Zunstable-options",
                "--target",
                str(file),
                "--emit=obj",
                "-o",
                os.devnull,
                str(source),
            ]
            done = run(command, env={**os.environ, "RUSTC_BOOTSTRAP": "1"})
        if done.returncode == 0:
            return text, None
        layout = re.search(
            r"differs from LLVM target's `[^`]*` default layout, `([^`]+)`", done.stderr
        )
        if not layout:
            break
        text = re.sub(r'("data-layout": ")[^"]*', lambda found, new=layout[1]: found[1] + new, text)
    return None, f"`{rustc}` does not compile for Xtensa: {first_error(done.stderr)}"


def cargo_words(toolchain, target, folder):
    """The arguments of cargo for the target; its specification is written into `folder`, for all
    builds with this rustc."""
    text, reason = specification(toolchain.rustc, target)
    if reason:
        raise Stop(reason)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{target}.json"
    # another build may be reading it, and cargo compiles all anew when it has changed
    if not file.exists() or file.read_text() != text:
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(text)
        partial.replace(file)
    flags = run([toolchain.cargo, "-Zhelp"], env={**os.environ, "RUSTC_BOOTSTRAP": "1"}).stdout
    return ["--target", str(file), *(["-Zjson-target-spec"] if "json-target-spec" in flags else [])]


def rustc_words(assembly):
    """The arguments of rustc for `assemble`. LLVM would load constants ahead of loops and then have
    no register for them.
    """
    return ["-C", "llvm-args=-disable-machine-licm", "--emit", f"link,asm={assembly}"]


def with_literals_in_place(lines):
    """LLVM's assembly with the literals of each function in the function's section."""
    held = []
    for line in lines:
        word = line.split(None, 1)[:1]
        if word and word[0] in LITERALS:
            held.append(line)
            continue
        if held and word == [".type"] and "@function" in line:
            yield from held
            held = []
        yield line
    if held:
        raise Stop(
            "LLVM's assembly has literals that belong to no function: "
            "report this with the output of `rustc -vV`"
        )


# Each branch and the one that is taken where it is not.
OPPOSITES = {
    "beq": "bne",
    "beqi": "bnei",
    "beqz": "bnez",
    "blt": "bge",
    "blti": "bgei",
    "bltu": "bgeu",
    "bltui": "bgeui",
    "bltz": "bgez",
}
OPPOSITES.update({other: branch for branch, other in OPPOSITES.items()})
# Which registers a call leaves with other values than they had, by how far it turns the window.
LOST_IN_CALLS = {
    "0": {"a0", *(f"a{n}" for n in range(2, 12))},
    "8": {f"a{n}" for n in range(8, 16)},
}


def with_direct_calls(lines):
    """LLVM's assembly with calls of names, where it loads the address from a literal first.

    With -mlongcalls the assembler writes the same two instructions, and notes that they are a call:
    the linker makes one of them, and drops the literal, where the function is within reach.
    """
    lines, loaded = list(lines), {}
    names = {}
    for line in lines:
        found = re.fullmatch(r"\s*\.literal\s+(\S+),\s*([A-Za-z_.$][\w.$]*)\s*", line)
        if found:
            names[found[1]] = found[2]
    for at, line in enumerate(lines):
        words = re.findall(r"[\w.$]+", line)
        if not words or line.startswith(".L") or not line[0].isspace():
            # another way may come here
            loaded = {}
            continue
        call = re.fullmatch(r"callx([08])", words[0])
        if call and words[1] in loaded and words[1] in LOST_IN_CALLS[call[1]]:
            load, name = loaded[words[1]]
            lines[load], lines[at] = "", f"\tcall{call[1]}\t{name}\n"
        if words[0].startswith(("b", "j", "call", "ret")):
            loaded = {}
            continue
        for word in words[1:]:
            loaded.pop(word, None)
        if words[0] == "l32r" and words[2] in names:
            loaded[words[1]] = (at, names[words[2]])
    used = set(re.findall(r"\.LCPI\w+", "".join(line for line in lines if ".literal" not in line)))
    return [
        line
        for line in lines
        if ".literal" not in line
        or line.split()[0] != ".literal"
        or line.split()[1].rstrip(",") in used
    ]


def shortened(lines):
    """LLVM's assembly without what it does in two instructions and the processor in one.

    The stack pointer is moved by way of a8 as a function begins and before it returns, and a branch
    leads over a jump (the assembler makes two of one that is out of reach).
    """
    text = "".join(lines)
    moved = r"\taddi\ta8, a1, (-?\d+)\n\tor\ta1, a8, a8\n"
    text = re.sub(r"(?m)^([^\s.]\S*:[^\n]*\n)" + moved, r"\1\taddi\ta1, a1, \2\n", text)
    text = re.sub(moved + r"(?=\tret\n)", r"\taddi\ta1, a1, \1\n", text)

    def turned(found):
        branch, operands, over, there, label = found.groups()
        if branch not in OPPOSITES or over != label:
            return found[0]
        return f"\t{OPPOSITES[branch]}\t{operands}{there}\n{label}:"

    return re.sub(
        r"\t(b\w+)\t([^\n]*, )(\.L\w+)\n\tj\t(\.L\w+)\n(\.L\w+):", turned, text
    ).splitlines(keepends=True)


def assemble(compiler, assembly, folder, nlr_push=None):
    """The objects of Rust's code and of xtensa.S, made by the compiler's command; `nlr_push` is the
    name of that function, if the registers are saved there.
    """
    lines = assembly.read_text().splitlines(keepends=True)
    source, rust, ours = folder / "rust.s", folder / "rust.o", folder / "xtensa.o"
    source.write_text("".join(with_literals_in_place(shortened(with_direct_calls(lines)))))
    names = [f"-DNLR_PUSH={nlr_push}"] if nlr_push else []
    for command in (
        [*compiler, "-c", source, "-o", rust],
        [*compiler, *names, "-c", ASSEMBLY, "-o", ours],
    ):
        done = run([str(word) for word in command])
        if done.returncode:
            raise Stop(
                f"the assembler of {compiler[0]} does not take the code: {first_error(done.stderr)}"
            )
    return [rust, ours]
