//! The ELF file of the firmware or program: symbols, constants, and the layouts of its types.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use gimli::{Dwarf, EndianSlice, RunTimeEndian, SectionId};
use object::{
    Object, ObjectSection, ObjectSegment, ObjectSymbol, RelocationFlags, SegmentFlags, SymbolKind,
};

use crate::dwarf::Layouts;
use crate::memory::{Machine, Memory};

pub struct Program {
    pub machine: Machine,
    pub entry: u64,
    pub layouts: Layouts,
    symbols: HashMap<String, u64>,
    names: HashMap<u64, String>,
    /// (start, end, name), in order.
    functions: Vec<(u64, u64, String)>,
    segments: Vec<Segment>,
    /// Words that the loader writes: their address, and what it adds the bias to.
    relocations: Vec<(u64, u64)>,
    pub debug_frame: Vec<u8>,
    /// Its address and its bytes.
    pub eh_frame: (u64, Vec<u8>),
}

pub struct Segment {
    pub start: u64,
    pub size: u64,
    pub bytes: Vec<u8>,
    pub writable: bool,
}

impl Program {
    pub fn read(data: &[u8], shown: &str) -> Result<Program> {
        let file = object::File::parse(data).with_context(|| format!("{shown} is no ELF file"))?;
        let word = if file.is_64() { 8 } else { 4 };
        let big_endian = !file.is_little_endian();
        let mut machine = Machine {
            word,
            big_endian,
            id: 0,
        };
        machine.id = machine.value(data.get(18..20).context("the ELF header")?) as u16;
        if file.section_by_name(".debug_info").is_none() {
            bail!(
                "{shown} has no DWARF (.debug_info), which says how the objects are laid out: \
                 build it with -g and do not strip it (unix port: `make STRIP=`; others: the .elf \
                 file of the build directory, or `make DEBUG=1`)"
            );
        }
        let layouts = read_layouts(&file, word)?;
        let mut program = Program {
            machine,
            entry: file.entry(),
            layouts,
            symbols: HashMap::new(),
            names: HashMap::new(),
            functions: Vec::new(),
            segments: Vec::new(),
            relocations: read_relocations(&file, machine.id),
            debug_frame: bytes_of(&file, ".debug_frame").1,
            eh_frame: bytes_of(&file, ".eh_frame"),
        };
        program.read_symbols(&file);
        for segment in file.segments() {
            let SegmentFlags::Elf { p_flags } = segment.flags() else {
                continue;
            };
            let bytes = segment
                .data()
                .with_context(|| format!("{shown} is cut"))?
                .to_vec();
            let writable = p_flags & object::elf::PF_W != 0;
            program.segments.push(Segment {
                start: segment.address(),
                size: segment.size(),
                bytes,
                writable,
            });
        }
        if program.symbol("mp_state_ctx").is_none() {
            bail!("{shown} has no symbol `mp_state_ctx`: it is no MicroPython, or it was stripped");
        }
        Ok(program)
    }

    fn read_symbols(&mut self, file: &object::File<'_>) {
        for symbol in file.symbols() {
            let Ok(name) = symbol.name() else { continue };
            let code = symbol.kind() == SymbolKind::Text;
            if name.is_empty()
                || symbol.is_undefined()
                || !(code || symbol.kind() == SymbolKind::Data)
            {
                continue;
            }
            // The lowest bit of an ARM function says that it is Thumb code.
            let thumb = code && self.machine.id == crate::memory::ARM;
            let address = if thumb {
                symbol.address() & !1
            } else {
                symbol.address()
            };
            self.symbols.entry(name.to_string()).or_insert(address);
            // Of several names of one address the global one is best known.
            if symbol.is_global() || !self.names.contains_key(&address) {
                self.names.insert(address, name.to_string());
            }
            if code && symbol.size() > 0 {
                self.functions.push((
                    address,
                    address.saturating_add(symbol.size()),
                    name.to_string(),
                ));
            }
        }
        self.functions.sort();
    }

