//! Tests that C cannot make: regions at any address, ranges, and the version. The others are in
//! c-tests/firmware.

use core::ffi::{CStr, c_void};
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use std::vec::Vec;

use super::heap::*;
use super::hooks::{mpgc_config, mpgc_error};
use super::roots::*;
use super::version::*;
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
                for chunk in chunks {
                    assert!(chunk >= region.start().cast());
                    assert!(chunk.wrapping_byte_add(BLOCK) <= region.end().cast());
                }
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
            for chunk in more {
                assert!(chunk >= second.start().cast());
                assert!(chunk.wrapping_byte_add(BLOCK) <= second.end().cast());
            }
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
    assert!(config.enter.is_none() && config.exit.is_none());
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
