//! What the heap asks of whoever embeds it: its words, its options, and a few calls.
//!
//! The heap has no state of its own. In a MicroPython build every word of it lies in
//! `mp_state_ctx.mem`, where C code reads some of them; elsewhere it lies where the host likes. So
//! a host hands out pointers to its fields, and the heap is a set of functions over them. With a
//! host whose fields are static, each access compiles to one load or store.

use super::block::BlockCount;
use super::fault::Fault;
use super::hints::Hints;
use super::pacing::{Pace, Paced};

/// Fields of an area, in whatever order and company the host keeps them.
///
/// Each method turns a pointer to an area into a pointer to one of its fields. A field that the
/// host's options leave out is never asked for.
///
/// # Safety
///
/// For a pointer to an area that may be written, each method returns one to a field of its own in
/// that area, which may be written.
pub unsafe trait AreaFields: Sized {
    /// The next area of the list, or null. With [`Host::SPLIT`].
    fn next(this: *mut Self) -> *mut *mut Self;
    /// Start of the alloc table.
    fn alloc_table(this: *mut Self) -> *mut *mut u8;
    /// Length of the alloc table in bytes.
    fn table_bytes(this: *mut Self) -> *mut usize;
    /// Start of the finaliser table. With [`Host::FINALISER`].
    fn finaliser_table(this: *mut Self) -> *mut *mut u8;
    /// Start of the weakref table. With [`Host::WEAKREF`].
    fn weakref_table(_this: *mut Self) -> *mut *mut u8 {
        core::ptr::null_mut()
    }
    /// Start of the collect table. With [`Host::SELECTIVE_COLLECT`].
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
    /// A block above which none is used. With [`Host::LAST_USED`].
    fn last_used(this: *mut Self) -> *mut usize;
}

/// An entry of the mark stack: as wide as the port says (`MICROPY_GC_STACK_ENTRY_TYPE`).
///
/// # Safety
///
/// [`Self::block`] gives back what [`Self::from_block`] was given.
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
            #[inline(always)]
            fn from_block(block: usize) -> Option<Self> {
                (size_of::<$t>() >= size_of::<usize>() || block <= <$t>::MAX as usize).then_some(block as $t)
            }
            #[inline(always)]
            fn block(self) -> usize {
                self as usize
            }
        }
    )* };
}
stack_entry!(u8, u16, u32, u64, usize);

/// Something that a verbose build tells (`MICROPY_DEBUG_VERBOSE`).
#[expect(missing_docs, reason = "the variants say what their fields are")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// `gc_alloc` was asked for that many bytes, which need that many blocks.
    AllocRequest { bytes: usize, blocks: BlockCount },
    /// `gc_alloc` found no room for that many bytes and collects.
    AllocCollects { bytes: usize },
    /// `gc_alloc` hands out this address.
    Alloc(*const u8),
    /// `gc_free` was given this address.
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
    /// The sweep gives an empty area back.
    EmptyArea(*const u8),
}

