//! The faults of the C, shown where they harm nothing: the C must fail and mpgc must not. The
//! numbers are those of docs/upstream.md. Each side runs in a child process, and nothing of the C
//! is fixed.

use crate::pair::{Difference, Setup};
use crate::run::{TELLS, be_quiet, in_child, shared};
use crate::side::Side;
use crate::twin::Twin;

use crate::shown::*;

/// Seconds after which a side hangs.
const PATIENCE: u32 = 2;

struct Fault {
    number: u8,
    name: &'static str,
    /// Whether the configuration has it.
    here: fn(&Twin) -> bool,
    setup: fn(usize) -> Setup,
    /// Provokes it; the error describes what went wrong.
    show: fn(Stage) -> Shown,
    /// Whether mpgc stops through `mpgc_fault`, because it cannot continue.
    reported: bool,
}

const GOES_ON: bool = false;
const REPORTED: bool = true;

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    fault(1, "a region of no bytes", |_| true, |_| region(0, 0), no_bytes, REPORTED),
    fault(1, "gc_info of a heap that has no block", |_| true, |block| region(2 * block, 0), no_block, GOES_ON),
    fault(2, "the mutex after an area was added", |twin| twin.split_auto && twin.gc_mutex, small, mutex, GOES_ON),
    fault(3, "a finaliser that collects", |twin| twin.release >= 12500 && twin.finaliser && !twin.asserts, small, finaliser_collects, GOES_ON),
    fault(4, "a mark stack that is full again and again", |twin| twin.hook_loop, |block| region(6000 * block, 0), full_stack, GOES_ON),
    fault(5, "entries of the mark stack that are too narrow", |twin| twin.entry_bytes == 2 && !twin.split, |block| region(65600 * (block + 1), 0), narrow_entries, GOES_ON),
    fault(6, "an abort of the VM inside a finaliser", |twin| twin.release >= 12100 && twin.finaliser && twin.vm_abort, small, abort_in_finaliser, GOES_ON),
    // Before 1.25 the sweep runs the finalisers, and stops at the end.
    // Two bytes of alloc table, the gap, a byte of finaliser table, and the pool at once.
    fault(7, "a chunk that grows to the last block", |twin| twin.release >= 12500 && twin.finaliser && !twin.weakref && !twin.selective && !twin.split && twin.block_bytes <= 64, |block| region(4 + 8 * block, block - 4), last_block, GOES_ON),
    fault(8, "an area of which the first block alone is used", |twin| twin.split_auto, small, first_block, GOES_ON),
    fault(9, "a collection in a build for valgrind", |twin| twin.debug_valgrind, small, a_root, GOES_ON),
    fault(10, "gc_info from a finaliser", |twin| twin.release >= 12500 && twin.finaliser, small, info_in_finaliser, GOES_ON),
    fault(11, "a free of what is in no area", |twin| twin.split && !twin.asserts, small, foreign_free, REPORTED),
    fault(12, "a request for the Python stack that wraps around", |twin| twin.pystack, small, pystack_wraps, GOES_ON),
    fault(13, "a static node that is null", |twin| twin.static_nodes, small, null_node, GOES_ON),
    fault(14, "a static node that queues itself", |twin| twin.static_nodes && twin.release < 12600, small, endless_node, GOES_ON),
    // Three bytes of alloc table, the gap, two bytes of each bit table, and the pool a byte too
    // early.
    fault(16, "a weakref table that reaches into the pool", |twin| twin.weakref && twin.finaliser && !twin.asserts, |block| region(7 + 12 * block, block - 7), weakref_in_the_pool, GOES_ON),
    fault(18, "gc_nbytes of an address inside a block", |twin| twin.release >= 12900 && twin.split, small, inner_nbytes, GOES_ON),
    fault(19, "an abort of the VM inside a scheduled callback", |twin| twin.release >= 12100 && twin.scheduler && twin.vm_abort, small, abort_in_callback, GOES_ON),
    fault(19, "an abort of the VM inside a static node", |twin| twin.release >= 12100 && twin.static_nodes && twin.vm_abort, small, abort_in_node, GOES_ON),
    fault(21, "a gc_realloc to a size that wraps around", |_| true, small, realloc_wraps, GOES_ON),
    fault(21, "an area for a request that wraps around", |twin| twin.split_auto && !twin.circuitpython, small, area_wraps, GOES_ON),
];

const fn fault(
    number: u8,
    name: &'static str,
    here: fn(&Twin) -> bool,
    setup: fn(usize) -> Setup,
    show: fn(Stage) -> Shown,
    reported: bool,
) -> Fault {
    Fault {
        number,
        name,
        here,
        setup,
        show,
        reported,
    }
}

fn small(block: usize) -> Setup {
    region(20 * block, 0)
}

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
    // Without roots nothing else can be shown.
    let no_roots = twins[0].debug_valgrind;
    let here = |fault: &&Fault| (fault.here)(twins[0]) && (fault.number == 9 || !no_roots);
    for fault in FAULTS.iter().filter(here) {
        let [c, rust] = twins.map(|twin| outcome(fault, twin));
        let Some(what) = c else {
            return Err(format!(
                "{}: {}: the C does not show it",
                fault.number, fault.name
            ));
        };
        let instead = match rust {
            None if !fault.reported => "not in mpgc".into(),
            Some(what) if fault.reported && what.starts_with(TELLS) => what,
            rust => {
                let what = rust.as_deref().unwrap_or("it goes on");
                return Err(format!("{}: {}: mpgc: {what}", fault.number, fault.name));
            }
        };
        println!(
            "fault {}, {}: in C {what}; {instead}",
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
        // SAFETY: the side is never moved nor dropped, and left to the stage.
        let stage = unsafe {
            (*side).as_is = true;
            Side::start(side);
            Stage::new(side)
        };
        (fault.show)(stage).map_err(|what| Difference {
            what,
            c: String::new(),
            rust: String::new(),
        })
    });
    let what = failed.err()?.what;
    Some(what.lines().next().unwrap_or_default().to_string())
}
