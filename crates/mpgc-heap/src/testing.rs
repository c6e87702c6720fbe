//! Two small heaps, and what damages their snapshots: for the tests and for fuzz/.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::memory::{Machine, Memory, RootsFrom, StatedArea, StatedRoots};
use crate::program::Program;
use crate::roots::{Choice, Registers};
use crate::view::View;
use crate::{diff, export, flame, html, map, snapshot, summary, why};

const BLOCK: u64 = 16;
const TABLE: u64 = 0x2000_0000;
const ROOTS: u64 = 0x1000;

pub(crate) const MACHINE: Machine = Machine {
    word: 4,
    big_endian: false,
    id: 0,
};

/// The heap of a C program: a list of so many nodes of a block, each with the address of the next
/// in its second word, and a chunk of two blocks that only the stack holds.
pub(crate) fn c_program(nodes: u64) -> Memory {
    let mut memory = Memory::new(MACHINE);
    let blocks = (nodes + 3).next_multiple_of(4);
    let (table_bytes, pool_bytes) = (blocks / 4, blocks * BLOCK);
    let pool = TABLE + 0x10_0000;
    let mut table = vec![0u8; table_bytes as usize];
    let mut words = vec![0u8; pool_bytes as usize];
    for node in 0..nodes + 2 {
        let kind = if node == nodes + 1 { 2 } else { 1 };
        table[(node / 4) as usize] |= kind << (2 * (node % 4));
        if node + 1 < nodes {
            let next = (pool + (node + 1) * BLOCK) as u32;
            let at = (node * BLOCK + 4) as usize;
            words[at..at + 4].copy_from_slice(&next.to_le_bytes());
        }
        if node < nodes {
            let label = format!("number {node}");
            memory
                .stated
                .chunks
                .insert(pool + node * BLOCK, ("node".into(), label));
        }
    }
    memory.stated.areas.push(StatedArea {
        pool,
        pool_bytes,
        block_bytes: BLOCK,
        table: TABLE,
        table_bytes,
    });
    let root = |start, from, name: &str| StatedRoots {
        start,
        bytes: 4,
        from,
        name: name.into(),
    };
    memory.stated.roots = vec![
        root(ROOTS, RootsFrom::Registered, "first"),
        root(ROOTS + 4, RootsFrom::CStack, ""),
    ];
    let held = [pool, pool + nodes * BLOCK].map(|address| (address as u32).to_le_bytes());
    memory.add(ROOTS, held.concat()).expect("a range");
    memory.add(TABLE, table).expect("a range");
    memory.add(pool, words).expect("a range");
    memory.settle();
    memory
}

pub(crate) fn bytes_of(memory: &Memory) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot::write(&mut bytes, memory).expect("memory takes all");
    bytes
}

/// How a snapshot is damaged.
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    /// A bit of it is another one.
    Flip { at: u32, bit: u8 },
    /// A word of it is the address of a block, or of what lies next to it.
    Point { at: u32, block: u8, beside: i8 },
    /// A word of it is this.
    Word { at: u32, value: u64 },
    /// It ends here.
    Cut { at: u32 },
}

/// A snapshot, and the program that it is of.
pub struct Sample {
    whole: Vec<u8>,
    word: usize,
    block_bytes: u64,
    /// The address of the first block.
    pool: u64,
    program: Option<Program>,
}

impl Sample {
    /// The heap of a C program, whose snapshot needs no ELF file.
    pub fn of_c() -> Sample {
        let memory = c_program(9);
        Sample {
            whole: bytes_of(&memory),
            word: memory.machine.word,
            block_bytes: BLOCK,
            pool: memory.stated.areas[0].pool,
            program: None,
        }
    }

    /// A MicroPython of a few objects, compiled here.
    ///
    /// # Errors
    ///
    /// When there is no C compiler.
    pub fn of_micropython() -> Result<Sample> {
        Self::compile(&[])
    }

