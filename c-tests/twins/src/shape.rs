//! Objects that point at each other so that the mark stack has work: wide, long, or anyhow.

use crate::generate::{Generator, Mood};
use crate::memory::Place;
use crate::pair::Pair;
use mpgc::heap::testing::{Op, Step};

/// A shape in the making.
#[derive(Clone, Copy)]
pub struct Shape {
    kind: u8,
    parent: Parent,
    /// How many objects it has.
    word: usize,
    /// Blocks of an object that can point at all the others.
    blocks: usize,
}

#[derive(Clone, Copy)]
enum Parent {
    ToCome,
    Newest,
    At(Place),
}

impl Generator {
    pub(crate) fn new_shape(&mut self, pair: &Pair) -> Mood {
        // Enough children for the deepest mark stack, if they fit into the heap.
        let stack = pair.side(0).twin.stack_entries as usize;
        let most = (self.blocks / 2).max(4);
        self.left = (stack + self.rng.usize(2..stack + 40)).min(most);
        Mood::Shape(Shape {
            kind: self.rng.u8(0..4),
            parent: Parent::ToCome,
            word: 0,
            blocks: self.left * size_of::<usize>() / self.block + 1,
        })
    }

    /// Objects one by one, each pointed at by an earlier one. A collection follows.
    pub(crate) fn shape(&mut self, pair: &Pair) -> Step {
        let Mood::Shape(shape) = self.mood else {
            return self.mixed(pair);
        };
        let newest = pair.live.len();
        if self.left == 0 {
            self.queue.push(Step::Heap(Op::Collect));
        }
        let parent = match shape.parent {
            Parent::ToCome => None,
            Parent::Newest => newest.checked_sub(1),
            Parent::At(place) => pair.live.iter().rposition(|&p| p == place),
        };
        let Some(parent) = parent else {
            // The root of the shape, which must have a word for each child if it is wide.
            let blocks = if shape.kind == 0 {
                shape.blocks
            } else {
                self.rng.usize(1..4)
            };
            self.queue.push(Step::Heap(Op::Root {
                chunk: newest,
                offset: 0,
            }));
            self.mood = Mood::Shape(Shape {
                parent: Parent::Newest,
                word: 0,
                ..shape
            });
            return Step::Heap(Op::Alloc {
                bytes: blocks * self.block,
                finaliser: false,
            });
        };
        let (from, word) = match shape.kind {
            // wide: all children in one object
            0 => (parent, shape.word),
            // a list
            1 => (newest - 1, 1),
            // a list with a leaf at each object
            2 if shape.word % 2 == 0 => (newest.saturating_sub(2), 1),
            2 => (newest.saturating_sub(2), 0),
            // anyhow
            _ => (self.rng.usize(parent..newest), self.rng.usize(0..4)),
        };
        let parent = Parent::At(pair.live[parent]);
        self.mood = Mood::Shape(Shape {
            parent,
            word: shape.word + 1,
            ..shape
        });
        self.queue.push(Step::Heap(Op::Link {
            from,
            word,
            to: newest,
        }));
        let blocks = if self.rng.u32(0..8) == 0 { 2 } else { 1 };
        Step::Heap(Op::Alloc {
            bytes: blocks * self.block,
            finaliser: self.rng.u32(0..6) == 0,
        })
    }
}
