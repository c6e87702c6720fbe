//! A host for tests, one language of operations, and a naive model to compare the heap with.
//!
//! Tests, fuzzers and benchmarks share [`Op`], so that a failing list of operations can be pasted as a
//! regression test.

extern crate std;

use core::ffi::c_int;
use core::marker::PhantomData;
use core::mem::offset_of;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use super::alloc::HAS_FINALISER;
use super::host::{AreaFields, Host, StackEntry};
use super::layout::Layout;
use super::{Heap, Hints};

/// The options of a [`TestHost`]; see [`Host`] for what they mean.
#[expect(
    missing_docs,
    reason = "each mirrors the constant of the same name in Host"
)]
pub trait Options: Copy + 'static {
    const BLOCK_BYTES: usize = 4 * size_of::<usize>();
    const STACK_ENTRIES: usize = 64;
    const FINALISER: bool = true;
    const SPLIT: bool = false;
    const SPLIT_AUTO: bool = false;
    const CONSERVATIVE_CLEAR: bool = true;
    const CLEAR_ON_SWEEP: bool = false;
    const HOOK: bool = false;
    const TWINS: bool = true;
    type Entry: StackEntry + Default;
}

/// The fields of an area in a [`TestHost`].
#[repr(C)]
pub struct Fields {
    next: *mut Fields,
    alloc_table: *mut u8,
    table_bytes: usize,
    finaliser_table: *mut u8,
    pool_start: *mut u8,
    pool_end: *mut u8,
    hint: usize,
    last_used: usize,
}

macro_rules! field {
    ($name:ident: $t:ty) => {
        fn $name(this: *mut Self) -> *mut $t {
            this.wrapping_byte_add(offset_of!(Fields, $name)).cast()
        }
    };
}

impl AreaFields for Fields {
    field!(next: *mut Fields);
    field!(alloc_table: *mut u8);
    field!(table_bytes: usize);
    field!(finaliser_table: *mut u8);
    field!(pool_start: *mut u8);
    field!(pool_end: *mut u8);
    field!(hint: usize);
    field!(last_used: usize);
}

/// What a finaliser does when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinaliserAction {
    /// Nothing.
    Nothing,
    /// Allocates; the heap must refuse.
    Allocates,
    /// Frees its own object.
    FreesItself,
    /// Collects; the heap must ignore it.
    Collects,
    /// Asks for the figures.
    AsksInfo,
}

/// Everything a [`TestHost`] points at.
pub struct State<O: Options> {
    area: Fields,
    last_free_area: *mut Fields,
    collects: c_int,
    stack: Vec<O::Entry>,
    area_stack: Vec<*mut Fields>,
    hints: Hints<Fields>,
    auto_collect: u16,
    alloc_amount: usize,
    alloc_threshold: usize,
    collected: usize,
    lock_depth: u16,
    entered: isize,
    collects_run: usize,
    /// The roots of the next collect.
    pub roots: Vec<usize>,
    /// The addresses whose finalisers have run, in order.
    pub finalised: Vec<usize>,
    /// How often the hook of long loops was called.
    pub steps: usize,
    /// What finalisers do.
    pub action: FinaliserAction,
    /// Regions that the heap got by itself and has not given back.
    pub regions: Vec<Region>,
    /// The largest region that the heap may get by itself, in bytes.
    pub max_new_area: usize,
}

/// Memory aligned to 128 bytes.
pub struct Region {
    memory: Vec<u128>,
    bytes: usize,
}

impl Region {
    /// A region of that many bytes, filled with `fill`.
    pub fn new(bytes: usize, fill: u8) -> Self {
        let mut memory = vec![0u128; bytes / 16 + 16];
        // SAFETY: the bytes are the vector's own.
        unsafe {
            memory
                .as_mut_ptr()
                .cast::<u8>()
                .write_bytes(fill, memory.len() * 16)
        };
        Region { memory, bytes }
    }

    /// The first byte.
    pub fn start(&mut self) -> *mut u8 {
        let p = self.memory.as_mut_ptr().cast::<u8>();
        p.map_addr(|a| a.next_multiple_of(128))
    }

    /// One past the last byte.
    pub fn end(&mut self) -> *mut u8 {
        let bytes = self.bytes;
        self.start().wrapping_add(bytes)
    }
}

