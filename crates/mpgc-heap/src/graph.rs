//! The references between chunks, the best path from a root to each, and what would be freed with
//! each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::dominators::dominators;
use crate::heap::Heap;
use crate::kinds::{Family, Kinds};
use crate::memory::{Memory, RootsFrom};
use crate::plan::{Plans, Target};
use crate::roots::{Origin, Root};

/// A word that names a chunk: where it lies in its own chunk, and what it names.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub offset: u32,
    pub to: u32,
    pub cost: u32,
}

/// Costs of a step: a path with names is preferred to a shorter one through words of unknown
/// meaning.
const NAMED: u32 = 1;
const VOID: u32 = 2;
/// More than the cost of all named steps of any path.
pub const BY_CHANCE: u32 = 1 << 24;

/// How a chunk is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// Not at all: it is garbage.
    None,
    Root(u32),
    /// From this chunk, by this edge.
    Chunk(u32, u32),
}

pub struct Graph {
    pub roots: Vec<Root>,
    /// The edges of chunk `n` are `edges[first[n]..first[n + 1]]`.
    first: Vec<u32>,
    edges: Vec<Edge>,
    pub ways: Vec<Way>,
    /// The cost of the way.
    pub costs: Vec<u64>,
    /// The chunk that each way to this one leads through, or its own number where there is none.
    pub dominators: Vec<u32>,
    /// The bytes that would be free without this chunk.
    pub retained: Vec<u64>,
}

impl Graph {
    pub fn build(
        memory: &Memory,
        heap: &Heap,
        kinds: &Kinds,
        plans: &Plans,
        roots: Vec<Root>,
    ) -> Graph {
        let word = memory.machine.word;
        let (mut first, mut edges) = (Vec::with_capacity(heap.chunks.len() + 1), Vec::new());
        for (number, chunk) in heap.chunks.iter().enumerate() {
            first.push(edges.len() as u32);
            let length = chunk.bytes as usize;
            let kind = kinds.get(number);
            let (plan, begin) = (kind.plan, edges.len());
            // A pool was read whole when the areas were.
            let bytes = memory.bytes(chunk.address, length).unwrap_or(&[]);
            let bytes = if chunk.is_read { bytes } else { &[] };
            for (index, bytes) in bytes.chunks_exact(word).enumerate() {
                let Some(to) = heap.head(memory.machine.value(bytes)) else {
                    continue;
                };
                // In C any word may be a pointer, so none is a matter of chance.
                let plain = !memory.stated.areas.is_empty();
                let cost = match plan.and_then(|plan| plans.slot_at(plan, length, index * word)) {
                    Some((_, Target::Unknown)) => VOID,
                    Some(_) => NAMED,
                    None if plain => NAMED,
                    None => BY_CHANCE,
                };
                edges.push(Edge {
                    offset: (index * word) as u32,
                    to: to as u32,
                    cost,
                });
            }
            if kind.family == Family::Generator {
                // Of several words that name a chunk the first is reported, and local variables
                // come last.
                edges[begin..].reverse();
            }
        }
        first.push(edges.len() as u32);
        let count = heap.chunks.len();
        let mut graph = Graph {
            roots,
            first,
            edges,
            ways: vec![Way::None; count],
            costs: vec![u64::MAX; count],
            dominators: (0..count as u32).collect(),
            retained: heap.chunks.iter().map(|chunk| chunk.bytes).collect(),
        };
        graph.find_ways(memory);
        graph.find_retained();
        graph
    }

    pub fn edges(&self, chunk: usize) -> &[Edge] {
        &self.edges[self.first[chunk] as usize..self.first[chunk + 1] as usize]
    }

    pub fn is_reached(&self, chunk: usize) -> bool {
        self.ways[chunk] != Way::None
    }

    fn root_cost(memory: &Memory, origin: Origin) -> u32 {
        match origin {
            Origin::Range(number, _) => match memory.stated.roots[number].from {
                RootsFrom::Registered => NAMED,
                RootsFrom::Callback => VOID,
                RootsFrom::LifoStack => BY_CHANCE,
                RootsFrom::CStack => BY_CHANCE + 1,
            },
            Origin::State(_) => NAMED,
            Origin::Pystack(_) => BY_CHANCE,
            Origin::Stack(..) => BY_CHANCE + 1,
            Origin::Register(..) => BY_CHANCE + 2,
        }
    }

    /// The cheapest way to each chunk (Dijkstra's).
    fn find_ways(&mut self, memory: &Memory) {
        let mut queue = BinaryHeap::new();
        for (number, root) in self.roots.iter().enumerate() {
            let (chunk, cost) = (
                root.chunk as usize,
                u64::from(Self::root_cost(memory, root.origin)),
            );
            if cost < self.costs[chunk] {
                self.costs[chunk] = cost;
                self.ways[chunk] = Way::Root(number as u32);
                queue.push(Reverse((cost, root.chunk)));
            }
        }
        while let Some(Reverse((cost, chunk))) = queue.pop() {
            if cost > self.costs[chunk as usize] {
                continue;
            }
            for number in self.first[chunk as usize]..self.first[chunk as usize + 1] {
                let edge = self.edges[number as usize];
                let through = cost + u64::from(edge.cost);
                if through < self.costs[edge.to as usize] {
                    self.costs[edge.to as usize] = through;
                    self.ways[edge.to as usize] = Way::Chunk(chunk, number);
                    queue.push(Reverse((through, edge.to)));
                }
            }
        }
    }

    pub fn edge(&self, number: u32) -> Edge {
        self.edges[number as usize]
    }

    fn find_retained(&mut self) {
        // Number 0 stands for all roots; chunk n is n + 1.
        let successors = |node: usize, call: &mut dyn FnMut(usize)| match node.checked_sub(1) {
            None => self
                .roots
                .iter()
                .for_each(|root| call(root.chunk as usize + 1)),
            Some(chunk) => self
                .edges(chunk)
                .iter()
                .for_each(|edge| call(edge.to as usize + 1)),
        };
        let (order, above) = dominators(self.ways.len() + 1, successors);
        // A node comes after its dominator in the order.
        for &node in order.iter().skip(1).rev() {
            let (chunk, dominator) = (node as usize - 1, above[node as usize]);
            if let Some(dominator) = dominator.checked_sub(1) {
                self.dominators[chunk] = dominator;
                self.retained[dominator as usize] += self.retained[chunk];
            }
        }
    }

    /// The chunks on the way to this one, from the root's on.
    pub fn way_to(&self, chunk: usize) -> Vec<usize> {
        let mut way = vec![chunk];
        while let Way::Chunk(from, _) = self.ways[way[way.len() - 1]] {
            way.push(from as usize);
        }
        way.reverse();
        way
    }
}
