//! Sources that are read line by line: a growing file, standard input, a program that is started.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Message;

/// How long to wait where a file does not grow.
const WAIT: Duration = Duration::from_millis(50);

fn is_event(line: &[u8]) -> bool {
    line.ends_with(b"}") && serde_json::from_slice::<serde_json::Value>(line).is_ok()
}

/// Sends all that `input` has. False if nobody listens.
fn send_lines(input: &mut impl BufRead, partial: &mut Vec<u8>, sender: &Sender<Message>) -> bool {
    loop {
        match input.read_until(b'\n', partial) {
            Ok(0) | Err(_) => return true,
            // A line may be written in pieces; but the end of an event's is written with the next.
            Ok(_) if !partial.ends_with(b"\n") && !is_event(partial) => return true,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(partial).into_owned();
        partial.clear();
        if sender.send(Message::Line(line)).is_err() || sender.send(Message::Reading).is_err() {
            return false;
        }
    }
}

/// Reads to the end.
pub fn lines(input: impl Read + Send + 'static, sender: Sender<Message>) {
    thread::spawn(move || {
        let (mut input, mut partial) = (BufReader::new(input), Vec::new());
        if send_lines(&mut input, &mut partial, &sender) {
            partial.push(b'\n');
            send_lines(&mut &partial[..], &mut Vec::new(), &sender);
            let _ = sender.send(Message::End("the input ended".to_string()));
        }
    });
}

/// Follows a file that grows.
pub fn file(path: &Path, sender: Sender<Message>) -> Result<()> {
    let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    follow(file, Arc::new(AtomicBool::new(false)), sender);
    Ok(())
}

fn follow(file: File, ended: Arc<AtomicBool>, sender: Sender<Message>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let (mut input, mut partial) = (BufReader::new(file), Vec::new());
        loop {
            // What is written before the end is read after it was seen.
            let last = ended.load(Ordering::Acquire);
            if !send_lines(&mut input, &mut partial, &sender) || last {
                return;
            }
            thread::sleep(WAIT);
        }
    })
}

/// The program ends with the view.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program with a trace, and reads that and what it prints.
pub fn command(words: &[String], sender: Sender<Message>) -> Result<()> {
    let trace = tempfile::NamedTempFile::new().context("making a file for the trace")?;
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .env("MPGC_TRACE", trace.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", words[0]))?;
    let outputs: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    let mut running = Running(child);
    let file = trace.reopen().context("reading the trace")?;
    let ended = Arc::new(AtomicBool::new(false));
    let mut readers = vec![follow(file, Arc::clone(&ended), sender.clone())];
    for output in outputs.into_iter().flatten() {
        let sender = sender.clone();
        readers.push(thread::spawn(move || {
            let (mut input, mut partial) = (BufReader::new(output), Vec::new());
            send_lines(&mut input, &mut partial, &sender);
        }));
    }
    thread::spawn(move || {
        let status = loop {
            match running.0.try_wait() {
                Ok(Some(status)) => break status.to_string(),
                Ok(None) => thread::sleep(WAIT),
                Err(error) => break error.to_string(),
            }
            // Nobody listens any more.
            if sender.send(Message::Reading).is_err() {
                return;
            }
        };
        ended.store(true, Ordering::Release);
        for reader in readers {
            let _ = reader.join();
        }
        drop(trace);
        let _ = sender.send(Message::End(format!("the program ended: {status}")));
    });
    Ok(())
}
