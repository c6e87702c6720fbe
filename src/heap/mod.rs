//! The heap: a conservative mark and sweep collector over blocks of fixed size.
//!
//! Memory comes in *areas*. An area has a *pool* of *blocks*, and tables that hold the kind of each
//! block (see `layout`). A *chunk* is a *head* and the *tails* behind it. A collection *marks*
//! every chunk that the *roots* reach and *sweeps* the rest. It is conservative: any word that
//! equals the address of a chunk counts as a reference to it.
//!
//! The heap is pure: it knows its own tables, and reaches everything else through a [`Host`]. It
//! hands out the same addresses as py/gc.c for the same calls.
//!
//! The public items are [`Heap`] and the traits through which its user lends it memory. The traits
//! are unsafe to implement, and a `Heap` is unsafe to make, because the heap writes where they
//! point. Tables and areas trust the block numbers that they are given, so they are private:
//!
//! ```compile_fail
//! use mpgc::heap::alloc_table::AllocTable;
//! ```
//! ```compile_fail
//! use mpgc::heap::area::Area;
//! ```
//! ```compile_fail
//! fn heap<H: mpgc::heap::Host>(host: H) -> mpgc::heap::Heap<H> {
//!     mpgc::heap::Heap::new(host)
//! }
//! ```
//! ```compile_fail
//! fn free_all<H: mpgc::heap::Host>(heap: mpgc::heap::Heap<H>) {
//!     heap.sweep_all();
//! }
//! ```
//!
//! | file | what it does | in py/gc.c |
//! |---|---|---|
//! | `block` | numbers of blocks | |
//! | `layout` | where tables and pool lie | `gc_setup_area` |
//! | `alloc_table`, `runs`, `bit_table`, `word` | the tables, by the word | `ATB_*`, `FTB_*` |
//! | `area` | one contiguous area | `mp_state_mem_area_t` |
//! | `grow` | the areas of a heap | `gc_init`, `gc_add`, `gc_try_add_heap` |
//! | `search`, `hints`, `bytes` | first fit, and its hints | the loop in `gc_alloc` |
//! | `plain` | first fit with the C's hint only, for bare machines | the same |
//! | `small` | the smallest table, search and marking code | |
//! | `alloc`, `hand_out` | allocate, free | `gc_alloc`, `gc_free`, `gc_nbytes` |
//! | `realloc` | resize | `gc_realloc` |
//! | `lock` | whether a thread may allocate | `gc_lock`, `gc_unlock`, `gc_is_locked` |
//! | `collect` | a whole collection | `gc_collect_start`, `gc_collect_end`, `gc_sweep_all` |
//! | `mark`, `waiting` | from the roots to all they reach | `gc_collect_root`, `gc_mark_subtree` |
//! | `pacing` | choosing the threshold | |
//! | `idle` | whether a wait is long enough for a collection | |
//! | `noscan` | data without pointers, marked and not read | |
//! | `sweep` | finalisers, then free blocks | `gc_sweep_*` |
//! | `info`, `dump`, `free_runs` | numbers and a map | `gc_info`, `gc_dump_*` |
//! | `stats`, `count` | what is counted as the heap is used | |
//! | `check` | every invariant | |
//! | `harden`, `fault` | the checks of a hardened build, and the kinds of fault | |
//! | `host` | what the heap asks of its host | |

pub(crate) mod alloc;
pub(crate) mod alloc_table;
pub(crate) mod area;
pub(crate) mod bit_table;
pub(crate) mod block;
mod bytes;
pub(crate) mod check;
pub(crate) mod collect;
mod count;
pub(crate) mod dump;
mod fault;
mod free_runs;
pub(crate) mod grow;
mod hand_out;
pub(crate) mod harden;
mod hints;
pub(crate) mod host;
#[cfg(any(test, all(feature = "idle-collect", mpgc_port)))]
pub(crate) mod idle;
pub(crate) mod info;
pub(crate) mod layout;
pub(crate) mod lock;
pub(crate) mod mark;
pub(crate) mod noscan;
pub(crate) mod pacing;
mod plain;
mod realloc;
mod runs;
mod search;
mod small;
pub(crate) mod stats;
pub(crate) mod sweep;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod waiting;
mod word;

pub use alloc::{HAS_FINALISER, UNREAD};
pub use block::{BlockCount, BlockIndex};
pub use check::Broken;
pub use dump::Sink;
pub use fault::Fault;
pub use free_runs::FreeRuns;
pub use hints::Hints;
pub use host::{AreaFields, Callbacks, Config, Event, Host, Memory, StackEntry};
pub use info::Info;
pub use pacing::{Pace, Paced};
pub use stats::{Figures, Reason, Stats};

/// A heap: the functions of this module, over state that a host holds.
#[derive(Clone, Copy)]
pub struct Heap<H: Host>(H);

impl<H: Host> Heap<H> {
    /// The heap of a host.
    ///
    /// # Safety
    ///
    /// The caller calls [`Self::init`] before any other method. The memory that `init` and
    /// [`Self::add`] are given stays valid for as long as the heap is used.
    pub const unsafe fn new(host: H) -> Self {
        const {
            assert!(
                H::BLOCK_BYTES.is_power_of_two(),
                "a block must be a power of two"
            );
            assert!(
                H::BLOCK_BYTES >= 16 && H::BLOCK_BYTES >= 2 * size_of::<usize>(),
                "a block is too small"
            );
            assert!(H::STACK_ENTRIES > 0, "the mark stack must have an entry");
            assert!(
                !H::HARDENED || H::BLOCK_BYTES <= 256,
                "the slack of a block must fit into a byte"
            );
        }
        Heap(host)
    }

    fn host(self) -> H {
        self.0
    }

    fn search(self) -> search::Search<H> {
        search::Search(self.0)
    }
}
