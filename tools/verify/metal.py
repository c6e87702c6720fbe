"""Runs the checks for machines without an operating system and for other processors: sizes, nlr,
every board.

Ends with `N passed, N failed`; what it prints goes to build/metal.
"""

from tools.common import BUILD, add_switch, say
from tools.measure import metal_bench
from tools.setup.boards import BOARDS
from tools.setup.targets import TARGETS
from tools.steps import Step, choose, count_line, run_steps, task
from tools.verify import upstream_pages

RELEASE = "1.25.0"
# The release in which a variant of the unix port appeared.
VARIANTS = {"nanbox": "1.25.0", "longlong": "1.26.1"}
# Variants for machines of 32 bits.
WITH_VARIANTS = "i686"
# The machines for which MicroPython emits native code, which relies on the slots of nlr_buf_t.
NATIVE = ("i686", "armhf", "armel")
# py/nlrmips.c keeps half of each register of 64 bits; with py/nlrpowerpc.c the C control does not
# start here.
SETJMP = ("mips64el", "ppc64el")
# Its emulation is so slow that only the short run is made.
SLOW = ("SABRELITE",)
# OPTIONS that one board is run with besides.
OPTIONS = ("size", "large", "pystack")
WITH_OPTIONS = "MPS2_AN385"


def board_step(board, *words, about=""):
    command = task("firmware-test", "--release", RELEASE, "--board", board, *words)
    return Step(" ".join(filter(None, ["firmware", board, about])), command, None, 10)


def unix_step(arch, release=RELEASE, variant="standard", options=""):
    """The unix port cross-built, and run under qemu-user; directly if this machine can."""
    command = task(
        "upstream", "--release", release, "--arch", arch, "--variant", variant, "--options", options
    )
    special = variant if variant != "standard" else ""
    return Step(" ".join(filter(None, ["unix", arch, special, options])), command, None, 12)


def unix_steps():
    for arch in TARGETS:
        yield unix_step(arch, options="setjmp" if arch in SETJMP else "")
        if arch in NATIVE:
            yield unix_step(arch, options="native")
    for variant, release in VARIANTS.items():
        yield unix_step(WITH_VARIANTS, release, variant)


def all_steps():
    yield Step("size", task("size", "--release", RELEASE, "--check"), None, 5)
    yield Step("nlr", task("nlr"), count_line, 2)
    yield Step("forbidden", task("forbidden", "--release", RELEASE), count_line, 2)
    for board in BOARDS:
        yield board_step(board, *["--short"] * (board in SLOW))
    for options in OPTIONS:
        yield board_step(WITH_OPTIONS, "--options", options, about=options)
    yield Step("interrupts", task("metal-interrupts", "--release", RELEASE), count_line, 5)
    yield Step(
        "instructions",
        task(
            "metal-bench",
            *("--release", RELEASE),
            *("--board", ",".join(metal_bench.MACHINES)),
            "--check",
        ),
        None,
        10,
    )
    yield from unix_steps()


def needs(args):
    """The compilers and emulators of the boards, and of the machines that the chosen steps are
    for.
    """
    chosen = choose(list(all_steps()), args.only)
    archs = [
        arch for arch in TARGETS if any(step.name.startswith(f"unix {arch}") for _, step in chosen)
    ]
    return {"targets": ["i686", *archs], "boards": ["MPS2_AN385", "VIRT_RV32"]}


def add_arguments(parser):
    add_switch(parser, "--list", "list the steps, run nothing")


def main(args):
    chosen = choose(list(all_steps()), args.only)
    if args.list:
        say("\n".join(f"{step.name} (about {step.minutes} min)" for _, step in chosen))
        return 0
    status = run_steps(chosen, BUILD / "metal", resume=args.resume)
    if args.write:
        upstream_pages.write_results(["metal"], args.command)
    return status
