//! The faults that `check` and the twins notice.

use core::ffi::CStr;

use super::{WITH_FINALISER, blocks, heap_of};
use crate::heap::area::Area;
use crate::heap::block::BlockIndex;
use crate::heap::testing::options::Plain;
use crate::heap::testing::{TestHost, World, every};

#[test]
#[cfg_attr(miri, ignore = "the twins take too long")]
#[should_panic(expected = "first fit differs")]
fn the_twin_of_the_search_would_notice_a_wrong_hint() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[blocks(1), blocks(1)]);
    // in another word of the table than the blocks that are free
    w.spoil_hint(40);
    w.heap().alloc(1, 0);
}

#[test]
fn check_notices_what_is_broken() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[blocks(2), blocks(1)]);
    w.spoil_hint(5);
    assert!(w.heap().check().is_err());
    let mut w = heap_of::<Plain>(64);
    w.run(&[blocks(2), blocks(1)]);
    // the head of the first chunk goes, its tail stays
    w.spoil_table(0, 0b01);
    assert_eq!(
        w.heap().check().map_err(|b| b.what),
        Err(c"a tail follows a free block")
    );
}

/// The last segment of an area is checked too; its bound was not learnt, so nothing depends on it.
#[test]
#[cfg_attr(mpgc_plain, ignore = "the plain search has no bounds")]
fn check_looks_at_the_bound_of_every_segment() {
    for segment in [15, 14, 1].into_iter().step_by(every(3)) {
        let w = heap_of::<Plain>(16 * 256 - 64);
        w.heap().search().set_bound(segment, 5);
        assert_eq!(
            w.heap().check().map_err(|broken| broken.what),
            Err(c"a segment below the first bounded one has a bound")
        );
    }
}

/// The answer of `check` for a heap of 64 blocks with two chunks in blocks 0 to 2, one of them with
/// a finaliser, after something was done to it.
fn said(spoil: impl FnOnce(&mut World<Plain>, Area<TestHost<Plain>>)) -> Result<(), &'static CStr> {
    let mut w = heap_of::<Plain>(64);
    w.run(&[blocks(2), WITH_FINALISER]);
    let area = Area::first(w.host());
    spoil(&mut w, area);
    w.heap().check().map_err(|broken| broken.what)
}

#[test]
fn check_names_each_invariant_that_is_broken() {
    assert_eq!(said(|_, _| ()), Ok(()));
    assert_eq!(
        said(|w, _| w.spoil_table(0, 0b10)),
        Err(c"a block is marked outside a collection")
    );
    for block in [1, 3] {
        assert_eq!(
            said(|_, area| area.finalisers().set(BlockIndex(block))),
            Err(c"a finaliser bit is set where no chunk starts")
        );
    }
    assert_eq!(
        said(|_, area| area.set_last_used(BlockIndex(1))),
        Err(c"a block above the highest used one is used")
    );
    assert_eq!(said(|_, area| area.set_last_used(BlockIndex(63))), Ok(()));
    assert_eq!(
        said(|_, area| area.set_last_used(BlockIndex(64))),
        Err(c"the highest used block lies outside the area")
    );
    // a byte of the table for four blocks, then the gap
    assert_eq!(
        said(|w, _| w.spoil_table(64 / 4, 1)),
        Err(c"the gap behind the alloc table is not zero")
    );
}
