//! The alloc table's fast paths, each beside its naive twin.

use crate::heap::alloc_table::{AllocTable, BARE, BLOCKS_PER_WORD, SMALL, Word};
use crate::heap::block::{BlockCount, BlockIndex, BlockKind};
use crate::heap::testing::every;
use std::vec::Vec;

const ONE: BlockCount = BlockCount(1);

/// A table of `BLOCKS` blocks in memory of its own, with a word to spare.
const BLOCKS: usize = 2 * BLOCKS_PER_WORD + 8;

/// The table full of one kind but for eight blocks from `at` on, and kinds behind the gap.
fn with_table(pattern: u16, at: usize, check: impl Fn(AllocTable)) {
    for fill in [0u8, 0x55, 0xaa] {
        let mut bytes: Vec<u8> = [fill; BLOCKS / 4 + 16].to_vec();
        // as an area has it, on which `chunk_len` relies
        bytes[BLOCKS / 4] = 0;
        for b in 0..8 {
            let block = at + b;
            let pair = (pattern >> (2 * b) & 3) as u8;
            let shift = 2 * (block % 4);
            bytes[block / 4] = bytes[block / 4] & !(3 << shift) | pair << shift;
        }
        // SAFETY: the vector has a word more than the table needs.
        check(unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(BLOCKS)) });
    }
}

#[test]
fn runs_agree_with_their_naive_twin_on_every_pattern_of_8_blocks() {
    for at in [0, 1, BLOCKS_PER_WORD - 5, BLOCKS - 8] {
        for pattern in (0..=u16::MAX).step_by(every(32749)) {
            with_table(pattern, at, |t| {
                for b in (at.saturating_sub(1)..BLOCKS.min(at + 9)).step_by(every(3)) {
                    let b = BlockIndex(b);
                    for max in [1, 3, BLOCKS] {
                        let max = BlockCount(max);
                        assert_eq!(t.tails_from(b, max), t.run_naive(b, BlockKind::Tail, max));
                        assert_eq!(t.free_from(b, max), t.run_naive(b, BlockKind::Free, max));
                    }
                    let before = (0..b.0)
                        .rev()
                        .take_while(|&c| t.kind(BlockIndex(c)) == BlockKind::Free)
                        .count();
                    assert_eq!(t.free_before(b, BlockCount(BLOCKS)).0, before);
                    for n in [1, 2, 3, 8] {
                        let n = BlockCount(n);
                        let free = t.run_naive(b, BlockKind::Free, n) == n;
                        let in_word = b.0 % BLOCKS_PER_WORD + n.0 < BLOCKS_PER_WORD;
                        let done = t.chunk_if_free(b, n);
                        assert_eq!(done, free && in_word);
                        if done {
                            assert_eq!(t.kind(b), BlockKind::Head);
                            let tails = t.run_naive(b + BlockCount(1), BlockKind::Tail, n);
                            assert!(tails.0 >= n.0 - 1);
                            t.any_to_free(b, n);
                        }
                    }
                }
            });
        }
    }
}

#[test]
fn putting_a_chunk_changes_its_blocks_and_no_other() {
    for start in (0..BLOCKS).step_by(every(17)) {
        for n in (1..=BLOCKS - start).step_by(every(11)) {
            let mut bytes = [0u8; BLOCKS / 4 + 16];
            bytes[BLOCKS / 4..].fill(0x5a);
            // SAFETY: the array has a word more than the table needs.
            let t = unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(BLOCKS)) };
            t.free_to_chunk(BlockIndex(start), BlockCount(n));
            for b in 0..BLOCKS {
                let expected = match b {
                    b if b == start => BlockKind::Head,
                    b if b > start && b < start + n => BlockKind::Tail,
                    _ => BlockKind::Free,
                };
                assert_eq!(
                    t.kind(BlockIndex(b)),
                    expected,
                    "chunk {start}+{n}, block {b}"
                );
            }
            t.any_to_free(BlockIndex(start), BlockCount(n));
            assert!(bytes[..BLOCKS / 4].iter().all(|&b| b == 0));
            assert!(
                bytes[BLOCKS / 4..].iter().all(|&b| b == 0x5a),
                "chunk {start}+{n} wrote past the table"
            );
        }
    }
}

#[test]
fn grey_is_distinguished_from_free_and_tail_by_the_finaliser_bit_alone() {
    let mut bytes = [0u8; 32];
    // SAFETY: 32 bytes for 16 blocks.
    let t = unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(16)) };
    for (b, fin, grey) in [(0, false, BlockKind::Free), (5, true, BlockKind::Tail)] {
        let b = BlockIndex(b);
        t.free_to_chunk(b, BlockCount(1));
        t.head_to_mark(b);
        t.mark_to_grey(b, fin);
        assert_eq!(t.kind(b), grey);
        t.grey_to_mark(b);
        assert_eq!(t.kind(b), BlockKind::Mark);
    }
}

/// The contents of the table's words, including blocks behind its end.
fn words(t: AllocTable) -> Vec<Word> {
    (0..t.words()).map(|i| t.word(i)).collect()
}

