//! Where the port places the scheduler's functions (`MICROPY_WRAP_MP_SCHED_*`), whether its atomic
//! sections are empty, and how its code reaches data.
//!
//! The macros hold whatever the port's compiler understands, so that compiler is
//! asked: a probe with the same macros is compiled, and the sections are read off
//! its symbols. Whether an atomic section is anything is read off the probe's text with the
//! macros expanded; what it is, `in_place.rs` finds out.

use super::port::{Port, first_error};
use super::{Result, write};
use object::{Object, ObjectSection, ObjectSymbol};
use std::fmt::Write;
use std::path::Path;

const FUNCTIONS: &[&str] = &[
    "mp_sched_exception",
    "mp_sched_keyboard_interrupt",
    "mp_sched_vm_abort",
    "mp_sched_schedule",
];
/// The function that CircuitPython places by a macro for any.
const PLACED_BY_NAME: &str = "mp_pystack_alloc";

/// The results of the probe.
pub struct Probed {
    /// The macro `placed!` for the functions of this port: `placed!(mp_sched_schedule, fn ...)`
    /// gives the function its section.
    pub placed: String,
    /// Its atomic sections have no code, as py/mphal.h has them for ports without interrupts and
    /// threads.
    pub empty_atomic: bool,
    /// The port's code, on x86-64, reaches data by its distance from the code, as in a program; in
    /// a library that is shared it would ask a table for the address.
    pub direct_data: bool,
}

const HEADERS: &str = "#include \"py/gc.h\"\n#include \"py/mphal.h\"\n#include \"py/runtime.h\"\n";
/// The two macros as text, the argument of the second called `s`.
const ATOMIC: &str = "#ifdef MPGC_PROBE_TEXT\n\
                      mpgc_atomic_begin MICROPY_BEGIN_ATOMIC_SECTION() mpgc_end\n\
                      mpgc_atomic_end MICROPY_END_ATOMIC_SECTION(s) mpgc_end\n\
                      #endif\n";
const DIRECT: &str = "#if defined(__x86_64__) && defined(__code_model_small__) && (!defined(__PIC__) || defined(__PIE__))\n\
                      extern const char probe_direct_data;\n\
                      const char probe_direct_data = 1;\n\
                      #endif\n";
/// The first bytes of a WebAssembly object.
const WASM: &[u8] = b"\0asm";

/// Compiles the probe and reads it.
pub fn find(port: &Port, out: &Path) -> Result<Probed> {
    let mut probe = String::from(HEADERS) + ATOMIC + DIRECT;
    for name in FUNCTIONS {
        let wrap = name.to_uppercase();
        write!(
            probe,
            "void probe_{name}(void);\nvoid MICROPY_WRAP_{wrap}(probe_{name})(void) {{\n}}\n"
        )
        .expect("a String takes all text");
    }
    write!(
        probe,
        "#ifndef PLACE_IN_ITCM\n#define PLACE_IN_ITCM(name) name\n#endif\n\
         void probe_{PLACED_BY_NAME}(void);\n\
         void PLACE_IN_ITCM(probe_{PLACED_BY_NAME})(void) {{\n}}\n"
    )
    .expect("a String takes all text");
    let (source, object) = (out.join("placement.c"), out.join("placement.o"));
    write(&source, &probe)?;
    let fails = |said: String| {
        format!(
            "the port's headers do not compile with its own flags: {}; \
             build once with the C files, and fix the port's options",
            first_error(&said)
        )
    };
    port.compile(&source, &object).map_err(fails)?;
    let text = port.preprocess(&source, "MPGC_PROBE_TEXT").map_err(fails)?;
    let data =
        std::fs::read(&object).map_err(|e| format!("cannot read {}: {e}", object.display()))?;
    if data.starts_with(WASM) {
        // Its functions lie in no sections, and its linker places none.
        return Ok(Probed {
            placed: placed(|_| Ok(None))?,
            direct_data: false,
            empty_atomic: empty_atomic(&text),
        });
    }
    let file = object::File::parse(&*data).map_err(|e| {
        format!(
            "the port's compiler makes objects that mpgc does not know ({e}): \
             it knows ELF, COFF and WebAssembly"
        )
    })?;

    Ok(Probed {
        placed: placed(|name| section_of(&file, name))?,
        direct_data: symbol(&file, "probe_direct_data").is_some(),
        empty_atomic: empty_atomic(&text),
    })
}

fn empty_atomic(text: &str) -> bool {
    let begin = expanded(text, "mpgc_atomic_begin");
    let end = expanded(text, "mpgc_atomic_end");
    begin.is_some_and(|text| text.parse::<u32>() == Ok(0))
        && end.is_some_and(|text| matches!(&*text, "void s" | "" | "voids"))
}

/// The text behind `mark` in the probe's output, without parentheses and spaces around it.
fn expanded(text: &str, mark: &str) -> Option<String> {
    let (_, rest) = text.split_once(mark)?;
    let (found, _) = rest.split_once("mpgc_end")?;
    Some(found.replace(['(', ')', ';'], "").trim().to_owned())
}

fn symbol<'a, 'data>(
    file: &'a object::File<'data>,
    name: &str,
) -> Option<object::Symbol<'data, 'a>> {
    // some targets put an underscore in front
    file.symbols().find(|symbol| {
        symbol
            .name()
            .is_ok_and(|n| n.trim_start_matches('_') == name)
    })
}

/// The name of the section that a function of the probe lies in.
fn section_of(file: &object::File, name: &str) -> Result<Option<String>> {
    let section = symbol(file, name)
        .and_then(|symbol| file.section_by_index(symbol.section_index()?).ok())
        .and_then(|section| section.name().ok().map(String::from));
    match section {
        Some(_) => Ok(section),
        None => Err(format!("cannot find where the port places {name}")),
    }
}

/// The macro `placed!`; `section_of` gives the section of a function of the probe, if it has one.
fn placed(section_of: impl Fn(&str) -> Result<Option<String>>) -> Result<String> {
    let mut text = String::from("macro_rules! placed {\n");
    for name in FUNCTIONS.iter().chain([&PLACED_BY_NAME]) {
        let probe = format!("probe_{name}");
        let Some(section) = section_of(&probe)? else {
            continue;
        };
        // Rust's own default section. COFF separates the function's name by another sign.
        let own = [".", "$"].map(|sign| format!(".text{sign}{probe}"));
        if section == ".text" || own.contains(&section) {
            continue;
        }
        // A section that is named after the function is named after the real one.
        let section = section.replace(&probe, name);
        writeln!(
            text,
            "    ({name}, $($item:tt)*) => {{ #[unsafe(link_section = {section:?})] $($item)* }};"
        )
        .expect("a String takes all text");
    }
    text.push_str("    ($name:ident, $($item:tt)*) => { $($item)* };\n}\n");
    Ok(text)
}
