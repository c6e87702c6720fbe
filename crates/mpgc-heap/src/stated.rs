//! Tests of the heap of a C program, whose snapshot describes itself, so that no ELF file is
//! needed.

use crate::memory::{Machine, Memory, RootsFrom, StatedArea, StatedRoots};
use crate::roots::{Choice, Registers};
use crate::view::View;
use crate::{html, snapshot, summary, why};

const BLOCK: u64 = 16;
const TABLE: u64 = 0x2000_0000;
const ROOTS: u64 = 0x1000;
const NODES: u64 = 2000;

const MACHINE: Machine = Machine {
    word: 4,
    big_endian: false,
    id: 0,
};

/// A list of so many nodes of a block, each with the address of the next in its second word, and a
/// chunk of two blocks that only the stack holds.
fn sample(nodes: u64) -> Memory {
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
    memory.add(ROOTS, held.concat()).unwrap();
    memory.add(TABLE, table).unwrap();
    memory.add(pool, words).unwrap();
    memory.settle();
    memory
}

fn bytes_of(memory: &Memory) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot::write(&mut bytes, memory).unwrap();
    bytes
}

fn view(memory: &Memory, redact: bool) -> anyhow::Result<View<'_>> {
    let choice = Choice {
        registers: Registers::All,
        stack_from: None,
    };
    View::new(memory, None, &choice, redact)
}

fn answer(view: &View<'_>, question: &str) -> String {
    let mut out = Vec::new();
    why::print(view, question, 3, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_a_c_program_says_is_what_is_shown() {
    let memory = snapshot::read(&bytes_of(&sample(3))).unwrap();
    let view = view(&memory, false).unwrap();
    let mut out = Vec::new();
    summary::print(&view, 9, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for line in [
        "live            80 bytes in 4 chunks",
        "     3     48  node",
        "     1     32  unknown",
        "     3     48  first",
        "     1     32  <C stack>",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
    }
    let text = answer(&view, "number 2");
    assert!(
        text.contains("first(+0x4)*2\n    first (roots) -> "),
        "{text}"
    );
    assert!(text.contains(" node number 2"), "{text}");
    assert!(!text.contains("held by no name"), "{text}");
    let text = answer(&view, "unknown");
    assert!(
        text.contains("held by no name: only by a word of the C stack"),
        "{text}"
    );
}

#[test]
fn a_list_of_any_length_is_held_by_its_name() {
    let memory = sample(NODES);
    let view = view(&memory, false).unwrap();
    let text = answer(&view, "number 1999");
    assert!(text.contains("first(+0x4)*1999\n"), "{text}");
    assert!(text.contains(" steps more ..."), "{text}");
    assert!(!text.contains("held by no name"), "{text}");
}

#[test]
fn a_label_is_not_shown_where_no_value_is() {
    let memory = sample(3);
    let view = view(&memory, true).unwrap();
    let text = answer(&view, "node");
    assert!(!text.contains("number"), "{text}");
}

#[test]
fn without_an_elf_file_a_snapshot_of_micropython_is_refused() {
    let memory = Memory::new(MACHINE);
    let error = view(&memory, false).err().expect("an error");
    assert!(error.to_string().contains("add --elf FILE"), "{error}");
}

/// What a terminal would take for a command is no part of a name.
#[test]
fn control_characters_of_names_are_not_printed() {
    let mut memory = sample(3);
    for (name, _) in memory.stated.chunks.values_mut() {
        *name = "\x1b[2Jnode".into();
    }
    let memory = snapshot::read(&bytes_of(&memory)).unwrap();
    let text = answer(&view(&memory, false).unwrap(), "?[2Jnode");
    assert!(!text.contains('\x1b'), "{text}");
}

/// With a sum that fits, so that what is behind the sum is looked at.
#[test]
fn a_damaged_snapshot_of_a_c_program_is_shown_or_refused() {
    let whole = bytes_of(&sample(9));
    let mut chance = 7u64;
    let mut below = |limit: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % limit as u64) as usize
    };
    let (mut good, mut bad) = (0, 0);
    for number in 0..10_000 {
        let mut bytes = whole[..whole.len() - 12].to_vec();
        if number % 5 == 0 {
            bytes.truncate(below(bytes.len()));
        }
        for _ in 0..below(4) * usize::from(!bytes.is_empty()) {
            let at = below(bytes.len());
            bytes[at] ^= 1 << below(8);
        }
        let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
        bytes.extend([0u32, sum, 0].map(u32::to_le_bytes).concat());
        let shown = || -> anyhow::Result<()> {
            anyhow::ensure!(snapshot::is_snapshot(&bytes), "no snapshot");
            let memory = snapshot::read(&bytes)?;
            let view = view(&memory, false)?;
            summary::print(&view, 9, &mut Vec::new())?;
            html::print(&view, "damaged", &mut Vec::new())?;
            why::print(&view, "unknown", 9, &mut Vec::new())
        };
        match shown() {
            Ok(()) => good += 1,
            Err(_) => bad += 1,
        }
    }
    assert!(good > 1000 && bad > 1000, "{good} are shown, {bad} refused");
}
