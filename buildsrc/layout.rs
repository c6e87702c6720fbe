//! Proves, by the port's own compiler, the values that Rust took from libclang.

use super::config::Config;
use super::headers::Headers;
use super::port::{Port, first_error};
use super::release::{KNOWN, Shape};
use super::{Result, write};
use std::fmt::Write;
use std::path::Path;

/// Not in 1.20.
const JUMP_CALLBACK: &str = "_nlr_jump_callback_node_t";

/// The structs whose layout Rust relies on, by their C tag.
pub const STRUCTS: &[&str] = &[
    "_gc_info_t",
    "_mp_obj_base_t",
    "_mp_obj_exception_t",
    "_mp_print_t",
    "_mp_sched_item_t",
    "_mp_sched_node_t",
    "_mp_state_ctx_t",
    "_mp_state_mem_area_t",
    "_mp_state_mem_t",
    "_mp_state_thread_t",
    "_mp_state_vm_t",
    "_nlr_buf_t",
    JUMP_CALLBACK,
];

/// Those that the feature `noscan` relies on besides, where the port has them.
const NOSCAN_STRUCTS: &[&str] = &[
    "_mp_obj_array_t",
    "_mp_obj_int_t",
    "_mp_obj_str_t",
    "_mpz_t",
];

/// Compiles a file of `_Static_assert`s; the first that fails stops the build.
pub fn prove(
    port: &Port,
    headers: &Headers,
    config: &Config,
    header: &Path,
    out: &Path,
) -> Result<()> {
    let text = assertions(headers, config, header)?;
    let source = out.join("layout.c");
    write(&source, &text)?;
    port.compile(&source, &out.join("layout.o"))
        .map_err(|said| {
            format!(
                "the port's compiler and libclang disagree, so Rust would not fit this port: {}; \
             report it with the compiler's version and flags",
                first_error(&said)
            )
        })
}

fn assertions(headers: &Headers, config: &Config, header: &Path) -> Result<String> {
    let mut text = format!("#define MPGC_PROVE\n#include \"{}\"\n", header.display());
    let mut claim = |what: String| {
        writeln!(text, "_Static_assert({what}, \"{what}\");").expect("a String takes all text");
    };
    let noscan = NOSCAN_STRUCTS
        .iter()
        .filter(|&&tag| super::feature("NOSCAN") && headers.layout(tag).is_some());
    for &tag in STRUCTS.iter().chain(noscan) {
        let Some(layout) = headers.layout(tag) else {
            if tag == JUMP_CALLBACK && !Shape::of(headers).jump_callbacks {
                continue;
            }
            return Err(format!(
                "the port's headers have no `struct {tag}`: \
                 take a release that mpgc knows ({KNOWN}), or a newer mpgc"
            ));
        };
        claim(format!("sizeof(struct {tag}) == {}", layout.size));
        for (field, offset) in &layout.fields {
            // Rust's own words (`type`, `fn`) carry a mark in the bindings.
            let field = field.trim_end_matches('_');
            let field = if tag == "_mp_obj_base_t" {
                "type"
            } else {
                field
            };
            claim(format!("offsetof(struct {tag}, {field}) == {offset}"));
        }
    }
    for (name, value) in headers.values() {
        claim(format!("{name} == {value}ull"));
    }
    for (name, size) in config.type_sizes() {
        claim(format!("sizeof({name}) == {size}"));
    }
    Ok(text)
}
