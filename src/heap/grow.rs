//! Areas: the first one, further ones, and those that the heap adds by itself.

use core::ptr::NonNull;

use super::Heap;
use super::area::Area;
use super::fault::Fault;
use super::harden::with_guard;
#[cfg(doc)]
use super::host::{Callbacks, Config};
use super::host::{Event, Host};
use super::layout::{BLOCKS_PER_BIT_BYTE, BLOCKS_PER_TABLE_BYTE, GAP_BYTES, Layout, Tables};

impl<H: Host> Heap<H> {
    /// Makes a heap of the bytes `start .. end`. A partial block at the end is left unused.
    ///
    /// A region that is too small for a block makes a heap that is always full. A region that is
    /// empty or ends before it starts, for which the C has undefined behaviour, is a fault.
    ///
    /// Mirrors `gc_init` (py/gc.c).
    ///
    /// # Safety
    ///
    /// The region must be valid for reads and writes, and from now on only the heap may use it. No
    /// chunk of an earlier heap may be used any more.
    pub unsafe fn init(self, start: *mut u8, end: *mut u8) {
        let host = self.host();
        let end = block_end::<H>(end);
        if H::VERBOSE {
            host.log(Event::Init { start, end });
        }
        // SAFETY: the host's fields are valid (its promise), the region is (the caller's).
        unsafe {
            let area = Area::set_up(NonNull::new_unchecked(host.first_area()), host, start, end);
            if H::POOL_BOUNDS {
                let [min, max] = host.pool_bounds();
                min.write(area.pool());
                max.write(end);
            }
            host.collects().write(0);
            host.auto_collect().write(1);
            if H::THRESHOLD {
                host.alloc_threshold().write(usize::MAX);
            }
            if H::THRESHOLD || H::STATS {
                host.alloc_amount().write(0);
            }
        }
        self.stats_begin();
        self.set_lock_word(0);
        self.begin_pace();
        self.search().forget();
        host.init_mutex();
    }

    /// Adds the bytes `start .. end` as the last area of the heap. The area's own fields are kept
    /// at `start`.
    ///
    /// Mirrors `gc_add` (py/gc.c).
    ///
    /// # Safety
    ///
    /// As for [`Self::init`]; `start` must be aligned for pointers.
    pub unsafe fn add(self, start: *mut u8, end: *mut u8) {
        let host = self.host();
        let fields = start.cast::<H::Area>();
        let start = start.wrapping_add(size_of::<H::Area>());
        let end = block_end::<H>(end);
        if H::VERBOSE {
            host.log(Event::Add { start, end });
        }
        let Some(fields) = NonNull::new(fields) else {
            host.fault(Fault::NoRoom, start);
        };
        // SAFETY: the caller says that the region is valid and the heap's alone.
        let area = unsafe { Area::set_up(fields, host, start, end) };
        if H::POOL_BOUNDS {
            let [min, max] = host.pool_bounds();
            // SAFETY: the words are the heap's (a promise of Host).
            unsafe {
                min.write(min.read().min(area.pool()));
                max.write(max.read().max(end));
            }
        }
        if let Some(last) = Area::all(host).last() {
            last.set_next(Some(area));
        }
        // the borders of segments have moved
        self.search().forget();
        self.keep_pace();
    }

    /// Forgets all areas. Until the next [`Self::init`] allocations fail. With
    /// [`Config::MAY_BE_ABSENT`].
    ///
    /// Mirrors `gc_deinit` (py/gc.c of CircuitPython), after everything was swept.
    pub fn forget_areas(self) {
        // SAFETY: the first area is a field of the host's, whose fields are pointers and numbers.
        unsafe { self.host().first_area().write_bytes(0, 1) }
        self.search().forget();
    }

    /// Whether the heap is initialised.
    ///
    /// Mirrors `gc_alloc_possible` (py/gc.c of CircuitPython).
    pub fn is_made(self) -> bool {
        !Area::first(self.host()).pool().is_null()
    }

    /// Calls [`Callbacks::absent`] if the heap was never initialised, where several areas are
    /// possible: CircuitPython's heap does so in this case.
    #[cold]
    pub(super) fn expect_known(self) {
        // SAFETY: a field of the host's (its promise).
        if H::SPLIT && unsafe { self.host().last_free_area().read().is_null() } {
            self.host().absent()
        }
    }

    /// Whether an address lies in the pool of any area.
    ///
    /// Mirrors `gc_ptr_on_heap` (py/gc.c of CircuitPython).
    pub fn holds(self, address: usize) -> bool {
        Area::all(self.host()).any(|area| area.holds(address))
    }

