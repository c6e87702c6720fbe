//! Reads and writes snapshots: docs/snapshot.md defines each byte.

use std::io::Write;

use anyhow::{Context, Result, bail};

use crate::memory::{Machine, Memory, RootsFrom, StatedArea, StatedRoots, Thread};

pub const MAGIC: &[u8; 7] = b"mpgc-sn";
pub const VERSION: u8 = b'1';
const HEADER: usize = 16;

const END: u64 = 0;
const MEMORY: u64 = 1;
const REGISTERS: u64 = 2;
const BIAS: u64 = 3;
const STATE: u64 = 4;
const AREA: u64 = 5;
const ROOTS: u64 = 6;
const DESCRIPTION: u64 = 7;

pub fn is_snapshot(data: &[u8]) -> bool {
    data.starts_with(MAGIC)
}

/// The bytes of a snapshot that came as text: each line that begins with `:` is hex digits, others
/// are noise.
pub fn from_text(data: &[u8]) -> Option<Result<Vec<u8>>> {
    let text = str::from_utf8(data).ok()?;
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_prefix(':'));
    let start: String = MAGIC.iter().map(|byte| format!("{byte:02x}")).collect();
    if !text.contains(&format!(":{start}")) {
        return None;
    }
    let bytes = lines.try_fold(Vec::new(), |mut bytes, line| {
        for pair in line.as_bytes().chunks(2) {
            let digits = str::from_utf8(pair).ok().filter(|digits| digits.len() == 2);
            match digits.map(|digits| u8::from_str_radix(digits, 16)) {
                Some(Ok(byte)) => bytes.push(byte),
                _ => bail!(
                    "a line of the snapshot is not hex digits: `:{}`",
                    line.chars().take(40).collect::<String>()
                ),
            }
        }
        Ok(bytes)
    });
    Some(bytes)
}

pub fn read(data: &[u8]) -> Result<Memory> {
    let header = data
        .get(..HEADER)
        .context("the snapshot is cut within its header")?;
    if header[7] != VERSION {
        bail!(
            "the snapshot has version {}, this program reads version {}",
            char::from(header[7]).escape_default(),
            char::from(VERSION)
        );
    }
    let (word, order) = (usize::from(header[8]), header[9]);
    if !matches!(word, 4 | 8) || !matches!(order, 1 | 2) {
        bail!("the snapshot is damaged: words of {word} bytes in byte order {order}");
    }
    let mut machine = Machine {
        word,
        big_endian: order == 2,
        id: 0,
    };
    machine.id = machine.value(&header[10..12]) as u16;
    let mut memory = Memory::new(machine);
    let mut at = HEADER;
    loop {
        let cut = || {
            format!(
                "the snapshot is cut: it has {} bytes and no end",
                data.len()
            )
        };
        let record = data.get(at..at + 3 * word).with_context(cut)?;
        let field = |n: usize| machine.value(&record[n * word..(n + 1) * word]);
        let (kind, address, length) = (field(0), field(1), field(2));
        if kind == END {
            let mask = if word == 4 {
                u64::from(u32::MAX)
            } else {
                u64::MAX
            };
            let sum = data[..at].iter().map(|&byte| u64::from(byte)).sum::<u64>() & mask;
            if sum != address || length != 0 {
                bail!(
                    "the snapshot is damaged: the sum of its bytes is {sum:#x}, its end says \
                     {address:#x}"
                );
            }
            if at + 3 * word != data.len() {
                bail!(
                    "{} bytes follow the end of the snapshot",
                    data.len() - at - 3 * word
                );
            }
            break;
        }
        at += 3 * word;
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| at.checked_add(length));
        let content = end.and_then(|end| data.get(at..end)).with_context(cut)?;
        match kind {
            MEMORY => memory.add(address, content.to_vec())?,
            REGISTERS => {
                let registers = content
                    .chunks_exact(word)
                    .map(|bytes| machine.value(bytes))
                    .collect();
                memory.threads.push(Thread {
                    id: address,
                    registers,
                });
            }
            BIAS => memory.bias = address,
            STATE => memory.state = Some(address),
            AREA => memory
                .stated
                .areas
                .push(read_area(machine, address, content)?),
            ROOTS => memory
                .stated
                .roots
                .push(read_roots(machine, address, content)?),
            DESCRIPTION => {
                memory.stated.chunks.insert(address, read_text(content)?);
            }
            // Later versions may add records; unknown ones are not needed.
            _ => {}
        }
        at += content.len();
    }
    memory.settle();
    Ok(memory)
}