/// A host whose words lie in a [`State`].
pub struct TestHost<O: Options>(*mut State<O>, PhantomData<O>);

impl<O: Options> Clone for TestHost<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: Options> Copy for TestHost<O> {}

macro_rules! state_field {
    ($name:ident -> *mut $t:ty) => {
        fn $name(self) -> *mut $t {
            // SAFETY: the state outlives its host; only the address of the field is computed.
            unsafe { &raw mut (*self.0).$name }
        }
    };
}

// SAFETY: the fields lie in a boxed state that the test keeps for as long as the host, one thread at a time.
unsafe impl<O: Options> Host for TestHost<O> {
    const BLOCK_BYTES: usize = O::BLOCK_BYTES;
    const STACK_ENTRIES: usize = O::STACK_ENTRIES;
    const FINALISER: bool = O::FINALISER;
    const SPLIT: bool = O::SPLIT;
    const SPLIT_AUTO: bool = O::SPLIT_AUTO;
    const CONSERVATIVE_CLEAR: bool = O::CONSERVATIVE_CLEAR;
    const THRESHOLD: bool = true;
    const COUNT_COLLECTED: bool = true;
    const CLEAR_ON_SWEEP: bool = O::CLEAR_ON_SWEEP;
    const HOOK: bool = O::HOOK;
    const TWINS: bool = O::TWINS;
    type Area = Fields;
    type Entry = O::Entry;

    fn first_area(self) -> *mut Fields {
        // SAFETY: as in `state_field`.
        unsafe { &raw mut (*self.0).area }
    }
    state_field!(last_free_area -> *mut *mut Fields);
    state_field!(collects -> *mut c_int);
    state_field!(hints -> *mut Hints<Fields>);
    state_field!(auto_collect -> *mut u16);
    state_field!(alloc_amount -> *mut usize);
    state_field!(alloc_threshold -> *mut usize);
    state_field!(collected -> *mut usize);
    state_field!(lock_depth -> *mut u16);
    fn stack(self) -> *mut O::Entry {
        // SAFETY: the state is live, and no reference into it is held across a call of the heap.
        unsafe { (*self.0).stack.as_mut_ptr() }
    }
    fn area_stack(self) -> *mut *mut Fields {
        // SAFETY: as in `stack`.
        unsafe { (*self.0).area_stack.as_mut_ptr() }
    }
    fn enter(self) {
        // SAFETY: as in `stack`.
        unsafe { (*self.0).entered += 1 }
    }
    fn exit(self) {
        // SAFETY: as in `stack`.
        unsafe {
            (*self.0).entered -= 1;
            assert!((*self.0).entered >= 0, "the mutex is let go twice");
        }
    }
    fn collect(self) {
        let heap = Heap::new(self);
        // SAFETY: as in `stack`.
        unsafe {
            (*self.0).collects_run += 1;
            heap.collect_start();
            let roots = (*self.0).roots.clone();
            heap.collect_root(roots.as_ptr(), roots.len());
            heap.collect_end();
        }
    }
    unsafe fn finalise(self, object: *mut u8) {
        let heap = Heap::new(self);
        // SAFETY: as in `stack`.
        let action = unsafe {
            (*self.0).finalised.push(object.addr());
            (*self.0).action
        };
        match action {
            FinaliserAction::Nothing => {}
            FinaliserAction::Allocates => {
                assert!(heap.alloc(1, 0).is_null(), "allocated during a collect")
            }
            // SAFETY: a finaliser may free its own object.
            FinaliserAction::FreesItself => unsafe { heap.free(object) },
            FinaliserAction::Collects => self.collect(),
            FinaliserAction::AsksInfo => {
                let info = heap.info();
                assert_eq!(info.used + info.free, info.total);
            }
        }
    }
    fn hook(self, _step: usize) {
        // SAFETY: as in `stack`.
        unsafe { (*self.0).steps += 1 }
    }
    fn max_new_area(self) -> usize {
        // SAFETY: as in `stack`.
        unsafe { (*self.0).max_new_area }
    }
    fn get_region(self, bytes: usize) -> *mut u8 {
        let mut region = Region::new(bytes, 0xcc);
        let start = region.start();
        // SAFETY: as in `stack`.
        unsafe { (*self.0).regions.push(region) };
        start
    }
    fn give_region(self, start: *mut u8) {
        // SAFETY: as in `stack`.
        let regions = unsafe { &mut (*self.0).regions };
        let at = regions
            .iter_mut()
            .position(|r| r.start() == start)
            .expect("a region that was got");
        regions.remove(at);
    }
    fn fault(self, what: &'static str) -> ! {
        panic!("{what}")
    }
}

