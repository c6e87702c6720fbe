//! A host whose state lies in a struct, with the options that a test selects.

use core::ffi::c_int;
use core::marker::PhantomData;
use std::alloc::{Layout, alloc, dealloc};
use std::vec::Vec;

use super::op::FinaliserAction;
use crate::heap::Fault;
use crate::heap::area::Area;
use crate::heap::block::{BlockCount, BlockKind};
use crate::heap::host::{Callbacks, Config, Event, Memory, StackEntry, area_fields};
use crate::heap::stats::{Stats, Traced};
use crate::heap::{Heap, Hints, Pace, Paced};

/// The options of a [`TestHost`]; see [`Config`] for what they mean.
#[expect(
    missing_docs,
    reason = "each mirrors the constant of the same name in Config"
)]
pub trait Options: Copy + 'static {
    const BLOCK_BYTES: usize = 4 * size_of::<usize>();
    const STACK_ENTRIES: usize = 64;
    const FINALISER: bool = true;
    const FINALISER_PASS: bool = true;
    const WEAKREF: bool = false;
    const SELECTIVE_COLLECT: bool = false;
    const LAST_USED: bool = true;
    const SPLIT: bool = false;
    const SPLIT_AUTO: bool = false;
    const GROW_BY_REGIONS: bool = false;
    const GROW_BY_BLOCKS: bool = false;
    const CONSERVATIVE_CLEAR: bool = true;
    const CLEAR_ON_SWEEP: bool = false;
    const HARDENED: bool = false;
    const NOSCAN: bool = false;
    const HOOK: bool = false;
    const VERBOSE: bool = false;
    const PROFILE: bool = false;
    const MONITOR: bool = false;
    const MAY_BE_ABSENT: bool = false;
    const LOG_MARKS: bool = false;
    const CHECK_ROOTS: bool = false;
    const STATS: bool = true;
    const TRACE: bool = false;
    const PACE: Pace = Pace::Off;
    // Miri would take minutes to look at each block of a heap in each search; the tests of the fast
    // paths have the twins
    const TWINS: bool = !cfg!(miri);
    type Entry: StackEntry + Default;
}

/// Which word of a chunk points at raw data. As a world fills chunks, all that have the words for
/// it are owners, until one of their first two words becomes a link. What a test writes can name a
/// word further on.
pub(super) fn raw_field(first: usize, second: usize) -> Option<usize> {
    match (first, second) {
        (1, 3) => Some(2),
        (1, 5) => Some(5),
        _ => None,
    }
}

/// Whether a chunk that begins so may be an object: an address is even.
pub(super) fn may_be_object(first: usize) -> bool {
    first != 0 && first.is_multiple_of(2)
}

area_fields! {
    /// The fields of an area in a [`TestHost`].
    pub struct Fields { weakref_table, collect_table }
}

/// Everything a [`TestHost`] points at.
pub struct State<O: Options> {
    pub(super) area: Fields,
    pub(super) last_free_area: *mut Fields,
    pub(super) collects: c_int,
    pub(super) stack: Vec<O::Entry>,
    pub(super) area_stack: Vec<*mut Fields>,
    pub(super) hints: Hints<Fields>,
    pub(super) auto_collect: u16,
    pub(super) alloc_amount: usize,
    pub(super) paced: Paced,
    pub(super) stats: Stats,
    /// The times that the clock returned, in order.
    pub times: Vec<u32>,
    /// Blocks after which an allocation collects first.
    pub alloc_threshold: usize,
    /// Chunks that the last collection freed.
    pub collected: usize,
    /// The thread's lock depth.
    pub lock_depth: u16,
    /// How often the mutex is held.
    pub entered: isize,
    /// How often the mutex was taken.
    pub entries: usize,
    pub(super) collects_run: usize,
    /// The roots of the next collection.
    pub roots: Vec<usize>,
    /// The addresses whose finalisers have run, in order.
    pub finalised: Vec<usize>,
    /// The addresses of dying objects with weak references, in order, and how many finalisers had
    /// run by then.
    pub noted: Vec<(usize, usize)>,
    /// The bytes in use that finalisers saw which asked for the figures, in order.
    pub used_seen: Vec<usize>,
    /// How often weak references were swept.
    pub weakref_sweeps: usize,
    /// The lowest address of all pools, and the one past the highest.
    pub pool_bounds: [*mut u8; 2],
    /// How often the hook of long loops was called.
    pub steps: usize,
    /// With how many numbers: as often a port's hook is called.
    pub numbers: usize,
    /// How many of them a port acts on: every 256th.
    pub rounds: usize,
    /// What a verbose heap has logged, in order.
    pub events: Vec<Event>,
    /// What was reported as it happened, in order.
    pub traced: Vec<Traced>,
    /// How often [`Callbacks::changed`] was called.
    pub changes: usize,
    /// The arguments of [`Callbacks::resized`], in order.
    pub resized: Vec<usize>,
    /// Roots that may not be read, if the heap asks for that.
    pub unreadable: Vec<*const usize>,
    /// What finalisers do.
    pub action: FinaliserAction,
    /// Regions that the heap has added by itself and not given back.
    pub regions: Vec<Region>,
    /// The largest region that the heap may add by itself, in bytes.
    pub max_new_area: usize,
}

