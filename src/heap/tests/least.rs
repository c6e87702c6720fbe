//! The smallest possible host: the heap works with the defaults of everything that it leaves out.

use core::ffi::c_int;
use std::boxed::Box;
use std::vec;

use crate::heap::Fault;
use crate::heap::Heap;
use crate::heap::hints::Hints;
use crate::heap::host::{AreaFields, Callbacks, Config, Memory, area_fields};

const ENTRIES: usize = 16;

area_fields! {
    struct Fields {}
}

struct State {
    area: Fields,
    last_free_area: *mut Fields,
    collects: c_int,
    stack: [usize; ENTRIES],
    area_stack: [*mut Fields; ENTRIES],
    hints: Hints<Fields>,
    auto_collect: u16,
    alloc_amount: usize,
    alloc_threshold: usize,
    collected: usize,
    lock_depth: u16,
    /// The only root.
    root: usize,
    finalised: usize,
}

#[derive(Clone, Copy)]
struct Least(*mut State);

macro_rules! words {
    ($($name:ident: $t:ty),*) => { $(
        fn $name(self) -> *mut $t {
            // SAFETY: the state is the test's and outlives the heap; no reference to it is alive.
            unsafe { &raw mut (*self.0).$name }.cast()
        }
    )* };
}

impl Config for Least {
    const BLOCK_BYTES: usize = 32;
    const STACK_ENTRIES: usize = ENTRIES;
    const FINALISER: bool = true;
    const SPLIT: bool = false;
    const CONSERVATIVE_CLEAR: bool = true;
    const THRESHOLD: bool = true;
    const COUNT_COLLECTED: bool = true;
}

// SAFETY: every pointer is into the state, which one thread uses; the stacks have ENTRIES entries.
unsafe impl Memory for Least {
    type Area = Fields;
    type Entry = usize;

    words!(last_free_area: *mut Fields, collects: c_int, stack: usize, area_stack: *mut Fields);
    words!(hints: Hints<Fields>, auto_collect: u16, alloc_amount: usize, alloc_threshold: usize);
    words!(collected: usize, lock_depth: u16);

    fn first_area(self) -> *mut Fields {
        // SAFETY: as for the words.
        unsafe { &raw mut (*self.0).area }
    }
}

// SAFETY: there is one thread, and no region.
unsafe impl Callbacks for Least {
    fn collect(self) {
        // SAFETY: the heap was made; the root is one word of the state.
        unsafe {
            let heap = Heap::new(self);
            heap.collect_start();
            heap.collect_root(&raw const (*self.0).root, 1);
            heap.collect_end();
        }
    }
    unsafe fn finalise(self, _object: *mut u8) {
        // SAFETY: as for the words.
        unsafe { (*self.0).finalised += 1 };
    }
    fn fault(self, fault: Fault, address: *const u8) -> ! {
        panic!("{fault:?} at {address:p}");
    }
}

fn state() -> Box<State> {
    // SAFETY: numbers, null pointers and Hints::NONE, which is all zero too.
    unsafe { Box::new(core::mem::zeroed()) }
}

#[test]
fn a_heap_needs_no_more_than_the_least_host() {
    let host = Least(Box::into_raw(state()));
    // SAFETY: it is made next.
    let heap = unsafe { Heap::new(host) };
    let mut region = vec![0usize; 1000];
    // SAFETY: the vector is used through the heap alone, and dropped after it.
    unsafe {
        let range = region.as_mut_ptr_range();
        heap.init(range.start.cast(), range.end.cast());
    }
    let (dies, lives) = (heap.alloc(50, 1), heap.alloc(50, 0));
    assert!(!dies.is_null() && !lives.is_null());
    // SAFETY: the chunk, and the words of the state, are not in use otherwise.
    unsafe {
        dies.cast::<usize>().write(1);
        (*host.0).root = lives.addr();
        host.collect();
        assert_eq!(((*host.0).finalised, (*host.0).collected), (1, 1));
        assert_eq!(heap.chunk_bytes(lives), 64);
        heap.free(lives);
        assert_eq!(heap.alloc(50, 0), dies);
        drop(Box::from_raw(host.0));
    }
}

#[test]
fn what_a_host_leaves_out_has_a_default() {
    let mut state = state();
    let host = Least(&raw mut *state);
    assert!(Fields::weakref_table(host.first_area()).is_null());
    assert!(host.pool_bounds().iter().all(|bound| bound.is_null()));
    assert_eq!(
        (host.max_new_area(), host.get_region(64)),
        (0, core::ptr::null_mut())
    );
    assert!(host.readable(core::ptr::null()));
    assert!(host.may_be_object(1));
    assert_eq!(host.raw_field(1, 2), None);
}
