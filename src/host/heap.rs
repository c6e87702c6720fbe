//! The heap over `mp_state_ctx.mem`, and what it asks of MicroPython.

use super::area::optional;
use super::bindings as c;
use super::micropython::{ctx, mem, thread};
use super::{config, shim};
use crate::heap::host::Host;
#[cfg(any(mpgc_debug_verbose, feature = "trace-marks"))]
use crate::heap::host::Trace;
use crate::heap::{Fault, Heap, Hints, alloc, lock};
#[cfg(feature = "pacing")]
use crate::heap::{Pace, Paced};
use core::ffi::c_int;
use core::mem::offset_of;

/// The functions of `gc_mutex`, which is recursive from 1.25 on. Before, nothing takes it twice: a
/// finaliser can neither allocate nor free, and where it asks for figures or collects, it waits for
/// ever in C too.
#[cfg(mpgc_gc_mutex)]
mod mutex {
    #[cfg(not(any(mpgc_recursive_mutex, mpgc_mutex_inline)))]
    pub use crate::host::bindings::{
        mp_thread_mutex_init as init, mp_thread_mutex_lock as lock,
        mp_thread_mutex_unlock as unlock,
    };
    #[cfg(all(mpgc_recursive_mutex, not(mpgc_mutex_inline)))]
    pub use crate::host::bindings::{
        mp_thread_recursive_mutex_init as init, mp_thread_recursive_mutex_lock as lock,
        mp_thread_recursive_mutex_unlock as unlock,
    };
    #[cfg(mpgc_mutex_inline)]
    pub use crate::host::bindings::{
        mpgc_shim_mutex_init as init, mpgc_shim_mutex_lock as lock,
        mpgc_shim_mutex_unlock as unlock,
    };
}

/// The host: the one context of the port.
#[derive(Clone, Copy)]
pub struct MicroPython;

/// The heap of the one context of the port.
// SAFETY: its words are a static's, its areas the port's, which calls gc_init before anything else
// (a contract of the exports).
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

/// What the search keeps between calls and the C has no field for; not used where it knows the C's
/// hint alone.
static mut HINTS: Hints<c::mp_state_mem_area_t> = Hints::NONE;

/// What pacing keeps between collections.
#[cfg(feature = "pacing")]
static mut PACED: Paced = Paced::NONE;

/// The words that the port keeps only with `MICROPY_GC_ALLOC_THRESHOLD`, for those who need them
/// without it.
#[cfg(all(
    any(feature = "pacing", feature = "idle-collect"),
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

// SAFETY: the fields are those of a static; the mutex keeps other threads out, and no interrupt
// handler may call the heap.
unsafe impl Host for MicroPython {
    const BLOCK_BYTES: usize = config::BYTES_PER_GC_BLOCK;
    const STACK_ENTRIES: usize = config::ALLOC_GC_STACK_SIZE;
    const FINALISER: bool = cfg!(mpgc_finaliser);
    const FINALISER_PASS: bool = cfg!(mpgc_finaliser_pass);
    const WEAKREF: bool = cfg!(mpgc_weakref);
    const LAST_USED: bool = cfg!(mpgc_last_used);
    const POOL_BOUNDS: bool = cfg!(mpgc_pool_bounds);
    const SPLIT: bool = cfg!(mpgc_split_heap);
    const SPLIT_AUTO: bool = cfg!(mpgc_split_heap_auto);
    const GROW_BY_REGIONS: bool = cfg!(mpgc_grow_by_regions);
    const CONSERVATIVE_CLEAR: bool = cfg!(mpgc_conservative_clear);
    const THRESHOLD: bool = cfg!(any(
        mpgc_alloc_threshold,
        feature = "pacing",
        feature = "idle-collect"
    ));
    const PACES: bool = cfg!(feature = "pacing");
    const COUNT_COLLECTED: bool = cfg!(mpgc_collect_retval);
    const HOOK: bool = cfg!(mpgc_gc_hook_loop);
    const HARDENED: bool = cfg!(feature = "hardened");
    const NOSCAN: bool = cfg!(feature = "noscan");
    const CLEAR_ON_SWEEP: bool = cfg!(feature = "clear-on-sweep");
    const PROFILE: bool = cfg!(feature = "heap-profiling");
    const TRACE_MARKS: bool = cfg!(feature = "trace-marks");
    const VERBOSE: bool = cfg!(mpgc_debug_verbose);
    const CHECK_ROOTS: bool = cfg!(mpgc_debug_valgrind);
    // a build with asserts has its own; comparing every allocation with a full scan would hide its
    // speed
    const TWINS: bool = false;

