//! Allocating, freeing, resizing.

use super::{Case, KB, MB, fill, mixed_sizes, root_half, size};
use crate::world::{BLOCK, World};
use std::time::Instant;

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        fill_case("fill-1-block", MB, vec![BLOCK - 8]),
        fill_case("fill-mixed", MB, mixed_sizes(1)),
        fill_case("fill-mixed", 64 * MB, mixed_sizes(1)),
        fill_case("fill-2-block", MB, vec![2 * BLOCK]),
        fill_case("fill-4-block", MB, vec![4 * BLOCK]),
    ];
    cases.extend([128 * KB, MB, 8 * MB].map(churn));
    cases.extend([128 * KB, MB, 8 * MB].map(|heap| after_collect(heap, false)));
    cases.push(after_collect(8 * MB, true));
    cases.push(realloc_growth());
    cases.extend([MB, 8 * MB].map(free_storm));
    cases.push(latency(8 * MB));
    cases
}

/// A new heap is filled until an object does not fit.
fn fill_case(what: &str, heap: usize, sizes: Vec<usize>) -> Case {
    Case::new(
        format!("{what}-{}", size(heap)),
        move |w| w.start(heap),
        move |w| {
            let (mut sum, mut n) = (0usize, 0);
            w.begin();
            for bytes in sizes.iter().cycle() {
                let chunk = w.alloc(*bytes);
                if chunk.is_null() {
                    break;
                }
                sum = sum.rotate_left(1) ^ chunk.addr();
                n += 1;
            }
            w.end();
            w.see(sum);
            w.ops = n;
        },
    )
}

/// In a heap that is 90 % full an object is freed and another allocated, over and over.
fn churn(heap: usize) -> Case {
    const STEPS: usize = 1000;
    let sizes = mixed_sizes(2);
    let fill_sizes = sizes.clone();
    let mut rng = fastrand::Rng::with_seed(3);
    let picks: Vec<usize> = (0..STEPS).map(|_| rng.usize(..)).collect();
    Case::new(
        format!("free-alloc-90%-{}", size(heap)),
        move |w| fill(w, heap, 90, &fill_sizes),
        move |w| {
            let mut chunks = std::mem::take(&mut w.chunks);
            let mut sum = 0usize;
            w.begin();
            for (pick, bytes) in picks.iter().zip(&sizes) {
                let at = pick % chunks.len();
                w.free(chunks[at]);
                chunks[at] = w.alloc(*bytes);
                sum = sum.rotate_left(1) ^ chunks[at].addr();
            }
            w.end();
            w.see(sum);
            w.ops = STEPS;
            w.chunks = chunks;
        },
    )
}

/// Objects of mixed sizes, and perhaps one of a hundred with 64 blocks.
fn sizes_with(large: bool, seed: u64) -> Vec<usize> {
    let mut sizes = mixed_sizes(seed);
    if large {
        sizes.iter_mut().step_by(100).for_each(|s| *s = 64 * BLOCK);
    }
    sizes
}

/// A full heap of which half has died in a collection.
pub fn half_dead(w: &mut World, heap: usize, sizes: &[usize]) {
    fill(w, heap, 100, sizes);
    root_half(w, 5);
    w.ops = (w.chunks.len() - w.roots.len()) / 2;
    w.collect();
    w.roots.clear();
}

/// After a collection, as many objects as half of those that died are allocated.
fn after_collect(heap: usize, large: bool) -> Case {
    let fill_sizes = sizes_with(large, 4);
    let sizes = sizes_with(large, 6);
    let name = if large {
        "alloc-after-collect-64-block"
    } else {
        "alloc-after-collect"
    };
    Case::new(
        format!("{name}-{}", size(heap)),
        move |w| half_dead(w, heap, &fill_sizes),
        move |w| {
            let mut sum = 0usize;
            w.begin();
            for bytes in sizes.iter().cycle().take(w.ops) {
                sum = sum.rotate_left(1) ^ w.alloc(*bytes).addr();
            }
            w.end();
            w.see(sum);
        },
    )
}

/// The same, each allocation timed by itself.
fn latency(heap: usize) -> Case {
    let fill_sizes = sizes_with(true, 7);
    let sizes = sizes_with(true, 8);
    let mut case = Case::new(
        format!("alloc-latency-{}", size(heap)),
        move |w| half_dead(w, heap, &fill_sizes),
        move |w| {
            let mut sum = 0usize;
            let mut latencies = std::mem::take(&mut w.latencies);
            latencies.clear();
            // the clock itself takes time
            let clock = (0..1000)
                .map(|_| Instant::now().elapsed().as_nanos() as u64)
                .min();
            w.begin();
            for bytes in sizes.iter().cycle().take(w.ops) {
                let begun = Instant::now();
                let chunk = w.alloc(*bytes);
                let ns = begun.elapsed().as_nanos() as u64;
                latencies.push(ns.saturating_sub(clock.unwrap_or(0)));
                sum = sum.rotate_left(1) ^ chunk.addr();
            }
            w.end();
            w.latencies = latencies;
            w.see(sum);
        },
    );
    case.latency = true;
    case
}

/// In a fragmented heap a buffer grows by 64 bytes at a time to 64 KB.
fn realloc_growth() -> Case {
    let sizes = mixed_sizes(9);
    Case::new(
        "realloc-growth-1MB",
        move |w| {
            fill(w, MB, 80, &sizes);
            root_half(w, 10);
            w.collect();
            w.roots.clear();
        },
        move |w| {
            let mut buffer = w.alloc(64);
            let mut sum = 0usize;
            w.begin();
            for bytes in (128..=64 * KB).step_by(64) {
                buffer = w.realloc(buffer, bytes);
                sum = sum.rotate_left(1) ^ buffer.addr();
            }
            w.end();
            w.settle();
            w.see(sum);
            w.ops = 64 * KB / 64 - 1;
        },
    )
}

/// All objects of a full heap are freed, in random order.
fn free_storm(heap: usize) -> Case {
    Case::full(
        "free-storm",
        heap,
        11,
        |w, _| fastrand::Rng::with_seed(12).shuffle(&mut w.chunks),
        |w| {
            w.begin();
            for chunk in &w.chunks {
                w.free(*chunk);
            }
            w.end();
            w.ops = w.chunks.len();
        },
    )
}
