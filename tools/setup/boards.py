"""The boards of MicroPython's qemu port: what each needs beyond the port's own make command."""

from collections import namedtuple

from tools.common import ROOT, Fail

# Boards of our own, and what runs before the port's main().
OWN = ROOT / "c-tests" / "boards"

# `target` is a name of tools/setup/targets.py; `frozen` are the modules that the port freezes for
# this board; `dirs` are the test folders that upstream's run-tests.py takes beside those of every
# board; `piped` is whether the emulator has the firmware's console as its own input and output,
# instead of a serial line.
Board = namedtuple("Board", "target frozen dirs variables piped", defaults=({}, False))

PLAIN = ("frozen_const.py",)
NATIVE = (*PLAIN, "frozen_viper.py", "native_frozen_align.py")
THUMB = ("frozen_asm_thumb.py", *NATIVE)

BOARDS = {
    "MICROBIT": Board("thumbv6m", PLAIN, ["inlineasm/thumb"]),
    "MPS2_AN385": Board("thumbv7m", THUMB, ["inlineasm/thumb"]),
    # Ours: the same machine with a Cortex-M4 and its floating-point unit.
    "MPS2_AN386": Board(
        "thumbv7emhf",
        THUMB,
        ["inlineasm/thumb"],
        {"BOARD_DIR": str(OWN / "MPS2_AN386"), "USER_C_MODULES": str(OWN)},
    ),
    # The port's heap does not fit into the RAM of this machine.
    "NETDUINO2": Board("thumbv7m", THUMB, ["inlineasm/thumb"], {"MICROPY_HEAP_SIZE": "65536"}),
    "SABRELITE": Board("armv7a", THUMB, ["inlineasm/thumb"]),
    # Ours: the ESP8266's processor. On a serial line its emulator loses fast input.
    "SIM_LX106": Board(
        "xtensa-lx106",
        NATIVE,
        ["inlineasm/xtensa"],
        {"BOARD_DIR": str(OWN / "SIM_LX106")},
        piped=True,
    ),
    # Debian's compiler has its libraries under the name without the suffix of the port's -march.
    "VIRT_RV32": Board(
        "rv32imac", ("frozen_asm_rv32.py", *NATIVE), ["inlineasm/rv32"], {"LIBS": "-march=rv32imac"}
    ),
}

# Upstream's run on this port covers these folders but the last one, which is about memory.
DIRS = ["basics", "micropython", "misc", "extmod", "float", "ports/qemu", "stress"]

# The tests of a short run: allocation, jumps and the scheduler, and something of the language.
SHORT = (
    r"^(basics/([bg]|memory|try)|micropython/(emg|ext|heap|kbd|native|schedule|stack|viper_t)|"
    r"stress/|ports/qemu/)"
)

# The board whose short run is part of `make test`. `make metal` runs the others.
TESTED_BOARDS = ("MPS2_AN385", "VIRT_RV32")


def find_board(name):
    if name not in BOARDS:
        raise Fail(f"BOARD={name} is not known here: choose one of {', '.join(BOARDS)}")
    return BOARDS[name]


def frozen_manifest(board):
    """A manifest as the value of FROZEN_MANIFEST: with the quotes that the port's recipes leave to
    the shell.
    """
    return (
        f"\"include('{ROOT / 'tools' / 'build' / 'manifests' / 'qemu.py'}', "
        f'modules={board.frozen})"'
    )
