//! Makes traces in which interesting things happen. The next step depends on random numbers and on
//! the live chunks. The steps are plain data, so that a trace can be run again and reduced.

use crate::pair::{Pair, Setup};
use crate::shape::Shape;
use crate::twin::Twin;
use fastrand::Rng;
use mpgc::heap::testing::{CallbackAction, CoreOp, FinaliserAction, Op, Step};

/// The kind of most steps, for a while.
#[derive(Clone, Copy)]
pub(crate) enum Mood {
    /// A bit of everything.
    Mixed,
    /// Allocations, until the heap is full.
    Fill,
    /// Many frees in a row.
    Free,
    /// Chunks that grow and shrink.
    Realloc,
    /// Objects that point at each other: wide, long, or anyhow.
    Shape(Shape),
    /// pystack, scheduler and jumps.
    Core,
}

/// Draws random steps.
pub struct Generator {
    pub(crate) rng: Rng,
    pub(crate) mood: Mood,
    pub(crate) left: usize,
    pub(crate) queue: Vec<Step>,
    pub(crate) block: usize,
    selective: bool,
    pub(crate) blocks: usize,
    areas: usize,
    gives_areas_too_early: bool,
    roots: usize,
}

/// Draws the setup of a run.
pub fn setup(rng: &mut Rng, twin: &Twin) -> Setup {
    let block = twin.block_bytes as usize;
    // Entries of the mark stack must be able to number the blocks: docs/upstream.md, 5.
    let most = match twin.entry_bytes {
        1 => 256,
        2 => 65536,
        _ => usize::MAX,
    };
    let blocks = match rng.u32(0..100) {
        0..25 => rng.usize(4..20),
        25..60 => rng.usize(16..256),
        // A mark stack overflows in a heap of more objects than it has entries.
        60..90 => rng.usize(200..3000 + 2 * twin.stack_entries as usize),
        90..98 => rng.usize(2000..12000),
        _ => (1 << 20) / block,
    };
    let offset = match rng.u32(0..4) {
        0 => 0,
        1 => rng.usize(0..512),
        // Tables are read by the word wherever they lie.
        _ => 8 * rng.usize(0..64) + usize::from(rng.bool()) * rng.usize(0..8),
    };
    // A region of an odd number of bytes: docs/upstream.md, 16.
    let offset = if (twin.weakref || twin.selective) && twin.finaliser {
        offset & !1
    } else {
        offset
    };
    Setup {
        // Never too few for a table byte's four blocks: of such a heap the C's gc_info never ends
        // (docs/upstream.md, 1).
        bytes: (blocks.min(most - 8) + 1) * (block + 1) + rng.usize(0..2 * block) + 64,
        offset,
        budget: if rng.bool() {
            0
        } else {
            rng.usize(4096..200_000)
        },
        stack: 8 * rng.usize(2..200),
        fill: [0, 0xcc, 0xff, 0x55][rng.usize(0..4)],
    }
}

/// How many steps a run of that setup has.
pub fn length(rng: &mut Rng, setup: &Setup) -> usize {
    let most = if setup.bytes > 200_000 { 3000 } else { 8000 };
    rng.usize(200..most)
}

impl Generator {
    /// A source of steps for a heap of that setup.
    pub fn new(rng: Rng, setup: &Setup, twin: &Twin) -> Self {
        let block = twin.block_bytes as usize;
        Generator {
            rng,
            mood: Mood::Mixed,
            left: 20,
            queue: Vec::new(),
            block,
            selective: twin.selective,
            blocks: setup.bytes / block,
            areas: if twin.split { 3 } else { 0 },
            gives_areas_too_early: twin.split_auto && twin.release < 12500,
            roots: 0,
        }
    }