/// One step of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "fields say what they are; `chunk` picks one of the live chunks, modulo"
)]
pub enum Op {
    /// Allocates, and fills the chunk with numbers that are no addresses.
    Alloc {
        bytes: usize,
        finaliser: bool,
    },
    Free {
        chunk: usize,
    },
    Realloc {
        chunk: usize,
        bytes: usize,
        may_move: bool,
    },
    /// Writes the address of a chunk into a word of another.
    Link {
        from: usize,
        word: usize,
        to: usize,
    },
    /// Adds a root: the address of a chunk, plus an offset that makes it none if not 0.
    Root {
        chunk: usize,
        offset: usize,
    },
    /// Forgets all roots.
    NoRoots,
    Collect,
    SweepAll,
    Lock,
    Unlock,
    /// In blocks; 0 means off.
    Threshold {
        blocks: usize,
    },
    AutoCollect {
        on: bool,
    },
    /// Adds an area, in a split heap.
    AddArea {
        bytes: usize,
    },
    /// Asks for the size of the chunk at an address near that of a chunk.
    ChunkBytes {
        chunk: usize,
        offset: usize,
    },
    Info,
    Finaliser {
        action: FinaliserAction,
    },
}

/// A chunk as the model knows it.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    blocks: usize,
    finaliser: bool,
}

/// An area as the model knows it: a sorted list of chunks by their first block.
struct ModelArea {
    pool: usize,
    blocks: usize,
    chunks: BTreeMap<usize, Chunk>,
}

impl ModelArea {
    fn first_fit(&self, n: usize) -> Option<usize> {
        let mut free = 0;
        for (&start, chunk) in &self.chunks {
            if start - free >= n {
                return Some(free);
            }
            free = start + chunk.blocks;
        }
        (self.blocks - free >= n).then_some(free)
    }
}

/// A heap under test, with its model beside it.
pub struct World<O: Options> {
    state: Box<State<O>>,
    host: TestHost<O>,
    regions: Vec<Region>,
    areas: Vec<ModelArea>,
    amount: usize,
    threshold: usize,
    auto: bool,
    locks: u16,
    /// How often each interesting thing happened.
    pub seen: Seen,
}

/// What a trace has covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "counters named for what they count")]
pub struct Seen {
    pub allocations: usize,
    pub failed: usize,
    pub moves: usize,
    pub grown_in_place: usize,
    pub collects: usize,
    pub freed_by_collect: usize,
    pub finalised: usize,
    pub areas: usize,
}

impl<O: Options> World<O> {
    /// A heap in a region of that many bytes.
    pub fn new(bytes: usize) -> Self {
        let mut state = Box::new(State::<O> {
            // SAFETY: null pointers and zeros are values of all fields.
            area: unsafe { core::mem::zeroed() },
            last_free_area: core::ptr::null_mut(),
            collects: 0,
            stack: vec![O::Entry::default(); O::STACK_ENTRIES],
            area_stack: vec![core::ptr::null_mut(); O::STACK_ENTRIES],
            hints: Hints::NONE,
            auto_collect: 0,
            alloc_amount: 0,
            alloc_threshold: 0,
            collected: 0,
            lock_depth: 7,
            entered: 0,
            collects_run: 0,
            roots: Vec::new(),
            finalised: Vec::new(),
            steps: 0,
            action: FinaliserAction::Nothing,
            regions: Vec::new(),
            max_new_area: 0,
        });
        let host = TestHost(&raw mut *state, PhantomData);
        let mut world = World {
            state,
            host,
            regions: Vec::new(),
            areas: Vec::new(),
            amount: 0,
            threshold: usize::MAX,
            auto: true,
            locks: 0,
            seen: Seen::default(),
        };
        let mut region = Region::new(bytes, 0xcc);
        // SAFETY: the region is the world's and lives as long as the heap.
        unsafe { world.heap().init(region.start(), region.end()) };
        world.add_to_model(&mut region, 0);
        world.regions.push(region);
        world
    }

