//! Writes a snapshot of memory, piece by piece, in the format of docs/snapshot.md.
//!
//! ```text
//!   header | kind, address, length | bytes | kind, address, length | bytes | ... | end, sum
//! ```
//!
//! Nothing is allocated, and nothing is remembered but the sum. Each piece is copied before it is
//! counted and written: what is written may change as it is, a stack above all.

use core::ffi::c_void;

#[cfg(any(test, mpgc_port))]
use crate::heap::{Heap, Host};

/// Takes the next bytes of a snapshot; `user` is what was given with it.
pub type WriteFn = unsafe extern "C" fn(user: *mut c_void, bytes: *const u8, n_bytes: usize);

const VERSION: u8 = b'1';

/// What a record holds.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
#[allow(
    dead_code,
    reason = "the library for C programs writes others than a port does"
)]
pub enum Kind {
    /// The sum of all bytes before.
    End = 0,
    /// Memory.
    Memory = 1,
    /// The registers of a thread, in the order of DWARF.
    Registers = 2,
    /// Where `mp_state_ctx` lies.
    State = 4,
    /// The tables and the pool of an area.
    Area = 5,
    /// A range of words that a collection begins with.
    Roots = 6,
    /// What a chunk is.
    Description = 7,
}

/// Bytes that are written at once.
const PIECE: usize = 64;

/// `e_machine`, how many registers DWARF counts, and which is the stack pointer; 0 if not known.
const MACHINE: (u16, usize, usize) = if cfg!(target_arch = "x86_64") {
    (62, 17, 7)
} else if cfg!(target_arch = "x86") {
    (3, 9, 4)
} else if cfg!(target_arch = "arm") {
    (40, 16, 13)
} else if cfg!(target_arch = "aarch64") {
    (183, 33, 31)
} else if cfg!(any(target_arch = "riscv32", target_arch = "riscv64")) {
    (243, 33, 2)
} else {
    (0, 0, 0)
};

/// What a snapshot begins with. In words: the ESP8266 does not read its flash by bytes.
const HEADER: [u32; 4] = {
    let order = 1 + cfg!(target_endian = "big") as u8;
    let [a, b] = MACHINE.0.to_ne_bytes();
    [
        u32::from_ne_bytes(*b"mpgc"),
        u32::from_ne_bytes([b'-', b's', b'n', VERSION]),
        u32::from_ne_bytes([size_of::<usize>() as u8, order, a, b]),
        0,
    ]
};

/// A snapshot that is being written.
pub struct Writer {
    write: WriteFn,
    user: *mut c_void,
    sum: usize,
}

impl Writer {
    /// Begins a snapshot.
    ///
    /// # Safety
    ///
    /// `write` may be called with `user` as long as the value is used.
    pub unsafe fn new(write: WriteFn, user: *mut c_void) -> Writer {
        let mut writer = Writer {
            write,
            user,
            sum: 0,
        };
        let header = HEADER;
        // SAFETY: an array.
        unsafe { writer.put(header.as_ptr().cast(), size_of_val(&header)) };
        writer
    }

    /// Writes bytes.
    ///
    /// # Safety
    ///
    /// They may be read.
    pub unsafe fn put(&mut self, bytes: *const u8, n_bytes: usize) {
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < n_bytes {
            let n = PIECE.min(n_bytes - done);
            for (i, byte) in piece[..n].iter_mut().enumerate() {
                // SAFETY: by this function's contract. The byte may be anybody's: it is read as it
                // is.
                *byte = unsafe { bytes.wrapping_add(done + i).read_volatile() };
                self.sum = self.sum.wrapping_add(usize::from(*byte));
            }
            // SAFETY: `new` was promised that it may be called.
            unsafe { (self.write)(self.user, piece.as_ptr(), n) }
            done += n;
        }
    }

    /// Writes words.
    pub fn words(&mut self, words: &[usize]) {
        // SAFETY: a slice.
        unsafe { self.put(words.as_ptr().cast(), size_of_val(words)) }
    }

    /// Begins a record, which `n_bytes` bytes follow.
    pub fn record(&mut self, kind: Kind, address: usize, n_bytes: usize) {
        self.words(&[kind as usize, address, n_bytes]);
    }

    /// Writes memory.
    ///
    /// # Safety
    ///
    /// It may be read.
    pub unsafe fn memory(&mut self, start: *const u8, n_bytes: usize) {
        self.record(Kind::Memory, start.addr(), n_bytes);
        // SAFETY: by this function's contract.
        unsafe { self.put(start, n_bytes) }
    }

    /// Says where the state lies.
    #[cfg(any(test, mpgc_port))]
    pub fn state(&mut self, address: usize) {
        self.record(Kind::State, address, 0);
    }

    /// Writes the stack from `from` on up to `top`, and that the stack pointer was at `from`. All
    /// other registers are on the stack.
    ///
    /// # Safety
    ///
    /// The stack may be read.
    #[cfg(any(test, mpgc_port))]
    pub unsafe fn stack(&mut self, from: *const usize, top: *const u8) {
        let (_, registers, stack_pointer) = MACHINE;
        if registers > 0 {
            self.record(Kind::Registers, 1, registers * size_of::<usize>());
            for register in 0..registers {
                let value = if register == stack_pointer {
                    from.addr()
                } else {
                    0
                };
                self.words(&[value]);
            }
        }
        // SAFETY: by this function's contract.
        unsafe { self.memory(from.cast(), top.addr().saturating_sub(from.addr())) }
    }

