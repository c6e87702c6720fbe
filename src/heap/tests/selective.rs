//! Chunks that are marked and not read (`MICROPY_ENABLE_SELECTIVE_COLLECT` of CircuitPython).

use std::vec;
use std::vec::Vec;

use super::{BLOCK, blocks, heap_of, root};
use crate::heap::area::Area;
use crate::heap::host::{AreaFields, Memory};
use crate::heap::testing::options::{
    Absent, Plain, Selective, SelectiveAuto, SelectiveHardened, SelectiveSplit, SplitAbsent,
    SplitAutoByBlocks,
};
use crate::heap::testing::{Fields, Op, Options, World, every};

const ROOT: Op = root(0);

fn unread(n: usize) -> Op {
    Op::AllocUnread {
        bytes: n * BLOCK,
        finaliser: false,
    }
}

fn link(from: usize, to: usize) -> Op {
    Op::Link { from, word: 2, to }
}

/// How many chunks are left of those that `ops` make, after a collection.
fn left<O: Options>(ops: &[Op]) -> usize {
    let mut w = heap_of::<O>(512);
    w.run(ops);
    w.run(&[Op::Collect]);
    w.chunks().len()
}

#[test]
fn a_chunk_that_is_not_read_lives_and_keeps_nothing() {
    // the root is read; its child is not, and holds the address of the third
    let ops = [
        blocks(1),
        unread(1),
        blocks(1),
        ROOT,
        link(0, 1),
        link(1, 2),
    ];
    assert_eq!(left::<Selective>(&ops), 2);
    assert_eq!(left::<SelectiveHardened>(&ops), 2);
    assert_eq!(left::<SelectiveSplit>(&ops), 2);
    // a heap without such chunks reads it
    assert_eq!(left::<Plain>(&ops), 3);
}

#[test]
fn a_root_that_is_not_read_keeps_nothing() {
    let ops = [unread(1), blocks(1), ROOT, link(0, 1)];
    assert_eq!(left::<Selective>(&ops), 1);
    assert_eq!(left::<SelectiveSplit>(&ops), 1);
}

/// Where the mark stack is full an object waits in the tables, or is only marked, and its segment
/// is looked at again: that must not read an unread chunk.
#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_full_mark_stack_reads_no_more() {
    fn check<O: Options>() {
        // the children of the first, each unread, each with a child of its own
        let n = 100;
        let word = |i| i + 3;
        let mut ops = vec![blocks(8 * n)];
        ops.extend((0..n).map(|_| unread(1)));
        ops.extend((0..n).map(|_| blocks(1)));
        ops.push(ROOT);
        for i in 0..n {
            let child = i + 1;
            ops.push(Op::Link {
                from: 0,
                word: word(i),
                to: child,
            });
            ops.push(link(child, n + child));
            // some that are read, so that the stack is full
            ops.push(Op::Link {
                from: 0,
                word: word(n + i),
                to: n + child,
            });
        }
        let mut w = heap_of::<O>(2048);
        w.run(&ops);
        w.run(&[Op::Collect]);
        assert_eq!(w.chunks().len(), 2 * n + 1);
        // the same without the words that keep them
        let mut w = heap_of::<O>(2048);
        w.run(&ops);
        for i in 0..n {
            let to = 0;
            w.run(&[Op::Link {
                from: 0,
                word: word(n + i),
                to,
            }]);
        }
        w.run(&[Op::Collect]);
        assert_eq!(w.chunks().len(), n + 1);
    }
    check::<Selective>();
    check::<SelectiveSplit>();
}

#[test]
fn the_bit_is_that_of_the_last_chunk_there() {
    let mut w = heap_of::<Selective>(64);
    for (op, read) in [(unread(2), false), (blocks(2), true), (unread(1), false)] {
        w.run(&[op]);
        let area = Area::first(w.host());
        let chunk = w.chunks()[0];
        assert_eq!(
            area.block_at(chunk.addr()).map(|b| area.is_read(b)),
            Some(read)
        );
        w.run(&[Op::Free { chunk: 0 }]);
    }
}

#[test]
fn a_chunk_that_grows_by_moving_stays_unread() {
    // two chunks that only the moved one points at die with an unread one, and live with another
    for (make, kept) in [(unread(1), 1), (blocks(1), 3)] {
        let mut w = heap_of::<Selective>(64);
        // the chunk behind keeps the first from growing where it lies
        w.run(&[make, blocks(1), blocks(1), ROOT]);
        let before = w.chunks()[0];
        w.run(&[
            Op::Realloc {
                chunk: 0,
                bytes: 5 * BLOCK,
                may_move: true,
            },
            Op::NoRoots,
        ]);
        assert!(!w.chunks().contains(&before), "it has moved");
        // the last chunk is the one that moved
        let moved = w.chunks().len() - 1;
        w.run(&[
            root(moved),
            link(moved, 0),
            Op::Link {
                from: moved,
                word: 3,
                to: 1,
            },
            Op::Collect,
        ]);
        assert_eq!(w.chunks().len(), kept);
    }
}