    /// The heap.
    pub fn heap(&self) -> Heap<TestHost<O>> {
        Heap::new(self.host)
    }

    /// The host's state.
    pub fn state(&mut self) -> &mut State<O> {
        // SAFETY: the state is this world's, and the heap is not running now.
        unsafe { &mut *self.host.0 }
    }

    fn add_to_model(&mut self, region: &mut Region, header: usize) {
        let end = region.end().addr() & !(O::BLOCK_BYTES - 1);
        let start = region.start().addr() + header;
        let layout =
            Layout::new(end - start, O::BLOCK_BYTES, O::FINALISER).expect("a region with room");
        self.areas.push(ModelArea {
            pool: start + layout.pool,
            blocks: layout.blocks().0,
            chunks: BTreeMap::new(),
        });
        self.seen.areas += 1;
    }

    /// The addresses of all live chunks, in order.
    pub fn chunks(&self) -> Vec<*mut u8> {
        let provenance = |a: usize| core::ptr::with_exposed_provenance_mut(a);
        self.areas
            .iter()
            .flat_map(|a| {
                a.chunks
                    .keys()
                    .map(move |&b| provenance(a.pool + b * O::BLOCK_BYTES))
            })
            .collect()
    }

    fn pick(&self, chunk: usize) -> Option<(usize, usize)> {
        let all: Vec<(usize, usize)> = self
            .areas
            .iter()
            .enumerate()
            .flat_map(|(i, a)| a.chunks.keys().map(move |&b| (i, b)))
            .collect();
        (!all.is_empty()).then(|| all[chunk % all.len()])
    }

    fn address(&self, (area, block): (usize, usize)) -> *mut u8 {
        core::ptr::with_exposed_provenance_mut(self.areas[area].pool + block * O::BLOCK_BYTES)
    }

    fn find(&self, address: usize) -> Option<(usize, usize)> {
        self.areas.iter().enumerate().find_map(|(i, a)| {
            let offset = address.checked_sub(a.pool)?;
            let block = offset / O::BLOCK_BYTES;
            (offset % O::BLOCK_BYTES == 0 && a.chunks.contains_key(&block)).then_some((i, block))
        })
    }

    fn words(&self, at: (usize, usize)) -> Vec<usize> {
        let n = self.areas[at.0].chunks[&at.1].blocks * O::BLOCK_BYTES / size_of::<usize>();
        let p = self.address(at).cast::<usize>();
        // SAFETY: the chunk is live and has that many words.
        (0..n).map(|i| unsafe { p.add(i).read() }).collect()
    }

    /// Collects in the model: what the roots do not reach is gone. Returns whose finalisers run.
    fn model_collect(&mut self, roots: &[usize]) -> Vec<usize> {
        let mut live: Vec<(usize, usize)> = roots.iter().filter_map(|&r| self.find(r)).collect();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(at) = live.pop() {
            if seen.insert(at) {
                live.extend(self.words(at).into_iter().filter_map(|w| self.find(w)));
            }
        }
        let mut finalised = Vec::new();
        let dead: Vec<_> = (0..self.areas.len())
            .flat_map(|i| {
                self.areas[i]
                    .chunks
                    .keys()
                    .map(move |&b| (i, b))
                    .collect::<Vec<_>>()
            })
            .filter(|at| !seen.contains(at))
            .collect();
        for at in dead {
            let chunk = self.areas[at.0].chunks[&at.1];
            if chunk.finaliser && self.words(at)[0] != 0 {
                finalised.push(self.address(at).addr());
            }
            self.areas[at.0].chunks.remove(&at.1);
            self.seen.freed_by_collect += 1;
        }
        self.amount = 0;
        self.seen.collects += 1;
        finalised
    }

