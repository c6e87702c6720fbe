"""Chooses the Rust for the carrier: the target for the port's compiler, and a toolchain that has
`core` for it.
"""

import os
import re
import shutil
from collections import namedtuple
from pathlib import Path

import mpgc_xtensa
from mpgc_run import Stop, first_error, run

OLDEST_RUST = (1, 88)
# Assembly of this architecture is part of the language since:
OLDEST_FOR = {"powerpc": (1, 95)}
# The programs of Debian's packages rustc-web and cargo-web, whatever is first in PATH.
DEBIANS_CARGO = "/usr/bin/cargo"
DEBIANS_COMMAND = "apt-get install cargo-web rust-web-src"

# Rust counts SSE2 to it, Debian's compiler does not: it is left out where the port says so.
I686 = "i686-unknown-linux-gnu"
WITHOUT_SSE2 = {
    "-mno-sse",
    "-mno-sse2",
    "-march=i386",
    "-march=i486",
    "-march=i586",
    "-march=pentium",
}

# `build_std`: core is compiled from the toolchain's source.
Toolchain = namedtuple("Toolchain", "cargo rustc build_std")


def rust_target(macros, words=()):
    """The Rust target for a C compiler that predefines these macros, and is called by these
    words."""

    def has(name):
        return name in macros

    little = macros.get("__BYTE_ORDER__") == "__ORDER_LITTLE_ENDIAN__"
    if has("__EMSCRIPTEN__"):
        target = "wasm32-unknown-emscripten"
    elif has("__MINGW32__"):
        target = "x86_64-pc-windows-gnu" if has("__x86_64__") else None
    elif has("__linux__"):
        target = linux_target(macros, little)
        if target == I686 and not has("__SSE2__") and WITHOUT_SSE2.intersection(words):
            target = "i586-unknown-linux-gnu"
    elif has("__aarch64__"):
        # -mgeneral-regs-only
        target = "aarch64-unknown-none" + ("" if has("__ARM_NEON") else "-softfloat")
    elif has("__arm__"):
        target = bare_arm_target(has)
    elif has("__riscv"):
        target = bare_riscv_target(macros)
    elif has("__xtensa__"):
        target = mpgc_xtensa.target_of(macros)
    elif has("__loongarch64"):
        soft = has("__loongarch_soft_float")
        target = "loongarch64-unknown-none" + ("-softfloat" if soft else "")
    else:
        target = None
    if target:
        return target
    known = ("__powerpc__", "__mips__", "__loongarch__", "__i386__", "__x86_64__")
    machine = next((name for name in known if has(name)), "this machine")
    raise Stop(
        f"no Rust target is known for the port's compiler ({machine}): "
        "set MPGC_TARGET to one of `rustc --print target-list`"
    )


def linux_target(macros, little):
    has = macros.__contains__
    if has("__x86_64__"):
        return None if has("__ILP32__") else "x86_64-unknown-linux-gnu"
    if has("__i386__"):
        return I686
    if has("__aarch64__"):
        return "aarch64-unknown-linux-gnu"
    if has("__arm__"):
        version, end = int(macros.get("__ARM_ARCH", "4")), "hf" if has("__ARM_PCS_VFP") else ""
        cpu = "armv7" if version >= 7 else "arm" if version == 6 or end else "armv5te"
        return f"{cpu}-unknown-linux-gnueabi{end}"
    if has("__riscv"):
        return (
            "riscv64gc-unknown-linux-gnu"
            if macros.get("__riscv_xlen") == "64"
            else "riscv32gc-unknown-linux-gnu"
        )
    if has("__mips__"):
        end = "el" if little else ""
        if has("__mips64"):
            return (
                f"mips64{end}-unknown-linux-gnuabi64"
                if macros.get("_MIPS_SIM") == "_ABI64"
                else None
            )
        return f"mips{end}-unknown-linux-gnu"
    if has("__powerpc64__"):
        return f"powerpc64{'le' if little else ''}-unknown-linux-gnu"
    if has("__powerpc__"):
        return "powerpc-unknown-linux-gnu"
    if has("__loongarch64") and not has("__loongarch_soft_float"):
        return "loongarch64-unknown-linux-gnu"
    return None


def bare_arm_target(has):
    hard = has("__ARM_PCS_VFP")
    for macro, name in (
        ("__ARM_ARCH_6M__", "thumbv6m-none-eabi"),
        ("__ARM_ARCH_7M__", "thumbv7m-none-eabi"),
        ("__ARM_ARCH_7EM__", "thumbv7em-none-eabi"),
        ("__ARM_ARCH_8M_BASE__", "thumbv8m.base-none-eabi"),
        ("__ARM_ARCH_8M_MAIN__", "thumbv8m.main-none-eabi"),
        ("__ARM_ARCH_8_1M_MAIN__", "thumbv8m.main-none-eabi"),
        ("__ARM_ARCH_7A__", "armv7a-none-eabi"),
    ):
        if has(macro):
            return name + ("hf" if hard else "")
    return None


