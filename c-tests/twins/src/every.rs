//! Every operation on a state of a small heap. Some need a step or two before.

use crate::small::BLOCK;
use crate::states::Part;
use mpgc::heap::testing::{FinaliserAction, Op};

/// Makes the operations on a state; the flag says whether there are finalisers.
pub type Operations = fn(&[Part], bool) -> Vec<Vec<Op>>;

fn blocks_and_chunks(parts: &[Part]) -> (usize, usize) {
    let blocks = parts.iter().map(|part| part.0).sum();
    (blocks, parts.iter().filter(|part| part.1.is_some()).count())
}

fn root(chunk: usize) -> Op {
    Op::Root { chunk, offset: 0 }
}

/// Every operation, and a collection with every set of chunks as roots.
pub fn every_operation(parts: &[Part], finaliser: bool) -> Vec<Vec<Op>> {
    let (total, chunks) = blocks_and_chunks(parts);
    let mut all = vec![vec![Op::SweepAll], vec![Op::Info]];
    for blocks in 0..=total + 1 {
        for finaliser in [false, true].into_iter().take(1 + usize::from(finaliser)) {
            let bytes = blocks * BLOCK;
            all.push(vec![Op::Alloc { bytes, finaliser }]);
        }
    }
    for chunk in 0..chunks {
        all.push(vec![Op::Free { chunk }]);
        // One lives through another.
        let to = (chunk + 1) % chunks;
        let link = Op::Link {
            from: chunk,
            word: 2,
            to,
        };
        all.push(vec![link, root(chunk), Op::Collect]);
        for offset in 0..total {
            all.push(vec![Op::ChunkBytes {
                chunk,
                offset: offset * BLOCK,
            }]);
        }
        for blocks in 0..=total {
            let bytes = (blocks * BLOCK).saturating_sub(1);
            for may_move in [true, false] {
                all.push(vec![Op::Realloc {
                    chunk,
                    bytes,
                    may_move,
                }]);
            }
        }
    }
    // In the larger heaps: no root, each alone, and all.
    let sets: Vec<u32> = if total <= 8 {
        (0..1 << chunks).collect()
    } else {
        let each = (0..chunks).map(|chunk| 1 << chunk);
        each.chain([0, (1 << chunks) - 1]).collect()
    };
    for set in sets {
        let roots = (0..chunks).filter(|chunk| set >> chunk & 1 != 0).map(root);
        all.push(roots.chain([Op::Collect]).collect());
    }
    all
}

/// Every operation in a heap as it is, locked, without collections of its own, and at its
/// threshold; and every finaliser's action, of objects that point at each other.
pub fn in_every_way(parts: &[Part], finaliser: bool) -> Vec<Vec<Op>> {
    let (_, chunks) = blocks_and_chunks(parts);
    let ways: [&[Op]; 4] = [
        &[],
        &[Op::Lock],
        &[Op::AutoCollect { on: false }],
        &[Op::Threshold { blocks: 1 }],
    ];
    let operations = every_operation(parts, finaliser);
    let mut all: Vec<Vec<Op>> = ways
        .iter()
        .flat_map(|way| {
            operations
                .iter()
                .map(|operation| [way, &operation[..]].concat())
        })
        .collect();
    for action in FinaliserAction::ALL {
        if matches!(action, FinaliserAction::Nothing | FinaliserAction::Collects) {
            continue;
        }
        for pair in (0..chunks * chunks).filter(|_| finaliser) {
            let (from, to) = (pair / chunks, pair % chunks);
            let link = Op::Link { from, word: 1, to };
            let before = [link, Op::Finaliser { action }];
            all.push([&before[..], &[Op::Collect]].concat());
            all.push([&before[..], &[root(to), Op::Collect]].concat());
        }
    }
    all
}
