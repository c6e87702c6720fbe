//! Proves that the two are different libraries, and that a difference is found.

use crate::plant::{ALL, Plant};
use crate::run;
use crate::twin::Twin;

/// `traces`: whether the configuration can run traces, into which differences are planted.
///
/// # Errors
///
/// What does not hold.
pub fn prove(twins: [&'static Twin; 2], traces: bool) -> Result<(), String> {
    let [c, rust] = twins;
    let info = match (c.build_info(), rust.build_info()) {
        (None, Some(info)) => info,
        (Some(_), _) => return Err("the C twin has mpgc_build_info: it is not the C".into()),
        (None, None) => return Err("the Rust twin has no mpgc_build_info: it is not mpgc".into()),
    };
    println!("{info}");
    if c.check.is_some() || rust.check.is_none() {
        return Err("mpgc_check must be in the Rust alone".into());
    }
    let functions = [
        ("gc_alloc", c.alloc as usize, rust.alloc as usize),
        ("gc_free", c.free as usize, rust.free as usize),
        ("gc_realloc", c.realloc as usize, rust.realloc as usize),
        ("gc_init", c.init as usize, rust.init as usize),
        ("gc_lock", c.lock as usize, rust.lock as usize),
        ("the context", c.area as usize, rust.area as usize),
    ];
    for (name, c, rust) in functions {
        if c == rust {
            return Err(format!("{name} is the same function in both"));
        }
        // SAFETY: both are code of at least that many bytes.
        let code = [c, rust].map(|at| unsafe {
            std::slice::from_raw_parts(std::ptr::with_exposed_provenance::<u8>(at), 16)
        });
        // figures.c has functions of its own around these.
        let wrapped =
            twins[0].figures.is_some() && matches!(name, "gc_alloc" | "gc_realloc" | "gc_init");
        if name != "the context" && name != "gc_lock" && !wrapped && code[0] == code[1] {
            return Err(format!("{name} has the same code in both"));
        }
    }
    println!("different libraries: {} functions", functions.len());
    for &what in ALL.iter().filter(|_| traces) {
        if what == Plant::FinaliserTable && !c.finaliser {
            continue;
        }
        let progress = run::shared();
        let found = (0..20).any(|seed| {
            progress.run = 0;
            progress.covered = Default::default();
            run::random(twins, seed, 1, progress, Some(what)).is_err()
        });
        if !found {
            return Err(format!("a planted difference, {what:?}, is not found"));
        }
        println!("found as planted: {what:?}");
    }
    Ok(())
}
