//! Faults of a program, committed against a hardened heap.

use std::vec::Vec;

use super::{BLOCK, Hardened, WITH_FINALISER, heap_of, root};
use crate::heap::Fault;
use crate::heap::alloc::HAS_FINALISER;
use crate::heap::host::Callbacks;
use crate::heap::testing::options::HardenedAuto;
use crate::heap::testing::{FinaliserAction, Op, World, every};

/// The bytes of a chunk of two blocks, whose end is inside of the second.
const BYTES: usize = BLOCK + 8;

/// A hardened heap with three chunks of [`BYTES`], one of which a root keeps.
fn hardened() -> (World<Hardened>, Vec<*mut u8>) {
    let mut w = heap_of::<Hardened>(64);
    let chunk = Op::Alloc {
        bytes: BYTES,
        finaliser: false,
    };
    let root = root(1);
    w.run(&[chunk, chunk, chunk, root]);
    let chunks = w.chunks();
    (w, chunks)
}

#[test]
fn a_chunk_can_be_asked_about_before_it_is_given_back() {
    let (mut w, chunks) = hardened();
    let heap = w.heap();
    assert_eq!(heap.expect_live(chunks[1]), Ok(()));
    assert_eq!(
        heap.expect_live(chunks[1].wrapping_add(8)),
        Err(Fault::Inner)
    );
    assert_eq!(
        heap.expect_live(chunks[1].wrapping_add(BLOCK)),
        Err(Fault::Inner)
    );
    assert_eq!(heap.expect_live((&raw const w).cast()), Err(Fault::Foreign));
    w.run(&[Op::Free { chunk: 2 }]);
    assert_eq!(heap.expect_live(chunks[2]), Err(Fault::DoubleFree));
}

/// The function that is called for a fault may read the heap, which nobody changes meanwhile.
#[test]
fn the_mutex_is_held_when_a_fault_is_reported() {
    type Commit = fn(&mut World<Hardened>, &[*mut u8]);
    // SAFETY: none: each of these is a fault that the heap must notice.
    let faults: [Commit; 5] = [
        |w, chunks| unsafe { w.heap().free(chunks[0].wrapping_add(1)) },
        |w, _| unsafe { w.heap().free(core::ptr::dangling_mut()) },
        |w, chunks| unsafe {
            chunks[0].add(BYTES).write(0);
            w.heap().free(chunks[0]);
        },
        |w, chunks| unsafe {
            w.heap().free(chunks[0]);
            chunks[0].write(0);
            w.heap().alloc(1, 0);
        },
        |w, _| {
            // a mark, where no collection is under way
            w.spoil_table(0, 0b10);
            w.host().collect();
        },
    ];
    for (i, commit) in faults.into_iter().enumerate() {
        let (mut w, chunks) = hardened();
        let run = std::panic::AssertUnwindSafe(|| commit(&mut w, &chunks));
        assert!(std::panic::catch_unwind(run).is_err(), "{i} is noticed");
        assert_eq!(w.state().entered, 1, "{i}");
    }
}

macro_rules! faults {
    ($($name:ident, $fault:literal: |$w:ident, $chunks:ident| $body:expr;)*) => { $(
        #[test]
        #[should_panic(expected = $fault)]
        fn $name() {
            let ($w, $chunks) = hardened();
            // SAFETY: none: each of these is a fault that the heap must notice.
            #[allow(unused_unsafe, reason = "some bodies need none")]
            let _ = unsafe { $body };
        }
    )* };
}

