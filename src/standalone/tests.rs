//! Tests that cannot be written in C: regions at any address, ranges, and the version. The others
//! are in c-tests/firmware.

use core::ffi::{CStr, c_void};
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use std::vec::Vec;

use super::heap::*;
use super::hooks::{mpgc_config, mpgc_error};
use super::info::*;
use super::roots::*;
use super::stats::*;
use super::version::*;
use crate::figures::mpgc_figures;
use crate::heap::testing::{Region, every};

const OK: i32 = mpgc_error::MPGC_OK as i32;
const BLOCK: usize = 4 * size_of::<usize>();

/// Allocates chunks of a block until the heap is full.
fn fill(heap: *mut mpgc_heap) -> Vec<*mut c_void> {
    // A hardened heap guards the byte behind a chunk.
    let bytes = BLOCK - 1;
    // SAFETY: the heap was initialised.
    let next = || unsafe { mpgc_alloc(heap, bytes, 0) };
    core::iter::repeat_with(next)
        .take_while(|chunk| !chunk.is_null())
        .collect()
}

fn assert_inside(chunks: &[*mut c_void], region: &Region) {
    for chunk in chunks {
        assert!(*chunk >= region.start().cast());
        assert!(chunk.wrapping_byte_add(BLOCK) <= region.end().cast());
    }
}

#[test]
fn a_region_of_any_size_at_any_address_is_no_room_or_a_whole_heap() {
    let mut heap = MaybeUninit::<mpgc_heap>::uninit();
    let heap = heap.as_mut_ptr();
    for offset in (0..BLOCK).step_by(every(5)) {
        for bytes in (0..10 * BLOCK).step_by(every(37)) {
            let region = Region::at(offset, bytes, 0x5a);
            // SAFETY: only the heap uses the region, which outlives it; only `chunks` refers to
            // chunks.
            unsafe {
                if mpgc_heap_init(heap, region.start().cast(), bytes, null()) != OK {
                    assert!(bytes < 6 * BLOCK, "{bytes} bytes at {offset}");
                    continue;
                }
                mpgc_set_collect(heap, false, usize::MAX);
                let chunks = fill(heap);
                assert!(chunks.len() >= 4, "{bytes} bytes at {offset}");
                assert_inside(&chunks, &region);
                assert!(mpgc_heap_check(heap, null_mut()));
            }
        }
    }
}

#[test]
fn the_chunks_of_an_added_region_lie_inside_it() {
    for offset in (0..BLOCK).step_by(every(5)) {
        let (first, second) = (Region::at(0, 500, 0), Region::at(offset, 700, 0x5a));
        let mut heap = MaybeUninit::<mpgc_heap>::uninit();
        let heap = heap.as_mut_ptr();
        // SAFETY: only the heap uses the regions, which outlive it.
        unsafe {
            assert_eq!(mpgc_heap_init(heap, first.start().cast(), 500, null()), OK);
            mpgc_set_collect(heap, false, usize::MAX);
            let before = fill(heap).len();
            assert_eq!(mpgc_heap_add(heap, second.start().cast(), 700), OK);
            let more = fill(heap);
            assert!(before > 0 && more.len() >= 8);
            assert_inside(&more, &second);
            assert!(mpgc_heap_check(heap, null_mut()));
        }
    }
}

#[test]
fn ranges_are_removed_from_the_list_wherever_they_are() {
    let region = Region::at(0, 500, 0);
    let mut heap = MaybeUninit::<mpgc_heap>::uninit();
    let heap = heap.as_mut_ptr();
    let mut nodes = [const { MaybeUninit::<mpgc_roots>::uninit() }; 3];
    let nodes = nodes.each_mut().map(MaybeUninit::as_mut_ptr);
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        // SAFETY: region and nodes outlive the heap; the ranges are empty.
        unsafe {
            assert_eq!(mpgc_heap_init(heap, region.start().cast(), 500, null()), OK);
            for node in nodes {
                assert_eq!(mpgc_add_roots(heap, node, null(), 0), OK);
            }
            for i in order {
                assert_eq!(mpgc_remove_roots(heap, nodes[i]), OK);
                assert_ne!(mpgc_remove_roots(heap, nodes[i]), OK);
            }
            mpgc_collect(heap);
        }
    }
}

#[test]
fn a_zero_initialised_configuration_is_the_default() {
    let config = mpgc_config::NONE;
    assert!(config.user.is_null() && config.stack_top.is_null() && config.thread.is_null());
    assert!(config.roots.is_none() && config.finalise.is_none() && config.error.is_none());
    assert!(config.enter.is_none() && config.exit.is_none() && config.clock.is_none());
}

