"""Reads the symbols of objects and programs in ELF, COFF (with programs for Windows) and
WebAssembly.
"""

import struct
from collections import namedtuple

# A defined symbol; `local` is one that its file alone sees.
Symbol = namedtuple("Symbol", "name local function")

ELF, DOS, WASM = b"\x7fELF", b"MZ", b"\0asm\1\0\0\0"
# The first bytes of a COFF object: x86-64 and x86.
COFF = (b"\x64\x86", b"\x4c\x01")

# An archive's first bytes, and the length of the header before each of its files.
ARCHIVE, AR_HEADER = b"!<arch>\n", 60

PROGRAM, OBJECT = "program", "object"

ELF_PROGRAMS = (2, 3)
SYMBOL_TABLE, LOCAL, FUNCTION = 2, 0, 2
# The "section" of a tentative definition (`int x;` with -fcommon), which the linker merges.
COMMON = 0xFFF2
COFF_HEADER, COFF_SYMBOL = "<HHIIIHH", "<8sIhHBB"
COFF_ENTRY = struct.calcsize(COFF_SYMBOL)
COFF_FUNCTION, COFF_STATIC, COFF_WEAK = 0x20, 3, 105
# gcc's name of the function that stands for a weak one goes on so: `.weak.f.`, and another name.
COFF_STANDS_FOR = ".weak."
WASM_CUSTOM, WASM_SYMBOLS, WASM_FUNCTION_NAMES = 0, 8, 1
WASM_FUNCTION, WASM_DATA, WASM_SECTION = 0, 1, 3
WASM_LOCAL, WASM_UNDEFINED, WASM_EXPLICIT = 2, 0x10, 0x40


def kind(path):
    """PROGRAM or OBJECT; None for a file that is neither."""
    with open(path, "rb") as file:
        head = file.read(64)
        if head.startswith(ELF) and len(head) >= 18:
            number = struct.unpack_from("<H" if head[5] == 1 else ">H", head, 16)[0]
            return PROGRAM if number in ELF_PROGRAMS else OBJECT
        if head.startswith(DOS) and len(head) == 64:
            file.seek(struct.unpack_from("<I", head, 60)[0])
            return PROGRAM if file.read(4) == b"PE\0\0" else None
    if head.startswith(WASM):
        names = [name for name, _ in wasm_sections(path.read_bytes())]
        return OBJECT if "linking" in names else PROGRAM
    return OBJECT if head.startswith(COFF) and len(head) >= 20 else None


def symbols(path):
    """The defined symbols of a file that is PROGRAM or OBJECT; none if it is stripped."""
    return symbols_in(path.read_bytes())


def symbols_in(data):
    if data.startswith(ELF):
        return list(elf_symbols(data))
    if data.startswith(WASM):
        return list(wasm_symbols(data))
    at = struct.unpack_from("<I", data, 60)[0] + 4 if data.startswith(DOS) else 0
    return list(coff_symbols(data, at))


def text(data, at):
    """The text that ends with a zero byte."""
    return data[at : data.index(b"\0", at)].decode(errors="replace")


def members(archive):
    """(name, content) of each file in an archive, but for the tables of names."""
    at, names = len(ARCHIVE), b""
    while at + AR_HEADER <= len(archive):
        name = archive[at : at + 16].rstrip()
        size = int(archive[at + 48 : at + 58])
        content = archive[at + AR_HEADER : at + AR_HEADER + size]
        # each begins at an even place
        at += AR_HEADER + size + size % 2
        if name == b"//":
            names = content
        elif name not in (b"/", b"/SYM64/"):
            if name.startswith(b"/"):
                name = names[int(name[1:]) :].partition(b"\n")[0]
            yield name.rstrip(b"/").decode(errors="replace"), content


def elf_entries(data):
    """(name, binding and type, section) of each entry of the symbol tables."""
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    sections_at = struct.unpack_from(order + ("Q" if wide else "I"), data, 40 if wide else 32)[0]
    size, count = struct.unpack_from(order + "HH", data, 58 if wide else 46)
    # type, and where it lies, how long it is, and the section that belongs to it
    form = order + ("4xI8x8xQQI" if wide else "4xI4x4xIII")
    sections = [struct.unpack_from(form, data, sections_at + i * size) for i in range(count)]
    for number, offset, length, strings in sections:
        if number != SYMBOL_TABLE:
            continue
        names_at = sections[strings][1]
        entries = struct.iter_unpack(
            order + ("IBxH16x" if wide else "I8xBxH"), data[offset : offset + length]
        )
        for name, info, section in entries:
            yield text(data, names_at + name), info, section