#[test]
fn no_table_reaches_into_another() {
    for bytes in (300..1500).step_by(every(97)) {
        let mut w = World::<SelectiveHardened>::new(bytes);
        let area = Area::first(w.host());
        let fields = area.fields();
        // SAFETY: the fields of the area live as long as the heap.
        let [alloc, finaliser, weakref, collect, pool] = unsafe {
            [
                Fields::alloc_table(fields).read().addr(),
                Fields::finaliser_table(fields).read().addr(),
                Fields::weakref_table(fields).read().addr(),
                Fields::collect_table(fields).read().addr(),
                Fields::pool_start(fields).read().addr(),
            ]
        };
        let n = area.blocks().0;
        let bits = n.div_ceil(8);
        assert_eq!(finaliser, alloc + n / 4 + 1, "{bytes}");
        assert_eq!((weakref, collect), (finaliser + bits, finaliser + 2 * bits));
        // and a byte a block that the C does not have
        assert!(collect + bits + n <= pool, "{bytes}");
        w.run(&[unread(1), Op::Collect]);
    }
}

#[test]
fn an_area_that_is_added_is_exactly_as_large_as_its_blocks_need() {
    fn check<O: Options>(bit_tables: usize) {
        // another way to write CircuitPython's compute_heap_size
        let naive = |blocks: usize| {
            let blocks = blocks.next_multiple_of(4);
            let tables = blocks / 4 + 1 + bit_tables * blocks.div_ceil(8);
            (size_of::<Fields>() + tables + (blocks + 1) * BLOCK).next_multiple_of(BLOCK)
        };
        for asked in (600..1000).step_by(12 * every(8)).chain([601, 997]) {
            let mut w = heap_of::<O>(64);
            w.state().max_new_area = 1 << 20;
            assert!(!w.heap().alloc(asked * BLOCK, 0).is_null());
            let region = w.state().regions.first().map(|region| region.bytes());
            assert_eq!(region, Some(naive(asked)), "{asked} blocks");
        }
        // a heap that is full is doubled
        let mut w = heap_of::<O>(400);
        w.state().max_new_area = 1 << 20;
        let all = w.heap().info().total;
        let keep = w.heap().alloc(all, 0);
        w.state().roots = vec![keep.addr()];
        assert!(!w.heap().alloc(1, 0).is_null());
        let region = w.state().regions.first().map(|region| region.bytes());
        assert_eq!(region, Some(naive(all / BLOCK)));
    }
    check::<SplitAutoByBlocks>(1);
    check::<SelectiveAuto>(2);
}

/// Between `gc_deinit` and `gc_init`.
#[test]
fn an_allocation_in_a_heap_without_areas_fails() {
    fn check<O: Options>() {
        let w = heap_of::<O>(64);
        assert!(w.heap().is_made());
        w.heap().forget_areas();
        assert!(!w.heap().is_made());
        assert!(w.heap().alloc(1, 0).is_null());
    }
    check::<Absent>();
    check::<SplitAbsent>();
}

/// Before the first `gc_init` a heap that is not split has none either.
#[test]
#[should_panic(expected = "NoRoom")]
fn an_allocation_in_a_split_heap_that_was_never_made_stops_the_program() {
    let w = heap_of::<SplitAbsent>(64);
    w.heap().forget_areas();
    // SAFETY: a field of the state, which the heap reads alone.
    unsafe { w.host().last_free_area().write(core::ptr::null_mut()) };
    w.heap().alloc(1, 0);
}

#[test]
fn a_request_that_no_area_can_hold_adds_none() {
    for bytes in [usize::MAX / 2, usize::MAX - 4 * BLOCK, usize::MAX] {
        let mut w = heap_of::<SelectiveAuto>(64);
        w.state().max_new_area = usize::MAX / 4;
        assert!(w.heap().alloc(bytes, 0).is_null());
        assert!(w.state().regions.is_empty());
    }
}

#[test]
fn the_monitor_sees_each_chunk_that_is_allocated_or_resized_in_place() {
    let mut w = heap_of::<Selective>(64);
    let realloc = |chunk, blocks, may_move| Op::Realloc {
        chunk,
        bytes: blocks * BLOCK,
        may_move,
    };
    w.run(&[blocks(3), unread(1), Op::Free { chunk: 1 }]);
    w.run(&[
        realloc(0, 7, true),
        realloc(0, 7, true),
        realloc(0, 2, false),
    ]);
    // the same size and a failure are no change; a move is a new chunk
    w.run(&[blocks(1), realloc(0, 100, true), realloc(0, 4, false)]);
    w.run(&[realloc(0, 4, true)]);
    let expected: Vec<usize> = vec![3, 1, 7, 2, 1, 4];
    assert_eq!(w.state().resized, expected);
}
