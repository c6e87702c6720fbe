//! What the C has as a macro or an inline function of the port on its hot paths, as Rust.
//!
//! The shim has each as a function. The port's compiler writes the shim's assembly (`assembly.rs`
//! reads it), and Rust does what it finds there: it calls the function that is called there, or has
//! the instructions in place. Where the assembly is not understood, Rust calls the function that
//! the headers declare, if there is one, and else the shim.

use super::assembly::{self, Body, Call, Code, Step, Value};
use super::headers::Headers;
use super::port::Port;
use super::release::Shape;
use std::fmt::Write;
use std::path::Path;

/// A macro or an inline function.
struct Place {
    /// Its name, which is that of the shim's function behind `mpgc_shim_`.
    name: &'static str,
    /// The condition under which the shim has it.
    cfg: &'static str,
    doc: &'static str,
    arguments: &'static [(&'static str, &'static str)],
    result: Option<&'static str>,
    /// The function that the headers declare for it, unless the port has it inline, and what that
    /// takes beyond the arguments.
    declared: Option<&'static str>,
    more: &'static str,
}

const SECTION: &str = "mp_uint_t";
const MUTEX: &str = "*mut mpgc_mutex_t";
const PLACES: &[Place] = &[
    Place {
        name: "thread_state",
        cfg: "mpgc_thread",
        doc: "`mp_thread_get_state`",
        arguments: &[],
        result: Some("*mut mp_state_thread_t"),
        declared: Some("mp_thread_get_state"),
        more: "",
    },
    Place {
        name: "atomic_begin",
        cfg: "not(mpgc_empty_atomic)",
        doc: "`MICROPY_BEGIN_ATOMIC_SECTION`",
        arguments: &[],
        result: Some(SECTION),
        declared: None,
        more: "",
    },
    Place {
        name: "atomic_end",
        cfg: "not(mpgc_empty_atomic)",
        doc: "`MICROPY_END_ATOMIC_SECTION`",
        arguments: &[("section", SECTION)],
        result: None,
        declared: None,
        more: "",
    },
    Place {
        name: "mutex_init",
        cfg: "all(mpgc_enable_gc, mpgc_gc_mutex)",
        doc: "`GC_MUTEX_INIT` of py/gc.c",
        arguments: &[("mutex", MUTEX)],
        result: None,
        declared: Some("mp_thread_mutex_init"),
        more: "",
    },
    Place {
        name: "mutex_lock",
        cfg: "all(mpgc_enable_gc, mpgc_gc_mutex)",
        doc: "`GC_ENTER` of py/gc.c",
        arguments: &[("mutex", MUTEX)],
        result: None,
        declared: Some("mp_thread_mutex_lock"),
        more: ", 1",
    },
    Place {
        name: "mutex_unlock",
        cfg: "all(mpgc_enable_gc, mpgc_gc_mutex)",
        doc: "`GC_EXIT` of py/gc.c",
        arguments: &[("mutex", MUTEX)],
        result: None,
        declared: Some("mp_thread_mutex_unlock"),
        more: "",
    },
    Place {
        name: "sched_hook_scheduled",
        cfg: "mpgc_sched_hook_scheduled",
        doc: "`MICROPY_SCHED_HOOK_SCHEDULED`",
        arguments: &[],
        result: None,
        declared: None,
        more: "",
    },
];

/// The registers that naked functions leave to the code of `thread_state`; the first receives the
/// result.
const NAKED: &[&str] = &["r1", "r2", "r3"];

/// The beginning of Cortex-M's usual atomic section.
const PRIMASK: &[&str] = &["mrs {r0},primask", "cpsid i"];

/// Rust for a port.
pub struct InPlace {
    pub rust: String,
    /// The code of `thread_state` can stand in assembly.
    pub thread_state_in_assembly: bool,
    /// An atomic section is Cortex-M's usual one, by PRIMASK.
    pub primask_atomic: bool,
}

/// Has the port's compiler write the assembly of the shim, and makes Rust of it.
pub fn find(port: &Port, shim: &Path, out: &Path, headers: &Headers) -> InPlace {
    // without it everything is called
    let text = assembly::is_known(&port.target)
        .then(|| port.assembly(shim, &out.join("shim.s")))
        .flatten()
        .unwrap_or_default();
    let mut rust = String::new();
    let (mut in_assembly, mut primask_atomic) = (None, false);
    for place in PLACES {
        let body = body(place, &text, &port.target);
        if let (true, Some(Body::Code(code))) = (place.name == "thread_state", &body) {
            in_assembly = lines_for_naked(code, &port.target);
        }
        if let (true, Some(Body::Code(code))) = (place.name == "atomic_begin", &body) {
            primask_atomic = code.lines == PRIMASK;
        }
        rust.push_str(&function(place, body.as_ref(), headers));
    }
    if let Some(lines) = &in_assembly {
        rust.push_str(&format!(
            "/// The code of [`thread_state`], into r1; r2 and r3 are overwritten.\n\
             #[cfg(mpgc_nlr_in_thread)]\n\
             macro_rules! thread_state_in_r1 {{\n    () => {{ {lines:?} }};\n}}\n\
             #[cfg(mpgc_nlr_in_thread)]\n\
             pub(crate) use thread_state_in_r1;\n"
        ));
    }
    InPlace {
        rust,
        thread_state_in_assembly: in_assembly.is_some(),
        primask_atomic,
    }
}

