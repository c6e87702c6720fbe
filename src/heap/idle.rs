//! Collections while the program waits: whether one is worthwhile, and whether it fits into the
//! wait.

#[cfg(doc)]
use super::host::Config;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::Heap;
use super::area::Area;
use super::host::Host;

/// The shortest wait, in microseconds, that is used before the first collection has shown how long
/// one takes.
const UNKNOWN: u32 = 100_000;

/// The part of the heap that must have been allocated since the last collection for another to be
/// worthwhile: one in this many blocks.
const PART: usize = 16;

/// How long the last collection took, by a clock in microseconds that wraps. Any thread may collect
/// while the main one looks.
#[derive(Debug)]
pub struct Pauses {
    began: AtomicU32,
    /// [`NEVER`] before the first.
    last: AtomicU32,
}

const NEVER: u32 = u32::MAX;

impl Pauses {
    /// Before the first collection.
    pub const fn none() -> Pauses {
        Pauses {
            began: AtomicU32::new(0),
            last: AtomicU32::new(NEVER),
        }
    }

    /// Notes that a collection begins.
    pub fn begin(&self, now: u32) {
        self.began.store(now, Relaxed);
    }

    /// Notes that it has ended.
    pub fn end(&self, now: u32) {
        let took = now.wrapping_sub(self.began.load(Relaxed));
        self.last.store(took.min(NEVER - 1), Relaxed);
    }

    /// Whether a wait of so many milliseconds, or an endless one, is longer than a collection:
    /// longer than the last one by a quarter, since more may be alive now.
    pub fn fit_into(&self, wait_ms: Option<u32>) -> bool {
        let Some(ms) = wait_ms else {
            return true;
        };
        let wait = ms.saturating_mul(1000);
        match self.last.load(Relaxed) {
            NEVER => wait >= UNKNOWN,
            last => wait > last.saturating_add(last / 4),
        }
    }
}

impl<H: Host> Heap<H> {
    /// Whether a collection may run now, outside of an allocation, and is worthwhile: since the
    /// last one a sixteenth of the heap was allocated, or half of what the threshold allows. With
    /// [`Config::THRESHOLD`].
    pub fn is_due_when_idle(self) -> bool {
        let host = self.host();
        // SAFETY: the words are the heap's (a promise of Host).
        let (amount, threshold, auto) = unsafe {
            (
                host.alloc_amount().read(),
                host.alloc_threshold().read(),
                host.auto_collect().read(),
            )
        };
        let blocks: usize = Area::all(host).map(|area| area.blocks().0).sum();
        let enough = (blocks / PART).min(threshold / 2).max(1);
        !self.is_locked() && auto != 0 && amount >= enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::options::{Paced, Plain};
    use crate::heap::testing::{Op, Options, World};

    fn heap<O: Options>(ops: &[Op]) -> World<O> {
        let mut world = World::new(64 * O::BLOCK_BYTES * 17 / 16);
        world.run(ops);
        world
    }

    fn alloc(blocks: usize) -> Op {
        Op::Alloc {
            bytes: blocks * Plain::BLOCK_BYTES,
            finaliser: false,
        }
    }

    #[test]
    fn a_collection_fits_into_a_wait_that_is_longer() {
        let pauses = Pauses::none();
        assert!(!pauses.fit_into(Some(99)), "its duration is unknown");
        assert!(pauses.fit_into(Some(100)) && pauses.fit_into(None));
        // the clock wraps in between
        pauses.begin(u32::MAX - 999);
        pauses.end(3000);
        assert!(!pauses.fit_into(Some(4)) && !pauses.fit_into(Some(5)));
        assert!(pauses.fit_into(Some(6)) && pauses.fit_into(None));
        assert!(!pauses.fit_into(Some(0)));
        pauses.end(u32::MAX - 1000);
        assert!(pauses.fit_into(None) && !pauses.fit_into(Some(1_000_000)));
    }

    #[test]
    fn a_collection_is_due_when_enough_was_allocated() {
        assert!(!heap::<Plain>(&[]).heap().is_due_when_idle());
        assert!(!heap::<Plain>(&[alloc(3)]).heap().is_due_when_idle());
        assert!(heap::<Plain>(&[alloc(4)]).heap().is_due_when_idle());
        let collected = [alloc(4), Op::Collect];
        assert!(!heap::<Plain>(&collected).heap().is_due_when_idle());
        // half of what the threshold allows, if that is less
        let soon = [Op::Threshold { blocks: 4 }, alloc(2)];
        assert!(heap::<Plain>(&soon).heap().is_due_when_idle());
        assert!(heap::<Paced>(&[alloc(4)]).heap().is_due_when_idle());
    }

    #[test]
    fn no_collection_is_due_in_a_locked_heap_or_where_they_are_off() {
        for op in [Op::Lock, Op::AutoCollect { on: false }] {
            let mut w = heap::<Plain>(&[alloc(20), op]);
            assert!(!w.heap().is_due_when_idle(), "{op:?}");
            w.run(&[Op::Unlock, Op::AutoCollect { on: true }]);
            assert!(w.heap().is_due_when_idle());
        }
    }
}
