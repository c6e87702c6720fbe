//! The checks of a hardened build while the program runs.
//!
//! ```text
//!   a chunk of 2 blocks, 40 of 64 bytes asked for      a free block
//!   |..................|........canary........|         |.......poison.......|
//!   0                  40                     64
//!   slack table: 24 - GUARD                             (nothing)
//! ```
//!
//! - Free blocks are filled with *poison*, which must be intact when they are allocated: if not,
//!   the program has written after a free.
//! - The *slack*, the bytes of a chunk beyond those requested, is filled with a *canary*, which
//!   must be intact when the chunk is freed or resized, and at each collection. A table right
//!   before the pool, with a byte for each block, holds the length of the slack.
//! - Every chunk has at least [`GUARD`] bytes of slack, and gets one more block if the request
//!   fills its blocks. So a write next to the end of any chunk is detected.
//! - `chunk_bytes` returns the size that was requested: a program may use all the bytes that it
//!   reports, and there is no canary among them.
//! - A pointer that is freed or resized must be that of a live chunk.
//! - Before each collection the tables are checked for combinations that cannot occur.
//!
//! The slack of an object that may have a finaliser never includes its first word, which the heap
//! writes.
//!
//! Every byte of poison and canary is odd, so the collector never takes them for the address of a
//! block.

use core::ops::Range;
use core::ptr::NonNull;

use super::Heap;
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::fault::Fault;
use super::host::{Config, Host};

/// Fills free blocks.
pub const POISON: u8 = 0xd5;
/// Fills the slack of a chunk.
pub const CANARY: u8 = 0xa7;
/// The least slack of a chunk. One byte catches any contiguous overrun, and makes the fewest chunks
/// longer.
pub const GUARD: usize = 1;

/// The bytes that a chunk for `bytes` bytes must have; 0, which is refused, if that wraps around.
pub(super) const fn with_guard<H: Config>(bytes: usize) -> usize {
    if H::HARDENED && bytes != 0 {
        bytes.wrapping_add(GUARD)
    } else {
        bytes
    }
}

impl<H: Host> Area<H> {
    /// The byte that holds the slack of the chunk whose head is `head`.
    fn slack_byte(self, head: BlockIndex) -> *mut u8 {
        self.pool()
            .wrapping_sub(self.blocks().0)
            .wrapping_add(head.0)
    }

    /// Bytes of the chunk beyond those requested; 0 if the heap is not hardened.
    pub(super) fn slack(self, head: BlockIndex) -> usize {
        if !H::HARDENED {
            return 0;
        }
        // SAFETY: with HARDENED the layout has a byte a block right before the pool.
        usize::from(unsafe { self.slack_byte(head).read() }) + GUARD
    }

    /// Fills `n` blocks with poison.
    pub(super) fn poison(self, block: BlockIndex, n: BlockCount) {
        if H::HARDENED {
            // SAFETY: the blocks are free, so nobody uses them.
            unsafe {
                self.address(block)
                    .write_bytes(POISON, n.0 * H::BLOCK_BYTES)
            }
        }
    }
}

impl<H: Host> Heap<H> {
    /// The blocks of a chunk for a request of `bytes` bytes; 0 if it must be refused.
    pub(super) fn blocks_for(self, bytes: usize) -> BlockCount {
        BlockCount::for_bytes(with_guard::<H>(bytes), H::BLOCK_BYTES)
    }

    /// Reports a fault if one of `n` free blocks has been written to.
    pub(super) fn expect_poison(self, area: Area<H>, block: BlockIndex, n: BlockCount) {
        if H::HARDENED {
            self.expect_filled(
                area.address(block),
                n.0 * H::BLOCK_BYTES,
                POISON,
                Fault::WriteAfterFree,
            );
        }
    }

    /// Notes that `bytes` bytes of a chunk of `n` blocks are in use, and fills the rest with the
    /// canary.
    ///
    /// The first word of an object that may have a finaliser is in use, however few bytes it has.
    pub(super) fn set_slack(
        self,
        area: Area<H>,
        head: BlockIndex,
        n: BlockCount,
        bytes: usize,
        may_have_finaliser: bool,
    ) {
        if H::HARDENED {
            let first_word = if H::FINALISER && may_have_finaliser {
                size_of::<usize>()
            } else {
                0
            };
            let bytes = bytes.max(first_word);
            let slack = n.0 * H::BLOCK_BYTES - bytes;
            // SAFETY: the slack is part of the chunk, and nobody uses it (`blocks_for` leaves at
            // least GUARD bytes, and less than a block more); the byte is the table's.
            unsafe {
                area.address(head).add(bytes).write_bytes(CANARY, slack);
                area.slack_byte(head).write((slack - GUARD) as u8);
            }
        }
    }

