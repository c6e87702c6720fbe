//! A snapshot and its program, read and analysed: the input of all commands.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::frames::Frames;
use crate::graph::Graph;
use crate::heap::{Fields, Heap};
use crate::kinds::Kinds;
use crate::memory::Memory;
use crate::plan::Plans;
use crate::program::Program;
use crate::python::Python;
use crate::roots::{self, Choice, Origin};
use crate::{core, snapshot};

pub struct View<'a> {
    pub memory: &'a Memory,
    /// None of a C program's heap.
    pub python: Option<Python<'a>>,
    pub heap: Heap,
    pub kinds: Kinds,
    pub plans: Plans,
    pub graph: Graph,
    pub frames: Frames,
    /// Hide the values of the program.
    pub redact: bool,
    pub notes: Vec<String>,
}

fn load(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

pub fn read_program(elf: &Path) -> Result<Program> {
    Program::read(&load(elf)?, &elf.display().to_string())
}

/// Read a snapshot in any of its forms. A core is read with its program alone.
pub fn read_memory(path: &Path, program: Option<&Program>) -> Result<Memory> {
    let data = load(path)?;
    let read = || -> Result<Memory> {
        let mut memory = if data.starts_with(b"\x7fELF") {
            let Some(program) = program else {
                bail!("an ELF core is read with the ELF file of its program: add --elf FILE");
            };
            core::read(&data, program.entry)?
        } else if snapshot::is_snapshot(&data) {
            snapshot::read(&data)?
        } else if let Some(bytes) = snapshot::from_text(&data) {
            snapshot::read(&bytes?)?
        } else {
            bail!("it is neither an ELF core nor a snapshot");
        };
        let Some(program) = program.filter(|_| memory.stated.areas.is_empty()) else {
            return Ok(memory);
        };
        if memory.machine.id == 0 {
            memory.machine.id = program.machine.id;
        }
        if memory.machine != program.machine {
            bail!(
                "it is of another machine than the ELF file ({:?}, {:?})",
                memory.machine,
                program.machine
            );
        }
        if let (Some(state), Some(symbol)) = (memory.state, program.symbol("mp_state_ctx")) {
            memory.bias = state.wrapping_sub(symbol);
        }
        program.lend(&mut memory)?;
        Ok(memory)
    };
    read().with_context(|| format!("reading {}", path.display()))
}

impl<'a> View<'a> {
    pub fn new(
        memory: &'a Memory,
        program: Option<&'a Program>,
        choice: &Choice,
        redact: bool,
    ) -> Result<View<'a>> {
        if !memory.stated.areas.is_empty() {
            return Self::of_c_program(memory, redact);
        }
        let Some(program) = program else {
            bail!(
                "the snapshot is of MicroPython, whose ELF file says what is what: add --elf FILE"
            );
        };
        let fields = Fields { memory, program };
        let state = roots::state(&fields)?;
        let heap = Heap::read(memory, program, state)?;
        let python = Python::new(memory, program, state)?;
        let mut notes = Vec::new();
        let roots = roots::collect(&fields, &heap, state, choice, &mut notes)?;
        let mut plans = Plans::default();
        let of_state = |root: &roots::Root| match root.origin {
            Origin::State(offset) => Some((offset, root.chunk as usize)),
            _ => None,
        };
        let typed: Vec<_> = roots.iter().filter_map(of_state).collect();
        let kinds = Kinds::find(&python, &heap, &mut plans, &typed)?;
        let graph = Graph::build(memory, &heap, &kinds, &plans, roots);
        let frames = Frames::find(memory, program);
        Ok(View {
            memory,
            python: Some(python),
            heap,
            kinds,
            plans,
            graph,
            frames,
            redact,
            notes,
        })
    }

    /// The heap of a C program, whose snapshot says all.
    fn of_c_program(memory: &'a Memory, redact: bool) -> Result<View<'a>> {
        let heap = Heap::read_stated(memory)?;
        let roots = roots::collect_stated(memory, &heap)?;
        let (kinds, plans) = (Kinds::stated(memory, &heap), Plans::default());
        let graph = Graph::build(memory, &heap, &kinds, &plans, roots);
        Ok(View {
            memory,
            python: None,
            heap,
            kinds,
            plans,
            graph,
            frames: Frames::default(),
            redact,
            notes: Vec::new(),
        })
    }
}