def elf_symbols(data):
    for name, info, section in elf_entries(data):
        if section:
            yield Symbol(name, info >> 4 == LOCAL, info & 15 == FUNCTION)


def commons(library):
    """The names of the tentative definitions in an archive's ELF objects, sorted."""
    found = set()
    for _, content in members(library.read_bytes()):
        if content.startswith(ELF):
            found |= {name for name, _, section in elf_entries(content) if section == COMMON}
    return sorted(found)


def sections(program):
    """(name, bytes in memory) of each section of a program for Windows."""
    at = struct.unpack_from("<I", program, 60)[0] + 4
    _, count, _, _, _, optional, _ = struct.unpack_from(COFF_HEADER, program, at)
    first = at + struct.calcsize(COFF_HEADER) + optional
    for where in range(first, first + count * 40, 40):
        name, size = struct.unpack_from("<8sI", program, where)
        yield name.rstrip(b"\0").decode(errors="replace"), size


def coff_entries(data, at=0):
    """(place, number, name, section, form, storage) of each entry of the symbol table.

    `at` is the place of the header. A program may have no table.
    """
    _, _, _, table, count, _, _ = struct.unpack_from(COFF_HEADER, data, at)
    names, number = table + count * COFF_ENTRY, 0
    while number < count:
        where = table + number * COFF_ENTRY
        name, _, section, form, storage, more = struct.unpack_from(COFF_SYMBOL, data, where)
        # a long name is behind the table
        zeroes, offset = struct.unpack("<II", name)
        said = text(data, names + offset) if not zeroes else text(name + b"\0", 0)
        yield where, number, said, section, form, storage
        number += 1 + more


def coff_symbols(data, at):
    for _, _, name, section, form, storage in coff_entries(data, at):
        if section > 0:
            yield Symbol(name, storage == COFF_STATIC, form == COFF_FUNCTION)


def with_weak_functions(data):
    """A COFF object that GNU ld has linked with -r, and its weak functions whole.

    Each names, by its number, the entry of the function that replaces it. The linker leaves the old
    number there.
    """
    data, weak, numbers = bytearray(data), [], {}
    for where, number, name, _, _, storage in coff_entries(bytes(data)):
        if storage == COFF_WEAK:
            weak.append((where, name))
        elif name.startswith(COFF_STANDS_FOR):
            numbers[name[len(COFF_STANDS_FOR) :].partition(".")[0]] = number
    for where, name in weak:
        struct.pack_into("<I", data, where + COFF_ENTRY, numbers[name])
    return bytes(data)


class Reader:
    """Numbers and names of WebAssembly, one after the other."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def bytes(self):
        length = self.number()
        self.at += length
        return self.data[self.at - length : self.at]

    def name(self):
        return self.bytes().decode(errors="replace")

    def parts(self):
        """Pairs of a part's number and its bytes, to the end."""
        while self.at < len(self.data):
            yield self.number(), self.bytes()


def wasm_sections(data):
    """(name, content) of each section that has a name."""
    for number, content in Reader(data, len(WASM)).parts():
        if number == WASM_CUSTOM:
            reader = Reader(content)
            yield reader.name(), content[reader.at :]


def wasm_symbols(data):
    """Those of an object; of a program the functions that it names."""
    for name, content in wasm_sections(data):
        reader = Reader(content)
        if name == "linking":
            reader.number()
            for number, part in reader.parts():
                if number == WASM_SYMBOLS:
                    yield from linking_symbols(Reader(part))
        elif name == "name":
            for number, part in reader.parts():
                if number == WASM_FUNCTION_NAMES:
                    names = Reader(part)
                    for _ in range(names.number()):
                        names.number()
                        yield Symbol(names.name(), True, True)


def linking_symbols(reader):
    for _ in range(reader.number()):
        form, flags = reader.number(), reader.number()
        defined, name = not flags & WASM_UNDEFINED, None
        if form == WASM_DATA:
            name = reader.name()
            for _ in range(3 if defined else 0):
                reader.number()
        else:
            reader.number()
            if form != WASM_SECTION and (defined or flags & WASM_EXPLICIT):
                name = reader.name()
        if defined and name is not None:
            yield Symbol(name, flags & 3 == WASM_LOCAL, form == WASM_FUNCTION)
