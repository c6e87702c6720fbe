//! Allocating and freeing chunks.
//!
//! Each function follows the C step by step and releases the mutex at the same places. Only the
//! search for blocks and the writes to the table differ.

#[cfg(doc)]
use super::host::Config;
use core::ptr;

use super::Heap;
use super::alloc_table::{PLAIN, SMALL};
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::fault::Fault;
use super::host::{Event, Host};
use super::stats::Reason;

/// A flag of [`Heap::alloc`]: the chunk may have a finaliser (`GC_ALLOC_FLAG_HAS_FINALISER`).
pub const HAS_FINALISER: u32 = 1;
/// A flag of [`Heap::alloc`], with [`Config::SELECTIVE_COLLECT`]: the chunk holds no pointers, so a
/// collection marks it and does not read it (`GC_ALLOC_FLAG_DO_NOT_COLLECT`).
pub const UNREAD: u32 = 2;

impl<H: Host> Heap<H> {
    /// Allocates a chunk of at least `bytes` bytes from the lowest free run that is long enough.
    ///
    /// Returns null if `bytes` is 0, if the heap is locked, and if no run is long enough even after
    /// a collection (none is made if automatic collections are off). Bytes beyond those requested
    /// are zero; with [`Config::CONSERVATIVE_CLEAR`] all are. With [`HAS_FINALISER`] the first word
    /// is zero.
    ///
    /// Mirrors `gc_alloc` (py/gc.c). Differs: the mutex is taken again between adding an area and
    /// repeating the search.
    pub fn alloc(self, bytes: usize, flags: u32) -> *mut u8 {
        let Some(n) = self.enter_for(bytes) else {
            return ptr::null_mut();
        };
        let collect_first = H::THRESHOLD && self.threshold_reached();
        let first = if SMALL || collect_first {
            None
        } else {
            self.search().take_first(n)
        };
        if PLAIN {
            // one copy of `hand_out`
            return match first.or_else(|| self.find(n, bytes)) {
                Some((area, block)) => self.hand_out(area, block, n, bytes, flags),
                None => ptr::null_mut(),
            };
        }
        match first {
            Some((area, block)) => self.hand_out(area, block, n, bytes, flags),
            None => self.search_and_hand_out(n, bytes, flags),
        }
    }

    /// The rest of [`Self::alloc`], entered with the mutex, if the blocks at the hint are not free.
    #[cfg_attr(not(feature = "small"), inline(never))]
    fn search_and_hand_out(self, n: BlockCount, bytes: usize, flags: u32) -> *mut u8 {
        // if only the blocks matter, the caller need not keep `bytes`
        let counts = !H::CONSERVATIVE_CLEAR || H::SPLIT_AUTO || H::VERBOSE || H::HARDENED;
        let bytes = if counts { bytes } else { 0 };
        match self.find(n, bytes) {
            Some((area, block)) => self.hand_out(area, block, n, bytes, flags),
            None => ptr::null_mut(),
        }
    }

    /// Finds and takes the blocks of [`Self::alloc`]. If there are none, it collects once and then
    /// grows the heap if that is possible. Entered with the mutex, which it keeps unless it fails.
    ///
    /// A collection by threshold counts as the one collection.
    #[cfg_attr(mpgc_bare, inline(never))]
    #[cfg_attr(not(mpgc_bare), inline(always))]
    fn find(self, n: BlockCount, bytes: usize) -> Option<(Area<H>, BlockIndex)> {
        let host = self.host();
        let collect = |reason| {
            self.stats_reason(reason);
            host.exit();
            host.collect();
            host.enter();
        };
        let mut may_collect = self.auto_collects();
        let mut may_add = H::SPLIT_AUTO;
        if H::THRESHOLD && may_collect && self.threshold_reached() && !(H::PACES && self.can_wait())
        {
            collect(Reason::Threshold);
            may_collect = false;
        }
        if H::WHEN_FULL != u16::MAX {
            may_collect &= self.collects_when_full();
        }
        loop {
            // not `is_some`, for which a Cortex-M3 keeps a flag beside the value with `size`
            if let Some(found) = self.search().take(n) {
                return Some(found);
            }
            if may_collect {
                if H::VERBOSE {
                    host.log(Event::AllocCollects { bytes });
                }
                collect(Reason::Full);
                may_collect = false;
                continue;
            }
            if may_add {
                may_add = false;
                host.exit();
                let added = self.try_add_area(bytes);
                host.enter();
                if added {
                    continue;
                }
            }
            self.stats_failed(n);
            host.exit();
            if H::REPORTS_FULL {
                host.full();
            }
            return None;
        }
    }