    fn model_alloc(&mut self, n: usize, finaliser: bool) -> (Option<(usize, usize)>, Vec<usize>) {
        let mut finalised = Vec::new();
        if n == 0 || self.locks > 0 {
            return (None, finalised);
        }
        let mut may_collect = self.auto;
        if self.auto && self.amount >= self.threshold {
            finalised = self.model_collect(&self.host_roots());
            may_collect = false;
        }
        let fit =
            |w: &Self| (0..w.areas.len()).find_map(|i| w.areas[i].first_fit(n).map(|b| (i, b)));
        let mut found = fit(self);
        if found.is_none() && may_collect {
            finalised = self.model_collect(&self.host_roots());
            found = fit(self);
        }
        if let Some((area, block)) = found {
            self.areas[area].chunks.insert(
                block,
                Chunk {
                    blocks: n,
                    finaliser: finaliser && O::FINALISER,
                },
            );
            self.amount += n;
        }
        (found, finalised)
    }

    fn host_roots(&self) -> Vec<usize> {
        // SAFETY: as in `state`.
        unsafe { (*self.host.0).roots.clone() }
    }

    fn expect_alloc(
        &mut self,
        got: *mut u8,
        bytes: usize,
        expected: Option<(usize, usize)>,
        whole: bool,
    ) {
        let expected_address = expected.map_or(0, |at| self.address(at).addr());
        assert_eq!(
            got.addr(),
            expected_address,
            "address of an allocation of {bytes} bytes"
        );
        let Some(at) = expected else {
            self.seen.failed += 1;
            return;
        };
        self.seen.allocations += 1;
        let from = if whole { 0 } else { bytes };
        let size = self.areas[at.0].chunks[&at.1].blocks * O::BLOCK_BYTES;
        for i in from..size {
            // SAFETY: the chunk is live and has `size` bytes.
            let byte = unsafe { got.add(i).read() };
            assert_eq!(byte, 0, "byte {i} of {size} is not clear");
        }
    }

    fn fill(&mut self, chunk: *mut u8, bytes: usize) {
        for i in 0..bytes / size_of::<usize>() {
            // an odd number is no address of a block
            // SAFETY: the chunk is live and has `bytes` bytes.
            unsafe { chunk.cast::<usize>().add(i).write(2 * i + 1) };
        }
    }

    fn take_finalised(&mut self) -> Vec<usize> {
        core::mem::take(&mut self.state().finalised)
    }

    /// Does one step with the heap and with the model, and compares all that can be seen.
    ///
    /// # Panics
    ///
    /// When they differ, or an invariant of the heap is broken.
    pub fn step(&mut self, op: Op) {
        let heap = self.heap();
        match op {
            Op::Alloc { bytes, finaliser } => {
                let n = bytes.div_ceil(O::BLOCK_BYTES);
                let (expected, finalised) = self.model_alloc(n, finaliser);
                let chunk = heap.alloc(bytes, if finaliser { HAS_FINALISER } else { 0 });
                self.expect_finalised(&finalised);
                self.expect_alloc(chunk, bytes, expected, O::CONSERVATIVE_CLEAR);
                if !chunk.is_null() {
                    if finaliser && O::FINALISER {
                        // SAFETY: the chunk has a word.
                        assert_eq!(unsafe { chunk.cast::<usize>().read() }, 0);
                    }
                    self.fill(chunk, bytes);
                }
            }
            Op::Free { chunk } => {
                let at = self.pick(chunk);
                let address = at.map_or(core::ptr::null_mut(), |at| self.address(at));
                // SAFETY: null, or a live chunk that the model forgets now.
                unsafe { heap.free(address) };
                let Some(at) = at else { return };
                if self.locks == 0 {
                    self.areas[at.0].chunks.remove(&at.1);
                }
            }
            Op::Realloc {
                chunk,
                bytes,
                may_move,
            } => self.realloc(chunk, bytes, may_move),
            Op::Link { from, word, to } => {
                if let (Some(from), Some(to)) = (self.pick(from), self.pick(to)) {
                    let words = self.areas[from.0].chunks[&from.1].blocks * O::BLOCK_BYTES
                        / size_of::<usize>();
                    let p = self.address(from).cast::<usize>();
                    // SAFETY: the chunk is live and has that many words.
                    unsafe {
                        p.add(word % words)
                            .write(self.address(to).expose_provenance())
                    };
                }
            }
            Op::Root { chunk, offset } => {
                if let Some(at) = self.pick(chunk) {
                    let root = self.address(at).addr() + offset;
                    self.state().roots.push(root);
                }
            }
            Op::NoRoots => self.state().roots.clear(),
            Op::Collect | Op::SweepAll => {
                let roots = if op == Op::Collect {
                    self.host_roots()
                } else {
                    Vec::new()
                };
                let amount = self.amount;
                let expected = self.model_collect(&roots);
                if op == Op::Collect {
                    self.host.collect();
                } else {
                    heap.sweep_all();
                    self.amount = amount;
                }
                self.expect_finalised(&expected);
            }
            Op::Lock => {
                heap.lock();
                self.locks += 1;
            }
            Op::Unlock => {
                if self.locks > 0 {
                    heap.unlock();
                    self.locks -= 1;
                }
            }
            Op::Threshold { blocks } => {
                self.threshold = if blocks == 0 { usize::MAX } else { blocks };
                self.state().alloc_threshold = self.threshold;
            }
            Op::AutoCollect { on } => {
                self.auto = on;
                self.state().auto_collect = on.into();
            }
            Op::AddArea { bytes } => {
                if O::SPLIT {
                    let mut region = Region::new(bytes + 256, 0xcc);
                    // SAFETY: the region is the world's and lives as long as the heap.
                    unsafe { heap.add(region.start(), region.end()) };
                    self.add_to_model(&mut region, size_of::<Fields>());
                    self.regions.push(region);
                }
            }
            Op::ChunkBytes { chunk, offset } => {
                if let Some(at) = self.pick(chunk) {
                    let address = self.address(at).wrapping_add(offset);
                    let expected = self
                        .find(address.addr())
                        .map_or(0, |(a, b)| self.areas[a].chunks[&b].blocks * O::BLOCK_BYTES);
                    assert_eq!(heap.chunk_bytes(address), expected);
                }
            }
            Op::Info => self.expect_info(),
            Op::Finaliser { action } => self.state().action = action,
        }
        self.compare(op);
    }

