//! A snapshot of a C program's heap: its exports.

use core::ffi::{c_char, c_int, c_void};
use core::ptr::{null, null_mut};

use super::heap::mpgc_heap;
use super::hooks::mpgc_error;
use super::host::Program;
use super::roots::end_of_range;
use super::thread::{Barrier, mpgc_thread};
use crate::abi::mpgc_write_fn;
use crate::heap::host::Config;
use crate::snapshot::{Kind, Writer};

const WORD: usize = size_of::<usize>();

/// Says what lies at `address`, in `n_bytes` bytes: a chunk or a registered range of roots. Returns
/// the name of its type or of the range, a string; NULL if the program has none. It may write to
/// `label` a string that tells this chunk from others of the type. Both stay valid until the next
/// call.
pub type mpgc_describe_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        address: *const c_void,
        n_bytes: usize,
        label: *mut *const c_char,
    ) -> *const c_char,
>;

/// Where a range of roots comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Source {
    /// The program registered it.
    Registered = 0,
    /// The callback for further roots marks it.
    Marked = 1,
    /// A LIFO stack.
    Lifo = 2,
    /// The C stack, with the registers.
    Stack = 3,
}

/// Takes the ranges of roots while a snapshot is written. A program that takes none has a null
/// pointer for it, and links none of the code: `take` is called through the pointer.
pub(super) struct Taker {
    take: unsafe fn(*mut Taker, Source, *const c_void, usize),
    writer: Writer,
    describe: mpgc_describe_fn,
    user: *mut c_void,
}

impl Taker {
    /// Takes a range of roots. Returns false if `start` and `n_bytes` make no range.
    ///
    /// # Safety
    /// `this` is a live taker, and the range may be read.
    pub(super) unsafe fn take(
        this: *mut Taker,
        of: Source,
        start: *const c_void,
        n_bytes: usize,
    ) -> bool {
        let is_range = end_of_range(start, n_bytes).is_some();
        if is_range {
            // SAFETY: by this function's contract.
            unsafe { ((*this).take)(this, of, start, n_bytes) }
        }
        is_range
    }

    /// Takes what is in use of a thread's LIFO stack.
    ///
    /// # Safety
    /// `this` is a live taker; `thread` is NULL or was initialised.
    pub(super) unsafe fn take_thread(this: *mut Taker, thread: *mut mpgc_thread) -> bool {
        if thread.is_null() {
            return true;
        }
        // SAFETY: by this function's contract.
        unsafe {
            let (start, n_bytes) = mpgc_thread::in_use(thread);
            Self::take(this, Source::Lifo, start, n_bytes)
        }
    }

    /// Takes the C stack up to `top`, and the registers.
    ///
    /// # Safety
    /// `this` is a live taker; `top` lies on this stack, above the caller's frame.
    pub(super) unsafe fn take_stack(this: *mut Taker, top: *const c_void) -> bool {
        // SAFETY: by this function's contract.
        unsafe {
            Program::with_stack(top, |start, n_bytes| {
                Self::take(this, Source::Stack, start, n_bytes);
            })
        }
    }

    /// Writes a range and its words.
    ///
    /// # Safety
    /// As for `take`.
    unsafe fn write_range(this: *mut Taker, of: Source, start: *const c_void, n_bytes: usize) {
        // SAFETY: by this function's contract.
        unsafe {
            let named = of == Source::Registered;
            let [name, label] = if named {
                (*this).describe(start, n_bytes)
            } else {
                [null(); 2]
            };
            let writer = &mut (*this).writer;
            writer.record(
                Kind::Roots,
                start.addr(),
                2 * WORD + text_bytes(name, label),
            );
            writer.words(&[n_bytes, of as usize]);
            put_text(writer, name, label);
            writer.memory(start.cast(), n_bytes);
        }
    }

    /// What the program says of an address: the name, and the label. Null where it says nothing.
    fn describe(&self, address: *const c_void, n_bytes: usize) -> [*const c_char; 2] {
        let mut label = null();
        // SAFETY: the program's own callback.
        let name = self.describe.map_or(null(), |describe| unsafe {
            describe(self.user, address, n_bytes, &raw mut label)
        });
        [name, label]
    }

