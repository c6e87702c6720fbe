//! What the heap asks of the program around it, its host: options ([`Config`]), the memory of its
//! state ([`Memory`]), and calls ([`Callbacks`]). A [`Host`] is all three.
//!
//! The heap has no state of its own. In a MicroPython build the state lies in `mp_state_ctx.mem`,
//! where C code reads some of it; elsewhere it lies where the host puts it. So a host returns
//! pointers to its fields, and the heap is a set of functions over them. If the fields are static,
//! each access compiles to one load or store.

use super::block::BlockCount;
use super::fault::Fault;
use super::hints::Hints;
use super::pacing::{Pace, Paced};
use super::stats::{Stats, Traced};

/// The fields of an area, wherever the host keeps them.
///
/// Each method turns a pointer to an area into a pointer to one of its fields. The heap
/// never asks for a field that the host's options exclude.
///
/// # Safety
///
/// Given a pointer to an area that is valid for writes, each method returns a pointer to a
/// different field of that area, valid for reads and writes.
pub unsafe trait AreaFields: Sized {
    /// The next area of the list, or null. With [`Config::SPLIT`].
    fn next(this: *mut Self) -> *mut *mut Self;
    /// Start of the alloc table.
    fn alloc_table(this: *mut Self) -> *mut *mut u8;
    /// Length of the alloc table in bytes.
    fn table_bytes(this: *mut Self) -> *mut usize;
    /// Start of the finaliser table. With [`Config::FINALISER`].
    fn finaliser_table(this: *mut Self) -> *mut *mut u8;
    /// Start of the weakref table. With [`Config::WEAKREF`].
    fn weakref_table(_this: *mut Self) -> *mut *mut u8 {
        core::ptr::null_mut()
    }
    /// Start of the collect table. With [`Config::SELECTIVE_COLLECT`].
    fn collect_table(_this: *mut Self) -> *mut *mut u8 {
        core::ptr::null_mut()
    }
    /// Start of the pool.
    fn pool_start(this: *mut Self) -> *mut *mut u8;
    /// End of the pool, exclusive.
    fn pool_end(this: *mut Self) -> *mut *mut u8;
    /// Between collections: a block below which none is free. While marking: the dirty segments.
    ///
    /// In C this word is `gc_last_free_atb_index`, a hint that only its allocator reads.
    fn hint(this: *mut Self) -> *mut usize;
    /// A block above which none is used. With [`Config::LAST_USED`].
    fn last_used(this: *mut Self) -> *mut usize;
}

