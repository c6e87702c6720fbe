//! A heap and its model, taken through the same steps.

use core::marker::PhantomData;
use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use super::every;
use super::host::{Options, Region, State, TestHost};
use super::model::Model;
use super::op::{FinaliserAction, Op};
use crate::heap::area::Area;
use crate::heap::block::BlockIndex;
use crate::heap::host::StackEntry;
use crate::heap::stats::Stats;
use crate::heap::{Heap, Hints, Paced};

/// A heap under test, with its model beside it.
pub struct World<O: Options> {
    // it points at a boxed state, which `drop` takes back: a box beside it would claim to be the
    // only way there
    host: TestHost<O>,
    pub(super) regions: Vec<Region>,
    /// The model of the heap.
    pub model: Model<O>,
}

impl<O: Options> World<O> {
    /// A heap in a region of that many bytes.
    pub fn new(bytes: usize) -> Self {
        Self::at(0, bytes)
    }

    /// A heap in a region of that many bytes that starts `offset` bytes behind an aligned address.
    pub fn at(offset: usize, bytes: usize) -> Self {
        let state = Box::new(State::<O> {
            // SAFETY: null pointers and zeros are values of all fields.
            area: unsafe { core::mem::zeroed() },
            last_free_area: core::ptr::null_mut(),
            collects: 0,
            stack: stack_with_guard::<O::Entry>(O::STACK_ENTRIES),
            area_stack: vec![core::ptr::null_mut(); O::STACK_ENTRIES + 1],
            hints: Hints::NONE,
            auto_collect: 0,
            alloc_amount: 0,
            paced: Paced::NONE,
            stats: Stats::NONE,
            times: Vec::new(),
            alloc_threshold: 0,
            collected: 0,
            lock_depth: 7,
            entered: 0,
            entries: 0,
            collects_run: 0,
            roots: Vec::new(),
            finalised: Vec::new(),
            noted: Vec::new(),
            used_seen: Vec::new(),
            weakref_sweeps: 0,
            pool_bounds: [core::ptr::null_mut(); 2],
            steps: 0,
            numbers: 0,
            rounds: 0,
            events: Vec::new(),
            traced: Vec::new(),
            changes: 0,
            resized: Vec::new(),
            unreadable: Vec::new(),
            action: FinaliserAction::Nothing,
            regions: Vec::new(),
            max_new_area: 0,
        });
        let mut world = World {
            host: TestHost(Box::into_raw(state), PhantomData),
            regions: Vec::new(),
            model: Model::default(),
        };
        let region = Region::at(offset, bytes, 0xcc);
        // SAFETY: the region is the world's and lives as long as the heap.
        unsafe { world.heap().init(region.start(), region.end()) };
        world.model.add_area(region.start(), region.end());
        world.regions.push(region);
        world
    }

    /// The heap.
    pub fn heap(&self) -> Heap<TestHost<O>> {
        // SAFETY: the world makes it first, and keeps its memory.
        unsafe { Heap::new(self.host) }
    }

    /// The host's state.
    pub fn state(&mut self) -> &mut State<O> {
        // SAFETY: the state is this world's, and the heap is not running now.
        unsafe { &mut *self.host.0 }
    }

    /// The addresses of all live chunks, in order.
    pub fn chunks(&self) -> Vec<*mut u8> {
        let all = self.model.all().into_iter();
        all.map(|at| self.model.address(at)).collect()
    }

    pub(super) fn roots(&mut self) -> Vec<usize> {
        self.state().roots.clone()
    }

    pub(super) fn take_finalised(&mut self) -> Vec<usize> {
        core::mem::take(&mut self.state().finalised)
    }

    /// Runs a whole trace. Under Miri the whole heap is compared after every tenth step.
    ///
    /// # Panics
    ///
    /// As [`Self::step`]; prints the number of the step first.
    pub fn run(&mut self, ops: &[Op]) {
        for (i, &op) in ops.iter().enumerate() {
            let guard = OnPanic(i, op);
            self.apply(op);
            // to look at every block is what takes longest
            if (i + 1).is_multiple_of(every(10)) || i + 1 == ops.len() {
                self.compare(op);
            }
            core::mem::forget(guard);
        }
    }

    /// The host.
    pub fn host(&self) -> TestHost<O> {
        self.host
    }

    /// The addresses of all chunks that the heap's own tables show, without the model.
    pub fn heap_chunks(&self) -> Vec<*mut u8> {
        Area::all(self.host)
            .flat_map(|area| {
                (0..area.blocks().0)
                    .map(BlockIndex)
                    .filter(move |&b| area.table().is_head(b))
                    .map(move |b| area.address(b))
            })
            .collect()
    }

    /// Makes the first area's hint wrong, to test that the checks notice it.
    pub fn spoil_hint(&mut self, hint: usize) {
        self.state().area.hint = hint;
    }

    /// Flips bits in a byte of the first area's alloc table, to test that the checks notice it.
    pub fn spoil_table(&mut self, byte: usize, bits: u8) {
        // SAFETY: the byte lies in the table (the test says so).
        unsafe { *self.state().area.alloc_table.add(byte) ^= bits }
    }

    /// Lets an allocation collect first once that many blocks were handed out.
    pub fn set_threshold(&mut self, blocks: usize) {
        self.state().alloc_threshold = blocks;
    }

    /// Whether nothing was written behind the mark stack.
    pub fn guards_are_whole(&mut self) -> bool {
        let state = self.state();
        let area = state.area_stack.last().copied();
        state.stack.last().map(|guard| guard.block()) == Some(GUARD)
            && area == Some(core::ptr::null_mut())
    }

    /// How often the host has collected.
    pub fn collects_run(&self) -> usize {
        // SAFETY: as in `state`.
        unsafe { (*self.host.0).collects_run }
    }
}

impl<O: Options> Drop for World<O> {
    fn drop(&mut self) {
        // SAFETY: `at` made the state, and the hosts that point at it are used while the world
        // lives.
        drop(unsafe { Box::from_raw(self.host.0) });
    }
}

/// The value that must stay in the entry behind the mark stack.
const GUARD: usize = 0x5a;

/// A mark stack with an entry too many, which nobody may write to.
fn stack_with_guard<E: StackEntry + Default>(entries: usize) -> Vec<E> {
    let mut stack = vec![E::default(); entries];
    stack.extend(E::from_block(GUARD));
    stack
}

/// Prints which step failed while a panic unwinds through it.
struct OnPanic(usize, Op);

impl Drop for OnPanic {
    fn drop(&mut self) {
        std::eprintln!("step {}: {:?}", self.0, self.1);
    }
}
