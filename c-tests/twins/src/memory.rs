//! Regions of memory that are alike on both sides, and names for what lies in them.

use std::alloc::{Layout, alloc, dealloc};

/// How far regions' starts are aligned, before their offset.
const ALIGN: usize = 4096;
/// Bytes before and behind a region that nobody may write.
pub const GUARD: usize = 512;
const GUARD_BYTE: u8 = 0xa5;

/// A region with a guard before and behind it.
pub struct Memory {
    base: *mut u8,
    layout: Layout,
    origin: *mut u8,
    extra: usize,
    /// Its length, without what lies before the origin.
    pub bytes: usize,
}

impl Memory {
    /// A region of that many bytes, whose origin lies `offset` bytes behind an address that is
    /// aligned to 4096. It begins `extra` bytes before its origin, from where places are counted.
    pub fn new(bytes: usize, offset: usize, extra: usize, fill: u8) -> Self {
        let front = (extra + GUARD).next_multiple_of(ALIGN);
        let total = front + offset + bytes + GUARD;
        let layout = Layout::from_size_align(total, ALIGN).expect("a layout of moderate size");
        // SAFETY: the size is not zero; the writes are inside.
        unsafe {
            let base = alloc(layout);
            assert!(!base.is_null(), "out of memory");
            base.write_bytes(GUARD_BYTE, total);
            let origin = base.add(front + offset);
            origin.sub(extra).write_bytes(fill, extra + bytes);
            Memory {
                base,
                layout,
                origin,
                extra,
                bytes,
            }
        }
    }

    /// Makes it as it was at first.
    pub fn fill(&mut self, fill: u8) {
        // SAFETY: the region lies in the allocation.
        unsafe { self.start().write_bytes(fill, self.extra + self.bytes) }
    }

    /// The first byte.
    pub fn start(&self) -> *mut u8 {
        self.origin.wrapping_sub(self.extra)
    }

    /// From where places are counted.
    pub fn origin(&self) -> *mut u8 {
        self.origin
    }

    /// One past the last byte.
    pub fn end(&self) -> *mut u8 {
        self.origin.wrapping_add(self.bytes)
    }

    /// Where `address` lies, counted from the origin; also just behind the end.
    pub fn offset(&self, address: usize) -> Option<usize> {
        let offset = address.wrapping_sub(self.origin.addr());
        (offset <= self.bytes).then_some(offset)
    }

    /// Whether nobody has written beside the region.
    pub fn guards_are_whole(&self) -> bool {
        let before = (1..=GUARD).map(|i| self.start().wrapping_sub(i));
        let behind = (0..GUARD).map(|i| self.end().wrapping_add(i));
        // SAFETY: both guards lie in the allocation.
        before
            .chain(behind)
            .all(|p| unsafe { p.read() } == GUARD_BYTE)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `new` got the memory with this layout.
        unsafe { dealloc(self.base, self.layout) }
    }
}

/// A word as both sides can say it: a plain number, or where something lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A number, or an address that is nobody's.
    Number(usize),
    /// So many bytes into that region of the heap.
    Heap(usize, usize),
    /// So many bytes into the Python stack.
    Stack(usize),
    /// The type of that number.
    Type(usize),
}

/// Nothing: a null pointer.
pub const NULL: Place = Place::Number(0);
