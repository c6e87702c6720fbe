//! `mpgc-heap`: what fills the heap of MicroPython, and what keeps it alive.
//!
//! It reads a snapshot of the memory (an ELF core, or docs/snapshot.md) and the ELF file of the
//! program, whose DWARF says how the state and the objects are laid out. Neither needs to be of a
//! build with mpgc: the C has the same layout.

#![forbid(unsafe_code)]

mod core;
mod diff;
mod dominators;
mod dwarf;
mod export;
mod flame;
mod frames;
mod gdb;
mod graph;
mod heap;
mod html;
mod kinds;
mod map;
mod memory;
mod names;
mod plan;
mod program;
mod python;
mod roots;
mod script;
mod snapshot;
#[cfg(test)]
mod stated;
mod summary;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod view;
#[cfg(feature = "watch")]
mod watch;
mod why;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::memory::Memory;
use crate::program::Program;
use crate::roots::{Choice, Registers};
use crate::view::View;

#[derive(Parser)]
#[command(
    name = "mpgc-heap",
    version,
    about = "Shows what fills the heap of MicroPython, or of a C program with libmpgc, and what \
     keeps it alive"
)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Source {
    /// The snapshot: an ELF core, or what docs/snapshot.md describes
    snapshot: PathBuf,
    /// The ELF file of the firmware or program, with DWARF; the snapshot of a C program with
    /// libmpgc needs none
    #[arg(long, value_name = "FILE")]
    elf: Option<PathBuf>,
    /// Hide the values of the program: strings and numbers
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
    /// What keeps a chunk alive: the best path from a root to it
    Why {
        #[command(flatten)]
        source: Source,
        /// An address (0x...), the name of a type, or a name in Python (`cache['k3']`)
        what: String,
        /// How many chunks to show, if several match
        #[arg(long, default_value_t = 5)]
        top: usize,
    },
    /// The chunks that were allocated between two snapshots of one run and are still live
    Diff {
        #[command(flatten)]
        source: Source,
        /// The second snapshot, and a third in which it must still be there
        #[arg(required = true, num_args = 1..=2)]
        later: Vec<PathBuf>,
        /// How many rows of each table
        #[arg(long, default_value_t = 15)]
        top: usize,
    },
    /// Write the live heap for another program
    Export {
        #[command(flatten)]
        source: Source,
        /// Later snapshots of the same run, for `massif`
        later: Vec<PathBuf>,
        #[arg(long, value_enum, default_value = "heapsnapshot")]
        format: Format,
        /// Where to
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Write a page that shows everything: map, treemap, list, search
    Html {
        #[command(flatten)]
        source: Source,
        /// Where to
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Draw the blocks of the heap, coloured by type
    Map {
        #[command(flatten)]
        source: Source,
        /// Where to: a .png or an .svg
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Convert a core to a snapshot
    Save {
        #[command(flatten)]
        source: Source,
        /// Where to
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Take a snapshot through a GDB server (of qemu, OpenOCD, a probe); the target continues
    /// afterwards
    Record {
        /// The address of the server
        #[arg(long, value_name = "HOST:PORT")]
        gdb: String,
        /// The ELF file of the firmware, with DWARF
        #[arg(long, value_name = "FILE")]
        elf: PathBuf,
        /// Where to
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
    /// Print a MicroPython script that prints a snapshot of the board that it runs on
    Script {
        /// The ELF file of the firmware, with DWARF
        #[arg(long, value_name = "FILE")]
        elf: PathBuf,
    },
    /// The figures of a board or of a process, live
    #[cfg(feature = "watch")]
    Watch(watch::Options),
    /// Each chunk on a line: address, bytes, live or garbage, type
    List {
        #[command(flatten)]
        source: Source,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For Chrome's DevTools and memlab
    Heapsnapshot,
    /// For ms_print and massif-visualizer
    Massif,
    /// For speedscope
    Speedscope,
}

impl Source {
    /// Read a snapshot of the program and do something with what it shows.
    fn look<T>(
        &self,
        snapshot: &Path,
        program: Option<&Program>,
        act: impl FnOnce(&View<'_>) -> Result<T>,
    ) -> Result<T> {
        let memory = view::read_memory(snapshot, program)?;
        let choice = Choice {
            registers: self.registers,
            stack_from: self.stack_from,
        };
        act(&View::new(&memory, program, &choice, self.redact)?)
    }

    fn program(&self) -> Result<Option<Program>> {
        self.elf.as_deref().map(view::read_program).transpose()
    }

    /// The same with the only snapshot.
    fn view<T>(&self, act: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        self.look(&self.snapshot, self.program()?.as_ref(), act)
    }

    /// The same, where something is printed.
    fn print(&self, act: impl FnOnce(&View<'_>, &mut dyn Write) -> Result<()>) -> Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        self.view(|view| act(view, &mut out))?;
        out.flush()?;
        Ok(())
    }
}

fn write_file(output: &Path, act: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let about = || format!("writing {}", output.display());
    let mut out = io::BufWriter::new(File::create(output).with_context(about)?);
    act(&mut out)?;
    out.flush().with_context(about)
}

fn diff(source: &Source, later: &[PathBuf], top: usize) -> Result<()> {
    let program = source.program()?;
    let program = program.as_ref();
    let before = source.look(&source.snapshot, program, |view| Ok(diff::live(view)))?;
    let third = match later.get(1) {
        Some(third) => Some(source.look(third, program, |view| Ok(diff::live(view)))?),
        None => None,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    source.look(&later[0], program, |view| {
        diff::print(&before, view, third.as_ref(), top, &mut out)
    })?;
    out.flush()?;
    Ok(())
}

fn export(source: &Source, later: &[PathBuf], format: Format, output: &Path) -> Result<()> {
    let title = source.snapshot.file_name().unwrap_or_default();
    let title = title.display().to_string();
    if !later.is_empty() && !matches!(format, Format::Massif) {
        bail!("only `--format massif` takes several snapshots");
    }
    match format {
        Format::Heapsnapshot => {
            source.view(|view| write_file(output, |out| export::heapsnapshot(view, out)))
        }
        Format::Speedscope => source
            .view(|view| write_file(output, |out| flame::Tree::new(view).speedscope(&title, out))),
        Format::Massif => {
            let program = source.program()?;
            let trees = [&source.snapshot]
                .into_iter()
                .chain(later)
                .map(|path| source.look(path, program.as_ref(), |view| Ok(flame::Tree::new(view))))
                .collect::<Result<Vec<_>>>()?;
            write_file(output, |out| flame::massif(&title, &trees, out))
        }
    }
}

fn save(memory: &Memory, output: &Path) -> Result<()> {
    write_file(output, |out| snapshot::write(out, memory))
}

fn run(options: Options) -> Result<()> {
    match options.command {
        Command::Summary { source, top } => {
            source.print(|view, out| summary::print(view, top, out))
        }
        Command::Why { source, what, top } => {
            source.print(|view, out| why::print(view, &what, top, out))
        }
        Command::Diff { source, later, top } => diff(&source, &later, top),
        Command::Export {
            source,
            later,
            format,
            output,
        } => export(&source, &later, format, &output),
        Command::Html { source, output } => {
            let file = source.snapshot.file_name().unwrap_or_default();
            let title = format!("Heap of {}", file.display());
            source.view(|view| write_file(&output, |out| html::print(view, &title, out)))
        }
        Command::Map { source, output } => source.view(|view| map::write(view, &output)),
        Command::Save { source, output } => {
            let program = source.program()?;
            save(
                &view::read_memory(&source.snapshot, program.as_ref())?,
                &output,
            )
        }
        Command::Record { gdb, elf, output } => {
            let program = view::read_program(&elf)?;
            save(&gdb::record(&gdb, &program)?, &output)
        }
        Command::Script { elf } => {
            script::print(&view::read_program(&elf)?, &mut io::stdout().lock())
        }
        #[cfg(feature = "watch")]
        Command::Watch(options) => watch::watch(&options),
        Command::List { source } => source.print(|view, out| {
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

/// The program.
pub fn main() -> ExitCode {
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
