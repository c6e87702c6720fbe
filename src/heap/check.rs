//! Every invariant of the heap, looked at one by one.

use super::Heap;
use super::area::Area;
use super::block::{BlockCount, BlockIndex, BlockKind};
use super::host::Host;

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong, in words.
    pub what: &'static str,
    /// The number of the area where it is wrong, in the order of the list.
    pub area: usize,
    /// The block where it is wrong, if it is a block.
    pub block: Option<BlockIndex>,
}

impl<H: Host> Heap<H> {
    /// Looks at every block and every hint. Between collects.
    ///
    /// Nothing in C does this.
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

    /// Looks at every block.
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
                    return broken("a tail follows a free block", Some(block));
                }
                if kind == BlockKind::Mark {
                    return broken("a block is marked outside a collect", Some(block));
                }
                if area.has_finaliser(block) && kind != BlockKind::Head {
                    return broken("a finaliser bit is set where no chunk starts", Some(block));
                }
                if kind != BlockKind::Free && block > area.last_used() {
                    return broken("a block above the highest used one is used", Some(block));
                }
                previous = kind;
            }
            if area.last_used() + BlockCount(1) > area.end().max(BlockIndex(1)) {
                return broken("the highest used block lies outside the area", None);
            }
            if !area.gap_is_zero() {
                return broken("the gap behind the alloc table is not zero", None);
            }
        }
        Ok(())
    }
}
