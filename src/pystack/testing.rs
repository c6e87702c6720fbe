//! A Python stack with its own memory, and a naive model of it.

use super::{ChunkLayout, Exhausted};
use crate::heap::testing::CoreOp;
use std::vec;
use std::vec::Vec;

/// A chunk in use.
#[derive(Clone, Copy)]
struct Chunk {
    start: usize,
    request: usize,
    bytes: usize,
    fill: u8,
}

/// A region, how chunks are laid out in it, and those in use.
pub struct Stack {
    layout: ChunkLayout,
    memory: Vec<u8>,
    cur: usize,
    chunks: Vec<Chunk>,
    /// Added to the expected value, to test that the checks detect it.
    pub spoiled: usize,
}

impl Stack {
    /// An empty stack in a region of that many bytes.
    pub fn new(layout: ChunkLayout, bytes: usize) -> Self {
        Stack {
            layout,
            memory: vec![0; bytes],
            cur: 0,
            chunks: Vec::new(),
            spoiled: 0,
        }
    }

    /// The chunks in use.
    pub fn depth(&self) -> usize {
        self.chunks.len()
    }

    /// Runs the steps that concern the Python stack, and ignores the others.
    ///
    /// # Panics
    ///
    /// When a chunk is not where and as long as it should be, or the region says that it is full
    /// and is not.
    pub fn run(&mut self, steps: &[CoreOp]) {
        for &step in steps {
            self.step(step);
        }
        self.finish();
    }

    /// Does one step.
    ///
    /// # Panics
    ///
    /// As [`Self::run`].
    pub fn step(&mut self, step: CoreOp) {
        match step {
            CoreOp::PystackAlloc { bytes } => self.alloc(bytes),
            CoreOp::PystackFree { chunk } if !self.chunks.is_empty() => {
                self.free(chunk % self.chunks.len());
            }
            _ => {}
        }
    }

    /// Frees all.
    ///
    /// # Panics
    ///
    /// As [`Self::run`].
    pub fn finish(&mut self) {
        self.free(0);
        assert_eq!(self.cur, 0, "bytes in use when all is freed");
    }

    fn alloc(&mut self, request: usize) {
        let free = self.memory.len() - self.cur;
        // The request, then bytes one by one up to a boundary, then the slot. Wide enough not to
        // wrap.
        let mut wanted = request as u128;
        while !wanted.is_multiple_of(self.layout.align as u128) {
            wanted += 1;
        }
        if self.layout.size_slot {
            wanted += self.layout.align as u128;
        }
        wanted += self.spoiled as u128;
        match self.layout.chunk_bytes(request, free) {
            Ok(bytes) => {
                assert_eq!(bytes as u128, wanted, "bytes of a chunk for {request}");
                assert!(bytes <= free, "{bytes} bytes taken of {free}");
                let chunk = Chunk {
                    start: self.cur,
                    request,
                    bytes,
                    fill: (self.chunks.len() % 255) as u8 + 1,
                };
                // what the program writes, and the slot behind it
                self.memory[chunk.start..][..request].fill(chunk.fill);
                if self.layout.size_slot {
                    let slot = chunk.start + bytes - self.layout.align;
                    self.memory[slot..chunk.start + bytes].fill(!chunk.fill);
                }
                self.cur += bytes;
                self.chunks.push(chunk);
            }
            Err(Exhausted) => assert!(
                wanted > free as u128,
                "{request} bytes are refused, with {free} free"
            ),
        }
    }

    /// Frees a chunk and all above it, as a jump does.
    fn free(&mut self, chunk: usize) {
        for chunk in self.chunks.drain(chunk..).rev() {
            assert_eq!(chunk.start + chunk.bytes, self.cur, "chunks lie in a row");
            let bytes = &self.memory[chunk.start..self.cur];
            let whole = bytes[..chunk.request].iter().all(|&b| b == chunk.fill);
            assert!(whole, "somebody wrote into a chunk");
            if self.layout.size_slot {
                let slot = &bytes[chunk.bytes - self.layout.align..];
                assert!(slot.iter().all(|&b| b == !chunk.fill), "a slot overlaps");
            }
            self.cur = chunk.start;
        }
    }
}
