//! The port's headers through bindgen.

use super::Result;
use super::port::{Port, first_error};
use std::collections::BTreeMap;
use std::path::Path;

/// The declarations of a port, and what can be read off them.
pub struct Headers {
    /// The Rust text.
    pub text: String,
    /// `FLAG_X` and `NUMBER_X` of port.h, and the values of `mp_handle_pending_behaviour_t`.
    pub values: BTreeMap<String, u64>,
    /// Struct name -> size, fields in order with their offsets.
    pub structs: BTreeMap<String, Struct>,
}

/// A struct as libclang lays it out.
#[derive(Default)]
pub struct Struct {
    pub size: u64,
    pub fields: Vec<(String, u64)>,
}

const TYPES: &[&str] = &[
    "mp_state_ctx_t",
    "mp_state_mem_area_t",
    "gc_info_t",
    "mp_print_t",
    "mp_obj_base_t",
    "mp_obj_exception_t",
    "mp_obj_(array|int|str)_t",
    "mp_sched_item_t",
    "mp_sched_node_t",
    "mp_sched_callback_t",
    "nlr_buf_t",
    "nlr_jump_callback_node_t",
    "mp_handle_pending_behaviour_t",
    "mpgc_gc_stack_entry_t",
];
const FUNCTIONS: &[&str] = &[
    "gc_.*",
    "nlr_.*",
    "mp_pystack_(init|alloc)",
    "mp_sched_.*",
    "mp_handle_pending.*",
    "mp_event_.*",
    "mp_thread_get_state",
    "mp_thread_(recursive_)?mutex_.*",
    "mp_call_function_1_protected",
    "mp_printf",
    "mp_print_str",
    "DEBUG_printf",
    "mpgc_shim_.*",
];
const VARIABLES: &[&str] = &[
    "mp_state_ctx",
    "mp_plat_print",
    "mp_type_(tuple|list|dict|int|str|bytes|bytearray|array|memoryview|float|fun_bc|module)",
    "FLAG_.*",
    "NUMBER_.*",
];

/// Reads `header` as the port would compile it.
pub fn read(port: &Port, header: &Path) -> Result<Headers> {
    let mut builder = bindgen::Builder::default()
        .header(header.display().to_string())
        .clang_args(port.clang_args()?)
        .use_core()
        .ctypes_prefix("core::ffi")
        .rust_edition(bindgen::RustEdition::Edition2024)
        .enable_function_attribute_detection()
        .generate_comments(false)
        .layout_tests(true)
        .derive_debug(false)
        .prepend_enum_name(false)
        .formatter(bindgen::Formatter::Prettyplease);
    for name in TYPES {
        builder = builder.allowlist_type(name);
    }
    for name in FUNCTIONS {
        builder = builder.allowlist_function(name);
    }
    for name in VARIABLES {
        builder = builder.allowlist_var(name);
    }
    let text = generate(builder)?;
    Ok(Headers {
        values: values(&text),
        structs: structs(&text),
        text,
    })
}

/// bindgen panics where libclang cannot be opened; that is told like any other error.
fn generate(builder: bindgen::Builder) -> Result<String> {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| builder.generate()));
    std::panic::set_hook(quiet);
    match done {
        Ok(bindings) => Ok(bindings.map_err(explain)?.to_string()),
        Err(payload) => {
            let said = payload.downcast_ref::<String>().map(String::as_str);
            let said = said
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("");
            if said.contains("libclang") {
                return Err(
                    "libclang is not found: install it (apt-get install libclang-dev), or \
                            set LIBCLANG_PATH to the directory that holds libclang.so"
                        .into(),
                );
            }
            Err(format!(
                "bindgen gave up on the port's headers: {}",
                first_error(said)
            ))
        }
    }
}

fn explain(error: bindgen::BindgenError) -> String {
    let bindgen::BindgenError::ClangDiagnostic(said) = &error else {
        return format!("bindgen cannot read the port's headers: {error}");
    };
    format!(
        "the port's headers do not have the shape of a release that mpgc knows ({}): {}; \
         take such a tree, or a newer mpgc",
        super::release::KNOWN,
        first_error(said)
    )
}

impl Headers {
    /// Whether bindgen saw a function declared exactly so, white space aside.
    pub fn declares(&self, function: &str) -> bool {
        let squeeze = |s: &str| s.split_whitespace().collect::<String>();
        // Long declarations are broken over lines, with a comma after the last argument.
        squeeze(&self.text)
            .replace(",)", ")")
            .contains(&squeeze(function))
    }

    /// The types of a function's arguments and result: `usize, uint -> *mut void`; none if it is
    /// not declared.
    pub fn function(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("pub fn {name}("))?;
        let (declared, _) = rest.split_once(';')?;
        let declared = declared
            .replace("core::ffi::c_", "")
            .replace("core::ffi::", "");
        let (arguments, result) = declared.rsplit_once(')')?;
        let types: Vec<String> = arguments
            .split(',')
            .filter_map(|argument| argument.split_once(':'))
            .map(|(_, kind)| kind.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let result: Vec<&str> = result.split_whitespace().collect();
        let space = if result.is_empty() { "" } else { " " };
        Some(types.join(", ") + space + &result.join(" "))
    }

    /// Whether a struct, named by its C tag, has this field.
    pub fn has_field(&self, tag: &str, field: &str) -> bool {
        self.structs
            .get(tag)
            .is_some_and(|s| s.fields.iter().any(|(name, _)| name == field))
    }

    /// The value of `FLAG_X` or `NUMBER_X`, if port.h defines it in this build.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.values.get(name).copied()
    }
}

/// `pub const FLAG_X: bool = true;` and `pub const NUMBER_X: c_ulonglong = 4;`, and the values of
/// `mp_handle_pending_behaviour_t`.
fn values(text: &str) -> BTreeMap<String, u64> {
    text.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("pub const ")?.split_once(": ")?;
            let wanted = ["FLAG_", "NUMBER_", "MP_HANDLE_PENDING_"];
            if !wanted.iter().any(|prefix| name.starts_with(prefix)) {
                return None;
            }
            let value = rest.split_once("= ")?.1.trim_end_matches(';');
            let value = match value {
                "true" => 1,
                "false" => 0,
                number => number.parse().ok()?,
            };
            Some((name.to_owned(), value))
        })
        .collect()
}

/// The layout tests that bindgen writes, read back:
/// `["Size of T"][::core::mem::size_of::<T>() - 8usize];` and
/// `["Offset of field: T::f"][::core::mem::offset_of!(T, f) - 0usize];`,
/// each possibly broken over lines. Between two quotes stands the title; what follows,
/// up to the next quote, holds the number.
fn structs(text: &str) -> BTreeMap<String, Struct> {
    let mut found: BTreeMap<String, Struct> = BTreeMap::new();
    let parts: Vec<&str> = text.split('"').collect();
    for pair in parts[1..].windows(2).step_by(2) {
        let (title, rest) = (pair[0], pair[1]);
        let Some(number) = rest
            .split_once(" - ")
            .and_then(|(_, n)| n.split_once("usize"))
            .and_then(|(n, _)| n.trim().parse().ok())
        else {
            continue;
        };
        if let Some(name) = title.strip_prefix("Size of ") {
            found.entry(name.to_owned()).or_default().size = number;
        } else if let Some((name, field)) = title
            .strip_prefix("Offset of field: ")
            .and_then(|f| f.split_once("::"))
        {
            found
                .entry(name.to_owned())
                .or_default()
                .fields
                .push((field.to_owned(), number));
        }
    }
    found
}
