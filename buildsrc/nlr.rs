//! The non-local return that py/nlr.h chooses.

use super::Result;
use super::config::Config;

/// Each form except setjmp: its flag, its name, its C file, and Rust's architectures for it.
const NLR: &[Form] = &[
    ("NLR_AARCH64", "AArch64", "nlraarch64.c", &["aarch64"]),
    ("NLR_LOONG64", "LoongArch", "nlrloong64.c", &["loongarch64"]),
    ("NLR_MIPS", "MIPS", "nlrmips.c", &["mips", "mips64"]),
    (
        "NLR_POWERPC",
        "PowerPC",
        "nlrpowerpc.c",
        &["powerpc", "powerpc64"],
    ),
    ("NLR_RV32I", "RV32", "nlrrv32.c", &["riscv32"]),
    ("NLR_RV64I", "RV64", "nlrrv64.c", &["riscv64"]),
    ("NLR_THUMB", "ARM", "nlrthumb.c", &["arm"]),
    ("NLR_X64", "x86-64", "nlrx64.c", &["x86_64"]),
    ("NLR_X86", "x86", "nlrx86.c", &["x86"]),
    ("NLR_XTENSA", "Xtensa", "nlrxtensa.c", &["xtensa"]),
];
type Form = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

/// How to build without assembly.
const SETJMP: &str = "build with CFLAGS_EXTRA=\"-DMICROPY_NLR_SETJMP=1 -Wno-clobbered\"";

/// The form that the headers choose, if not setjmp.
pub fn name(config: &Config) -> Option<&'static str> {
    chosen(config).map(|(_, name, ..)| *name)
}

/// The C file of the form that the headers choose.
pub fn file(config: &Config) -> &'static str {
    chosen(config).map_or("nlrsetjmp.c", |(_, _, file, _)| *file)
}

fn chosen(config: &Config) -> Option<&'static Form> {
    NLR.iter().find(|(flag, ..)| config.flag(flag))
}

/// Checks that the crate has this form for the Rust target.
pub fn check(config: &Config, target: &str) -> Result<()> {
    let windows = super::cargo_variable("CARGO_CFG_TARGET_OS") == "windows";
    if config.flag("NLR_SETJMP") {
        // longjmp unwinds frame by frame there, and does not come out of frames of Rust.
        return if windows {
            Err("MICROPY_NLR_SETJMP=1 is not for Windows: leave it out, nlr is in assembly".into())
        } else {
            Ok(())
        };
    }
    let Some((_, name, _, arches)) = chosen(config) else {
        return Err(format!(
            "py/nlr.h chooses an nlr for {target} that mpgc does not know: {SETJMP}"
        ));
    };
    let arch = super::cargo_variable("CARGO_CFG_TARGET_ARCH");
    if !arches.contains(&arch.as_str()) {
        return Err(format!(
            "the port's headers choose nlr for {name} but the Rust target is {target}: \
             set MPGC_TARGET to the target of the port's compiler"
        ));
    }
    if config.flag("NLR_OS_WINDOWS") != windows {
        return Err(format!(
            "the port's headers {} nlr for Windows but the Rust target is {target}: \
             set MPGC_TARGET to the target of the port's compiler",
            if windows { "do not choose" } else { "choose" }
        ));
    }
    let missing = match arch.as_str() {
        "x86" if windows => "nlr for 32-bit Windows is not written in Rust",
        "xtensa" if target.starts_with("xtensa-windowed") => {
            "nlr for Xtensa with register windows is not written in Rust"
        }
        "mips64" => "py/nlrmips.c keeps half of each 64-bit register",
        "powerpc64" if super::cargo_variable("CARGO_CFG_TARGET_ENDIAN") == "big" => {
            "nlr for big-endian PowerPC (ELFv1) is not written in Rust"
        }
        _ => return Ok(()),
    };
    Err(format!("{missing}: {SETJMP}"))
}

/// The cfgs that it switches on.
pub fn cfgs(config: &Config) -> Vec<&'static str> {
    let mut on = Vec::new();
    if !config.flag("NLR_SETJMP") {
        on.push("mpgc_nlr_registers");
        if !config.flag("PY_THREAD") && links() {
            on.push("mpgc_nlr_linked");
        }
    }
    // Ten registers, and s16 to s21 in pairs.
    if config.flag("NLR_THUMB") && config.number("NLR_NUM_REGS") == 16 {
        on.push("mpgc_nlr_fp");
    }
    on
}

/// Whether `nlr_push` is a function in assembly.
pub fn in_assembly(config: &Config) -> bool {
    !config.flag("NLR_SETJMP")
}

/// Whether the assembly of this architecture can link a buffer to a static: on ARM not where code
/// may lie anywhere.
fn links() -> bool {
    match super::cargo_variable("CARGO_CFG_TARGET_ARCH").as_str() {
        "x86_64" => true,
        "arm" => super::cargo_variable("CARGO_CFG_TARGET_OS") == "none",
        _ => false,
    }
}