    type Area = c::mp_state_mem_area_t;
    type Entry = config::GcStackEntry;

    #[inline(always)]
    fn first_area(self) -> *mut c::mp_state_mem_area_t {
        of_mem!(area)
    }
    #[inline(always)]
    fn last_free_area(self) -> *mut *mut c::mp_state_mem_area_t {
        optional!(mpgc_split_heap, of_mem!(gc_last_free_area))
    }
    #[inline(always)]
    unsafe fn alloc(self, bytes: usize, flags: u32) -> *mut u8 {
        // SAFETY: by this function's contract.
        unsafe { c::gc_alloc(bytes, flags) }.cast()
    }
    #[inline(always)]
    unsafe fn free(self, chunk: *mut u8) {
        // SAFETY: by this function's contract.
        unsafe { c::gc_free(chunk.cast()) }
    }
    #[cfg(mpgc_pool_bounds)]
    #[inline(always)]
    fn pool_bounds(self) -> [*mut *mut u8; 2] {
        [of_mem!(area_pool_min), of_mem!(area_pool_max)]
    }
    #[inline(always)]
    fn collects(self) -> *mut c_int {
        of_mem!(gc_stack_overflow)
    }
    #[inline(always)]
    fn stack(self) -> *mut config::GcStackEntry {
        of_mem!(gc_block_stack).cast()
    }
    #[inline(always)]
    fn area_stack(self) -> *mut *mut c::mp_state_mem_area_t {
        optional!(mpgc_split_heap, of_mem!(gc_area_stack).cast())
    }
    #[inline(always)]
    fn hints(self) -> *mut Hints<c::mp_state_mem_area_t> {
        &raw mut HINTS
    }
    #[inline(always)]
    fn auto_collect(self) -> *mut u16 {
        of_mem!(gc_auto_collect_enabled)
    }
    #[cfg(any(
        mpgc_alloc_threshold,
        not(any(feature = "pacing", feature = "idle-collect"))
    ))]
    #[inline(always)]
    fn alloc_amount(self) -> *mut usize {
        optional!(mpgc_alloc_threshold, of_mem!(gc_alloc_amount))
    }
    #[cfg(any(
        mpgc_alloc_threshold,
        not(any(feature = "pacing", feature = "idle-collect"))
    ))]
    #[inline(always)]
    fn alloc_threshold(self) -> *mut usize {
        optional!(mpgc_alloc_threshold, of_mem!(gc_alloc_threshold))
    }
    #[cfg(all(
        any(feature = "pacing", feature = "idle-collect"),
        not(mpgc_alloc_threshold)
    ))]
    #[inline(always)]
    fn alloc_amount(self) -> *mut usize {
        &raw mut counters::AMOUNT
    }
    #[cfg(all(
        any(feature = "pacing", feature = "idle-collect"),
        not(mpgc_alloc_threshold)
    ))]
    #[inline(always)]
    fn alloc_threshold(self) -> *mut usize {
        &raw mut counters::THRESHOLD
    }
    #[cfg(feature = "pacing")]
    #[inline(always)]
    fn pace(self) -> Pace {
        config::PACE
    }
    #[cfg(feature = "pacing")]
    #[inline(always)]
    fn paced(self) -> *mut Paced {
        &raw mut PACED
    }
    #[inline(always)]
    fn collected(self) -> *mut usize {
        optional!(mpgc_collect_retval, of_mem!(gc_collected))
    }
    #[inline(always)]
    fn lock_depth(self) -> *mut u16 {
        // SAFETY: a field of the running thread's state is in bounds.
        unsafe { &raw mut (*thread()).gc_lock_depth }
    }

    #[cfg(mpgc_gc_mutex)]
    #[inline(always)]
    fn init_mutex(self) {
        // SAFETY: the mutex is a field of a static.
        unsafe { mutex::init(&raw mut (*mem()).gc_mutex) }
    }
    #[cfg(mpgc_gc_mutex)]
    #[inline(always)]
    fn enter(self) {
        // SAFETY: `gc_init` has made the mutex.
        unsafe { mutex::lock(&raw mut (*mem()).gc_mutex, 1) };
    }
    #[cfg(mpgc_gc_mutex)]
    #[inline(always)]
    fn exit(self) {
        // SAFETY: this thread holds the mutex since `enter`.
        unsafe { mutex::unlock(&raw mut (*mem()).gc_mutex) }
    }

    // A store and a load, of which the compiler knows nothing; c-tests/rp2 shows a chunk lost
    // without it.
    #[cfg(mpgc_gc_mutex)]
    #[inline(always)]
    fn keep_address(self, chunk: *mut u8) -> *mut u8 {
        core::hint::black_box(chunk)
    }

    fn collect(self) {
        // SAFETY: the port's own collection; it calls back into `ffi::gc`.
        unsafe { c::gc_collect() }
    }

    #[cfg(not(mpgc_finaliser))]
    unsafe fn finalise(self, _object: *mut u8) {}

    #[cfg(mpgc_weakref)]
    unsafe fn weakref_dies(self, object: *mut u8) {
        // SAFETY: the port's own function; it looks for the address.
        unsafe { c::gc_weakref_about_to_be_freed(object.cast()) }
    }
    #[cfg(mpgc_weakref)]
    fn sweep_weakrefs(self) {
        // SAFETY: the port's own function; what the callbacks raise goes no further.
        unsafe { c::gc_weakref_sweep() }
    }

    // Without jump callbacks (1.20) an abort leaves the heap locked, as in C.
    #[cfg(all(mpgc_finaliser, not(all(mpgc_vm_abort, mpgc_jump_callbacks))))]
    unsafe fn finalise(self, object: *mut u8) {
        // SAFETY: the object is dying and has a type; what it raises goes no further than the shim.
        unsafe { shim::run_finaliser(object.cast()) }
    }

    /// An abort of the VM leaves the finaliser, and the collection with it, by a jump.
    #[cfg(all(mpgc_finaliser, mpgc_vm_abort, mpgc_jump_callbacks))]
    unsafe fn finalise(self, object: *mut u8) {
        #[repr(C)]
        struct Running {
            // first: the callback is given its address
            node: c::nlr_jump_callback_node_t,
            #[cfg(mpgc_scheduler)]
            sched_depth: i16,
        }
        unsafe extern "C" fn abandon(node: *mut core::ffi::c_void) {
            // SAFETY: the jump leaves a finaliser, hence a collection.
            unsafe { HEAP.abandon_collect() }
            #[cfg(mpgc_scheduler)]
            // SAFETY: the node is the first field of what `finalise` has on its stack, which the
            // jump leaves next.
            super::sched::unlock_to(unsafe { (*node.cast::<Running>()).sched_depth });
            #[cfg(not(mpgc_scheduler))]
            let _ = node;
        }
        let mut running = Running {
            node: c::nlr_jump_callback_node_t {
                prev: core::ptr::null_mut(),
                fun: None,
            },
            #[cfg(mpgc_scheduler)]
            sched_depth: super::sched::lock_depth(),
        };
        // SAFETY: the node is on this stack and popped before the frame ends, by us or by the jump.
        unsafe {
            super::nlr::push_callback((&raw mut running).cast(), Some(abandon));
            shim::run_finaliser(object.cast());
            super::nlr::pop_callback(false);
        }
    }

    #[cfg(feature = "noscan")]
    #[inline(always)]
    fn raw_field(self, first: usize, second: usize) -> Option<usize> {
        super::raw::field(first, second)
    }
    #[cfg(feature = "noscan")]
    #[inline(always)]
    fn may_be_object(self, first: usize) -> bool {
        super::raw::may_be_type(first)
    }

    #[cfg(mpgc_gc_hook_loop)]
    #[inline(always)]
    fn hook(self, first: usize, steps: usize) {
        // SAFETY: the port's own macro.
        unsafe { shim::gc_hook_loop(first, steps) }
    }

    #[cfg(mpgc_debug_valgrind)]
    fn readable(self, root: *const usize) -> bool {
        // SAFETY: asks about the address only.
        unsafe { shim::root_readable(root.cast_mut().cast()) }
    }

    #[cfg(feature = "heap-profiling")]
    fn changed(self) {
        // SAFETY: the port's own printer.
        HEAP.dump(&mut unsafe { super::dump::Printer::new(&raw const c::mp_plat_print) });
    }

    #[cfg(all(feature = "trace-marks", not(mpgc_debug_verbose)))]
    fn trace(self, event: Trace) {
        if let Trace::Mark(chunk) = event {
            // SAFETY: the port's own printer; the format is given an argument of its type.
            unsafe {
                c::mp_printf(
                    &raw const c::mp_plat_print,
                    c"gc_mark(%p)\n".as_ptr(),
                    chunk,
                )
            };
        }
    }

    #[cfg(mpgc_debug_verbose)]
    fn trace(self, event: Trace) {
        // SAFETY: each format is given arguments of its types.
        unsafe {
            match event {
                Trace::AllocRequest { bytes, blocks } => c::DEBUG_printf(
                    c"gc_alloc(%u bytes -> %u blocks)\n".as_ptr(),
                    bytes as core::ffi::c_uint,
                    blocks.0 as core::ffi::c_uint,
                ),
                Trace::AllocCollects { bytes } => c::DEBUG_printf(
                    c"gc_alloc(%u): no free mem, triggering GC\n".as_ptr(),
                    bytes as core::ffi::c_uint,
                ),
                Trace::Alloc(chunk) => c::DEBUG_printf(c"gc_alloc(%p)\n".as_ptr(), chunk),
                Trace::Free(chunk) => c::DEBUG_printf(c"gc_free(%p)\n".as_ptr(), chunk),
                Trace::Move { from, to } => {
                    c::DEBUG_printf(c"gc_realloc(%p -> %p)\n".as_ptr(), from, to)
                }
                Trace::Mark(chunk) => c::DEBUG_printf(c"gc_mark(%p)\n".as_ptr(), chunk),
                Trace::Sweep(chunk) => c::DEBUG_printf(c"gc_sweep(%p)\n".as_ptr(), chunk),
                Trace::Init { start, end } => {
                    c::DEBUG_printf(c"gc_init(%p..%p)\n".as_ptr(), start, end)
                }
                Trace::Add { start, end } => {
                    c::DEBUG_printf(c"gc_add(%p..%p)\n".as_ptr(), start, end)
                }
                Trace::EmptyArea(area) => {
                    c::DEBUG_printf(c"gc_sweep: free empty area %p\n".as_ptr(), area)
                }
            };
        }
    }

    #[cfg(mpgc_split_heap_auto)]
    fn max_new_area(self) -> usize {
        // SAFETY: the port's own function.
        unsafe { c::gc_get_max_new_split() }
    }
    #[cfg(mpgc_split_heap_auto)]
    fn get_region(self, bytes: usize) -> *mut u8 {
        // SAFETY: the port's own macro.
        unsafe { shim::plat_alloc_heap(bytes).cast() }
    }
    #[cfg(mpgc_split_heap_auto)]
    fn give_region(self, start: *mut u8) {
        // SAFETY: `get_region` returned it, and no block of it is used.
        unsafe { shim::plat_free_heap(start.cast()) }
    }

    #[cold]
    #[cfg_attr(not(feature = "small"), inline(never))]
    fn fault(self, fault: Fault, address: *const u8) -> ! {
        // SAFETY: C of the port or of the shim, which stops; the address is told, not followed.
        unsafe { shim::fault(fault as core::ffi::c_int, address.cast()) }
    }
}

/// Begins a collection and marks from the roots in the context: those of the main thread and the
/// VM, which lie side by side, and the running thread's Python stack.
pub fn collect_start() {
    HEAP.collect_start();
    #[cfg(feature = "idle-collect")]
    super::idle::begin();
    #[cfg(feature = "clear-stack")]
    // SAFETY: the port says how far its stack may grow.
    unsafe {
        shim::clear_dead_stack()
    }
    const FIRST: usize =
        offset_of!(c::mp_state_ctx_t, thread) + offset_of!(c::mp_state_thread_t, dict_locals);
    const END: usize =
        offset_of!(c::mp_state_ctx_t, vm) + offset_of!(c::mp_state_vm_t, qstr_last_chunk);
    let words = (END - FIRST) / size_of::<usize>();
    // By the export, not by the function that it stands for: so there is one copy of that.
    // SAFETY: both offsets lie in the static, whose fields between them are words.
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