    /// Writes the tables and the pools of a heap. It may be locked, full, or collecting.
    ///
    /// # Safety
    ///
    /// The heap is not given back meanwhile.
    #[cfg(any(test, mpgc_port))]
    pub unsafe fn heap<H: Host>(&mut self, heap: Heap<H>) {
        // SAFETY: the memory is the heap's.
        heap.for_each_region(|start, n_bytes| unsafe { self.memory(start, n_bytes) });
    }

    /// Ends the snapshot.
    pub fn end(mut self) {
        let sum = self.sum;
        self.record(Kind::End, sum, 0);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::heap::testing::options::{Plain, Split};
    use crate::heap::testing::{Op, Options, World};
    use std::vec::Vec;

    /// Kind, address, bytes.
    type Record = (usize, usize, Vec<u8>);

    /// A piece goes to a list of pieces.
    unsafe extern "C" fn keep(user: *mut c_void, bytes: *const u8, n_bytes: usize) {
        // SAFETY: the tests give such a list, and the writer so many bytes.
        unsafe {
            let piece = core::slice::from_raw_parts(bytes, n_bytes).to_vec();
            (*user.cast::<Vec<Vec<u8>>>()).push(piece);
        }
    }

    fn word(bytes: &[u8], at: usize) -> usize {
        let n = size_of::<usize>();
        usize::from_ne_bytes(bytes[at..at + n].try_into().expect("a word"))
    }

    /// The records behind the header, read as docs/snapshot.md says, with the sum checked.
    fn records(pieces: &[Vec<u8>]) -> Vec<Record> {
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
        let bytes = pieces.concat();
        assert_eq!(&bytes[..8], b"mpgc-sn1");
        assert_eq!(usize::from(bytes[8]), size_of::<usize>());
        assert_eq!(bytes[12..16], [0; 4]);
        let (mut at, mut found) = (16, Vec::new());
        loop {
            let n = size_of::<usize>();
            let [kind, address, length] = [0, n, 2 * n].map(|i| word(&bytes, at + i));
            if kind == 0 {
                let sum: usize = bytes[..at].iter().map(|&byte| usize::from(byte)).sum();
                assert_eq!((address, length, at + 3 * n), (sum, 0, bytes.len()));
                return found;
            }
            at += 3 * n;
            found.push((kind, address, bytes[at..at + length].to_vec()));
            at += length;
        }
    }

    fn heap_of<O: Options>(ops: &[Op]) -> (World<O>, Vec<Record>) {
        let mut world = World::<O>::new(4000);
        world.run(ops);
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        // SAFETY: the list lives as long as the writer, and the heap is the world's.
        unsafe {
            let mut writer = Writer::new(keep, (&raw mut pieces).cast());
            writer.heap(world.heap());
            writer.end();
        }
        (world, records(&pieces))
    }

    #[test]
    fn each_area_is_written_with_its_fields_its_tables_and_its_pool() {
        let alloc = Op::Alloc {
            bytes: 100,
            finaliser: true,
        };
        let (world, found) = heap_of::<Split>(&[alloc, Op::AddArea { bytes: 2000 }, alloc]);
        assert_eq!(found.len(), 4, "two areas, two records each");
        for (i, (kind, _, bytes)) in found.iter().enumerate() {
            assert_eq!(*kind, 1);
            if i % 2 == 0 {
                continue;
            }
            assert!(bytes.len() > 1000);
        }
        let chunks = world.chunks();
        assert_eq!(chunks.len(), 2);
        for chunk in chunks {
            let (_, start, bytes) = found
                .iter()
                .find(|(_, start, bytes)| (*start..*start + bytes.len()).contains(&chunk.addr()))
                .expect("the chunk is written");
            // SAFETY: the chunk is live and has 100 bytes.
            let now = unsafe { core::slice::from_raw_parts(chunk, 100) };
            assert_eq!(&bytes[chunk.addr() - start..][..100], now);
        }
    }

    #[test]
    fn a_locked_heap_is_written_too() {
        let (_, found) = heap_of::<Plain>(&[Op::Lock]);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_stack_is_written_with_its_stack_pointer() {
        let stack = [1usize, 2, 3];
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        // SAFETY: the list and the array live as long as the writer.
        unsafe {
            let mut writer = Writer::new(keep, (&raw mut pieces).cast());
            writer.state(0x1234);
            writer.stack(stack.as_ptr(), stack.as_ptr_range().end.cast());
            writer.end();
        }
        let mut found = records(&pieces).into_iter();
        let mut next = || found.next().expect("a record");
        let (kind, address, data) = next();
        assert_eq!((kind, address, data.len()), (4, 0x1234, 0));
        // no registers of a machine that is not known
        let (_, registers, stack_pointer) = MACHINE;
        let pointer = stack.as_ptr().addr();
        if registers > 0 {
            let (kind, _, data) = next();
            assert_eq!((kind, data.len()), (2, registers * size_of::<usize>()));
            assert_eq!(word(&data, stack_pointer * size_of::<usize>()), pointer);
        }
        let (kind, address, data) = next();
        assert_eq!(
            (kind, address, data.len()),
            (1, pointer, size_of_val(&stack))
        );
    }
}
