//! Translates the options of a port for the crate.

use super::Result;
use super::headers::Headers;
use super::release::{self, Shape};
use super::table::{self, Number};
use super::{needed, nlr, pace};
use std::fmt::Write;

/// The configuration of a port, checked to be one that the crate supports.
pub struct Config<'a> {
    headers: &'a Headers,
    shape: Shape,
}

impl<'a> Config<'a> {
    /// Checks that the crate supports what the headers ask for.
    pub fn from_headers(headers: &'a Headers, target: &str) -> Result<Config<'a>> {
        let config = Config {
            headers,
            shape: Shape::of(headers),
        };
        config.check_flags()?;
        needed::check(headers, |flag| config.flag(flag), &config.exports())?;
        release::check(headers)?;
        config.check_options(target)?;
        Ok(config)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.headers.value(&format!("FLAG_{name}")) == Some(1)
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        self.headers.value(&format!("NUMBER_{name}")).unwrap_or(0)
    }

    fn check_flags(&self) -> Result<()> {
        for (_, flag) in table::cfgs() {
            if self.headers.value(&format!("FLAG_{flag}")).is_none() {
                return Err(format!(
                    "MICROPY_{flag} of {} has no value; {}",
                    release::spoken(self.headers),
                    release::fix()
                ));
            }
        }
        Ok(())
    }

    /// The warning for a release newer than any known; empty otherwise.
    pub fn warning(&self) -> String {
        release::warning(self.headers)
    }

    fn check_options(&self, target: &str) -> Result<()> {
        nlr::check(self, target)?;
        let block = self.number("BYTES_PER_GC_BLOCK");
        if !block.is_power_of_two() {
            return Err(format!(
                "MICROPY_BYTES_PER_GC_BLOCK is {block}: set it to a power of two, at least 4 words"
            ));
        }
        if self.flag("CIRCUITPYTHON_ON_ZEPHYR") {
            return Err(
                "CircuitPython on Zephyr wakes its main thread in mp_sched_keyboard_interrupt and \
                        counts in gc_alloc, and mpgc does neither: build this port without mpgc"
                    .into(),
            );
        }
        let unread = self.number("GC_ALLOC_FLAG_DO_NOT_COLLECT");
        if self.flag("ENABLE_SELECTIVE_COLLECT") && unread != 2 {
            return Err(format!(
                "GC_ALLOC_FLAG_DO_NOT_COLLECT is {unread} in {}, and mpgc knows it as 2; {}",
                release::spoken(self.headers),
                release::fix()
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
        // Before 1.25 the mutex is not recursive, and need not be. Since, it is declared whether or
        // not its functions are.
        let recursive = self.shape.recursive_mutex && self.flag("PY_THREAD_RECURSIVE_MUTEX");
        if self.gc_mutex() && self.flag("FINALISER_PASS") && !recursive {
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

    /// Whether `nlr_push` is in assembly, so that code for the running thread can stand in it.
    pub fn nlr_in_assembly(&self) -> bool {
        nlr::in_assembly(self) && self.flag("PY_THREAD")
    }

    /// The cfgs that are on.
    pub fn cfgs(&self) -> Vec<&'static str> {
        let mut on: Vec<&str> = table::cfgs()
            .into_iter()
            .filter(|(_, flag)| self.flag(flag))
            .map(|(cfg, _)| cfg)
            .collect();
        if !self.flag("ENABLE_SCHEDULER") {
            // Without the scheduler there is no list for static nodes, and nothing to hook.
            on.retain(|cfg| !matches!(*cfg, "mpgc_static_nodes" | "mpgc_sched_hook_scheduled"));
        }
        on.extend(nlr::cfgs(self));
        if self.gc_mutex() {
            on.push("mpgc_gc_mutex");
        }
        on.extend(self.shape.cfgs());
        on
    }

    /// The constants of `host::config`.
    pub fn rust(&self) -> String {
        let mut text = String::new();
        for Number { name, kind, doc } in table::numbers() {
            if let Some(value) = self.headers.value(&format!("NUMBER_{name}")) {
                writeln!(text, "/// {doc}\npub const {name}: {kind} = {value};")
                    .expect("a String takes all text");
            }
        }
        if let Some(pace) = pace::asked_for() {
            writeln!(
                text,
                "/// When the heap collects that is not full (`MPGC_PACING`).\n\
                 pub const PACE: crate::heap::Pace = crate::heap::Pace::{pace:?};"
            )
            .expect("a String takes all text");
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
        add(gc && self.shape.info_fast, &["gc_info_fast"]);
        add(gc && self.flag("PY_WEAKREF"), &["gc_weakref_mark"]);
        add(
            gc && self.shape.circuitpython,
            &[
                "gc_deinit",
                "gc_collect_ptr",
                "gc_alloc_possible",
                "gc_ptr_on_heap",
            ],
        );
        add(
            gc,
            &[
                "mpgc_check",
                "mpgc_chunk_of",
                "mpgc_clear_dead_stack",
                "mpgc_fault",
                "mpgc_snapshot",
            ],
        );
        add(gc && super::feature("IDLE_COLLECT"), &["mpgc_idle"]);
        add(
            gc && super::feature("STATS"),
            &["mpgc_reset_stats", "mpgc_stats"],
        );
        add(gc && super::feature("TRACE"), &["mpgc_trace_dump"]);
        add(
            self.flag("ENABLE_PYSTACK"),
            &["mp_pystack_init", "mp_pystack_alloc"],
        );
        add(!self.flag("NLR_SETJMP"), &["nlr_push"]);
        add(true, &["nlr_push_tail", "nlr_pop", "nlr_jump"]);
        add(
            self.shape.jump_callbacks,
            &[
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
                self.shape.handle_pending(),
                "mpgc_build_info",
                "mpgc_version",
            ],
        );
        add(
            self.shape.events,
            &[
                "mp_event_handle_nowait",
                "mp_event_wait_indefinite",
                "mp_event_wait_ms",
            ],
        );
        names
    }

    /// The files of py/ that the crate replaces in this configuration.
    pub fn replaced(&self) -> Vec<&'static str> {
        let mut files = vec!["scheduler.c", "nlr.c", nlr::file(self)];
        if self.flag("ENABLE_GC") {
            files.push("gc.c");
        }
        if self.flag("ENABLE_PYSTACK") {
            files.push("pystack.c");
        }
        files
    }

    /// The release's number, behind the name of who made it where that is not MicroPython.
    pub fn release(&self) -> String {
        release::of_files(self.headers)
    }

    /// Release, target and the options that matter, in one line.
    pub fn info(&self, target: &str) -> String {
        let mut text = format!(
            "mpgc {} for {}, {target}, {}-byte blocks",
            super::cargo_variable("CARGO_PKG_VERSION"),
            release::spoken(self.headers),
            self.number("BYTES_PER_GC_BLOCK"),
        );
        let named = [
            ("GC_SPLIT_HEAP_AUTO", "split heap auto"),
            ("GC_SPLIT_HEAP", "split heap"),
            ("ENABLE_FINALISER", "finalisers"),
            ("PY_WEAKREF", "weak references"),
            ("ENABLE_SELECTIVE_COLLECT", "selective collect"),
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
        // the switches of the build, then the features of the profile
        for feature in switches().chain(["small", "large", "bare"]) {
            let variable = feature.to_uppercase().replace('-', "_");
            if super::feature(&variable) {
                write!(text, ", {}", feature.replace('-', " ")).expect("a String takes all text");
            }
        }
        if let Some(pace) = pace::asked_for() {
            write!(text, ", pacing {pace}").expect("a String takes all text");
        }
        let optimised = super::cargo_variable("OPT_LEVEL");
        let profile = super::cargo_variable("PROFILE");
        write!(text, ", {profile} profile, opt-level {optimised}")
            .expect("a String takes all text");
        text
    }
}

/// The features that the options of the build switch on.
fn switches() -> impl Iterator<Item = &'static str> {
    include_str!("../micropython-patches/options.txt")
        .lines()
        .filter_map(|line| {
            let kind = line.starts_with("MPGC_").then(|| line.split('|').nth(1))?;
            kind?.trim().strip_prefix("switch ")
        })
}
