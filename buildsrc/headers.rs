//! The port's headers through bindgen.

use super::Result;
use super::port::{Port, first_error};
use super::syntax::{Declared, Struct};
use std::path::Path;

/// The declarations of a port, and queries about them.
pub struct Headers {
    /// The Rust text.
    pub text: String,
    declared: Declared,
    /// The release of MicroPython that CircuitPython was made of; none for any other tree.
    pub base: Option<String>,
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
    "reset_into_safe_mode",
    "memorymonitor_track_allocation",
    "mpgc_shim_.*",
];
const VARIABLES: &[&str] = &[
    "mp_state_ctx",
    "mp_plat_print",
    "mp_const_empty_traceback_obj",
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
    let declared = Declared::read(&text)
        .map_err(|error| format!("bindgen wrote Rust that does not parse: {error}"))?;
    Ok(Headers {
        text,
        declared,
        base: None,
    })
}

/// bindgen panics if it cannot open libclang; this is reported like any other error.
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
    /// The types of a function's arguments and result: `usize, uint -> *mut void`; none if it is
    /// not declared.
    pub fn function(&self, name: &str) -> Option<&str> {
        self.declared.functions.get(name).map(String::as_str)
    }

    /// A struct, named by its C tag.
    pub fn layout(&self, tag: &str) -> Option<&Struct> {
        self.declared.structs.get(tag)
    }

    /// Whether a struct, named by its C tag, has this field.
    pub fn has_field(&self, tag: &str, field: &str) -> bool {
        self.layout(tag)
            .is_some_and(|of| of.fields.iter().any(|(name, _)| name == field))
    }

    /// The type of a field of a struct, which is named by its C tag.
    pub fn field_type(&self, tag: &str, field: &str) -> Option<&str> {
        let key = (tag.to_owned(), field.to_owned());
        self.declared.fields.get(&key).map(String::as_str)
    }

    /// The value of `FLAG_X` or `NUMBER_X`, if port.h defines it in this build.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.declared.values.get(name).copied()
    }

    /// Each value that Rust uses: `FLAG_X` and `NUMBER_X` of port.h, and those of
    /// `mp_handle_pending_behaviour_t`.
    pub fn values(&self) -> impl Iterator<Item = (&str, u64)> {
        let taken = ["FLAG_", "NUMBER_", "MP_HANDLE_PENDING_"];
        self.declared
            .values
            .iter()
            .map(|(name, &value)| (name.as_str(), value))
            .filter(move |(name, _)| taken.iter().any(|prefix| name.starts_with(prefix)))
    }
}
