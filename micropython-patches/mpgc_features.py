"""The features of its processor that the port's compiler may use, as options of rustc.

The Rust target has a processor of its own: on PowerPC with vector registers, which a port may
forbid; on a Cortex-M33 without the DSP's instructions, which it may allow. The predefined macros of
the port's compiler say which it is. Where they agree with the target, rustc is given nothing.
"""

import re
import shutil
from collections import namedtuple

from mpgc_run import Stop, first_error, run

# The port's compiler uses the feature if it defines one of the macros; with `!`, if it defines
# none.
Taken = namedtuple("Taken", "targets macros feature")
# Features that a target has, and a port may forbid.
TAKEN = (
    Taken(r"powerpc64", "__VSX__", "-vsx"),
    Taken(r"powerpc64", "__ALTIVEC__", "-altivec"),
    Taken(r"powerpc", "!_SOFT_FLOAT", "-hard-float"),
    Taken(r"loongarch64-unknown-linux", "__loongarch_sx", "-lsx"),
    Taken(r"mips", "!__mips_soft_float", "+soft-float"),
    Taken(r"thumbv7|thumbv8m\.main|armv7-", "__ARM_FEATURE_UNALIGNED", "+strict-align"),
    # That of 32 bits has a target for each, but with floats.
    Taken(r"riscv(64|32imafc)", "__riscv_atomic", "-a"),
    Taken(r"riscv(64|32imafc)", "__riscv_compressed __riscv_zca", "-c"),
)
# The same where no macro tells: the word of the compiler's command.
STRICT = "-mstrict-align"
BY_WORD = (
    ("aarch64-unknown-linux", STRICT, "+strict-align"),
    ("loongarch64", STRICT, "-ual"),
)

# `bit` is one of the macro's value, where that is a number of several.
Given = namedtuple("Given", "targets macro feature bit", defaults=(0,))
# Features that a target lacks, and a port may have.
GIVEN = (
    Given(r"thumbv8m\.main", "__ARM_FEATURE_DSP", "+dsp"),
    Given(r"thumbv(7em|8m\.main)-none-eabihf", "__ARM_FP", "+fp64", 8),
    Given(r"riscv", "__riscv_zba", "+zba"),
    Given(r"riscv", "__riscv_zbb", "+zbb"),
    Given(r"riscv", "__riscv_zbs", "+zbs"),
)

# Features that neither has, unless the port's compiler defines the macro. The user's own flags for
# rustc may have them.
VECTORS = Given(r"thumbv8m\.main", "__ARM_FEATURE_MVE", "+mve")

# How addresses come into registers on a Cortex-M: by a load, as with gcc, which is one instruction;
# LLVM's own choice, two halves, takes four bytes more. Not where a port wants no such loads.
LITERALS = re.compile(r"thumbv(7e?m|8m\.main)-none")
NO_LITERALS = {"-mslow-flash-data", "-mpure-code", "-mexecute-only"}
BY_LOADS = "+no-movt"

# LLVM has no feature for this on PowerPC.
POWERPC_ALIGNED = "-disable-ppc-unaligned"

# The beginnings of the instructions that a port forbids with a feature.
FORBIDDEN = {
    "-vsx": r"lxs|lxv|stxs|stxv|xs|xv|xx|m[tf]vsr|m[tf]fpr",
    "-altivec": r"v|lv|stv|m[tf]vscr|m[tf]vr|ds[st]",
    "-hard-float": r"f|lf|stf|mff|mtf",
    "-lsx": r"v|xv",
    "-a": r"amo|lr\.|sc\.",
    # An objdump that takes the object for one of an older processor shows vectors that are loaded
    # and stored as ldc and stc.
    "+mve": r"v(?!cvt)\w+\.[iusp]\d|v(?:ldr|str)[bhwd]\.|vctp|vp(?:st|t|sel|not)|ldc|stc",
    "+fp64": r"v\w+\.f64",
}
# Each as long as two bytes.
COMPRESSED = "-c"

# `rustc` are its words; `lost` is what the target's features lose, so that code that was compiled
# for it may not fit; `absent` is what neither it nor the port has.
Features = namedtuple("Features", "rustc lost absent", defaults=((),))

