//! The C, the Rust and the naive model. The model applies each operation first, since it reads the
//! objects of the C as they are before it.

use crate::memory::Place;
use crate::pair::{Outcome, Pair, Setup, same};
use crate::twin::Twin;
use mpgc::heap::Reason;
use mpgc::heap::testing::{At, Chunk, Model, Op, Options, Step};

/// Two heaps and the model of both.
pub struct Triple<O: Options> {
    /// The two heaps.
    pub pair: Pair,
    model: Model<O>,
    finalised: Vec<usize>,
    setup: Setup,
}

impl<O: Options> Triple<O> {
    /// Heaps as after power on.
    pub fn new(twins: [&'static Twin; 2], setup: Setup) -> Self {
        let mut triple = Triple {
            pair: Pair::new(twins, setup),
            model: Model::default(),
            finalised: Vec::new(),
            setup,
        };
        triple.restart();
        triple
    }

    /// Heaps as after power on, in the same memory.
    pub fn restart(&mut self) {
        self.pair.restart(self.setup);
        self.model = Model::default();
        let region = &self.pair.side(0).regions[0];
        let (start, end) = (region.start(), region.end());
        self.model.add_area(start, end);
    }

    /// Does one step with all three.
    ///
    /// # Errors
    ///
    /// The first difference between the C and the Rust, or between the finalisers that ran and
    /// those that the model expects.
    pub fn step(&mut self, op: Op) -> Outcome {
        self.expect(op);
        self.pair.step(Step::Heap(op))?;
        let expected = self.finalised.iter();
        let expected: Vec<Place> = expected.map(|&at| self.pair.side(0).place(at)).collect();
        same(
            "finalisers, as the model expects (C: the model)",
            &expected,
            &self.pair.finalised,
        )?;
        Ok(())
    }

    fn at(&self, chunk: usize) -> Option<At> {
        let place = self.pair.pick(chunk)?;
        self.model.find(self.pair.side(0).address(place).addr())
    }

    fn expect(&mut self, op: Op) {
        self.finalised.clear();
        let roots = self.pair.side(0).roots.clone();
        match op {
            Op::Alloc { bytes, finaliser } => {
                let n = bytes.div_ceil(O::BLOCK_BYTES);
                self.finalised = self.model.alloc(n, finaliser, false, &roots).1;
            }
            Op::AllocUnread { bytes, finaliser } => {
                let n = bytes.div_ceil(O::BLOCK_BYTES);
                self.finalised = self.model.alloc(n, finaliser, true, &roots).1;
            }
            Op::Free { chunk } => {
                if let (Some(at), 0) = (self.at(chunk), self.model.locks) {
                    self.model.remove(at);
                }
            }
            Op::Realloc {
                chunk,
                bytes,
                may_move,
            } => self.expect_realloc(chunk, bytes, may_move, roots),
            Op::Collect => self.finalised = self.model.collect(&roots, Reason::Asked),
            Op::SweepAll => {
                let amount = self.model.amount;
                self.finalised = self.model.collect(&[], Reason::Asked);
                self.model.amount = amount;
            }
            Op::Lock => self.model.locks += 1,
            Op::Unlock => self.model.locks = self.model.locks.saturating_sub(1),
            Op::Threshold { blocks } => {
                self.model.threshold = if blocks == 0 { usize::MAX } else { blocks };
            }
            Op::AutoCollect { on } => self.model.auto = on,
            Op::Link { .. } | Op::Root { .. } | Op::NoRoots => {}
            Op::ChunkBytes { .. } | Op::Info | Op::ResetFigures => {}
            Op::Finaliser { action } => self.model.action = action,
            Op::AddArea { .. } => unreachable!("no operation of the small scope"),
        }
    }

    fn expect_realloc(
        &mut self,
        chunk: usize,
        bytes: usize,
        may_move: bool,
        mut roots: Vec<usize>,
    ) {
        let Some(at) = self.at(chunk) else { return };
        if self.model.locks > 0 {
            return;
        }
        let old = self.model.chunk(at);
        let n = bytes.div_ceil(O::BLOCK_BYTES);
        if n == 0 {
            self.model.remove(at);
        } else if n <= self.model.space(at) {
            self.model.put(at, Chunk { blocks: n, ..old });
        } else if may_move {
            roots.push(self.model.address(at).addr());
            let (moved, finalised) = self.model.alloc(n, old.finaliser, old.unread, &roots);
            self.finalised = finalised;
            if moved.is_some() {
                self.model.remove(at);
            }
        }
    }

    /// Compares tables, pools, figures and claims of the two, and their tables with the model's
    /// chunks.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn compare(&mut self) -> Outcome {
        self.pair.compare_tables()?;
        self.pair.compare_pools()?;
        self.pair.compare_figures()?;
        let area = self.pair.side(0).areas()[0];
        let mut kinds = vec![0; area.table_bytes * 4];
        let mut flags = vec![(false, false); kinds.len()];
        for (&start, chunk) in &self.model.areas[0].chunks {
            kinds[start..start + chunk.blocks].fill(2);
            kinds[start] = 1;
            flags[start] = (chunk.finaliser, chunk.unread);
        }
        // SAFETY: both tables have a bit or two for each block.
        let found = (0..kinds.len()).map(|b| unsafe {
            let kind = area.alloc_table.add(b / 4).read() >> (2 * (b % 4)) & 3;
            let bit = |table: *mut u8| table.add(b / 8).read() >> (b % 8) & 1 != 0;
            let finaliser = O::FINALISER && bit(area.finaliser_table);
            // the bit tells nothing of a block where no chunk starts
            let unread = O::SELECTIVE_COLLECT && kind == 1 && !bit(area.collect_table);
            (kind, (finaliser, unread))
        });
        let expected = kinds.into_iter().zip(flags);
        if !expected.clone().eq(found.clone()) {
            let (expected, found): (Vec<_>, Vec<_>) = (expected.collect(), found.collect());
            same(
                "the tables, as the model expects (C: the model)",
                expected,
                found,
            )?;
        }
        Ok(())
    }
}