fn body(place: &Place, text: &str, target: &str) -> Option<Body> {
    let function = format!("mpgc_shim_{}", place.name);
    let arguments = place.arguments.len();
    assembly::read(text, &function, target, arguments, place.result.is_some())
}

/// A function of the module `host::in_place`.
fn function(place: &Place, body: Option<&Body>, headers: &Headers) -> String {
    let parameters: Vec<String> = place
        .arguments
        .iter()
        .map(|(name, kind)| format!("{name}: {kind}"))
        .collect();
    let result = place
        .result
        .map_or(String::new(), |kind| format!(" -> {kind}"));
    let (how, done) = match body {
        Some(Body::Call(call)) if declared(place, headers).as_ref() == Some(&call.function) => {
            (format!("calls `{}`", call.function), called(place, headers))
        }
        Some(Body::Call(call)) => (format!("calls `{}`", call.function), calls(place, call)),
        Some(Body::Code(code)) => ("in place".to_owned(), stands(place, code)),
        None => (
            "not understood, so called".to_owned(),
            called(place, headers),
        ),
    };
    let done = match body {
        // a section that takes two registers is called
        Some(_)
            if place.arguments.iter().any(|of| of.1 == SECTION)
                || place.result == Some(SECTION) =>
        {
            format!(
                "if size_of::<{SECTION}>() != size_of::<usize>() {{ return {}; }}\n    {done}",
                called(place, headers)
            )
        }
        _ => done,
    };
    format!(
        "/// {}: {how}.\n///\n/// # Safety\n/// As for the port's own.\n\
         #[cfg({})]\n#[inline(always)]\npub unsafe fn {}({}){result} {{\n    {done}\n}}\n",
        place.doc,
        place.cfg,
        place.name,
        parameters.join(", "),
    )
}

/// The function that the headers declare for this, unless the port has it inline.
fn declared(place: &Place, headers: &Headers) -> Option<String> {
    // before 1.25 the mutex is not recursive
    let recursive = Shape::of(headers).recursive_mutex;
    let kind = if recursive {
        "_recursive_mutex_"
    } else {
        "_mutex_"
    };
    let name = place.declared?.replace("_mutex_", kind);
    headers.function(&name).is_some().then_some(name)
}

/// An expression that calls a function of the bindings.
fn called(place: &Place, headers: &Headers) -> String {
    let names: Vec<&str> = place.arguments.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    match declared(place, headers) {
        Some(function) => {
            let ends = if place.result.is_some() { "" } else { ";" };
            format!("unsafe {{ {function}({names}{}){ends} }}", place.more)
        }
        None => format!("unsafe {{ mpgc_shim_{}({names}) }}", place.name),
    }
}

/// The statements that make the call that the shim makes.
fn calls(place: &Place, call: &Call) -> String {
    let mut kinds = Vec::new();
    let mut values = Vec::new();
    for (at, value) in call.arguments.iter().enumerate() {
        let kind = match value {
            Value::Argument(number) => place.arguments[*number].1,
            Value::Number(_) => "usize",
            Value::Address(..) => "*const u8",
        };
        kinds.push(format!("_{at}: {kind}"));
        values.push(expression(place, value));
    }
    let kinds = kinds.join(", ");
    let (function, values) = (&call.function, values.join(", "));
    let own = place.result.filter(|_| call.result.is_none());
    let result = own.map_or(String::new(), |kind| format!(" -> {kind}"));
    let mut text = format!(
        "{}unsafe extern \"C\" {{ fn {function}({kinds}){result}; }}\n    unsafe {{ {function}({values}) }}",
        statics(call.arguments.iter())
    );
    if let (Some(value), Some(kind)) = (&call.result, place.result) {
        text.push_str(&format!(";\n    {} as {kind}", expression(place, value)));
    }
    text
}

