//! The C and the Rust side by side: the same operation on both, and the comparison of the results.

use crate::covered::Covered;
use crate::memory::Place;
use crate::side::{Side, event};
use crate::twin::{Counts, Numbers, Twin};
use mpgc::heap::testing::Step;
use std::fmt::Debug;

pub(crate) const WORD: usize = size_of::<usize>();

/// The setup of a run, which is the same for both sides.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Bytes of the first region.
    pub bytes: usize,
    /// Where it starts, behind an address that is aligned to 4096.
    pub offset: usize,
    /// Bytes that the heap may get by itself.
    pub budget: usize,
    /// Bytes of the Python stack.
    pub stack: usize,
    /// The initial content of memory.
    pub fill: u8,
}

/// A difference between the C and the Rust.
#[derive(Debug)]
pub struct Difference {
    /// The thing that differs.
    pub what: String,
    /// In C.
    pub c: String,
    /// In Rust.
    pub rust: String,
}

/// The result of an operation.
pub type Outcome<T = ()> = Result<T, Difference>;

/// A difference, unless both are equal.
pub fn same<T: PartialEq + Debug>(what: &str, c: T, rust: T) -> Outcome<T> {
    if c == rust {
        return Ok(c);
    }
    Err(Difference {
        what: what.into(),
        c: format!("{c:?}"),
        rust: format!("{rust:?}"),
    })
}

/// Both sides, and the driver's knowledge of them.
pub struct Pair {
    pub(crate) sides: [*mut Side; 2],
    /// The chunks of the heap that are live.
    pub live: Vec<Place>,
    /// Chunks of the Python stack, the oldest first, and the bytes that were asked for.
    pub stacked: Vec<(Place, usize)>,
    /// Whose finalisers ran in the last step.
    pub finalised: Vec<Place>,
    /// How deep heap and scheduler are locked.
    pub locks: usize,
    /// See `locks`.
    pub sched_locks: usize,
    /// What was covered.
    pub covered: Covered,
    /// The numbers after the last operation.
    pub numbers: Numbers,
    pub(crate) serial: usize,
    before: [Counts; 2],
    look_anew: bool,
    paced: bool,
}

impl Pair {
    /// Two heaps as after power on.
    pub fn new(twins: [&'static Twin; 2], setup: Setup) -> Pair {
        let mut sides = twins.map(|twin| Box::new(Side::new(twin, setup)));
        sides[0].beside_hardened = sides[1].hardened;
        let sides = sides.map(Box::into_raw);
        let mut pair = Pair {
            sides,
            live: Vec::new(),
            stacked: Vec::new(),
            finalised: Vec::new(),
            locks: 0,
            sched_locks: 0,
            covered: Covered::default(),
            numbers: Numbers::default(),
            serial: 0,
            before: [Counts::default(); 2],
            look_anew: false,
            paced: false,
        };
        pair.restart(setup);
        pair
    }

    /// Heaps as after power on, in the memory that there is.
    pub fn restart(&mut self, setup: Setup) {
        self.live.clear();
        self.stacked.clear();
        (self.locks, self.sched_locks, self.serial) = (0, 0, 0);
        for i in 0..2 {
            let side = self.sides[i];
            self.side_mut(i).restart(setup);
            // SAFETY: the side is valid until this pair is dropped, and its memory is the twin's
            // from now on.
            unsafe { Side::start(side) }
        }
        self.before = [0, 1].map(|i| self.counts(i));
        let threshold = self.side(1).numbers().alloc_threshold;
        self.paced = self.twin(1).threshold && threshold != usize::MAX;
        if self.paced {
            // SAFETY: a word that C code may write between calls.
            unsafe { (self.twin(0).set_threshold)(threshold) }
        }
        self.numbers = self.side(0).numbers();
    }

    /// A side; no twin may run while it is in use.
    pub fn side(&self, i: usize) -> &Side {
        // SAFETY: the side is valid, and nothing else refers to it while no twin runs.
        unsafe { &*self.sides[i] }
    }

    pub(crate) fn side_mut(&mut self, i: usize) -> &mut Side {
        // SAFETY: as in `side`.
        unsafe { &mut *self.sides[i] }
    }

    pub(crate) fn twin(&self, i: usize) -> &'static Twin {
        self.side(i).twin
    }

