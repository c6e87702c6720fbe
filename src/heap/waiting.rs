//! The marked objects that wait to be read, and which of them is next.
//!
//! ```text
//!   first child ----------------------------------------------------> next
//!   other children                                                      ^
//!       |        nothing else waits                                     |
//!       v   .-----------------------------------------------------------+
//!     stack ----> ring: entries whose memory is on its way to the cache |
//!       | full                                                          |
//!       v                     nothing waits at all                      |
//!     aside ------------------------------------------------------------'
//!       | taken
//!       v
//!     the tables
//! ```
//!
//! A chain of objects goes by the register of the first child alone: its time is that of its loads.
//! A program that puts items together mostly names the item first and the rest of the chain last,
//! so the items are read one by one, and of the chain one object waits; and a child that was made
//! right after its parent lies right behind it. Where the chain comes first, its items fill the
//! stack; then the chain is set aside until they have been read.
//!
//! Where several wait, and the heap is larger than a cache, an entry goes through a short ring
//! first. Its memory is asked for as it enters, and has come by the time it leaves.

use super::Heap;
use super::alloc_table::PLAIN;
use super::area::{Area, View};
use super::block::BlockIndex;
use super::host::{Host, StackEntry};

/// A marked object, or none.
pub(super) struct Found<H: Host> {
    /// Its area.
    pub area: Area<H>,
    /// Its first byte; null for none.
    pub address: *mut u8,
}

impl<H: Host> Clone for Found<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Host> Copy for Found<H> {}

impl<H: Host> Found<H> {
    /// None; the area is any.
    #[inline(always)]
    pub(super) fn none(area: Area<H>) -> Self {
        Found {
            area,
            address: core::ptr::null_mut(),
        }
    }
}

/// Entries of the ring: a memory access takes as long as so many objects.
const RING: usize = 16;
/// A heap of fewer bytes, 16 MB, is in a cache anyway. The heaps of tests are small, and use the
/// ring from 4 KB on.
pub(super) const LARGE_HEAP: usize = if cfg!(any(test, feature = "testing")) {
    0x1000
} else {
    0x100_0000
};

/// Objects whose memory has been asked for. Apart from [`Waiting`], which is to live in registers.
pub(super) struct Ring {
    /// Their addresses, or null.
    places: [*mut u8; RING],
    /// The place that is next.
    at: usize,
    /// How many there are.
    len: usize,
}

impl Ring {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Ring {
            places: [core::ptr::null_mut(); RING],
            at: 0,
            len: 0,
        }
    }
}

/// Whether a heap is large enough for the ring.
#[inline(always)]
pub(super) fn fetches<H: Host>(first: View<H>) -> bool {
    // Small processors have no cache that is worth it; entries of a split heap would need their
    // areas.
    size_of::<usize>() == 8 && !H::SPLIT && first.table.blocks().0 >= LARGE_HEAP / H::BLOCK_BYTES
}

/// The objects that wait, but for those in the ring and in the tables. With `FETCH` the ring is
/// used.
pub(super) struct Waiting<H: Host, const FETCH: bool> {
    heap: Heap<H>,
    first: View<H>,
    /// Entries on the stack.
    depth: usize,
}

impl<H: Host, const FETCH: bool> Waiting<H, FETCH> {
    #[inline(always)]
    pub(super) fn new(heap: Heap<H>, first: View<H>) -> Self {
        Waiting {
            heap,
            first,
            depth: 0,
        }
    }

    /// Puts an object on the stack. Says whether there was room.
    #[inline(always)]
    pub(super) fn push(&mut self, found: Found<H>) -> bool {
        let pool = if H::SPLIT {
            found.area.view().pool
        } else {
            self.first.pool
        };
        let block = (found.address.addr() - pool.addr()) >> Area::<H>::BLOCK_SHIFT;
        match H::Entry::from_block(block) {
            Some(entry) if self.depth < H::STACK_ENTRIES => {
                // SAFETY: depth < STACK_ENTRIES, and while marking the memory is the stack's.
                unsafe {
                    self.heap.host().stack().add(self.depth).write(entry);
                    if H::SPLIT {
                        let areas = self.heap.host().area_stack();
                        areas.add(self.depth).write(found.area.fields());
                    }
                }
                self.depth += 1;
                true
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn pop(&mut self) -> Found<H> {
        if self.depth == 0 {
            return if PLAIN {
                Found::none(self.first.area)
            } else {
                self.heap.take_aside(self.first.area)
            };
        }
        self.depth -= 1;
        // SAFETY: `push` has written the entry.
        let block = unsafe { self.heap.host().stack().add(self.depth).read() }.block();
        if !H::SPLIT {
            return Found {
                area: self.first.area,
                address: self.first.pool.wrapping_add(block * H::BLOCK_BYTES),
            };
        }
        // SAFETY: likewise.
        let area = unsafe { self.heap.host().area_stack().add(self.depth).read() };
        let area = Area::from_fields(area).unwrap_or_else(|| Area::first(self.heap.host()));
        Found {
            area,
            address: area.address(BlockIndex(block)),
        }
    }

    /// The object to be read next, or none, given the first child of the last one.
    #[inline(always)]
    pub(super) fn next(&mut self, ring: &mut Ring, first: Found<H>) -> Found<H> {
        if FETCH && (self.depth | ring.len) != 0 {
            return self.next_fetched(ring, first);
        }
        if first.address.is_null() {
            return self.pop();
        }
        first
    }

    /// The object that has been in the ring for longest.
    #[inline(always)]
    fn next_fetched(&mut self, ring: &mut Ring, first: Found<H>) -> Found<H> {
        let mut entering = first.address;
        loop {
            if entering.is_null() {
                entering = self.pop().address;
            }
            if !entering.is_null() {
                fetch(entering);
                ring.len += 1;
            } else if ring.len == 0 {
                return Found::none(self.first.area);
            }
            let place = &mut ring.places[ring.at % RING];
            let address = core::mem::replace(place, entering);
            ring.at += 1;
            if !address.is_null() {
                ring.len -= 1;
                return Found {
                    area: self.first.area,
                    address,
                };
            }
            entering = core::ptr::null_mut();
        }
    }
}

impl<H: Host> Heap<H> {
    /// The stack is full: sets `next` aside, which was to be read next, and returns `found` to be
    /// read in its place. Where something was set aside already, `found` waits in the tables.
    #[cold]
    #[inline(never)]
    pub(super) fn set_aside(self, next: Found<H>, found: Found<H>) -> Found<H> {
        let block_of = |object: Found<H>| {
            let offset = object.address.addr() - object.area.pool().addr();
            BlockIndex(offset >> Area::<H>::BLOCK_SHIFT)
        };
        if PLAIN || self.search().aside().is_some() {
            self.defer(found.area, block_of(found));
            return next;
        }
        self.search().set_aside(Some((next.area, block_of(next))));
        found
    }

    /// The object that was set aside, or none, with an area that is any.
    #[inline(always)]
    fn take_aside(self, any: Area<H>) -> Found<H> {
        let Some((area, block)) = self.search().aside() else {
            return Found::none(any);
        };
        self.search().set_aside(None);
        Found {
            area,
            address: area.address(block),
        }
    }
}

/// Asks for the memory at an address, and does not wait for it.
#[inline(always)]
pub(super) fn fetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that faults nowhere.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast())
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(readonly, nostack, preserves_flags))
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}