    /// The same with these words for the compiler.
    pub(crate) fn compile(words: &[&str]) -> Result<Sample> {
        let folder = tempfile::tempdir()?;
        let (source, elf) = (folder.path().join("tiny.c"), folder.path().join("tiny"));
        std::fs::write(&source, include_str!("tiny.c"))?;
        let done = Command::new("cc")
            .args([
                "-g",
                "-O0",
                "-w",
                "-ffreestanding",
                "-nostdlib",
                "-static",
                "-no-pie",
            ])
            .args([
                "-fno-eliminate-unused-debug-types",
                "-Wl,-e,mp_state_ctx",
                "-o",
            ])
            .args([&elf, &source])
            .args(words)
            .output()
            .context("starting cc")?;
        if !done.status.success() {
            bail!("cc: {}", String::from_utf8_lossy(&done.stderr));
        }
        let program = Program::read(&std::fs::read(&elf)?, "tiny")?;
        let mut memory = Memory::new(program.machine);
        for segment in program.segments().iter().filter(|segment| segment.writable) {
            let mut bytes = segment.bytes.clone();
            bytes.resize(segment.size as usize, 0);
            memory.add(segment.start, bytes)?;
        }
        memory.state = program.symbol("mp_state_ctx");
        memory.settle();
        let word = program.machine.word;
        let pool = program.symbol("pool").context("the pool")?;
        Ok(Sample {
            whole: bytes_of(&memory),
            word,
            block_bytes: 4 * word as u64,
            pool,
            program: Some(program),
        })
    }

    /// The snapshot after all of this; its sum fits, so that what is behind the sum is looked at.
    pub fn damaged(&self, damages: &[Damage]) -> Vec<u8> {
        let end = 3 * self.word;
        let mut bytes = self.whole[..self.whole.len() - end].to_vec();
        for damage in damages {
            let length = bytes.len();
            if length == 0 {
                break;
            }
            let mut put = |at: u32, value: u64| {
                let at = (at as usize % length) / self.word * self.word;
                let value = value.to_le_bytes();
                let space = self.word.min(length - at);
                bytes[at..at + space].copy_from_slice(&value[..space]);
            };
            match *damage {
                Damage::Flip { at, bit } => bytes[at as usize % length] ^= 1 << (bit % 8),
                Damage::Point { at, block, beside } => {
                    let block = self.pool + u64::from(block % 64) * self.block_bytes;
                    put(at, block.wrapping_add_signed(beside.into()));
                }
                Damage::Word { at, value } => put(at, value),
                Damage::Cut { at } => bytes.truncate(at as usize % length),
            }
        }
        let sum: u64 = bytes.iter().map(|&byte| u64::from(byte)).sum();
        for word in [0, sum, 0] {
            bytes.extend_from_slice(&word.to_le_bytes()[..self.word]);
        }
        bytes
    }

