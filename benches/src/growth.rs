//! How the pause and the allocation grow with the heap, and with what is alive.

use crate::cases::{Case, KB, MB, Shape, half_dead, mixed_sizes, whole};

/// Points of one curve.
pub struct Series {
    /// The chart that it belongs to.
    pub chart: &'static str,
    /// Its name there.
    pub name: String,
    /// What x counts.
    pub unit: &'static str,
    /// An x, and the case that is measured there.
    pub points: Vec<(usize, Case)>,
}

/// All series, heaps up to `largest` bytes.
pub fn all(largest: usize) -> Vec<Series> {
    let heaps: Vec<usize> = std::iter::successors(Some(128 * KB), |heap| Some(heap * 4))
        .take_while(|heap| *heap < largest)
        .chain([largest])
        .collect();
    let by_heap = |chart: &'static str, case: fn(usize) -> Case| Series {
        chart,
        name: "heap".into(),
        unit: "bytes",
        points: heaps.iter().map(|&heap| (heap, case(heap))).collect(),
    };
    let mut all = vec![
        by_heap(
            "a collection with 1,000 objects alive; the heap was full",
            mostly_dead,
        ),
        by_heap(
            "an allocation after a collection; half of the heap alive",
            allocation,
        ),
    ];
    for (name, shape, most_of_c) in [
        ("list", Shape::List, usize::MAX),
        ("tree", Shape::Tree, usize::MAX),
        ("graph", Shape::Graph, usize::MAX),
        ("list of lists", Shape::Lists, usize::MAX),
        // quadratic in C: 80,000 take seconds
        ("nested tuples", Shape::Nested, 30_000),
    ] {
        let counts = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
        all.push(Series {
            chart: "a collection, by objects alive",
            name: name.into(),
            unit: "objects",
            points: counts
                .into_iter()
                .filter(|n| *n <= most_of_c)
                .map(|n| (n, whole(shape, (n * 150).next_multiple_of(MB), n)))
                .collect(),
        });
    }
    all
}

/// The heap was full of objects; a thousand live on.
fn mostly_dead(heap: usize) -> Case {
    let sizes = mixed_sizes(50);
    Case::new(
        "mostly dead",
        move |w| {
            crate::cases::fill(w, heap, 100, &sizes);
            let alive = w.chunks.len() / 1000 + 1;
            w.roots = w.chunks.iter().step_by(alive).map(|c| c.addr()).collect();
        },
        |w| {
            w.begin();
            w.collect();
            w.end();
            w.ops = 1;
        },
    )
}

/// As many allocations as the heap has kilobytes, at most 2000.
fn allocation(heap: usize) -> Case {
    let fill_sizes = mixed_sizes(51);
    let sizes = mixed_sizes(52);
    Case::new(
        "allocation",
        move |w| half_dead(w, heap, &fill_sizes),
        move |w| {
            let ops = w.ops.min(2000);
            let mut sum = 0usize;
            w.begin();
            for bytes in sizes.iter().cycle().take(ops) {
                sum = sum.rotate_left(1) ^ w.alloc(*bytes).addr();
            }
            w.end();
            w.see(sum);
            w.ops = ops;
        },
    )
}
