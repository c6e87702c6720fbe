//! The ways in which the faults of the C are shown: see `faults.rs`.

use crate::memory::Place;
use crate::side::{Event, Side, event};
use crate::twin::Twin;
use mpgc::heap::HAS_FINALISER;
use mpgc::heap::testing::{CallbackAction, FinaliserAction, GUARD};

/// What went wrong.
pub type Shown = Result<(), String>;

const WORD: usize = size_of::<usize>();

fn expect(holds: bool, what: impl FnOnce() -> String) -> Shown {
    if holds { Ok(()) } else { Err(what()) }
}

impl Side {
    /// Whether a node that queues itself may do so once more.
    pub fn runs_on(&self) -> bool {
        const ENDLESS: usize = 1000;
        let runs = self.log.iter().filter(|(kind, _)| *kind == event::NODE);
        self.as_is && runs.count() < ENDLESS
    }
}

/// A side whose twin may run, and then has the side to itself.
#[derive(Clone, Copy)]
pub struct Stage(*mut Side);

impl Stage {
    /// # Safety
    ///
    /// The side is valid for as long as this is used, and used by nobody else but its twin.
    pub unsafe fn new(side: *mut Side) -> Self {
        Stage(side)
    }

    /// Looks at the side or changes it, while no twin runs.
    fn side<T>(self, f: impl FnOnce(&mut Side) -> T) -> T {
        // SAFETY: by the contract of `new`, and no caller runs a twin's function that changes the
        // side from `f`.
        f(unsafe { &mut *self.0 })
    }

    fn twin(self) -> &'static Twin {
        self.side(|side| side.twin)
    }

    fn log(self) -> Vec<Event> {
        self.side(|side| side.log.clone())
    }

    fn count(self, kind: i32) -> usize {
        self.log().iter().filter(|event| event.0 == kind).count()
    }

    /// The most bytes that a chunk of so many blocks has.
    fn bytes(self, blocks: usize) -> usize {
        let guard = if self.side(|side| side.hardened) {
            GUARD
        } else {
            0
        };
        blocks * self.twin().block_bytes as usize - guard
    }

    fn take(self, blocks: usize, flags: u32) -> *mut u8 {
        // SAFETY: the heap was made.
        unsafe { (self.twin().alloc)(self.bytes(blocks), flags) }
    }

    /// A live object of one block with a type, which has a finaliser.
    fn take_object(self) -> *mut u8 {
        let object = self.take(1, HAS_FINALISER);
        // SAFETY: the chunk has a word.
        unsafe { object.cast::<usize>().write(0x11) };
        object
    }

    /// Allocates until an area has been added, keeping everything alive. Returns the chunks.
    fn take_until_an_area_is_added(self) -> Vec<*mut u8> {
        let mut chunks = Vec::new();
        while self.side(|side| side.areas().len()) == 1 {
            chunks.push(self.take(1, 0));
            self.root(&chunks);
        }
        chunks
    }

    fn root(self, roots: &[*mut u8]) {
        self.side(|side| side.roots = roots.iter().map(|root| root.addr()).collect());
    }

    fn collect_with(self, roots: &[*mut u8]) {
        self.root(roots);
        self.side(|side| side.log.clear());
        // SAFETY: the heap was made.
        unsafe { (self.twin().collect)() }
    }

    fn expect_live(self, how: &str, chunk: *mut u8, blocks: usize) -> Shown {
        // SAFETY: any address may be asked for.
        let bytes = unsafe { (self.twin().nbytes)(chunk) };
        expect(bytes == self.bytes(blocks), || {
            format!("a chunk that {how} has {bytes} bytes after the collection")
        })
    }
}

pub fn no_block(stage: Stage) -> Shown {
    let total = stage.side(|side| side.info()[0]);
    expect(total == 0, || format!("it has {total} bytes"))
}

pub fn finaliser_collects(stage: Stage) -> Shown {
    let (live, _dying) = (stage.take(1, 0), stage.take_object());
    stage.side(|side| side.finaliser = FinaliserAction::Collects);
    stage.collect_with(&[live]);
    stage.expect_live("a root points at", live, 1)
}

pub fn last_block(stage: Stage) -> Shown {
    let (first, second) = (stage.take(1, HAS_FINALISER), stage.take(1, 0));
    let bytes = stage.bytes(7);
    // The byte behind the finaliser table is the first of this word: it says that block 12 of 8 has
    // one.
    // SAFETY: both chunks are live, the first has a word.
    let grown = unsafe {
        first.cast::<usize>().write(0x11);
        (stage.twin().realloc)(second, bytes, false)
    };
    assert_eq!(grown, second, "it grows in place");
    stage.collect_with(&[first, second]);
    // SAFETY: a root points at the chunk.
    let word = unsafe { first.cast::<usize>().read() };
    let log = stage.log();
    let ran = log.iter().find(|event| event.0 == event::FINALISED);
    expect(word == 0x11 && ran.is_none(), || {
        let what = ran.map_or(Place::Number(0), |ran| ran.1);
        format!(
            "a finaliser runs for {what:?}, outside the heap, and a live object is changed to \
             {word:#x}"
        )
    })
}

