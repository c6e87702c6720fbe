//! The measured cases. A case builds a heap and then works on it; a part of that is timed.

mod alloc;
mod core;
mod mark;
mod sweep;
mod threads;

pub use alloc::half_dead;
pub use mark::{Shape, build_shape, whole};

use crate::world::{BLOCK, World};

/// Bytes in a kilobyte and a megabyte.
pub const KB: usize = 1 << 10;
/// See [`KB`].
pub const MB: usize = 1 << 20;

type Step = Box<dyn Fn(&mut World)>;

/// A case.
pub struct Case {
    /// Its name: what, and how large.
    pub name: String,
    /// Makes the heap.
    pub build: Step,
    /// Performs the measured work, between [`World::begin`] and [`World::end`].
    pub run: Step,
    /// Whether the run leaves the heap as it was, so that it is built once.
    pub keeps: bool,
    /// Whether the run measures each operation by itself.
    pub latency: bool,
    /// A smaller form of the case, whose instructions are counted instead.
    pub smaller: Option<Box<Case>>,
}

impl Case {
    /// A case that is built anew for each sample.
    pub fn new(
        name: impl Into<String>,
        build: impl Fn(&mut World) + 'static,
        run: impl Fn(&mut World) + 'static,
    ) -> Self {
        Case {
            name: name.into(),
            build: Box::new(build),
            run: Box::new(run),
            keeps: false,
            latency: false,
            smaller: None,
        }
    }

    /// A case in a heap full of objects of mixed sizes, on which `build` goes on.
    fn full(
        name: &str,
        heap: usize,
        seed: u64,
        build: impl Fn(&mut World, &[usize]) + 'static,
        run: impl Fn(&mut World) + 'static,
    ) -> Self {
        let sizes = mixed_sizes(seed);
        let build = move |w: &mut World| {
            fill(w, heap, 100, &sizes);
            build(w, &sizes);
        };
        Self::new(format!("{name}-{}", size(heap)), build, run)
    }

    fn keeps(mut self) -> Self {
        self.keeps = true;
        self
    }

    fn smaller(mut self, smaller: Case) -> Self {
        self.smaller = Some(Box::new(smaller));
        self
    }
}

/// All cases, in the order of the report.
pub fn all() -> Vec<Case> {
    [
        alloc::cases(),
        sweep::cases(),
        mark::cases(),
        threads::cases(),
        core::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A size for people: 128KB, 8MB.
fn size(bytes: usize) -> String {
    if bytes >= MB {
        format!("{}MB", bytes / MB)
    } else {
        format!("{}KB", bytes / KB)
    }
}

/// Sizes of objects as a program makes them: 55 of 100 have one block, 25 two, 10 three or four, 8
/// five to eight, 2 nine to 32. The same list on both sides; its length is a power of two.
pub fn mixed_sizes(seed: u64) -> Vec<usize> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..4096)
        .map(|_| match rng.u8(0..100) {
            0..55 => rng.usize(1..=BLOCK),
            55..80 => rng.usize(BLOCK + 1..=2 * BLOCK),
            80..90 => rng.usize(2 * BLOCK + 1..=4 * BLOCK),
            90..98 => rng.usize(4 * BLOCK + 1..=8 * BLOCK),
            _ => rng.usize(8 * BLOCK + 1..=32 * BLOCK),
        })
        .collect()
}

/// A new heap, `percent` of it in use by chunks of these sizes.
pub fn fill(w: &mut World, heap: usize, percent: usize, sizes: &[usize]) {
    w.start(heap);
    let mut left = (w.info()[2] / BLOCK) * percent / 100;
    for bytes in sizes.iter().cycle() {
        let blocks = w.blocks(*bytes);
        if blocks > left {
            return;
        }
        left -= blocks;
        w.chunks.push(w.need(*bytes));
    }
}

/// Half of the chunks, at random, become roots; the others are dropped. All chunks stay in
/// `chunks`.
fn root_half(w: &mut World, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    w.roots = w
        .chunks
        .iter()
        .map(|c| c.addr())
        .filter(|_| rng.bool())
        .collect();
}
