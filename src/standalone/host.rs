//! The host of a C program's heap, whose state lies in memory of the caller.

use core::ffi::{c_int, c_void};
use core::mem::offset_of;

use super::heap::mpgc_heap;
use super::hooks::{Held, fault_code, mpgc_config, mpgc_error, stop, tell};
use super::roots::mpgc_roots;
use super::snapshot::Taker;
use super::thread::Barrier;
#[cfg(any(feature = "stats", test))]
use crate::heap::Stats;
use crate::heap::host::{Callbacks, Config, Memory, area_fields};
use crate::heap::{Fault, Heap, Hints, Pace, Paced};

/// An entry of the mark stack: half a word, which covers the first 65536 blocks (1 MiB) of an area
/// on a 32-bit machine. Objects beyond these wait in the tables.
#[cfg(target_pointer_width = "64")]
type Entry = u32;
#[cfg(target_pointer_width = "32")]
type Entry = u16;

/// Whether the heap counts what it does; in tests in any case.
const STATS: bool = cfg!(any(feature = "stats", test));

/// As many as a heap has words for. What is counted takes the place of entries.
const STACK_ENTRIES: usize = if STATS {
    24
} else if cfg!(target_pointer_width = "32") {
    61
} else {
    63
};

/// The most locks that `lock_depth` can count.
const MOST_LOCKS: u16 = u16::MAX / Heap::<Program>::LOCK_UNIT;

/// The bit of `auto_collect` that makes the heap collect at the threshold, even if it does not when
/// it is full.
pub(super) const BY_BYTES: u16 = 2;

area_fields! {
    /// The fields of an area.
    pub struct Fields {}
}

/// The contents of an [`mpgc_heap`].
#[repr(C)]
#[derive(Debug)]
pub(super) struct State {
    area: Fields,
    last_free_area: *mut Fields,
    hints: Hints<Fields>,
    alloc_amount: usize,
    alloc_threshold: usize,
    paced: Paced,
    collected: usize,
    collects: c_int,
    lock_depth: u16,
    auto_collect: u16,
    /// Locks beyond those that `lock_depth` can count.
    more_locks: usize,
    pub(super) roots: *mut mpgc_roots,
    /// While a snapshot is written: where the ranges go that are marked.
    taker: *mut Taker,
    pub(super) config: mpgc_config,
    stack: [Entry; STACK_ENTRIES],
    area_stack: [*mut Fields; STACK_ENTRIES],
    #[cfg(any(feature = "stats", test))]
    stats: Stats,
}

const _: () = {
    assert!(size_of::<State>() <= size_of::<mpgc_heap>());
    assert!(align_of::<State>() <= align_of::<mpgc_heap>());
};

/// The host, by its state in memory of the caller.
#[derive(Clone, Copy)]
pub(super) struct Program(*mut State);

macro_rules! of_state {
    ($this:ident, $field:ident) => {
        $this.0.wrapping_byte_add(offset_of!(State, $field)).cast()
    };
}

macro_rules! words {
    ($($field:ident: $type:ty),*) => { $(
        fn $field(self) -> *mut $type {
            of_state!(self, $field)
        }
    )* };
}

impl Program {
    pub(super) fn of(heap: *mut mpgc_heap) -> Program {
        Program(heap.cast())
    }

    pub(super) fn heap(self) -> Heap<Program> {
        // SAFETY: the memory is valid and a heap's, by the contract of every export.
        unsafe { Heap::new(self) }
    }

    /// The heap, as its callbacks receive it.
    pub(super) fn c_heap(self) -> *mut mpgc_heap {
        self.0.cast()
    }

    /// Initialises the state that the heap itself does not.
    ///
    /// # Safety
    /// The memory may be written, and no earlier heap in it is used afterwards.
    pub(super) unsafe fn set_up(self, config: mpgc_config) {
        // SAFETY: by this function's contract; zeros are valid numbers, null pointers and empty
        // hints.
        unsafe {
            self.0.write_bytes(0, 1);
            (*self.0).config = config;
        }
    }

    pub(super) fn config(self) -> *const mpgc_config {
        of_state!(self, config)
    }

    pub(super) fn roots(self) -> *mut *mut mpgc_roots {
        of_state!(self, roots)
    }

    pub(super) fn taker(self) -> *mut *mut Taker {
        of_state!(self, taker)
    }

    /// Chunks that the last collection freed.
    pub(super) fn last_collected(self) -> usize {
        // SAFETY: the heap's memory is valid by the contract of every export.
        unsafe { self.collected().read() }
    }

