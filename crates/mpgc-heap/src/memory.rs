//! The memory that a snapshot holds: ranges of bytes at their addresses, and the registers of each
//! thread.
//!
//! What the snapshot leaves out because it cannot change (code, constants) is taken from the ELF
//! file.

use std::collections::HashMap;

use anyhow::{Result, bail};

/// The properties of the machine that are needed to read its memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Machine {
    /// Bytes in a word: 4 or 8.
    pub word: usize,
    pub big_endian: bool,
    /// `e_machine` of its ELF files.
    pub id: u16,
}

/// Numbers of `e_machine`.
pub const I386: u16 = 3;
pub const ARM: u16 = 40;
pub const X86_64: u16 = 62;
pub const AARCH64: u16 = 183;
pub const RISCV: u16 = 243;

impl Machine {
    pub fn value(&self, bytes: &[u8]) -> u64 {
        let join = |all: u64, &byte: &u8| all << 8 | u64::from(byte);
        if self.big_endian {
            bytes.iter().fold(0, join)
        } else {
            bytes.iter().rev().fold(0, join)
        }
    }

    /// The number of the stack pointer among the registers, which are in the order of DWARF.
    pub fn stack_pointer(&self) -> Option<usize> {
        match self.id {
            I386 => Some(4),
            ARM => Some(13),
            X86_64 => Some(7),
            AARCH64 => Some(31),
            RISCV => Some(2),
            _ => None,
        }
    }

    pub fn program_counter(&self) -> Option<usize> {
        match self.id {
            I386 => Some(8),
            ARM => Some(15),
            X86_64 => Some(16),
            AARCH64 => Some(32),
            RISCV => Some(32),
            _ => None,
        }
    }

    pub fn register_name(&self, number: usize) -> String {
        const X86_64_NAMES: [&str; 17] = [
            "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
            "r12", "r13", "r14", "r15", "rip",
        ];
        const I386_NAMES: [&str; 9] = [
            "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip",
        ];
        let named = match self.id {
            X86_64 => X86_64_NAMES.get(number),
            I386 => I386_NAMES.get(number),
            _ => None,
        };
        match (named, self.id) {
            (Some(name), _) => (*name).to_string(),
            (None, AARCH64 | RISCV) => format!("x{number}"),
            (None, _) => format!("r{number}"),
        }
    }
}

pub struct Thread {
    pub id: u64,
    /// In the order of DWARF's numbers for the machine.
    pub registers: Vec<u64>,
}

/// A snapshot's own description of a C program's heap, which has no table of types.
#[derive(Default)]
pub struct Stated {
    pub areas: Vec<StatedArea>,
    pub roots: Vec<StatedRoots>,
    /// Of a chunk by its address: its type and its label.
    pub chunks: HashMap<u64, (String, String)>,
}

pub struct StatedArea {
    pub pool: u64,
    pub pool_bytes: u64,
    pub block_bytes: u64,
    pub table: u64,
    pub table_bytes: u64,
}

/// A range of words that a collection begins with.
pub struct StatedRoots {
    pub start: u64,
    pub bytes: u64,
    pub from: RootsFrom,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RootsFrom {
    /// The program registered it.
    Registered,
    /// The program's callback marked it.
    Callback,
    LifoStack,
    /// With the registers.
    CStack,
}

struct Range {
    start: u64,
    bytes: Vec<u8>,
}

pub struct Memory {
    pub machine: Machine,
    pub threads: Vec<Thread>,
    /// What was added to each address of the ELF file when the program was loaded.
    pub bias: u64,
    /// Where `mp_state_ctx` lies, if the snapshot says so: then the bias follows from that.
    pub state: Option<u64>,
    pub stated: Stated,
    ranges: Vec<Range>,
    /// The ELF file's bytes at addresses that no range holds.
    constant: Vec<Range>,
}

impl Memory {
    pub fn new(machine: Machine) -> Self {
        Memory {
            machine,
            threads: Vec::new(),
            bias: 0,
            state: None,
            stated: Stated::default(),
            ranges: Vec::new(),
            constant: Vec::new(),
        }
    }