OBJDUMP_LINE = re.compile(r"\s*[0-9a-f]+:\s+((?:[0-9a-f]{2,8} ?)+)\s*\t([a-z][\w.]*)")
FUNCTION_LINE = re.compile(r"[0-9a-f]+ <(.+)>:$")

# rustc prints this note for every feature that is not stable in Rust. They are LLVM's features.
UNSTABLE = re.compile(
    r"^warning: (?:unknown and )?unstable feature specified for `-Ctarget-feature`.*\n"
    r"(?: +[|=].*\n)*\n?|^warning: .* generated \d+ warnings?$\n",
    re.M,
)


def of(target, macros, words):
    """The options of rustc that follow from the macros and the command of a port's compiler."""
    lost = [
        row.feature
        for row in TAKEN
        if re.match(row.targets, target)
        and row.macros.startswith("!")
        == any(map(macros.__contains__, row.macros.strip("!").split()))
    ]
    lost += [
        feature for name, word, feature in BY_WORD if target.startswith(name) and word in words
    ]
    gained, absent = [], []
    for row in (*GIVEN, VECTORS):
        if re.match(row.targets, target):
            value = macros.get(row.macro)
            has = value is not None and (not row.bit or int(value, 0) & row.bit)
            if not has:
                absent.append(row.feature)
            elif row is not VECTORS:
                gained.append(row.feature)
    if LITERALS.match(target) and not NO_LITERALS & set(words):
        gained.append(BY_LOADS)
    rustc = [f"-Ctarget-feature={','.join(lost + gained)}"] if lost or gained else []
    if target.startswith("powerpc") and STRICT in words:
        lost.append(STRICT)
        rustc.append(f"-Cllvm-args={POWERPC_ALIGNED}")
    if {STRICT, "+strict-align", "-ual"} & set(lost):
        rustc += ["--cfg", "mpgc_aligned_words"]
    return Features(rustc, lost, absent)


def with_flags(env, words):
    """The environment in which cargo passes these options to rustc, in addition to the user's."""
    encoded = env.get("CARGO_ENCODED_RUSTFLAGS")
    if encoded is not None:
        words = [*filter(None, encoded.split("\x1f")), *words]
        return env | {"CARGO_ENCODED_RUSTFLAGS": "\x1f".join(words)}
    return env | {"RUSTFLAGS": " ".join([env.get("RUSTFLAGS", ""), *words]).strip()}


def without_notes(said, features):
    """rustc's output, without its notes on these features."""
    return UNSTABLE.sub("", said) if features.rustc else said


def forbidden_in(listing, lost):
    """(function, instruction) of each line of objdump's that the port has forbidden."""
    found, function = [], ""
    patterns = [re.compile(FORBIDDEN[feature]) for feature in lost if feature in FORBIDDEN]
    for line in listing.splitlines():
        head = FUNCTION_LINE.match(line)
        if head:
            function = head[1]
        match = OBJDUMP_LINE.match(line)
        if not match:
            continue
        short = COMPRESSED in lost and len(match[1].replace(" ", "")) == 4
        if short or any(pattern.match(match[2]) for pattern in patterns):
            found.append((function, match[2]))
    return found


def check(carrier, objcopy, features):
    """Stops if an instruction is in the carrier that the port has forbidden.

    Where there is no objdump beside objcopy, nothing is looked at.
    """
    program = re.sub(r"objcopy(?=[^/]*$)", "objdump", objcopy.split()[0])
    known = (*FORBIDDEN, COMPRESSED)
    looked_for = [feature for feature in (*features.lost, *features.absent) if feature in known]
    if not looked_for or shutil.which(program) is None:
        return
    done = run([program, "-d", str(carrier)])
    if done.returncode:
        raise Stop(f"{program} does not read {carrier}: {first_error(done.stderr)}")
    found = forbidden_in(done.stdout, looked_for)
    if found:
        function, instruction = found[0]
        raise Stop(
            f"{len(found)} instructions of the carrier are forbidden by the port's compiler "
            f"({' '.join(looked_for)}), the first is `{instruction}` in {function}: "
            "look at your RUSTFLAGS, set MPGC_BUILD_STD=1, and if it is on, report this"
        )
