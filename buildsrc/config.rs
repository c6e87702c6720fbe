//! What the options of a port mean for the crate.

use super::Result;
use super::headers::Headers;
use super::nlr;
use std::fmt::Write;

/// The configuration of a port, checked to be one that the crate supports.
pub struct Config<'a> {
    headers: &'a Headers,
    thread_state_inline: bool,
}

/// cfg, the flag of port.h that switches it on.
const FLAG_CFGS: &[(&str, &str)] = &[
    ("mpgc_alloc_threshold", "GC_ALLOC_THRESHOLD"),
    ("mpgc_asserts", "ASSERTS"),
    ("mpgc_collect_retval", "PY_GC_COLLECT_RETVAL"),
    ("mpgc_conservative_clear", "GC_CONSERVATIVE_CLEAR"),
    ("mpgc_debug_valgrind", "DEBUG_VALGRIND"),
    ("mpgc_debug_verbose", "DEBUG_VERBOSE"),
    ("mpgc_enable_gc", "ENABLE_GC"),
    ("mpgc_event_poll_hook", "HAS_EVENT_POLL_HOOK"),
    ("mpgc_event_poll_hook_fast", "HAS_EVENT_POLL_HOOK_FAST"),
    ("mpgc_finaliser", "ENABLE_FINALISER"),
    ("mpgc_gc_hook_loop", "HAS_GC_HOOK_LOOP"),
    ("mpgc_kbd_exception", "KBD_EXCEPTION"),
    ("mpgc_longint_mpz", "LONGINT_MPZ"),
    ("mpgc_nlr_setjmp", "NLR_SETJMP"),
    ("mpgc_pystack", "ENABLE_PYSTACK"),
    ("mpgc_sched_hook_scheduled", "HAS_SCHED_HOOK"),
    ("mpgc_scheduler", "ENABLE_SCHEDULER"),
    ("mpgc_split_heap", "GC_SPLIT_HEAP"),
    ("mpgc_split_heap_auto", "GC_SPLIT_HEAP_AUTO"),
    ("mpgc_static_nodes", "SCHEDULER_STATIC_NODES"),
    ("mpgc_thread", "PY_THREAD"),
    ("mpgc_thread_gil", "PY_THREAD_GIL"),
    ("mpgc_type_array", "PY_ARRAY"),
    ("mpgc_type_bytearray", "PY_BUILTINS_BYTEARRAY"),
    ("mpgc_type_float", "PY_BUILTINS_FLOAT"),
    ("mpgc_type_memoryview", "PY_BUILTINS_MEMORYVIEW"),
    ("mpgc_vm_abort", "ENABLE_VM_ABORT"),
];

/// A number of port.h -> the constant of `host::config`, its type and what it is.
const CONSTANTS: &[(&str, &str, &str)] = &[
    (
        "BYTES_PER_GC_BLOCK",
        "usize",
        "Bytes of one block (`MICROPY_BYTES_PER_GC_BLOCK`).",
    ),
    (
        "ALLOC_GC_STACK_SIZE",
        "usize",
        "Entries of the mark stack (`MICROPY_ALLOC_GC_STACK_SIZE`).",
    ),
    (
        "GC_COLLECT_FLAG",
        "u16",
        "The bit of `gc_lock_depth` that says a collect runs.",
    ),
    (
        "GC_LOCK_DEPTH_SHIFT",
        "u32",
        "How far the depth is shifted in `gc_lock_depth`.",
    ),
    (
        "GC_ALLOC_FLAG_HAS_FINALISER",
        "u32",
        "The flag of `gc_alloc` for an object with a finaliser.",
    ),
    ("BYTEARRAY_TYPECODE", "u32", "The typecode of a bytearray."),
    (
        "ARRAY_TYPECODE_FLAG_RW",
        "u32",
        "The bit in the typecode of a memoryview that may be written to.",
    ),
    ("MP_OBJ_NULL", "u64", "No object, as a number."),
    (
        "NLR_NUM_REGS",
        "usize",
        "Registers of an nlr buffer (`MICROPY_NLR_NUM_REGS`).",
    ),
    (
        "SCHEDULER_DEPTH",
        "usize",
        "Slots of the schedule queue (`MICROPY_SCHEDULER_DEPTH`).",
    ),
    ("SCHED_IDLE", "u16", "`MP_SCHED_IDLE`, as 16 bits."),
    ("SCHED_PENDING", "u16", "`MP_SCHED_PENDING`, as 16 bits."),
    ("SCHED_LOCKED", "u16", "`MP_SCHED_LOCKED`, as 16 bits."),
    (
        "PYSTACK_ALIGN",
        "usize",
        "Alignment of the Python stack (`MICROPY_PYSTACK_ALIGN`).",
    ),
    (
        "PYSTACK_DEBUG",
        "usize",
        "1 if each chunk carries its size (`MP_PYSTACK_DEBUG`).",
    ),
];

