//! What the heap calls in MicroPython: the mutex, finalisers, and the macros of the port.

use super::bindings as c;
#[cfg(feature = "pacing")]
use super::config;
#[cfg(mpgc_circuitpython)]
use super::config::SAFE_MODE_GC_ALLOC_OUTSIDE_VM;
#[cfg(any(
    feature = "heap-profiling",
    all(mpgc_finaliser, mpgc_vm_abort, mpgc_jump_callbacks)
))]
use super::heap::HEAP;
use super::heap::MicroPython;
#[cfg(mpgc_gc_mutex)]
use super::in_place;
#[cfg(mpgc_gc_mutex)]
use super::micropython::ctx;
use super::shim;
#[cfg(mpgc_memory_monitor)]
use crate::heap::BlockCount;
use crate::heap::Fault;
#[cfg(feature = "pacing")]
use crate::heap::Pace;
use crate::heap::host::Callbacks;
#[cfg(any(mpgc_debug_verbose, feature = "trace-marks"))]
use crate::heap::host::Event;
#[cfg(feature = "trace")]
use crate::heap::stats::Traced;

/// The address of the mutex in a context.
#[cfg(mpgc_gc_mutex)]
fn gc_mutex(ctx: *mut c::mp_state_ctx_t) -> *mut c::mpgc_mutex_t {
    // SAFETY: a field of a static is in bounds.
    unsafe { &raw mut (*ctx).mem.gc_mutex }
}

/// The port's only context. On ARM the compiler does not see that it is the same as before, so it
/// computes addresses in it again and does not keep them across a call; a short function would have
/// to save one more register to keep one.
#[cfg(mpgc_gc_mutex)]
fn ctx_anew() -> *mut c::mp_state_ctx_t {
    let ctx = ctx();
    #[cfg(all(target_arch = "arm", target_os = "none"))]
    let ctx = {
        let anew;
        // SAFETY: there is no instruction.
        unsafe {
            core::arch::asm!(
                "/* {0} */", inout(reg) ctx => anew, options(nomem, nostack, preserves_flags)
            );
        }
        anew
    };
    ctx
}

// SAFETY: the mutex keeps other threads out, and no interrupt handler may call the heap; the port
// gives a region to nobody else.
unsafe impl Callbacks for MicroPython {
    #[cfg(feature = "stats")]
    fn now_us(self) -> u32 {
        // SAFETY: the port's own clock.
        unsafe { shim::ticks_us() as u32 }
    }
    #[cfg(feature = "trace")]
    fn traced(self, what: Traced) {
        super::trace::note(self.now_us(), what);
    }
    // The mutex is recursive from 1.25 on. Before, a finaliser can neither allocate nor free, and
    // one that calls `gc_info` or collects deadlocks in C too.
    #[cfg(mpgc_gc_mutex)]
    fn init_mutex(self) {
        // SAFETY: the mutex is a field of a static.
        unsafe { in_place::mutex_init(gc_mutex(ctx())) }
    }
    #[cfg(mpgc_gc_mutex)]
    fn enter(self) {
        // SAFETY: `gc_init` has initialised the mutex.
        unsafe { in_place::mutex_lock(gc_mutex(ctx())) }
    }
    #[cfg(mpgc_gc_mutex)]
    fn exit(self) {
        // SAFETY: this thread has held the mutex since `enter`.
        unsafe { in_place::mutex_unlock(gc_mutex(ctx_anew())) }
    }

    // A store and a load that are opaque to the compiler; c-tests/rp2 shows a chunk lost without
    // them.
    #[cfg(mpgc_gc_mutex)]
    fn keep_address(self, chunk: *mut u8) -> *mut u8 {
        core::hint::black_box(chunk)
    }

    unsafe fn alloc(self, bytes: usize, flags: u32) -> *mut u8 {
        // SAFETY: by this function's contract.
        unsafe { c::gc_alloc(bytes, flags) }.cast()
    }
    unsafe fn free(self, chunk: *mut u8) {
        // SAFETY: by this function's contract.
        unsafe { c::gc_free(chunk.cast()) }
    }

    fn collect(self) {
        // SAFETY: the port's own collection; it calls back into `ffi::gc`.
        unsafe { c::gc_collect() }
    }

    #[cfg(feature = "pacing")]
    fn pace(self) -> Pace {
        config::PACE
    }

    #[cfg(mpgc_weakref)]
    unsafe fn weakref_dies(self, object: *mut u8) {
        // SAFETY: the port's own function; it only compares the address.
        unsafe { c::gc_weakref_about_to_be_freed(object.cast()) }
    }
    #[cfg(mpgc_weakref)]
    fn sweep_weakrefs(self) {
        // SAFETY: the port's own function, which catches what the callbacks raise.
        unsafe { c::gc_weakref_sweep() }
    }

    #[cfg(not(mpgc_finaliser))]
    unsafe fn finalise(self, _object: *mut u8) {}

