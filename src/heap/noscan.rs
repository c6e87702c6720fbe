//! Data that holds no pointers is marked but not read (option [`Config::NOSCAN`]).
//!
//! Some objects, such as a str, have one word that points at a chunk of plain bytes. The host
//! identifies it by the first words of the object ([`Callbacks::raw_field`]).
//!
//! ```text
//!   owner                           its data
//!   | type | hash | len | data o-+--> | h e l l o   w o r l d ...   |    marked, not read
//! ```
//!
//! A chunk may look like such an object by chance, and its data may have other users. Two rules
//! ensure that nothing is lost that a program can reach in another way:
//!
//! 1. *Data comes last.* It stays white until everything else is traced. Then `Heap::mark_raw_data`
//!    looks for owners among the marked chunks and marks their data. Data that something else
//!    points at was marked, and read, before that.
//! 2. *No object is data.* An array of values that begins with a type, such as that of
//!    `[str, 1, 2, x]`, looks like a str whose data is `x`. But `x` begins with the address of its
//!    own type. So a chunk whose first word may be such an address ([`Callbacks::may_be_object`])
//!    is traced as usual, and so is a chunk with a finaliser.
//!
//! No memory is needed for a list of owners: one more pass over the alloc table finds them.

use super::Heap;
use super::area::Area;
use super::block::{BlockCount, BlockIndex};
use super::host::Host;
#[cfg(doc)]
use super::host::{Callbacks, Config};

impl<H: Host> Heap<H> {
    /// The word of a marked chunk that points at data without pointers, if the host finds one.
    pub(super) fn raw_field(self, area: Area<H>, owner: BlockIndex) -> Option<*const usize> {
        if !area.is_read(owner) {
            return None;
        }
        let words_per_block = H::BLOCK_BYTES / size_of::<usize>();
        let object = area.address(owner).cast::<usize>().cast_const();
        // SAFETY: a chunk has a block, and a block two words; they may be anything, and are only
        // compared.
        let (first, second) = unsafe { (object.read(), object.wrapping_add(1).read()) };
        let field = self.host().raw_field(first, second)?;
        (field < words_per_block || field < self.extent(area, owner).0 * words_per_block)
            .then_some(object.wrapping_add(field))
    }

    /// Whether a white chunk that is an owner's data can be left unread.
    pub(super) fn is_raw(self, area: Area<H>, data: BlockIndex) -> bool {
        // SAFETY: as above.
        let first = unsafe { area.address(data).cast::<usize>().read() };
        !area.has_finaliser(data) && !self.host().may_be_object(first)
    }

    /// Marks the data of all marked owners without reading it, after everything else is traced.
    pub(super) fn mark_raw_data(self) {
        for area in Area::all(self.host()) {
            area.table()
                .for_each_mark(area.last_used() + BlockCount(1), |owner| {
                    if H::HOOK {
                        self.host().hook(owner.0, 1);
                    }
                    let Some(field) = self.raw_field(area, owner) else {
                        return;
                    };
                    // SAFETY: the word lies in the owner's chunk (`raw_field`).
                    let value = unsafe { field.read() };
                    if let Some((data_area, data)) = self.white_at(area, value) {
                        data_area.table().head_to_mark(data);
                        if H::STATS {
                            self.stats_lives(data_area.chunk_len(data));
                        }
                    }
                });
        }
    }
}
