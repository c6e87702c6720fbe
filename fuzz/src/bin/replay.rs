//! Runs the inputs of a folder through a target once, without libFuzzer.
//!
//! ```text
//!   replay TARGET FOLDER
//! ```
//!
//! Prints the name of each input before it is run, so that the last line names what crashed, and
//! how many there were at the end.

use mpgc_fuzz::{fuzz, heap_c, heap_model, layout, pystack, sched};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The function that runs one input of a target.
fn target(name: &str) -> Option<fn(&[u8])> {
    Some(match name {
        "heap_model" => fuzz::<heap_model::HeapModel>,
        "heap_c" => {
            heap_c::load(false);
            fuzz::<heap_c::HeapC>
        }
        "layout" => fuzz::<layout::Layouts>,
        "pystack" => fuzz::<pystack::Pystack>,
        "sched" => fuzz::<sched::Sched>,
        _ => return None,
    })
}

fn inputs(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in folder.read_dir()? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = words.as_slice() else {
        eprintln!("usage: replay TARGET FOLDER");
        return ExitCode::FAILURE;
    };
    let Some(run) = target(name) else {
        eprintln!("replay: there is no target {name}");
        return ExitCode::FAILURE;
    };
    match replay(run, Path::new(folder)) {
        Ok(count) => {
            println!("{count} inputs");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("replay: {folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn replay(run: fn(&[u8]), folder: &Path) -> std::io::Result<usize> {
    let paths = inputs(folder)?;
    for path in &paths {
        println!("{}", path.display());
        run(&std::fs::read(path)?);
    }
    Ok(paths.len())
}