/// The fields of an area that the heap knows. One more would be one it leaves unset.
const AREA_FIELDS: &[(&str, Option<&str>)] = &[
    ("next", Some("GC_SPLIT_HEAP")),
    ("gc_alloc_table_start", None),
    ("gc_alloc_table_byte_len", None),
    ("gc_finaliser_table_start", Some("ENABLE_FINALISER")),
    ("gc_pool_start", None),
    ("gc_pool_end", None),
    ("gc_last_free_atb_index", None),
    ("gc_last_used_block", None),
];

impl<'a> Config<'a> {
    /// Checks that the crate supports what the headers ask for.
    pub fn from_headers(headers: &'a Headers, target: &str) -> Result<Config<'a>> {
        let config = Config {
            headers,
            thread_state_inline: !headers.declares("pub fn mp_thread_get_state("),
        };
        config.check_release()?;
        config.check_options(target)?;
        Ok(config)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.headers.value(&format!("FLAG_{name}")) == Some(1)
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        self.headers.value(&format!("NUMBER_{name}")).unwrap_or(0)
    }

    fn release(&self) -> String {
        let [major, minor, micro] =
            ["VERSION_MAJOR", "VERSION_MINOR", "VERSION_MICRO"].map(|n| self.number(n));
        format!("{major}.{minor}.{micro}")
    }

    fn check_release(&self) -> Result<()> {
        let release = self.release();
        let known = "mpgc knows the shape of 1.25 and 1.26: take such a tree, or a newer mpgc";
        for (name, _) in FLAG_CFGS {
            debug_assert!(
                crate::CFGS.contains(name),
                "{name} is not declared in build.rs"
            );
        }
        for (_, flag) in FLAG_CFGS {
            if self.headers.value(&format!("FLAG_{flag}")).is_none() {
                return Err(format!(
                    "MICROPY_{flag} of release {release} has no value; {known}"
                ));
            }
        }
        if self.flag("PY_WEAKREF") {
            return Err(format!(
                "MICROPY_PY_WEAKREF is on (release {release}), and mpgc has no weakref table yet: \
                 build with CFLAGS_EXTRA=-DMICROPY_PY_WEAKREF=0"
            ));
        }
        if !self
            .headers
            .declares("pub fn mp_handle_pending(raise_exc: bool);")
        {
            return Err(format!(
                "py/runtime.h of release {release} does not declare \
                 `void mp_handle_pending(bool raise_exc)`; {known}"
            ));
        }
        let area = self.headers.structs.get("_mp_state_mem_area_t");
        let fields: Vec<&str> = area
            .map(|s| s.fields.iter().map(|(f, _)| f.as_str()).collect())
            .unwrap_or_default();
        let expected: Vec<&str> = AREA_FIELDS
            .iter()
            .filter(|(_, flag)| flag.is_none_or(|flag| self.flag(flag)))
            .map(|&(field, _)| field)
            .collect();
        for field in &expected {
            if !fields.contains(field) {
                return Err(format!(
                    "mp_state_mem_area_t of release {release} has no field `{field}`; {known}"
                ));
            }
        }
        if let Some(field) = fields.iter().find(|field| !expected.contains(field)) {
            return Err(format!(
                "mp_state_mem_area_t of release {release} has a field that mpgc does not know, \
                 `{field}`; {known}"
            ));
        }
        Ok(())
    }

    fn check_options(&self, target: &str) -> Result<()> {
        nlr::check(self, target)?;
        let block = self.number("BYTES_PER_GC_BLOCK");
        if !block.is_power_of_two() {
            return Err(format!(
                "MICROPY_BYTES_PER_GC_BLOCK is {block}: set it to a power of two, at least 4 words"
            ));
        }
        if self.flag("ENABLE_SCHEDULER") {
            let depth = self.number("SCHEDULER_DEPTH");
            if !depth.is_power_of_two() || depth > 255 {
                return Err(format!(
                    "MICROPY_SCHEDULER_DEPTH is {depth}: set it to a power of two below 256"
                ));
            }
        }
        if self.flag("ENABLE_PYSTACK") && !self.number("PYSTACK_ALIGN").is_power_of_two() {
            return Err(format!(
                "MICROPY_PYSTACK_ALIGN is {}: set it to a power of two",
                self.number("PYSTACK_ALIGN")
            ));
        }
        if self.gc_mutex() && !self.flag("PY_THREAD_RECURSIVE_MUTEX") {
            return Err("threads without a GIL need the recursive gc_mutex \
                        (MICROPY_PY_THREAD_RECURSIVE_MUTEX), which this port has switched off: \
                        switch it on, or build with MICROPY_PY_THREAD_GIL=1"
                .into());
        }
        Ok(())
    }

    fn gc_mutex(&self) -> bool {
        self.flag("PY_THREAD") && !self.flag("PY_THREAD_GIL")
    }

    /// The cfgs that are on.
    pub fn cfgs(&self) -> Vec<&'static str> {
        let mut on: Vec<&str> = FLAG_CFGS
            .iter()
            .filter(|(_, flag)| self.flag(flag))
            .map(|&(cfg, _)| cfg)
            .collect();
        if !self.flag("ENABLE_SCHEDULER") {
            // Without the scheduler there is no list for static nodes, and nothing to hook.
            on.retain(|cfg| !matches!(*cfg, "mpgc_static_nodes" | "mpgc_sched_hook_scheduled"));
        }
        on.extend(nlr::cfgs(self));
        if self.gc_mutex() {
            on.push("mpgc_gc_mutex");
        }
        if self.flag("PY_THREAD") && self.thread_state_inline {
            on.push("mpgc_thread_state_inline");
        }
        on
    }

