//! A live view of the figures of a board or of a process.
//!
//! ```text
//!   board.rs   a serial line, by the raw prompt --+
//!   follow.rs  a trace, standard input, a child --+--> Message --> screen.rs  or lines of text
//!                         (figures.rs reads each line)
//! ```

mod board;
mod figures;
mod follow;
mod screen;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use self::figures::Seen;

#[derive(Args)]
pub struct Options {
    /// A serial port (`/dev/ttyACM0`), the file that MPGC_TRACE names, or `-` for standard input
    #[arg(required_unless_present = "command", conflicts_with = "command")]
    source: Option<PathBuf>,
    /// Start a program, with a trace if it was built with MPGC_TRACE=1, and read what it prints
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// Of a board: how many seconds lie between two readings
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    every: f64,
    /// Of a board: the speed of its serial port
    #[arg(long, default_value_t = 115_200)]
    baud: u32,
    /// Of a board: stop its program first
    #[arg(long)]
    interrupt: bool,
    /// Of a board: run this program first. It may print `mpgc.stats()` or call
    /// `micropython.mem_info()`
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
    /// End after so many readings
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Print a line for each reading, as is done where the output is no terminal
    #[arg(long)]
    plain: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err(format!(
            "`{text}` is not a number of seconds from 0.01 to 86400"
        )),
    }
}

/// What a source reports.
pub enum Message {
    /// A line of text: figures, or what the program prints.
    Line(String),
    /// What was read so far belongs together.
    Reading,
    /// Nothing follows; why.
    End(String),
}

/// What a board is asked to do beside its figures.
#[derive(Clone, Copy)]
pub enum Wish {
    Reset,
    Collect,
}

/// Where the messages come from.
pub struct Source {
    title: String,
    messages: Receiver<Message>,
    /// Of a board alone.
    wishes: Option<Sender<Wish>>,
    left: Arc<AtomicBool>,
    reader: Option<thread::JoinHandle<()>>,
}

fn is_serial_port(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        std::fs::metadata(path).is_ok_and(|found| found.file_type().is_char_device())
    }
    #[cfg(not(unix))]
    {
        path.to_string_lossy()
            .trim_start_matches(r"\\.\")
            .starts_with("COM")
    }
}

impl Source {
    fn open(options: &Options) -> Result<Source> {
        let (sender, messages) = channel();
        let mut source = Source {
            title: String::new(),
            messages,
            wishes: None,
            left: Arc::default(),
            reader: None,
        };
        let Some(path) = &options.source else {
            source.title = options.command.join(" ");
            follow::command(&options.command, sender)?;
            return Ok(source);
        };
        source.title = path.display().to_string();
        if is_serial_port(path) {
            let mut board = board::Board::open(path, options.baud, options.interrupt)?;
            let program = options.run.as_ref().map(std::fs::read).transpose()?;
            let every = Duration::from_secs_f64(options.every);
            let (wishes, wished) = channel();
            source.wishes = Some(wishes);
            source.left = Arc::clone(&board.left);
            source.reader = Some(thread::spawn(move || {
                let end = board.watch(program.as_deref(), every, &wished, &sender);
                let _ = sender.send(Message::End(end));
            }));
            return Ok(source);
        }
        if options.run.is_some() || options.interrupt {
            bail!(
                "--run and --interrupt are for a board: {} is no serial port",
                source.title
            );
        }
        if path == Path::new("-") {
            source.title = "standard input".to_string();
            follow::lines(io::stdin(), sender);
        } else {
            follow::file(path, sender)?;
        }
        Ok(source)
    }

    fn wish(&self, wish: Wish) {
        if let Some(wishes) = &self.wishes {
            let _ = wishes.send(wish);
        }
    }
}

impl Drop for Source {
    /// A board is left at its usual prompt.
    fn drop(&mut self) {
        self.left.store(true, Ordering::Relaxed);
        self.wishes = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// A line of text for each reading, and what the program prints.
fn print(source: &Source, count: Option<usize>, out: &mut dyn Write) -> Result<()> {
    let mut seen = Seen::new();
    let mut readings = 0;
    while let Ok(message) = source.messages.recv() {
        match message {
            Message::Line(line) => {
                if let Some(printed) = seen.read(&line) {
                    writeln!(out, "| {printed}")?;
                }
            }
            Message::Reading => {
                if !seen.has_new() {
                    continue;
                }
                seen.settle();
                writeln!(out, "{}", seen.line())?;
                readings += 1;
            }
            Message::End(why) => {
                writeln!(out, "{why}")?;
                break;
            }
        }
        out.flush()?;
        if count.is_some_and(|count| readings >= count) {
            break;
        }
    }
    if readings == 0 {
        bail!("{} gave no figures: see docs/snapshot.md", source.title);
    }
    Ok(())
}

pub fn watch(options: &Options) -> Result<()> {
    let source = Source::open(options)?;
    if options.plain || !io::stdout().is_terminal() {
        return print(&source, options.count, &mut io::stdout().lock());
    }
    screen::show(&source, options.count)
}