    fn realloc(&mut self, chunk: usize, bytes: usize, may_move: bool) {
        let heap = self.heap();
        // SAFETY: the chunk is one of the model's, which follows it to where it goes.
        let realloc = |chunk, bytes, may_move| unsafe { heap.realloc(chunk, bytes, may_move) };
        let Some(at) = self.pick(chunk) else { return };
        let old = self.areas[at.0].chunks[&at.1];
        let address = self.address(at);
        let n = bytes.div_ceil(O::BLOCK_BYTES);
        let kept = self.words(at);
        if bytes == 0 {
            assert!(realloc(address, 0, may_move).is_null());
            if self.locks == 0 {
                self.areas[at.0].chunks.remove(&at.1);
            }
            return;
        }
        if self.locks > 0 {
            assert!(realloc(address, bytes, may_move).is_null());
            return;
        }
        let area = &mut self.areas[at.0];
        let room = area
            .chunks
            .range(at.1 + 1..)
            .next()
            .map_or(area.blocks, |(&b, _)| b)
            - at.1;
        if n <= room {
            area.chunks.insert(at.1, Chunk { blocks: n, ..old });
            assert_eq!(realloc(address, bytes, may_move), address);
            self.seen.grown_in_place += usize::from(n > old.blocks);
            let keep = if O::CONSERVATIVE_CLEAR {
                old.blocks * O::BLOCK_BYTES
            } else {
                bytes
            };
            let gained = if n > old.blocks {
                keep..n * O::BLOCK_BYTES
            } else {
                0..0
            };
            for i in gained {
                // SAFETY: the chunk is live and has n blocks.
                let byte = unsafe { address.add(i).read() };
                assert_eq!(byte, 0, "gained byte {i} is not clear");
            }
            return;
        }
        if !may_move {
            assert!(realloc(address, bytes, false).is_null());
            return;
        }
        // the old chunk must live through the collect that the move may start
        self.state().roots.push(address.addr());
        let (expected, finalised) = self.model_alloc(n, old.finaliser);
        let moved = realloc(address, bytes, true);
        self.state().roots.pop();
        self.expect_finalised(&finalised);
        assert_eq!(
            moved.addr(),
            expected.map_or(0, |at| self.address(at).addr()),
            "address of a moved chunk"
        );
        if let Some(new) = expected {
            assert_eq!(self.words(new)[..kept.len()], kept);
            self.areas[at.0].chunks.remove(&at.1);
            self.seen.moves += 1;
        }
    }

