//! First fit, where hints are put to the test.

use std::vec;
use std::vec::Vec;

use super::{BLOCK, blocks, heap_of};
use crate::heap::alloc_table::{BARE, BLOCKS_PER_WORD};
use crate::heap::area::Area;
use crate::heap::block::{BlockCount, BlockIndex};
use crate::heap::hints::ANY_LENGTH;
use crate::heap::search::NEAR;
use crate::heap::testing::options::{Plain, Split, SplitSteps, Steps};
use crate::heap::testing::{Op, Options, Region, World, every};

#[test]
fn the_lowest_address_that_fits_is_taken() {
    let mut w = heap_of::<Plain>(64);
    w.run(&[
        blocks(3),
        blocks(1),
        blocks(5),
        blocks(1),
        Op::Free { chunk: 0 },
        Op::Free { chunk: 1 },
    ]);
    w.run(&[
        blocks(4),
        blocks(2),
        blocks(1),
        blocks(1),
        blocks(30),
        blocks(1),
    ]);
    assert_eq!(w.model.seen.failed, 0);
}

/// No block below it is free then, and none is looked at again.
#[test]
fn the_hint_moves_behind_what_is_taken_there() {
    let w = heap_of::<Plain>(64);
    let mut end = 0;
    for n in [3, 1, 2, 1] {
        let taken = w.heap().search().take(BlockCount(n));
        assert_eq!(taken.map(|(_, at)| at.0), Some(end));
        end += n;
        assert_eq!(Area::first(w.host()).hint(), end);
    }
}

/// One block is taken at the hint or, on a bare machine, in the hint's word; otherwise the answer
/// is none. Nothing is taken behind the last block, which ends in the middle of a word.
#[test]
#[cfg_attr(
    feature = "small",
    ignore = "the small build does not look at the hint first"
)]
fn one_block_is_taken_at_the_hint_or_in_its_word() {
    let total = BLOCKS_PER_WORD + 8;
    for pattern in (0..1usize << 8).step_by(every(31)) {
        for offset in [
            0,
            3,
            BLOCKS_PER_WORD - 8,
            BLOCKS_PER_WORD - 4,
            BLOCKS_PER_WORD,
        ] {
            let w = heap_of::<Plain>(total);
            let (search, area) = (w.heap().search(), Area::first(w.host()));
            let is_free =
                |b: usize| b >= offset && (b >= offset + 8 || pattern >> (b - offset) & 1 == 0);
            for b in (0..total).filter(|&b| !is_free(b)) {
                area.table().free_to_chunk(BlockIndex(b), BlockCount(1));
            }
            area.set_hint(offset);
            let lowest = (offset..total).find(|&b| is_free(b));
            let expected = lowest.filter(|&b| {
                if BARE {
                    b / BLOCKS_PER_WORD == offset / BLOCKS_PER_WORD
                } else {
                    b == offset && b % BLOCKS_PER_WORD + 1 < BLOCKS_PER_WORD
                }
            });
            let taken = search.take_first(BlockCount(1)).map(|(_, at)| at.0);
            assert_eq!(taken, expected, "{pattern:#b} at {offset}");
            assert_eq!(area.hint(), expected.map_or(offset, |b| b + 1));
            assert_eq!(search.check(), Ok(()), "{pattern:#b} at {offset}");
        }
    }
}

/// Block 0 free, so that the one-block hint stays there; then blocks used up to 800, with bounds
/// learnt; then a free run from 240 to 300, across the border of the segments of 256 blocks.
fn run_across_a_border() -> World<Plain> {
    let mut w = heap_of::<Plain>(4096);
    w.run(&[blocks(1), blocks(199)]);
    w.run(&vec![blocks(2); 300]);
    // a search for less than the last size starts at the hint, and passes over full segments
    w.run(&[Op::Free { chunk: 0 }, blocks(40), blocks(3)]);
    w.run(
        &[Op::Free {
            chunk: 1 + (240 - 200) / 2,
        }; 30],
    );
    w
}

/// When the front of a free run is taken, the rest may start in a segment whose bound is too low
/// for it.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_run_cut_at_a_segment_border_is_still_found() {
    let mut w = run_across_a_border();
    w.run(&[blocks(20), blocks(10)]);
}