    /// The next step.
    pub fn next(&mut self, pair: &Pair) -> Step {
        if let Some(step) = self.queue.pop() {
            return step;
        }
        if self.left == 0 {
            self.choose_mood(pair);
        }
        self.left -= 1;
        // Sometimes a step of another kind; a shape is to become large.
        let rarely = if let Mood::Shape(_) = self.mood {
            500
        } else {
            24
        };
        if self.rng.u32(0..rarely) == 0 {
            return self.switch(pair);
        }
        match self.mood {
            Mood::Mixed => self.mixed(pair),
            Mood::Fill => self.alloc(pair),
            Mood::Free => Step::Heap(Op::Free {
                chunk: self.chunk(pair),
            }),
            Mood::Realloc => self.realloc(pair),
            Mood::Shape(_) => self.shape(pair),
            Mood::Core => self.core(),
        }
    }

    fn choose_mood(&mut self, pair: &Pair) {
        let small = self.blocks < 400;
        self.left = self.rng.usize(5..if small { 60 } else { 400 });
        self.mood = match self.rng.u32(0..12) {
            0..3 => Mood::Mixed,
            3..5 => Mood::Fill,
            5 => {
                self.left = self.left.min(pair.live.len() + 1);
                Mood::Free
            }
            6..8 => Mood::Realloc,
            8..11 => self.new_shape(pair),
            _ => Mood::Core,
        };
    }

    /// One of the live chunks; mostly the newest, or one near it.
    fn chunk(&mut self, pair: &Pair) -> usize {
        let len = pair.live.len().max(1);
        match self.rng.u32(0..4) {
            0 => len - 1,
            1 => len - 1 - self.rng.usize(0..len.min(8)),
            _ => self.rng.usize(0..len),
        }
    }

    /// A size in bytes, of all kinds.
    fn bytes(&mut self, pair: &Pair) -> usize {
        let blocks = match self.rng.u32(0..20) {
            0..9 => self.rng.usize(1..3),
            9..14 => self.rng.usize(1..6),
            14..17 => self.rng.usize(1..(self.blocks / 16).max(3)),
            17 => self.rng.usize(1..(self.blocks / 3).max(3)),
            18 if self.blocks < 4000 => {
                // Exactly what fits, or one block more.
                let max_free = pair.side(0).info()[3];
                max_free + usize::from(self.rng.bool())
            }
            _ => self.rng.usize(1..40),
        };
        match self.rng.u32(0..40) {
            0 => self.rng.usize(0..2),
            1..10 => (blocks * self.block).saturating_sub(self.rng.usize(0..self.block)),
            _ => blocks * self.block,
        }
    }

    fn alloc(&mut self, pair: &Pair) -> Step {
        let newest = pair.live.len();
        if self.rng.u32(0..3) == 0 {
            let root = self.root(newest);
            self.queue.push(root);
        }
        let bytes = self.bytes(pair);
        let finaliser = self.rng.u32(0..4) == 0;
        if self.rng.u32(0..16) == 0 {
            let number = self.rng.usize(0..16);
            self.queue.push(Step::Core(CoreOp::Type {
                chunk: newest,
                number,
            }));
        }
        if self.selective && self.rng.u32(0..3) == 0 {
            return Step::Heap(Op::AllocUnread { bytes, finaliser });
        }
        Step::Heap(Op::Alloc { bytes, finaliser })
    }

    fn root(&mut self, chunk: usize) -> Step {
        self.roots += 1;
        if self.roots > 40 + self.blocks / 8 {
            self.roots = 0;
            return Step::Heap(Op::NoRoots);
        }
        let offset = [0, 0, 0, 0, 0, 1, 8, self.block][self.rng.usize(0..8)];
        Step::Heap(Op::Root { chunk, offset })
    }

    fn realloc(&mut self, pair: &Pair) -> Step {
        let chunk = self.chunk(pair);
        let bytes = match self.rng.u32(0..4) {
            0 => self.bytes(pair),
            // A block at a time, as a list grows.
            _ => match pair.live.get(chunk) {
                Some(&place) => {
                    let side = pair.side(0);
                    // SAFETY: any address may be asked for.
                    let now = unsafe { (side.twin.nbytes)(side.address(place)) };
                    let more = self.block * self.rng.usize(0..4);
                    if self.rng.u32(0..4) == 0 {
                        now.saturating_sub(more)
                    } else {
                        now + more
                    }
                }
                None => self.block,
            },
        };
        Step::Heap(Op::Realloc {
            chunk,
            bytes,
            may_move: self.rng.u32(0..3) != 0,
        })
    }