    fn expect_finalised(&mut self, expected: &[usize]) {
        let got = self.take_finalised();
        self.seen.finalised += got.len();
        assert_eq!(got, expected, "finalisers that ran, in order");
    }

    fn expect_info(&mut self) {
        let info = self.heap().info();
        let chunks = || self.areas.iter().flat_map(|a| a.chunks.values());
        let used: usize = chunks().map(|c| c.blocks).sum();
        let total: usize = self.areas.iter().map(|a| a.blocks).sum();
        assert_eq!(info.total, total * O::BLOCK_BYTES);
        assert_eq!(info.used, used * O::BLOCK_BYTES);
        assert_eq!(info.free, info.total - info.used);
        assert_eq!(info.num_1block, chunks().filter(|c| c.blocks == 1).count());
        assert_eq!(info.num_2block, chunks().filter(|c| c.blocks == 2).count());
        assert_eq!(
            info.max_block,
            chunks().map(|c| c.blocks).max().unwrap_or(0)
        );
    }

    fn compare(&mut self, op: Op) {
        let heap = self.heap();
        assert_eq!(self.state().entered, 0, "the mutex after {op:?}");
        assert_eq!(heap.is_locked(), self.locks > 0, "the lock after {op:?}");
        let amount = self.amount;
        assert_eq!(
            self.state().alloc_amount,
            amount,
            "the counter after {op:?}"
        );
        if let Err(broken) = heap.check() {
            panic!("{op:?} broke the heap: {broken:?}");
        }
        let mut used = 0;
        for (area, model) in super::area::Area::all(self.host).zip(&self.areas) {
            assert_eq!(area.pool().addr(), model.pool);
            for (&start, chunk) in &model.chunks {
                let start = super::block::BlockIndex(start);
                assert!(area.table().is_head(start), "{op:?}: no head at {start:?}");
                assert_eq!(
                    area.chunk_len(start).0,
                    chunk.blocks,
                    "{op:?}: length of {start:?}"
                );
                assert_eq!(
                    area.has_finaliser(start),
                    chunk.finaliser,
                    "{op:?}: finaliser bit of {start:?}"
                );
                used += chunk.blocks;
            }
        }
        assert_eq!(
            heap.info().used,
            used * O::BLOCK_BYTES,
            "{op:?}: blocks that nobody has"
        );
    }

    /// Runs a whole trace.
    ///
    /// # Panics
    ///
    /// As [`Self::step`]; prints the number of the step first.
    pub fn run(&mut self, ops: &[Op]) {
        for (i, &op) in ops.iter().enumerate() {
            let guard = OnPanic(i, op);
            self.step(op);
            core::mem::forget(guard);
        }
    }

    /// The host.
    pub fn host(&self) -> TestHost<O> {
        self.host
    }

    /// The addresses of all chunks that the heap's own tables show, the model unasked.
    pub fn heap_chunks(&self) -> Vec<*mut u8> {
        super::area::Area::all(self.host)
            .flat_map(|area| {
                (0..area.blocks().0)
                    .map(super::block::BlockIndex)
                    .filter(move |&b| area.table().is_head(b))
                    .map(move |b| area.address(b))
            })
            .collect()
    }

    /// Makes the first area's hint wrong, to see whether that is noticed.
    pub fn spoil_hint(&mut self, hint: usize) {
        self.state().area.hint = hint;
    }

    /// Flips bits in a byte of the first area's alloc table, to see whether that is noticed.
    pub fn spoil_table(&mut self, byte: usize, bits: u8) {
        // SAFETY: the byte lies in the table (the test says so).
        unsafe { *self.state().area.alloc_table.add(byte) ^= bits }
    }

    /// How often the host has collected.
    pub fn collects_run(&self) -> usize {
        self.state.collects_run
    }
}

/// Prints which step failed while a panic unwinds through it.
struct OnPanic(usize, Op);

impl Drop for OnPanic {
    fn drop(&mut self) {
        std::eprintln!("step {}: {:?}", self.0, self.1);
    }
}
