//! The heap: a conservative mark and sweep collector over blocks of fixed size.
//!
//! Memory comes in *areas*. An area has a *pool* of *blocks* and tables that tell what each block
//! is (see `layout`). A *chunk* is a *head* and the *tails* behind it. A collection *marks* every
//! chunk that the *roots* lead to, taking any word that looks like the address of a chunk for one,
//! and *sweeps* the rest.
//!
//! The heap is pure: it knows its tables and nothing of whoever uses it. What it needs it asks of a
//! [`Host`]. Addresses are those that py/gc.c hands out for the same calls.
//!
//! What is public here is a heap from outside: [`Heap`], and the traits through which its user
//! lends it memory. Both traits are unsafe to implement and a `Heap` is unsafe to make, for it
//! writes where they say. Tables and areas trust the numbers of blocks that they are given, so
//! nobody else gets at them:
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
//! | `search`, `hints`, `bytes` | first fit, and the claims that lead it | the loop in `gc_alloc` |
//! | `plain` | first fit with the C's hint alone: on a bare machine | the same |
//! | `small` | table, search and marking in the least code | |
//! | `alloc` | hand out, give back | `gc_alloc`, `gc_free`, `gc_nbytes` |
//! | `realloc` | resize | `gc_realloc` |
//! | `lock` | who may allocate | `gc_lock`, `gc_unlock`, `gc_is_locked` |
//! | `collect` | a whole collection | `gc_collect_start`, `gc_collect_end`, `gc_sweep_all` |
//! | `mark`, `waiting` | from the roots to all they reach | `gc_collect_root`, `gc_mark_subtree` |
//! | `pacing` | the threshold that the heap sets itself | |
//! | `idle` | whether a wait is long enough for a collection | |
//! | `noscan` | data without pointers, marked and not read | |
//! | `sweep` | finalisers, then free blocks | `gc_sweep_*` |
//! | `info`, `dump` | numbers and a map | `gc_info`, `gc_dump_*` |
//! | `check` | every invariant | |
//! | `harden`, `fault` | the checks of a hardened build, and the kinds of fault | |
//! | `host` | what the heap asks for | |

pub(crate) mod alloc;
pub(crate) mod alloc_table;
pub(crate) mod area;
pub(crate) mod bit_table;
pub(crate) mod block;
mod bytes;
pub(crate) mod check;
pub(crate) mod collect;
pub(crate) mod dump;
mod fault;
pub(crate) mod grow;
pub(crate) mod harden;
mod hints;
pub(crate) mod host;
#[cfg(any(test, all(feature = "idle-collect", feature = "micropython")))]
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
pub use hints::Hints;
pub use host::{AreaFields, Host, StackEntry, Trace};
pub use info::Info;
pub use pacing::{Pace, Paced};

/// A heap: the functions of this module over the words of a host.
#[derive(Clone, Copy)]
pub struct Heap<H: Host>(H);

impl<H: Host> Heap<H> {
    /// The heap of a host.
    ///
    /// # Safety
    ///
    /// It is made with [`Self::init`] before anything else is asked of it, and the memory that it
    /// is given then and by [`Self::add`] stays valid for as long as something is.
    #[inline(always)]
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

    #[inline(always)]
    fn host(self) -> H {
        self.0
    }

    #[inline(always)]
    fn search(self) -> search::Search<H> {
        search::Search(self.0)
    }
}
