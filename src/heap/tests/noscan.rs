//! Owners of data that is not read. In these worlds a chunk is one as it is filled: see `raw_field`
//! of the test host. Word 2 points at the data.

use std::vec;
use std::vec::Vec;

use super::{BLOCK, WITH_FINALISER, heap_of, root};
use crate::heap::alloc::HAS_FINALISER;
use crate::heap::host::Callbacks;
use crate::heap::testing::options::{Noscan, NoscanSplit, NoscanSteps};
use crate::heap::testing::{Op, World, every};

const ROOT: Op = root(0);

fn chunk(bytes: usize) -> Op {
    Op::Alloc {
        bytes,
        finaliser: false,
    }
}

fn link(from: usize, word: usize, to: usize) -> Op {
    Op::Link { from, word, to }
}

/// A heap with chunks of these sizes, after some steps and a collection; and how many chunks are
/// left.
fn after(sizes: &[usize], ops: &[Op]) -> (World<Noscan>, usize) {
    let mut w = heap_of::<Noscan>(256);
    w.run(&sizes.iter().map(|&bytes| chunk(bytes)).collect::<Vec<_>>());
    w.run(ops);
    w.run(&[Op::Collect]);
    let left = w.chunks().len();
    (w, left)
}

#[test]
fn data_lives_with_its_owner_and_what_its_bytes_look_like_does_not() {
    let owner = [ROOT, link(0, 2, 1), link(1, 3, 2)];
    assert_eq!(after(&[BLOCK; 3], &owner).1, 2);
    // the same without an owner: word 3 of the root is a plain one
    let plain = [ROOT, link(0, 3, 1), link(1, 3, 2)];
    assert_eq!(after(&[BLOCK; 3], &plain).1, 3);
}

#[test]
#[cfg_attr(
    feature = "small",
    ignore = "the small build reads the table by the block"
)]
#[cfg_attr(miri, ignore = "takes minutes")]
fn data_is_not_read() {
    let mut w = heap_of::<NoscanSteps>(8192);
    w.run(&[chunk(BLOCK), chunk(4000 * BLOCK), ROOT, link(0, 2, 1)]);
    w.state().steps = 0;
    w.run(&[Op::Collect]);
    let table_words = 2 * 8192 / usize::BITS as usize;
    let (steps, words) = (w.state().steps, 4000 * BLOCK / size_of::<usize>());
    assert!(
        steps < 2 * table_words,
        "{steps} steps; the data has {words} words"
    );
    assert_eq!(w.chunks().len(), 2);
}

/// In either order of the owner and the other user.
#[test]
fn data_that_something_else_points_at_is_read() {
    for (owner, other) in [(1, 2), (2, 1)] {
        let ops = [
            ROOT,
            link(0, 4, 1),
            link(0, 5, 2),
            link(owner, 2, 3),
            link(other, 3, 3),
            link(3, 3, 4),
        ];
        assert_eq!(after(&[2 * BLOCK, BLOCK, BLOCK, BLOCK, BLOCK], &ops).1, 5);
    }
}

#[test]
fn data_that_a_root_points_at_is_read() {
    let data = root(1);
    let ops = [ROOT, data, link(0, 2, 1), link(1, 3, 2)];
    assert_eq!(after(&[BLOCK; 3], &ops).1, 3);
}

/// An array that begins with a type looks like an owner, and its fourth value like data.
#[test]
fn an_object_is_no_data_of_what_looks_like_an_owner() {
    // the data's first word is an address, as an object's type is
    let ops = [ROOT, link(0, 2, 1), link(1, 0, 2), link(1, 3, 3)];
    assert_eq!(after(&[BLOCK; 4], &ops).1, 4);
}

#[test]
fn data_with_a_finaliser_is_read() {
    let mut w = heap_of::<Noscan>(256);
    w.run(&[chunk(BLOCK), WITH_FINALISER, chunk(BLOCK)]);
    w.run(&[ROOT, link(0, 2, 1), link(1, 3, 2), Op::Collect]);
    assert_eq!(w.chunks().len(), 3);
}