/// Memory of exactly so many bytes, so that a sanitizer detects every access outside of it.
pub struct Region {
    memory: *mut u8,
    layout: Layout,
    offset: usize,
    bytes: usize,
}

impl Region {
    const ALIGN: usize = 128;

    /// A region of that many bytes, aligned to 128 and filled with `fill`.
    pub fn new(bytes: usize, fill: u8) -> Self {
        Self::at(0, bytes, fill)
    }

    /// The same, `offset` bytes behind an address that is aligned to 128.
    pub fn at(offset: usize, bytes: usize, fill: u8) -> Self {
        // an allocation has at least one byte
        let layout = Layout::from_size_align((offset + bytes).max(1), Self::ALIGN);
        let layout = layout.expect("a region of moderate size");
        // SAFETY: the size is not zero, and all of it is written.
        let memory = unsafe { alloc(layout) };
        assert!(!memory.is_null(), "no memory for a region");
        // SAFETY: as above.
        unsafe { memory.write_bytes(fill, layout.size()) };
        Region {
            memory,
            layout,
            offset,
            bytes,
        }
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first byte.
    pub fn start(&self) -> *mut u8 {
        self.memory.wrapping_add(self.offset)
    }

    /// One past the last byte.
    pub fn end(&self) -> *mut u8 {
        self.start().wrapping_add(self.bytes)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `at` got the memory with this layout.
        unsafe { dealloc(self.memory, self.layout) }
    }
}

/// A host whose state is a [`State`].
pub struct TestHost<O: Options>(pub(super) *mut State<O>, pub(super) PhantomData<O>);

impl<O: Options> Clone for TestHost<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: Options> Copy for TestHost<O> {}

macro_rules! state_field {
    ($name:ident -> *mut $t:ty) => {
        fn $name(self) -> *mut $t {
            // SAFETY: the state outlives its host; only the address of the field is computed.
            unsafe { &raw mut (*self.0).$name }
        }
    };
}

impl<O: Options> Config for TestHost<O> {
    const BLOCK_BYTES: usize = O::BLOCK_BYTES;
    const STACK_ENTRIES: usize = O::STACK_ENTRIES;
    const FINALISER: bool = O::FINALISER;
    const FINALISER_PASS: bool = O::FINALISER_PASS;
    const WEAKREF: bool = O::WEAKREF;
    const SELECTIVE_COLLECT: bool = O::SELECTIVE_COLLECT;
    const LAST_USED: bool = O::LAST_USED;
    const POOL_BOUNDS: bool = O::SPLIT;
    const SPLIT: bool = O::SPLIT;
    const SPLIT_AUTO: bool = O::SPLIT_AUTO;
    const GROW_BY_REGIONS: bool = O::GROW_BY_REGIONS;
    const GROW_BY_BLOCKS: bool = O::GROW_BY_BLOCKS;
    const CONSERVATIVE_CLEAR: bool = O::CONSERVATIVE_CLEAR;
    const THRESHOLD: bool = true;
    const PACES: bool = !matches!(O::PACE, Pace::Off);
    const COUNT_COLLECTED: bool = true;
    const STATS: bool = O::STATS;
    const TRACE: bool = O::TRACE;
    const CLEAR_ON_SWEEP: bool = O::CLEAR_ON_SWEEP;
    const HARDENED: bool = O::HARDENED;
    const NOSCAN: bool = O::NOSCAN;
    const HOOK: bool = O::HOOK;
    const VERBOSE: bool = O::VERBOSE;
    const PROFILE: bool = O::PROFILE;
    const MONITOR: bool = O::MONITOR;
    const MAY_BE_ABSENT: bool = O::MAY_BE_ABSENT;
    const LOG_MARKS: bool = O::LOG_MARKS;
    const CHECK_ROOTS: bool = O::CHECK_ROOTS;
    const TWINS: bool = O::TWINS;
}

// SAFETY: the fields lie in a boxed state that the test keeps as long as the host; only one thread
// uses them.
unsafe impl<O: Options> Memory for TestHost<O> {
    type Area = Fields;
    type Entry = O::Entry;