    /// [`Self::alloc`] for cold callers, which share one copy.
    #[cfg_attr(not(any(feature = "small", mpgc_bare)), inline(never))]
    pub(super) fn alloc_again(self, bytes: usize, flags: u32) -> *mut u8 {
        if PLAIN {
            // SAFETY: the caller of `Heap::new` promised that this is a heap.
            return unsafe { self.host().alloc(bytes, flags) };
        }
        match self.enter_for(bytes) {
            Some(n) => self.search_and_hand_out(n, bytes, flags),
            None => ptr::null_mut(),
        }
    }

    /// Enters the heap for a chunk of `bytes` bytes, and returns its number of blocks. Returns
    /// `None`, and does not enter, if the request must fail.
    fn enter_for(self, bytes: usize) -> Option<BlockCount> {
        let n = self.blocks_for(bytes);
        if H::VERBOSE {
            self.host().log(Event::AllocRequest { bytes, blocks: n });
        }
        if n == BlockCount(0) || self.lock_word() != 0 {
            self.stats_failed_bytes(bytes);
            return None;
        }
        if H::MAY_BE_ABSENT && !self.is_made() {
            self.expect_known();
            return None;
        }
        self.host().enter();
        Some(n)
    }

    /// Frees a chunk without running its finaliser. `chunk` may be null.
    ///
    /// Does nothing while the heap is locked; the next collection may free the chunk. A running
    /// collection does not count as a lock here, so a finaliser may free.
    ///
    /// Mirrors `gc_free` (py/gc.c); its asserts are debug checks here.
    ///
    /// # Safety
    ///
    /// `chunk` is null, or a chunk of this heap that is not used afterwards.
    pub unsafe fn free(self, chunk: *mut u8) {
        let lock = self.lock_word();
        if H::STATS && lock != 0 {
            // apart: so the usual path need not ask again, and what that saves pays for counting
            // SAFETY: by this function's contract.
            return unsafe { self.free_while_locked(chunk, lock) };
        }
        if lock & !Self::COLLECTING != 0 {
            return;
        }
        // SAFETY: by this function's contract.
        unsafe { self.free_now(chunk, !H::STATS && Self::tells_collecting(lock)) }
    }

    /// [`Self::free`] where this thread holds locks, or collects.
    ///
    /// # Safety
    ///
    /// As for [`Self::free`].
    #[cold]
    #[inline(never)]
    unsafe fn free_while_locked(self, chunk: *mut u8, lock: u16) {
        if lock & !Self::COLLECTING == 0 {
            // SAFETY: by this function's contract.
            unsafe { self.free_now(chunk, true) }
        }
    }

    /// Frees a chunk, or null. The lock has been looked at; only this thread changes it. Inlined,
    /// for with figures the rare call in [`Self::free_while_locked`] made the usual one a call too.
    ///
    /// # Safety
    ///
    /// As for [`Self::free`].
    #[inline(always)]
    unsafe fn free_now(self, chunk: *mut u8, collecting: bool) {
        let host = self.host();
        host.enter();
        if H::VERBOSE {
            host.log(Event::Free(chunk));
        }
        if !chunk.is_null() {
            if H::MAY_BE_ABSENT && !H::SPLIT && !self.is_made() {
                host.absent()
            }
            let (area, head) = self.locate(chunk);
            debug_assert!(match area.table().kind(head) {
                BlockKind::Head => true,
                BlockKind::Mark => collecting,
                _ => false,
            });
            if H::FINALISER {
                area.finalisers().clear(head);
            }
            debug_assert!(
                !H::WEAKREF || !area.weakrefs().get(head),
                "a chunk with a weak reference to it can only be freed by a collection"
            );
            self.expect_slack(area, head);
            self.stats_free();
            if H::STATS && collecting && area.table().kind(head) == BlockKind::Mark {
                self.stats_lives_not(area.chunk_len(head));
            }
            match area.table().chunk_to_free(head) {
                Some(n) => self.freed(area, head, n, collecting),
                None => self.free_over_words(area, head, collecting),
            }
        }
        host.exit();
        if H::PROFILE && !chunk.is_null() {
            host.changed();
        }
    }

