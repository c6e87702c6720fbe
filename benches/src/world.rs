//! One side while a case runs: a twin, the memory that both sides share, and the clock.

use crate::twin::{AreaWords, Bench, Hooks, Twin};
use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_int, c_void};
use std::time::{Duration, Instant};

/// Bytes of a block on the machines where this runs.
pub const BLOCK: usize = 4 * size_of::<usize>();
/// Bytes of the Python stack.
const STACK: usize = 4096;
/// `GC_ALLOC_FLAG_HAS_FINALISER`.
const HAS_FINALISER: u32 = 1;

/// Memory for the heaps of both sides: the C and the Rust use it in turns.
pub struct Memory {
    start: *mut u8,
    bytes: usize,
}

impl Memory {
    /// Gets memory for heaps of up to that many bytes.
    pub fn new(bytes: usize) -> Result<Self, String> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping of its own.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes + STACK,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(format!("no memory for a heap of {bytes} bytes"));
        }
        Ok(Memory {
            start: start.cast(),
            bytes,
        })
    }
}

/// The state that a twin's calls to the driver use while a case has exclusive use of its world.
struct Shared {
    roots: Cell<(*const usize, usize)>,
    begun: Cell<Instant>,
    elapsed: Cell<Option<Duration>>,
    counting: RefCell<Option<CString>>,
    bench: &'static Bench,
}

impl Shared {
    #[inline(always)]
    fn end(&self) {
        let elapsed = self.begun.get().elapsed();
        if self.elapsed.get().is_some() {
            return;
        }
        if let Some(name) = &*self.counting.borrow() {
            // SAFETY: asks valgrind, if it is there; the name is a string.
            unsafe { (self.bench.count_end)(name.as_ptr()) }
        }
        self.elapsed.set(Some(elapsed));
    }
}

/// Bytes behind a chunk of a hardened mpgc that are its own (src/heap/harden.rs, `GUARD`).
pub const GUARD: usize = 1;

/// A side.
pub struct World {
    twin: &'static Twin,
    bench: &'static Bench,
    memory: *mut u8,
    most: usize,
    /// The roots of the next collection.
    pub roots: Vec<usize>,
    /// Chunks that the build of a case leaves to its run.
    pub chunks: Vec<*mut u8>,
    /// How many operations the run did: times are reported per operation.
    pub ops: usize,
    /// The times of single operations, of cases that measure latency.
    pub latencies: Vec<u64>,
    seen: u64,
    guard: usize,
    shared: &'static Shared,
}

impl World {
    /// A side of its own in memory that it shares; each chunk has so many bytes of guard.
    pub fn new(twin: &'static Twin, memory: &Memory, guard: usize) -> Result<Self, String> {
        // SAFETY: null, or a constant of bench.c.
        let bench = unsafe { twin.bench.as_ref() };
        let bench = bench.ok_or("the twins were built without TWIN_BENCH")?;
        let shared = Shared {
            roots: Cell::new((std::ptr::null(), 0)),
            begun: Cell::new(Instant::now()),
            elapsed: Cell::new(None),
            counting: RefCell::new(None),
            bench,
        };
        Ok(World {
            twin,
            bench,
            memory: memory.start,
            most: memory.bytes,
            roots: Vec::new(),
            chunks: Vec::new(),
            ops: 1,
            latencies: Vec::new(),
            seen: 0,
            guard,
            // a twin may keep its address for ever
            shared: Box::leak(Box::new(shared)),
        })
    }

    /// A new heap of that many bytes, with everything else as after power on. The memory keeps its
    /// words.
    pub fn start(&mut self, bytes: usize) {
        assert!(
            bytes <= self.most,
            "the case needs more memory than there is"
        );
        self.roots.clear();
        self.chunks.clear();
        let hooks = Hooks {
            world: (&raw const *self.shared).cast_mut().cast(),
            as_is: &false,
            roots,
            finalise,
            callback,
            node,
            get_region,
            give_region,
            max_new_area,
            event,
        };
        // SAFETY: the hooks' world lives for ever; the memory is the twin's from now on.
        unsafe {
            (self.twin.reset)(&hooks);
            if let Some(init) = self.twin.pystack_init {
                let stack = self.memory.add(self.most);
                init(stack, stack.add(STACK));
            }
            (self.twin.init)(self.memory, self.memory.add(bytes));
            (self.twin.set_auto_collect)(false);
        }
    }

