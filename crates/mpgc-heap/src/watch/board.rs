//! A board on a serial line, asked for its figures by the raw prompt, as mpremote does it.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serial2::SerialPort;

use super::{Message, Wish};

const INTERRUPT: &[u8] = b"\r\x03\x03";
const RAW: &[u8] = b"\r\x01";
const FRIENDLY: &[u8] = b"\r\x02";
/// Asks for the raw prompt's mode for pasting, in which the board says when it accepts more.
const PASTE: &[u8] = b"\x05A\x01";
const MORE: u8 = 1;
const END: u8 = 4;
const PROMPT: &[u8] = b"raw REPL; CTRL-B to exit\r\n>";
/// Without that mode a board accepts no more bytes at once.
const PIECE: usize = 128;
const PAUSE: Duration = Duration::from_millis(10);
const ANSWER: Duration = Duration::from_secs(5);
/// How long a read waits, so that the end is noticed.
const READ: Duration = Duration::from_millis(50);

/// The names stay in `__main__`, so that a reading allocates little.
const BEGIN: &str = "\
import gc, micropython
try:
 import mpgc as _mpgc_watch
 _mpgc_figures = _mpgc_watch.stats()
except (ImportError, AttributeError):
 _mpgc_figures = None
";
const READING: &str = "\
if _mpgc_figures:
 _mpgc_watch.stats(_mpgc_figures)
 print('GC: total: %d, used: %d' % (gc.mem_alloc() + gc.mem_free(), gc.mem_alloc()))
 print(_mpgc_figures)
else:
 micropython.mem_info()
";
const RESET: &str = "\
if _mpgc_figures:
 _mpgc_watch.reset_stats()
";
const COLLECT: &str = "gc.collect()\n";

pub struct Board {
    port: SerialPort,
    /// Nobody looks any more.
    pub left: Arc<AtomicBool>,
}

/// What a board answers: its output, and its error.
struct Answer {
    text: String,
    error: String,
}

impl Board {
    pub fn open(path: &Path, baud: u32, interrupt: bool) -> Result<Board> {
        let about = || format!("opening {}", path.display());
        let mut port = SerialPort::open(path, baud).with_context(about)?;
        port.set_read_timeout(READ).with_context(about)?;
        let mut board = Board {
            port,
            left: Arc::default(),
        };
        board.enter(interrupt).with_context(about)?;
        Ok(board)
    }

    fn enter(&mut self, interrupt: bool) -> Result<()> {
        if interrupt {
            self.port.write_all(INTERRUPT)?;
            sleep(10 * PAUSE);
        }
        self.port.discard_input_buffer()?;
        self.port.write_all(RAW)?;
        let hint = if interrupt {
            "the board does not answer with a prompt"
        } else {
            "the board does not answer with a prompt: if it runs a program, --interrupt stops that"
        };
        self.until(PROMPT, ANSWER, &mut |_| ()).context(hint)
    }

    fn byte(&mut self, begin: Instant, limit: Duration) -> Result<u8> {
        let mut byte = [0];
        loop {
            match self.port.read(&mut byte) {
                Ok(0) => bail!("the serial line was closed"),
                Ok(_) => return Ok(byte[0]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error).context("reading the serial line"),
            }
            if self.left.load(Ordering::Relaxed) {
                bail!("left");
            }
            if begin.elapsed() > limit {
                bail!("no answer for {} seconds", limit.as_secs());
            }
        }
    }

