//! Planted differences: each must be found.

use crate::pair::Pair;

/// What is damaged on the Rust's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A bit of the alloc table.
    AllocTable,
    /// A bit of the finaliser table.
    FinaliserTable,
    /// A word of the pool.
    Pool,
    /// A root is left out.
    Root,
    /// The lock depth.
    Lock,
    /// A byte behind the region.
    Guard,
}

/// All of them.
pub const ALL: &[Plant] = &[
    Plant::AllocTable,
    Plant::FinaliserTable,
    Plant::Pool,
    Plant::Root,
    Plant::Lock,
    Plant::Guard,
];

/// Damages it.
pub fn plant(pair: &mut Pair, what: Option<Plant>) {
    let area = pair.side(1).areas()[0];
    let side = pair.side(1);
    match what {
        None => {}
        // SAFETY: the table has a byte.
        Some(Plant::AllocTable) => unsafe { *area.alloc_table ^= 2 },
        // SAFETY: the table has a byte; plants into one that is not there are not asked for.
        Some(Plant::FinaliserTable) => unsafe { *area.finaliser_table ^= 1 },
        // SAFETY: the pool has a block.
        Some(Plant::Pool) => unsafe { *area.pool.add(9) ^= 4 },
        Some(Plant::Root) => {
            let first = area.pool.addr();
            pair.side_mut(0).roots.clear();
            pair.side_mut(1).roots = vec![first];
        }
        // SAFETY: the heap was made.
        Some(Plant::Lock) => unsafe { (side.twin.lock)() },
        // SAFETY: a guard lies behind the region.
        Some(Plant::Guard) => unsafe { *side.regions[0].end() ^= 1 },
    }
}
