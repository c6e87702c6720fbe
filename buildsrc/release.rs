//! What differs between releases, found in the headers: fields, macros, enum values and prototypes
//! decide, never the release's number.

use super::Result;
use super::headers::Headers;

/// The releases whose headers fit.
pub const KNOWN: &str = "1.20 to 1.29-preview";
/// The newest of them; a newer one gets a warning.
const NEWEST: (u64, u64) = (1, 29);

const AREA: &str = "_mp_state_mem_area_t";
const MEM: &str = "_mp_state_mem_t";
const THREAD: &str = "_mp_state_thread_t";
const VM: &str = "_mp_state_vm_t";

/// What the headers of a release have.
#[derive(Clone, Copy)]
pub struct Shape {
    /// An area has a word for its highest used block (1.21 on).
    last_used: bool,
    /// Functions to be called when a jump passes by (1.21 on).
    pub jump_callbacks: bool,
    /// `mp_event_wait_ms` and its sisters (1.22 on).
    pub events: bool,
    /// A thread may take `gc_mutex` again (1.25 on).
    pub recursive_mutex: bool,
    /// `mp_handle_pending` is inline, over `mp_handle_pending_internal` (1.27).
    pending_internal: bool,
    /// What is to be handled is an enum, not a bool (1.27 on).
    pending_enum: bool,
    /// `gc_info_fast` (1.29 on).
    pub info_fast: bool,
    /// The bounds of all pools (1.29 on).
    pool_bounds: bool,
}

impl Shape {
    /// Reads the shape off the headers.
    pub fn of(headers: &Headers) -> Shape {
        Shape {
            last_used: headers.has_field(AREA, "gc_last_used_block"),
            jump_callbacks: headers.has_field(THREAD, "nlr_jump_callback_top"),
            events: headers.declares("pub fn mp_event_handle_nowait()"),
            recursive_mutex: headers.declares("pub gc_mutex: mp_thread_recursive_mutex_t"),
            pending_internal: headers.declares(PENDING[1]),
            pending_enum: headers.declares(PENDING[1]) || headers.declares(PENDING[2]),
            info_fast: headers.declares("pub fn gc_info_fast("),
            pool_bounds: headers.has_field(MEM, "area_pool_min"),
        }
    }

    /// The cfgs that are on.
    pub fn cfgs(self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("mpgc_events", self.events),
            // No header tells how large a new area is. It changed when the events came.
            ("mpgc_grow_by_regions", !self.events),
            ("mpgc_info_fast", self.info_fast),
            ("mpgc_jump_callbacks", self.jump_callbacks),
            ("mpgc_last_used", self.last_used),
            ("mpgc_pending_enum", self.pending_enum),
            ("mpgc_pending_internal", self.pending_internal),
            ("mpgc_pool_bounds", self.pool_bounds),
            ("mpgc_recursive_mutex", self.recursive_mutex),
        ];
        all.into_iter().filter(|&(_, on)| on).map(|(cfg, _)| cfg)
    }

    /// The function that sees to what is pending.
    pub fn handle_pending(self) -> &'static str {
        if self.pending_internal {
            "mp_handle_pending_internal"
        } else {
            "mp_handle_pending"
        }
    }
}

/// The three forms of `mp_handle_pending`.
const PENDING: [&str; 3] = [
    "pub fn mp_handle_pending(raise_exc: bool);",
    "pub fn mp_handle_pending_internal(behavior: mp_handle_pending_behaviour_t);",
    "pub fn mp_handle_pending(behavior: mp_handle_pending_behaviour_t);",
];

/// A field that Rust uses, and the flag of port.h under which it must be there; none means always.
type Needed = (&'static str, &'static str, Option<&'static str>);

const NEEDED: &[Needed] = &[
    (AREA, "next", Some("GC_SPLIT_HEAP")),
    (AREA, "gc_alloc_table_start", None),
    (AREA, "gc_alloc_table_byte_len", None),
    (AREA, "gc_finaliser_table_start", Some("ENABLE_FINALISER")),
    (AREA, "gc_weakref_table_start", Some("PY_WEAKREF")),
    (AREA, "gc_pool_start", None),
    (AREA, "gc_pool_end", None),
    (AREA, "gc_last_free_atb_index", None),
    // 1.21 brought both: one without the other is a release that nobody has seen.
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
    (VM, "vm_abort", Some("ENABLE_VM_ABORT")),
    (VM, "nlr_abort", Some("ENABLE_VM_ABORT")),
    (VM, "mp_kbd_exception", Some("KBD_EXCEPTION")),
];

/// Further fields of the structs that belong to py/gc.c alone. One that is not known is one that the heap
/// would leave unset.
const ALSO_KNOWN: &[(&str, &str)] = &[
    (MEM, "total_bytes_allocated"),
    (MEM, "current_bytes_allocated"),
    (MEM, "peak_bytes_allocated"),
    (MEM, "area_pool_min"),
    (MEM, "area_pool_max"),
    (MEM, "gc_mutex"),
];

/// The release's number, for people to read.
pub fn name(headers: &Headers) -> String {
    let number = |name: &str| {
        headers
            .value(&format!("NUMBER_VERSION_{name}"))
            .unwrap_or(0)
    };
    let [major, minor, micro] = ["MAJOR", "MINOR", "MICRO"].map(number);
    let preview = if number("PRERELEASE") != 0 {
        "-preview"
    } else {
        ""
    };
    format!("{major}.{minor}.{micro}{preview}")
}

/// How a message about a release that does not fit ends.
pub fn mend() -> String {
    format!("mpgc knows the shape of {KNOWN}: take such a tree, or a newer mpgc")
}

/// Says if the release is newer than any known; it was built all the same, for its headers fit.
pub fn warning(headers: &Headers) -> String {
    let number = |name: &str| {
        headers
            .value(&format!("NUMBER_VERSION_{name}"))
            .unwrap_or(0)
    };
    if (number("MAJOR"), number("MINOR")) <= NEWEST {
        return String::new();
    }
    format!(
        "MicroPython {} is newer than any release that mpgc was tried with ({KNOWN}). Its headers fit; \
         run its tests (`make upstream MICROPYTHON_DIR=...`) before you rely on it",
        name(headers)
    )
}

/// Whether the structs and prototypes are those of a release that mpgc knows.
pub fn check(headers: &Headers) -> Result<()> {
    let release = name(headers);
    let mend = mend();
    let on = |flag: &str| match flag {
        "JUMP_CALLBACKS" => Shape::of(headers).jump_callbacks,
        flag => headers.value(&format!("FLAG_{flag}")) == Some(1),
    };
    let shown = |tag: &str| tag.trim_start_matches('_').to_owned();
    for &(tag, field, flag) in NEEDED {
        if flag.is_none_or(on) && !headers.has_field(tag, field) {
            return Err(format!(
                "{} of release {release} has no field `{field}`; {mend}",
                shown(tag)
            ));
        }
    }
    for tag in [AREA, MEM] {
        let fields = headers.structs.get(tag).map_or(&[][..], |s| &s.fields);
        for (field, _) in fields {
            let known = NEEDED.iter().any(|&(t, f, _)| (t, f) == (tag, field))
                || ALSO_KNOWN.contains(&(tag, field));
            if !known {
                return Err(format!(
                    "{} of release {release} has a field that mpgc does not know, `{field}`; {mend}",
                    shown(tag)
                ));
            }
        }
    }
    if !PENDING.iter().any(|form| headers.declares(form)) {
        return Err(format!(
            "py/runtime.h of release {release} does not declare mp_handle_pending in any of the three forms \
             that mpgc knows; {mend}"
        ));
    }
    Ok(())
}