faults! {
    a_double_free_is_noticed, "DoubleFree": |w, chunks| {
        w.heap().free(chunks[0]);
        w.heap().free(chunks[0])
    };
    the_free_of_an_inner_block_is_noticed, "Inner": |w, chunks| w.heap().free(chunks[0].add(BLOCK));
    the_free_of_an_inner_byte_is_noticed, "Inner": |w, chunks| w.heap().free(chunks[0].add(8));
    the_free_of_a_foreign_pointer_is_noticed, "Foreign": |w, _chunks| {
        w.heap().free((&raw const w).cast_mut().cast())
    };
    the_realloc_of_a_foreign_pointer_is_noticed, "Foreign": |w, _chunks| {
        w.heap().realloc((&raw const w).cast_mut().cast(), 10, true)
    };
    the_realloc_of_a_freed_chunk_is_noticed, "DoubleFree": |w, chunks| {
        w.heap().free(chunks[2]);
        w.heap().realloc(chunks[2], 10, true)
    };
    a_write_after_free_is_noticed_at_the_next_allocation, "WriteAfterFree": |w, chunks| {
        w.heap().free(chunks[0]);
        chunks[0].add(BLOCK + 1).write(0);
        w.heap().alloc(2 * BLOCK - 1, 0)
    };
    a_write_after_a_collection_is_noticed, "WriteAfterFree": |w, chunks| {
        let heap = w.heap();
        Callbacks::collect(w.host());
        chunks[0].add(3).write(0);
        heap.alloc(2 * BLOCK - 1, 0)
    };
    a_write_to_shrunk_blocks_is_noticed_when_they_are_gained_again, "WriteAfterFree": |w, chunks| {
        w.heap().realloc(chunks[2], BLOCK / 2 + 4, false);
        chunks[2].add(BLOCK + 3).write(0);
        w.heap().realloc(chunks[2], 2 * BLOCK - 4, false)
    };
    a_write_after_free_to_the_last_byte_is_noticed, "WriteAfterFree": |w, chunks| {
        w.heap().free(chunks[0]);
        chunks[0].add(2 * BLOCK - 1).write(0);
        w.heap().alloc(2 * BLOCK - 1, 0)
    };
    the_free_of_the_end_of_the_heap_is_noticed, "Foreign": |w, chunks| {
        w.heap().free(chunks[0].wrapping_add(64 * BLOCK))
    };
    the_free_of_a_chunk_that_is_marked_outside_a_collection_is_noticed, "BrokenTable": |w, chunks| {
        let mut w = w;
        w.spoil_table(0, 0b10);
        w.heap().free(chunks[0])
    };
    an_overrun_behind_free_blocks_is_noticed_at_a_collection, "Overrun": |w, chunks| {
        w.heap().free(chunks[0]);
        chunks[1].add(BYTES).write(0);
        Callbacks::collect(w.host())
    };
    an_overrun_by_one_byte_is_noticed_at_the_free, "Overrun": |w, chunks| {
        chunks[0].add(BYTES).write(0);
        w.heap().free(chunks[0])
    };
    an_overrun_behind_a_full_block_is_noticed_at_the_free, "Overrun": |w, _chunks| {
        let full = w.heap().alloc(BLOCK, 0);
        full.add(BLOCK).write(0);
        w.heap().free(full)
    };
    an_overrun_behind_full_blocks_is_noticed_at_a_collection, "Overrun": |w, _chunks| {
        let mut w = w;
        let full = w.heap().alloc(8 * BLOCK, 0);
        w.state().roots.push(full.addr());
        full.add(8 * BLOCK).write(0);
        Callbacks::collect(w.host())
    };
    an_overrun_behind_blocks_that_are_full_after_growth_is_noticed, "Overrun": |w, chunks| {
        let grown = w.heap().realloc(chunks[2], 4 * BLOCK, false);
        grown.add(4 * BLOCK).write(0);
        w.heap().realloc(grown, 5 * BLOCK, true)
    };
    an_overrun_behind_blocks_that_are_full_after_shrinking_is_noticed, "Overrun": |w, chunks| {
        let shrunk = w.heap().realloc(chunks[2], BLOCK, false);
        shrunk.add(BLOCK).write(0);
        w.heap().free(shrunk)
    };
    an_overrun_within_the_first_word_is_noticed, "Overrun": |w, _chunks| {
        let byte = w.heap().alloc(1, 0);
        byte.add(1).write(0);
        w.heap().free(byte)
    };
    an_overrun_by_one_byte_is_noticed_at_a_collection, "Overrun": |w, chunks| {
        chunks[1].add(BYTES).write(0);
        Callbacks::collect(w.host())
    };
    an_overrun_of_the_last_byte_is_noticed_at_a_realloc, "Overrun": |w, chunks| {
        chunks[1].add(2 * BLOCK - 1).write(0);
        w.heap().realloc(chunks[1], BYTES + 1, true)
    };
    a_tail_without_a_head_is_noticed_at_a_collection, "BrokenTable": |w, _chunks| {
        let mut w = w;
        w.spoil_table(0, 0b01);
        Callbacks::collect(w.host())
    };
    a_mark_outside_a_collection_is_noticed_at_a_collection, "BrokenTable": |w, _chunks| {
        let mut w = w;
        w.spoil_table(0, 0b10);
        Callbacks::collect(w.host())
    };
}

