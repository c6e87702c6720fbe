//! `mpgc-heap watch` in a pseudo-terminal, with a trace that grows, a program that is started, and
//! a board at the other end of a second pseudo-terminal.

#![cfg(unix)]

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mpgc-heap");
const SIZE: PtySize = PtySize {
    rows: 40,
    cols: 150,
    pixel_width: 0,
    pixel_height: 0,
};
const LIMIT: Duration = Duration::from_secs(60);

/// The program in a terminal, whose screen a thread keeps.
struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn start(arguments: &[&str]) -> Terminal {
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let mut command = CommandBuilder::new(PROGRAM);
        command.arg("watch");
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        let mut output = pair.master.try_clone_reader().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(SIZE.rows, SIZE.cols, 0)));
        let kept = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                kept.lock().unwrap().process(&bytes[..count]);
            }
        });
        Terminal {
            screen,
            keys: pair.master.take_writer().unwrap(),
            child,
            _master: pair.master,
        }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows all of these.
    fn shows(&self, wanted: &[&str]) {
        let begin = Instant::now();
        while !wanted.iter().all(|wanted| self.text().contains(wanted)) {
            assert!(
                begin.elapsed() < LIMIT,
                "no {wanted:?} in:\n{}",
                self.text()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it by a key: the terminal is as it was.
    fn quit(mut self) {
        assert!(self.screen.lock().unwrap().screen().alternate_screen());
        self.keys.write_all(b"q").unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status:?}");
        let begin = Instant::now();
        while self.screen.lock().unwrap().screen().alternate_screen() {
            assert!(begin.elapsed() < LIMIT, "the screen is not restored");
            thread::sleep(Duration::from_millis(20));
        }
        assert!(!self.screen.lock().unwrap().screen().hide_cursor());
    }
}

/// A collection as MPGC_TRACE writes it.
fn collection(seconds: u32, us: u32, live: u32) -> String {
    let at = seconds * 1_000_000;
    let head = "\"cat\":\"gc\",\"pid\":1,\"tid\":1";
    format!(
        ",\n{{\"name\":\"collect\",{head},\"ph\":\"X\",\"ts\":{at},\"dur\":{us},\
         \"args\":{{\"reason\":\"full\",\"freed_objects\":3}}}}\
         ,\n{{\"name\":\"live bytes\",{head},\"ph\":\"C\",\"ts\":{},\"args\":{{\"live\":{live}}}}}",
        at + us
    )
}

#[test]
fn a_trace_is_followed_while_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    std::fs::write(
        &path,
        format!(
            "[\n{{\"name\":\"process_name\",\"ph\":\"M\"}}{}",
            collection(1, 20, 4096)
        ),
    )
    .unwrap();
    let terminal = Terminal::start(&[path.to_str().unwrap()]);
    // The line of the last event has no end yet.
    terminal.shows(&["4096 bytes in use", "1: 1 full"]);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(collection(2, 700, 8192).as_bytes()).unwrap();
    terminal.shows(&[
        "8192 bytes in use",
        "2: 2 full",
        "longest collection, us",
        "<32us",
        "<1ms",
    ]);
    file.write_all(collection(3, 20, 12_288).as_bytes())
        .unwrap();
    terminal.shows(&["12288 bytes in use", "3: 3 full"]);
    terminal.quit();
}

#[test]
fn a_program_is_started_with_a_trace_and_its_output_is_shown() {
    let script = format!(
        "echo hello; printf '[\\n{{}}%s\\n' '{}' > \"$MPGC_TRACE\"; echo bye; exec sleep 100",
        collection(1, 20, 4096)
    );
    let terminal = Terminal::start(&["--", "sh", "-c", &script]);
    terminal.shows(&["4096 bytes in use", "1: 1 full", "hello", "bye", "q quits"]);
    terminal.quit();
}

