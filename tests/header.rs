//! `include/mpgc.h` says what the exported `mpgc_*` functions are.

use std::path::Path;

/// The files that export functions of the library's own.
const SOURCES: &[&str] = &["src/ffi/info.rs", "src/ffi/check.rs"];

const ABOVE: &str = "\
// The functions that mpgc adds to those of the C files that it replaces. Those keep
// MicroPython's own declarations (py/gc.h, py/nlr.h, py/pystack.h, py/runtime.h).
//
// Written by cbindgen: `MPGC_BLESS=1 cargo test --test header` writes it anew.";

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(ABOVE.into()),
        include_guard: Some("MPGC_H".into()),
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h"].map(String::from).into(),
        usize_is_size_t: true,
        cpp_compat: true,
        documentation_style: cbindgen::DocumentationStyle::C99,
        export: cbindgen::ExportConfig {
            // functions take it as an int, whatever the size of an enum is
            include: vec!["mpgc_fault_kind".into()],
            ..cbindgen::ExportConfig::default()
        },
        ..cbindgen::Config::default()
    };
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join(source));
    }
    let mut text = Vec::new();
    builder
        .generate()
        .expect("the sources parse")
        .write(&mut text);
    String::from_utf8(text).expect("a header is text")
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/mpgc.h");
    let generated = generated();
    if std::env::var_os("MPGC_BLESS").is_some() {
        std::fs::write(&path, &generated).expect("include/ can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "include/mpgc.h is not what the sources say: run `MPGC_BLESS=1 cargo test --test header`"
    );
}
