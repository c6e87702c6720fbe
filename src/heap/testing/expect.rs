//! What is compared after each step.

use super::host::Options;
use super::model::At;
use super::op::Op;
use super::world::World;
use crate::heap::area::Area;
use crate::heap::block::BlockIndex;

impl<O: Options> World<O> {
    pub(super) fn expect_alloc(
        &mut self,
        got: *mut u8,
        bytes: usize,
        expected: Option<At>,
        whole: bool,
    ) {
        let expected_address = expected.map_or(0, |at| self.model.address(at).addr());
        assert_eq!(
            got.addr(),
            expected_address,
            "address of an allocation of {bytes} bytes"
        );
        let Some(at) = expected else {
            self.model.seen.failed += 1;
            return;
        };
        self.model.seen.allocations += 1;
        let from = if whole { 0 } else { bytes };
        let size = self.model.bytes(at);
        for i in from..size {
            // SAFETY: the chunk is live and has `size` bytes.
            let byte = unsafe { got.add(i).read() };
            assert_eq!(byte, 0, "byte {i} of {size} is not clear");
        }
    }

    pub(super) fn expect_finalised(&mut self, expected: &[usize]) {
        let got = self.take_finalised();
        self.model.seen.finalised += got.len();
        assert_eq!(got, expected, "finalisers that ran, in order");
    }

    pub(super) fn expect_info(&mut self) {
        let info = self.heap().info();
        let chunks = || self.model.areas.iter().flat_map(|a| a.chunks.values());
        let used: usize = chunks().map(|c| c.blocks).sum();
        let total: usize = self.model.areas.iter().map(|a| a.blocks).sum();
        assert_eq!(info.total, total * O::BLOCK_BYTES);
        assert_eq!(info.used, used * O::BLOCK_BYTES);
        assert_eq!(info.free, info.total - info.used);
        assert_eq!(info.num_1block, chunks().filter(|c| c.blocks == 1).count());
        assert_eq!(info.num_2block, chunks().filter(|c| c.blocks == 2).count());
        assert_eq!(
            info.max_block,
            chunks().map(|c| c.blocks).max().unwrap_or(0)
        );
    }

    pub(super) fn compare(&mut self, op: Op) {
        let heap = self.heap();
        assert_eq!(self.state().entered, 0, "the mutex after {op:?}");
        assert_eq!(
            heap.is_locked(),
            self.model.locks > 0,
            "the lock after {op:?}"
        );
        assert!(
            self.guards_are_whole(),
            "{op:?} wrote behind the mark stack"
        );
        let amount = self.model.amount;
        assert_eq!(
            self.state().alloc_amount,
            amount,
            "the counter after {op:?}"
        );
        let threshold = self.model.threshold;
        assert_eq!(
            self.state().alloc_threshold,
            threshold,
            "the threshold after {op:?}"
        );
        if let Err(broken) = heap.check() {
            panic!("{op:?} broke the heap: {broken:?}");
        }
        self.compare_figures();
        let mut used = 0;
        for (area, model) in Area::all(self.host()).zip(&self.model.areas) {
            assert_eq!(area.pool(), model.pool);
            for (&start, chunk) in &model.chunks {
                let start = BlockIndex(start);
                assert!(area.table().is_head(start), "{op:?}: no head at {start:?}");
                assert_eq!(
                    area.chunk_len(start).0,
                    chunk.blocks,
                    "{op:?}: length of {start:?}"
                );
                assert_eq!(
                    area.has_finaliser(start),
                    chunk.finaliser,
                    "{op:?}: finaliser bit of {start:?}"
                );
                assert_eq!(
                    area.is_read(start),
                    !chunk.unread,
                    "{op:?}: collect bit of {start:?}"
                );
                used += chunk.blocks;
            }
        }
        assert_eq!(
            heap.info().used,
            used * O::BLOCK_BYTES,
            "{op:?}: blocks that nobody has"
        );
    }
}