    /// Reads up to `mark`; `each` gets what comes before it, as it comes.
    fn until(&mut self, mark: &[u8], limit: Duration, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let begin = Instant::now();
        let mut held = Vec::new();
        loop {
            held.push(self.byte(begin, limit)?);
            if held.ends_with(mark) {
                each(&held[..held.len() - mark.len()]);
                return Ok(());
            }
            // What cannot be the beginning of the mark goes on.
            while held.len() >= mark.len() {
                each(&held[..1]);
                held.remove(0);
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.port
            .write_all(bytes)
            .context("writing to the serial line")
    }

    /// How many bytes the board accepts at once in its mode for pasting; `None` if it has none.
    fn begin_paste(&mut self) -> Result<Option<usize>> {
        self.put(PASTE)?;
        let begin = Instant::now();
        let answer = [self.byte(begin, ANSWER)?, self.byte(begin, ANSWER)?];
        match &answer {
            b"R\x01" => {
                let window = [self.byte(begin, ANSWER)?, self.byte(begin, ANSWER)?];
                Ok(Some(u16::from_le_bytes(window).into()))
            }
            b"R\x00" => Ok(None),
            // It has never heard of that mode: its prompt comes again.
            _ => {
                self.until(b">", ANSWER, &mut |_| ())?;
                Ok(None)
            }
        }
    }

    fn send(&mut self, source: &[u8]) -> Result<()> {
        let Some(window) = self.begin_paste()? else {
            for piece in source.chunks(PIECE) {
                self.put(piece)?;
                sleep(PAUSE);
            }
            self.put(&[END])?;
            return self.until(b"OK", ANSWER, &mut |_| ());
        };
        let (mut space, mut rest) = (window, source);
        while !rest.is_empty() {
            if space == 0 {
                match self.byte(Instant::now(), ANSWER)? {
                    MORE => space += window,
                    // It gives up, as without memory, and waits for the end.
                    END => return self.put(&[END]),
                    other => bail!("the board answers {other:#x} while it is sent a program"),
                }
                continue;
            }
            let (now, later) = rest.split_at(space.min(rest.len()));
            self.put(now)?;
            space -= now.len();
            rest = later;
        }
        self.put(&[END])?;
        // It has read all when it says so.
        self.until(&[END], ANSWER, &mut |_| ())
    }

    /// Runs Python; `line` gets each line of its output, as it comes.
    fn run(
        &mut self,
        source: &[u8],
        limit: Duration,
        line: &mut dyn FnMut(String),
    ) -> Result<String> {
        self.send(source)?;
        let mut text = Vec::new();
        self.until(&[END], limit, &mut |bytes| {
            text.extend_from_slice(bytes);
            if bytes.ends_with(b"\n") {
                line(String::from_utf8_lossy(&text).into_owned());
                text.clear();
            }
        })?;
        if !text.is_empty() {
            line(String::from_utf8_lossy(&text).into_owned());
        }
        let mut error = Vec::new();
        self.until(&[END], ANSWER, &mut |bytes| error.extend_from_slice(bytes))?;
        self.until(b">", ANSWER, &mut |_| ())?;
        Ok(String::from_utf8_lossy(&error).into_owned())
    }

    fn ask(&mut self, source: &str) -> Result<Answer> {
        let mut text = String::new();
        let error = self.run(source.as_bytes(), ANSWER, &mut |line| text += &line)?;
        Ok(Answer { text, error })
    }

    /// After a soft reset the names are gone. A board may have no memory to answer with.
    fn reading(&mut self) -> Result<String> {
        let mut answer = self.ask(READING)?;
        if answer.error.contains("NameError") {
            answer = self.ask(BEGIN)?;
            if answer.error.is_empty() {
                answer = self.ask(READING)?;
            }
        }
        if let Some(last) = answer.error.trim_end().lines().last() {
            if last.starts_with("MemoryError") {
                return Ok(format!("the board has no memory to answer with: {last}"));
            }
            bail!("the board says: {last}");
        }
        Ok(answer.text)
    }

    /// Sends readings until nobody wants more. Returns why it ended.
    pub fn watch(
        &mut self,
        program: Option<&[u8]>,
        every: Duration,
        wished: &Receiver<Wish>,
        sender: &Sender<Message>,
    ) -> String {
        let mut act = || -> Result<()> {
            if let Some(program) = program {
                let mut send = |line| {
                    let _ = sender.send(Message::Line(line));
                    let _ = sender.send(Message::Reading);
                };
                let error = self.run(program, Duration::MAX, &mut send)?;
                error.lines().for_each(|line| send(line.to_string()));
            }
            loop {
                for line in self.reading()?.lines() {
                    sender.send(Message::Line(line.to_string()))?;
                }
                sender.send(Message::Reading)?;
                match wished.recv_timeout(every) {
                    Ok(Wish::Reset) => drop(self.ask(RESET)?),
                    Ok(Wish::Collect) => drop(self.ask(COLLECT)?),
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        };
        let end = act();
        // What still runs is what this program began.
        if end.is_err() {
            let _ = self.port.write_all(INTERRUPT);
        }
        let _ = self.port.write_all(FRIENDLY);
        match end {
            Ok(()) => "left the board".to_string(),
            Err(error) => format!("{error:#}"),
        }
    }
}
