//! `mpgc-heap`: what fills the heap of MicroPython, and what keeps it alive.
//!
//! It reads a snapshot of the memory (an ELF core, or docs/snapshot.md) and the ELF file of the program, whose DWARF says how
//! the state and the objects are laid out. Neither needs to be of a build with mpgc: the C has the same layout.

mod core;
mod dominators;
mod dwarf;
mod frames;
mod graph;
mod heap;
mod kinds;
mod memory;
mod names;
mod plan;
mod program;
mod python;
mod roots;
mod snapshot;
mod summary;
mod view;
mod why;

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::roots::{Choice, Registers};
use crate::view::View;

#[derive(Parser)]
#[command(
    name = "mpgc-heap",
    version,
    about = "Shows what fills the heap of MicroPython, and what keeps it alive"
)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Source {
    /// The snapshot: an ELF core, or what docs/snapshot.md describes
    snapshot: PathBuf,
    /// The ELF file of the firmware or program, with DWARF
    #[arg(long, value_name = "FILE")]
    elf: PathBuf,
    /// Show no value of the program: no string, no number
    #[arg(long)]
    redact: bool,
    /// Which registers count as roots
    #[arg(long, value_enum, default_value = "all")]
    registers: Registers,
    /// Where the C stack of the first thread begins, if not at its stack pointer
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    stack_from: Option<u64>,
}

fn address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|_| format!("`{text}` is no address in hex"))
}

#[derive(Subcommand)]
enum Command {
    /// How full the heap is, what fills it, and what the roots hold
    Summary {
        #[command(flatten)]
        source: Source,
        /// How many rows of each table
        #[arg(long, default_value_t = 15)]
        top: usize,
    },
    /// What keeps a chunk alive: the best way from a root to it
    Why {
        #[command(flatten)]
        source: Source,
        /// An address (0x...), the name of a type, or a name in Python (`cache['k3']`)
        what: String,
        /// How many chunks, where it means several
        #[arg(long, default_value_t = 5)]
        top: usize,
    },
    /// Write what a core holds as a snapshot
    Save {
        #[command(flatten)]
        source: Source,
        /// Where to
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Each chunk on a line: address, bytes, live or garbage, type
    List {
        #[command(flatten)]
        source: Source,
    },
}

/// Read a snapshot and do something with what it shows.
fn with_view(
    source: &Source,
    act: impl FnOnce(&View<'_>, &mut dyn Write) -> Result<()>,
) -> Result<()> {
    let program = view::read_program(&source.elf)?;
    let memory = view::read_memory(&source.snapshot, &program)?;
    let choice = Choice {
        registers: source.registers,
        stack_from: source.stack_from,
    };
    let view = View::new(&memory, &program, &choice, source.redact)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    act(&view, &mut out)?;
    out.flush()?;
    Ok(())
}

fn run(options: Options) -> Result<()> {
    match options.command {
        Command::Summary { source, top } => {
            with_view(&source, |view, out| summary::print(view, top, out))
        }
        Command::Why { source, what, top } => {
            with_view(&source, |view, out| why::print(view, &what, top, out))
        }
        Command::Save { source, output } => {
            let program = view::read_program(&source.elf)?;
            let memory = view::read_memory(&source.snapshot, &program)?;
            let file =
                File::create(&output).with_context(|| format!("writing {}", output.display()))?;
            snapshot::write(io::BufWriter::new(file), &memory)
        }
        Command::List { source } => with_view(&source, |view, out| {
            for (number, chunk) in view.heap.chunks.iter().enumerate() {
                let live = if view.graph.is_reached(number) {
                    "live"
                } else {
                    "garbage"
                };
                writeln!(
                    out,
                    "{:#x} {} {live} {}",
                    chunk.address,
                    chunk.bytes,
                    view.kinds.get(number).name
                )?;
            }
            Ok(())
        }),
    }
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads the output has read enough.
        Err(error)
            if error
                .root_cause()
                .downcast_ref::<io::Error>()
                .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