#[test]
fn the_chunk_around_an_address_is_found() {
    let (w, chunks) = hardened();
    let around = |p: *mut u8| {
        w.heap()
            .chunk_around(p)
            .map(|(p, bytes)| (p.as_ptr(), bytes))
    };
    assert_eq!(around(chunks[1]), Some((chunks[1], 2 * BLOCK)));
    assert_eq!(
        around(chunks[1].wrapping_add(2 * BLOCK - 1)),
        Some((chunks[1], 2 * BLOCK))
    );
    assert_eq!(around(chunks[2].wrapping_add(2 * BLOCK)), None);
    assert_eq!(around((&raw const w).cast_mut().cast()), None);
}

/// A hardened area needs a byte more for each block than one of the C.
#[test]
fn an_area_that_is_added_holds_what_did_not_fit() {
    let sizes = [1 << 12, 100_000, 1 << 20, (1 << 20) + 1];
    for bytes in sizes.into_iter().step_by(every(4)) {
        let mut w = heap_of::<HardenedAuto>(64);
        w.state().max_new_area = 1 << 24;
        let big = w.heap().alloc(bytes, 0);
        assert!(!big.is_null(), "{bytes} bytes");
        assert_eq!(w.heap().check(), Ok(()));
    }
}

#[test]
fn an_object_with_a_finaliser_keeps_its_first_word_when_it_shrinks_below_a_word() {
    let mut w = heap_of::<Hardened>(64);
    let object = w.heap().alloc(2 * BLOCK, HAS_FINALISER);
    // SAFETY: the chunk is live and has a word.
    unsafe {
        object.cast::<usize>().write(0x1001);
        assert_eq!(w.heap().realloc(object, 1, false), object);
        assert_eq!(object.cast::<usize>().read(), 0x1001);
    }
    Callbacks::collect(w.host());
    assert_eq!(w.state().finalised, [object.addr()]);
}

#[test]
fn a_tail_without_a_head_lies_in_no_chunk() {
    let (mut w, chunks) = hardened();
    // the tail of the first chunk changes places with its head
    w.spoil_table(0, 0b1111);
    assert_eq!(w.heap().chunk_around(chunks[0]), None);
}

#[test]
fn a_finaliser_may_free_an_object_that_is_marked() {
    let mut w = heap_of::<Hardened>(64);
    let kept = Op::Alloc {
        bytes: BLOCK,
        finaliser: false,
    };
    w.run(&[WITH_FINALISER, kept]);
    w.run(&[
        Op::Link {
            from: 0,
            word: 0,
            to: 0,
        },
        Op::Link {
            from: 0,
            word: 1,
            to: 1,
        },
        root(1),
        Op::Finaliser {
            action: FinaliserAction::FreesLinked,
        },
        Op::Collect,
    ]);
    assert_eq!((w.model.seen.finalised, w.chunks().len()), (1, 0));
}

/// The bytes that a program saves from a chunk hold no canary, and it may write all bytes that it
/// requested.
#[test]
fn a_chunk_has_the_bytes_that_were_asked_for() {
    let w = heap_of::<Hardened>(64);
    let heap = w.heap();
    for bytes in [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
        let chunk = heap.alloc(bytes, 0);
        assert_eq!(heap.chunk_bytes(chunk), bytes);
        // SAFETY: the chunk is live, and has as many bytes.
        unsafe {
            chunk.write_bytes(0x11, heap.chunk_bytes(chunk));
            assert_eq!(heap.realloc(chunk, bytes + 1, false), chunk);
            assert_eq!(heap.chunk_bytes(chunk), bytes + 1);
            assert_eq!(heap.realloc(chunk, bytes, false), chunk);
            assert_eq!(heap.chunk_bytes(chunk), bytes);
            heap.free(chunk);
        }
        assert_eq!(heap.chunk_bytes(chunk), 0);
    }
    // the first word of an object that may have a finaliser is its own
    let object = heap.alloc(1, HAS_FINALISER);
    assert_eq!(heap.chunk_bytes(object), size_of::<usize>());
}

/// Sizes so large that the guard cannot be added to them.
#[test]
fn a_request_that_wraps_around_with_its_guard_is_refused() {
    let w = heap_of::<Hardened>(64);
    for bytes in usize::MAX - 2 * BLOCK..=usize::MAX {
        assert!(w.heap().alloc(bytes, 0).is_null(), "{bytes:#x} bytes");
    }
    assert_eq!(w.heap().info().used, 0);
}