def bare_riscv_target(macros):
    """The target by the calling convention for floats, and by the extensions for which there are
    targets.
    """

    def has(*names):
        return any(name in macros for name in names)

    letters = "m" if has("__riscv_mul") else ""
    letters += "a" if letters and has("__riscv_atomic") else ""
    # zca is all of c that is not for floats
    compressed = has("__riscv_compressed", "__riscv_zca")
    if macros.get("__riscv_xlen") == "64":
        if has("__riscv_float_abi_double"):
            return "riscv64gc-unknown-none-elf"
        return "riscv64imac-unknown-none-elf" if has("__riscv_float_abi_soft") else None
    if has("__riscv_float_abi_single"):
        return "riscv32imafc-unknown-none-elf"
    if not has("__riscv_float_abi_soft"):
        return None
    if has("__riscv_32e", "__riscv_e"):
        # there is none with `a`, which is not used
        letters = "e" + ("mc" if letters and compressed else letters[:1])
    elif letters and compressed:
        letters = f"i{letters}c"
    else:
        letters = f"i{letters}"
    return f"riscv32{letters}-unknown-none-elf"


def candidates(cargo, target):
    """The requested cargo; otherwise Espressif's for its processors, the one in PATH, then
    Debian's.
    """
    if cargo:
        if shutil.which(cargo) is None:
            raise Stop(f"`{cargo}` is not found: {install_rust(OLDEST_RUST)}, or set MPGC_CARGO")
        return [cargo]
    espressifs = mpgc_xtensa.espressifs_cargo() if mpgc_xtensa.is_ours(target) else None
    found = [
        path
        for path in (espressifs, shutil.which("cargo"), DEBIANS_CARGO)
        if path and os.access(path, os.X_OK)
    ]
    if not found:
        raise Stop(f"`cargo` is not found: {install_rust(OLDEST_RUST)}, or set MPGC_CARGO")
    return list(dict.fromkeys(found))


def install_rust(oldest):
    return f"install Rust {oldest[0]}.{oldest[1]} or newer (rustup)"


def rustc_of(cargo):
    """The compiler beside a cargo: the first one in PATH may be another toolchain's."""
    if os.environ.get("RUSTC"):
        return os.environ["RUSTC"]
    beside = Path(shutil.which(cargo)).with_name("rustc")
    return str(beside) if os.access(beside, os.X_OK) else "rustc"


def too_old(rustc, target):
    """The fault of a rustc's version; None if there is none."""
    oldest = next((v for arch, v in OLDEST_FOR.items() if target.startswith(arch)), OLDEST_RUST)
    try:
        done = run([rustc, "--version"])
    except OSError as error:
        return f"`{rustc}` does not run: {error}"
    version = re.search(r"rustc (\d+)\.(\d+)", done.stdout)
    if version and tuple(map(int, version.groups())) >= oldest:
        return None
    found = done.stdout.strip() or first_error(done.stderr)
    return (
        f"Rust {oldest[0]}.{oldest[1]} or newer is needed for {target}, found {found}: run `rustup "
        "update`"
    )


def has_prebuilt(rustc, target, crate):
    if mpgc_xtensa.is_ours(target):
        return False
    done = run([rustc, "--print", "target-libdir", "--target", target])
    if done.returncode:
        raise Stop(
            f"rustc knows no target {target}: set MPGC_TARGET to one of `rustc --print target-list`"
        )
    return any(Path(done.stdout.strip()).glob(f"lib{crate}-*.rlib"))


def has_source(rustc):
    done = run([rustc, "--print", "sysroot"])
    return (Path(done.stdout.strip()) / "lib/rustlib/src/rust/library/core/src/lib.rs").is_file()


def choose_toolchain(target, cargo="", build_std="", crate="core"):
    """The first toolchain that has the crate for the target, prebuilt or as source.

    `build_std` is the value of MPGC_BUILD_STD: 1 only uses the source, 0 never does.
    """
    wrong = []
    names = candidates(cargo, target)
    for name in names:
        rustc = rustc_of(name)
        reason = too_old(rustc, target)
        if not reason and mpgc_xtensa.is_ours(target):
            reason = mpgc_xtensa.specification(rustc, target)[1]
        if reason:
            wrong.append(reason)
        elif build_std != "1" and has_prebuilt(rustc, target, crate):
            return Toolchain(name, rustc, False)
        elif build_std != "0" and has_source(rustc):
            return Toolchain(name, rustc, True)
    if len(wrong) == len(names):
        raise Stop(wrong[0])
    raise Stop(
        "; ".join([f"Rust has no `{crate}` for {target}: {how_to_get(target, build_std)}", *wrong])
    )


def how_to_get(target, build_std):
    """The command that fixes it: rustup adds a prebuilt core; any other is built from source."""
    add = f"`rustup target add {target}`"
    if build_std == "0" and mpgc_xtensa.is_ours(target):
        return "leave MPGC_BUILD_STD=0 out to build it from source, since nobody has it prebuilt"
    if build_std == "0":
        return f"run {add}, or leave MPGC_BUILD_STD=0 out to build it from source"
    listed = (
        run(["rustup", "target", "list"]).stdout.split() if shutil.which("rustup") else [target]
    )
    command = (
        add
        if target in listed and not mpgc_xtensa.is_ours(target) and build_std != "1"
        else "`rustup component add rust-src`"
    )
    return f"run {command}, or on Debian `{DEBIANS_COMMAND}`"


def library_command(cargo):
    """The command that makes the static library, without its features and target."""
    return [cargo, "rustc", "--lib", "--release", "--locked", "--crate-type", "staticlib"]


def toolchain_environment(toolchain):
    """The environment in which cargo uses this toolchain and no other."""
    # A cargo that is not rustup's would take the first rustc in PATH, which may be rustup's.
    env = {"RUSTC": toolchain.rustc}
    if toolchain.build_std:
        # -Zbuild-std needs a nightly compiler or this.
        env["RUSTC_BOOTSTRAP"] = "1"
    return env
