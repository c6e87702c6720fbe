//! Reads memory and registers through a GDB server: of qemu, OpenOCD, a debug probe.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::heap::{Fields, Heap};
use crate::memory::{ARM, I386, Machine, Memory, RISCV, Thread, X86_64};
use crate::program::Program;

const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes asked for at once: their digits fit into the smallest packet that servers take.
const PIECE: usize = 512;

struct Server {
    stream: TcpStream,
}

impl Server {
    fn connect(address: &str) -> Result<Server> {
        let about = || format!("connecting to the GDB server at {address}");
        let mut last = None;
        for target in address.to_socket_addrs().with_context(about)? {
            match TcpStream::connect_timeout(&target, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(Server { stream });
                }
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(error).with_context(about),
            None => bail!("{address} is no address; give HOST:PORT"),
        }
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.stream
            .read_exact(&mut byte)
            .context("the GDB server does not answer")?;
        Ok(byte[0])
    }

    fn send(&mut self, command: &str) -> Result<()> {
        let sum = command.bytes().fold(0u8, u8::wrapping_add);
        self.stream
            .write_all(format!("${command}#{sum:02x}").as_bytes())
            .context("writing to the GDB server")
    }

    /// The answer to a command.
    fn ask(&mut self, command: &str) -> Result<Vec<u8>> {
        self.send(command)?;
        self.answer(command)
    }

    fn answer(&mut self, command: &str) -> Result<Vec<u8>> {
        loop {
            match self.byte()? {
                b'$' => {}
                b'-' => bail!("the GDB server did not understand `{command}`"),
                _ => continue,
            }
            let (mut answer, mut sum) = (Vec::new(), 0u8);
            loop {
                let byte = self.byte()?;
                if byte == b'#' {
                    break;
                }
                sum = sum.wrapping_add(byte);
                match byte {
                    b'}' => {
                        let escaped = self.byte()?;
                        sum = sum.wrapping_add(escaped);
                        answer.push(escaped ^ 0x20);
                    }
                    // A byte that comes several times is followed by how often.
                    b'*' => {
                        let count = self.byte()?;
                        sum = sum.wrapping_add(count);
                        let last = *answer.last().context("the GDB server repeats nothing")?;
                        let count = usize::from(count.saturating_sub(29));
                        answer.extend(std::iter::repeat_n(last, count));
                    }
                    byte => answer.push(byte),
                }
            }
            let digits = [self.byte()?, self.byte()?];
            if format!("{sum:02x}").as_bytes() != digits.to_ascii_lowercase() {
                bail!("an answer of the GDB server to `{command}` was changed on the way");
            }
            self.stream
                .write_all(b"+")
                .context("writing to the GDB server")?;
            return Ok(answer);
        }
    }

    fn hex(&mut self, command: &str) -> Result<Vec<u8>> {
        let mut answer = self.ask(command)?;
        // The stub may report in between that the target has stopped, more than once.
        for _ in 0..8 {
            if matches!(answer.first(), Some(b'T' | b'S')) {
                answer = self.answer(command)?;
            }
        }
        let text = String::from_utf8_lossy(&answer).into_owned();
        let digits = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        // An unknown register is `xx`.
        let known = text.replace('x', "0");
        match known.as_bytes().chunks(2).map(digits).collect() {
            Some(bytes) if text.len().is_multiple_of(2) && !text.starts_with('E') => Ok(bytes),
            _ => bail!(
                "the GDB server answers `{}` to `{command}`",
                text.escape_default()
            ),
        }
    }

    fn memory(&mut self, start: u64, size: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < size {
            let length = PIECE.min((size - bytes.len() as u64) as usize);
            let at = start.wrapping_add(bytes.len() as u64);
            let piece = self.hex(&format!("m{at:x},{length:x}"))?;
            if piece.is_empty() || piece.len() > length {
                bail!("the GDB server gives no memory at {at:#x}");
            }
            bytes.extend(piece);
        }
        Ok(bytes)
    }
}