    /// Frees a chunk that extends into another word of the table.
    #[cfg_attr(not(feature = "small"), inline(never))]
    fn free_over_words(self, area: Area<H>, head: BlockIndex, collecting: bool) {
        self.free_blocks(area, head, area.chunk_len(head), collecting);
    }

    /// Frees blocks of a chunk: all of them, or those at its end.
    #[cfg_attr(mpgc_bare, inline(never))]
    #[cfg_attr(not(mpgc_bare), inline(always))]
    pub(super) fn free_blocks(
        self,
        area: Area<H>,
        at: BlockIndex,
        n: BlockCount,
        collecting: bool,
    ) {
        if SMALL {
            area.table().end_to_free_small(at);
        } else {
            area.table().any_to_free(at, n);
        }
        self.freed(area, at, n, collecting);
    }

    /// Updates the hints after blocks were freed.
    #[inline(always)]
    fn freed(self, area: Area<H>, at: BlockIndex, n: BlockCount, collecting: bool) {
        self.stats_given_back(n);
        area.poison(at, n);
        // a collection forgets all hints when it ends, and may use their memory now; the plain hint
        // is 0 then, and stays so
        debug_assert!(!(PLAIN && collecting) || area.hint() == 0);
        if PLAIN || !collecting {
            self.search().freed(area, at, n);
        }
    }

    /// Notes that there is a weak reference to the object at `chunk`. With [`Config::WEAKREF`]
    /// only.
    ///
    /// Mirrors `gc_weakref_mark` (py/gc.c), which takes no mutex.
    ///
    /// # Safety
    ///
    /// `chunk` is a chunk of this heap.
    pub unsafe fn mark_weakref(self, chunk: *mut u8) {
        let (area, head) = self.locate(chunk);
        debug_assert_eq!(area.table().kind(head), BlockKind::Head);
        area.weakrefs().set(head);
    }

    /// The bytes of the chunk that starts at `address`; 0 for any other address. In a hardened
    /// heap, the bytes that were requested.
    ///
    /// Mirrors `gc_nbytes` (py/gc.c).
    pub fn chunk_bytes(self, address: *const u8) -> usize {
        let host = self.host();
        host.enter();
        let found = Area::all(host)
            .find_map(|area| area.block_at(address.addr()).map(|block| (area, block)));
        let bytes = match found {
            Some((area, block)) if area.table().is_head(block) => {
                area.chunk_len(block).0 * H::BLOCK_BYTES - area.slack(block)
            }
            _ => 0,
        };
        host.exit();
        bytes
    }

    /// The area and the block of a chunk that a caller passes.
    ///
    /// As in C without asserts it trusts the caller: an address outside all areas is taken for one
    /// of the first. A hardened build checks.
    pub(super) fn locate(self, chunk: *mut u8) -> (Area<H>, BlockIndex) {
        let host = self.host();
        if H::HARDENED {
            self.expect_chunk(chunk)
        } else if H::SPLIT {
            let found = Area::all(host)
                .find_map(|area| area.block_at(chunk.addr()).map(|block| (area, block)));
            debug_assert!(found.is_some(), "not a chunk of the heap");
            match found {
                Some(found) => found,
                None => host.fault(Fault::Foreign, chunk),
            }
        } else {
            let area = Area::first(host);
            debug_assert!(
                area.block_at(chunk.addr()).is_some(),
                "not a chunk of the heap"
            );
            let offset = chunk.addr().wrapping_sub(area.pool().addr());
            (area, BlockIndex(offset >> Area::<H>::BLOCK_SHIFT))
        }
    }

    fn threshold_reached(self) -> bool {
        let host = self.host();
        // SAFETY: both counters are the heap's (a promise of Host); C code may set the threshold
        // between calls.
        self.auto_collects() && unsafe { *host.alloc_amount() >= *host.alloc_threshold() }
    }

    fn auto_collects(self) -> bool {
        // SAFETY: the switch is valid (a promise of Host); C code may set it between calls.
        unsafe { *self.host().auto_collect() != 0 }
    }

    fn collects_when_full(self) -> bool {
        // SAFETY: as in `auto_collects`.
        unsafe { *self.host().auto_collect() & H::WHEN_FULL != 0 }
    }
}
