//! `include/mpgc.h` says what the exported `mpgc_*` functions are.

use std::path::Path;

/// The files that export functions of the library's own.
const SOURCES: &[&str] = &[
    "src/heap/fault.rs",
    "src/abi.rs",
    "src/figures.rs",
    "src/standalone/version.rs",
    "src/standalone/hooks.rs",
    "src/standalone/heap.rs",
    "src/standalone/stats.rs",
    "src/standalone/info.rs",
    "src/standalone/snapshot.rs",
    "src/standalone/roots.rs",
    "src/standalone/thread.rs",
    "src/standalone/stack.rs",
    "src/standalone/nlr.rs",
    "src/standalone/sched.rs",
    "src/ffi/check.rs",
    "src/ffi/idle.rs",
    "src/ffi/stack.rs",
    "src/ffi/stats.rs",
    "src/ffi/snapshot.rs",
    "src/ffi/trace.rs",
];

const ABOVE: &str = "\
// mpgc for C. Two libraries have this header:
//
// - libmpgc, for C programs without MicroPython: a collected heap, a LIFO stack, the non-local
//   return and a scheduler. docs/firmware.md has a whole small program.
// - the objects that take the place of py/gc.c and others in a MicroPython port. Those keep
//   MicroPython's own declarations (py/gc.h, py/nlr.h, py/pystack.h, py/runtime.h); of this header
//   they have mpgc_version, mpgc_build_info, and the functions at the end that say so.
//
// Written by cbindgen: `MPGC_BLESS=1 cargo test --test header` writes it anew.";

/// The parts that depend on the machine, which cbindgen does not know; the version comes before
/// them.
const MACHINE: &str = "\
// Words of registers in an `mpgc_nlr_buf`.
#if defined(__x86_64__)
#define MPGC_NLR_REGISTERS 8
#elif defined(__i386__)
#define MPGC_NLR_REGISTERS 6
#elif defined(__aarch64__)
#define MPGC_NLR_REGISTERS 13
#elif defined(__riscv)
#define MPGC_NLR_REGISTERS 14
#else
#define MPGC_NLR_REGISTERS 10
#endif

// Callee-saved floating-point registers are not in a buffer: the function that pushes one declares
// them clobbered, so that the compiler saves them itself.
#if defined(__aarch64__)
#define MPGC_FORGET_FLOATS \\
    __asm__ volatile(\"\" ::: \"d8\", \"d9\", \"d10\", \"d11\", \"d12\", \"d13\", \"d14\", \"d15\")
#elif defined(__arm__) && defined(__ARM_FP)
#define MPGC_FORGET_FLOATS \\
    __asm__ volatile(\"\" ::: \"d8\", \"d9\", \"d10\", \"d11\", \"d12\", \"d13\", \"d14\", \"d15\")
#elif defined(__riscv_flen)
#define MPGC_FORGET_FLOATS \\
    __asm__ volatile(\"\" ::: \"fs0\", \"fs1\", \"fs2\", \"fs3\", \"fs4\", \"fs5\", \"fs6\", \"fs7\", \"fs8\", \"fs9\", \"fs10\", \"fs11\")
#else
#define MPGC_FORGET_FLOATS ((void)0)
#endif

// The higher end of the calling function's frame, for `stack_top` of `mpgc_config`. If `main` uses
// it, the variables of `main` are scanned too. Without an operating system the linker script
// defines the end of the stack.
#define MPGC_STACK_TOP __builtin_dwarf_cfa()

// Pushes a buffer, an `mpgc_nlr_buf *`, of a thread, an `mpgc_thread *`, and returns 0; returns 1
// again when `mpgc_nlr_jump` lands here, with the buffer's `value`. As with setjmp, a local
// variable that is changed in between has to be volatile.
//
//     mpgc_nlr_buf buffer;
//     if (mpgc_nlr_push(&thread, &buffer) == 0) {
//         work();                 // may jump
//         mpgc_nlr_pop(&thread);  // it has not
//     } else {
//         report(buffer.value);
//     }
#define mpgc_nlr_push(thread_, buffer_) \\
    (__extension__({ \\
        (buffer_)->thread = (thread_); \\
        unsigned int mpgc_landed_ = mpgc_nlr_push_buf(buffer_); \\
        MPGC_FORGET_FLOATS; \\
        mpgc_landed_; \\
    }))

// Attributes that two functions require.
#define MPGC_RETURNS_TWICE __attribute__((returns_twice))
#define MPGC_NORETURN __attribute__((noreturn))
";

/// The version, as macros.
fn version() -> String {
    let [major, minor, patch] = [
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH"),
    ];
    format!(
        "\
// The version of this header. Until 1.0 a change of the minor version may change what is here.
#define MPGC_VERSION_MAJOR {major}
#define MPGC_VERSION_MINOR {minor}
#define MPGC_VERSION_PATCH {patch}
#define MPGC_VERSION_STRING \"{major}.{minor}.{patch}\"
#define MPGC_VERSION_NUMBER ((MPGC_VERSION_MAJOR << 16) | (MPGC_VERSION_MINOR << 8) | MPGC_VERSION_PATCH)
"
    )
}

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(ABOVE.into()),
        include_guard: Some("MPGC_H".into()),
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h"]
            .map(String::from)
            .into(),
        after_includes: Some(format!("\n{}\n{MACHINE}", version())),
        function: cbindgen::FunctionConfig {
            no_return: Some("MPGC_NORETURN".into()),
            ..cbindgen::FunctionConfig::default()
        },
        usize_is_size_t: true,
        cpp_compat: true,
        documentation_style: cbindgen::DocumentationStyle::C99,
        export: cbindgen::ExportConfig {
            // functions take it as an int, whatever the size of an enum is
            include: vec!["Fault".into(), "mpgc_error".into()],
            rename: [("Fault".into(), "mpgc_fault_kind".into())].into(),
            // the header knows it of each machine
            exclude: vec!["MPGC_NLR_REGISTERS".into()],
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
    let text = String::from_utf8(text).expect("a header is text");
    text.replace("MPGC_FAULT_KIND_", "MPGC_FAULT_")
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