    pub(crate) fn counts(&self, i: usize) -> Counts {
        // SAFETY: env.c's counters, which only a running twin writes.
        unsafe { *self.twin(i).counts }
    }

    /// Asks both sides, the C first.
    pub(crate) fn both<T: PartialEq + Debug>(
        &mut self,
        what: &str,
        ask: impl Fn(&Pair, &'static Twin, usize) -> T,
    ) -> Outcome<T> {
        if self.paced {
            return self.both_at_a_pace(what, ask);
        }
        let c = ask(self, self.twin(0), 0);
        let rust = ask(self, self.twin(1), 1);
        same(what, c, rust)
    }

    /// The same where the Rust sets its threshold itself: the C is given that threshold.
    ///
    /// What was due may have waited: then the threshold was moved before the allocation, for the C
    /// too.
    fn both_at_a_pace<T: PartialEq + Debug>(
        &mut self,
        what: &str,
        ask: impl Fn(&Pair, &'static Twin, usize) -> T,
    ) -> Outcome<T> {
        let threshold = |pair: &Pair| pair.side(1).numbers().alloc_threshold;
        let (before, collects) = (threshold(self), self.counts(1).collects);
        let rust = ask(self, self.twin(1), 1);
        let now = threshold(self);
        let waited = now != before && self.counts(1).collects == collects;
        // SAFETY: a word that C code may write between calls.
        unsafe { (self.twin(0).set_threshold)(if waited { now } else { before }) }
        let c = ask(self, self.twin(0), 0);
        // SAFETY: as above.
        unsafe { (self.twin(0).set_threshold)(now) }
        self.covered.thresholds_moved += u64::from(waited);
        self.covered.paced += u64::from(now != usize::MAX);
        same(what, c, rust)
    }

    /// Asks both sides for an address.
    pub(crate) fn both_place(
        &mut self,
        what: &str,
        ask: impl Fn(&Pair, &'static Twin, usize) -> *mut u8,
    ) -> Outcome<Place> {
        self.both(what, |pair, twin, i| {
            let address = ask(pair, twin, i);
            // The side has the address's region only now.
            pair.side(i).place(address.addr())
        })
    }

    pub(crate) fn pick(&self, chunk: usize) -> Option<Place> {
        (!self.live.is_empty()).then(|| self.live[chunk % self.live.len()])
    }

    /// Does one step on both sides.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn step(&mut self, step: Step) -> Outcome {
        self.covered.operations += 1;
        let before = self.steps_before();
        match step {
            Step::Heap(op) => self.heap_step(op)?,
            Step::Core(op) => self.core_step(op)?,
        }
        self.after()?;
        self.expect_steps(step, before)
    }

    /// `gc_nbytes` on both sides.
    pub(crate) fn chunk_bytes(&mut self, place: Place) -> Outcome<usize> {
        self.both("gc_nbytes", |pair, _, i| {
            pair.side(i).bytes_of_blocks(pair.side(i).address(place))
        })
    }

    /// Writes a place into a word of a chunk, on both sides.
    pub(crate) fn write(&mut self, chunk: Place, word: usize, value: Place) {
        for i in 0..2 {
            let side = self.side(i);
            let at = side.address(chunk).cast::<usize>().wrapping_add(word);
            // SAFETY: the caller picked a live chunk and a word of it.
            unsafe { at.write(side.word(value)) };
        }
    }

    /// Reads the live chunks again if there was a collection; returns whether there was one.
    pub(crate) fn note_collects(&mut self) -> bool {
        let collects = self.counts(0).collects - self.before[0].collects;
        if collects == 0 && !self.look_anew {
            return false;
        }
        self.covered.collects += collects as u64;
        self.before[0].collects += collects;
        self.look_anew = false;
        self.live = self.heads();
        true
    }

    /// Every head that the C's tables show, by address.
    fn heads(&self) -> Vec<Place> {
        let side = self.side(0);
        let mut heads = Vec::new();
        for area in side.areas() {
            for i in 0..area.table_bytes {
                // SAFETY: the byte is in the table.
                let byte = unsafe { area.alloc_table.add(i).read() };
                for k in (0..4).filter(|k| byte >> (2 * k) & 3 == 1) {
                    let address = area.pool.addr() + (4 * i + k) * side.twin.block_bytes as usize;
                    heads.push(side.place(address));
                }
            }
        }
        heads
    }

    /// The comparison after every operation.
    fn after(&mut self) -> Outcome {
        for i in 0..2 {
            // SAFETY: the heap was made.
            unsafe { (self.twin(i).settle)() };
        }
        let mut logs = [0, 1].map(|i| std::mem::take(&mut self.side_mut(i).log));
        same("what happened, in order", &logs[0], &logs[1])?;
        self.count(&logs[0]);
        for (i, log) in logs.iter_mut().enumerate() {
            log.clear();
            std::mem::swap(log, &mut self.side_mut(i).log);
        }
        let numbers = [0, 1].map(|i| {
            let side = self.side(i);
            let mut numbers = side.numbers();
            if let Place::Heap(region, offset) = side.place(numbers.pending_exception) {
                numbers.pending_exception = (region + 1) << (usize::BITS - 8) | offset;
            }
            numbers
        });
        self.numbers = same("numbers", numbers[0], numbers[1])?;
        // SAFETY: the heap was made.
        self.both("gc_is_locked", |_, twin, _| unsafe { (twin.is_locked)() })?;
        if let (Some(c), Some(rust)) = (self.side(0).figures(), self.side(1).figures()) {
            self.covered.figures_compared += 1;
            same("what was counted", c, rust)?;
        }
        self.note_collects();
        Ok(())
    }

    fn count(&mut self, log: &[crate::side::Event]) {
        self.finalised.clear();
        let covered = &mut self.covered;
        for &(kind, place) in log {
            match kind {
                event::FINALISED => {
                    covered.finalisers_run += 1;
                    self.finalised.push(place);
                }
                event::GOT_REGION => covered.areas_added += 1,
                event::GIVE_REGION => covered.areas_given_back += 1,
                event::CALLBACK => {
                    covered.callbacks_run += 1;
                    // It may have allocated.
                    self.look_anew = true;
                }
                event::NODE => {
                    covered.nodes_run += 1;
                    self.look_anew = true;
                }
                event::CAUGHT if place == Place::Number(2) => covered.pystack_exhausted += 1,
                event::CAUGHT => covered.jumps_caught += 1,
                event::JUMP_CALLBACK => covered.jump_callbacks += 1,
                event::ABORTED => covered.aborts += 1,
                _ => {}
            }
        }
        let (now, before) = (self.counts(0), self.before[0]);
        let covered = &mut self.covered;
        covered.mark_stack_overflows += (now.overflows - before.overflows) as u64;
        covered.c_last_used_fixed += (now.last_used_fixed - before.last_used_fixed) as u64;
        covered.c_areas_fixed += (now.areas_fixed - before.areas_fixed) as u64;
        covered.c_mutex_fixed += (now.mutex_fixed - before.mutex_fixed) as u64;
        let collects = before.collects;
        self.before[0] = Counts { collects, ..now };
        let (now, before) = (self.counts(1), self.before[1]);
        self.covered.hook_steps += (now.steps - before.steps) as u64;
        self.before[1] = now;
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for side in self.sides {
            // SAFETY: `new` made it with Box, and no twin is run after this.
            drop(unsafe { Box::from_raw(side) });
        }
    }
}
