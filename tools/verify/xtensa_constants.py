"""Checks that the Rust only reads whole words of its constants, as the ESP8266's flash requires.

The assembly of each profile's carrier, and of the library for C programs, is followed: which
registers may hold the address of a constant. A byte or a half that is read there is a fault, and so
is a constant that is given to a function of C's library, which may read it so. qemu would not
notice.
"""

import re
from collections import defaultdict, namedtuple

from tools.build import firmware, firmware_lib, unix, xtensa
from tools.common import BUILD, Fail, run_logged
from tools.setup import options
from tools.setup.tree import get_tree
from tools.steps import Tally

BOARD = "SIM_LX106"
PROFILES = ("size", "MPGC_PROFILE=speed", "large", "size hardened")
# Reads that the flash does not answer, and functions that make them.
NARROW = ("l8ui", "l16ui", "l16si")
READERS = ("memcpy", "memmove", "memcmp", "strlen")
BRANCHES = re.compile(r"b|j$|jx$|ret")
ARGUMENTS = [f"a{n}" for n in range(2, 8)]
LOST = ("a0", *(f"a{n}" for n in range(2, 12)))

Function = namedtuple("Function", "name lines")


class Assembly:
    """The functions of a file, and the names of its constants."""

    def __init__(self, text):
        self.literals = dict(re.findall(r"^\s*\.literal\s+(\S+),\s*(\S+)", text, re.M))
        self.functions, self.constants, self.pointed = {}, set(), set()
        self.tables = set()
        section, function = "", None
        for line in text.splitlines():
            words = line.split()
            if not words:
                continue
            if words[0] in (".section", ".text"):
                section = words[1] if len(words) > 1 else ".text"
            elif words[0].endswith(":"):
                name = words[0][:-1]
                if section.startswith(".rodata"):
                    self.constants.add(name)
                elif not name.startswith(".L"):
                    function = Function(name, [])
                    self.functions[name] = function
                elif function:
                    function.lines.append((name, []))
            elif section.startswith(".rodata") and words[0] in (".long", ".word"):
                (self.tables if words[1].startswith(".LBB") else self.pointed).add(words[1])
            elif section.startswith(".text") and function and not words[0].startswith("."):
                function.lines.append((words[0], re.findall(r"[\w.$+-]+", " ".join(words[1:]))))

    def is_constant(self, literal):
        return re.sub(r"[+-]\d+$", "", self.literals.get(literal, "")) in self.constants

    def points_on(self):
        """Whether a constant may hold the address of another."""
        return bool(self.pointed & self.constants)

    def readers_in(self, name):
        """The functions whose addresses a function has in literals."""
        lines = self.functions[name].lines
        return {
            self.literals.get(operands[1]) for operation, operands in lines if operation == "l32r"
        }

    def faults(self):
        """(function, instruction) of each that reads a constant otherwise than by words."""
        found, begins = set(), {name: set() for name in self.functions}
        waiting = list(self.functions)
        while waiting:
            name = waiting.pop()
            for callee, arguments in self.follow(self.functions[name], begins[name], found):
                if callee in begins and not arguments <= begins[callee]:
                    begins[callee] |= arguments
                    waiting.append(callee)
        return sorted(found)

    def follow(self, function, arguments, found):
        """Iterates until nothing changes: which registers hold constants at each label. Returns the
        calls: (name, arguments that are constants).
        """
        at_label, calls = defaultdict(set), []
        while True:
            before = sum(map(len, at_label.values()))
            calls.clear()
            state = set(arguments)
            for operation, operands in function.lines:
                if operation.startswith(".L"):
                    at_label[operation] |= state
                    state = set(at_label[operation])
                else:
                    state = self.step(
                        function.name, operation, operands, state, at_label, calls, found
                    )
            if sum(map(len, at_label.values())) == before:
                return calls

    def step(self, name, operation, operands, state, at_label, calls, found):
        """The registers and slots of the stack that may hold a constant's address, after an
        instruction.
        """
        if operation in NARROW and operands[1] in state:
            found.add((name, " ".join([operation, *operands])))
        if operation.startswith("call"):
            callee = operands[0]
            given = {register for register in ARGUMENTS if register in state}
            # LLVM keeps addresses of functions on the stack, too
            unknown = operation.startswith("callx") and not self.readers_in(name).isdisjoint(
                READERS
            )
            if given and (callee in READERS or unknown):
                found.add((name, f"{operation} {callee}"))
            calls.append((callee, given))
            return state - set(LOST)
        if BRANCHES.match(operation):
            targets = self.tables if operation == "jx" else operands[-1:]
            for label in targets:
                at_label[label] |= state
            return set() if operation in ("j", "jx", "ret") else state
        if operation in ("s32i", "s16i", "s8i"):
            slot = f"{operands[1]}:{operands[2]}"
            return state | {slot} if operands[0] in state else state - {slot}
        result = operands[0] if operands else ""
        if operation == "l32r":
            holds = self.is_constant(operands[1])
        elif operation == "l32i":
            holds = f"{operands[1]}:{operands[2]}" in state or (
                operands[1] in state and self.points_on()
            )
        else:
            holds = any(operand in state for operand in operands[1:]) and operation not in NARROW
        return state | {result} if holds else state - {result}


def carrier(tree, words):
    """The carrier alone is made, not the firmware."""
    parsed = options.parse(words)
    output = BUILD / "qemu" / "-".join([unix.tree_key(tree), BOARD, "carrier", parsed.build_slug])
    command = firmware.make_command(tree, BOARD, "rust", parsed.make_variables, output)
    log = output.with_name(output.name + ".log")
    run_logged(
        [*command, output / "py" / "gc.o"],
        log,
        env=unix.build_env(tree),
        what=f"building the carrier, {words}",
    )
    return output / "mpgc" / "rust.s"


def main(args):
    tree = get_tree(args.release or None, args.micropython_dir)
    assemblies = {
        f"the carrier, {words}": lambda words=words: carrier(tree, words) for words in PROFILES
    }
    assemblies["the library"] = lambda: firmware_lib.build(xtensa.TARGET) / "rust.s"
    tally = Tally()
    for name, make in assemblies.items():
        assembly = Assembly(make().read_text())
        if not assembly.functions or not assembly.constants:
            raise Fail(f"{name}: the assembly has no functions or no constants")
        faults = assembly.faults()
        said = f"{len(assembly.functions)} functions, {len(assembly.constants)} constants"
        tally.add(name, not faults, "\n".join(": ".join(fault) for fault in faults), said)
    return tally.ended()
