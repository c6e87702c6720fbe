"""What is in a port's program: its sizes, where its functions lie, and whether their code is that
of the C's objects.
"""

import importlib.util
import io
import sys
from collections import Counter, namedtuple
from pathlib import Path

import mpgc_objects

from tools.build import other_ports, unix
from tools.common import Fail, shown
from tools.setup.deps import DEBIANS_PYTHON

Sizes = namedtuple("Sizes", "text data bss")
# A function of a program: its output section and its bytes.
Function = namedtuple("Function", "section code")
# A function of an object: its bytes, and which of them the linker leaves as they are.
Code = namedtuple("Code", "code fixed")

# Bytes that the linker leaves alone: with fewer, C and Rust may be the same by chance.
LEAST = 32
# In assembly on both sides, with the same slots in the same order.
ALIKE = ("nlr_push",)
# With link-time optimization, or a linker that shortens code, few functions are found again.
SURE = 0.5

WRITE, ALLOC, EXECUTABLE = 1, 2, 4


def elf_file(path):
    """The file as pyelftools reads it."""
    if not importlib.util.find_spec("elftools"):
        if not (Path(DEBIANS_PYTHON) / "elftools").is_dir():
            raise Fail(
                f"{sys.executable} has no module `elftools`: install python3-pyelftools, or run "
                f"`{sys.executable} -m pip install pyelftools`"
            )
        sys.path.append(DEBIANS_PYTHON)
    from elftools.elf.elffile import ELFFile

    return ELFFile(io.BytesIO(path.read_bytes()))


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == mpgc_objects.ELF


def functions_of(elf):
    """(name, number of its section, where in it, bytes) of each function that is defined."""
    table = elf.get_section_by_name(".symtab")
    contents = {}
    for symbol in table.iter_symbols() if table else ():
        number = symbol["st_shndx"]
        if symbol["st_info"]["type"] != "STT_FUNC" or not isinstance(number, int):
            continue
        section = elf.get_section(number)
        if number not in contents:
            # a section that was converted to zeroes has no contents to compare
            contents[number] = section.data() if section["sh_type"] == "SHT_PROGBITS" else b""
        address = symbol["st_value"] & ~(elf["e_machine"] == "EM_ARM")
        start = address - section["sh_addr"]
        yield symbol.name, number, start, contents[number][start : start + symbol["st_size"]]


class Program:
    """A linked program in ELF."""

    def __init__(self, path):
        elf = elf_file(path)
        self.path, self.functions, self.sizes = path, {}, self.read_sizes(elf)
        for name, number, _, code in functions_of(elf):
            if code:
                self.functions[name] = Function(elf.get_section(number).name, code)

    @staticmethod
    def read_sizes(elf):
        """As size(1) counts them: what is only read with the code."""
        text = data = bss = 0
        for section in elf.iter_sections():
            flags, size = section["sh_flags"], section["sh_size"]
            if not flags & ALLOC:
                continue
            if section["sh_type"] == "SHT_NOBITS":
                bss += size
            elif flags & WRITE and not flags & EXECUTABLE:
                data += size
            else:
                text += size
        return Sizes(text, data, bss)

    def ordinary(self):
        """The section in which most of the program's functions lie."""
        counted = Counter(function.section for function in self.functions.values())
        return counted.most_common(1)[0][0]


def code_of(path):
    """{name: Code} of the functions that an object defines for others."""
    elf = elf_file(path)
    touched = {}
    for section in elf.iter_sections():
        if section["sh_type"] in ("SHT_REL", "SHT_RELA"):
            places = touched.setdefault(section["sh_info"], set())
            for entry in section.iter_relocations():
                # the linker may turn the instruction before an address into another one on x86
                before = 3 if elf["e_machine"] in ("EM_X86_64", "EM_386") else 0
                at = entry["r_offset"]
                places.update(range(at - before, at + elf.elfclass // 8))
    found = {}
    for name, number, start, code in functions_of(elf):
        places = touched.get(number, ())
        fixed = bytes(start + i not in places for i in range(len(code)))
        found[name] = Code(code, fixed)
    return found


def is_the_same(code, other):
    """Whether the bytes of a program's function are those of an object's, but for addresses; None
    where too few are left to tell.
    """
    if sum(code.fixed) < LEAST:
        return None
    return len(code.code) == len(other) and all(
        a == b for a, b, fixed in zip(code.code, other, code.fixed) if fixed
    )


def found_again(objects, program):
    """{name: whether the program has it} of the objects' functions that are long enough."""
    outcome = {}
    for path in objects:
        for name, code in code_of(path).items():
            if name in program.functions:
                same = is_the_same(code, program.functions[name].code)
                if same is not None:
                    outcome[name] = same
    return outcome


def compare_code(objects, control, program):
    """How many functions of the C's objects mpgc's program was searched for; 0 where the control
    shows that they cannot be found. A Fail if the program has one.
    """
    seen = found_again(objects, control)
    if not seen or sum(seen.values()) < SURE * len(seen):
        return 0
    again = found_again(objects, program)
    known = [name for name in again if seen.get(name) and name not in ALIKE]
    same = sorted(name for name in known if again[name])
    if same:
        raise Fail(f"{shown(program.path)} has the C's code of {', '.join(same)}")
    return len(known)


def compare_places(names, control, program):
    """(name, with the C, with mpgc) of each function that lies elsewhere. A Fail where the C has it
    in a section of its own and mpgc has not.
    """
    ordinary, moved, lost = control.ordinary(), [], []
    for name in sorted(names):
        if name in control.functions and name in program.functions:
            place, other = control.functions[name].section, program.functions[name].section
            if place != other:
                (moved if place == ordinary else lost).append((name, place, other))
    if lost:
        elsewhere = ", ".join(f"{name} ({place}, with mpgc {other})" for name, place, other in lost)
        raise Fail(f"{shown(program.path)} does not place as the C's does: {elsewhere}")
    return moved


def prove_empty(objects, carrier):
    """Fail if an object in the place of a replaced file holds a function, but for the carrier."""
    for path in objects:
        found = [symbol.name for symbol in mpgc_objects.symbols(path) if symbol.function]
        if path != carrier and found:
            raise Fail(f"{shown(path)} is not empty: it has {', '.join(sorted(found)[:5])}")


def prove(flavour, path, carrier, heap=True):
    """Fail unless a program holds mpgc, or as the C's control nothing of it. A program that lacks
    its symbols is a Fail too. Without a heap there are no functions but nlr's and the scheduler's.
    """
    names = {symbol.name for symbol in mpgc_objects.symbols(path) if symbol.function}
    if heap:
        other_ports.prove(flavour, carrier, names)
        return
    has = unix.PROOF in {symbol.name for symbol in mpgc_objects.symbols(carrier)}
    if "nlr_jump" not in names or has != (flavour == "rust"):
        raise Fail(
            f"{shown(path)} has {len(names)} functions, {shown(carrier)} "
            f"{'has' if has else 'lacks'} {unix.PROOF}: remove {shown(path.parent)} and build again"
        )
