//! Reads an ELF core of a process: what the kernel writes at a crash, and gdb's `gcore` of a living
//! one.

use anyhow::{Context, Result, bail};
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endian, Endianness};

use crate::memory::{AARCH64, ARM, I386, Machine, Memory, RISCV, Thread, X86_64};

/// The program's entry point as loaded, according to the notes.
const AT_ENTRY: u64 = 9;

/// Read the core in `data`, of a program whose ELF file has this entry point.
pub fn read(data: &[u8], entry: u64) -> Result<Memory> {
    match data.get(4) {
        Some(1) => read_class::<elf::FileHeader32<Endianness>>(data, entry),
        Some(2) => read_class::<elf::FileHeader64<Endianness>>(data, entry),
        _ => bail!("the core is neither of 32 nor of 64 bits"),
    }
}

fn read_class<E: FileHeader<Endian = Endianness>>(data: &[u8], entry: u64) -> Result<Memory> {
    let header = E::parse(data).context("the header of the core")?;
    let endian = header.endian().context("the byte order of the core")?;
    let word = if header.is_type_64() { 8 } else { 4 };
    let machine = Machine {
        word,
        big_endian: endian.is_big_endian(),
        id: header.e_machine(endian),
    };
    let mut memory = Memory::new(machine);
    for segment in header
        .program_headers(endian, data)
        .context("the program headers of the core")?
    {
        match segment.p_type(endian) {
            elf::PT_LOAD => {
                let Ok(bytes) = segment.data(endian, data) else {
                    bail!(
                        "the core is cut: the memory at {:#x} is not in it",
                        segment.p_vaddr(endian).into()
                    );
                };
                memory.add(segment.p_vaddr(endian).into(), bytes.to_vec())?;
            }
            elf::PT_NOTE => {
                let notes = segment
                    .notes(endian, data)
                    .context("the notes of the core")?;
                let Some(mut notes) = notes else { continue };
                while let Some(note) = notes.next().context("the notes of the core")? {
                    match note.n_type(endian) {
                        elf::NT_PRSTATUS => memory.threads.extend(thread(&machine, note.desc())),
                        elf::NT_AUXV => {
                            memory.bias = bias(&machine, note.desc(), entry).unwrap_or(0)
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    memory.settle();
    Ok(memory)
}

fn bias(machine: &Machine, vector: &[u8], entry: u64) -> Option<u64> {
    let mut pairs = vector.chunks_exact(2 * machine.word);
    pairs.find_map(|pair| {
        let (key, value) = pair.split_at(machine.word);
        (machine.value(key) == AT_ENTRY).then(|| machine.value(value).wrapping_sub(entry))
    })
}

/// The registers of a thread, in the order of DWARF, from the kernel's `struct elf_prstatus`.
fn thread(machine: &Machine, status: &[u8]) -> Option<Thread> {
    // Where the kernel's registers begin, and which of them comes at each place in DWARF's order.
    let (start, order): (usize, Vec<usize>) = match machine.id {
        X86_64 => (
            112,
            vec![10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16],
        ),
        I386 => (72, vec![6, 1, 2, 0, 15, 5, 3, 4, 12]),
        ARM => (72, (0..16).collect()),
        AARCH64 => (112, (0..33).collect()),
        // The kernel puts the program counter where the register that is always zero would be.
        RISCV if machine.word == 8 => (112, (0..32).chain([0]).collect()),
        RISCV => (72, (0..32).chain([0]).collect()),
        _ => return None,
    };
    let register = |place: usize| {
        let from = start + place * machine.word;
        Some(machine.value(status.get(from..from + machine.word)?))
    };
    let mut registers = order
        .into_iter()
        .map(register)
        .collect::<Option<Vec<_>>>()?;
    if machine.id == RISCV {
        registers[0] = 0;
    }
    let id_at = if machine.word == 8 { 32 } else { 24 };
    Some(Thread {
        id: machine.value(status.get(id_at..id_at + 4)?),
        registers,
    })
}
