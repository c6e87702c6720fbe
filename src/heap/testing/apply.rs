//! Performs one operation on the heap and on its model.

use std::vec::Vec;

use super::host::{Fields, Options, Region};
use super::model::{At, Chunk};
use super::op::{FinaliserAction, Op};
use super::world::World;
use crate::heap::alloc::{HAS_FINALISER, UNREAD};
use crate::heap::harden::GUARD;
use crate::heap::host::Callbacks;
use crate::heap::stats::Reason;

/// The blocks of a chunk; in a hardened heap it has a guard behind what is asked for.
fn blocks_for<O: Options>(bytes: usize) -> usize {
    let guard = if O::HARDENED && bytes > 0 { GUARD } else { 0 };
    (bytes + guard).div_ceil(O::BLOCK_BYTES)
}

impl<O: Options> World<O> {
    /// Performs one step on the heap and on the model, and compares everything visible.
    ///
    /// # Panics
    ///
    /// When they differ, or an invariant of the heap is broken.
    pub fn step(&mut self, op: Op) {
        self.apply(op);
        self.compare(op);
    }

    /// The same, without comparing the whole heap.
    pub(super) fn apply(&mut self, op: Op) {
        let heap = self.heap();
        match op {
            Op::Alloc { bytes, finaliser } => self.alloc(bytes, finaliser, false),
            Op::AllocUnread { bytes, finaliser } => self.alloc(bytes, finaliser, true),
            Op::Free { chunk } => {
                let at = self.model.pick(chunk);
                let address = at.map_or(core::ptr::null_mut(), |at| self.model.address(at));
                // SAFETY: null, or a live chunk that the model forgets now.
                unsafe { heap.free(address) };
                let Some(at) = at else { return };
                if self.model.locks == 0 {
                    self.model.remove(at);
                }
            }
            Op::Realloc {
                chunk,
                bytes,
                may_move,
            } => self.realloc(chunk, bytes, may_move),
            Op::Link { from, word, to } => {
                if let (Some(from), Some(to)) = (self.model.pick(from), self.model.pick(to)) {
                    let words = self.model.bytes(from) / size_of::<usize>();
                    let p = self.model.address(from).cast::<usize>();
                    if words > 0 {
                        // SAFETY: the chunk is live and has that many words.
                        unsafe { p.add(word % words).write(self.model.address(to).addr()) };
                    }
                }
            }
            Op::Root { chunk, offset } => {
                if let Some(at) = self.model.pick(chunk) {
                    let root = self.model.address(at).addr() + offset;
                    self.state().roots.push(root);
                }
            }
            Op::NoRoots => self.state().roots.clear(),
            Op::Collect | Op::SweepAll => {
                let roots = if op == Op::Collect {
                    self.roots()
                } else {
                    Vec::new()
                };
                let amount = self.model.amount;
                let expected = self.model.collect(&roots, Reason::Asked);
                if op == Op::Collect {
                    self.host().collect();
                } else {
                    // SAFETY: the model forgets all chunks as well.
                    unsafe { heap.sweep_all() };
                    self.model.amount = amount;
                    self.model.keep_pace();
                }
                self.expect_finalised(&expected);
            }
            Op::Lock => {
                heap.lock();
                self.model.locks += 1;
            }
            Op::Unlock => {
                if self.model.locks > 0 {
                    heap.unlock();
                    self.model.locks -= 1;
                }
            }
            Op::Threshold { blocks } => {
                self.model.threshold = if blocks == 0 { usize::MAX } else { blocks };
                self.state().alloc_threshold = self.model.threshold;
            }
            Op::AutoCollect { on } => {
                self.model.auto = on;
                self.state().auto_collect = on.into();
            }
            Op::AddArea { bytes } => {
                if O::SPLIT {
                    let region = Region::new(bytes + 256, 0xcc);
                    // SAFETY: the region is the world's and lives as long as the heap.
                    unsafe { heap.add(region.start(), region.end()) };
                    let start = region.start().wrapping_add(size_of::<Fields>());
                    self.model.add_area(start, region.end());
                    self.regions.push(region);
                }
            }
            Op::ChunkBytes { chunk, offset } => {
                if let Some(at) = self.model.pick(chunk) {
                    let address = self.model.address(at).wrapping_add(offset);
                    let found = self.model.find(address.addr());
                    let expected = found.map_or(0, |at| self.model.bytes(at));
                    assert_eq!(heap.chunk_bytes(address), expected);
                }
            }
            Op::Info => {
                self.expect_info();
                if O::STATS {
                    self.model.ask_figures();
                    assert_eq!(heap.figures(), heap.peek_figures());
                }
            }
            Op::ResetFigures => {
                if O::STATS {
                    heap.reset_figures();
                    self.model.reset_figures();
                    self.state().times.clear();
                }
            }
            Op::Finaliser { action } => {
                self.model.action = action;
                self.state().action = action;
            }
        }
    }