    fn first_area(self) -> *mut Fields {
        // SAFETY: as in `state_field`.
        unsafe { &raw mut (*self.0).area }
    }
    state_field!(last_free_area -> *mut *mut Fields);
    fn pool_bounds(self) -> [*mut *mut u8; 2] {
        // SAFETY: as in `state_field`.
        let bounds = unsafe { &raw mut (*self.0).pool_bounds }.cast::<*mut u8>();
        [bounds, bounds.wrapping_add(1)]
    }
    state_field!(collects -> *mut c_int);
    state_field!(hints -> *mut Hints<Fields>);
    state_field!(auto_collect -> *mut u16);
    state_field!(alloc_amount -> *mut usize);
    state_field!(alloc_threshold -> *mut usize);
    state_field!(paced -> *mut Paced);
    state_field!(stats -> *mut Stats);
    state_field!(collected -> *mut usize);
    state_field!(lock_depth -> *mut u16);
    fn stack(self) -> *mut O::Entry {
        // SAFETY: the state is live, and no reference into it is held across a call of the heap.
        unsafe { (*self.0).stack.as_mut_ptr() }
    }
    fn area_stack(self) -> *mut *mut Fields {
        // SAFETY: as in `stack`.
        unsafe { (*self.0).area_stack.as_mut_ptr() }
    }
}

// SAFETY: there is one thread, and a region is a fresh allocation.
unsafe impl<O: Options> Callbacks for TestHost<O> {
    /// The clock advances by a different number each time, up to a third of a second, and wraps.
    fn now_us(self) -> u32 {
        // SAFETY: as in `stack`.
        let times = unsafe { &mut (*self.0).times };
        let last = times.last().copied().unwrap_or(u32::MAX - 1000);
        let step = times.len() as u32 * 7 % 41;
        times.push(last.wrapping_add((1 << (step / 2)) + step));
        times[times.len() - 1]
    }
    fn enter(self) {
        // SAFETY: as in `stack`.
        unsafe {
            (*self.0).entered += 1;
            (*self.0).entries += 1;
        }
    }
    fn exit(self) {
        // SAFETY: as in `stack`.
        unsafe {
            (*self.0).entered -= 1;
            assert!((*self.0).entered >= 0, "the mutex is released twice");
        }
    }
    fn collect(self) {
        // SAFETY: the heap was made, and calls this.
        let heap = unsafe { Heap::new(self) };
        // SAFETY: as in `stack`.
        unsafe {
            (*self.0).collects_run += 1;
            heap.collect_start();
            let roots = (*self.0).roots.clone();
            heap.collect_root(roots.as_ptr(), roots.len());
            heap.collect_end();
        }
    }
    fn pace(self) -> Pace {
        O::PACE
    }
    unsafe fn finalise(self, object: *mut u8) {
        // SAFETY: the heap was made, and calls this.
        let heap = unsafe { Heap::new(self) };
        // SAFETY: as in `stack`.
        let action = unsafe {
            (*self.0).finalised.push(object.addr());
            (*self.0).action
        };
        match action {
            FinaliserAction::Nothing => {}
            FinaliserAction::Allocates => {
                assert!(heap.alloc(1, 0).is_null(), "allocated during a collection")
            }
            // SAFETY: a finaliser may free its own object.
            FinaliserAction::FreesItself => unsafe { heap.free(object) },
            FinaliserAction::Collects => self.collect(),
            FinaliserAction::AsksInfo => {
                let info = heap.info();
                assert_eq!(info.used + info.free, info.total);
                // SAFETY: as in `stack`.
                unsafe { (*self.0).used_seen.push(info.used) };
            }
            // no exception leaves the host
            FinaliserAction::Raises => {}
            FinaliserAction::FreesLinked => {
                // SAFETY: a block has two words at least.
                let linked = unsafe { object.cast::<usize>().add(1).read() };
                let found = Area::all(self)
                    .find_map(|area| area.block_at(linked).map(|block| (area, block)));
                if let Some((area, block)) = found
                    && matches!(area.table().kind(block), BlockKind::Head | BlockKind::Mark)
                {
                    // SAFETY: a chunk starts there, and the trace uses it no more.
                    unsafe { heap.free(area.address(block)) }
                }
            }
        }
    }
    fn raw_field(self, first: usize, second: usize) -> Option<usize> {
        raw_field(first, second)
    }
    fn may_be_object(self, first: usize) -> bool {
        may_be_object(first)
    }
    unsafe fn weakref_dies(self, object: *mut u8) {
        // SAFETY: as in `stack`.
        unsafe {
            let finalised = (*self.0).finalised.len();
            (*self.0).noted.push((object.addr(), finalised));
        }
    }
    fn sweep_weakrefs(self) {
        // SAFETY: as in `stack`.
        unsafe {
            assert_eq!(
                (*self.0).entered,
                0,
                "weak references are swept without the mutex"
            );
            (*self.0).weakref_sweeps += 1;
        }
        // SAFETY: the heap was made, and calls this.
        assert!(unsafe { !Heap::new(self).is_collecting() });
    }
    fn hook(self, first: usize, steps: usize) {
        let rounds = (first..first + steps).filter(|step| step.is_multiple_of(256));
        // SAFETY: as in `stack`.
        unsafe {
            (*self.0).steps += 1;
            (*self.0).numbers += steps;
            (*self.0).rounds += rounds.count();
        }
    }
    fn changed(self) {
        // SAFETY: as in `state_field`.
        unsafe { (*self.0).changes += 1 }
    }
    fn resized(self, blocks: BlockCount) {
        // SAFETY: as in `stack`.
        unsafe {
            assert_eq!((*self.0).entered, 0, "called without the mutex");
            (*self.0).resized.push(blocks.0);
        }
    }
    fn traced(self, what: Traced) {
        // SAFETY: as in `stack`.
        unsafe {
            assert!((*self.0).entered > 0, "called with the mutex");
            (*self.0).traced.push(what);
        }
    }
    fn log(self, event: Event) {
        // SAFETY: as in `stack`.
        unsafe { (*self.0).events.push(event) }
    }
    fn readable(self, root: *const usize) -> bool {
        // SAFETY: as in `stack`.
        unsafe { !(*self.0).unreadable.contains(&root) }
    }
    fn max_new_area(self) -> usize {
        // SAFETY: as in `stack`.
        unsafe { (*self.0).max_new_area }
    }
    fn get_region(self, bytes: usize) -> *mut u8 {
        let region = Region::new(bytes, 0xcc);
        let start = region.start();
        // SAFETY: as in `stack`.
        unsafe { (*self.0).regions.push(region) };
        start
    }
    fn give_region(self, start: *mut u8) {
        // SAFETY: as in `stack`.
        let regions = unsafe { &mut (*self.0).regions };
        let at = regions
            .iter()
            .position(|r| r.start() == start)
            .expect("a region that was got");
        regions.remove(at);
    }
    fn fault(self, fault: Fault, address: *const u8) -> ! {
        panic!("{fault:?} at {address:p}")
    }
}
