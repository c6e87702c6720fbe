//! What the C does wrong, shown where that harms nobody: the C must fail and mpgc must not. The numbers
//! are those of docs/upstream.md. Each side runs in a child process, and nothing of the C is mended.

use crate::memory::Place;
use crate::pair::{Difference, Setup};
use crate::run::{be_quiet, in_child, shared};
use crate::side::{Side, event};
use crate::twin::Twin;
use mpgc::heap::alloc::HAS_FINALISER;
use mpgc::heap::testing::FinaliserAction;

/// Seconds after which a side hangs.
const PATIENCE: u32 = 2;

struct Fault {
    number: u8,
    name: &'static str,
    /// Whether the configuration has it.
    here: fn(&Twin) -> bool,
    setup: fn(usize) -> Setup,
    /// Does it; the error is what went wrong.
    show: fn(&mut Side) -> Result<(), String>,
}

const FAULTS: &[Fault] = &[
    Fault {
        number: 1,
        name: "gc_info of a heap that has no block",
        here: |_| true,
        setup: |block| region(2 * block, 0),
        show: no_block,
    },
    Fault {
        number: 3,
        name: "a finaliser that collects",
        here: |twin| twin.finaliser && !twin.asserts,
        setup: |block| region(20 * block, 0),
        show: finaliser_collects,
    },
    Fault {
        number: 7,
        name: "a chunk that grows to the last block",
        here: |twin| twin.finaliser && !twin.split && twin.block_bytes <= 64,
        // Two bytes of alloc table, the gap, a byte of finaliser table, and the pool at once.
        setup: |block| region(4 + 8 * block, block - 4),
        show: last_block,
    },
    Fault {
        number: 8,
        name: "an area of which the first block alone is used",
        here: |twin| twin.split_auto,
        setup: |block| region(20 * block, 0),
        show: first_block,
    },
    Fault {
        number: 12,
        name: "a request for the Python stack that wraps around",
        here: |twin| twin.pystack,
        setup: |block| region(20 * block, 0),
        show: pystack_wraps,
    },
];

fn region(bytes: usize, offset: usize) -> Setup {
    Setup {
        bytes,
        offset,
        budget: 1 << 16,
        stack: 256,
        fill: 0,
    }
}

/// Shows every fault that this configuration has.
///
/// # Errors
///
/// A fault that the C does not show, or that mpgc has.
pub fn faults(twins: [&'static Twin; 2]) -> Result<(), String> {
    for fault in FAULTS.iter().filter(|fault| (fault.here)(twins[0])) {
        let [c, rust] = twins.map(|twin| outcome(fault, twin));
        let Some(what) = c else {
            return Err(format!(
                "{}: {}: the C does not show it",
                fault.number, fault.name
            ));
        };
        if let Some(what) = rust {
            return Err(format!(
                "{}: {}: mpgc has it too: {what}",
                fault.number, fault.name
            ));
        }
        println!(
            "fault {}, {}: in C {what}; not in mpgc",
            fault.number, fault.name
        );
    }
    Ok(())
}

/// What goes wrong on a side.
fn outcome(fault: &Fault, twin: &'static Twin) -> Option<String> {
    let setup = (fault.setup)(twin.block_bytes as usize);
    let failed = in_child(shared(), |_| {
        be_quiet();
        // SAFETY: a system call that ends the process if it hangs.
        unsafe { libc::alarm(PATIENCE) };
        let side = Box::into_raw(Box::new(Side::new(twin, setup)));
        // SAFETY: the side is never moved nor dropped.
        let side = unsafe {
            (*side).as_is = true;
            Side::start(side);
            &mut *side
        };
        (fault.show)(side).map_err(|what| Difference {
            what,
            c: String::new(),
            rust: String::new(),
        })
    });
    let what = failed.err()?.what;
    Some(what.lines().next().unwrap_or_default().to_string())
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl Side {
    fn take(&self, blocks: usize, flags: u32) -> *mut u8 {
        let bytes = blocks * self.twin.block_bytes as usize;
        // SAFETY: the heap was made.
        unsafe { (self.twin.alloc)(bytes, flags) }
    }

    fn collect_with(&mut self, roots: &[*mut u8]) {
        self.roots = roots.iter().map(|root| root.addr()).collect();
        // SAFETY: the heap was made.
        unsafe { (self.twin.collect)() }
    }

    fn expect_chunk(&self, chunk: *mut u8, blocks: usize) -> Result<(), String> {
        // SAFETY: any address may be asked for.
        let bytes = unsafe { (self.twin.nbytes)(chunk) };
        expect(bytes == blocks * self.twin.block_bytes as usize, || {
            format!("a chunk that a root points at has {bytes} bytes after the collect")
        })
    }
}

fn no_block(side: &mut Side) -> Result<(), String> {
    let total = side.info()[0];
    expect(total == 0, || format!("it has {total} bytes"))
}

fn finaliser_collects(side: &mut Side) -> Result<(), String> {
    let (live, dying) = (side.take(1, 0), side.take(1, HAS_FINALISER));
    // SAFETY: the chunk has a word; with a type its finaliser runs.
    unsafe { dying.cast::<usize>().write(0x11) };
    side.finaliser = FinaliserAction::Collects;
    side.collect_with(&[live]);
    side.expect_chunk(live, 1)
}

fn last_block(side: &mut Side) -> Result<(), String> {
    let (first, second) = (side.take(1, HAS_FINALISER), side.take(1, 0));
    let bytes = 7 * side.twin.block_bytes as usize;
    // The byte behind the finaliser table is the first of this word: it says that block 12 of 8 has one.
    // SAFETY: both chunks are live, the first has a word.
    let grown = unsafe {
        first.cast::<usize>().write(0x11);
        (side.twin.realloc)(second, bytes, false)
    };
    assert_eq!(grown, second, "it grows in place");
    side.log.clear();
    side.collect_with(&[first, second]);
    // SAFETY: a root points at the chunk.
    let word = unsafe { first.cast::<usize>().read() };
    let ran = side.log.iter().find(|(kind, _)| *kind == event::FINALISED);
    expect(word == 0x11 && ran.is_none(), || {
        let what = ran.map_or(Place::Number(0), |ran| ran.1);
        format!(
            "a finaliser runs for {what:?}, outside the heap, and a live object is changed to {word:#x}"
        )
    })
}

fn first_block(side: &mut Side) -> Result<(), String> {
    let mut chunks = Vec::new();
    while side.areas().len() == 1 {
        chunks.push(side.take(1, 0));
        side.roots = chunks.iter().map(|chunk| chunk.addr()).collect();
    }
    let last = chunks[chunks.len() - 1];
    side.collect_with(&chunks);
    side.expect_chunk(last, 1)
}

fn pystack_wraps(side: &mut Side) -> Result<(), String> {
    let Some(alloc) = side.twin.pystack_alloc else {
        return Ok(());
    };
    // SAFETY: the stack was made; nothing is written to what it returns.
    let chunk = unsafe { alloc(usize::MAX - 63) };
    expect(chunk.is_null(), || {
        "the stack hands out a chunk of nearly all memory".into()
    })
}
