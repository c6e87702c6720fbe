"""Runs nlr's assembly of each architecture: c-tests/nlr jumps, and checks that the registers are as
before.

Architectures whose tools are missing are named and skipped. Ends with `N passed, N failed`.
"""

import re

from mpgc_rust import choose_toolchain, toolchain_environment

from tools.common import BUILD, ROOT, Fail, built, cargo_build, clean_env, run_logged, say
from tools.results import written
from tools.setup.targets import FREESTANDING, TARGETS, find_target, missing_for
from tools.steps import ended

SOURCES = ROOT / "c-tests" / "nlr"
WORK = BUILD / "nlr"
# py/nlrmips.c keeps half of each register of 64 bits, so mpgc has nlr for those through setjmp
# alone.
WITHOUT = ("mips64el",)
# Where the header has slots for floats, which a cfg tells: see buildsrc/nlr.rs.
WITH_FLOATS = ("armhf",)
LEVELS = ("-O2", "-Os")
# The replacement where there is no C library.
ALONE = SOURCES / "freestanding"


def build_library(arch, target):
    toolchain = choose_toolchain(target.rust)
    env = clean_env(**toolchain_environment(toolchain))
    if arch in WITH_FLOATS:
        env["RUSTFLAGS"] = "--cfg mpgc_nlr_fp"
    words = ["--lib", "--target", target.rust, "--crate-type", "staticlib"]
    if toolchain.build_std:
        words.append("-Zbuild-std=core")
    command = cargo_build(
        "nlr-alone", *words, profile="nlr", cargo=toolchain.cargo, command="rustc"
    )
    run_logged(command, WORK / f"{arch}-rust.log", env=env, what=f"building nlr for {target.rust}")
    return built("nlr", "libnlr_alone.a", target.rust)


def compiler(arch, target):
    """The words that make a program for it of main.c."""
    words = [target.prefix + target.compiler]
    if arch in FREESTANDING:
        words += [f"--target={arch}-linux-gnu", "-ffreestanding", "-nostdlib", "-static"]
        # Not every qemu has its vector instructions.
        words += ["-mno-lsx", "-fuse-ld=lld", "-I", ALONE, ALONE / "start.c"]
    return words


def run_arch(arch):
    """Returns what main.c printed at each level, and whether all passed."""
    target = find_target(arch)
    library = build_library(arch, target)
    floats = ["-DFLOATS_KEPT"] if arch in WITH_FLOATS else []
    results, good = [], True
    for level in LEVELS:
        program, log = WORK / f"{arch}{level}", WORK / f"{arch}{level}.log"
        command = [
            *compiler(arch, target),
            "-Wall",
            "-Werror",
            level,
            *floats,
            "-o",
            program,
            SOURCES / "main.c",
            library,
        ]
        run_logged(command, log, what=f"compiling for {arch}")
        status = run_logged([*target.emulator, program], log, what=f"running {arch}", fatal=False)
        found = re.search(
            r"^\d+ registers, \d+ jumps, wrong 0x\w+$", log.read_text(errors="replace"), re.M
        )
        results.append(f"{level}: {found[0] if found else f'no result, status {status}'}")
        good = good and status == 0 and found is not None
    return results, good


@written("nlr", "nlr of each architecture")
def main(args):
    every = [name for name in (*TARGETS, *FREESTANDING) if name not in WITHOUT]
    names = args.arch.split(",") if args.arch else every
    passed = failed = 0
    for name in names:
        if name in WITHOUT:
            raise Fail(f"ARCH={name}: nlr uses setjmp there, so there is nothing to run")
        missing = missing_for(find_target(name))
        if missing:
            say(f"{name}: left out: {missing}")
            continue
        try:
            results, good = run_arch(name)
        except Fail as error:
            results, good = [str(error)], False
        say(f"{name}: {'' if good else 'WRONG: '}{'; '.join(results)}")
        passed, failed = passed + good, failed + (not good)
    if not passed and not failed:
        raise Fail(
            "nothing was run: none of the architectures that were asked for can be built for here"
        )
    return ended(passed, failed)