/// Blocks are freed in a segment without a bound, behind a free run that starts in a segment with
/// one.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_run_that_grows_behind_a_segment_border_is_still_found() {
    let mut w = run_across_a_border();
    // up to the border, which takes the bound away behind it; then a search for less, which learns
    // that of segment 0
    w.run(&[blocks(16), blocks(3)]);
    w.run(&[Op::Free { chunk: 21 }, Op::Free { chunk: 21 }]);
    w.run(&[blocks(60)]);
    assert_eq!(w.model.seen.failed, 0);
}

/// The same by growing in place.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_run_cut_at_a_segment_border_by_realloc_is_still_found() {
    let mut w = run_across_a_border();
    w.run(&[
        Op::Realloc {
            chunk: 20,
            bytes: 22 * BLOCK,
            may_move: false,
        },
        blocks(10),
    ]);
    assert_eq!(w.model.seen.grown_in_place, 1);
}

/// Two runs that become one, either or both of them longer than a bound can express: the hint for
/// long runs must be dropped.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_run_longer_than_the_neighbourhood_is_found_when_its_halves_join() {
    for (before, after) in [(600, 690), (600, 100), (100, 600)] {
        let joined = before + 10 + after;
        let mut w = heap_of::<Plain>(8192);
        w.run(&[blocks(before), blocks(10), blocks(after), blocks(10)]);
        w.run(&[blocks(joined), blocks(10)]);
        w.run(&[Op::Free { chunk: 0 }, Op::Free { chunk: 1 }]);
        // remember that no run so long starts before this one
        w.run(&[blocks(joined), blocks(joined)]);
        let lowest = w.chunks()[0].wrapping_sub(before * BLOCK);
        w.run(&[Op::Free { chunk: 0 }, blocks(joined)]);
        assert_eq!(w.chunks()[0], lowest);
    }
}

/// The blocks of the heaps below, which have fewer segments under Miri.
const BLOCKS: usize = 4096 / every(4);
const SEGMENTS: usize = BLOCKS / 256;

/// A heap of [`BLOCKS`], every other one free, without automatic collections. Returns it and all
/// chunks.
fn comb<O: Options>() -> (World<O>, Vec<*mut u8>) {
    let (w, chunks) = full();
    for chunk in chunks.iter().step_by(2) {
        // SAFETY: the chunk is live and used no more.
        unsafe { w.heap().free(*chunk) };
    }
    (w, chunks)
}

/// A heap of [`BLOCKS`] chunks of one block, without automatic collections. Returns it and the
/// chunks.
fn full<O: Options>() -> (World<O>, Vec<*mut u8>) {
    let mut w = heap_of::<O>(BLOCKS);
    w.run(&[Op::AutoCollect { on: false }]);
    let heap = w.heap();
    let chunks = (0..BLOCKS).map(|_| heap.alloc(BLOCK, 0)).collect();
    (w, chunks)
}

/// How many steps of long loops something takes.
fn steps<O: Options, R>(
    w: &mut World<O>,
    something: impl FnOnce(&mut World<O>) -> R,
) -> (usize, R) {
    w.state().steps = 0;
    let result = something(w);
    (w.state().steps, result)
}

