//! The marked objects that wait to be read, and which of them is next.
//!
//! ```text
//!                      nothing else waits
//!   the newest child ----------------------------------------------> next
//!       | there is a newer one                                         ^
//!       v                                                              |
//!     stack ----> ring: entries whose memory is on its way to the cache
//! ```
//!
//! A chain of objects goes by the register of the newest child alone: its time is that of its loads. Where
//! several wait, and the heap is larger than a cache, an entry goes through a short ring first. Its memory is
//! asked for as it enters, and has come by the time it leaves.

use super::Heap;
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
/// A heap of fewer bytes is in a cache anyway. The heaps of tests are small, and use the ring too.
const LARGE_HEAP: usize = if cfg!(any(test, feature = "testing")) {
    4 << 10
} else {
    16 << 20
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
    // Small processors have no cache that is worth it; entries of a split heap would need their areas.
    size_of::<usize>() == 8 && !H::SPLIT && first.table.blocks().0 >= LARGE_HEAP / H::BLOCK_BYTES
}

/// The objects that wait, but for those in the ring and in the tables. With `FETCH` the ring is used.
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

    /// Puts an object on the stack, or in the tables if that is full.
    #[inline(always)]
    pub(super) fn push(&mut self, found: Found<H>) {
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
            }
            _ => self.heap.defer(found.area, BlockIndex(block)),
        }
    }

    #[inline(always)]
    fn pop(&mut self) -> Found<H> {
        if self.depth == 0 {
            return Found::none(self.first.area);
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

    /// The object to be read next, or none, given the newest child of the last one.
    #[inline(always)]
    pub(super) fn next(&mut self, ring: &mut Ring, newest: Found<H>) -> Found<H> {
        if FETCH && (self.depth | ring.len) != 0 {
            return self.next_fetched(ring, newest);
        }
        if newest.address.is_null() {
            return self.pop();
        }
        newest
    }

    /// The object that has been in the ring for longest.
    #[inline(always)]
    fn next_fetched(&mut self, ring: &mut Ring, newest: Found<H>) -> Found<H> {
        let mut entering = newest.address;
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

/// Asks for the memory at an address, and does not wait for it.
#[inline(always)]
fn fetch(address: *const u8) {
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
