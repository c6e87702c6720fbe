//! Cases that users have reported: public threads about MicroPython's heap, by number.

use super::{Case, KB, MB};
use crate::world::{BLOCK, World};

const WORD: usize = size_of::<usize>();

pub fn cases() -> Vec<Case> {
    vec![
        collect("3000-lists", build_lists).keeps(),
        collect("60-functions", |w| build_functions(w, 60)).keeps(),
        collect("61-functions", |w| build_functions(w, 61)).keeps(),
        collect("dead-4MB-buffer", build_dead_buffer),
        collect("live-100KB-buffers", build_buffers).keeps(),
    ]
}

fn collect(name: &str, build: impl Fn(&mut World) + 'static) -> Case {
    Case::new(name, build, |w| {
        w.begin();
        w.collect();
        w.end();
        w.ops = 1;
    })
}

/// micropython#19476: 3,000 lists in a list, a heap of 4 MB.
fn build_lists(w: &mut World) {
    w.start(4 * MB);
    super::build_shape(w, super::Shape::Lists, 3000);
}

/// micropython#15620: functions in a module's dict, a heap of 8 MB. With one function more than the
/// mark stack can hold, the pause was 17 times as long.
fn build_functions(w: &mut World, functions: usize) {
    w.start(8 * MB);
    // the dict: its table has a key and a value for each entry
    let table = w.need(2 * 65 * WORD);
    let mut entry = 0;
    let mut add = |w: &World, value: *mut u8| {
        w.set(table, 2 * entry, 2 * entry + 1);
        w.set(table, 2 * entry + 1, value.addr());
        entry += 1;
    };
    for _ in 0..4 {
        add(w, w.need(BLOCK));
    }
    for _ in 0..functions {
        // type, context, children, bytecode
        let function = w.need(BLOCK);
        let code = w.need(3 * BLOCK);
        w.set(function, 3, code.addr());
        add(w, function);
    }
    let dict = w.need(BLOCK);
    w.set(dict, 3, table.addr());
    w.roots.push(dict.addr());
}

/// micropython#19363: a buffer of 4 MB dies.
fn build_dead_buffer(w: &mut World) {
    w.start(8 * MB);
    super::build_shape(w, super::Shape::List, 1000);
    w.need(4 * MB);
}

/// micropython#12187, #19367: three bytes objects and a bytearray of 100 kB each are alive.
fn build_buffers(w: &mut World) {
    w.start(MB);
    let mut rng = fastrand::Rng::with_seed(40);
    for _ in 0..4 {
        let object = w.need(BLOCK);
        let data = w.need(100 * KB);
        for word in 0..100 * KB / WORD {
            w.set(data, word, rng.usize(..));
        }
        w.set(object, 3, data.addr());
        w.roots.push(object.addr());
    }
}