    /// The twin's functions that only a benchmark calls.
    pub fn bench(&self) -> &'static Bench {
        self.bench
    }

    /// The blocks that a chunk of so many bytes takes.
    pub fn blocks(&self, bytes: usize) -> usize {
        (bytes + self.guard).div_ceil(BLOCK)
    }

    /// `gc_alloc`, null if no free run is long enough.
    #[inline(always)]
    pub fn alloc(&self, bytes: usize) -> *mut u8 {
        // SAFETY: the heap was made.
        unsafe { (self.twin.alloc)(bytes, 0) }
    }

    /// `gc_alloc` that must succeed: for builds.
    pub fn need(&self, bytes: usize) -> *mut u8 {
        let chunk = self.alloc(bytes);
        assert!(!chunk.is_null(), "the case does not fit into its heap");
        chunk
    }

    /// `gc_free`.
    #[inline(always)]
    pub fn free(&self, chunk: *mut u8) {
        // SAFETY: cases free what they have, once.
        unsafe { (self.twin.free)(chunk) }
    }

    /// `gc_realloc`, which may move.
    #[inline(always)]
    pub fn realloc(&self, chunk: *mut u8, bytes: usize) -> *mut u8 {
        // SAFETY: as in `free`.
        unsafe { (self.twin.realloc)(chunk, bytes, true) }
    }

    /// `gc_info`.
    #[inline(always)]
    pub fn info(&self) -> [usize; 8] {
        let mut info = [0; 8];
        // SAFETY: the heap was made.
        unsafe { (self.twin.info)(&mut info) };
        info
    }

    /// A whole collection from `roots`.
    pub fn collect(&self) {
        self.shared
            .roots
            .set((self.roots.as_ptr(), self.roots.len()));
        // SAFETY: the heap was made.
        unsafe { (self.twin.collect)() }
    }

    /// The tests of the twins do this after each step: see docs/upstream.md, 7.
    pub fn settle(&self) {
        // SAFETY: the heap was made.
        unsafe { (self.twin.settle)() }
    }

    /// Puts an object with a finaliser into the first block, whose finaliser signals the end of
    /// marking: finalisers run between the mark and the sweep.
    pub fn place_bell(&self) {
        // SAFETY: the heap was made; a block has a word.
        unsafe {
            let bell = (self.twin.alloc)(BLOCK, HAS_FINALISER);
            assert!(!bell.is_null(), "no free run for the bell");
            bell.cast::<usize>().write(1);
        }
    }

    /// Writes a word of a chunk.
    #[inline(always)]
    pub fn set(&self, chunk: *mut u8, word: usize, value: usize) {
        // SAFETY: cases write inside the chunks that they have.
        unsafe { chunk.cast::<usize>().add(word).write(value) }
    }

    /// Starts measuring.
    #[inline(always)]
    pub fn begin(&self) {
        if self.shared.counting.borrow().is_some() {
            // SAFETY: asks valgrind, if it is there.
            unsafe { (self.bench.count_begin)() }
        }
        self.shared.begun.set(Instant::now());
    }

    /// Stops measuring. Of several calls the first counts.
    #[inline(always)]
    pub fn end(&self) {
        self.shared.end();
    }

    /// Lets the next measurement be counted under callgrind by that name; `None`: no more.
    pub fn count_as(&self, name: Option<&str>) {
        *self.shared.counting.borrow_mut() = name.and_then(|name| CString::new(name).ok());
    }

    /// The measured time.
    pub fn take_elapsed(&self) -> Duration {
        self.shared
            .elapsed
            .take()
            .expect("the case measured nothing")
    }

    /// Forgets what a build may have measured.
    pub fn forget_elapsed(&self) {
        self.shared.elapsed.take();
    }

    /// Notes an answer that both sides must have in common.
    #[inline(always)]
    pub fn see(&mut self, value: usize) {
        self.seen = mix(self.seen, value as u64);
    }

    /// All answers, and what the tables and `gc_info` say now, as one number.
    pub fn digest(&mut self) -> u64 {
        let mut area = std::mem::MaybeUninit::<AreaWords>::uninit();
        // SAFETY: the heap was made; env.c writes the area if there is one; the tables are `len`
        // bytes long.
        unsafe {
            if (self.twin.area)(0, area.as_mut_ptr()) {
                let area = area.assume_init();
                for (table, len) in [
                    (area.alloc_table, area.table_bytes),
                    (area.finaliser_table, area.table_bytes / 2),
                ] {
                    let words = table.cast::<u64>();
                    // Without finalisers there is no second table.
                    let len = if table.is_null() { 0 } else { len };
                    for i in 0..len / 8 {
                        self.seen = mix(self.seen, words.add(i).read_unaligned());
                    }
                }
            }
        }
        for number in self.info() {
            self.see(number);
        }
        std::mem::take(&mut self.seen)
    }
}

#[inline(always)]
fn mix(seen: u64, value: u64) -> u64 {
    (seen.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

// The requests of a twin.

unsafe extern "C" fn roots(world: *mut c_void, words: *mut *const usize, len: *mut usize) {
    // SAFETY: called by env.c with `world` and two words of its own.
    unsafe {
        let (start, count) = (*world.cast::<Shared>()).roots.get();
        words.write(start);
        len.write(count);
    }
}

/// The finaliser runs: marking has ended.
unsafe extern "C" fn finalise(world: *mut c_void, _object: *mut u8) -> bool {
    // SAFETY: called by env.c with `world`.
    unsafe { (*world.cast::<Shared>()).end() }
    false
}

unsafe extern "C" fn callback(_: *mut c_void, _: *mut u8, _: *mut u8) -> bool {
    false
}

unsafe extern "C" fn node(_: *mut c_void, _: usize) {}

unsafe extern "C" fn get_region(_: *mut c_void, _: usize) -> *mut u8 {
    std::ptr::null_mut()
}

unsafe extern "C" fn give_region(_: *mut c_void, _: *mut u8) {}

unsafe extern "C" fn max_new_area(_: *mut c_void) -> usize {
    0
}

unsafe extern "C" fn event(_: *mut c_void, _: c_int, _: usize) {}