    /// Updates the slack of a chunk that now has `n` blocks and was resized from `bytes.start` to
    /// `bytes.end` bytes. Clears the bytes gained.
    pub(super) fn resize_slack(
        self,
        area: Area<H>,
        head: BlockIndex,
        n: BlockCount,
        bytes: Range<usize>,
    ) {
        let gained = bytes.end.saturating_sub(bytes.start);
        // SAFETY: the chunk has n blocks, in which both ends lie.
        unsafe { area.address(head).add(bytes.start).write_bytes(0, gained) }
        self.set_slack(area, head, n, bytes.end, area.has_finaliser(head));
    }

    /// Reports a fault if the slack of a chunk has been written to.
    pub(super) fn expect_slack(self, area: Area<H>, head: BlockIndex) {
        if H::HARDENED {
            let end = area.address(head + area.chunk_len(head));
            let slack = area.slack(head);
            self.expect_filled(end.wrapping_sub(slack), slack, CANARY, Fault::Overrun);
        }
    }

    fn expect_filled(self, start: *const u8, bytes: usize, fill: u8, fault: Fault) {
        for i in 0..bytes {
            let byte = start.wrapping_add(i);
            // SAFETY: the bytes lie in the pool (the callers take them from blocks).
            if unsafe { byte.read() } != fill {
                self.host().fault(fault, byte);
            }
        }
    }

    /// The area and the head of a chunk that a caller passes. Reports a fault if there is none.
    pub(super) fn expect_chunk(self, chunk: *mut u8) -> (Area<H>, BlockIndex) {
        match self.find_chunk(chunk) {
            Ok(found) => found,
            Err(fault) => self.host().fault(fault, chunk),
        }
    }

    /// Checks whether `chunk` can be freed or resized. Any address may be passed.
    ///
    /// # Errors
    ///
    /// The fault that [`Self::free`] would report.
    pub fn expect_live(self, chunk: *const u8) -> Result<(), Fault> {
        self.find_chunk(chunk).map(|_| ())
    }

    fn find_chunk(self, chunk: *const u8) -> Result<(Area<H>, BlockIndex), Fault> {
        let area = Area::all(self.host()).find(|area| area.holds(chunk.addr()));
        let area = area.ok_or(Fault::Foreign)?;
        let head = area.block_at(chunk.addr()).ok_or(Fault::Inner)?;
        match area.table().kind(head) {
            BlockKind::Head => Ok((area, head)),
            BlockKind::Mark if self.is_collecting() => Ok((area, head)),
            BlockKind::Mark => Err(Fault::BrokenTable),
            BlockKind::Tail => Err(Fault::Inner),
            BlockKind::Free => Err(Fault::DoubleFree),
        }
    }

    /// Reports a fault if the tables or the slack of a chunk are damaged. Before a collection.
    pub(super) fn expect_whole(self) {
        if !H::HARDENED {
            return;
        }
        if let Err(broken) = self.check_tables() {
            let area = Area::all(self.host()).nth(broken.area);
            let at = area.map_or(core::ptr::null_mut(), |area| {
                area.address(broken.block.unwrap_or_default())
            });
            self.host().fault(Fault::BrokenTable, at);
        }
        for area in Area::all(self.host()) {
            let mut block = BlockIndex(0);
            while block < area.end() {
                block = block + area.table().free_from(block, area.blocks());
                if block < area.end() {
                    self.expect_slack(area, block);
                    block = block + area.chunk_len(block);
                }
            }
        }
    }

    /// The chunk that `address` lies in, and its length in bytes.
    pub fn chunk_around(self, address: *const u8) -> Option<(NonNull<u8>, usize)> {
        let area = Area::all(self.host()).find(|area| area.holds(address.addr()))?;
        let offset = address.addr() - area.pool().addr();
        let mut head = BlockIndex(offset / H::BLOCK_BYTES);
        while area.table().kind(head) == BlockKind::Tail && head > BlockIndex(0) {
            head = head - BlockCount(1);
        }
        if !matches!(area.table().kind(head), BlockKind::Head | BlockKind::Mark) {
            return None;
        }
        let bytes = area.chunk_len(head).0 * H::BLOCK_BYTES;
        Some((NonNull::new(area.address(head))?, bytes))
    }
}