/// The statements that are the shim's instructions.
fn stands(place: &Place, code: &Code) -> String {
    let has_result = place.result.is_some();
    let mut text = statics(code.registers.iter().filter_map(|of| of.before.as_ref()));
    if has_result {
        text.push_str("let result: usize;\n    ");
    }
    if code.lines.is_empty() && !has_result {
        return place
            .arguments
            .iter()
            .fold(text, |text, (name, _)| text + &format!("let _ = {name};"));
    }
    text.push_str("unsafe {\n        core::arch::asm!(\n");
    for line in &code.lines {
        writeln!(text, "            {line:?},").expect("a String takes all text");
    }
    for register in &code.registers {
        let after = if register.result { "result" } else { "_" };
        let operand = match &register.before {
            None => format!("out(reg) {after}"),
            Some(value) if !register.written && !register.result => {
                format!("in(reg) {}", expression(place, value))
            }
            Some(value) => format!("inout(reg) {} => {after}", expression(place, value)),
        };
        let used = code
            .lines
            .iter()
            .any(|line| line.contains(&format!("{{{}}}", register.name)));
        if used {
            writeln!(text, "            {} = {operand},", register.name)
                .expect("a String takes all text");
        }
    }
    // a section keeps accesses of memory inside it, whatever its instructions are
    let reads = code.only_reads && place.result.is_some_and(|kind| kind != SECTION);
    let more = [
        (reads, ", readonly"),
        (code.keeps_flags, ", preserves_flags"),
    ];
    let more: String = more
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| *name)
        .collect();
    write!(
        text,
        "            options(nostack{more}),\n        );\n    }}"
    )
    .expect("a String takes all text");
    if let Some(kind) = place.result {
        write!(text, "\n    result as {kind}").expect("a String takes all text");
    }
    text
}

/// Declarations of the symbols whose addresses are used.
fn statics<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let mut text = String::new();
    for value in values {
        if let Value::Address(name, _) = value {
            write!(text, "unsafe extern \"C\" {{ static {name}: u8; }}\n    ")
                .expect("a String takes all text");
        }
    }
    text
}

fn expression(place: &Place, value: &Value) -> String {
    match value {
        Value::Argument(number) => place.arguments[*number].0.to_owned(),
        Value::Number(number) => format!("{number}_i64 as usize"),
        Value::Address(name, 0) => format!("&raw const {name}"),
        Value::Address(name, offset) => format!("(&raw const {name}).wrapping_offset({offset})"),
    }
}

/// The code as text for a naked function of ARM, if the registers suffice.
fn lines_for_naked(code: &Code, target: &str) -> Option<String> {
    let arm = target.starts_with("thumb") || target.starts_with("arm");
    (arm && target.contains("-none")).then_some(())?;
    // that of the result
    let mut registers = vec!["{r0}".to_owned()];
    let mut lines = Vec::new();
    for step in &code.steps {
        let line = match step {
            Step::Line(line) => line.clone(),
            Step::Constant(of, Value::Number(number)) => format!("ldr {{{of}}}, ={number}"),
            Step::Constant(of, Value::Address(name, offset)) => {
                format!("ldr {{{of}}}, ={name} + {offset}")
            }
            Step::Constant(_, Value::Argument(_)) => return None,
        };
        for part in line.split('{').skip(1) {
            let register = format!("{{{}}}", part.split_once('}')?.0);
            if !registers.contains(&register) {
                registers.push(register);
            }
        }
        lines.push(line);
    }
    (registers.len() <= NAKED.len()).then_some(())?;
    let mut text = lines.join("\n");
    for (register, name) in registers.iter().zip(NAKED) {
        text = text.replace(register, name);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(steps: Vec<Step>) -> Code {
        Code {
            steps,
            ..Code::default()
        }
    }

    #[test]
    fn code_for_a_naked_function_has_its_result_in_r1_and_keeps_r0() {
        let state = Value::Address("core_state".into(), 0);
        let of_core = code(vec![
            Step::Constant("r3", Value::Number(-805_306_368)),
            Step::Line("ldr {r2},[{r3}]".into()),
            Step::Constant("r3", state.clone()),
            Step::Line("ldr {r0},[{r2},{r3}]".into()),
        ]);
        assert_eq!(
            lines_for_naked(&of_core, "thumbv6m-none-eabi").as_deref(),
            Some("ldr r2, =-805306368\nldr r3,[r2]\nldr r2, =core_state + 0\nldr r1,[r3,r2]")
        );
        assert_eq!(
            lines_for_naked(&of_core, "riscv32imac-unknown-none-elf"),
            None
        );
        // one register more than there are
        let more = ["r1", "r2", "r3"].map(|of| Step::Constant(of, state.clone()));
        assert_eq!(
            lines_for_naked(&code(more.into()), "thumbv6m-none-eabi"),
            None
        );
    }
}
