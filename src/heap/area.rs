//! One contiguous area of the heap: its tables, its pool, and its place in the list of areas.

#[cfg(doc)]
use super::host::Config;
use core::ptr::NonNull;

use super::alloc_table::AllocTable;
use super::bit_table::BitTable;
use super::block::{BlockCount, BlockIndex};
use super::fault::Fault;
use super::host::{AreaFields, Host};
use super::layout::{BLOCKS_PER_TABLE_BYTE, Layout, Tables};

/// An area, by the address of its fields.
pub struct Area<H: Host>(NonNull<H::Area>);

impl<H: Host> Clone for Area<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Host> Copy for Area<H> {}

impl<H: Host> PartialEq for Area<H> {
    fn eq(&self, other: &Self) -> bool {
        // a heap that is not split has one area
        !H::SPLIT || self.0 == other.0
    }
}

/// The areas of a heap from a given one on, in the order of the list.
pub struct Areas<H: Host>(Option<Area<H>>);

impl<H: Host> Iterator for Areas<H> {
    type Item = Area<H>;

    fn next(&mut self) -> Option<Area<H>> {
        let area = self.0?;
        self.0 = area.next();
        Some(area)
    }
}

impl<H: Host> Area<H> {
    /// log2 of a block's bytes.
    pub(super) const BLOCK_SHIFT: u32 = H::BLOCK_BYTES.trailing_zeros();

    /// The first area of a heap.
    pub fn first(host: H) -> Self {
        // SAFETY: the first area is a field of the host's, never null.
        Area(unsafe { NonNull::new_unchecked(host.first_area()) })
    }

    /// The area whose fields are at `fields`; `None` for null.
    pub(super) fn from_fields(fields: *mut H::Area) -> Option<Self> {
        NonNull::new(fields).map(Area)
    }

    /// The address of the area's fields.
    pub(super) fn fields(self) -> *mut H::Area {
        self.0.as_ptr()
    }

    /// The area after this one.
    pub fn next(self) -> Option<Self> {
        if !H::SPLIT {
            return None;
        }
        // SAFETY: an area in the list has valid fields (a promise of Host).
        Self::from_fields(unsafe { <H::Area>::next(self.fields()).read() })
    }

    pub(super) fn set_next(self, next: Option<Self>) {
        let next = next.map_or(core::ptr::null_mut(), |a| a.fields());
        // SAFETY: as in `next`; called with H::SPLIT only.
        unsafe { <H::Area>::next(self.fields()).write(next) }
    }

    /// All areas of a heap, in the order of the list.
    pub fn all(host: H) -> Areas<H> {
        Areas(Some(Self::first(host)))
    }

    /// The blocks of the pool.
    pub fn blocks(self) -> BlockCount {
        // SAFETY: as in `next`.
        BlockCount(unsafe { <H::Area>::table_bytes(self.fields()).read() } * BLOCKS_PER_TABLE_BYTE)
    }

    /// One past the last block.
    pub fn end(self) -> BlockIndex {
        BlockIndex(self.blocks().0)
    }

    /// The alloc table.
    pub fn table(self) -> AllocTable {
        // SAFETY: `set_up` put the table there; the heap alone writes it, between enter and exit.
        unsafe { AllocTable::new(<H::Area>::alloc_table(self.fields()).read(), self.blocks()) }
    }

    /// The finaliser table. With [`Config::FINALISER`] only.
    pub fn finalisers(self) -> BitTable {
        // SAFETY: as in `table`.
        unsafe { BitTable::new(<H::Area>::finaliser_table(self.fields()).read()) }
    }

    /// The weakref table. With [`Config::WEAKREF`] only.
    pub fn weakrefs(self) -> BitTable {
        // SAFETY: as in `table`.
        unsafe { BitTable::new(<H::Area>::weakref_table(self.fields()).read()) }
    }

    /// The collect table. With [`Config::SELECTIVE_COLLECT`] only.
    fn collect_table(self) -> BitTable {
        // SAFETY: as in `table`.
        unsafe { BitTable::new(<H::Area>::collect_table(self.fields()).read()) }
    }

    /// Whether a collection reads the words of the chunk at `block`. Of a block where no chunk
    /// starts this tells nothing: the bit is written when a chunk is handed out, and left as it is
    /// later.
    pub fn is_read(self, block: BlockIndex) -> bool {
        !H::SELECTIVE_COLLECT || self.collect_table().get(block)
    }

    /// Notes whether a collection reads the words of the chunk at `block`. With
    /// [`Config::SELECTIVE_COLLECT`] only.
    pub(super) fn set_read(self, block: BlockIndex, read: bool) {
        if read {
            self.collect_table().set(block);
        } else {
            self.collect_table().clear(block);
        }
    }

    /// The start of the pool.
    pub fn pool(self) -> *mut u8 {
        // SAFETY: as in `next`.
        unsafe { <H::Area>::pool_start(self.fields()).read() }
    }

    /// The address of a block, which carries the provenance of the whole area.
    pub fn address(self, block: BlockIndex) -> *mut u8 {
        self.pool().wrapping_add(block.0 * H::BLOCK_BYTES)
    }

    /// The block of this area that starts at exactly `address`, if there is one.
    pub fn block_at(self, address: usize) -> Option<BlockIndex> {
        self.view().block_at(address)
    }

    /// The area's table and pool, valid as long as neither changes.
    pub(super) fn view(self) -> View<H> {
        View {
            area: self,
            table: self.table(),
            pool: self.pool(),
        }
    }

