//! A MicroPython script that prints the snapshot of the board it runs on, for firmware without
//! mpgc.
//!
//! The addresses come from the ELF file. While it prints it allocates nothing: the heap that it
//! reads is the one it runs in.

use std::io::Write;

use anyhow::{Result, bail};

use crate::dwarf::Type;
use crate::memory::ARM;
use crate::program::Program;
use crate::snapshot::{MAGIC, VERSION};

const TEMPLATE: &str = include_str!("snapshot.py.txt");

pub fn print(program: &Program, out: &mut dyn Write) -> Result<()> {
    let machine = &program.machine;
    if machine.word != 4 || machine.big_endian {
        bail!(
            "the script is for boards with 32 bits in little-endian order; of a unix process take \
             a core"
        );
    }
    let layouts = &program.layouts;
    let state = program.symbol("mp_state_ctx").unwrap_or(0);
    let top = layouts.need("mp_state_ctx_t", "thread.stack_top")?.offset as u64;
    let first = layouts.need("mp_state_ctx_t", "mem.area")?;
    let Type::Named(area) = first.kind else {
        bail!("the DWARF says that `mem.area` is no structure")
    };
    let offset = |name: &str| layouts.need(&area, name).map(|place| place.offset);
    let next = layouts
        .place(&area, "next")
        .map_or(-1, |place| place.offset as i64);
    let ranges: Vec<_> = program
        .segments()
        .iter()
        .filter(|segment| segment.writable && segment.size > 0)
        .map(|segment| format!("({:#x}, {:#x})", segment.start, segment.size))
        .collect();
    let mut header = MAGIC.to_vec();
    header.extend([VERSION, 4, 1]);
    header.extend(machine.id.to_le_bytes());
    header.extend([0; 4]);
    let header: String = header.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    let registers = if machine.id == ARM { (16, 13) } else { (33, 2) };
    let text = TEMPLATE
        .replace("@HEADER@", &header)
        .replace("@RANGES@", &ranges.join(", "))
        .replace("@AREA@", &format!("{:#x}", state + first.offset as u64))
        .replace("@NEXT@", &next.to_string())
        .replace("@TABLE@", &offset("gc_alloc_table_start")?.to_string())
        .replace("@END@", &offset("gc_pool_end")?.to_string())
        .replace("@TOP@", &format!("{:#x}", state + top))
        .replace("@REGISTERS@", &registers.0.to_string())
        .replace("@POINTER@", &registers.1.to_string());
    out.write_all(text.as_bytes())?;
    Ok(())
}
