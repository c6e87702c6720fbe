//! Passes over the tables: the sweep and the figures; and the whole collection.

use super::{Case, KB, MB, mark::wire, root_half};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend([128 * KB, 8 * MB, 64 * MB].map(sweep));
    cases.extend([128 * KB, 8 * MB].map(info));
    cases.extend([128 * KB, 8 * MB, 64 * MB].map(collect_half));
    cases
}

/// Half of the objects, all that will be, are marked; the end of the collection is timed.
fn sweep(heap: usize) -> Case {
    Case::full(
        "sweep",
        heap,
        20,
        |w, _| {
            root_half(w, 21);
            let (words, len) = (w.roots.as_mut_ptr(), w.roots.len());
            // SAFETY: the end follows in the run; the roots are words.
            unsafe {
                (w.bench().collect_start)();
                (w.bench().collect_root)(words, len);
            }
        },
        |w| {
            w.begin();
            // SAFETY: the start was in the build.
            unsafe { (w.bench().collect_end)() };
            w.end();
            w.ops = 1;
        },
    )
}

/// `gc_info`, which `gc.mem_free()` and `gc.mem_alloc()` call, in a heap that is half free.
fn info(heap: usize) -> Case {
    Case::full(
        "gc_info",
        heap,
        22,
        |w, _| {
            root_half(w, 23);
            w.collect();
        },
        |w| {
            w.begin();
            let info = w.info();
            w.end();
            info.into_iter().for_each(|number| w.see(number));
            w.ops = 1;
        },
    )
    .keeps()
}

/// A full heap, half of it a graph that is alive.
fn collect_half(heap: usize) -> Case {
    Case::full(
        "collect-half",
        heap,
        24,
        |w, sizes| {
            let mut rng = fastrand::Rng::with_seed(25);
            let alive: Vec<_> = w
                .chunks
                .iter()
                .zip(sizes.iter().cycle())
                .map(|(c, s)| (*c, *s))
                .filter(|_| rng.bool())
                .collect();
            wire(w, &alive, 26);
        },
        |w| {
            w.begin();
            w.collect();
            w.end();
            w.ops = 1;
        },
    )
}