    /// The constants of `host::config`.
    pub fn rust(&self) -> String {
        let mut text = String::new();
        for (name, kind, doc) in CONSTANTS {
            if let Some(value) = self.headers.value(&format!("NUMBER_{name}")) {
                writeln!(text, "/// {doc}\npub const {name}: {kind} = {value};")
                    .expect("a String takes all text");
            }
        }
        let info = self.info(&super::cargo_variable("TARGET"));
        writeln!(
            text,
            "/// What `mpgc_build_info` tells.\n\
             pub const BUILD_INFO: &core::ffi::CStr = c{info:?};"
        )
        .expect("a String takes all text");
        text
    }

    /// Each value that Rust took from port.h.
    pub fn values(&self) -> impl Iterator<Item = (&str, u64)> {
        self.headers
            .values
            .iter()
            .map(|(name, &value)| (name.as_str(), value))
    }

    /// Types that are no structs but whose size Rust relies on.
    pub fn type_sizes(&self) -> Vec<(&'static str, u64)> {
        let word = super::cargo_variable("CARGO_CFG_TARGET_POINTER_WIDTH")
            .parse::<u64>()
            .map_or(0, |bits| bits / 8);
        vec![("void *", word), ("size_t", word), ("int", 4), ("_Bool", 1)]
    }

