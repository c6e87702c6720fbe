//! Exhaustive at small scope: every sequence of a few operations, and every state of a small heap
//! with every operation. The C, the Rust and the naive model must agree.

use crate::every::{Operations, every_operation, in_every_way};
use crate::pair::{Outcome, Setup};
use crate::run::{Progress, in_child, shared};
use crate::shrink::source;
use crate::states::{Part, Used, states};
use crate::triple::Triple;
use crate::twin::Twin;
use mpgc::heap::testing::{Op, Options, Step};

/// Operations in a sequence, and in the short form, where states are left out.
const LENGTH: usize = 5;
const SHORT_LENGTH: usize = 4;
/// Bytes of a block.
pub const BLOCK: usize = 4 * size_of::<usize>();
/// A dump is slow: one in so many sequences.
const DUMPS: u64 = 256;

#[derive(Clone, Copy)]
struct WithFinalisers;

impl Options for WithFinalisers {
    type Entry = usize;
}

/// As in releases before 1.25, where finalisers run in the sweep.
#[derive(Clone, Copy)]
struct FinalisersInTheSweep;

impl Options for FinalisersInTheSweep {
    const FINALISER_PASS: bool = false;
    type Entry = usize;
}

#[derive(Clone, Copy)]
struct WithoutFinalisers;

impl Options for WithoutFinalisers {
    const FINALISER: bool = false;
    type Entry = usize;
}

/// As CircuitPython's.
#[derive(Clone, Copy)]
struct Selective;

impl Options for Selective {
    const SELECTIVE_COLLECT: bool = true;
    type Entry = usize;
}

/// A region that has exactly that many blocks.
fn setup(blocks: usize) -> Setup {
    Setup {
        bytes: (blocks + 1) * BLOCK,
        offset: 0,
        budget: 0,
        stack: 64,
        fill: 0xcc,
    }
}

/// The operations that the sequences are made of.
fn alphabet<O: Options>() -> Vec<Op> {
    let alloc = |blocks: usize, finaliser| Op::Alloc {
        bytes: blocks * BLOCK - 3,
        finaliser,
    };
    let realloc = |chunk, blocks: usize, may_move| Op::Realloc {
        chunk,
        bytes: blocks * BLOCK,
        may_move,
    };
    let mut all = vec![
        alloc(1, false),
        alloc(2, false),
        alloc(3, false),
        alloc(7, false),
        Op::Free { chunk: 0 },
        Op::Free { chunk: 1 },
        realloc(0, 1, false),
        realloc(0, 2, true),
        realloc(0, 3, true),
        realloc(1, 4, true),
        realloc(0, 5, false),
        Op::Root {
            chunk: 0,
            offset: 0,
        },
        Op::Link {
            from: 0,
            word: 1,
            to: 1,
        },
        Op::Collect,
        Op::SweepAll,
        Op::Threshold { blocks: 2 },
        Op::Lock,
        Op::Unlock,
    ];
    if O::FINALISER {
        all.push(alloc(1, true));
    }
    if O::SELECTIVE_COLLECT {
        all.push(Op::AllocUnread {
            bytes: 2 * BLOCK,
            finaliser: false,
        });
    }
    all
}