#[test]
fn what_a_program_prints_is_read_from_standard_input() {
    let text = "starting\r\nGC: total: 64000, used: 6224, free: 57776\r\n\
                {'asked': 3, 'full': 1, 'pauses': [0, 4], 'live_bytes': 640, 'longest_us': 77}\r\n";
    let mut child = Command::new(PROGRAM)
        .args(["watch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let done = child.wait_with_output().unwrap();
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{printed}");
    assert!(printed.starts_with("| starting\n"), "{printed}");
    assert!(
        printed.contains("6224 of 64000 bytes in use; 4 collections (asked 3, full 1)"),
        "{printed}"
    );
    assert!(printed.ends_with("the input ended\n"), "{printed}");
}

#[test]
fn input_without_figures_is_an_error() {
    let done = Command::new(PROGRAM)
        .args(["watch", "/dev/null", "--plain", "--count", "1"])
        .output()
        .unwrap();
    assert!(!done.status.success());
    let done = Command::new(PROGRAM)
        .args(["watch", "--", "true"])
        .output()
        .unwrap();
    let error = String::from_utf8(done.stderr).unwrap();
    assert!(
        !done.status.success() && error.contains("gave no figures"),
        "{error}"
    );
}

/// The prompt of a board: what the raw mode answers, to the sources that are known here.
struct Board {
    line: Box<dyn Read + Send>,
    answer: Box<dyn Write + Send>,
    counts: bool,
    /// It has the mode for pasting.
    pastes: bool,
    collections: u32,
    log: Arc<Mutex<String>>,
}

impl Board {
    fn serve(mut self) {
        let (mut raw, mut source, mut begun) = (false, Vec::new(), false);
        // The bytes that were pasted, in that mode.
        let mut pasted = None;
        let mut byte = [0];
        while let Ok(1) = self.line.read(&mut byte) {
            match byte[0] {
                1 if self.pastes && source == b"\x05A" => {
                    source.clear();
                    pasted = Some(0);
                    self.put("R\x01\x20\0");
                }
                1 => {
                    raw = true;
                    source.clear();
                    self.put("raw REPL; CTRL-B to exit\r\n>");
                }
                2 => {
                    raw = false;
                    self.log.lock().unwrap().push_str("left\n");
                    self.put("\r\n>>> ");
                }
                3 => self.log.lock().unwrap().push_str("interrupted\n"),
                4 if raw => {
                    let text = String::from_utf8(std::mem::take(&mut source)).unwrap();
                    let (printed, error) = self.run(&text, &mut begun);
                    let begin = match pasted.take() {
                        Some(_) if text.starts_with("# too large") => "",
                        Some(_) => "\x04",
                        None => "OK",
                    };
                    self.put(&format!("{begin}{printed}\x04{error}\x04>"));
                }
                byte if raw => {
                    source.push(byte);
                    if let Some(count) = &mut pasted {
                        *count += 1;
                        if *count == 32 && source.starts_with(b"# too large") {
                            self.put("\x04");
                        } else if *count % 32 == 0 {
                            self.put("\x01");
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn put(&mut self, text: &str) {
        self.answer.write_all(text.as_bytes()).unwrap();
    }

    fn run(&mut self, source: &str, begun: &mut bool) -> (String, String) {
        if source.contains("import mpgc") {
            *begun = true;
        } else if !*begun && !source.starts_with('#') {
            return (
                String::new(),
                "Traceback\r\nNameError: name '_mpgc_figures' isn't defined\r\n".into(),
            );
        } else if source.starts_with("# too large") {
            return (String::new(), "MemoryError: of the parser\r\n".into());
        } else if source.contains("reset_stats") {
            self.collections = 0;
        } else if source.contains("gc.collect()") {
            self.collections += 1;
        } else if self.counts {
            let dict = format!(
                "{{'asked': {}, 'live_bytes': 640, 'pauses': [1]}}",
                self.collections
            );
            return (
                format!("GC: total: 64000, used: 6224\r\n{dict}\r\n"),
                String::new(),
            );
        } else {
            let blocks = " No. of 1-blocks: 32, 2-blocks: 9, max blk sz: 16, max free sz: 3591";
            return (
                format!("GC: total: 64000, used: 6224, free: 57776\r\n{blocks}\r\n"),
                String::new(),
            );
        }
        (String::new(), String::new())
    }
}

/// A board, the path of its serial line, and what it has to tell.
fn board(counts: bool) -> (Box<dyn MasterPty + Send>, String, Arc<Mutex<String>>) {
    let pair = native_pty_system().openpty(SIZE).unwrap();
    let path = pair.master.tty_name().unwrap();
    let log = Arc::new(Mutex::new(String::new()));
    let board = Board {
        line: pair.master.try_clone_reader().unwrap(),
        answer: pair.master.take_writer().unwrap(),
        counts,
        pastes: counts,
        collections: 5,
        log: Arc::clone(&log),
    };
    let slave = pair.slave;
    thread::spawn(move || {
        board.serve();
        drop(slave);
    });
    (pair.master, path.display().to_string(), log)
}

#[test]
fn a_board_is_asked_by_the_raw_prompt_and_left_at_its_own() {
    let (_line, path, log) = board(true);
    let mut terminal = Terminal::start(&[&path, "--every", "0.05"]);
    terminal.shows(&["6224 of 64000 bytes in use", "5: 5 asked", "r resets"]);
    terminal.keys.write_all(b"c").unwrap();
    terminal.shows(&["6: 6 asked"]);
    terminal.keys.write_all(b"r").unwrap();
    terminal.shows(&["0: "]);
    terminal.quit();
    assert!(log.lock().unwrap().ends_with("left\n"));
}

/// A board without memory ends the program that it is sent before all of it has come.
#[test]
fn a_board_that_gives_up_is_heard() {
    let (_line, path, _) = board(true);
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("large.py");
    std::fs::write(&program, format!("# too large{}\n", "x".repeat(300))).unwrap();
    let done = Command::new(PROGRAM)
        .args(["watch", &path, "--every", "0.05", "--count", "1", "--run"])
        .arg(&program)
        .output()
        .unwrap();
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(
        printed.starts_with("| MemoryError: of the parser\n"),
        "{printed}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(printed.contains("6224 of 64000 bytes in use"), "{printed}");
}

#[test]
fn stock_firmware_tells_what_it_knows() {
    let (_line, path, _) = board(false);
    assert!(Path::new(&path).exists());
    let done = Command::new(PROGRAM)
        .args([
            "watch",
            &path,
            "--every",
            "0.05",
            "--count",
            "3",
            "--interrupt",
        ])
        .output()
        .unwrap();
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(
        done.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(printed.lines().count(), 3, "{printed}");
    assert!(
        printed.contains("6224 of 64000 bytes in use; largest free 3591 blocks"),
        "{printed}"
    );
}
