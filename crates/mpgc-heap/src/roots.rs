//! Where a collection begins: the words of the state, the Python stack, the C stack and registers
//! of each thread.

use anyhow::{Result, bail};

use crate::dwarf::{Place, Type};
use crate::heap::{Fields, Heap};
use crate::memory::{Memory, Thread};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// A word of `mp_state_ctx`, by its offset.
    State(usize),
    /// A word of the Python stack, by its offset.
    Pystack(usize),
    /// A word of the C stack of the thread with this number, by its address.
    Stack(usize, u64),
    /// A register of the thread with this number.
    Register(usize, usize),
    /// A word of a range that the snapshot names: the number of the range, and the offset.
    Range(usize, usize),
}

#[derive(Clone, Copy, Debug)]
pub struct Root {
    pub origin: Origin,
    pub chunk: u32,
}

/// Which registers are roots.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Registers {
    /// All: code that was interrupted may have a reference in any.
    All,
    /// None: a snapshot that was taken within a collection has them on the stack.
    None,
}

#[derive(Clone, Debug)]
pub struct Choice {
    pub registers: Registers,
    /// Where the C stack of the first thread begins, if not at its stack pointer.
    pub stack_from: Option<u64>,
}

/// All words that a collection would take for references from outside the heap.
pub fn collect(
    fields: &Fields<'_>,
    heap: &Heap,
    state: u64,
    choice: &Choice,
    notes: &mut Vec<String>,
) -> Result<Vec<Root>> {
    let (memory, layouts) = (fields.memory, &fields.program.layouts);
    let word = memory.machine.word as u64;
    let mut roots = Vec::new();
    // gc_collect_start marks from `thread.dict_locals` up to `vm.qstr_last_chunk`.
    let start = layouts.need("mp_state_ctx_t", "thread.dict_locals")?.offset;
    let end = layouts.need("mp_state_ctx_t", "vm.qstr_last_chunk")?.offset;
    for offset in (start..end).step_by(memory.machine.word) {
        let Some(value) = memory.word(state.wrapping_add(offset as u64)) else {
            bail!("the snapshot does not hold mp_state_ctx at {state:#x}");
        };
        if let Some(chunk) = heap.head(value) {
            roots.push(Root {
                origin: Origin::State(offset),
                chunk: chunk as u32,
            });
        }
    }
    if let Some(from) = fields.option(state, "mp_state_ctx_t", "thread.pystack_start")? {
        let to = fields.field(state, "mp_state_ctx_t", "thread.pystack_cur")?;
        let length = to.saturating_sub(from);
        let Some(bytes) = usize::try_from(length)
            .ok()
            .and_then(|length| memory.bytes(from, length))
        else {
            bail!("the snapshot does not hold the Python stack from {from:#x} to {to:#x}");
        };
        for (index, bytes) in bytes.chunks_exact(word as usize).enumerate() {
            if let Some(chunk) = heap.head(memory.machine.value(bytes)) {
                roots.push(Root {
                    origin: Origin::Pystack(index * word as usize),
                    chunk: chunk as u32,
                });
            }
        }
    }
    let top = fields.field(state, "mp_state_ctx_t", "thread.stack_top")?;
    if memory.threads.is_empty() {
        notes.push(
            "The snapshot has no registers: what only the C stack holds counts as garbage.".into(),
        );
    }
    for (number, thread) in memory.threads.iter().enumerate() {
        let from = if number == 0 { choice.stack_from } else { None };
        match stack_words(fields, heap, thread, from, top) {
            Ok(words) => roots.extend(words.into_iter().map(|(at, chunk)| Root {
                origin: Origin::Stack(number, at),
                chunk: chunk as u32,
            })),
            Err(note) => notes.push(note),
        }
        if choice.registers == Registers::All {
            for (register, &value) in thread.registers.iter().enumerate() {
                if let Some(chunk) = heap.head(value) {
                    roots.push(Root {
                        origin: Origin::Register(number, register),
                        chunk: chunk as u32,
                    });
                }
            }
        }
    }
    Ok(roots)
}

/// The words of the ranges that a C program's snapshot names.
pub fn collect_stated(memory: &Memory, heap: &Heap) -> Result<Vec<Root>> {
    let word = memory.machine.word;
    let mut roots = Vec::new();
    for (number, range) in memory.stated.roots.iter().enumerate() {
        // A word whose address is not a multiple of its size does not count.
        let skipped = range.start.wrapping_neg() % word as u64;
        let length = range.bytes.saturating_sub(skipped);
        if length == 0 {
            continue;
        }
        let bytes = usize::try_from(length)
            .ok()
            .and_then(|length| memory.bytes(range.start.wrapping_add(skipped), length));
        let Some(bytes) = bytes else {
            bail!(
                "the snapshot does not hold the roots at {:#x}, {} bytes",
                range.start,
                range.bytes
            );
        };
        for (index, bytes) in bytes.chunks_exact(word).enumerate() {
            if let Some(chunk) = heap.head(memory.machine.value(bytes)) {
                roots.push(Root {
                    origin: Origin::Range(number, skipped as usize + index * word),
                    chunk: chunk as u32,
                });
            }
        }
    }
    Ok(roots)
}

/// The words of a C stack that name a chunk: the address of the word, and the chunk. If the stack
/// cannot be read, why.
fn stack_words(
    fields: &Fields<'_>,
    heap: &Heap,
    thread: &Thread,
    from: Option<u64>,
    top: u64,
) -> Result<Vec<(u64, usize)>, String> {
    let memory = fields.memory;
    let word = memory.machine.word;
    let register = memory.machine.stack_pointer();
    let pointer = register.and_then(|register| thread.registers.get(register));
    let Some(from) = from.or(pointer.copied()) else {
        let id = memory.machine.id;
        return Err(format!(
            "The machine {id} is not known here: its C stacks are not read."
        ));
    };
    let from = from.checked_next_multiple_of(word as u64).unwrap_or(from);
    let Some(rest) = memory.rest(from) else {
        let id = thread.id;
        return Err(format!(
            "The snapshot does not hold the C stack of thread {id} at {from:#x}."
        ));
    };
    // The state knows where the stack of the main thread ends; another's ends with its memory.
    let known = top.checked_sub(from).map(|length| length as usize);
    let length = known
        .filter(|&length| length <= rest.len())
        .unwrap_or(rest.len());
    let words = rest[..length].chunks_exact(word).enumerate();
    let named = words.filter_map(|(index, bytes)| {
        let chunk = heap.head(memory.machine.value(bytes))?;
        Some((from + (index * word) as u64, chunk))
    });
    Ok(named.collect())
}

/// The address of `mp_state_ctx` in the snapshot.
pub fn state(fields: &Fields<'_>) -> Result<u64> {
    let layouts = &fields.program.layouts;
    let Some(symbol) = fields.program.symbol("mp_state_ctx") else {
        bail!("the ELF file has no symbol `mp_state_ctx`")
    };
    let state = symbol.wrapping_add(fields.memory.bias);
    let size = layouts.get("mp_state_ctx_t")?.size;
    if fields.memory.bytes(state, size).is_none() {
        bail!(
            "the snapshot does not hold mp_state_ctx at {state:#x}: is the ELF file of the \
             program that it was taken from?"
        );
    }
    let top: Place = layouts.need("mp_state_ctx_t", "thread.stack_top")?;
    if !matches!(top.kind, Type::Pointer(_)) {
        bail!("the DWARF says that `thread.stack_top` is no pointer");
    }
    Ok(state)
}
