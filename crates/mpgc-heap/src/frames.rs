//! Which function's frame a word of the C stack lies in: the stack of the snapshot is unwound by
//! the program's own tables.

use gimli::{
    BaseAddresses, CfaRule, DebugFrame, EhFrame, EndianSlice, RegisterRule, RunTimeEndian,
    UnwindContext, UnwindSection, UnwindTableRow,
};

use crate::memory::{ARM, Memory, RISCV, Thread};
use crate::program::Program;

type Reader<'a> = EndianSlice<'a, RunTimeEndian>;

#[derive(Default)]
pub struct Frames {
    /// Of each thread: (end of the frame, function), innermost first.
    threads: Vec<Vec<(u64, String)>>,
}

/// More frames than fit on the C stack of any working program.
const MOST_FRAMES: usize = 10_000;

impl Frames {
    pub fn find(memory: &Memory, program: &Program) -> Frames {
        let endian = if memory.machine.big_endian {
            RunTimeEndian::Big
        } else {
            RunTimeEndian::Little
        };
        let mut debug_frame = DebugFrame::new(&program.debug_frame, endian);
        debug_frame.set_address_size(memory.machine.word as u8);
        let mut eh_frame = EhFrame::new(&program.eh_frame.1, endian);
        eh_frame.set_address_size(memory.machine.word as u8);
        let bases = BaseAddresses::default().set_eh_frame(program.eh_frame.0);
        let unwind = |thread: &Thread| {
            let mut frames = Vec::new();
            let mut registers = thread.registers.clone();
            frames.extend(Self::leave_library(memory, program, &mut registers));
            while let Some((end, name)) = Self::step(
                memory,
                program,
                &debug_frame,
                &eh_frame,
                &bases,
                &mut registers,
            ) {
                if frames.len() == MOST_FRAMES
                    || frames.last().is_some_and(|&(before, _)| end <= before)
                {
                    break;
                }
                frames.push((end, name));
            }
            frames
        };
        Frames {
            threads: memory.threads.iter().map(unwind).collect(),
        }
    }

    /// Where the thread is in code of another file, go up to the first word that is an address in
    /// the program's code.
    fn leave_library(
        memory: &Memory,
        program: &Program,
        registers: &mut [u64],
    ) -> Option<(u64, String)> {
        let machine = &memory.machine;
        let (sp, pc) = (machine.stack_pointer()?, machine.program_counter()?);
        if program
            .function(registers.get(pc)?.wrapping_sub(memory.bias))
            .is_some()
        {
            return None;
        }
        let from = *registers.get(sp)?;
        let mut words = memory
            .rest(from)?
            .chunks_exact(machine.word)
            .map(|bytes| machine.value(bytes));
        let found =
            words.position(|word| program.function(word.wrapping_sub(memory.bias)).is_some())?;
        let end = from + ((found + 1) * machine.word) as u64;
        registers[pc] = memory.word(end - machine.word as u64)?.checked_sub(1)?;
        registers[sp] = end;
        Some((end, "a library".into()))
    }

    /// Where the innermost frame ends and whose it is; `registers` become those of its caller.
    fn step(
        memory: &Memory,
        program: &Program,
        debug_frame: &DebugFrame<Reader<'_>>,
        eh_frame: &EhFrame<Reader<'_>>,
        bases: &BaseAddresses,
        registers: &mut [u64],
    ) -> Option<(u64, String)> {
        let machine = &memory.machine;
        let (sp, pc) = (machine.stack_pointer()?, machine.program_counter()?);
        let code = registers.get(pc)?.wrapping_sub(memory.bias);
        let mut context = UnwindContext::new();
        let row = find_row(eh_frame, bases, &mut context, code)
            .or_else(|| find_row(debug_frame, bases, &mut context, code))?;
        let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else {
            return None;
        };
        let end = registers
            .get(usize::from(register.0))?
            .wrapping_add_signed(offset);
        let name = program.function(code).unwrap_or("?").to_string();
        let before = registers.to_vec();
        for (register, rule) in row.registers() {
            let value = match *rule {
                // The outermost frame extends to where the stack of the snapshot ends.
                RegisterRule::Offset(offset) => {
                    memory.word(end.wrapping_add_signed(offset)).unwrap_or(0)
                }
                RegisterRule::ValOffset(offset) => end.wrapping_add_signed(offset),
                RegisterRule::Register(other) => *before.get(usize::from(other.0))?,
                _ => continue,
            };
            if let Some(place) = registers.get_mut(usize::from(register.0)) {
                *place = value;
            }
        }
        // If a register holds the return address, the table names that register.
        let link = match machine.id {
            ARM => Some(14),
            RISCV => Some(1),
            crate::memory::AARCH64 => Some(30),
            _ => None,
        };
        if let Some(link) = link {
            registers[pc] = if machine.id == ARM {
                registers[link] & !1
            } else {
                registers[link]
            };
        }
        registers[sp] = end;
        // The return address is behind the call, which may be the last instruction of the caller.
        // The outermost frame may have none.
        registers[pc] = registers[pc].wrapping_sub(1);
        Some((end, name))
    }

    pub fn function(&self, thread: usize, address: u64) -> Option<&str> {
        let frames = self.threads.get(thread)?;
        let frame = frames.get(frames.partition_point(|frame| frame.0 <= address))?;
        Some(&frame.1)
    }
}

fn find_row<'a, S: UnwindSection<Reader<'a>>>(
    section: &S,
    bases: &BaseAddresses,
    context: &mut UnwindContext<usize>,
    code: u64,
) -> Option<UnwindTableRow<usize>> {
    let entry = section
        .fde_for_address(bases, code, S::cie_from_offset)
        .ok()?;
    entry
        .unwind_info_for_address(section, bases, context, code)
        .ok()
        .cloned()
}
