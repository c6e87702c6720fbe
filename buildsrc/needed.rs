//! The fields and functions of the port's headers that the crate uses by name. A fork that has
//! changed one gets a message with its name.

use super::headers::Headers;
use super::release::{AREA, MEM, Shape, THREAD, VM, fix, spoken};
use super::{Result, feature};

/// A field that Rust uses, and the flag of port.h under which it must be there; none means always.
type Needed = (&'static str, &'static str, Option<&'static str>);

const CTX: &str = "_mp_state_ctx_t";
const EXCEPTION: &str = "_mp_obj_exception_t";
const INFO: &str = "_gc_info_t";
const ITEM: &str = "_mp_sched_item_t";
const NODE: &str = "_mp_sched_node_t";
const BUFFER: &str = "_nlr_buf_t";
const CALLBACK: &str = "_nlr_jump_callback_node_t";

const NEEDED: &[Needed] = &[
    (AREA, "next", Some("GC_SPLIT_HEAP")),
    (AREA, "gc_alloc_table_start", None),
    (AREA, "gc_alloc_table_byte_len", None),
    (AREA, "gc_finaliser_table_start", Some("ENABLE_FINALISER")),
    (AREA, "gc_weakref_table_start", Some("PY_WEAKREF")),
    (
        AREA,
        "gc_collect_table_start",
        Some("ENABLE_SELECTIVE_COLLECT"),
    ),
    (AREA, "gc_pool_start", None),
    (AREA, "gc_pool_end", None),
    (AREA, "gc_last_free_atb_index", None),
    // 1.21 introduced both, and no release has one without the other.
    (AREA, "gc_last_used_block", Some("JUMP_CALLBACKS")),
    (MEM, "area", None),
    (MEM, "gc_stack_overflow", None),
    (MEM, "gc_block_stack", None),
    (MEM, "gc_area_stack", Some("GC_SPLIT_HEAP")),
    (MEM, "gc_auto_collect_enabled", None),
    (MEM, "gc_alloc_amount", Some("GC_ALLOC_THRESHOLD")),
    (MEM, "gc_alloc_threshold", Some("GC_ALLOC_THRESHOLD")),
    (MEM, "gc_last_free_area", Some("GC_SPLIT_HEAP")),
    (MEM, "gc_collected", Some("PY_GC_COLLECT_RETVAL")),
    (MEM, "gc_mutex", Some("GC_MUTEX")),
    (MEM, "area_pool_max", Some("POOL_BOUNDS")),
    (THREAD, "gc_lock_depth", None),
    (THREAD, "dict_locals", None),
    (THREAD, "nlr_top", None),
    (THREAD, "mp_pending_exception", None),
    (THREAD, "pystack_start", Some("ENABLE_PYSTACK")),
    (THREAD, "pystack_cur", Some("ENABLE_PYSTACK")),
    (THREAD, "pystack_end", Some("ENABLE_PYSTACK")),
    (VM, "qstr_last_chunk", None),
    (VM, "sched_state", Some("ENABLE_SCHEDULER")),
    (VM, "sched_len", Some("ENABLE_SCHEDULER")),
    (VM, "sched_idx", Some("ENABLE_SCHEDULER")),
    (VM, "sched_queue", Some("ENABLE_SCHEDULER")),
    (VM, "sched_head", Some("STATIC_NODES")),
    (VM, "sched_tail", Some("STATIC_NODES")),
    (VM, "vm_abort", Some("ENABLE_VM_ABORT")),
    (VM, "nlr_abort", Some("ENABLE_VM_ABORT")),
    (VM, "mp_kbd_exception", Some("KBD_EXCEPTION")),
    (CTX, "thread", None),
    (CTX, "vm", None),
    (CTX, "mem", None),
    (EXCEPTION, "traceback_data", Some("TRACEBACK_DATA")),
    (INFO, "total", None),
    (INFO, "used", None),
    (INFO, "free", None),
    (INFO, "max_free", None),
    (INFO, "num_1block", None),
    (INFO, "num_2block", None),
    (INFO, "max_block", None),
    (INFO, "max_new_split", Some("GC_SPLIT_HEAP_AUTO")),
    (ITEM, "func", Some("ENABLE_SCHEDULER")),
    (ITEM, "arg", Some("ENABLE_SCHEDULER")),
    (NODE, "callback", Some("STATIC_NODES")),
    (NODE, "next", Some("STATIC_NODES")),
    (BUFFER, "prev", None),
    (BUFFER, "ret_val", None),
    (BUFFER, "regs", Some("NLR_REGISTERS")),
    (BUFFER, "pystack", Some("ENABLE_PYSTACK")),
    (CALLBACK, "prev", Some("JUMP_CALLBACKS")),
    (CALLBACK, "fun", Some("JUMP_CALLBACKS")),
];

/// Those of the feature `noscan`.
const NEEDED_BY_NOSCAN: &[Needed] = &[
    ("_mp_obj_base_t", "type_", None),
    ("_mp_obj_str_t", "data", None),
    ("_mp_obj_array_t", "len", None),
    ("_mp_obj_array_t", "items", None),
    ("_mp_obj_int_t", "mpz", Some("LONGINT_MPZ")),
    ("_mpz_t", "dig", Some("LONGINT_MPZ")),
];

/// Further fields of the structs that belong to py/gc.c alone. The heap would leave an unknown one
/// unset.
const ALSO_KNOWN: &[(&str, &str)] = &[
    (MEM, "total_bytes_allocated"),
    (MEM, "current_bytes_allocated"),
    (MEM, "peak_bytes_allocated"),
    (MEM, "area_pool_min"),
    (MEM, "area_pool_max"),
    (MEM, "gc_mutex"),
];

/// The functions that the crate exports or calls, with the types that it gives or takes.
/// `mp_handle_pending` has its own check.
const TYPES: &[(&str, &str)] = &[
    ("gc_init", "*mut void, *mut void"),
    ("gc_add", "*mut void, *mut void"),
    ("gc_lock", ""),
    ("gc_unlock", ""),
    ("gc_is_locked", " -> bool"),
    ("gc_collect", ""),
    ("gc_collect_start", ""),
    ("gc_collect_root", "*mut *mut void, usize"),
    ("gc_collect_end", ""),
    ("gc_sweep_all", ""),
    ("gc_alloc", "usize, uint -> *mut void"),
    ("gc_free", "*mut void"),
    ("gc_nbytes", "*const void -> usize"),
    ("gc_realloc", "*mut void, usize, bool -> *mut void"),
    ("gc_info", "*mut gc_info_t"),
    ("gc_info_fast", "*mut gc_info_t"),
    ("gc_dump_info", "*const mp_print_t"),
    ("gc_dump_alloc_table", "*const mp_print_t"),
    ("gc_get_max_new_split", " -> usize"),
    ("gc_deinit", ""),
    ("gc_collect_ptr", "*mut void"),
    ("gc_alloc_possible", " -> bool"),
    ("gc_ptr_on_heap", "*const void -> bool"),
    ("reset_into_safe_mode", "safe_mode_t -> !"),
    ("memorymonitor_track_allocation", "usize"),
    ("gc_weakref_mark", "*mut void"),
    ("gc_weakref_about_to_be_freed", "*mut void"),
    ("gc_weakref_sweep", ""),
    ("mp_pystack_init", "*mut void, *mut void"),
    ("mp_pystack_alloc", "usize -> *mut void"),
    ("nlr_push", "*mut nlr_buf_t -> uint"),
    ("nlr_push_tail", "*mut nlr_buf_t -> uint"),
    ("nlr_pop", ""),
    ("nlr_jump", "*mut void -> !"),
    ("nlr_jump_fail", "*mut void -> !"),
    ("nlr_jump_abort", " -> !"),
    (
        "nlr_push_jump_callback",
        "*mut nlr_jump_callback_node_t, nlr_jump_callback_fun_t",
    ),
    ("nlr_pop_jump_callback", "bool"),
    ("nlr_call_jump_callbacks", "*mut nlr_buf_t"),
    ("mp_sched_exception", "mp_obj_t"),
    ("mp_sched_keyboard_interrupt", ""),
    ("mp_sched_vm_abort", ""),
    ("mp_sched_lock", ""),
    ("mp_sched_unlock", ""),
    ("mp_sched_schedule", "mp_obj_t, mp_obj_t -> bool"),
    (
        "mp_sched_schedule_node",
        "*mut mp_sched_node_t, mp_sched_callback_t -> bool",
    ),
    ("mp_event_handle_nowait", ""),
    ("mp_event_wait_indefinite", ""),
    ("mp_event_wait_ms", "mp_uint_t"),
    (
        "mp_call_function_1_protected",
        "mp_obj_t, mp_obj_t -> mp_obj_t",
    ),
];

/// Checks that everything that the crate uses exists with the expected type. `exports` are its
/// functions in this configuration.
pub fn check(headers: &Headers, on: impl Fn(&str) -> bool, exports: &[&str]) -> Result<()> {
    fields(headers, on)?;
    for &(name, types) in TYPES {
        match headers.function(name) {
            Some(found) if found != types => {
                return Err(format!(
                    "{name} of {} has another type, ({found}) and not ({types}); {}",
                    spoken(headers),
                    fix()
                ));
            }
            None if exports.contains(&name) => {
                return Err(format!(
                    "the headers of {} do not declare {name}; {}",
                    spoken(headers),
                    fix()
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn fields(headers: &Headers, on: impl Fn(&str) -> bool) -> Result<()> {
    let shape = Shape::of(headers);
    let on = |flag: &str| match flag {
        "JUMP_CALLBACKS" => shape.jump_callbacks,
        "TRACEBACK_DATA" => on("KBD_EXCEPTION") && !shape.traceback_object,
        "POOL_BOUNDS" => shape.pool_bounds,
        "GC_MUTEX" => on("PY_THREAD") && !on("PY_THREAD_GIL") && on("ENABLE_GC"),
        "STATIC_NODES" => on("ENABLE_SCHEDULER") && on("SCHEDULER_STATIC_NODES"),
        "NLR_REGISTERS" => !on("NLR_SETJMP"),
        flag => on(flag),
    };
    let shown = |tag: &str| tag.trim_start_matches('_').to_owned();
    let noscan = if feature("NOSCAN") {
        NEEDED_BY_NOSCAN
    } else {
        &[]
    };
    for &(tag, field, flag) in NEEDED.iter().chain(noscan) {
        if flag.is_none_or(on) && !headers.has_field(tag, field) {
            return Err(format!(
                "{} of {} has no field `{field}`, which mpgc uses; {}",
                shown(tag),
                spoken(headers),
                fix()
            ));
        }
    }
    for tag in [AREA, MEM] {
        let fields = headers.layout(tag).map_or(&[][..], |of| &of.fields);
        for (field, _) in fields {
            let known = NEEDED.iter().any(|&(t, f, _)| (t, f) == (tag, field))
                || ALSO_KNOWN.contains(&(tag, field));
            if !known {
                return Err(format!(
                    "{} of {} has a field that mpgc does not know, `{field}`; {}",
                    shown(tag),
                    spoken(headers),
                    fix()
                ));
            }
        }
    }
    Ok(())
}