pub fn inner_nbytes(stage: Stage) -> Shown {
    let inner = stage.take(1, 0).wrapping_add(WORD);
    // SAFETY: any address may be asked for.
    let bytes = unsafe { (stage.twin().nbytes)(inner) };
    expect(bytes == 0, || {
        format!("there is no chunk at that address, and it has {bytes} bytes")
    })
}

pub fn weakref_in_the_pool(stage: Stage) -> Shown {
    // Every third chunk has a weak reference to it: the last of these, in block 8, whose bit is in
    // the table's second byte.
    let [first, ..] = [1, 6, 1, 1].map(|blocks| stage.take(blocks, 0));
    // SAFETY: the chunk is live.
    let word = unsafe { first.cast::<usize>().read() };
    expect(word == 0, || {
        format!("a weak reference to another object changes this one to {word:#x}")
    })
}

pub fn first_block(stage: Stage) -> Shown {
    let chunks = stage.take_until_an_area_is_added();
    let last = chunks[chunks.len() - 1];
    stage.collect_with(&chunks);
    stage.expect_live("a root points at", last, 1)
}

pub fn pystack_wraps(stage: Stage) -> Shown {
    let Some(alloc) = stage.twin().pystack_alloc else {
        return Ok(());
    };
    // SAFETY: the stack was made; nothing is written to what it returns.
    let chunk = unsafe { alloc(usize::MAX - 63) };
    expect(chunk.is_null(), || {
        "the stack hands out a chunk of nearly all memory".into()
    })
}

pub fn realloc_wraps(stage: Stage) -> Shown {
    let chunk = stage.take(2, 0);
    // SAFETY: the chunk is live.
    let moved = unsafe { (stage.twin().realloc)(chunk, usize::MAX, true) };
    stage.expect_live("was not resized", chunk, 2)?;
    expect(moved.is_null(), || format!("gc_realloc returns {moved:?}"))
}

/// The C adds up in its `size_t` what the area needs: for this request, a few kilobytes.
pub fn area_wraps(stage: Stage) -> Shown {
    let bytes = (usize::MAX / 525).wrapping_neg() + 20_000;
    // SAFETY: the heap was made.
    let chunk = unsafe { (stage.twin().alloc)(bytes, 0) };
    assert!(chunk.is_null(), "no heap has as much");
    let areas = stage.side(|side| side.areas().len());
    expect(areas == 1, || {
        format!("for {bytes:#x} bytes an area is added that cannot hold them")
    })
}

pub fn no_bytes(_stage: Stage) -> Shown {
    // The heap was made already: that was it.
    Ok(())
}

pub fn mutex(stage: Stage) -> Shown {
    stage.take_until_an_area_is_added();
    let held = stage.side(|side| side.numbers().mutex_depth);
    expect(held == 0, || {
        format!("the mutex is held {} times after gc_alloc", held as isize)
    })
}

/// Wide nodes in a chain that goes down: in C a pass over the whole heap for each.
pub fn full_stack(stage: Stage) -> Shown {
    const NODES: usize = 32;
    let entries = stage.twin().stack_entries as usize;
    let block_words = stage.twin().block_bytes as usize / WORD;
    let blocks = (entries + 1).div_ceil(block_words);
    let mut below: *mut u8 = std::ptr::null_mut();
    for _ in 0..NODES {
        let node = stage.take(blocks, 0).cast::<usize>();
        for word in 0..entries {
            let leaf = stage.take(1, 0);
            // SAFETY: the chunk has more words than entries; the leaf has a block.
            unsafe {
                leaf.write_bytes(0, block_words * WORD);
                node.add(word).write(leaf.addr());
            }
        }
        // SAFETY: as above; what is left of the node is cleared.
        unsafe {
            node.add(entries).write(below.addr());
            let rest = blocks * block_words - entries - 1;
            node.add(entries + 1).write_bytes(0, rest);
        }
        below = node.cast();
    }
    // SAFETY: the counters are the twin's, which is not running.
    let steps = || unsafe {
        (stage.twin().settle)();
        (*stage.twin().counts).steps
    };
    let before = steps();
    stage.collect_with(&[below]);
    let steps = steps() - before;
    stage.expect_live("a root points at", below, blocks)?;
    let words = NODES * (blocks + entries) * block_words;
    // Each word is read once, each block is looked at a few times.
    expect(steps < 3 * words, || {
        format!("a collection of {words} live words takes {steps} steps")
    })
}

pub fn narrow_entries(stage: Stage) -> Shown {
    let huge = stage.take(1 << 16, 0);
    let chain = [stage.take(1, 0), stage.take(1, 0), stage.take(1, 0)];
    for i in 0..3 {
        let next = chain.get(i + 1).map_or(0, |next| next.addr());
        // SAFETY: each has four words.
        unsafe {
            chain[i].cast::<usize>().write_bytes(0, 4);
            chain[i].cast::<usize>().write(next);
        }
    }
    stage.collect_with(&[huge, chain[0]]);
    stage.expect_live("a root leads to", chain[2], 1)
}