    /// Adds an area in which `bytes` bytes can be allocated, if the host can provide it. The area
    /// is as large as the heap, or as large as the request needs if that is more, or as large as
    /// the host allows.
    ///
    /// Mirrors `gc_try_add_heap` (py/gc.c).
    pub(super) fn try_add_area(self, bytes: usize) -> bool {
        let host = self.host();
        let bytes = with_guard::<H>(bytes);
        let needed = if H::GROW_BY_BLOCKS {
            bytes_for_blocks::<H>(bytes.div_ceil(H::BLOCK_BYTES))
        } else {
            bytes_with_tables(bytes)
        };
        let needed = with_slack_table::<H>(needed);
        let available = host.max_new_area();
        if available < needed {
            return false;
        }
        let as_many = with_slack_table::<H>(self.bytes_to_double());
        let region_bytes = available.min(as_many.max(needed));
        let region = host.get_region(region_bytes);
        if region.is_null() {
            return false;
        }
        host.enter();
        // SAFETY: the host has just given us the region.
        unsafe { self.add(region, region.wrapping_add(region_bytes)) };
        host.exit();
        true
    }

    /// The bytes of an area that doubles the heap: one with as many blocks, or in 1.21 one as large
    /// as the regions of all areas.
    fn bytes_to_double(self) -> usize {
        if H::GROW_BY_REGIONS {
            return Area::all(self.host())
                .map(|area| area.region_bytes() + GAP_BYTES + size_of::<H::Area>())
                .sum();
        }
        let blocks: usize = Area::all(self.host()).map(|area| area.blocks().0).sum();
        if H::GROW_BY_BLOCKS {
            return bytes_for_blocks::<H>(blocks);
        }
        let bit_tables = Tables::of::<H>().bit_tables();
        let bit_bytes = blocks / BLOCKS_PER_BIT_BYTE * bit_tables;
        let tables = blocks / BLOCKS_PER_TABLE_BYTE + bit_bytes + GAP_BYTES;
        (tables + blocks * H::BLOCK_BYTES + size_of::<H::Area>()).next_multiple_of(H::BLOCK_BYTES)
    }
}

/// The bytes of an area of `blocks` blocks, with its fields, its tables, and a block that rounding
/// the end down may take.
///
/// Mirrors `compute_heap_size` (py/gc.c of CircuitPython). Differs: a sum that would wrap is the
/// largest number.
pub(super) fn bytes_for_blocks<H: Host>(blocks: usize) -> usize {
    let table_bytes = blocks.div_ceil(BLOCKS_PER_TABLE_BYTE);
    let blocks = table_bytes * BLOCKS_PER_TABLE_BYTE;
    let bit_bytes = blocks.div_ceil(BLOCKS_PER_BIT_BYTE) * Tables::of::<H>().bit_tables();
    let around = size_of::<H::Area>() + table_bytes + GAP_BYTES + bit_bytes + H::BLOCK_BYTES;
    blocks
        .saturating_mul(H::BLOCK_BYTES)
        .saturating_add(around)
        .checked_next_multiple_of(H::BLOCK_BYTES)
        .unwrap_or(usize::MAX)
}

/// The bytes of an area in which `bytes` bytes can be allocated: it adds 13 bytes for each 512, at
/// least 2 KiB, which is a little more than the tables need. Differs from the C: a sum that would
/// wrap is the largest number.
pub(super) const fn bytes_with_tables(bytes: usize) -> usize {
    // `bytes * 13 / 512`, without the product that can wrap
    let tables = bytes / 512 * 13 + bytes % 512 * 13 / 512;
    let more = if tables > 2048 { tables } else { 2048 };
    bytes.saturating_add(more)
}

/// What a hardened heap requests where the C requests `bytes`: the same number of blocks, and a
/// byte of slack table for each. Other heaps request what the C does.
fn with_slack_table<H: Host>(bytes: usize) -> usize {
    if !H::HARDENED {
        return bytes;
    }
    let total = (bytes & !(H::BLOCK_BYTES - 1)).saturating_sub(size_of::<H::Area>());
    let plain = Tables {
        slack: false,
        ..Tables::of::<H>()
    };
    let blocks = Layout::new(total, H::BLOCK_BYTES, plain).map_or(0, |plain| plain.blocks().0);
    bytes.saturating_add(blocks.next_multiple_of(size_of::<usize>()))
}

fn block_end<H: Host>(end: *mut u8) -> *mut u8 {
    end.map_addr(|end| end & !(H::BLOCK_BYTES - 1))
}