#[test]
fn an_owner_may_be_its_own_data() {
    assert_eq!(after(&[BLOCK; 2], &[ROOT, link(0, 2, 0)]).1, 1);
}

/// An owner whose other words are not written yet holds any values.
#[test]
fn an_owner_half_built_keeps_what_its_words_say_and_breaks_nothing() {
    let stale: [fn(usize) -> usize; 6] = [
        |_| 0,
        |_| usize::MAX,
        |pool| pool - 16,
        |pool| pool + 8,
        // a block in the middle of a chunk, and a free one
        |pool| pool + 2 * BLOCK,
        |pool| pool + 255 * BLOCK,
    ];
    for (i, word) in stale.into_iter().enumerate() {
        let mut w = heap_of::<Noscan>(256);
        w.run(&[chunk(BLOCK), chunk(3 * BLOCK), ROOT, link(0, 3, 1)]);
        let owner = w.chunks()[0].cast::<usize>();
        // SAFETY: the chunk has four words.
        unsafe { owner.add(2).write(word(owner.addr())) };
        w.run(&[Op::Collect]);
        assert_eq!(w.chunks().len(), 2, "stale word {i}");
    }
}

/// A chunk of two words says that it owns data, but its third word is its neighbour's.
#[test]
fn the_word_behind_a_chunk_is_not_its_field() {
    let mut w = heap_of::<NoscanSplit>(64);
    w.run(&[
        chunk(16),
        chunk(16),
        chunk(16),
        ROOT,
        link(1, 0, 2),
        Op::Collect,
    ]);
    assert_eq!(w.chunks().len(), 1);
}

/// No block behind the owner is used, and its data lies before it.
#[test]
fn the_last_chunk_may_be_an_owner() {
    let last = root(1);
    assert_eq!(after(&[BLOCK; 2], &[last, link(1, 2, 0)]).1, 2);
}

/// The sixth word of a chunk of four is its neighbour's too.
#[test]
fn a_field_behind_the_first_block_is_one_of_longer_chunks_alone() {
    for (bytes, left) in [(BLOCK, 1), (2 * BLOCK, 2)] {
        let mut w = heap_of::<Noscan>(64);
        w.run(&[
            chunk(bytes),
            chunk(BLOCK),
            chunk(BLOCK),
            ROOT,
            link(2, 3, 1),
        ]);
        let (owner, data) = (w.chunks()[0].cast::<usize>(), w.chunks()[2]);
        // SAFETY: the two chunks at `owner` have eight words.
        unsafe {
            owner.add(1).write(5);
            owner.add(5).write(data.addr());
        }
        w.run(&[Op::Collect]);
        assert_eq!(w.chunks().len(), left);
    }
}

/// Owners by the thousand: more than the stack has entries, with data that comes before and after
/// them.
#[test]
fn owners_that_found_the_stack_full_keep_their_data() {
    let n = 1000 / every(10);
    let mut w = heap_of::<Noscan>(8192 / every(8));
    let root = w.heap().alloc(n * size_of::<usize>(), 0);
    let word = |chunk: *mut u8, i: usize, value: usize| {
        // SAFETY: all chunks here have the words that are written.
        unsafe { chunk.cast::<usize>().add(i).write(value) }
    };
    for i in 0..n {
        let flags = if i % 3 == 0 { HAS_FINALISER } else { 0 };
        let mut pair = vec![w.heap().alloc(BLOCK, flags), w.heap().alloc(2 * BLOCK, 0)];
        if i % 2 == 0 {
            pair = vec![w.heap().alloc(BLOCK, flags), pair[1]];
        }
        word(pair[0], 0, 1);
        word(pair[0], 1, 3);
        word(pair[0], 2, pair[1].addr());
        word(pair[1], 0, i);
        word(root, i, pair[0].addr());
    }
    w.state().roots = vec![root.addr()];
    w.host().collect();
    let info = w.heap().info();
    assert_eq!((info.num_1block, info.num_2block), (n, n));
    assert_eq!(w.heap().check(), Ok(()));
}
