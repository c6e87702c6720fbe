//! Data that holds no pointers is marked and not read (option [`Host::NOSCAN`]).
//!
//! Some objects, a str for instance, have one word that points at a chunk of plain bytes. The host
//! tells which ([`Host::raw_field`]), by what the first words of a chunk say.
//!
//! ```text
//!   owner                           its data
//!   | type | hash | len | data o-+--> | h e l l o   w o r l d ...   |    marked, not read
//! ```
//!
//! A chunk may say so by chance, and its data may have other users. Two rules see to it that
//! nothing is lost that a program can reach in any other way:
//!
//! 1. *Data comes last.* It stays white as long as there is anything to trace. Only then
//!    `Heap::mark_raw_data` looks for owners among the marked chunks, and marks their data. What
//!    something else points at has been marked, and read, before.
//! 2. *No object is data.* An array of values that begins with a type, such as that of
//!    `[str, 1, 2, x]`, looks like a str whose data is `x`. But then `x` begins with the address of
//!    its own type. So a chunk whose first word may be such an address ([`Host::may_be_object`]) is
//!    traced as ever, and so is one that has a finaliser.
//!
//! Nothing is remembered about owners, so this takes no memory: one more pass over the alloc table
//! finds them again.

use super::Heap;
use super::area::Area;
use super::block::{BlockCount, BlockIndex};
use super::host::Host;

impl<H: Host> Heap<H> {
    /// The word of a marked chunk that points at data without pointers, if it says that it has one.
    #[inline(always)]
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

    /// Whether a white chunk, which an owner calls its data, can be left unread.
    #[inline(always)]
    pub(super) fn is_raw(self, area: Area<H>, data: BlockIndex) -> bool {
        // SAFETY: as above.
        let first = unsafe { area.address(data).cast::<usize>().read() };
        !area.has_finaliser(data) && !self.host().may_be_object(first)
    }

    /// Marks the data of all marked owners, and reads none of it. When all else has been traced.
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
                    }
                });
        }
    }
}