/// A heap's host.
///
/// # Safety
///
/// The pointers that a host hands out must be valid for reads and writes at any time, and only the
/// heap may write through them while one of its functions runs; `enter` and `exit` are where a host
/// with threads sees to that. `stack` (and `area_stack` with [`Host::SPLIT`]) must have
/// [`Host::STACK_ENTRIES`] entries. The areas in the list must be the ones that the heap set up.
///
/// Whoever has a value of the type may call [`Host::collect`]: there is none outside of the code
/// that knows when that is right.
pub unsafe trait Host: Copy {
    /// Bytes of a block: a power of two, 16 or more (`MICROPY_BYTES_PER_GC_BLOCK`).
    const BLOCK_BYTES: usize;
    /// Entries of the mark stack (`MICROPY_ALLOC_GC_STACK_SIZE`).
    const STACK_ENTRIES: usize;
    /// Whether objects may have finalisers (`MICROPY_ENABLE_FINALISER`).
    const FINALISER: bool;
    /// Whether finalisers run before any block is freed, and may free. In releases before 1.25 each
    /// runs when the sweep comes to its object, with the heap locked.
    const FINALISER_PASS: bool = true;
    /// Whether there may be weak references to objects (`MICROPY_PY_WEAKREF`).
    const WEAKREF: bool = false;
    /// Whether a chunk may be handed out that a collection marks and does not read
    /// (`MICROPY_ENABLE_SELECTIVE_COLLECT` of CircuitPython).
    const SELECTIVE_COLLECT: bool = false;
    /// Whether an area has a word for its highest used block (1.21 on).
    const LAST_USED: bool = true;
    /// Whether there are words for the lowest and the highest address of all pools (1.29 on, with
    /// [`Host::SPLIT`]).
    const POOL_BOUNDS: bool = false;
    /// Whether there may be more than one area (`MICROPY_GC_SPLIT_HEAP`).
    const SPLIT: bool;
    /// Whether areas come and go by themselves (`MICROPY_GC_SPLIT_HEAP_AUTO`).
    const SPLIT_AUTO: bool = false;
    /// Whether an area that the heap adds by itself is as large as the regions of all areas
    /// together (1.21), and not as large as it takes to hold as many blocks.
    const GROW_BY_REGIONS: bool = false;
    /// Whether an area that the heap adds by itself is as large as its blocks and tables need, to
    /// the block (CircuitPython), and not larger by a share that is enough for any tables.
    const GROW_BY_BLOCKS: bool = false;
    /// Whether whole chunks are zeroed and not just their slack (`MICROPY_GC_CONSERVATIVE_CLEAR`).
    const CONSERVATIVE_CLEAR: bool;
    /// Whether allocation is counted and may start a collection (`MICROPY_GC_ALLOC_THRESHOLD`).
    const THRESHOLD: bool;
    /// The bits of [`Host::auto_collect`] that have a full heap collect. Any of its bits has it
    /// collect at the threshold.
    const WHEN_FULL: u16 = u16::MAX;
    /// Whether the heap sets its threshold itself, as [`Host::pace`] says: see `heap/pacing.rs`.
    /// With [`Host::THRESHOLD`].
    const PACES: bool = false;
    /// Whether collected chunks are counted (`MICROPY_PY_GC_COLLECT_RETVAL`).
    const COUNT_COLLECTED: bool;
    /// Whether a region of any size is used whole. The C's product wraps, so that of 512 MiB on a
    /// 32-bit machine it uses a part.
    const EXACT_TABLES: bool = false;
    /// Whether faults of the program are looked for as it runs: see `heap/harden.rs`.
    const HARDENED: bool = false;
    /// Whether data that its owner says is without pointers is left unread: see `heap/noscan.rs`.
    const NOSCAN: bool = false;
    /// Whether dead blocks are zeroed at once; an edit of the source in C (`CLEAR_ON_SWEEP`). A
    /// hardened heap fills them instead.
    const CLEAR_ON_SWEEP: bool = false;
    /// Whether [`Host::changed`] does anything; an edit of the source in C
    /// (`EXTENSIVE_HEAP_PROFILING`).
    const PROFILE: bool = false;
    /// Whether [`Host::resized`] does anything (`CIRCUITPY_MEMORYMONITOR`).
    const MONITOR: bool = false;
    /// Whether the heap may be used before it is made and after it is unmade (CircuitPython, whose
    /// supervisor outlives its interpreters): then nothing can be had of it, or [`Host::absent`]
    /// is called.
    const MAY_BE_ABSENT: bool = false;
    /// Whether [`Host::trace`] is told of marks where nothing else is told; an edit of the source
    /// in C (`TRACE_MARK`).
    const TRACE_MARKS: bool = false;
    /// Whether [`Host::hook`] does anything (`MICROPY_GC_HOOK_LOOP`).
    const HOOK: bool = false;
    /// Whether [`Host::trace`] does anything (`MICROPY_DEBUG_VERBOSE`).
    const VERBOSE: bool = false;
    /// Whether [`Host::readable`] must be asked before a root is read (`MICROPY_DEBUG_VALGRIND`).
    const CHECK_ROOTS: bool = false;
    /// Whether fast paths are compared with their naive twins as they run.
    const TWINS: bool = cfg!(debug_assertions);

    /// An area's fields.
    type Area: AreaFields;
    /// An entry of the mark stack.
    type Entry: StackEntry;

    /// The first area; it is always there.
    fn first_area(self) -> *mut Self::Area;
    /// The area before which every block is used; null where the heap was never made. With
    /// [`Host::SPLIT`].
    fn last_free_area(self) -> *mut *mut Self::Area;
    /// The lowest address of all pools, and the one past the highest. With [`Host::POOL_BOUNDS`].
    fn pool_bounds(self) -> [*mut *mut u8; 2] {
        [core::ptr::null_mut(); 2]
    }
    /// How many collections are under way: more than 1 when a finaliser collects.
    ///
    /// In C this word is `gc_stack_overflow`, which only its collector reads.
    fn collects(self) -> *mut core::ffi::c_int;
    /// The mark stack. Between collections its bytes hold the search's bounds.
    fn stack(self) -> *mut Self::Entry;
    /// The area of each entry of the mark stack. With [`Host::SPLIT`].
    fn area_stack(self) -> *mut *mut Self::Area;
    /// The search's hints.
    fn hints(self) -> *mut Hints<Self::Area>;
    /// Whether an allocation may collect; see [`Host::WHEN_FULL`].
    fn auto_collect(self) -> *mut u16;
    /// Blocks allocated since the last collection. With [`Host::THRESHOLD`].
    fn alloc_amount(self) -> *mut usize;
    /// Blocks after which an allocation collects first. With [`Host::THRESHOLD`].
    fn alloc_threshold(self) -> *mut usize;
    /// When the heap collects that is not full. With [`Host::PACES`].
    fn pace(self) -> Pace {
        Pace::Off
    }
    /// What pacing keeps between collections. With [`Host::PACES`].
    fn paced(self) -> *mut Paced {
        core::ptr::null_mut()
    }
    /// Chunks that the last collection freed. With [`Host::COUNT_COLLECTED`].
    fn collected(self) -> *mut usize;
    /// This thread's lock depth: a bit while it collects, and a count above it.
    fn lock_depth(self) -> *mut u16;