    /// The address of a symbol as the ELF file has it.
    pub fn symbol(&self, name: &str) -> Option<u64> {
        self.symbols.get(name).copied()
    }

    /// The symbol at exactly this address of the ELF file.
    pub fn name(&self, address: u64) -> Option<&str> {
        self.names.get(&address).map(String::as_str)
    }

    pub fn function(&self, address: u64) -> Option<&str> {
        let after = self
            .functions
            .partition_point(|function| function.0 <= address);
        let (_, end, name) = &self.functions[after.checked_sub(1)?];
        (address < *end).then_some(name.as_str())
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Give `memory` the constants of the ELF file, for what the snapshot leaves out.
    pub fn lend(&self, memory: &mut Memory) -> Result<()> {
        for segment in &self.segments {
            let mut bytes = segment.bytes.clone();
            self.relocate(segment.start, &mut bytes, memory.bias);
            memory.add_constant(segment.start.wrapping_add(memory.bias), bytes)?;
        }
        memory.settle();
        Ok(())
    }

    /// Write into the bytes of a segment what the loader writes: a constant of a program that may
    /// be loaded anywhere holds addresses too.
    fn relocate(&self, start: u64, bytes: &mut [u8], bias: u64) {
        let word = self.machine.word;
        for &(address, value) in &self.relocations {
            let place = address
                .checked_sub(start)
                .and_then(|offset| usize::try_from(offset).ok())
                .and_then(|offset| bytes.get_mut(offset..offset.checked_add(word)?));
            if let Some(place) = place {
                let value = value.wrapping_add(bias);
                if self.machine.big_endian {
                    place.copy_from_slice(&value.to_be_bytes()[8 - word..]);
                } else {
                    place.copy_from_slice(&value.to_le_bytes()[..word]);
                }
            }
        }
    }
}

/// The relocations of a program that may be loaded anywhere, where each says what is to be written.
fn read_relocations(file: &object::File<'_>, machine: u16) -> Vec<(u64, u64)> {
    let relative = match machine {
        crate::memory::X86_64 => object::elf::R_X86_64_RELATIVE,
        crate::memory::AARCH64 => object::elf::R_AARCH64_RELATIVE,
        crate::memory::RISCV => object::elf::R_RISCV_RELATIVE,
        _ => return Vec::new(),
    };
    let relocations = file.dynamic_relocations().into_iter().flatten();
    let found = relocations.filter_map(|(address, relocation)| match relocation.flags() {
        RelocationFlags::Elf { r_type }
            if r_type == relative && !relocation.has_implicit_addend() =>
        {
            Some((address, relocation.addend() as u64))
        }
        _ => None,
    });
    found.collect()
}

fn bytes_of(file: &object::File<'_>, name: &str) -> (u64, Vec<u8>) {
    let section = file.section_by_name(name);
    section.map_or((0, Vec::new()), |section| {
        (section.address(), section.data().unwrap_or(&[]).to_vec())
    })
}

fn read_layouts(file: &object::File<'_>, word: usize) -> Result<Layouts> {
    let endian = if file.is_little_endian() {
        RunTimeEndian::Little
    } else {
        RunTimeEndian::Big
    };
    let load = |id: SectionId| -> Result<EndianSlice<'_, RunTimeEndian>> {
        let Some(section) = file.section_by_name(id.name()) else {
            return Ok(EndianSlice::new(&[], endian));
        };
        let compressed = section
            .compressed_file_range()
            .is_ok_and(|range| range.format != object::CompressionFormat::None);
        if compressed {
            bail!(
                "{} is compressed: link without -gz, or run `objcopy --decompress-debug-sections`",
                id.name()
            );
        }
        Ok(EndianSlice::new(
            section.data().context("the ELF file is cut")?,
            endian,
        ))
    };
    let dwarf = Dwarf::load(load)?;
    Layouts::read(&dwarf, word)
}
