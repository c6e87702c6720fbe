//! Steps from an input's bytes. One step takes few bytes, and every byte has a meaning, so that a
//! fuzzer that changes, drops or repeats bytes does the same to steps.

use arbitrary::{Result, Unstructured};
use mpgc::heap::testing::{CallbackAction, CoreOp, FinaliserAction, Op, Step};

/// A number below `end`, of one byte if that is enough.
pub fn below(u: &mut Unstructured, end: usize) -> Result<usize> {
    u.int_in_range(0..=end - 1)
}

/// One of a list.
pub fn one_of<T: Copy>(u: &mut Unstructured, all: &[T]) -> Result<T> {
    Ok(all[below(u, all.len())?])
}

/// A size in bytes, of all kinds.
pub fn bytes(u: &mut Unstructured, block: usize) -> Result<usize> {
    let kind: u8 = u.arbitrary()?;
    let number = usize::from(kind >> 3);
    Ok(match kind & 7 {
        0..3 => (number % 6 + 1) * block,
        3 => number + 1,
        4 => (below(u, 256)? + 1) * block - number.min(block - 1),
        5 => below(u, 1 << 14)?,
        6 => (number + 1) * block + 1,
        // anything, up to sizes that no heap has
        _ => 1 << (2 * number).min(60),
    })
}

/// A step of the heap.
pub fn op(u: &mut Unstructured, block: usize) -> Result<Op> {
    let kind: u8 = u.arbitrary()?;
    // the rest of the byte is a flag and a small number
    let (kind, flag, small) = (kind & 31, kind & 32 != 0, usize::from(kind >> 6));
    Ok(match kind {
        // one in four; where there are no such chunks, it is like any other
        0..8 if small == 3 => Op::AllocUnread {
            bytes: bytes(u, block)?,
            finaliser: flag,
        },
        0..8 => Op::Alloc {
            bytes: bytes(u, block)?,
            finaliser: flag,
        },
        8..12 => Op::Free {
            chunk: below(u, 256)?,
        },
        12..16 => Op::Realloc {
            chunk: below(u, 256)?,
            bytes: bytes(u, block)?,
            may_move: flag,
        },
        16..20 => Op::Link {
            from: below(u, 256)?,
            word: small,
            to: below(u, 256)?,
        },
        20 | 21 => Op::Root {
            chunk: below(u, 256)?,
            offset: if flag { 0 } else { [0, 1, 8, block][small] },
        },
        22 => Op::NoRoots,
        23 | 24 => Op::Collect,
        25 if flag => Op::SweepAll,
        25 => Op::Lock,
        26 => Op::Unlock,
        27 => Op::Threshold {
            blocks: if flag { 0 } else { below(u, 256)? },
        },
        28 => Op::AutoCollect { on: flag },
        29 if flag => Op::AddArea {
            bytes: 8 * (block.max(80) + below(u, 256)? * (small + 1)),
        },
        29 => Op::Info,
        30 => Op::ChunkBytes {
            chunk: below(u, 256)?,
            offset: if flag { small * block } else { below(u, 256)? },
        },
        _ => Op::Finaliser {
            action: one_of(u, &FinaliserAction::ALL)?,
        },
    })
}

/// A step of all that is replaced.
pub fn step(u: &mut Unstructured, block: usize) -> Result<Step> {
    // most of what there is is the heap
    match u.peek_bytes(1) {
        Some(&[byte]) if byte >= 192 => {
            u.arbitrary::<u8>()?;
            Ok(Step::Core(core_op(u, byte - 192)?))
        }
        _ => Ok(Step::Heap(op(u, block)?)),
    }
}

/// A step of the Python stack, the scheduler or nlr; `kind` is below 64.
fn core_op(u: &mut Unstructured, kind: u8) -> Result<CoreOp> {
    let flag = kind & 32 != 0;
    Ok(match kind & 31 {
        0..4 => CoreOp::PystackAlloc {
            bytes: below(u, 128)?,
        },
        4 | 5 => CoreOp::PystackFree {
            chunk: below(u, 256)?,
        },
        6 | 7 => CoreOp::PystackRoot {
            chunk: below(u, 256)?,
            to: below(u, 256)?,
        },
        8 => CoreOp::Type {
            chunk: below(u, 256)?,
            number: below(u, 16)?,
        },
        9..13 => CoreOp::Schedule {
            function: below(u, 256)?,
            argument: below(u, 256)?,
        },
        13..16 => CoreOp::ScheduleNode { node: below(u, 6)? },
        16 | 17 => CoreOp::SchedLock,
        18..20 => CoreOp::SchedUnlock,
        20..25 => CoreOp::Pending {
            how: kind % 5,
            abort_buffer: flag,
        },
        25 => CoreOp::Exception {
            chunk: below(u, 256)?,
        },
        26 => CoreOp::KeyboardInterrupt,
        27 => CoreOp::VmAbort,
        28 | 29 => CoreOp::Callback {
            action: one_of(u, &CallbackAction::ALL)?,
        },
        _ => CoreOp::Jump {
            plan: u.arbitrary()?,
            levels: u.int_in_range(0..=12)?,
        },
    })
}

/// Steps until the bytes end.
pub fn steps<T>(
    u: &mut Unstructured,
    mut step: impl FnMut(&mut Unstructured) -> Result<T>,
) -> Result<Vec<T>> {
    let mut steps = Vec::new();
    while !u.is_empty() && steps.len() < crate::MAX_STEPS {
        steps.push(step(u)?);
    }
    Ok(steps)
}