    /// Makes the mutex, if there is one.
    fn init_mutex(self) {}
    /// Keeps other threads out of the heap. Nests.
    fn enter(self) {}
    /// Lets other threads in again.
    fn exit(self) {}
    /// `chunk` itself, as an address that the compiler must keep from here on: it could keep the
    /// number of the block alone and compute the address when the mutex is let go, and then another
    /// thread's collection finds no pointer.
    fn keep_address(self, chunk: *mut u8) -> *mut u8 {
        chunk
    }
    /// Hands out a chunk: [`super::Heap::alloc`]. A host that exports that function calls its
    /// export, so that there is one copy of the code.
    ///
    /// # Safety
    ///
    /// As for [`super::Heap::new`], and the heap was made.
    unsafe fn alloc(self, bytes: usize, flags: u32) -> *mut u8 {
        // SAFETY: by this function's contract.
        unsafe { super::Heap::new(self) }.alloc(bytes, flags)
    }
    /// Frees a chunk: [`super::Heap::free`]. The same is true of it.
    ///
    /// # Safety
    ///
    /// As for [`Host::alloc`] and [`super::Heap::free`].
    unsafe fn free(self, chunk: *mut u8) {
        // SAFETY: by this function's contract.
        unsafe { super::Heap::new(self).free(chunk) }
    }
    /// Collects: calls `collect_start`, `collect_root` for the roots that only the host knows, and
    /// `collect_end`. Runs finalisers, hence Python; it may not return if one of them aborts the
    /// VM.
    fn collect(self);
    /// Runs the finaliser of a dying object, whose first word is not zero. Nothing that it raises
    /// may get out; if the host has something that does, it calls [`super::Heap::abandon_collect`]
    /// on the way. With [`Host::FINALISER`].
    ///
    /// # Safety
    ///
    /// `object` is a chunk that the sweep of the collection under way is about to free.
    unsafe fn finalise(self, object: *mut u8);
    /// Which word of a chunk that begins with these two points at data without pointers. With
    /// [`Host::NOSCAN`].
    fn raw_field(self, _first: usize, _second: usize) -> Option<usize> {
        None
    }
    /// Whether a chunk that begins with this word may be an object, and no data. With
    /// [`Host::NOSCAN`].
    fn may_be_object(self, _first: usize) -> bool {
        true
    }
    /// Takes note that an object with a weak reference to it is about to be freed. With
    /// [`Host::WEAKREF`].
    ///
    /// # Safety
    ///
    /// As for [`Self::finalise`].
    unsafe fn weakref_dies(self, _object: *mut u8) {}
    /// Calls who waits for objects that were freed; called without the mutex, and with the heap
    /// unlocked. With [`Host::WEAKREF`].
    fn sweep_weakrefs(self) {}
    /// Called from every search and every long loop, with the numbers of the next `steps` steps
    /// that the C would take. With [`Host::HOOK`].
    fn hook(self, _first: usize, _steps: usize) {}
    /// Whether the word at this address may be read. With [`Host::CHECK_ROOTS`].
    fn readable(self, _root: *const usize) -> bool {
        true
    }
    /// A chunk was handed out, given back or resized; called without the mutex. With
    /// [`Host::PROFILE`].
    fn changed(self) {}
    /// A chunk has `blocks` blocks now: it was handed out, or it was resized where it lies. Called
    /// without the mutex, and may raise. With [`Host::MONITOR`].
    fn resized(self, _blocks: BlockCount) {}
    /// Tells what happens. With [`Host::VERBOSE`]; of marks alone with [`Host::TRACE_MARKS`].
    fn trace(self, _event: Trace) {}
    /// The largest region that could be added now, in bytes. With [`Host::SPLIT_AUTO`].
    fn max_new_area(self) -> usize {
        0
    }
    /// Gets a region of that many bytes, or null. With [`Host::SPLIT_AUTO`].
    fn get_region(self, _bytes: usize) -> *mut u8 {
        core::ptr::null_mut()
    }
    /// Gives a region back. With [`Host::SPLIT_AUTO`].
    fn give_region(self, _start: *mut u8) {}
    /// Stops, for the heap is used and there is none. With [`Host::MAY_BE_ABSENT`].
    fn absent(self) -> ! {
        self.fault(Fault::NoRoom, core::ptr::null())
    }
    /// Stops: something is wrong at `address`, and going on would damage memory.
    fn fault(self, fault: Fault, address: *const u8) -> !;
}