    /// The locks that `lock_depth` counts.
    pub(super) fn lock_count(self) -> u16 {
        // SAFETY: as in `last_collected`.
        unsafe { self.lock_depth().read() / Heap::<Program>::LOCK_UNIT }
    }

    /// Adds a lock. The heap is held.
    pub(super) fn lock(self) {
        if self.lock_count() < MOST_LOCKS {
            return self.heap().lock();
        }
        let more = self.more_locks();
        // SAFETY: as in `last_collected`.
        unsafe { more.write((*more).saturating_add(1)) }
    }

    /// Removes a lock. Returns whether there was one. The heap is held.
    pub(super) fn unlock(self) -> bool {
        let more = self.more_locks();
        // SAFETY: as in `last_collected`.
        unsafe {
            if *more > 0 {
                // a saturated count stays
                more.write(*more - usize::from(*more != usize::MAX));
                return true;
            }
        }
        let locked = self.lock_count() > 0;
        if locked {
            self.heap().unlock();
        }
        locked
    }

    fn more_locks(self) -> *mut usize {
        of_state!(self, more_locks)
    }

    /// Keeps other threads and interrupts out.
    pub(super) fn hold(self) -> Held {
        // SAFETY: the heap's memory is valid by the contract of every export.
        unsafe { Held::begin((*self.config()).enter, (*self.config()).user) }
    }

    /// Lets them in again.
    pub(super) fn release(self, held: Held) {
        // SAFETY: as in `hold`.
        unsafe { held.end((*self.config()).exit, (*self.config()).user) }
    }

    /// Reports an error to the program's callback, which may jump. Must not be called while the
    /// heap is held.
    pub(super) fn tell(self, kind: c_int, address: *const c_void) -> c_int {
        // SAFETY: as in `hold`.
        unsafe { tell((*self.config()).error, (*self.config()).user, kind, address) }
    }

    pub(super) fn fail(self, error: mpgc_error, address: *const c_void) -> c_int {
        self.tell(error.code(), address)
    }
}

impl Config for Program {
    const BLOCK_BYTES: usize = 4 * size_of::<usize>();
    const STACK_ENTRIES: usize = STACK_ENTRIES;
    const FINALISER: bool = true;
    const SPLIT: bool = true;
    const CONSERVATIVE_CLEAR: bool = true;
    const THRESHOLD: bool = true;
    const PACES: bool = true;
    const STATS: bool = STATS;
    const COUNT_COLLECTED: bool = true;
    const WHEN_FULL: u16 = 1;
    const EXACT_TABLES: bool = true;
    const HARDENED: bool = cfg!(feature = "hardened");
}

// SAFETY: the pointers are to fields of the caller's memory, which is valid and used only by the
// heap (the contract of every export).
unsafe impl Memory for Program {
    type Area = Fields;
    type Entry = Entry;

    fn first_area(self) -> *mut Fields {
        of_state!(self, area)
    }
    words!(last_free_area: *mut Fields, collects: c_int, stack: Entry, area_stack: *mut Fields);
    words!(hints: Hints<Fields>, auto_collect: u16, alloc_amount: usize, alloc_threshold: usize);
    words!(paced: Paced, collected: usize, lock_depth: u16);
    #[cfg(any(feature = "stats", test))]
    words!(stats: Stats);
}

// SAFETY: exports hold the heap while its functions run, so `enter` and `exit` have nothing to do.
unsafe impl Callbacks for Program {
    fn now_us(self) -> u32 {
        // SAFETY: as in `hold`; the clock is the program's own function.
        unsafe {
            let config = *self.config();
            config.clock.map_or(0, |clock| clock(config.user))
        }
    }
    fn collect(self) {
        self.collect_from_roots();
    }

    fn pace(self) -> Pace {
        // SAFETY: as in `hold`.
        match unsafe { (*self.config()).pacing } {
            0 => Pace::Off,
            n => Pace::OfHeap(n as usize),
        }
    }
    unsafe fn finalise(self, object: *mut u8) {
        // SAFETY: as in `hold`.
        let config = unsafe { *self.config() };
        if let Some(finalise) = config.finalise {
            let barrier = Barrier::set(config.thread);
            // SAFETY: the program's own callback, with a dying chunk; no jump gets past the
            // barrier.
            unsafe { finalise(self.c_heap(), config.user, object.cast()) }
            barrier.take_away();
        }
    }

    #[cold]
    #[inline(never)]
    fn fault(self, fault: Fault, address: *const u8) -> ! {
        self.tell(fault_code(fault), address.cast());
        stop()
    }
}
