//! Reads the configuration of a port and makes everything that depends on it: the larger part of
//! mpgc's build script, which runs it with cargo's environment and passes on what it prints. It is
//! a program of its own, for bindgen takes far longer to compile than all the rest, and this is
//! compiled once for all builds.
//!
//! ```text
//!   port.rs      the port's compiler command, as the make rules captured it
//!   headers.rs   its headers through bindgen
//!   syntax.rs    what the Rust that bindgen wrote declares
//!   table.rs     the table of options, src/host/port_options.h
//!   config.rs    options -> constants, cfgs, exported symbols, refusals
//!   needed.rs    the fields and functions that the crate uses by name
//!   nlr.rs       the non-local return that they choose
//!   release.rs   what differs between releases, found in the headers; structs that do not fit
//!   layout.rs    proves sizes and offsets with the port's own compiler
//!   sections.rs  where the port places the scheduler's functions
//!   assembly.rs  what the port's compiler makes of a small function
//!   in_place.rs  the port's macros and inline functions on the hot paths, as Rust
//! ```

mod assembly;
mod config;
mod headers;
mod in_place;
mod layout;
mod needed;
mod nlr;
mod pace;
mod port;
mod release;
mod sections;
mod syntax;
mod table;

use std::path::{Path, PathBuf};

/// What is wrong and how to fix it, in one line.
pub type Result<T> = std::result::Result<T, String>;

/// Reads a variable that the make rules set.
fn variable(name: &str) -> Result<String> {
    println!("cargo:rerun-if-env-changed={name}");
    std::env::var(name).map_err(|_| {
        format!(
            "{name} is not set: the build script of mpgc runs this program, and \
             micropython-patches/mpgc_build.py sets what it needs"
        )
    })
}

/// Cargo's own variable `name`, which a build script always has.
fn cargo_variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

/// Whether the crate has this feature, in capitals, in this build.
fn feature(name: &str) -> bool {
    std::env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// Ends the build with only `message`.
fn stop(message: &str) -> ! {
    if let Ok(dir) = std::env::var("MPGC_OUT") {
        // The driver prints this file instead of cargo's report of the failure.
        let _ = std::fs::write(Path::new(&dir).join("error"), message);
    }
    eprintln!("mpgc: {message}");
    std::process::exit(1)
}

fn main() {
    if let Err(message) = run() {
        stop(&message);
    }
}

/// Everything that a build with the feature `micropython` needs.
fn run() -> Result<()> {
    let crate_dir = PathBuf::from(cargo_variable("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(cargo_variable("OUT_DIR"));
    let target = cargo_variable("TARGET");
    let host_folder = crate_dir.join("src/host");

    let port = port::Port::from_rules(&host_folder, &target)?;
    release::check_age(&port, &out)?;
    // Before the others, since it compiles the port's headers as they are: a port that does not
    // compile is reported as such.
    let probed = sections::find(&port, &out)?;
    let mut headers = headers::read(&port, &host_folder.join("port.h"))?;
    headers.base = release::base(&port, &out, &headers)?;
    write(&out.join("bindings.rs"), &headers.text)?;
    let config = config::Config::from_headers(&headers, &target)?;
    let report = PathBuf::from(variable("MPGC_OUT")?);
    layout::prove(
        &port,
        &headers,
        &config,
        &host_folder.join("port.h"),
        &report,
    )?;

    write(&out.join("config.rs"), &config.rust())?;
    write(&out.join("sections.rs"), &probed.placed)?;
    let shim = host_folder.join("shim.c");
    let in_place = in_place::find(&port, &shim, &out, &headers);
    write(&out.join("in_place.rs"), &in_place.rust)?;
    write(
        &report.join("exports"),
        &(config.exports().join("\n") + "\n"),
    )?;
    write(&report.join("info"), &(config.info(&target) + "\n"))?;
    write(
        &report.join("replaced"),
        &(config.replaced().join("\n") + "\n"),
    )?;
    write(&report.join("release"), &(config.release() + "\n"))?;
    // printed behind the line of `info`; empty if there is nothing to say
    write(&report.join("warning"), &config.warning())?;
    for cfg in config.cfgs() {
        println!("cargo:rustc-cfg={cfg}");
    }
    if probed.empty_atomic {
        println!("cargo:rustc-cfg=mpgc_empty_atomic");
    }
    if in_place.primask_atomic {
        println!("cargo:rustc-cfg=mpgc_primask_atomic");
    }
    if in_place.thread_state_in_assembly && config.nlr_in_assembly() {
        println!("cargo:rustc-cfg=mpgc_nlr_in_thread");
    }
    if probed.direct_data {
        println!("cargo:rustc-cfg=mpgc_direct_data");
    }
    port.compile_shim(&shim)?;
    for file in port.dependencies(&[host_folder.join("port.h"), shim])? {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    Ok(())
}
