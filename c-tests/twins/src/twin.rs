//! `twin.h` in Rust: the interface between a twin and the driver.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};

/// The driver's functions for a twin.
#[repr(C)]
pub struct Hooks {
    /// The driver's side of this twin.
    pub world: *mut c_void,
    /// Whether the C runs without fixes.
    pub as_is: *const bool,
    /// The roots of the next collection.
    pub roots: unsafe extern "C" fn(*mut c_void, *mut *const usize, *mut usize),
    /// Runs a finaliser; true raises.
    pub finalise: unsafe extern "C" fn(*mut c_void, *mut u8) -> bool,
    /// Runs a Python callback; true raises.
    pub callback: unsafe extern "C" fn(*mut c_void, *mut u8, *mut u8) -> bool,
    /// Runs a static node.
    pub node: unsafe extern "C" fn(*mut c_void, usize),
    /// `MP_PLAT_ALLOC_HEAP`.
    pub get_region: unsafe extern "C" fn(*mut c_void, usize) -> *mut u8,
    /// `MP_PLAT_FREE_HEAP`.
    pub give_region: unsafe extern "C" fn(*mut c_void, *mut u8),
    /// `gc_get_max_new_split`.
    pub max_new_area: unsafe extern "C" fn(*mut c_void) -> usize,
    /// Something happened.
    pub event: unsafe extern "C" fn(*mut c_void, c_int, usize),
}

/// An area of the heap, as `mp_state_ctx` has it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AreaWords {
    pub alloc_table: *mut u8,
    pub table_bytes: usize,
    pub finaliser_table: *mut u8,
    pub collect_table: *mut u8,
    pub pool: *mut u8,
    pub pool_end: *mut u8,
    pub last_used: usize,
}

/// The state that C code of a port may read; compared after every operation.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    pub lock_depth: usize,
    pub auto_collect: usize,
    pub alloc_amount: usize,
    pub alloc_threshold: usize,
    pub collected: usize,
    pub pystack_used: usize,
    pub sched_state: usize,
    pub sched_len: usize,
    pub sched_idx: usize,
    pub has_nodes: usize,
    pub pending_exception: usize,
    pub vm_abort: usize,
    pub atomic_depth: usize,
    pub mutex_depth: usize,
    pub jumps_pushed: usize,
}

/// The harness's counts, and the fixes that it makes to the C.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub collects: usize,
    pub overflows: usize,
    pub last_used_fixed: usize,
    pub areas_fixed: usize,
    pub mutex_fixed: usize,
    pub steps: usize,
    pub collect_steps: usize,
    pub mark_steps: usize,
}

/// What mpgc counts with MPGC_STATS=1, and the harness around the C.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub collections: usize,
    pub failures: usize,
    pub failed_bytes: usize,
    pub allocations: usize,
    pub allocated_bytes: usize,
    pub freed_objects: usize,
    pub live_objects: usize,
    pub live_bytes: usize,
    pub peak_bytes: usize,
    pub max_free: usize,
    pub free_runs: usize,
    pub sched_refused: usize,
    pub peak_sched: usize,
}

/// `mpgc_broken` of include/mpgc.h.
#[repr(C)]
pub struct BrokenWords {
    pub what: *const c_char,
    pub what_len: usize,
    pub area: usize,
    pub block: usize,
}

/// Functions of bench.c that `make bench` needs besides those of the heap.
#[repr(C)]
pub struct Bench {
    pub collect_start: unsafe extern "C" fn(),
    pub collect_root: unsafe extern "C" fn(*mut usize, usize),
    pub collect_end: unsafe extern "C" fn(),
    pub pystack: unsafe extern "C" fn(usize),
    pub push_pop: unsafe extern "C" fn(usize),
    pub push_jump: unsafe extern "C" fn(usize),
    pub schedule_run: unsafe extern "C" fn(usize),
    pub count_begin: unsafe extern "C" fn(),
    pub count_end: unsafe extern "C" fn(*const c_char),
}