/// Checks that since `before` the blocks in `from .. from + n` have become `kind`, and nothing else
/// has changed. Then restores the table.
fn only_changed(t: AllocTable, before: &[Word], from: BlockIndex, n: BlockCount, kind: BlockKind) {
    let mut expected = before.to_vec();
    for b in from.0..from.0 + n.0 {
        let shift = 2 * (b % BLOCKS_PER_WORD);
        let word = &mut expected[b / BLOCKS_PER_WORD];
        *word = *word & !(3 << shift) | (kind as Word) << shift;
    }
    assert_eq!(words(t), expected, "{n:?} from {from:?}");
    for (i, &word) in before.iter().enumerate() {
        t.set_word(i, word);
    }
}

/// All patterns of eight blocks at places that matter: the start of a word, its end, the end of the
/// table.
fn for_each_block_of_each_pattern(check: impl Fn(AllocTable, BlockIndex)) {
    for at in [0, 1, BLOCKS_PER_WORD - 5, BLOCKS - 8] {
        for pattern in (0..=u16::MAX).step_by(every(32749)) {
            with_table(pattern, at, |t| {
                (at.saturating_sub(1)..BLOCKS.min(at + 9))
                    .step_by(every(3))
                    .for_each(|b| check(t, BlockIndex(b)));
            });
        }
    }
}

fn chunk_len_naive(t: AllocTable, head: BlockIndex) -> BlockCount {
    if head + ONE == BlockIndex(BLOCKS) {
        return ONE;
    }
    ONE + t.run_naive(head + ONE, BlockKind::Tail, t.blocks())
}

#[test]
fn the_length_of_a_chunk_agrees_with_its_naive_twin() {
    for_each_block_of_each_pattern(|t, b| {
        if matches!(t.kind(b), BlockKind::Head | BlockKind::Mark) {
            assert_eq!(t.chunk_len(b), chunk_len_naive(t, b), "block {b:?}");
        }
    });
}

#[test]
fn freeing_a_chunk_frees_its_blocks_alone_or_nothing() {
    for_each_block_of_each_pattern(|t, b| {
        if !matches!(t.kind(b), BlockKind::Head | BlockKind::Mark) {
            return;
        }
        let (before, n) = (words(t), chunk_len_naive(t, b));
        let freed = t.chunk_to_free(b);
        // a chunk that ends with the word may continue in the next, which does not matter by the
        // block
        let easy = if BARE {
            n == ONE
        } else {
            SMALL || b.0 % BLOCKS_PER_WORD + n.0 < BLOCKS_PER_WORD
        };
        assert_eq!(freed, easy.then_some(n), "block {b:?}");
        only_changed(t, &before, b, freed.unwrap_or_default(), BlockKind::Free);
    });
}

#[test]
fn marking_a_head_marks_it_alone_and_nothing_else_is_marked() {
    for_each_block_of_each_pattern(|t, b| {
        let before = words(t);
        let white = t.kind(b) == BlockKind::Head;
        assert_eq!(t.mark_if_head(b), white, "block {b:?}");
        let n = BlockCount(usize::from(white));
        only_changed(t, &before, b, n, BlockKind::Mark);
    });
}

#[test]
fn the_run_around_free_blocks_is_found_if_used_blocks_of_the_word_end_it() {
    for_each_block_of_each_pattern(|t, b| {
        let free = |b: usize| t.kind(BlockIndex(b)) == BlockKind::Free;
        for n in [1, 2, 5] {
            if b.0 + n > BLOCKS || !(b.0..b.0 + n).all(free) {
                continue;
            }
            let word = b.0 / BLOCKS_PER_WORD;
            let first = word * BLOCKS_PER_WORD;
            let end = (first + BLOCKS_PER_WORD).min(BLOCKS);
            let below = (first..b.0).rev().find(|&b| !free(b));
            let above = (b.0 + n..end).find(|&b| !free(b));
            let found = t.run_in_word(b, BlockCount(n));
            match (below, above) {
                (Some(below), Some(above)) => {
                    let run = (BlockIndex(below + 1), BlockCount(above - below - 1));
                    assert_eq!(found, Some(run), "{n} blocks from {b:?}");
                }
                // up to the table's end: the bytes behind it read as free blocks
                (Some(below), None) if end == BLOCKS => {
                    let whole = |(start, len): (BlockIndex, BlockCount)| {
                        start.0 == below + 1 && start.0 + len.0 >= BLOCKS
                    };
                    assert!(found.is_none_or(whole), "{n} blocks from {b:?}");
                }
                _ => assert_eq!(found, None, "{n} blocks from {b:?}"),
            }
        }
    });
}

#[test]
fn marks_are_visited_below_the_end_and_no_further() {
    let mut bytes = [0xffu8; BLOCKS / 4 + 16];
    // SAFETY: the array has a word more than the table needs.
    let table = unsafe { AllocTable::new(bytes.as_mut_ptr(), BlockCount(BLOCKS)) };
    for end in (0..BLOCKS + 4).step_by(every(3)) {
        let mut seen = Vec::new();
        table.for_each_mark(BlockIndex(end), |block| seen.push(block.0));
        assert!(seen.iter().copied().eq(0..end.min(BLOCKS)), "{end}");
    }
}