pub fn abort_in_finaliser(stage: Stage) -> Shown {
    stage.take_object();
    let before = stage.side(|side| side.numbers().sched_state);
    stage.side(|side| side.aborts = true);
    let collect = stage.twin().collect_aborted;
    // SAFETY: the heap was made; the abort lands in heap.c.
    let aborted = collect.map(|collect| unsafe { collect() });
    assert_eq!(aborted, Some(true), "the finaliser aborts");
    stage.side(|side| side.aborts = false);
    let after = stage.side(|side| side.numbers());
    let (depth, sched, chunk) = (after.lock_depth, after.sched_state, stage.take(1, 0));
    expect(depth == 0 && sched == before && !chunk.is_null(), || {
        format!(
            "afterwards gc_lock_depth is {depth}, sched_state {sched:#x}, and gc_alloc returns \
             {chunk:?}"
        )
    })
}

pub fn abort_in_callback(stage: Stage) -> Shown {
    let function = stage.take(1, 0);
    let schedule = stage.twin().schedule;
    aborted_while_it_runs(stage, event::CALLBACK, || {
        // SAFETY: env.c's own function, called outside of an atomic section.
        schedule.is_some_and(|schedule| unsafe { schedule(function, function) })
    })
}

pub fn abort_in_node(stage: Stage) -> Shown {
    let schedule = stage.twin().schedule_node;
    aborted_while_it_runs(stage, event::NODE, || {
        // SAFETY: the node is one of core.c's.
        schedule.is_some_and(|schedule| unsafe { schedule(0) })
    })
}

/// The work that `queue` queues, reported as `kind`, runs, is left by an abort, and runs again when
/// it is queued anew.
fn aborted_while_it_runs(stage: Stage, kind: i32, queue: impl Fn() -> bool) -> Shown {
    let before = stage.side(|side| side.numbers().sched_state);
    let handle_pending = stage.twin().handle_pending;
    stage.side(|side| side.aborts = true);
    assert!(queue(), "nothing else is queued");
    // SAFETY: the abort lands in core.c.
    unsafe { handle_pending(1, true) };
    let landed = (stage.count(kind), stage.count(event::ABORTED));
    assert_eq!(landed, (1, 1), "what runs is left by an abort");
    stage.side(|side| side.aborts = false);
    let after = stage.side(|side| side.numbers().sched_state);
    assert!(queue(), "what was left is queued no longer");
    // SAFETY: as above.
    unsafe { handle_pending(1, true) };
    let runs = stage.count(kind);
    expect(after == before && runs == 2, || {
        format!(
            "afterwards sched_state is {after:#x}, and {} of what is queued then runs",
            runs - 1
        )
    })
}

pub fn a_root(stage: Stage) -> Shown {
    let live = stage.take(1, 0);
    stage.collect_with(&[live]);
    stage.expect_live("a root points at", live, 1)
}

pub fn info_in_finaliser(stage: Stage) -> Shown {
    let (live, _dying) = (stage.take(1, 0), stage.take_object());
    stage.side(|side| side.finaliser = FinaliserAction::AsksInfo);
    stage.collect_with(&[live]);
    let log = stage.log();
    let answer = log.iter().rev().find(|event| event.0 == event::ANSWER);
    let missing = answer.map_or(Place::Number(usize::MAX), |event| event.1);
    expect(missing == Place::Number(0), || {
        format!("used and free do not make the total, but for {missing:?} bytes")
    })
}

pub fn foreign_free(stage: Stage) -> Shown {
    static OUTSIDE: [u64; 64] = [0; 64];
    let outside = (&raw const OUTSIDE).cast::<u8>();
    let aligned = outside.wrapping_add(outside.align_offset(128));
    // SAFETY: none: this is what must be noticed.
    unsafe { (stage.twin().free)(aligned.cast_mut()) };
    Err("it is taken for a chunk".into())
}

pub fn null_node(stage: Stage) -> Shown {
    let queued = stage.twin().schedule_node.map(|schedule| {
        // SAFETY: one past the last node is none, to core.c.
        unsafe { schedule(stage.twin().nodes as usize) }
    });
    expect(queued == Some(false), || "it is queued".into())
}

pub fn endless_node(stage: Stage) -> Shown {
    stage.side(|side| side.callback = CallbackAction::SchedulesNode);
    // SAFETY: the node is one of core.c's; what is raised stays there.
    unsafe {
        stage.twin().schedule_node.map(|schedule| schedule(0));
        (stage.twin().handle_pending)(1, false);
    }
    let runs = stage.count(event::NODE);
    expect(runs == 1, || {
        format!("it runs {runs} times in one pass, and no end is to be seen")
    })
}