/// A twin: its configuration and its functions.
#[repr(C)]
pub struct Twin {
    pub release: u32,
    pub block_bytes: u32,
    pub stack_entries: u32,
    pub entry_bytes: u32,
    pub finaliser: bool,
    pub split: bool,
    pub split_auto: bool,
    pub threshold: bool,
    pub conservative_clear: bool,
    pub collect_retval: bool,
    pub pystack: bool,
    pub scheduler: bool,
    pub static_nodes: bool,
    pub vm_abort: bool,
    pub hook_loop: bool,
    pub asserts: bool,
    pub gc_mutex: bool,
    pub debug_valgrind: bool,
    pub weakref: bool,
    pub selective: bool,
    pub circuitpython: bool,
    pub pystack_align: u32,
    pub scheduler_depth: u32,
    pub nodes: u32,
    pub types: u32,
    pub area_bytes: u32,
    pub build_info: Option<extern "C" fn() -> *const c_char>,
    pub check: Option<unsafe extern "C" fn(*mut BrokenWords) -> bool>,
    pub figures: Option<unsafe extern "C" fn(*mut Figures)>,
    pub reset: unsafe extern "C" fn(*const Hooks),
    pub settle: unsafe extern "C" fn(),
    pub counts: *mut Counts,
    pub area: unsafe extern "C" fn(usize, *mut AreaWords) -> bool,
    pub numbers: unsafe extern "C" fn(*mut Numbers),
    pub type_at: unsafe extern "C" fn(usize) -> *const c_void,
    pub take_text: unsafe extern "C" fn(*mut usize) -> *const u8,
    pub init: unsafe extern "C" fn(*mut u8, *mut u8),
    pub add: Option<unsafe extern "C" fn(*mut u8, *mut u8)>,
    pub alloc: unsafe extern "C" fn(usize, c_uint) -> *mut u8,
    pub free: unsafe extern "C" fn(*mut u8),
    pub realloc: unsafe extern "C" fn(*mut u8, usize, bool) -> *mut u8,
    pub nbytes: unsafe extern "C" fn(*const u8) -> usize,
    pub lock: unsafe extern "C" fn(),
    pub unlock: unsafe extern "C" fn(),
    pub is_locked: unsafe extern "C" fn() -> bool,
    pub collect: unsafe extern "C" fn(),
    pub sweep_all: unsafe extern "C" fn(),
    pub info: unsafe extern "C" fn(*mut [usize; 8]),
    pub dump: unsafe extern "C" fn(bool),
    pub set_threshold: unsafe extern "C" fn(usize),
    pub set_auto_collect: unsafe extern "C" fn(bool),
    pub pystack_init: Option<unsafe extern "C" fn(*mut u8, *mut u8)>,
    pub pystack_alloc: Option<unsafe extern "C" fn(usize) -> *mut u8>,
    pub pystack_free: Option<unsafe extern "C" fn(*mut u8)>,
    pub schedule: Option<unsafe extern "C" fn(*mut u8, *mut u8) -> bool>,
    pub schedule_node: Option<unsafe extern "C" fn(usize) -> bool>,
    pub sched_lock: Option<unsafe extern "C" fn()>,
    pub sched_unlock: Option<unsafe extern "C" fn()>,
    pub sched_exception: unsafe extern "C" fn(*mut u8),
    pub keyboard_interrupt: Option<unsafe extern "C" fn()>,
    pub sched_vm_abort: Option<unsafe extern "C" fn()>,
    pub collect_aborted: Option<unsafe extern "C" fn() -> bool>,
    pub handle_pending: unsafe extern "C" fn(c_uint, bool),
    pub jump: unsafe extern "C" fn(u64, usize),
    /// Null without `TWIN_BENCH`.
    pub bench: *const Bench,
}

impl Twin {
    /// The line of `mpgc_build_info`; the C has none.
    pub fn build_info(&self) -> Option<String> {
        let text = self.build_info?();
        // SAFETY: include/mpgc.h says that it is a string and valid for ever.
        Some(
            unsafe { CStr::from_ptr(text) }
                .to_string_lossy()
                .into_owned(),
        )
    }

    /// The properties that the two must share to be compared.
    pub fn configuration(&self) -> [u32; 24] {
        let flags = [
            self.finaliser,
            self.split,
            self.split_auto,
            self.threshold,
            self.conservative_clear,
            self.collect_retval,
            self.pystack,
            self.scheduler,
            self.static_nodes,
            self.vm_abort,
            self.hook_loop,
            self.asserts,
            self.gc_mutex,
            self.debug_valgrind,
            self.selective,
        ];
        let mut all = [0; 24];
        all[..15].copy_from_slice(&flags.map(u32::from));
        all[15..].copy_from_slice(&[
            self.release,
            self.block_bytes,
            self.stack_entries,
            self.entry_bytes,
            self.pystack_align,
            self.scheduler_depth,
            self.nodes,
            self.types,
            self.area_bytes,
        ]);
        all
    }
}

/// The C and the Rust, from one shared object.
///
/// # Errors
///
/// What the dynamic loader says, or that the two cannot be compared.
pub fn load(path: &str) -> Result<[&'static Twin; 2], String> {
    let mut twins: Vec<&'static Twin> = Vec::new();
    for name in [c"c_twin", c"rust_twin"] {
        // SAFETY: env.c defines the symbol as a constant of this type; the library is never closed.
        twins.push(unsafe { &*symbol(path, name)?.cast::<Twin>() });
    }
    if twins[0].configuration() != twins[1].configuration() {
        return Err(format!(
            "the two of {path} were built with different options: remove the folder of the build \
             and try again"
        ));
    }
    Ok([twins[0], twins[1]])
}

/// Lets the code of both twins count where it has been.
///
/// # Errors
///
/// When the shared object was not built for it.
///
/// # Safety
///
/// The counters are valid for as long as the process runs.
pub unsafe fn cover(path: &str, counters: *mut u8, len: usize) -> Result<(), String> {
    let cover = symbol(path, c"twin_cover")?;
    // SAFETY: cover.c defines the symbol as a function of this type, and the caller vouches for the
    // counters.
    unsafe {
        let cover = std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut u8, usize)>(cover);
        cover(counters, len);
    }
    Ok(())
}

/// Where a symbol of a shared object is, which stays open.
fn symbol(path: &str, name: &CStr) -> Result<*mut c_void, String> {
    let path = CString::new(path).map_err(|e| e.to_string())?;
    // SAFETY: the file is one that tools/verify/twins.py made; it has no constructors.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if !library.is_null() {
        // SAFETY: the library is open and never closed.
        let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
        if !symbol.is_null() {
            return Ok(symbol);
        }
    }
    // SAFETY: after a failure the loader's message is a string.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return Err(format!("{path:?} has no {name:?}"));
    }
    // SAFETY: as above.
    let message = unsafe { CStr::from_ptr(message) };
    Err(message.to_string_lossy().into_owned())
}
