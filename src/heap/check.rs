//! The invariant checker of the heap.

use core::ffi::CStr;

use super::Heap;
use super::alloc_table::PLAIN;
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::hints::ANY_LENGTH;
use super::host::Host;
use super::search::Search;

/// A text for C that ends with two NULs. A text with one NUL goes into a section of strings that
/// the linker merges and keeps whole, even in a program that never uses one. The same holds for
/// constants of 4, 8, 16 or 32 bytes.
macro_rules! words {
    ($text:literal) => {
        const {
            let bytes = concat!($text, "\0\0").as_bytes();
            assert!(
                !bytes.len().is_power_of_two(),
                "choose a text of another length"
            );
            match CStr::from_bytes_until_nul(bytes) {
                Ok(words) => words,
                Err(_) => panic!("the text ends with a NUL"),
            }
        }
    };
}

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// A description of what is wrong.
    pub what: &'static CStr,
    /// The number of the area where it is wrong, in the order of the list.
    pub area: usize,
    /// The block where it is wrong, if it is a block.
    pub block: Option<BlockIndex>,
}

impl<H: Host> Heap<H> {
    /// Checks every block and every hint. Not during a collection.
    ///
    /// The C has no counterpart.
    ///
    /// # Errors
    ///
    /// The first invariant that is broken.
    pub fn check(self) -> Result<(), Broken> {
        let host = self.host();
        host.enter();
        let claims = |()| {
            self.search().check().map_err(|what| Broken {
                what,
                area: 0,
                block: None,
            })
        };
        let result = self.check_tables().and_then(claims);
        host.exit();
        result
    }

    /// Checks every block.
    pub(super) fn check_tables(self) -> Result<(), Broken> {
        for (number, area) in Area::all(self.host()).enumerate() {
            let broken = |what, block| {
                Err(Broken {
                    what,
                    area: number,
                    block,
                })
            };
            let mut previous = BlockKind::Free;
            for b in 0..area.blocks().0 {
                let block = BlockIndex(b);
                let kind = area.table().kind(block);
                if kind == BlockKind::Tail && previous == BlockKind::Free {
                    return broken(words!("a tail follows a free block"), Some(block));
                }
                if kind == BlockKind::Mark {
                    return broken(
                        words!("a block is marked outside a collection"),
                        Some(block),
                    );
                }
                if area.has_finaliser(block) && kind != BlockKind::Head {
                    return broken(
                        words!("a finaliser bit is set where no chunk starts"),
                        Some(block),
                    );
                }
                if kind != BlockKind::Free && block > area.last_used() {
                    return broken(
                        words!("a block above the highest used one is used"),
                        Some(block),
                    );
                }
                previous = kind;
            }
            if area.last_used() + BlockCount(1) > area.end().max(BlockIndex(1)) {
                return broken(words!("the highest used block lies outside the area"), None);
            }
            if !area.gap_is_zero() {
                return broken(words!("the gap behind the alloc table is not zero"), None);
            }
        }
        Ok(())
    }
}

impl<H: Host> Search<H> {
    /// Checks the claims of the hints. Not during a collection.
    pub(super) fn check(self) -> Result<(), &'static CStr> {
        let (known_area, known) = self.position();
        let mut before_last_free = true;
        let mut before_known = true;
        let bounded_from = self.bounded_from();
        for area in Area::all(self.0) {
            let segments = if PLAIN {
                0
            } else {
                (area.blocks().0 >> self.segment_shift()) + 1
            };
            let learnt = |s: &usize| self.bound(self.first_segment(area) + s) != ANY_LENGTH;
            if (0..segments)
                .find(learnt)
                .is_some_and(|s| BlockIndex(s << self.segment_shift()) < bounded_from)
            {
                return Err(words!("a segment below the first bounded one has a bound"));
            }
            before_last_free &= area != self.last_free_area();
            let mut b = BlockIndex(0);
            while b < area.end() {
                let run = area.table().free_from(b, area.blocks());
                if run == BlockCount(0) {
                    b = b + BlockCount(1);
                    continue;
                }
                if b.0 < area.hint() || (H::SPLIT && before_last_free) {
                    return Err(words!("a block below the hint of its area is free"));
                }
                if PLAIN {
                    b = b + run;
                    continue;
                }
                if self.bound(self.segment(area, b)) < Self::bound_for(run) {
                    return Err(words!("a free run is longer than its segment's bound"));
                }
                let earlier = if area == known_area {
                    b < known
                } else {
                    before_known
                };
                if earlier && run >= self.run() {
                    return Err(words!(
                        "a free run of the last size starts before the known position"
                    ));
                }
                b = b + run;
            }
            before_known &= area != known_area;
        }
        Ok(())
    }
}
