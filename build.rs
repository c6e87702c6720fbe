//! Without the feature `micropython` there is nothing to do but to name the
//! `cfg`s. With it, the headers of a port decide everything: the program of `buildsrc/`, which
//! micropython-patches/mpgc_build.py compiles once for all builds, reads them.

/// The options of a port, with the `cfg` that each switches on.
const OPTIONS: &str = include_str!("src/host/port_options.h");
/// All other `cfg`s, which buildsrc or this file determines.
const OTHER_CFGS: &[&str] = &[
    "mpgc_aligned_words",
    "mpgc_bare",
    "mpgc_circuitpython",
    "mpgc_direct_data",
    "mpgc_empty_atomic",
    "mpgc_events",
    "mpgc_gc_mutex",
    "mpgc_grow_by_regions",
    "mpgc_info_fast",
    "mpgc_jump_callbacks",
    "mpgc_last_used",
    "mpgc_nlr_fp",
    "mpgc_nlr_in_thread",
    "mpgc_nlr_linked",
    "mpgc_nlr_registers",
    "mpgc_pending_enum",
    "mpgc_pending_internal",
    "mpgc_plain",
    "mpgc_pool_bounds",
    "mpgc_port",
    "mpgc_primask_atomic",
    "mpgc_thumb1",
    "mpgc_traceback_object",
    "mpgc_windowed",
];

/// Targets whose Thumb is the first one: no stores of high registers, no long branch.
const THUMB1: &[&str] = &["thumbv4t", "thumbv5te", "thumbv6", "thumbv8m.base"];
/// Further targets that require aligned access.
const ALIGNED_WORDS: &[&str] = &["arm-", "armv4t", "armv5te", "mips", "riscv", "xtensa"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=buildsrc");
    let cfgs = all_cfgs();
    for cfg in &cfgs {
        println!("cargo:rustc-check-cfg=cfg({cfg})");
    }
    let target = std::env::var("TARGET").unwrap_or_default();
    if THUMB1.iter().any(|name| target.starts_with(name)) {
        println!("cargo:rustc-cfg=mpgc_thumb1");
    }
    if target.starts_with("xtensa-windowed") {
        println!("cargo:rustc-cfg=mpgc_windowed");
    }
    let feature = |name| std::env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let (bare, small) = (feature("BARE"), feature("SMALL"));
    let for_bare = (bare || target.contains("-none")) && !feature("LARGE");
    // the feature `small` goes further
    if for_bare && !small {
        println!("cargo:rustc-cfg=mpgc_bare");
    }
    if for_bare || small {
        println!("cargo:rustc-cfg=mpgc_plain");
    }
    let mut aligned = THUMB1.iter().chain(ALIGNED_WORDS);
    if bare || aligned.any(|name| target.starts_with(name)) {
        println!("cargo:rustc-cfg=mpgc_aligned_words");
    }
    println!("cargo:rerun-if-env-changed=MPGC_PORT_COMMAND");
    let port = std::env::var_os("MPGC_PORT_COMMAND").is_some();
    // cargo --all-features, without a port: the library for C programs alone
    if feature("MICROPYTHON") && (port || !feature("STANDALONE")) {
        println!("cargo:rustc-cfg=mpgc_port");
        read_headers(&cfgs, port);
    }
}

/// Every `cfg` of the crate.
fn all_cfgs() -> Vec<&'static str> {
    let of_options = OPTIONS.lines().filter_map(|line| {
        let row = line.strip_prefix("FLAG(").or(line.strip_prefix("TRUTH("))?;
        let cfg = row.split([',', ')']).nth(1)?.trim();
        (cfg != "none").then_some(cfg)
    });
    of_options.chain(OTHER_CFGS.iter().copied()).collect()
}

/// Runs the program of `buildsrc/`, with the environment that cargo gives a build script, and
/// passes on to cargo what it prints.
fn read_headers(cfgs: &[&str], port: bool) {
    // another value each time, so that the files in `MPGC_OUT` are those of this build
    println!("cargo:rerun-if-env-changed=MPGC_RUN");
    if !port {
        eprintln!(
            "mpgc: MPGC_PORT_COMMAND is not set: the feature `micropython` is built by the rules \
             in micropython-patches/ (for instance `make -C ports/unix -f .../wrapper.mk`), and \
             the pure modules need no feature"
        );
        std::process::exit(1)
    }
    let program = std::env::var_os("MPGC_HEADERS").unwrap_or_else(compile_headers_program);
    let done = std::process::Command::new(&program)
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
    let said = String::from_utf8_lossy(&done.stdout);
    print!("{said}");
    if !done.status.success() {
        std::process::exit(1)
    }
    for cfg in said
        .lines()
        .filter_map(|line| line.strip_prefix("cargo:rustc-cfg="))
    {
        assert!(cfgs.contains(&cfg), "{cfg} is not declared in build.rs");
    }
}

/// For cargo alone, as clippy is run: the rules of micropython-patches/ compile it beforehand.
fn compile_headers_program() -> std::ffi::OsString {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let folder = format!("{root}/build/build-tools/cargo");
    let cargo = std::env::var_os("CARGO").expect("cargo sets it");
    let mut command = std::process::Command::new(cargo);
    command.args(["build", "--package", "mpgc-headers", "--profile", "headers"]);
    command.args(["--locked", "--target-dir", &folder]);
    command.current_dir(root);
    // what is meant for the library, and the directory that the cargo that waits for this has
    // locked
    for name in [
        "CARGO_BUILD_BUILD_DIR",
        "CARGO_BUILD_TARGET",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
    ] {
        command.env_remove(name);
    }
    let done = command.stdout(std::process::Stdio::null()).status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "the program of buildsrc/ does not compile"
    );
    format!("{folder}/headers/mpgc-headers").into()
}
