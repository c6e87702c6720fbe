// The options of a port that the crate knows, a line each: what bindgen values, and what the crate
// gets. port.h includes it, build.rs and buildsrc/table.rs read it.
//
//   FLAG(NAME, cfg)                  MICROPY_NAME is not 0: the crate has the `cfg`
//   TRUTH(NAME, cfg, value)          the same for any value
//   NUMBER(NAME, type, value, "...") the crate has the constant NAME of `host::config`
//
// `none` in the second place: only buildsrc asks for it. To add an option that some releases lack,
// give its default in port.h too.

FLAG(ENABLE_GC, mpgc_enable_gc)
FLAG(ENABLE_FINALISER, mpgc_finaliser)
FLAG(ENABLE_PYSTACK, mpgc_pystack)
FLAG(ENABLE_SCHEDULER, mpgc_scheduler)
FLAG(ENABLE_SELECTIVE_COLLECT, mpgc_selective_collect)
FLAG(ENABLE_VM_ABORT, mpgc_vm_abort)
FLAG(DEBUG_VALGRIND, mpgc_debug_valgrind)
FLAG(DEBUG_VERBOSE, mpgc_debug_verbose)
FLAG(GC_ALLOC_THRESHOLD, mpgc_alloc_threshold)
FLAG(GC_CONSERVATIVE_CLEAR, mpgc_conservative_clear)
FLAG(GC_SPLIT_HEAP, mpgc_split_heap)
FLAG(GC_SPLIT_HEAP_AUTO, mpgc_split_heap_auto)
FLAG(KBD_EXCEPTION, mpgc_kbd_exception)
FLAG(NLR_AARCH64, none)
FLAG(NLR_LOONG64, none)
FLAG(NLR_MIPS, none)
FLAG(NLR_OS_WINDOWS, none)
FLAG(NLR_POWERPC, none)
FLAG(NLR_RV32I, none)
FLAG(NLR_RV64I, none)
FLAG(NLR_SETJMP, mpgc_nlr_setjmp)
FLAG(NLR_THUMB, none)
FLAG(NLR_X64, none)
FLAG(NLR_X86, none)
FLAG(NLR_XTENSA, none)
FLAG(PY_ARRAY, mpgc_type_array)
FLAG(PY_BUILTINS_BYTEARRAY, mpgc_type_bytearray)
FLAG(PY_BUILTINS_FLOAT, mpgc_type_float)
FLAG(PY_BUILTINS_MEMORYVIEW, mpgc_type_memoryview)
FLAG(PY_GC_COLLECT_RETVAL, mpgc_collect_retval)
FLAG(PY_THREAD, mpgc_thread)
FLAG(PY_THREAD_GIL, none)
FLAG(PY_THREAD_RECURSIVE_MUTEX, none)
FLAG(PY_WEAKREF, mpgc_weakref)
FLAG(SCHEDULER_STATIC_NODES, mpgc_static_nodes)

TRUTH(CIRCUITPYTHON, none, MPGC_CIRCUITPYTHON)
TRUTH(CIRCUITPYTHON_ON_ZEPHYR, none, MPGC_CIRCUITPYTHON_ON_ZEPHYR)
TRUTH(MEMORY_MONITOR, mpgc_memory_monitor, MPGC_MEMORY_MONITOR)
TRUTH(DUMP_WHEN_FULL, mpgc_dump_when_full, MPGC_DUMP_WHEN_FULL)
TRUTH(LONGINT_MPZ, mpgc_longint_mpz, MICROPY_LONGINT_IMPL == MICROPY_LONGINT_IMPL_MPZ)

