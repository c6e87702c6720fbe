//! The heap over `mp_state_ctx.mem`: its options, and where its state lies.

use super::area::optional;
use super::bindings as c;
use super::config;
use super::micropython::{ctx, mem, thread};
#[cfg(feature = "clear-stack")]
use super::shim;
#[cfg(feature = "pacing")]
use crate::heap::Paced;
#[cfg(feature = "stats")]
use crate::heap::Stats;
use crate::heap::host::{Config, Memory};
use crate::heap::{Heap, Hints, alloc, lock};
use core::ffi::c_int;
use core::mem::offset_of;

/// The host: the port's only context.
#[derive(Clone, Copy)]
pub struct MicroPython;

/// The heap of the port's only context.
// SAFETY: its state is static, and the port calls `gc_init` before any other export (their
// contract).
pub const HEAP: Heap<MicroPython> = unsafe { Heap::new(MicroPython) };

const _: () = {
    assert!(config::GC_ALLOC_FLAG_HAS_FINALISER == alloc::HAS_FINALISER);
    assert!(1 << config::GC_LOCK_DEPTH_SHIFT == Heap::<MicroPython>::LOCK_UNIT);
    assert!(
        config::GC_COLLECT_FLAG
            == if MicroPython::FINALISER && MicroPython::FINALISER_PASS {
                lock::COLLECTING
            } else {
                0
            }
    );
};

#[cfg(mpgc_selective_collect)]
const _: () = assert!(config::GC_ALLOC_FLAG_DO_NOT_COLLECT == alloc::UNREAD);

/// The state of the search for which the C has no field. Unused where the search has only the C's
/// hint.
static mut HINTS: Hints<c::mp_state_mem_area_t> = Hints::NONE;

/// The state of pacing.
#[cfg(feature = "pacing")]
static mut PACED: Paced = Paced::NONE;

/// What the heap counts.
#[cfg(feature = "stats")]
static mut STATS: Stats = Stats::NONE;

/// The counters that the port has only with `MICROPY_GC_ALLOC_THRESHOLD`, for features that need
/// them without it.
#[cfg(all(
    any(feature = "pacing", feature = "idle-collect", feature = "stats"),
    not(mpgc_alloc_threshold)
))]
mod counters {
    pub static mut AMOUNT: usize = 0;
    pub static mut THRESHOLD: usize = usize::MAX;
}

/// The address of a field of `mp_state_ctx.mem`.
macro_rules! of_mem {
    ($field:ident) => {
        // SAFETY: a field of a static is in bounds.
        unsafe { &raw mut (*mem()).$field }
    };
}

impl Config for MicroPython {
    const BLOCK_BYTES: usize = config::BYTES_PER_GC_BLOCK;
    const STACK_ENTRIES: usize = config::ALLOC_GC_STACK_SIZE;
    const FINALISER: bool = cfg!(mpgc_finaliser);
    const FINALISER_PASS: bool = cfg!(mpgc_finaliser_pass);
    const WEAKREF: bool = cfg!(mpgc_weakref);
    const SELECTIVE_COLLECT: bool = cfg!(mpgc_selective_collect);
    const LAST_USED: bool = cfg!(mpgc_last_used);
    const POOL_BOUNDS: bool = cfg!(mpgc_pool_bounds);
    const SPLIT: bool = cfg!(mpgc_split_heap);
    const SPLIT_AUTO: bool = cfg!(mpgc_split_heap_auto);
    const GROW_BY_REGIONS: bool = cfg!(mpgc_grow_by_regions);
    const GROW_BY_BLOCKS: bool = cfg!(mpgc_circuitpython);
    const CONSERVATIVE_CLEAR: bool = cfg!(mpgc_conservative_clear);
    const THRESHOLD: bool = cfg!(any(
        mpgc_alloc_threshold,
        feature = "pacing",
        feature = "idle-collect"
    ));
    const PACES: bool = cfg!(feature = "pacing");
    const STATS: bool = cfg!(feature = "stats");
    const TRACE: bool = cfg!(feature = "trace");
    const COUNT_COLLECTED: bool = cfg!(mpgc_collect_retval);
    const HOOK: bool = cfg!(mpgc_gc_hook_loop);
    const HARDENED: bool = cfg!(feature = "hardened");
    const NOSCAN: bool = cfg!(feature = "noscan");
    const CLEAR_ON_SWEEP: bool = cfg!(feature = "clear-on-sweep");
    const PROFILE: bool = cfg!(feature = "heap-profiling");
    const MONITOR: bool = cfg!(mpgc_memory_monitor);
    const MAY_BE_ABSENT: bool = cfg!(mpgc_circuitpython);
    const REPORTS_FULL: bool = cfg!(mpgc_dump_when_full);
    const LOG_MARKS: bool = cfg!(feature = "trace-marks");
    const VERBOSE: bool = cfg!(mpgc_debug_verbose);
    const CHECK_ROOTS: bool = cfg!(mpgc_debug_valgrind);
    // a build with asserts has those of the C; comparing every allocation with a full scan would
    // hide its speed
    const TWINS: bool = false;
}