fn read_area(machine: Machine, pool: u64, content: &[u8]) -> Result<StatedArea> {
    let words: Vec<_> = content
        .chunks_exact(machine.word)
        .map(|bytes| machine.value(bytes))
        .collect();
    let &[pool_bytes, block_bytes, table, table_bytes] = words.as_slice() else {
        bail!("the snapshot is damaged: the record of the area at {pool:#x}");
    };
    Ok(StatedArea {
        pool,
        pool_bytes,
        block_bytes,
        table,
        table_bytes,
    })
}

fn read_roots(machine: Machine, start: u64, content: &[u8]) -> Result<StatedRoots> {
    let damaged = || format!("the snapshot is damaged: the record of the roots at {start:#x}");
    let word = machine.word;
    let bytes = machine.value(content.get(..word).with_context(damaged)?);
    let from = machine.value(content.get(word..2 * word).with_context(damaged)?);
    let from = match from {
        0 => RootsFrom::Registered,
        1 => RootsFrom::Callback,
        2 => RootsFrom::LifoStack,
        3 => RootsFrom::CStack,
        _ => bail!(damaged()),
    };
    let (name, label) = read_text(&content[2 * word..])?;
    Ok(StatedRoots {
        start,
        bytes,
        from,
        name: if label.is_empty() {
            name
        } else {
            format!("{name} {label}")
        },
    })
}

/// A name and a label, with a zero between them.
fn read_text(content: &[u8]) -> Result<(String, String)> {
    let zero = content.iter().position(|&byte| byte == 0);
    let at = zero.context("the snapshot is damaged: a description without its zero")?;
    // What goes to a terminal is text.
    let text = |bytes: &[u8]| -> String {
        let text = String::from_utf8_lossy(bytes);
        let plain = text.chars().map(|c| if c.is_control() { '?' } else { c });
        plain.collect()
    };
    Ok((text(&content[..at]), text(&content[at + 1..])))
}

/// Write a snapshot to `out`, piece by piece, as a device does.
pub struct Writer<W: Write> {
    out: W,
    machine: Machine,
    sum: u64,
}

impl<W: Write> Writer<W> {
    pub fn new(out: W, machine: Machine) -> Result<Self> {
        let mut writer = Writer {
            out,
            machine,
            sum: 0,
        };
        writer.put(MAGIC)?;
        writer.put(&[
            VERSION,
            machine.word as u8,
            1 + u8::from(machine.big_endian),
        ])?;
        let id = if machine.big_endian {
            machine.id.to_be_bytes()
        } else {
            machine.id.to_le_bytes()
        };
        writer.put(&id)?;
        writer.put(&[0; 4])?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.sum += bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        self.out.write_all(bytes).context("writing the snapshot")
    }

    fn words(&mut self, words: &[u64]) -> Result<()> {
        for &word in words {
            let size = self.machine.word;
            let bytes = if self.machine.big_endian {
                word.to_be_bytes()
            } else {
                word.to_le_bytes()
            };
            let from = if self.machine.big_endian { 8 - size } else { 0 };
            self.put(&bytes[from..from + size])?;
        }
        Ok(())
    }

    pub fn memory(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
        self.words(&[MEMORY, address, bytes.len() as u64])?;
        self.put(bytes)
    }

    pub fn thread(&mut self, thread: &Thread) -> Result<()> {
        self.words(&[
            REGISTERS,
            thread.id,
            (thread.registers.len() * self.machine.word) as u64,
        ])?;
        self.words(&thread.registers)
    }

    pub fn bias(&mut self, bias: u64) -> Result<()> {
        self.words(&[BIAS, bias, 0])
    }

    pub fn area(&mut self, area: &StatedArea) -> Result<()> {
        self.words(&[AREA, area.pool, 4 * self.machine.word as u64])?;
        self.words(&[
            area.pool_bytes,
            area.block_bytes,
            area.table,
            area.table_bytes,
        ])
    }

    pub fn roots(&mut self, roots: &StatedRoots) -> Result<()> {
        let length = 2 * self.machine.word + roots.name.len() + 1;
        self.words(&[ROOTS, roots.start, length as u64])?;
        self.words(&[roots.bytes, roots.from as u64])?;
        self.put(roots.name.as_bytes())?;
        self.put(&[0])
    }

    pub fn description(&mut self, chunk: u64, name: &str, label: &str) -> Result<()> {
        let length = name.len() + 1 + label.len();
        self.words(&[DESCRIPTION, chunk, length as u64])?;
        self.put(name.as_bytes())?;
        self.put(&[0])?;
        self.put(label.as_bytes())
    }