#[test]
fn the_version_is_the_package_s() {
    // SAFETY: the text is valid for ever.
    let text = unsafe { CStr::from_ptr(mpgc_version()) };
    assert_eq!(text.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    let parts: Vec<u32> = env!("CARGO_PKG_VERSION")
        .split('.')
        .map(|part| part.parse().expect("a number"))
        .collect();
    assert_eq!(
        mpgc_version_number(),
        (parts[0] << 16) | (parts[1] << 8) | parts[2]
    );
}

/// A clock that is 100 microseconds later whenever it is read.
unsafe extern "C" fn slow_clock(user: *mut c_void) -> u32 {
    // SAFETY: the test gives it a number.
    unsafe {
        let now = user.cast::<u32>();
        *now = (*now).wrapping_add(100);
        *now
    }
}

fn figures(heap: *mut mpgc_heap) -> mpgc_figures {
    let mut out = MaybeUninit::uninit();
    // SAFETY: the heap was made; what is written is read.
    unsafe {
        assert!(mpgc_heap_stats(heap, out.as_mut_ptr()));
        out.assume_init()
    }
}

#[test]
fn what_a_heap_has_counted_is_reported_in_bytes_of_blocks() {
    let mut now = 0;
    let config = mpgc_config {
        user: (&raw mut now).cast(),
        clock: Some(slow_clock),
        ..mpgc_config::NONE
    };
    let region = Region::new(64 * BLOCK, 0);
    let mut memory = MaybeUninit::<mpgc_heap>::uninit();
    let heap = memory.as_mut_ptr();
    // SAFETY: the region and the memory live as long as the heap; chunks are used no more.
    unsafe {
        let (start, bytes) = (region.start().cast(), region.bytes());
        assert_eq!(mpgc_heap_init(heap, start, bytes, &config), OK);
        let kept = mpgc_alloc(heap, 3 * BLOCK - 1, 0);
        let mut roots = MaybeUninit::uninit();
        let word = (&raw const kept).cast();
        assert_eq!(
            mpgc_add_roots(heap, roots.as_mut_ptr(), word, size_of::<usize>()),
            OK
        );
        let freed = mpgc_alloc(heap, BLOCK - 1, 0);
        mpgc_alloc(heap, 2 * BLOCK - 1, 0);
        mpgc_free(heap, freed);
        mpgc_collect(heap);
        assert!(mpgc_alloc(heap, 64 * BLOCK - 1, 0).is_null());
    }
    let found = figures(heap);
    assert_eq!(
        (found.asked, found.full, found.threshold, found.idle),
        (1, 1, 0, 0)
    );
    assert_eq!(
        (found.last_us, found.longest_us, found.total_us),
        (100, 100, 200)
    );
    assert_eq!((found.pauses[2], found.pauses[3]), (0, 2));
    assert_eq!((found.allocations, found.allocated_bytes), (3, 6 * BLOCK));
    assert_eq!((found.freed_objects, found.freed_bytes), (1, 2 * BLOCK));
    assert_eq!((found.live_objects, found.live_bytes), (1, 3 * BLOCK));
    assert_eq!(found.peak_bytes, 3 * BLOCK);
    assert_eq!((found.failures, found.failed_bytes), (1, 64 * BLOCK));
    assert_eq!(found.free_runs, 1);
    assert_eq!((found.mark_overflows, found.finalised), (0, 0));
    let of_ports = (
        found.peak_pystack,
        found.peak_sched,
        found.peak_nodes,
        found.sched_refused,
    );
    assert_eq!(of_ports, (0, 0, 0, 0));
    // SAFETY: the heap was made.
    let free = unsafe {
        let mut info = MaybeUninit::uninit();
        mpgc_heap_info(heap, info.as_mut_ptr());
        info.assume_init().free
    };
    assert_eq!(found.max_free, free);
    // SAFETY: the heap was made.
    unsafe { mpgc_heap_reset_stats(heap) };
    let found = figures(heap);
    assert_eq!(
        (found.asked, found.full, found.total_us, found.allocations),
        (0, 0, 0, 0)
    );
    assert_eq!((found.live_objects, found.live_bytes), (1, 3 * BLOCK));
    assert_eq!(
        (found.failures, found.peak_bytes, found.free_runs),
        (0, 0, 1)
    );
}

#[test]
fn without_a_clock_collections_take_no_time() {
    let region = Region::new(64 * BLOCK, 0);
    let mut memory = MaybeUninit::<mpgc_heap>::uninit();
    let heap = memory.as_mut_ptr();
    // SAFETY: the region and the memory live as long as the heap.
    unsafe {
        mpgc_heap_init(heap, region.start().cast(), region.bytes(), null());
        mpgc_collect(heap);
    }
    let found = figures(heap);
    assert_eq!((found.asked, found.pauses[0], found.total_us), (1, 1, 0));
}

#[test]
fn figures_are_not_reset_in_a_collection() {
    unsafe extern "C" fn reset(heap: *mut mpgc_heap, _user: *mut c_void, _chunk: *mut c_void) {
        // SAFETY: the heap was made.
        unsafe { mpgc_heap_reset_stats(heap) }
    }
    let config = mpgc_config {
        finalise: Some(reset),
        ..mpgc_config::NONE
    };
    let region = Region::new(64 * BLOCK, 0);
    let mut memory = MaybeUninit::<mpgc_heap>::uninit();
    let heap = memory.as_mut_ptr();
    // SAFETY: the region and the memory live as long as the heap.
    unsafe {
        mpgc_heap_init(heap, region.start().cast(), region.bytes(), &config);
        let object = mpgc_alloc(heap, 1, MPGC_FINALISER).cast::<usize>();
        object.write(1);
        mpgc_collect(heap);
    }
    let found = figures(heap);
    assert_eq!((found.allocations, found.asked, found.finalised), (1, 1, 1));
    assert_eq!((found.freed_objects, found.live_objects), (1, 0));
}