/// The registers of the thread that is stopped, in the order of DWARF.
fn registers(server: &mut Server, machine: &Machine) -> Result<Thread> {
    let bytes = server.hex("g")?;
    let values: Vec<u64> = bytes
        .chunks_exact(machine.word)
        .map(|bytes| machine.value(bytes))
        .collect();
    // GDB has an order of its own for x86-64.
    let order: Vec<usize> = match machine.id {
        X86_64 => vec![0, 3, 2, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        I386 => (0..9).collect(),
        ARM => (0..16).collect(),
        _ => (0..33).collect(),
    };
    debug_assert!(machine.id != RISCV || order.len() == 33);
    let found = order
        .into_iter()
        .map(|place| values.get(place).copied())
        .collect();
    let registers: Option<Vec<_>> = found;
    Ok(Thread {
        id: 1,
        registers: registers.context("the GDB server gives too few registers")?,
    })
}

/// Read everything that a snapshot needs; the target stops meanwhile, and continues afterwards.
pub fn record(address: &str, program: &Program) -> Result<Memory> {
    let mut server = Server::connect(address)?;
    // Why did it stop: an answer says that it has.
    server.ask("?")?;
    let memory = read(&mut server, program);
    // Without an answer it continues anyway.
    let _ = server.ask("D");
    memory
}

fn read(server: &mut Server, program: &Program) -> Result<Memory> {
    let mut memory = Memory::new(program.machine);
    memory.threads.push(registers(server, &program.machine)?);
    for segment in program.segments().iter().filter(|segment| segment.writable) {
        memory.add(segment.start, server.memory(segment.start, segment.size)?)?;
    }
    memory.settle();
    let missing = outside(&memory, program)?;
    for (start, end) in missing {
        if memory.bytes(start, (end - start) as usize).is_none() {
            memory.add(start, server.memory(start, end - start)?)?;
        }
    }
    memory.settle();
    Ok(memory)
}

/// Where the areas, the Python stack and the C stack lie: they may be outside of what the ELF file
/// knows.
fn outside(memory: &Memory, program: &Program) -> Result<Vec<(u64, u64)>> {
    let fields = Fields { memory, program };
    let state = crate::roots::state(&fields)?;
    let mut ranges = Heap::spans(&fields, state)?;
    if let Some(start) = fields.option(state, "mp_state_ctx_t", "thread.pystack_start")? {
        ranges.push((
            start,
            fields.field(state, "mp_state_ctx_t", "thread.pystack_cur")?,
        ));
    }
    let top = fields.field(state, "mp_state_ctx_t", "thread.stack_top")?;
    let pointer = memory.machine.stack_pointer();
    if let Some(pointer) = pointer.and_then(|number| memory.threads[0].registers.get(number)) {
        ranges.push((*pointer, top));
    }
    // A size that is far too large is damage, not a device's memory.
    ranges.retain(|&(start, end)| end > start && end - start < 1 << 30);
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// A server that answers each command by what `answers` says, as it goes over the line.
    fn server(answers: impl Fn(&str) -> Vec<Vec<u8>> + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut command, mut byte) = (Vec::new(), [0]);
            while stream.read_exact(&mut byte).is_ok() {
                command.push(byte[0]);
                if command.len() > 2 && command[command.len() - 3] == b'#' {
                    let text = String::from_utf8(command.split_off(0)).unwrap();
                    let text = text.trim_start_matches('+');
                    for answer in answers(&text[1..text.len() - 3]) {
                        let sum = answer.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
                        let sum = format!("#{sum:02x}");
                        let packet = [b"+$", answer.as_slice(), sum.as_bytes()].concat();
                        stream.write_all(&packet).unwrap();
                    }
                }
            }
        });
        Server::connect(&address).unwrap()
    }

    #[test]
    fn memory_comes_in_pieces_with_repeated_digits_and_stops_between() {
        let mut server = server(|command| {
            let (at, length) = command[1..].split_once(',').unwrap();
            let length = usize::from_str_radix(length, 16).unwrap();
            assert!(length <= PIECE);
            match at {
                "20000000" => vec![b"T05thread:01;".to_vec(), b"ab".repeat(length)],
                // `0` and three more of it (32 - 29).
                "100" => vec![b"0* 12".to_vec()],
                // And five of it are no whole bytes.
                _ => vec![b"0*!12".to_vec()],
            }
        });
        let bytes = server.memory(0x2000_0000, PIECE as u64).unwrap();
        assert_eq!(bytes, vec![0xab; PIECE]);
        assert_eq!(server.memory(0x100, 3).unwrap(), [0, 0, 0x12]);
        assert!(server.memory(0x200, 4).is_err());
    }

    #[test]
    fn registers_are_put_in_the_order_of_dwarf() {
        let mut server = server(|command| {
            assert_eq!(command, "g");
            let values = (0..17u64).flat_map(|number| number.to_le_bytes());
            vec![
                values
                    .flat_map(|byte| format!("{byte:02x}").into_bytes())
                    .collect(),
            ]
        });
        let machine = Machine {
            word: 8,
            big_endian: false,
            id: X86_64,
        };
        let thread = registers(&mut server, &machine).unwrap();
        // GDB: rax, rbx, rcx, rdx; DWARF: rax, rdx, rcx, rbx.
        assert_eq!(thread.registers[..5], [0, 3, 2, 1, 4]);
        assert_eq!(thread.registers[16], 16);
    }

    #[test]
    fn an_error_of_the_server_is_reported() {
        let mut server = server(|_| vec![b"E14".to_vec()]);
        let error = server.memory(0, 4).unwrap_err();
        assert!(error.to_string().contains("E14"), "{error}");
    }
}