    /// The C functions that the replaced objects export in this configuration, and
    /// the crate's own.
    pub fn exports(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut add = |on: bool, list: &[&'static str]| {
            if on {
                names.extend_from_slice(list);
            }
        };
        let gc = self.flag("ENABLE_GC");
        add(gc, &["gc_init"]);
        add(gc && self.flag("GC_SPLIT_HEAP"), &["gc_add"]);
        add(
            gc,
            &[
                "gc_lock",
                "gc_unlock",
                "gc_is_locked",
                "gc_collect_start",
                "gc_collect_root",
                "gc_collect_end",
                "gc_sweep_all",
                "gc_alloc",
                "gc_free",
                "gc_nbytes",
                "gc_realloc",
                "gc_info",
                "gc_dump_info",
                "gc_dump_alloc_table",
            ],
        );
        add(gc, &["mpgc_check", "mpgc_chunk_of", "mpgc_fault"]);
        add(
            self.flag("ENABLE_PYSTACK"),
            &["mp_pystack_init", "mp_pystack_alloc"],
        );
        add(!self.flag("NLR_SETJMP"), &["nlr_push"]);
        add(
            true,
            &[
                "nlr_push_tail",
                "nlr_pop",
                "nlr_jump",
                "nlr_push_jump_callback",
                "nlr_pop_jump_callback",
                "nlr_call_jump_callbacks",
            ],
        );
        add(
            self.flag("ENABLE_VM_ABORT"),
            &["nlr_jump_abort", "mp_sched_vm_abort"],
        );
        add(true, &["mp_sched_exception"]);
        add(self.flag("KBD_EXCEPTION"), &["mp_sched_keyboard_interrupt"]);
        let scheduler = self.flag("ENABLE_SCHEDULER");
        add(
            scheduler,
            &["mp_sched_lock", "mp_sched_unlock", "mp_sched_schedule"],
        );
        add(
            scheduler && self.flag("SCHEDULER_STATIC_NODES"),
            &["mp_sched_schedule_node"],
        );
        add(
            true,
            &[
                "mp_handle_pending",
                "mp_event_handle_nowait",
                "mp_event_wait_indefinite",
                "mp_event_wait_ms",
                "mpgc_build_info",
                "mpgc_version",
            ],
        );
        names
    }

    /// Release, target and the options that matter, in one line.
    pub fn info(&self, target: &str) -> String {
        let mut text = format!(
            "mpgc {} for MicroPython {}, {target}, {}-byte blocks",
            super::cargo_variable("CARGO_PKG_VERSION"),
            self.release(),
            self.number("BYTES_PER_GC_BLOCK"),
        );
        let named = [
            ("GC_SPLIT_HEAP_AUTO", "split heap auto"),
            ("GC_SPLIT_HEAP", "split heap"),
            ("ENABLE_FINALISER", "finalisers"),
            ("GC_CONSERVATIVE_CLEAR", "conservative clear"),
            ("ENABLE_PYSTACK", "pystack"),
            ("NLR_SETJMP", "setjmp nlr"),
            ("ENABLE_SCHEDULER", "scheduler"),
            ("SCHEDULER_STATIC_NODES", "static nodes"),
            ("PY_THREAD_GIL", "GIL"),
            ("PY_THREAD", "threads"),
            ("ENABLE_VM_ABORT", "VM abort"),
            ("DEBUG_VERBOSE", "verbose"),
            ("DEBUG_VALGRIND", "valgrind"),
            ("ASSERTS", "asserts"),
        ];
        if let Some(name) = nlr::name(self) {
            write!(text, ", {name} nlr").expect("a String takes all text");
        }
        for (flag, name) in named {
            if self.flag(flag) {
                write!(text, ", {name}").expect("a String takes all text");
            }
        }
        for (feature, name) in [("HARDENED", "hardened"), ("NOSCAN", "noscan")] {
            if std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some() {
                write!(text, ", {name}").expect("a String takes all text");
            }
        }
        let optimised = super::cargo_variable("OPT_LEVEL");
        write!(text, ", opt-level {optimised}").expect("a String takes all text");
        text
    }
}