    /// Shows a snapshot in every way.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn show(&self, bytes: &[u8]) -> Result<()> {
        ensure!(snapshot::is_snapshot(bytes), "no snapshot");
        let program = self.program.as_ref();
        let mut memory = snapshot::read(bytes)?;
        if let Some(program) = program.filter(|_| memory.stated.areas.is_empty()) {
            ensure!(memory.machine == program.machine, "another machine");
            program.lend(&mut memory)?;
        }
        let choice = Choice {
            registers: Registers::All,
            stack_from: None,
        };
        let view = View::new(&memory, program, &choice, false)?;
        let out = &mut Vec::new();
        summary::print(&view, 99, out)?;
        html::print(&view, "damaged", out)?;
        map::svg(&map::lines(&view), &mut *out)?;
        export::heapsnapshot(&view, out)?;
        let tree = flame::Tree::new(&view);
        tree.speedscope("damaged", out)?;
        flame::massif("damaged", &[tree], out)?;
        diff::print(&diff::live(&view), &view, None, 9, out)?;
        for question in ["list", "unknown", "node", "__main__.cache", "0x0"] {
            // What is not there is an error.
            let _ = why::print(&view, question, 99, out);
        }
        for chunk in (0..view.heap.chunks.len()).step_by(9) {
            let address = format!("{:#x}", view.heap.chunks[chunk].address);
            why::print(&view, &address, 1, out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    struct Chance(u64);

    impl Chance {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % limit
        }

        fn damage(&mut self, length: usize) -> Damage {
            let at = self.below(length as u64) as u32;
            match self.below(8) {
                0 => Damage::Word {
                    at,
                    value: self.below(u64::MAX) >> self.below(64),
                },
                1..4 => Damage::Point {
                    at,
                    block: self.below(64) as u8,
                    beside: [0, 0, 0, 8][self.below(4) as usize],
                },
                4 if self.below(8) == 0 => Damage::Cut { at },
                _ => Damage::Flip {
                    at,
                    bit: self.below(8) as u8,
                },
            }
        }
    }

    /// Shows so many damaged snapshots, each in bounded time. Returns how many are shown, and how
    /// many refused.
    fn damage(sample: &Sample, count: u64) -> (u64, u64) {
        let mut chance = Chance(7);
        let (mut good, mut bad) = (0, 0);
        for number in 0..count {
            let damages: Vec<_> = (0..=chance.below(6))
                .map(|_| chance.damage(sample.whole.len()))
                .collect();
            let begin = Instant::now();
            match sample.show(&sample.damaged(&damages)) {
                Ok(()) => good += 1,
                Err(_) => bad += 1,
            }
            let took = begin.elapsed();
            assert!(
                took < Duration::from_secs(20),
                "{number}: {took:?}: {damages:?}"
            );
        }
        (good, bad)
    }

    #[test]
    fn five_thousand_damaged_snapshots_of_a_c_program_are_shown_or_refused() {
        let (good, bad) = damage(&Sample::of_c(), 5_000);
        assert!(good > 500 && bad > 500, "{good} are shown, {bad} refused");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn five_thousand_damaged_snapshots_of_micropython_are_shown_or_refused() {
        let sample = Sample::of_micropython().unwrap();
        let (good, bad) = damage(&sample, 5_000);
        assert!(good > 500 && bad > 500, "{good} are shown, {bad} refused");
    }

    /// Looks at what is not damaged.
    fn look<T>(sample: &Sample, act: impl FnOnce(&View<'_>) -> T) -> T {
        let mut memory = snapshot::read(&sample.damaged(&[])).unwrap();
        let program = sample.program.as_ref();
        program.unwrap().lend(&mut memory).unwrap();
        let choice = Choice {
            registers: Registers::All,
            stack_from: None,
        };
        act(&View::new(&memory, program, &choice, false).unwrap())
    }

    /// What a collection of CircuitPython does not read keeps nothing alive.
    #[test]
    #[cfg(target_os = "linux")]
    fn chunks_that_are_not_read_hold_nothing() {
        let live = |words: &[&str]| {
            let sample = Sample::compile(words).unwrap();
            look(&sample, |view| {
                let chunks = 0..view.heap.chunks.len();
                let reached = chunks.filter(|&chunk| view.graph.is_reached(chunk));
                let names: Vec<_> = reached.map(|chunk| view.short(chunk)).collect();
                names
            })
        };
        let (all, selective) = (live(&[]), live(&["-DSELECTIVE=1"]));
        let lost: Vec<_> = all
            .iter()
            .filter(|name| !selective.contains(name))
            .collect();
        assert_eq!(lost, ["bytearray of 20", "bytearray.items"]);
    }

    /// What the other tests damage is found, whole, by the names that it has.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_small_micropython_is_shown() {
        let sample = Sample::of_micropython().unwrap();
        sample.show(&sample.damaged(&[])).unwrap();
        look(&sample, names_of_the_small_micropython);
    }

    fn names_of_the_small_micropython(view: &View<'_>) {
        let out = &mut Vec::new();
        why::print(view, "bytearray", 9, out).unwrap();
        why::print(view, "float", 9, out).unwrap();
        why::print(view, "bound_meth", 9, out).unwrap();
        let text = String::from_utf8_lossy(out);
        for wanted in [
            "bytearray of 20",
            "__main__.cache[0]",
            "float 1.5",
            "__main__.tick",
            "__main__.gen.<stack 2>[0]",
        ] {
            assert!(text.contains(wanted), "{wanted}:\n{text}");
        }
    }
}
