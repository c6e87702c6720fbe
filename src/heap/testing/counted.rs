//! The model's counts, for the figures of a heap.

use std::vec::Vec;

use super::host::Options;
use super::model::Model;
use super::world::World;
use crate::heap::stats::{Figures, PAUSES, REASONS, Reason, SHORT_PAUSE};

/// What has happened so far, in the model's own words: numbers of chunks and of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub(super) collections: [u32; REASONS],
    pub(super) allocations: usize,
    pub(super) handed_out: usize,
    pub(super) failures: u32,
    pub(super) failed: usize,
    pub(super) finalised: u32,
    freed: (usize, usize),
    live: (usize, usize),
    peak: usize,
    /// Whether the free runs are counted at each collection.
    watches_runs: bool,
    runs: (usize, usize),
}

impl<O: Options> Model<O> {
    /// The chunks that there are, and their blocks.
    fn in_use(&self) -> (usize, usize) {
        let all = self.all();
        let blocks = all.iter().map(|&at| self.chunk(at).blocks).sum();
        (all.len(), blocks)
    }

    /// The longest free run, and how many there are.
    fn free_runs(&self) -> (usize, usize) {
        let (mut longest, mut count) = (0, 0);
        for area in &self.areas {
            let mut end = 0;
            let chunks = area.chunks.iter().map(|(&at, chunk)| (at, chunk.blocks));
            for (at, blocks) in chunks.chain([(area.blocks, 0)]) {
                longest = longest.max(at - end);
                count += usize::from(at > end);
                end = at + blocks;
            }
        }
        (longest, count)
    }

    /// An allocation of so many blocks fails.
    pub(super) fn count_failure(&mut self, blocks: usize) {
        self.counted.failures += 1;
        self.counted.failed = blocks;
    }

    /// A collection ends in which so many chunks of so many blocks died.
    pub(super) fn count_collection(&mut self, reason: Reason, died: (usize, usize)) {
        let (live, runs) = (self.in_use(), self.free_runs());
        let counted = &mut self.counted;
        counted.collections[reason as usize] += 1;
        counted.freed.0 += died.0;
        counted.freed.1 += died.1;
        counted.live = live;
        counted.peak = counted.peak.max(live.1);
        if counted.watches_runs {
            counted.runs = runs;
        }
    }

    /// The program reads the figures.
    pub(crate) fn ask_figures(&mut self) {
        if !self.counted.watches_runs {
            self.counted.watches_runs = true;
            self.counted.runs = self.free_runs();
        }
    }

    /// The program resets the figures.
    pub(super) fn reset_figures(&mut self) {
        self.counted = Counted {
            live: self.in_use(),
            watches_runs: self.counted.watches_runs,
            runs: self.counted.runs,
            ..Counted::default()
        };
    }
}

impl<O: Options> World<O> {
    /// The figures that the model expects, of a heap whose clock said these times: when each
    /// collection began and when it ended. Figures that only the heap can count are taken from it.
    pub(super) fn expected_figures(&self, found: Figures, times: &[u32]) -> Figures {
        let counted = self.model.counted;
        let took: Vec<u32> = times
            .chunks_exact(2)
            .map(|time| time[1].wrapping_sub(time[0]))
            .collect();
        let mut pauses = [0; PAUSES];
        for &us in &took {
            let mut class = 0;
            while class + 1 < PAUSES && us >= SHORT_PAUSE << class {
                class += 1;
            }
            pauses[class] += 1;
        }
        let bytes = |blocks| blocks * O::BLOCK_BYTES;
        Figures {
            collections: counted.collections,
            pauses,
            last_us: took.last().copied().unwrap_or(0),
            longest_us: took.iter().copied().max().unwrap_or(0),
            total_us: took.iter().map(|&us| u64::from(us)).sum(),
            freed_objects: counted.freed.0,
            freed_bytes: bytes(counted.freed.1),
            live_objects: counted.live.0,
            live_bytes: bytes(counted.live.1),
            peak_bytes: bytes(counted.peak),
            mark_overflows: found.mark_overflows,
            finalised: counted.finalised,
            allocations: counted.allocations,
            allocated_bytes: bytes(counted.handed_out),
            failures: counted.failures,
            failed_bytes: bytes(counted.failed),
            max_free: bytes(counted.runs.0),
            free_runs: counted.runs.1,
        }
    }

    /// Compares the figures, without reading them as a program does.
    ///
    /// # Panics
    ///
    /// When they differ from what the model has counted.
    pub(super) fn compare_figures(&mut self) {
        if !O::STATS {
            return;
        }
        let found = self.heap().peek_figures();
        let times = self.state().times.clone();
        assert_eq!(found, self.expected_figures(found, &times), "the figures");
    }
}