#[test]
#[cfg_attr(mpgc_plain, ignore = "the plain search has one hint an area alone")]
fn segments_without_a_run_long_enough_are_stepped_over() {
    let (mut w, chunks) = comb::<Steps>();
    let heap = w.heap();
    // the first search of a size reads the table, a word a step, and learns a bound for each
    // segment
    let words = BLOCKS / BLOCKS_PER_WORD;
    let (first, found) = steps(&mut w, |w| w.heap().alloc(2 * BLOCK, 0));
    assert!(found.is_null() && first >= words, "{first} steps");
    // nothing was freed since: no word for the same or more; a step at the hint, and one for the
    // search
    for n in [2, 5] {
        let (more, found) = steps(&mut w, |w| w.heap().alloc(n * BLOCK, 0));
        assert!(found.is_null() && more == 2, "{more} steps for {n} blocks");
    }
    // a run of 3 in the last segment, which a search from the start must find: a step for each
    // segment
    // SAFETY: the chunk is live and used no more.
    unsafe { heap.free(chunks[BLOCKS - 3]) };
    let (led, found) = steps(&mut w, |w| w.heap().alloc(2 * BLOCK, 0));
    assert_eq!(found, chunks[BLOCKS - 4]);
    assert!(led <= 2 + SEGMENTS + 256 / BLOCKS_PER_WORD, "{led} steps");
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
#[cfg_attr(mpgc_plain, ignore = "the plain search has one hint an area alone")]
fn full_segments_are_stepped_over_when_one_block_is_wanted() {
    let (mut w, chunks) = full::<Steps>();
    let heap = w.heap();
    let free = |block: usize| {
        // SAFETY: the chunk is live and used no more.
        unsafe { heap.free(chunks[block]) }
    };
    // the first search reads the words from the hint on, and learns which segments are full
    [100, 4000].into_iter().for_each(free);
    assert_eq!(heap.alloc(BLOCK, 0), chunks[100]);
    let (first, found) = steps(&mut w, |w| w.heap().alloc(BLOCK, 0));
    assert_eq!(found, chunks[4000]);
    assert!(first >= 3900 / BLOCKS_PER_WORD, "{first} steps");
    [100, 4001].into_iter().for_each(free);
    assert_eq!(heap.alloc(BLOCK, 0), chunks[100]);
    let (led, found) = steps(&mut w, |w| w.heap().alloc(BLOCK, 0));
    assert_eq!(found, chunks[4001]);
    // near the hint, and in the last segment
    assert!(led <= 2 + NEAR + 256 / BLOCKS_PER_WORD, "{led} steps");
    // in segments that are known to be full, and at their borders
    let freed = [511, 512, 600, 1000, 1023, 1024, 3000];
    freed.into_iter().for_each(free);
    for block in freed {
        assert_eq!(heap.alloc(BLOCK, 0), chunks[block]);
        assert_eq!(heap.check(), Ok(()));
    }
}

/// A port polls its devices in the hook, so a program that only allocates must not starve them.
#[test]
fn every_search_calls_the_hook() {
    let mut w = heap_of::<Steps>(64);
    w.run(&[Op::AutoCollect { on: false }]);
    let heap = w.heap();
    let mut chunks = Vec::new();
    for i in 0..70 {
        let (calls, found) = steps(&mut w, |_| heap.alloc((1 + i % 2) * BLOCK, 0));
        assert!(calls > 0, "allocation {i}, {found:?}");
        chunks.push(found);
    }
    // a chunk that moves takes another path
    for chunk in [chunks[10], chunks[11]] {
        // SAFETY: the chunk is live and used no more.
        unsafe { heap.free(chunk) }
    }
    // SAFETY: the chunk is live.
    let (calls, moved) = steps(&mut w, |_| unsafe {
        heap.realloc(chunks[4], 2 * BLOCK, true)
    });
    assert_eq!((calls > 0, moved), (true, chunks[10]));
}

#[test]
#[cfg_attr(mpgc_plain, ignore = "the plain search has one hint an area alone")]
fn a_loop_of_one_size_goes_on_where_it_was() {
    let (mut w, chunks) = comb::<Steps>();
    let heap = w.heap();
    for chunk in &chunks[BLOCKS / 2..] {
        if heap.chunk_bytes(*chunk) > 0 {
            // SAFETY: the chunk is live and used no more.
            unsafe { heap.free(*chunk) };
        }
    }
    let (first, _) = steps(&mut w, |w| w.heap().alloc(2 * BLOCK, 0));
    assert!(first >= BLOCKS / 2 / BLOCKS_PER_WORD, "{first} steps");
    let n = BLOCKS / 4 - 24;
    let (more, _) = steps(&mut w, |w| {
        (0..n).for_each(|_| assert!(!w.heap().alloc(2 * BLOCK, 0).is_null()));
    });
    // two steps each; and a word is left behind every 16 chunks
    assert!(more <= 2 * n + 4 * n / 16, "{more} steps for {n} chunks");
}

#[test]
#[cfg_attr(mpgc_plain, ignore = "the plain search has one hint an area alone")]
fn bounds_of_one_area_say_nothing_of_another() {
    let (mut w, chunks) = comb::<SplitSteps>();
    let second = Region::new(BLOCKS * BLOCK + BLOCKS, 0);
    // SAFETY: the region outlives the world's heap, which is used in this function alone.
    unsafe { w.heap().add(second.start(), second.end()) };
    // through the first area, all of whose segments learn a bound, into the second
    let (_, found) = steps(&mut w, |w| w.heap().alloc(2 * BLOCK, 0));
    let area = Area::all(w.host()).nth(1).expect("two areas");
    assert_eq!(found, area.pool());
    assert_eq!(w.heap().check(), Ok(()));
    // and back, when there is a run in the first: no word of its other segments is read again
    // SAFETY: the chunk is live and used no more.
    unsafe { w.heap().free(chunks[BLOCKS - 3]) };
    w.state().steps = 0;
    assert_eq!(w.heap().alloc(3 * BLOCK, 0), chunks[BLOCKS - 4]);
    let led = w.state().steps;
    assert!(led <= 2 + SEGMENTS + 256 / BLOCKS_PER_WORD, "{led} steps");
    assert_eq!(w.heap().check(), Ok(()));
}

#[test]
#[cfg_attr(mpgc_plain, ignore = "the plain search has no bounds")]
fn a_heap_that_is_filled_from_its_start_learns_no_bound() {
    let (w, chunks) = full::<Plain>();
    assert!(!chunks.iter().any(|chunk| chunk.is_null()));
    assert_eq!(w.heap().search().bounded_from(), BlockIndex(usize::MAX));
}

/// The first segment that has a bound, and its first block, which is where such segments begin.
#[test]
#[cfg_attr(mpgc_plain, ignore = "the plain search has no bounds")]
fn the_first_block_of_the_first_bounded_segment_is_looked_at_when_it_is_freed() {
    let (w, chunks) = full::<Plain>();
    let heap = w.heap();
    let free = |block: usize| {
        // SAFETY: the chunk is live and used no more.
        unsafe { heap.free(chunks[block]) }
    };
    // a search from block 256 on finds nothing in segments 1 and 2
    Area::first(w.host()).set_hint(256);
    free(800);
    assert!(heap.search().take(BlockCount(2)).is_none());
    assert_eq!(heap.search().bounded_from(), BlockIndex(256));
    free(257);
    free(256);
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.alloc(2 * BLOCK, 0), chunks[256]);
}