// SAFETY: the fields are those of a static; the mutex keeps other threads out, and no interrupt
// handler may call the heap.
unsafe impl Memory for MicroPython {
    type Area = c::mp_state_mem_area_t;
    type Entry = config::GcStackEntry;

    fn first_area(self) -> *mut c::mp_state_mem_area_t {
        of_mem!(area)
    }
    fn last_free_area(self) -> *mut *mut c::mp_state_mem_area_t {
        optional!(mpgc_split_heap, of_mem!(gc_last_free_area))
    }
    #[cfg(mpgc_pool_bounds)]
    fn pool_bounds(self) -> [*mut *mut u8; 2] {
        [of_mem!(area_pool_min), of_mem!(area_pool_max)]
    }
    fn collects(self) -> *mut c_int {
        of_mem!(gc_stack_overflow)
    }
    fn stack(self) -> *mut config::GcStackEntry {
        of_mem!(gc_block_stack).cast()
    }
    fn area_stack(self) -> *mut *mut c::mp_state_mem_area_t {
        optional!(mpgc_split_heap, of_mem!(gc_area_stack).cast())
    }
    fn hints(self) -> *mut Hints<c::mp_state_mem_area_t> {
        &raw mut HINTS
    }
    fn auto_collect(self) -> *mut u16 {
        of_mem!(gc_auto_collect_enabled)
    }
    #[cfg(any(
        mpgc_alloc_threshold,
        not(any(feature = "pacing", feature = "idle-collect", feature = "stats"))
    ))]
    fn alloc_amount(self) -> *mut usize {
        optional!(mpgc_alloc_threshold, of_mem!(gc_alloc_amount))
    }
    #[cfg(any(
        mpgc_alloc_threshold,
        not(any(feature = "pacing", feature = "idle-collect", feature = "stats"))
    ))]
    fn alloc_threshold(self) -> *mut usize {
        optional!(mpgc_alloc_threshold, of_mem!(gc_alloc_threshold))
    }
    #[cfg(all(
        any(feature = "pacing", feature = "idle-collect", feature = "stats"),
        not(mpgc_alloc_threshold)
    ))]
    fn alloc_amount(self) -> *mut usize {
        &raw mut counters::AMOUNT
    }
    #[cfg(all(
        any(feature = "pacing", feature = "idle-collect", feature = "stats"),
        not(mpgc_alloc_threshold)
    ))]
    fn alloc_threshold(self) -> *mut usize {
        &raw mut counters::THRESHOLD
    }
    #[cfg(feature = "pacing")]
    fn paced(self) -> *mut Paced {
        &raw mut PACED
    }
    #[cfg(feature = "stats")]
    fn stats(self) -> *mut Stats {
        &raw mut STATS
    }
    fn collected(self) -> *mut usize {
        optional!(mpgc_collect_retval, of_mem!(gc_collected))
    }
    fn lock_depth(self) -> *mut u16 {
        // SAFETY: a field of the running thread's state is in bounds.
        unsafe { &raw mut (*thread()).gc_lock_depth }
    }
}

/// Begins a collection and marks from the roots in the context: those of the main thread and the
/// VM, which are adjacent, and the running thread's Python stack.
pub fn collect_start() {
    HEAP.collect_start();
    #[cfg(feature = "idle-collect")]
    super::idle::begin();
    #[cfg(feature = "clear-stack")]
    // SAFETY: the port defines how far its stack may grow.
    unsafe {
        shim::clear_dead_stack()
    }
    const FIRST: usize =
        offset_of!(c::mp_state_ctx_t, thread) + offset_of!(c::mp_state_thread_t, dict_locals);
    const END: usize =
        offset_of!(c::mp_state_ctx_t, vm) + offset_of!(c::mp_state_vm_t, qstr_last_chunk);
    let words = (END - FIRST) / size_of::<usize>();
    // Calls the export, so that there is only one copy of the function.
    // SAFETY: both offsets lie in the static, and the fields between them are words.
    unsafe { c::gc_collect_root(ctx().cast::<u8>().add(FIRST).cast(), words) }
    #[cfg(mpgc_pystack)]
    // SAFETY: the stack is in use from its start to `pystack_cur`.
    unsafe {
        let (start, cur) = ((*thread()).pystack_start, (*thread()).pystack_cur);
        c::gc_collect_root(
            start.cast(),
            (cur.addr() - start.addr()) / size_of::<usize>(),
        );
    }
}
