//! Tests of the heap of a C program, whose snapshot describes itself, so that no ELF file is
//! needed.

use crate::memory::Memory;
use crate::roots::{Choice, Registers};
use crate::testing::{MACHINE, bytes_of, c_program};
use crate::view::View;
use crate::{snapshot, summary, why};

const NODES: u64 = 2000;

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
    let memory = snapshot::read(&bytes_of(&c_program(3))).unwrap();
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
    let memory = c_program(NODES);
    let view = view(&memory, false).unwrap();
    let text = answer(&view, "number 1999");
    assert!(text.contains("first(+0x4)*1999\n"), "{text}");
    assert!(text.contains(" steps more ..."), "{text}");
    assert!(!text.contains("held by no name"), "{text}");
}

#[test]
fn a_label_is_not_shown_where_no_value_is() {
    let memory = c_program(3);
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
    let mut memory = c_program(3);
    for (name, _) in memory.stated.chunks.values_mut() {
        *name = "\x1b[2Jnode".into();
    }
    let memory = snapshot::read(&bytes_of(&memory)).unwrap();
    let text = answer(&view(&memory, false).unwrap(), "?[2Jnode");
    assert!(!text.contains('\x1b'), "{text}");
}