    pub(crate) fn mixed(&mut self, pair: &Pair) -> Step {
        let chunk = self.chunk(pair);
        match self.rng.u32(0..20) {
            0..7 => self.alloc(pair),
            7..11 => Step::Heap(Op::Free { chunk }),
            11..14 => self.realloc(pair),
            14 => self.root(chunk),
            15..18 => {
                let to = self.chunk(pair);
                Step::Heap(Op::Link {
                    from: chunk,
                    word: self.rng.usize(0..64),
                    to,
                })
            }
            18 => {
                let offset = match self.rng.u32(0..4) {
                    0 => 0,
                    1 => self.rng.usize(0..64),
                    _ => self.block * self.rng.usize(0..20),
                };
                Step::Heap(Op::ChunkBytes { chunk, offset })
            }
            _ => self.core(),
        }
    }

    /// Steps that change the heap's behaviour, and collections.
    fn switch(&mut self, pair: &Pair) -> Step {
        let rng = &mut self.rng;
        Step::Heap(match rng.u32(0..22) {
            0..6 => Op::Collect,
            6 => {
                if rng.u32(0..6) != 0 {
                    Op::Collect
                } else {
                    Op::SweepAll
                }
            }
            7 => {
                // Locked only for a few steps.
                let steps = rng.usize(1..12);
                self.queue.push(Step::Heap(Op::Unlock));
                for _ in 0..steps {
                    let step = self.mixed(pair);
                    self.queue.push(step);
                }
                return Step::Heap(Op::Lock);
            }
            8..10 => {
                let blocks = if rng.bool() {
                    0
                } else {
                    rng.usize(1..self.blocks.max(2))
                };
                Op::Threshold { blocks }
            }
            10 => Op::AutoCollect { on: false },
            11..13 => Op::AutoCollect { on: true },
            13..15 => {
                self.roots = 0;
                Op::NoRoots
            }
            15 if self.areas > 0 => {
                self.areas -= 1;
                Op::AddArea {
                    bytes: 8 * rng.usize(80..4000).max(self.block),
                }
            }
            15..17 => Op::Info,
            17..20 => {
                // Before 1.25 finalisers run while areas are given back, of which the C's are put
                // back when the collection has ended: docs/upstream.md, 8. A finaliser that
                // collects is no operation of a trace: docs/upstream.md, 3.
                let actions: Vec<_> = FinaliserAction::ALL
                    .into_iter()
                    .filter(|action| match action {
                        FinaliserAction::Collects => false,
                        FinaliserAction::AsksInfo => !self.gives_areas_too_early,
                        _ => true,
                    })
                    .collect();
                Op::Finaliser {
                    action: actions[rng.usize(0..actions.len())],
                }
            }
            _ => return self.core(),
        })
    }

    fn core(&mut self) -> Step {
        let rng = &mut self.rng;
        let any = rng.usize(0..1 << 16);
        Step::Core(match rng.u32(0..26) {
            0..4 => CoreOp::PystackAlloc {
                bytes: rng.usize(0..120),
            },
            4..6 => CoreOp::PystackFree { chunk: any },
            6..8 => CoreOp::PystackRoot {
                chunk: any,
                to: rng.usize(0..1 << 16),
            },
            8..11 => CoreOp::Schedule {
                function: any,
                argument: rng.usize(0..1 << 16),
            },
            11..13 => CoreOp::ScheduleNode { node: any },
            13 => CoreOp::SchedLock,
            14..16 => CoreOp::SchedUnlock,
            16..20 => CoreOp::Pending {
                how: rng.u8(0..6),
                abort_buffer: rng.bool(),
            },
            20 => CoreOp::Exception { chunk: any },
            21 => CoreOp::KeyboardInterrupt,
            22 => CoreOp::VmAbort,
            23 => CoreOp::Callback {
                action: CallbackAction::ALL[rng.usize(0..CallbackAction::ALL.len())],
            },
            _ => CoreOp::Jump {
                plan: rng.u64(..),
                levels: rng.u8(0..12),
            },
        })
    }
}
