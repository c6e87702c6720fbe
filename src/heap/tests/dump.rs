//! The map of the heap as text.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::{BLOCK, blocks, heap_of};
use crate::heap::area::Area;
use crate::heap::dump::Sink;
use crate::heap::testing::options::{Plain, Split};
use crate::heap::testing::{Op, Options, World};

/// The map, with the pool's address replaced by the number of the area.
struct Text {
    pools: Vec<usize>,
    text: String,
}

impl Sink for Text {
    fn area(&mut self, pool: usize) {
        let number = self.pools.iter().position(|&p| p == pool);
        self.text += &format!("area {number:?}:");
    }
    fn free_lines(&mut self, lines: usize) {
        self.text += &format!("\n{lines} lines free");
    }
    fn line(&mut self, offset: usize) {
        self.text += &format!("\n{offset}: ");
    }
    fn free(&mut self) {
        self.text.push('.');
    }
    fn tail(&mut self) {
        self.text.push('=');
    }
    fn mark(&mut self) {
        self.text.push('m');
    }
    fn head(&mut self, first_word: usize) {
        self.text.push(if first_word == 1 { 'h' } else { '?' });
    }
    fn end_area(&mut self) {
        self.text.push('\n');
    }
}

/// The map of a heap whose chunks all start with a 1, as the steps of a world leave them.
fn map<O: Options>(w: &World<O>) -> String {
    let pools = Area::all(w.host()).map(|area| area.pool().addr()).collect();
    let text = String::new();
    let mut sink = Text { pools, text };
    w.heap().dump(&mut sink);
    sink.text
}

/// The line of the map that begins with block `block`.
fn line(block: usize, text: &str) -> String {
    format!("\n{}: {text}", block * BLOCK)
}

#[test]
fn a_map_shows_each_block_and_folds_two_free_lines_or_more() {
    let mut w = heap_of::<Plain>(400);
    w.run(&[blocks(3), blocks(1), blocks(196), blocks(2)]);
    w.run(&[Op::Free { chunk: 2 }]);
    let expected = [
        "area Some(0):",
        &line(0, &format!("h==h{}", ".".repeat(60))),
        "\n2 lines free",
        &line(192, &format!("........h={}", ".".repeat(54))),
        "\n2 lines free",
        &line(384, &".".repeat(16)),
        "\n",
    ];
    assert_eq!(map(&w), expected.concat());
}

#[test]
fn a_map_ends_with_the_last_block_whether_lines_are_folded_or_not() {
    let one_line = format!("area Some(0):{}\n", line(0, &".".repeat(64)));
    assert_eq!(map(&heap_of::<Plain>(64)), one_line);
    assert_eq!(map(&heap_of::<Plain>(128)), "area Some(0):\n2 lines free\n");
    let mut w = heap_of::<Plain>(192);
    w.run(&[blocks(64), blocks(1), Op::Free { chunk: 0 }]);
    let expected = [
        "area Some(0):",
        &line(0, &".".repeat(64)),
        &line(64, &format!("h{}", ".".repeat(63))),
        &line(128, &".".repeat(64)),
        "\n",
    ];
    assert_eq!(map(&w), expected.concat());
}

#[test]
fn a_map_shows_marks_during_a_collection() {
    let mut w = heap_of::<Plain>(8);
    w.run(&[blocks(2), blocks(1)]);
    // a head with its other bit set is marked
    w.spoil_table(0, 0b10);
    let expected = format!("area Some(0):{}\n", line(0, "m=h....."));
    assert_eq!(map(&w), expected);
}

#[test]
fn a_map_shows_every_area() {
    let mut w = heap_of::<Split>(8);
    w.run(&[Op::AddArea { bytes: 1 << 10 }, blocks(8), blocks(3)]);
    let map = map(&w);
    let (first, second) = map.split_once('\n').expect("a line");
    assert_eq!(first, "area Some(0):");
    let (of_first, of_second) = second.split_once("area Some(1):").expect("a second area");
    assert_eq!(of_first, "0: h=======\n");
    assert!(of_second.starts_with("\n0: h==."), "{of_second}");
}