/// Compares all, or one in `share` of the states of the larger heaps, and shorter sequences.
///
/// # Errors
///
/// The first difference, with the operations that lead to it.
pub fn small(twins: [&'static Twin; 2], share: usize) -> Result<(), String> {
    if twins[0].block_bytes as usize != BLOCK || twins[0].split || !twins[0].threshold {
        return Err("this configuration's heap is not the one that the model knows".into());
    }
    if twins[0].selective && !twins[0].finaliser {
        return Err("the model of CircuitPython's heap has finalisers".into());
    }
    if twins[0].selective {
        all_of::<Selective>(twins, share)
    } else if twins[0].finaliser && twins[0].release < 12500 {
        all_of::<FinalisersInTheSweep>(twins, share)
    } else if twins[0].finaliser {
        all_of::<WithFinalisers>(twins, share)
    } else {
        all_of::<WithoutFinalisers>(twins, share)
    }
}

fn all_of<O: Options>(twins: [&'static Twin; 2], share: usize) -> Result<(), String> {
    let progress = shared();
    let length = if share == 1 { LENGTH } else { SHORT_LENGTH };
    let letters = alphabet::<O>();
    let found = in_child(progress, |progress| {
        sequences::<O>(twins, &letters, length, progress)
    });
    report(found, progress)?;
    println!(
        "{} sequences: each of {length} operations out of {}, on 8 blocks; {} operations",
        letters.len().pow(length as u32),
        letters.len(),
        progress.covered.operations
    );
    // The states of 10 blocks lie in a heap of 12, whose last two are one chunk.
    let rounds: [(usize, usize, bool, Operations, &str); 3] = [
        (4, 4, true, in_every_way, "every operation in every way"),
        (8, 8, true, every_operation, "every operation"),
        (12, 10, false, every_operation, "every operation"),
    ];
    for (blocks, free_to_choose, all_finalisers, operations, which) in rounds {
        // The smallest heap is always looked at as a whole.
        let every = if free_to_choose == 4 { 1 } else { share };
        let mut states = states(free_to_choose, O::FINALISER, all_finalisers);
        states = states.into_iter().step_by(every).collect();
        progress.run = 0;
        let found = in_child(progress, |progress| {
            let mut triple = Triple::<O>::new(twins, setup(blocks));
            for state in &states {
                state_and_operations(&mut triple, blocks, state, operations, progress)?;
            }
            Ok(())
        });
        report(found, progress)?;
        println!(
            "{} states of {free_to_choose} blocks, with {which}; {} cases",
            states.len(),
            progress.run
        );
    }
    Ok(())
}

fn report(found: Result<(), crate::run::Failure>, progress: &Progress) -> Result<(), String> {
    found.map_err(|failure| {
        let steps = source(&progress.steps[..progress.begun]);
        format!("{}\n{:?}\n{steps}", failure.what, progress.setup)
    })
}

/// Runs every sequence. Only what is new since the sequence before is compared in depth.
fn sequences<O: Options>(
    twins: [&'static Twin; 2],
    letters: &[Op],
    length: usize,
    progress: &mut Progress,
) -> Outcome {
    let mut triple = Triple::<O>::new(twins, setup(8));
    progress.setup = setup(8);
    let mut word = vec![0; length];
    let mut new_from = 0;
    loop {
        triple.restart();
        for (i, &letter) in word.iter().enumerate() {
            progress.steps[i] = Step::Heap(letters[letter]);
            progress.begun = i + 1;
            triple.step(letters[letter])?;
            if i >= new_from {
                triple.compare()?;
            }
        }
        progress.covered.operations += length as u64;
        if progress
            .covered
            .operations
            .is_multiple_of(DUMPS * length as u64)
        {
            triple.pair.compare_all()?;
        }
        // The next word, as an odometer counts.
        let Some(last) = word.iter().rposition(|&letter| letter + 1 < letters.len()) else {
            return Ok(());
        };
        word[last] += 1;
        word[last + 1..].fill(0);
        new_from = last;
    }
}

/// Every operation on one state. After each, two allocations show the search's hints.
fn state_and_operations<O: Options>(
    triple: &mut Triple<O>,
    blocks: usize,
    state: &[Part],
    operations: Operations,
    progress: &mut Progress,
) -> Outcome {
    let mut parts = state.to_vec();
    let so_far: usize = parts.iter().map(|part| part.0).sum();
    if so_far < blocks {
        parts.push((blocks - so_far, Some(Used { finaliser: false })));
    }
    progress.setup = setup(blocks);
    for operation in operations(&parts, O::FINALISER) {
        triple.restart();
        progress.begun = 0;
        progress.run += 1;
        for step in build(&parts) {
            progress.note(step);
            triple.step(step)?;
        }
        for &step in &operation {
            progress.note(step);
            triple.step(step)?;
        }
        triple.compare()?;
        for blocks in [1, 2] {
            let step = Op::Alloc {
                bytes: blocks * BLOCK,
                finaliser: false,
            };
            progress.note(step);
            triple.step(step)?;
        }
        triple.compare()?;
    }
    triple.pair.compare_dumps()
}

/// Allocates all parts in order, then frees those that are to be free.
fn build(parts: &[Part]) -> Vec<Op> {
    let mut steps: Vec<Op> = parts
        .iter()
        .map(|&(blocks, used)| Op::Alloc {
            bytes: blocks * BLOCK,
            finaliser: used.is_some_and(|used| used.finaliser),
        })
        .collect();
    // The driver moves the last chunk into the place of a removed one: removing from the end moves
    // none that matters.
    for (chunk, part) in parts.iter().enumerate().rev() {
        if part.1.is_none() {
            steps.push(Op::Free { chunk });
        }
    }
    steps
}

impl Progress {
    fn note(&mut self, step: Op) {
        self.steps[self.begun] = Step::Heap(step);
        self.begun += 1;
    }
}