    /// The bytes from the start of the tables to the end of the pool.
    pub(super) fn region_bytes(self) -> usize {
        // SAFETY: as in `next`.
        unsafe {
            let table = <H::Area>::alloc_table(self.fields()).read();
            <H::Area>::pool_end(self.fields()).read().addr() - table.addr()
        }
    }

    /// Whether an address lies in the pool.
    pub(super) fn holds(self, address: usize) -> bool {
        address.wrapping_sub(self.pool().addr()) < self.blocks().0 * H::BLOCK_BYTES
    }

    /// Between collections, a block below which none is free. While marking, the dirty segments.
    pub(super) fn hint(self) -> usize {
        // SAFETY: as in `next`.
        unsafe { <H::Area>::hint(self.fields()).read() }
    }

    pub(super) fn set_hint(self, hint: usize) {
        // SAFETY: as in `next`.
        unsafe { <H::Area>::hint(self.fields()).write(hint) }
    }

    /// A block above which none is used.
    pub fn last_used(self) -> BlockIndex {
        if !H::LAST_USED {
            return BlockIndex(self.blocks().0.saturating_sub(1));
        }
        // SAFETY: as in `next`.
        BlockIndex(unsafe { <H::Area>::last_used(self.fields()).read() })
    }

    pub(super) fn set_last_used(self, block: BlockIndex) {
        if !H::LAST_USED {
            return;
        }
        // SAFETY: as in `next`.
        unsafe { <H::Area>::last_used(self.fields()).write(block.0) }
    }

    /// Notes that the blocks up to and including `block` may be used.
    pub(super) fn raise_last_used(self, block: BlockIndex) {
        if block > self.last_used() {
            self.set_last_used(block);
        }
    }

    /// Whether the chunk at `block` has its finaliser bit set.
    pub fn has_finaliser(self, block: BlockIndex) -> bool {
        H::FINALISER && self.finalisers().get(block)
    }

    /// Whether a chunk that starts in the `n` blocks from `first` on has its finaliser bit set.
    pub(super) fn has_finaliser_in(self, first: BlockIndex, n: BlockCount) -> bool {
        let end = self.end().min(first + n);
        self.finalisers().next_set(first, end).is_some()
    }

    /// The blocks of the chunk whose head is `head`.
    #[cfg_attr(mpgc_bare, inline(never))]
    #[cfg_attr(not(any(feature = "small", mpgc_bare)), inline(always))]
    pub fn chunk_len(self, head: BlockIndex) -> BlockCount {
        self.table().chunk_len(head)
    }

    /// Whether the byte behind the alloc table is still zero.
    pub(super) fn gap_is_zero(self) -> bool {
        // SAFETY: `set_up` left a gap byte right behind the table.
        unsafe {
            let fields = self.fields();
            let table = <H::Area>::alloc_table(fields).read();
            table.add(<H::Area>::table_bytes(fields).read()).read() == 0
        }
    }

    /// Makes an area of `start .. end`, where `end` lies on a block boundary.
    ///
    /// Mirrors `gc_setup_area` (py/gc.c). Differs: a region that is empty or ends before it starts
    /// is a fault; the C computes nonsense for it.
    ///
    /// # Safety
    ///
    /// The fields and the region must be valid for writes, and used by nobody else.
    pub(super) unsafe fn set_up(
        fields: NonNull<H::Area>,
        host: H,
        start: *mut u8,
        end: *mut u8,
    ) -> Self {
        let total = end.addr().checked_sub(start.addr());
        let Some(layout) =
            total.and_then(|total| Layout::new(total, H::BLOCK_BYTES, Tables::of::<H>()))
        else {
            host.fault(Fault::NoRoom, start);
        };
        let area = Area(fields);
        let fields = fields.as_ptr();
        // SAFETY: the caller says that fields and region may be written; the layout lies inside the
        // region.
        unsafe {
            <H::Area>::alloc_table(fields).write(start);
            <H::Area>::table_bytes(fields).write(layout.table_bytes);
            if H::FINALISER {
                <H::Area>::finaliser_table(fields).write(start.add(layout.finaliser_table));
            }
            if H::WEAKREF {
                <H::Area>::weakref_table(fields).write(start.add(layout.weakref_table));
            }
            if H::SELECTIVE_COLLECT {
                <H::Area>::collect_table(fields).write(start.add(layout.collect_table));
            }
            <H::Area>::pool_start(fields).write(start.add(layout.pool));
            <H::Area>::pool_end(fields).write(end);
            start.write_bytes(0, layout.bytes_to_clear());
        }
        area.poison(BlockIndex(0), area.blocks());
        area.set_hint(0);
        area.set_last_used(BlockIndex(0));
        if H::SPLIT {
            area.set_next(None);
        }
        area
    }
}

/// An area's table and pool, read once. In a loop that writes to the table, the compiler would
/// otherwise reload the area's fields each time.
pub(super) struct View<H: Host> {
    /// The area.
    pub area: Area<H>,
    /// Its alloc table.
    pub table: AllocTable,
    /// Its pool.
    pub pool: *mut u8,
}

impl<H: Host> Clone for View<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: Host> Copy for View<H> {}

impl<H: Host> View<H> {
    /// See [`Area::block_at`].
    ///
    /// The pool starts on a block boundary, so one rotation tests alignment and range at once: low
    /// bits that should be zero move to the top and make the number too large.
    pub(super) fn block_at(self, address: usize) -> Option<BlockIndex> {
        let block = address
            .wrapping_sub(self.pool.addr())
            .rotate_right(Area::<H>::BLOCK_SHIFT);
        (block < self.table.blocks().0).then_some(BlockIndex(block))
    }
}