/// In a second area a search goes from a segment that it reads to one that it need not, and on from
/// there.
#[test]
#[cfg_attr(mpgc_plain, ignore = "the plain search has one hint an area alone")]
fn segments_of_a_second_area_are_stepped_over_from_wherever_the_search_is() {
    let mut w = heap_of::<Split>(300);
    w.run(&[Op::AutoCollect { on: false }]);
    let segments = 4 / every(4);
    let region = Region::new((segments + 4) * 256 * (BLOCK + 1), 0);
    // SAFETY: the region outlives the world's heap, which is used in this function alone.
    unsafe { w.heap().add(region.start(), region.end()) };
    let heap = w.heap();
    let chunks: Vec<_> = core::iter::repeat_with(|| heap.alloc(BLOCK, 0))
        .take_while(|chunk| !chunk.is_null())
        .collect();
    // SAFETY: the chunks are live and used no more.
    let free = |chunk: *mut u8| unsafe { heap.free(chunk) };
    chunks.iter().step_by(2).for_each(|&chunk| free(chunk));
    assert!(heap.alloc(2 * BLOCK, 0).is_null(), "no two are neighbours");
    let area = Area::all(w.host()).nth(1).expect("two areas");
    let search = heap.search();
    let second = search.first_segment(area);
    assert_eq!(second, 2);
    for segment in 1..=segments {
        // the next search is for less than this one, and begins at the hints
        assert!(heap.alloc(5 * BLOCK, 0).is_null());
        // one with a bound that is too high, one without a run, and one with the run
        search.set_bound(second + segment, ANY_LENGTH);
        let run = chunks
            .iter()
            .position(|&chunk| chunk == area.address(BlockIndex(256 * segment + 600)));
        let run = run.expect("the area was full") / 2 * 2 + 1;
        free(chunks[run]);
        assert_eq!(
            heap.alloc(2 * BLOCK, 0),
            chunks[run - 1],
            "segment {segment}"
        );
        assert_eq!(heap.check(), Ok(()));
    }
}