    /// Writes what a chunk is, if the program says it.
    ///
    /// # Safety
    /// It is a chunk.
    unsafe fn write_chunk(&mut self, chunk: *const c_void, n_bytes: usize) {
        let [name, label] = self.describe(chunk, n_bytes);
        if !name.is_null() || !label.is_null() {
            let length = text_bytes(name, label);
            self.writer.record(Kind::Description, chunk.addr(), length);
            put_text(&mut self.writer, name, label);
        }
    }
}

/// The bytes of a string, which may be null.
fn length(text: *const c_char) -> usize {
    let mut n = 0;
    if !text.is_null() {
        // SAFETY: the program gave a string. The read is volatile, or the compiler would call
        // strlen, which a program without a C library does not have.
        while unsafe { text.wrapping_add(n).read_volatile() } != 0 {
            n += 1;
        }
    }
    n
}

/// How long a name and a label are in a record: between them is a zero.
fn text_bytes(name: *const c_char, label: *const c_char) -> usize {
    length(name) + 1 + length(label)
}

fn put_text(writer: &mut Writer, name: *const c_char, label: *const c_char) {
    let zero = 0u8;
    // SAFETY: each text has as many bytes as `length` counted, and `zero` has one.
    unsafe {
        writer.put(name.cast(), length(name));
        writer.put(&raw const zero, 1);
        writer.put(label.cast(), length(label));
    }
}

/// Writes a snapshot of the heap and of what a collection would begin with, in pieces of at most 64
/// bytes, in the format of docs/snapshot.md, which mpgc-heap reads. `write` is called with `user`,
/// and so is `describe`, which may be NULL, for each registered range and each chunk. It allocates
/// nothing, and works with a heap that is full or locked. Returns MPGC_OK; or MPGC_ERROR_LOCKED if
/// a collection is under way, and then nothing is written.
///
/// The `roots` callback of `mpgc_config` is called as in a collection, and what it marks becomes a
/// part of the snapshot. The heap is held meanwhile, with `enter` and `exit`.
///
/// # Safety
/// The heap was initialised. The callbacks do not use it otherwise, and do not jump out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mpgc_heap_snapshot(
    heap: *mut mpgc_heap,
    write: mpgc_write_fn,
    describe: mpgc_describe_fn,
    user: *mut c_void,
) -> c_int {
    let host = Program::of(heap);
    let held = host.hold();
    let collecting = host.heap().is_collecting();
    if !collecting {
        // SAFETY: by this function's contract.
        unsafe { write_snapshot(host, write, describe, user) }
    }
    host.release(held);
    if collecting {
        return host.fail(mpgc_error::MPGC_ERROR_LOCKED, null_mut());
    }
    mpgc_error::MPGC_OK.code()
}

/// # Safety
/// As for the export. The heap is held, and not collecting.
unsafe fn write_snapshot(
    host: Program,
    write: mpgc_write_fn,
    describe: mpgc_describe_fn,
    user: *mut c_void,
) {
    // SAFETY: the heap's memory is valid by the contract of every export, and what is registered
    // is, as the program promised; the taker lives until it is taken away.
    unsafe {
        let config = *host.config();
        let barrier = Barrier::set(config.thread);
        let mut taker = Taker {
            take: Taker::write_range,
            writer: Writer::new(write, user),
            describe,
            user,
        };
        let this = &raw mut taker;
        host.heap().for_each_area(|[table, pool]| {
            let writer = &mut (*this).writer;
            writer.record(Kind::Area, pool.0.addr(), 4 * WORD);
            writer.words(&[
                pool.1,
                <Program as Config>::BLOCK_BYTES,
                table.0.addr(),
                table.1,
            ]);
            writer.memory(table.0, table.1);
            writer.memory(pool.0, pool.1);
        });
        let mut roots = host.roots().read();
        while !roots.is_null() {
            let (start, n_bytes) = ((*roots).start, (*roots).n_bytes);
            Taker::take(this, Source::Registered, start, n_bytes);
            roots = (*roots).next;
        }
        Taker::take_thread(this, config.thread);
        if !config.stack_top.is_null() {
            Taker::take_stack(this, config.stack_top);
        }
        if let Some(roots) = config.roots {
            host.taker().write(this);
            roots(host.c_heap(), config.user);
            host.taker().write(null_mut());
        }
        host.heap().for_each_chunk(|chunk| {
            let n_bytes = host.heap().chunk_bytes(chunk);
            (*this).write_chunk(chunk.cast(), n_bytes);
        });
        taker.writer.end();
        barrier.take_away();
    }
}