    fn alloc(&mut self, bytes: usize, finaliser: bool, unread: bool) {
        let flags = (HAS_FINALISER * u32::from(finaliser)) | (UNREAD * u32::from(unread));
        let n = blocks_for::<O>(bytes);
        let roots = self.roots();
        let (expected, finalised) = self.model.alloc(n, finaliser, unread, &roots);
        let chunk = self.heap().alloc(bytes, flags);
        self.expect_finalised(&finalised);
        if let Some(at) = expected {
            self.set_in_use(at, bytes);
        }
        self.expect_alloc(chunk, bytes, expected, O::CONSERVATIVE_CLEAR);
        if !chunk.is_null() {
            if finaliser && O::FINALISER {
                // SAFETY: the chunk has a word.
                assert_eq!(unsafe { chunk.cast::<usize>().read() }, 0);
            }
            self.fill(chunk, bytes);
        }
    }

    fn realloc(&mut self, chunk: usize, bytes: usize, may_move: bool) {
        let heap = self.heap();
        // SAFETY: the chunk is one of the model's, which follows it to where it goes.
        let realloc = |chunk, bytes, may_move| unsafe { heap.realloc(chunk, bytes, may_move) };
        let Some(at) = self.model.pick(chunk) else {
            return;
        };
        let old = self.model.chunk(at);
        let address = self.model.address(at);
        let n = blocks_for::<O>(bytes);
        let kept = self.model.words(at);
        if bytes == 0 {
            assert!(realloc(address, 0, may_move).is_null());
            if self.model.locks == 0 {
                self.model.remove(at);
            }
            return;
        }
        if self.model.locks > 0 {
            self.model.count_failure(n);
            assert!(realloc(address, bytes, may_move).is_null());
            return;
        }
        if n <= self.model.space(at) {
            let all = n * O::BLOCK_BYTES;
            self.model.put(
                at,
                Chunk {
                    blocks: n,
                    bytes: all,
                    ..old
                },
            );
            self.set_in_use(at, bytes);
            assert_eq!(realloc(address, bytes, may_move), address);
            self.model.seen.grown_in_place += usize::from(n > old.blocks);
            self.model.counted.handed_out += n.saturating_sub(old.blocks);
            let keep = if O::CONSERVATIVE_CLEAR {
                old.blocks * O::BLOCK_BYTES
            } else {
                bytes
            };
            let gained = if O::HARDENED {
                old.bytes..bytes
            } else if n > old.blocks {
                keep..all
            } else {
                0..0
            };
            for i in gained {
                // SAFETY: the chunk is live and has n blocks.
                let byte = unsafe { address.add(i).read() };
                assert_eq!(byte, 0, "gained byte {i} is not clear");
            }
            return;
        }
        if !may_move {
            assert!(realloc(address, bytes, false).is_null());
            return;
        }
        // the old chunk must live through the collection that the move may start
        self.state().roots.push(address.addr());
        // and no finaliser may free it meanwhile, since that would be a fault of the program
        let action = core::mem::replace(&mut self.state().action, FinaliserAction::Nothing);
        self.model.action = FinaliserAction::Nothing;
        let roots = self.roots();
        let (expected, finalised) = self.model.alloc(n, old.finaliser, old.unread, &roots);
        let moved = realloc(address, bytes, true);
        self.state().roots.pop();
        self.state().action = action;
        self.model.action = action;
        self.expect_finalised(&finalised);
        assert_eq!(
            moved.addr(),
            expected.map_or(0, |at| self.model.address(at).addr()),
            "address of a moved chunk"
        );
        if let Some(new) = expected {
            assert_eq!(self.model.words(new)[..kept.len()], kept);
            self.set_in_use(new, bytes);
            self.model.remove(at);
            self.model.seen.moves += 1;
        }
    }

    /// A hardened heap knows how many bytes of a chunk were asked for. The first word of an object
    /// that may have a finaliser is always its own.
    fn set_in_use(&mut self, at: At, bytes: usize) {
        if O::HARDENED {
            let chunk = self.model.chunk(at);
            let first_word = if chunk.finaliser {
                size_of::<usize>()
            } else {
                0
            };
            let bytes = bytes.max(first_word);
            self.model.put(at, Chunk { bytes, ..chunk });
        }
    }

    fn fill(&mut self, chunk: *mut u8, bytes: usize) {
        for i in 0..bytes / size_of::<usize>() {
            // an odd number is no address of a block
            // SAFETY: the chunk is live and has `bytes` bytes.
            unsafe { chunk.cast::<usize>().add(i).write(2 * i + 1) };
        }
    }
}