/// Declares an area's fields, each the memory of the method of [`AreaFields`] that has its name:
/// those of every host, and the tables that are named.
#[allow(unused_macros, reason = "MicroPython's areas are C's")]
macro_rules! area_fields {
    (@all $(#[$doc:meta])* $vis:vis $area:ident $($field:ident: $type:ty,)*) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug)]
        $vis struct $area {
            $(pub(super) $field: $type,)*
        }

        // SAFETY: each method returns its own field.
        unsafe impl $crate::heap::AreaFields for $area {
            $(fn $field(this: *mut Self) -> *mut $type {
                this.wrapping_byte_add(core::mem::offset_of!($area, $field)).cast()
            })*
        }
    };
    ($(#[$doc:meta])* $vis:vis struct $area:ident { $($table:ident),* }) => {
        $crate::heap::host::area_fields! {
            @all $(#[$doc])* $vis $area
            next: *mut $area,
            alloc_table: *mut u8,
            table_bytes: usize,
            finaliser_table: *mut u8,
            $($table: *mut u8,)*
            pool_start: *mut u8,
            pool_end: *mut u8,
            hint: usize,
            last_used: usize,
        }
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use area_fields;

/// An entry of the mark stack: as wide as the port says (`MICROPY_GC_STACK_ENTRY_TYPE`).
///
/// # Safety
///
/// [`Self::block`] returns the number that was passed to [`Self::from_block`].
pub unsafe trait StackEntry: Copy {
    /// The entry for a block, or `None` if the block's number does not fit.
    fn from_block(block: usize) -> Option<Self>;
    /// The block's number.
    fn block(self) -> usize;
}

macro_rules! stack_entry {
    ($($t:ty),*) => { $(
        // SAFETY: a number that does not fit is refused.
        unsafe impl StackEntry for $t {
            fn from_block(block: usize) -> Option<Self> {
                let fits = size_of::<$t>() >= size_of::<usize>() || block <= <$t>::MAX as usize;
                fits.then_some(block as $t)
            }
            fn block(self) -> usize {
                self as usize
            }
        }
    )* };
}
stack_entry!(u8, u16, u32, u64, usize);

/// What a verbose build logs (`MICROPY_DEBUG_VERBOSE`).
#[expect(missing_docs, reason = "the variants say what their fields are")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `gc_alloc` was called for `bytes` bytes, which need `blocks` blocks.
    AllocRequest { bytes: usize, blocks: BlockCount },
    /// `gc_alloc` found no free run for `bytes` bytes and collects.
    AllocCollects { bytes: usize },
    /// `gc_alloc` returns this address.
    Alloc(*const u8),
    /// `gc_free` was called with this address.
    Free(*const u8),
    /// `gc_realloc` moves a chunk.
    Move { from: *const u8, to: *const u8 },
    /// A child is marked.
    Mark(*const u8),
    /// The sweep frees the chunk at this address.
    Sweep(*const u8),
    /// `gc_init` starts on this region.
    Init { start: *const u8, end: *const u8 },
    /// `gc_add` starts on this region.
    Add { start: *const u8, end: *const u8 },
    /// The sweep removes an empty area.
    EmptyArea(*const u8),
}

/// What a heap is like: its options. Most mirror an option of MicroPython.
pub trait Config: Copy {
    /// Bytes of a block: a power of two, 16 or more (`MICROPY_BYTES_PER_GC_BLOCK`).
    const BLOCK_BYTES: usize;
    /// Entries of the mark stack (`MICROPY_ALLOC_GC_STACK_SIZE`).
    const STACK_ENTRIES: usize;
    /// Whether objects may have finalisers (`MICROPY_ENABLE_FINALISER`).
    const FINALISER: bool;
    /// Whether finalisers run before any block is freed, and may free. In releases before 1.25 each
    /// runs when the sweep reaches its object, with the heap locked.
    const FINALISER_PASS: bool = true;
    /// Whether there may be weak references to objects (`MICROPY_PY_WEAKREF`).
    const WEAKREF: bool = false;
    /// Whether a chunk may be allocated that a collection marks but does not read
    /// (`MICROPY_ENABLE_SELECTIVE_COLLECT` of CircuitPython).
    const SELECTIVE_COLLECT: bool = false;
    /// Whether an area has a field for its highest used block (1.21 on).
    const LAST_USED: bool = true;
    /// Whether the host keeps the lowest and the highest address of all pools (1.29 on, with
    /// [`Config::SPLIT`]).
    const POOL_BOUNDS: bool = false;
    /// Whether there may be more than one area (`MICROPY_GC_SPLIT_HEAP`).
    const SPLIT: bool;
    /// Whether the heap adds and removes areas by itself (`MICROPY_GC_SPLIT_HEAP_AUTO`).
    const SPLIT_AUTO: bool = false;
    /// Whether an area that the heap adds by itself is as large as the regions of all areas (1.21),
    /// not as large as the same number of blocks requires.
    const GROW_BY_REGIONS: bool = false;
    /// Whether an area that the heap adds by itself is exactly as large as its blocks and tables
    /// need, to the block (CircuitPython), not larger by a share that covers any tables.
    const GROW_BY_BLOCKS: bool = false;
    /// Whether whole chunks are zeroed, not just the bytes beyond those requested
    /// (`MICROPY_GC_CONSERVATIVE_CLEAR`).
    const CONSERVATIVE_CLEAR: bool;
    /// Whether allocation is counted and may start a collection (`MICROPY_GC_ALLOC_THRESHOLD`).
    const THRESHOLD: bool;
    /// The bits of [`Memory::auto_collect`] that make a full heap collect. Any bit makes it collect
    /// at the threshold.
    const WHEN_FULL: u16 = u16::MAX;
    /// Whether the heap sets its threshold itself, as [`Callbacks::pace`] says: see
    /// `heap/pacing.rs`. With [`Config::THRESHOLD`].
    const PACES: bool = false;
    /// Whether the heap counts what it does: see `heap/stats.rs`. Then there is
    /// [`Memory::alloc_amount`] too.
    const STATS: bool = false;
    /// Whether collections and failures are reported to the host: see [`Callbacks::traced`]. With
    /// [`Config::STATS`].
    const TRACE: bool = false;
    /// Whether collected chunks are counted (`MICROPY_PY_GC_COLLECT_RETVAL`).
    const COUNT_COLLECTED: bool;
    /// Whether the whole of a region of any size is used. In C a product wraps, so that on a 32-bit
    /// machine only part of a region of 512 MiB or more is.
    const EXACT_TABLES: bool = false;
    /// Whether faults of the program are detected while it runs: see `heap/harden.rs`.
    const HARDENED: bool = false;
    /// Whether data without pointers, as its owner declares, is not read: see `heap/noscan.rs`.
    const NOSCAN: bool = false;
    /// Whether dead blocks are zeroed at once; in C an edit of the source (`CLEAR_ON_SWEEP`). A
    /// hardened heap fills them instead.
    const CLEAR_ON_SWEEP: bool = false;
    /// Whether [`Callbacks::changed`] is called; in C an edit of the source
    /// (`EXTENSIVE_HEAP_PROFILING`).
    const PROFILE: bool = false;
    /// Whether [`Callbacks::resized`] is called (`CIRCUITPY_MEMORYMONITOR`).
    const MONITOR: bool = false;
    /// Whether the heap may be used while it is not initialised (CircuitPython, whose supervisor
    /// outlives its interpreters): then allocations fail, or [`Callbacks::absent`] is called.
    const MAY_BE_ABSENT: bool = false;
    /// Whether [`Callbacks::full`] is called (`CIRCUITPY_DEBUG`).
    const REPORTS_FULL: bool = false;
    /// Whether [`Callbacks::log`] is called for marks in a heap that is not verbose; in C an edit
    /// of the source (`TRACE_MARK`).
    const LOG_MARKS: bool = false;
    /// Whether [`Callbacks::hook`] is called (`MICROPY_GC_HOOK_LOOP`).
    const HOOK: bool = false;
    /// Whether [`Callbacks::log`] is called (`MICROPY_DEBUG_VERBOSE`).
    const VERBOSE: bool = false;
    /// Whether [`Callbacks::readable`] is asked before a root is read (`MICROPY_DEBUG_VALGRIND`).
    const CHECK_ROOTS: bool = false;
    /// Whether fast paths are compared with their naive twins while they run.
    const TWINS: bool = cfg!(debug_assertions);
}

/// Where the state of a heap lies: a pointer to each field.
///
/// # Safety
///
/// The pointers must be valid for reads and writes at any time, and while a function of the heap
/// runs, only the heap may write through them. `stack` (and `area_stack` with [`Config::SPLIT`])
/// must have [`Config::STACK_ENTRIES`] entries. The areas in the list must be the ones that the
/// heap set up.
pub unsafe trait Memory: Config {
    /// An area's fields.
    type Area: AreaFields;
    /// An entry of the mark stack.
    type Entry: StackEntry;

    /// The first area, which always exists.
    fn first_area(self) -> *mut Self::Area;
    /// The area before which every block is used; null if the heap was never initialised. With
    /// [`Config::SPLIT`].
    fn last_free_area(self) -> *mut *mut Self::Area;
    /// The lowest address of all pools, and the one past the highest. With
    /// [`Config::POOL_BOUNDS`].
    fn pool_bounds(self) -> [*mut *mut u8; 2] {
        [core::ptr::null_mut(); 2]
    }
    /// How many collections are under way: more than 1 when a finaliser collects.
    ///
    /// In C this word is `gc_stack_overflow`, which only its collector reads.
    fn collects(self) -> *mut core::ffi::c_int;
    /// The mark stack. Between collections its bytes hold the search's bounds.
    fn stack(self) -> *mut Self::Entry;
    /// The area of each entry of the mark stack. With [`Config::SPLIT`].
    fn area_stack(self) -> *mut *mut Self::Area;
    /// The search's hints.
    fn hints(self) -> *mut Hints<Self::Area>;
    /// Whether an allocation may collect; see [`Config::WHEN_FULL`].
    fn auto_collect(self) -> *mut u16;
    /// Blocks allocated since the last collection. With [`Config::THRESHOLD`] or
    /// [`Config::STATS`].
    fn alloc_amount(self) -> *mut usize;
    /// Blocks after which an allocation collects first. With [`Config::THRESHOLD`].
    fn alloc_threshold(self) -> *mut usize;
    /// The state of pacing. With [`Config::PACES`].
    fn paced(self) -> *mut Paced {
        core::ptr::null_mut()
    }
    /// What the heap counts. With [`Config::STATS`].
    fn stats(self) -> *mut Stats {
        core::ptr::null_mut()
    }
    /// Chunks that the last collection freed. With [`Config::COUNT_COLLECTED`].
    fn collected(self) -> *mut usize;
    /// This thread's lock depth: a bit that is set while it collects, and a count above it.
    fn lock_depth(self) -> *mut u16;
}

/// The calls that a heap makes.
///
/// # Safety
///
/// With threads, [`Callbacks::enter`] and [`Callbacks::exit`] must keep other threads from the
/// state and the areas of the heap. A region that [`Callbacks::get_region`] returns must be valid
/// for reads and writes, and used by nobody else until it is given back.
///
/// Anyone with a value of the type may call [`Callbacks::collect`], so only code that knows when a
/// collection is allowed may have one.
pub unsafe trait Callbacks: Memory {
    /// Initialises the mutex, if there is one.
    fn init_mutex(self) {}
    /// Keeps other threads out of the heap. Nests.
    fn enter(self) {}
    /// Lets other threads in again.
    fn exit(self) {}
    /// A clock in microseconds, which wraps. With [`Config::STATS`].
    fn now_us(self) -> u32 {
        0
    }
    /// Something has happened; the heap is entered. With [`Config::TRACE`].
    fn traced(self, _what: Traced) {}
    /// Returns `chunk` as an address that the compiler must keep from here on. Otherwise it could
    /// keep only the number of the block and compute the address after the mutex is released, and
    /// another thread's collection would find no pointer.
    fn keep_address(self, chunk: *mut u8) -> *mut u8 {
        chunk
    }
    /// Allocates a chunk: [`super::Heap::alloc`]. A host that exports that function calls its
    /// export, so that there is one copy of the code.
    ///
    /// # Safety
    ///
    /// As for [`super::Heap::new`]; the heap was initialised.
    unsafe fn alloc(self, bytes: usize, flags: u32) -> *mut u8 {
        // SAFETY: by this function's contract.
        unsafe { super::Heap::new(self) }.alloc(bytes, flags)
    }
    /// Frees a chunk: [`super::Heap::free`]. A host that exports it calls its export, too.
    ///
    /// # Safety
    ///
    /// As for [`Callbacks::alloc`] and [`super::Heap::free`].
    unsafe fn free(self, chunk: *mut u8) {
        // SAFETY: by this function's contract.
        unsafe { super::Heap::new(self).free(chunk) }
    }
    /// Collects: calls `collect_start`, `collect_root` for the roots that only the host knows, and
    /// `collect_end`. Runs finalisers, hence Python. It may not return if one of them aborts the
    /// VM.
    fn collect(self);
    /// When a heap collects before it is full. With [`Config::PACES`].
    fn pace(self) -> Pace {
        Pace::Off
    }
    /// Runs the finaliser of a dying object, whose first word is not zero. It must not raise. If a
    /// jump leaves it all the same, the host calls [`super::Heap::abandon_collect`] on the way.
    /// With [`Config::FINALISER`].
    ///
    /// # Safety
    ///
    /// `object` is a chunk that the sweep of the collection under way is about to free.
    unsafe fn finalise(self, object: *mut u8);
    /// Which word of a chunk that begins with these two points at data without pointers. With
    /// [`Config::NOSCAN`].
    fn raw_field(self, _first: usize, _second: usize) -> Option<usize> {
        None
    }
    /// Whether a chunk that begins with this word may be an object, as opposed to data. With
    /// [`Config::NOSCAN`].
    fn may_be_object(self, _first: usize) -> bool {
        true
    }
    /// Notes that an object to which there is a weak reference is about to be freed. With
    /// [`Config::WEAKREF`].
    ///
    /// # Safety
    ///
    /// As for [`Self::finalise`].
    unsafe fn weakref_dies(self, _object: *mut u8) {}
    /// Calls the callbacks of weak references whose objects were freed. Called without the mutex
    /// and with the heap unlocked. With [`Config::WEAKREF`].
    fn sweep_weakrefs(self) {}
    /// Called in every search and every long loop, with the numbers of the next `steps` steps that
    /// the C would take. With [`Config::HOOK`].
    fn hook(self, _first: usize, _steps: usize) {}
    /// Whether the word at this address may be read. With [`Config::CHECK_ROOTS`].
    fn readable(self, _root: *const usize) -> bool {
        true
    }
    /// A chunk was allocated, freed or resized. Called without the mutex. With
    /// [`Config::PROFILE`].
    fn changed(self) {}
    /// A chunk was allocated with `blocks` blocks, or resized in place to them. Called without the
    /// mutex, and may raise. With [`Config::MONITOR`].
    fn resized(self, _blocks: BlockCount) {}
    /// Logs an event. With [`Config::VERBOSE`]; only marks with [`Config::LOG_MARKS`].
    fn log(self, _event: Event) {}
    /// The largest region that could be added now, in bytes. With [`Config::SPLIT_AUTO`].
    fn max_new_area(self) -> usize {
        0
    }
    /// Returns a new region of `bytes` bytes, or null. With [`Config::SPLIT_AUTO`].
    fn get_region(self, _bytes: usize) -> *mut u8 {
        core::ptr::null_mut()
    }
    /// Takes a region back. With [`Config::SPLIT_AUTO`].
    fn give_region(self, _start: *mut u8) {}
    /// An allocation fails, for nothing fits. Called without the mutex. With
    /// [`Config::REPORTS_FULL`].
    fn full(self) {}
    /// Stops the program: it uses a heap that is not initialised. With [`Config::MAY_BE_ABSENT`].
    fn absent(self) -> ! {
        self.fault(Fault::NoRoom, core::ptr::null())
    }
    /// Stops the program: something is wrong at `address`, and continuing would damage memory.
    fn fault(self, fault: Fault, address: *const u8) -> !;
}

/// The program around a heap.
pub trait Host: Callbacks {}

impl<H: Callbacks> Host for H {}