    pub fn end(mut self) -> Result<()> {
        let sum = self.sum;
        self.words(&[END, sum, 0])?;
        self.out.flush().context("writing the snapshot")
    }
}

/// Write all that `memory` holds as a snapshot.
pub fn write(out: impl Write, memory: &Memory) -> Result<()> {
    let mut writer = Writer::new(out, memory.machine)?;
    writer.bias(memory.bias)?;
    for area in &memory.stated.areas {
        writer.area(area)?;
    }
    for roots in &memory.stated.roots {
        writer.roots(roots)?;
    }
    for (&chunk, (name, label)) in &memory.stated.chunks {
        writer.description(chunk, name, label)?;
    }
    for thread in &memory.threads {
        writer.thread(thread)?;
    }
    for (start, bytes) in memory.ranges() {
        writer.memory(start, bytes)?;
    }
    writer.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::ARM;

    fn sample(machine: Machine) -> Vec<u8> {
        let mut memory = Memory::new(machine);
        memory.bias = 0x1000;
        memory.add(0x2000_0000, (0..100).collect()).unwrap();
        memory.add(0x2000_1000, vec![0xff; 33]).unwrap();
        memory.threads.push(Thread {
            id: 1,
            registers: (0..16).collect(),
        });
        memory.settle();
        let mut bytes = Vec::new();
        write(&mut bytes, &memory).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        for (word, big_endian) in [(4, false), (4, true), (8, false), (8, true)] {
            let machine = Machine {
                word,
                big_endian,
                id: ARM,
            };
            let memory = read(&sample(machine)).unwrap();
            assert_eq!(memory.machine, machine);
            assert_eq!(memory.bias, 0x1000);
            assert_eq!(memory.threads[0].registers[15], 15);
            assert_eq!(memory.bytes(0x2000_0000, 100).unwrap()[99], 99);
            assert_eq!(memory.bytes(0x2000_1000, 33).unwrap(), [0xff; 33]);
        }
    }

    #[test]
    fn a_snapshot_comes_as_text_among_noise_too() {
        let bytes = sample(Machine {
            word: 4,
            big_endian: false,
            id: ARM,
        });
        let mut text = String::from("MPY: soft reboot\r\n>>> run\r\n");
        for piece in bytes.chunks(32) {
            text += &format!(
                ":{}\r\n",
                piece
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
            );
        }
        text += "done\r\n";
        assert_eq!(from_text(text.as_bytes()).unwrap().unwrap(), bytes);
        assert!(
            from_text(text.replace("00", "0x").as_bytes())
                .unwrap()
                .is_err()
        );
        assert!(from_text(b"nothing: here").is_none());
    }

    #[test]
    fn each_cut_is_an_error() {
        let bytes = sample(Machine {
            word: 4,
            big_endian: false,
            id: ARM,
        });
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut after {length} bytes");
        }
    }

    #[test]
    fn each_bit_that_flips_is_an_error() {
        let bytes = sample(Machine {
            word: 4,
            big_endian: false,
            id: ARM,
        });
        // The bytes before the records are not all looked at on their own; the sum at the end
        // covers them.
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let known = is_snapshot(&damaged);
            assert!(!known || read(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_state_of_a_device_is_read() {
        let machine = Machine {
            word: 4,
            big_endian: false,
            id: ARM,
        };
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, machine).unwrap();
        writer.words(&[STATE, 0x2000_0010, 0]).unwrap();
        writer.end().unwrap();
        assert_eq!(read(&bytes).unwrap().state, Some(0x2000_0010));
    }

    /// Ten thousand, some of them cut, with a sum that fits: what is behind the sum is looked at.
    #[test]
    fn a_damaged_snapshot_with_a_sum_that_fits_is_read_or_refused() {
        let machine = Machine {
            word: 4,
            big_endian: false,
            id: ARM,
        };
        let whole = sample(machine);
        let mut chance = 1u64;
        let mut below = |limit: usize| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            (chance % limit as u64) as usize
        };
        let (mut good, mut bad) = (0, 0);
        for number in 0..10_000 {
            let mut bytes = whole[..whole.len() - 12].to_vec();
            if number % 4 == 0 {
                bytes.truncate(below(bytes.len()));
            }
            for _ in 0..below(4) * usize::from(!bytes.is_empty()) {
                let at = below(bytes.len());
                bytes[at] ^= 1 << below(8);
            }
            let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
            bytes.extend([0u32, sum, 0].map(u32::to_le_bytes).concat());
            match read(&bytes) {
                Ok(_) => good += 1,
                Err(_) => bad += 1,
            }
        }
        assert!(good > 1000 && bad > 1000, "{good} are read, {bad} refused");
    }
}