    /// Add a range; where ranges overlap, the first stays. Call `settle` before reading.
    pub fn add(&mut self, start: u64, bytes: Vec<u8>) -> Result<()> {
        Self::push(&mut self.ranges, start, bytes)
    }

    pub fn add_constant(&mut self, start: u64, bytes: Vec<u8>) -> Result<()> {
        Self::push(&mut self.constant, start, bytes)
    }

    fn push(ranges: &mut Vec<Range>, start: u64, bytes: Vec<u8>) -> Result<()> {
        if start.checked_add(bytes.len() as u64).is_none() {
            bail!(
                "a range of {} bytes at {start:#x} goes past the end of the memory",
                bytes.len()
            );
        }
        if !bytes.is_empty() {
            ranges.push(Range { start, bytes });
        }
        Ok(())
    }

    /// Order the ranges and join those that touch, so that a read may cross from one to the next.
    pub fn settle(&mut self) {
        for ranges in [&mut self.ranges, &mut self.constant] {
            ranges.sort_by_key(|range| range.start);
            let mut joined: Vec<Range> = Vec::new();
            for range in ranges.drain(..) {
                let Some(last) = joined.last_mut() else {
                    joined.push(range);
                    continue;
                };
                let end = last.start + last.bytes.len() as u64;
                if range.start > end {
                    joined.push(range);
                } else {
                    let known = (end - range.start) as usize;
                    last.bytes
                        .extend_from_slice(range.bytes.get(known..).unwrap_or(&[]));
                }
            }
            *ranges = joined;
        }
    }

    pub fn ranges(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.ranges
            .iter()
            .map(|range| (range.start, range.bytes.as_slice()))
    }

    fn find(ranges: &[Range], address: u64) -> Option<&[u8]> {
        let after = ranges.partition_point(|range| range.start <= address);
        let range = &ranges[after.checked_sub(1)?];
        range
            .bytes
            .get(usize::try_from(address - range.start).ok()?..)
            .filter(|rest| !rest.is_empty())
    }

    /// The bytes from an address to the end of the range that holds it.
    pub fn rest(&self, address: u64) -> Option<&[u8]> {
        Self::find(&self.ranges, address).or_else(|| Self::find(&self.constant, address))
    }

    pub fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        self.rest(address)?.get(..length)
    }

    pub fn value(&self, address: u64, size: usize) -> Option<u64> {
        if size > 8 {
            return None;
        }
        Some(self.machine.value(self.bytes(address, size)?))
    }

    pub fn word(&self, address: u64) -> Option<u64> {
        self.value(address, self.machine.word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_crosses_ranges_that_touch_and_stops_at_a_gap() {
        let mut memory = Memory::new(Machine {
            word: 4,
            big_endian: false,
            id: ARM,
        });
        memory.add(0x104, vec![5, 0, 0, 0]).unwrap();
        memory.add(0x100, vec![1, 2, 3, 4]).unwrap();
        memory.add(0x10c, vec![9; 4]).unwrap();
        memory
            .add_constant(0x108, vec![7, 7, 7, 7, 8, 8, 8, 8])
            .unwrap();
        memory.settle();
        assert_eq!(memory.value(0x102, 4), Some(0x0005_0403));
        assert_eq!(memory.word(0x106), None);
        assert_eq!(memory.word(0x108), Some(0x0707_0707));
        assert_eq!(
            memory.word(0x10c),
            Some(0x0909_0909),
            "the snapshot goes before the file"
        );
        assert_eq!(memory.word(0x110), None);
    }

    #[test]
    fn a_range_past_the_end_of_the_memory_is_an_error() {
        let mut memory = Memory::new(Machine {
            word: 8,
            big_endian: true,
            id: 0,
        });
        assert!(memory.add(u64::MAX - 1, vec![0; 4]).is_err());
    }
}
