//! Marking, by the shape of the live objects.

use super::{Case, KB, MB, mixed_sizes, size};
use crate::world::{BLOCK, World};

const WORD: usize = size_of::<usize>();

/// What is alive.
#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    /// A random graph of objects of mixed sizes, half of whose words are references.
    Graph,
    /// A chain whose next object lies above.
    List,
    /// A chain whose next object lies below, as in a program that puts new items in front.
    FallingList,
    /// A binary tree, made depth first.
    Tree,
    /// One list of many lists.
    Lists,
    /// `l = ([i], l)`, over and over.
    Nested,
    /// `l = (l, [i])`, over and over.
    NestedFront,
    /// Objects with 100 references to leaves and, the last, one to another that lies below.
    Wide,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Shape::Graph => "graph",
            Shape::List => "list",
            Shape::FallingList => "falling-list",
            Shape::Tree => "tree",
            Shape::Lists => "list-of-lists",
            Shape::Nested => "nested-tuples",
            Shape::NestedFront => "nested-front-tuples",
            Shape::Wide => "wide-nodes",
        }
    }
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for heap in [128 * KB, 8 * MB, 64 * MB] {
        // nine of ten blocks, 2.3 blocks an object
        cases.push(mark(Shape::Graph, heap, heap / BLOCK / 26 * 10));
    }
    cases.push(mark(Shape::List, 8 * MB, 100_000));
    cases.push(mark(Shape::FallingList, 8 * MB, 100_000));
    cases.push(mark(Shape::Tree, 8 * MB, (1 << 17) - 1));
    cases.push(mark(Shape::Tree, 64 * MB, (1 << 20) - 1).smaller(mark(
        Shape::Tree,
        8 * MB,
        (1 << 17) - 1,
    )));
    cases.push(whole(Shape::Lists, 128 * MB, 10_000));
    cases.push(whole(Shape::Nested, 128 * KB, 1_200));
    cases.push(whole(Shape::Nested, 2 * MB, 20_000).smaller(whole(Shape::Nested, 512 * KB, 5_000)));
    cases.push(whole(Shape::Nested, 8 * MB, 80_000).smaller(whole(Shape::Nested, 512 * KB, 5_000)));
    cases.push(whole(Shape::NestedFront, 128 * KB, 1_200));
    cases.push(whole(Shape::NestedFront, 8 * MB, 80_000).smaller(whole(
        Shape::NestedFront,
        512 * KB,
        5_000,
    )));
    cases.push(whole(Shape::Wide, 8 * MB, 1_800).smaller(whole(Shape::Wide, MB, 220)));
    cases
}

/// The mark alone, up to the first finaliser: overflows of the mark stack are handled by then.
fn mark(shape: Shape, heap: usize, objects: usize) -> Case {
    Case::new(
        format!("mark-{}-{}", shape.name(), describe(shape, heap, objects)),
        move |w| {
            w.start(heap);
            w.place_bell();
            build_shape(w, shape, objects);
            // frees the chunks that no reference leads to
            w.collect();
        },
        |w| {
            w.place_bell();
            w.begin();
            w.collect();
            w.ops = 1;
        },
    )
    .keeps()
}

/// A whole collection in which nothing dies.
pub fn whole(shape: Shape, heap: usize, objects: usize) -> Case {
    Case::new(
        format!(
            "collect-{}-{}",
            shape.name(),
            describe(shape, heap, objects)
        ),
        move |w| {
            w.start(heap);
            build_shape(w, shape, objects);
        },
        |w| {
            w.begin();
            w.collect();
            w.end();
            w.ops = 1;
        },
    )
    .keeps()
}

fn describe(shape: Shape, heap: usize, objects: usize) -> String {
    match shape {
        Shape::Graph | Shape::Wide => size(heap),
        Shape::Lists => format!("{objects}-{}", size(heap)),
        _ => objects.to_string(),
    }
}

/// Builds that many objects of a shape in the heap, and their roots.
pub fn build_shape(w: &mut World, shape: Shape, objects: usize) {
    match shape {
        Shape::Graph => {
            let sizes = mixed_sizes(30);
            let all: Vec<_> = sizes
                .iter()
                .cycle()
                .take(objects)
                .map(|s| (w.need(*s), *s))
                .collect();
            wire(w, &all, 31);
        }
        Shape::List | Shape::FallingList => {
            w.chunks = (0..objects).map(|_| w.need(BLOCK)).collect();
            if shape == Shape::FallingList {
                w.chunks.reverse();
            }
            for pair in w.chunks.windows(2) {
                w.set(pair[0], 1, pair[1].addr());
            }
            w.roots.push(w.chunks[0].addr());
        }
        Shape::Tree => {
            let mut left = objects;
            let root = tree(w, usize::BITS - objects.leading_zeros(), &mut left);
            w.roots.push(root.addr());
        }
        Shape::Lists => {
            let items = w.need(objects * WORD);
            for i in 0..objects {
                let list = list(w, 1);
                w.set(items, i, list.addr());
            }
            let outer = w.need(BLOCK);
            w.set(outer, 3, items.addr());
            w.roots.push(outer.addr());
        }
        Shape::Nested | Shape::NestedFront => {
            let front = usize::from(shape == Shape::NestedFront);
            let mut last = 0;
            for _ in 0..objects {
                let inner = list(w, 4);
                let tuple = w.need(4 * WORD);
                w.set(tuple, 1, 2);
                w.set(tuple, 2 + front, inner.addr());
                w.set(tuple, 3 - front, last);
                last = tuple.addr();
            }
            w.roots.push(last);
        }
        Shape::Wide => {
            let mut last = 0;
            for _ in 0..objects {
                let node = w.need(101 * WORD);
                for i in 0..100 {
                    let leaf = w.need(BLOCK);
                    w.set(node, i, leaf.addr());
                }
                w.set(node, 100, last);
                last = node.addr();
            }
            w.roots.push(last);
        }
    }
}

/// A Python list with a capacity of `capacity` items.
fn list(w: &World, capacity: usize) -> *mut u8 {
    let list = w.need(4 * WORD);
    let items = w.need(capacity * WORD);
    w.set(list, 1, capacity);
    w.set(list, 2, 1);
    w.set(list, 3, items.addr());
    w.set(items, 0, 2 * capacity + 1);
    list
}

fn tree(w: &World, depth: u32, left: &mut usize) -> *mut u8 {
    if depth == 0 || *left == 0 {
        return std::ptr::null_mut();
    }
    *left -= 1;
    let node = w.need(BLOCK);
    for child in 0..2 {
        let child_node = tree(w, depth - 1, left);
        w.set(node, 2 + child, child_node.addr());
    }
    node
}

/// Half of the words of each object become references to others at random, the rest small numbers;
/// the first eight objects are roots.
pub fn wire(w: &mut World, objects: &[(*mut u8, usize)], seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    for &(chunk, bytes) in objects {
        for word in 0..bytes / WORD {
            let value = if word % 2 == 1 {
                objects[rng.usize(..objects.len())].0.addr()
            } else {
                2 * word + 1
            };
            w.set(chunk, word, value);
        }
    }
    w.roots = objects.iter().take(8).map(|o| o.0.addr()).collect();
}