    // Without jump callbacks (1.20) an abort leaves the heap locked, as in C.
    #[cfg(all(mpgc_finaliser, not(all(mpgc_vm_abort, mpgc_jump_callbacks))))]
    unsafe fn finalise(self, object: *mut u8) {
        // SAFETY: the object is dying and has a type; the shim catches what its finaliser raises.
        unsafe { shim::run_finaliser(object.cast()) }
    }

    /// An abort of the VM jumps out of the finaliser, and so out of the collection.
    #[cfg(all(mpgc_finaliser, mpgc_vm_abort, mpgc_jump_callbacks))]
    unsafe fn finalise(self, object: *mut u8) {
        #[repr(C)]
        struct Running {
            // first, since the callback receives its address
            node: c::nlr_jump_callback_node_t,
            #[cfg(mpgc_scheduler)]
            sched_depth: i16,
        }
        unsafe extern "C" fn abandon(node: *mut core::ffi::c_void) {
            // SAFETY: the jump leaves a finaliser, hence a collection.
            unsafe { HEAP.abandon_collect() }
            #[cfg(mpgc_scheduler)]
            // SAFETY: the node is the first field of `running` in the frame of `finalise`, which
            // the jump leaves next.
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
        // SAFETY: the node lies in this frame, and is popped before the frame ends, here or by the
        // jump.
        unsafe {
            super::nlr::push_callback((&raw mut running).cast(), Some(abandon));
            shim::run_finaliser(object.cast());
            super::nlr::pop_callback(false);
        }
    }

    #[cfg(feature = "noscan")]
    fn raw_field(self, first: usize, second: usize) -> Option<usize> {
        super::raw::field(first, second)
    }
    #[cfg(feature = "noscan")]
    fn may_be_object(self, first: usize) -> bool {
        super::raw::may_be_type(first)
    }

    #[cfg(mpgc_gc_hook_loop)]
    fn hook(self, first: usize, steps: usize) {
        // SAFETY: the port's own macro.
        unsafe { shim::gc_hook_loop(first, steps) }
    }

    #[cfg(mpgc_debug_valgrind)]
    fn readable(self, root: *const usize) -> bool {
        // SAFETY: only checks the address.
        unsafe { shim::root_readable(root.cast_mut().cast()) }
    }

    #[cfg(mpgc_memory_monitor)]
    fn resized(self, blocks: BlockCount) {
        // SAFETY: the port's own function. It may raise, and no value here has a destructor.
        unsafe { c::memorymonitor_track_allocation(blocks.0) }
    }

    #[cfg(mpgc_dump_when_full)]
    fn full(self) {
        // SAFETY: the port's own printer.
        unsafe { c::gc_dump_alloc_table(&raw const c::mp_plat_print) }
    }

    #[cfg(mpgc_circuitpython)]
    #[cold]
    fn absent(self) -> ! {
        // SAFETY: the port's own function, which resets.
        unsafe { c::reset_into_safe_mode(SAFE_MODE_GC_ALLOC_OUTSIDE_VM as _) }
    }

    #[cfg(feature = "heap-profiling")]
    fn changed(self) {
        // SAFETY: the port's own printer.
        HEAP.dump(&mut unsafe { super::dump::Printer::new(&raw const c::mp_plat_print) });
    }

    #[cfg(all(feature = "trace-marks", not(mpgc_debug_verbose)))]
    fn log(self, event: Event) {
        if let Event::Mark(chunk) = event {
            // SAFETY: the port's own printer; the argument has the type that the format requires.
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
    fn log(self, event: Event) {
        // SAFETY: the arguments have the types that the formats require.
        unsafe {
            match event {
                Event::AllocRequest { bytes, blocks } => c::DEBUG_printf(
                    c"gc_alloc(%u bytes -> %u blocks)\n".as_ptr(),
                    bytes as core::ffi::c_uint,
                    blocks.0 as core::ffi::c_uint,
                ),
                Event::AllocCollects { bytes } => c::DEBUG_printf(
                    c"gc_alloc(%u): no free mem, triggering GC\n".as_ptr(),
                    bytes as core::ffi::c_uint,
                ),
                Event::Alloc(chunk) => c::DEBUG_printf(c"gc_alloc(%p)\n".as_ptr(), chunk),
                Event::Free(chunk) => c::DEBUG_printf(c"gc_free(%p)\n".as_ptr(), chunk),
                Event::Move { from, to } => {
                    c::DEBUG_printf(c"gc_realloc(%p -> %p)\n".as_ptr(), from, to)
                }
                Event::Mark(chunk) => c::DEBUG_printf(c"gc_mark(%p)\n".as_ptr(), chunk),
                Event::Sweep(chunk) => c::DEBUG_printf(c"gc_sweep(%p)\n".as_ptr(), chunk),
                Event::Init { start, end } => {
                    c::DEBUG_printf(c"gc_init(%p..%p)\n".as_ptr(), start, end)
                }
                Event::Add { start, end } => {
                    c::DEBUG_printf(c"gc_add(%p..%p)\n".as_ptr(), start, end)
                }
                Event::EmptyArea(area) => {
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
        // SAFETY: C of the port or of the shim, which does not return; the address is printed, not
        // followed.
        unsafe { shim::fault(fault as core::ffi::c_int, address.cast()) }
    }
}