NUMBER(VERSION_MAJOR, none, MICROPY_VERSION_MAJOR, "")
NUMBER(VERSION_MINOR, none, MICROPY_VERSION_MINOR, "")
NUMBER(VERSION_MICRO, none, MICROPY_VERSION_MICRO, "")
NUMBER(VERSION_PRERELEASE, none, MICROPY_VERSION_PRERELEASE, "")
NUMBER(BYTES_PER_GC_BLOCK, usize, MICROPY_BYTES_PER_GC_BLOCK, "Bytes of one block (`MICROPY_BYTES_PER_GC_BLOCK`).")
NUMBER(ALLOC_GC_STACK_SIZE, usize, MICROPY_ALLOC_GC_STACK_SIZE, "Entries of the mark stack (`MICROPY_ALLOC_GC_STACK_SIZE`).")
TRUTH(FINALISER_PASS, mpgc_finaliser_pass, MPGC_FINALISER_PASS)
NUMBER(GC_COLLECT_FLAG, u16, GC_COLLECT_FLAG, "The bit of `gc_lock_depth` that is set during a collection.")
NUMBER(GC_LOCK_DEPTH_SHIFT, u32, GC_LOCK_DEPTH_SHIFT, "How far the depth is shifted in `gc_lock_depth`.")
NUMBER(GC_ALLOC_FLAG_HAS_FINALISER, u32, GC_ALLOC_FLAG_HAS_FINALISER, "The flag of `gc_alloc` for an object with a finaliser.")
#if MICROPY_ENABLE_SELECTIVE_COLLECT
NUMBER(GC_ALLOC_FLAG_DO_NOT_COLLECT, u32, GC_ALLOC_FLAG_DO_NOT_COLLECT, "The flag of `gc_alloc` for a chunk that is marked and not read.")
#endif
#if MPGC_CIRCUITPYTHON
NUMBER(SAFE_MODE_GC_ALLOC_OUTSIDE_VM, u32, SAFE_MODE_GC_ALLOC_OUTSIDE_VM, "Why CircuitPython resets where the heap is used and there is none.")
#endif
NUMBER(BYTEARRAY_TYPECODE, u32, BYTEARRAY_TYPECODE, "The typecode of a bytearray.")
NUMBER(ARRAY_TYPECODE_FLAG_RW, u32, MP_OBJ_ARRAY_TYPECODE_FLAG_RW, "The bit in the typecode of a memoryview that may be written to.")
NUMBER(MP_OBJ_NULL, u64, (mp_uint_t)MP_OBJ_NULL, "No object, as a number.")
NUMBER(NLR_NUM_REGS, usize, MICROPY_NLR_NUM_REGS, "Registers of an nlr buffer (`MICROPY_NLR_NUM_REGS`).")
#if MICROPY_ENABLE_SCHEDULER
NUMBER(SCHEDULER_DEPTH, usize, MICROPY_SCHEDULER_DEPTH, "Slots of the schedule queue (`MICROPY_SCHEDULER_DEPTH`).")
// As 16-bit values, which is how sched_state holds them.
NUMBER(SCHED_IDLE, u16, (uint16_t)MP_SCHED_IDLE, "`MP_SCHED_IDLE`, as 16 bits.")
NUMBER(SCHED_PENDING, u16, (uint16_t)MP_SCHED_PENDING, "`MP_SCHED_PENDING`, as 16 bits.")
NUMBER(SCHED_LOCKED, u16, (uint16_t)MP_SCHED_LOCKED, "`MP_SCHED_LOCKED`, as 16 bits.")
#endif
#if MICROPY_ENABLE_PYSTACK
NUMBER(PYSTACK_ALIGN, usize, MICROPY_PYSTACK_ALIGN, "Alignment of the Python stack (`MICROPY_PYSTACK_ALIGN`).")
NUMBER(PYSTACK_DEBUG, usize, MP_PYSTACK_DEBUG, "1 if each chunk carries its size (`MP_PYSTACK_DEBUG`).")
#endif

TRUTH(HAS_GC_HOOK_LOOP, mpgc_gc_hook_loop, MPGC_HAS_GC_HOOK_LOOP)
TRUTH(HAS_SCHED_HOOK, mpgc_sched_hook_scheduled, MPGC_HAS_SCHED_HOOK)
TRUTH(HAS_EVENT_POLL_HOOK, mpgc_event_poll_hook, MPGC_HAS_EVENT_POLL_HOOK)
TRUTH(HAS_EVENT_POLL_HOOK_FAST, mpgc_event_poll_hook_fast, MPGC_HAS_EVENT_POLL_HOOK_FAST)
TRUTH(ASSERTS, mpgc_asserts, MPGC_ASSERTS)
