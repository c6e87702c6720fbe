//! The marked objects that wait to be read, and the order in which they are.
//!
//! ```text
//!   first child ----------------------------------------------------> next
//!   other children                                                      ^
//!       |        nothing else waits                                     |
//!       v   .-----------------------------------------------------------+
//!     stack ----> prefetch ring: their memory is on its way to a cache  |
//!       | full                                                          |
//!       v                     nothing waits at all                      |
//!     aside ------------------------------------------------------------'
//!       | taken
//!       v
//!     the tables
//! ```
//!
//! A chain of objects uses only the register of the first child, so that it takes as long as its
//! loads. A list cell usually holds the item first and the rest of the chain last: then the items
//! are read one by one, while one object of the chain waits. Also, a child that was allocated right
//! after its parent lies right behind it. If the chain comes first, its items fill the stack; then
//! the chain is set aside until they have been read.
//!
//! If several objects wait, and the heap is larger than a cache, each goes through a short ring of
//! prefetches. Its memory is prefetched when it enters, and has arrived when it leaves.

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
    /// No object, with an arbitrary area.
    pub(super) fn none(area: Area<H>) -> Self {
        Found {
            area,
            address: core::ptr::null_mut(),
        }
    }
}

/// Entries of the prefetch ring: about as many objects as are read during one memory access.
const PREFETCHED: usize = 16;
/// The size from which a heap uses the prefetch ring, 16 MB: smaller ones fit into a cache. The
/// heaps of tests are small, and use it from 4 KB on.
pub(super) const LARGE_HEAP: usize = if cfg!(any(test, feature = "testing")) {
    0x1000
} else {
    0x100_0000
};

/// Objects whose memory is being prefetched. Separate from [`Waiting`], which should stay in
/// registers.
pub(super) struct Prefetch {
    /// Their addresses, or null.
    places: [*mut u8; PREFETCHED],
    /// The next place.
    at: usize,
    /// How many there are.
    len: usize,
}

impl Prefetch {
    pub(super) fn new() -> Self {
        Prefetch {
            places: [core::ptr::null_mut(); PREFETCHED],
            at: 0,
            len: 0,
        }
    }
}

/// Whether a heap is large enough to prefetch.
pub(super) fn fetches<H: Host>(first: View<H>) -> bool {
    // 32-bit processors have no cache for which it pays; in a split heap an entry would need its
    // area too.
    size_of::<usize>() == 8 && !H::SPLIT && first.table.blocks().0 >= LARGE_HEAP / H::BLOCK_BYTES
}

/// The objects that wait, except for those in the prefetch ring and in the tables. `FETCH` tells
/// whether the ring is used.
pub(super) struct Waiting<H: Host, const FETCH: bool> {
    heap: Heap<H>,
    first: View<H>,
    /// Entries on the stack.
    depth: usize,
}

impl<H: Host, const FETCH: bool> Waiting<H, FETCH> {
    pub(super) fn new(heap: Heap<H>, first: View<H>) -> Self {
        Waiting {
            heap,
            first,
            depth: 0,
        }
    }

    /// Pushes an object on the stack. Returns false if the stack is full.
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

    /// The object to read next, or none. `first` is the first child of the last one.
    pub(super) fn next(&mut self, prefetch: &mut Prefetch, first: Found<H>) -> Found<H> {
        if FETCH && (self.depth | prefetch.len) != 0 {
            return self.next_fetched(prefetch, first);
        }
        if first.address.is_null() {
            return self.pop();
        }
        first
    }

    /// The object that has been in the prefetch ring longest.
    fn next_fetched(&mut self, prefetch: &mut Prefetch, first: Found<H>) -> Found<H> {
        let mut entering = first.address;
        loop {
            if entering.is_null() {
                entering = self.pop().address;
            }
            if !entering.is_null() {
                fetch(entering);
                prefetch.len += 1;
            } else if prefetch.len == 0 {
                return Found::none(self.first.area);
            }
            let place = &mut prefetch.places[prefetch.at % PREFETCHED];
            let address = core::mem::replace(place, entering);
            prefetch.at += 1;
            if !address.is_null() {
                prefetch.len -= 1;
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
    /// When the stack is full, sets aside `next`, which was to be read next, and returns `found` to
    /// be read in its place. If an object is set aside already, `found` waits in the tables.
    #[cold]
    #[inline(never)]
    pub(super) fn set_aside(self, next: Found<H>, found: Found<H>) -> Found<H> {
        let block_of = |object: Found<H>| {
            let offset = object.address.addr() - object.area.pool().addr();
            BlockIndex(offset >> Area::<H>::BLOCK_SHIFT)
        };
        self.stats_overflow();
        if PLAIN || self.search().aside().is_some() {
            self.defer(found.area, block_of(found));
            return next;
        }
        self.search().set_aside(Some((next.area, block_of(next))));
        found
    }

    /// The object that was set aside; none, with the area `any`, if there is none.
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

/// Prefetches the memory at an address.
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
        core::arch::asm!(
            "prfm pldl1keep, [{}]", in(reg) address, options(readonly, nostack, preserves_flags)
        )
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}
