//! One side: a twin, its memory, and the state of its calls to the driver.

use crate::hardened;
use crate::memory::{Memory, Place};
use crate::pair::Setup;
use crate::twin::{AreaWords, BrokenWords, Figures, Numbers, Twin};
use mpgc::heap::testing::{CallbackAction, FinaliserAction};
use std::cell::Cell;
use std::ffi::c_int;

/// The most regions of a run.
pub const MAX_REGIONS: usize = 48;
/// Events of the driver's own, above those of twin.h.
pub mod event {
    use std::ffi::c_int;

    pub const CAUGHT: c_int = 6;
    pub const ABORTED: c_int = 7;
    pub const JUMP_CALLBACK: c_int = 8;
    pub const NODE: c_int = 11;
    pub const CALLBACK: c_int = 12;
    pub const FINALISED: c_int = 100;
    pub const ANSWER: c_int = 101;
    pub const GET_REGION: c_int = 102;
    pub const GIVE_REGION: c_int = 103;
    pub const GOT_REGION: c_int = 104;
}

/// Something that a side reported, in a form that both sides share.
pub type Event = (c_int, Place);

/// A twin with its memory.
pub struct Side {
    /// Its functions.
    pub twin: &'static Twin,
    /// The regions of its heap, in the order in which they came; those given back as well.
    pub regions: Vec<Memory>,
    /// Its Python stack.
    pub stack: Memory,
    /// The roots of the next collection.
    pub roots: Vec<usize>,
    /// What happened during the operation.
    pub log: Vec<Event>,
    /// What finalisers do.
    pub finaliser: FinaliserAction,
    /// What callbacks do.
    pub callback: CallbackAction,
    /// Bytes that it may still get by itself.
    pub budget: usize,
    /// Whether the C is seen as it is, faults and all.
    pub as_is: bool,
    /// Whether finalisers, callbacks and nodes abort the VM.
    pub aborts: bool,
    /// The fill of new memory.
    pub fill: u8,
    /// Whether it is a hardened mpgc.
    pub hardened: bool,
    /// Whether it is compared with a hardened mpgc, or is one.
    pub beside_hardened: bool,
    /// Whether the driver asks for figures, which are the same in both.
    pub(crate) asking: Cell<bool>,
}

impl Side {
    /// Memory for a twin.
    pub fn new(twin: &'static Twin, setup: Setup) -> Self {
        let hardened = hardened::is_hardened(twin);
        let total = hardened::usable(twin, setup.offset, setup.bytes);
        let extra = if hardened {
            hardened::extra_bytes(twin, total)
        } else {
            0
        };
        Side {
            twin,
            regions: vec![Memory::new(setup.bytes, setup.offset, extra, setup.fill)],
            stack: Memory::new(setup.stack, 0, 0, setup.fill),
            roots: Vec::new(),
            log: Vec::new(),
            finaliser: FinaliserAction::Nothing,
            callback: CallbackAction::Nothing,
            budget: setup.budget,
            as_is: false,
            aborts: false,
            fill: setup.fill,
            hardened,
            beside_hardened: hardened,
            asking: Cell::new(false),
        }
    }

    /// Forgets all but the first region.
    pub fn restart(&mut self, setup: Setup) {
        self.regions.truncate(1);
        self.regions[0].fill(setup.fill);
        self.stack.fill(setup.fill);
        self.roots.clear();
        self.log.clear();
        self.finaliser = FinaliserAction::Nothing;
        self.callback = CallbackAction::Nothing;
        self.budget = setup.budget;
    }

    /// Starts the twin as after power on.
    ///
    /// # Safety
    ///
    /// The side stays where it is for as long as the twin is used.
    pub unsafe fn start(this: *mut Side) {
        // SAFETY: the side is valid (by this function's contract), and its memory is the twin's
        // now.
        unsafe {
            let twin = (*this).twin;
            let (heap, stack) = (&(&(*this).regions)[0], &(*this).stack);
            let (heap, stack) = ([heap.start(), heap.end()], [stack.start(), stack.end()]);
            (twin.reset)(&Side::hooks(this));
            if let Some(init) = twin.pystack_init {
                init(stack[0], stack[1]);
            }
            (twin.init)(heap[0], heap[1]);
        }
    }

    /// The meaning of a word on this side.
    pub fn place(&self, word: usize) -> Place {
        for (number, region) in self.regions.iter().enumerate() {
            if let Some(offset) = region.offset(word) {
                return Place::Heap(number, offset);
            }
        }
        if let Some(offset) = self.stack.offset(word) {
            return Place::Stack(offset);
        }
        for number in 0..self.twin.types as usize {
            if self.type_at(number) == word {
                return Place::Type(number);
            }
        }
        Place::Number(word)
    }

    /// The word for a place on this side.
    pub fn word(&self, place: Place) -> usize {
        match place {
            Place::Number(number) => number,
            Place::Heap(region, offset) => self.regions[region].origin().addr() + offset,
            Place::Stack(offset) => self.stack.start().addr() + offset,
            Place::Type(number) => self.type_at(number),
        }
    }

    /// The address of a place.
    pub fn address(&self, place: Place) -> *mut u8 {
        match place {
            Place::Heap(region, offset) => self.regions[region].origin().wrapping_add(offset),
            Place::Stack(offset) => self.stack.start().wrapping_add(offset),
            _ => std::ptr::with_exposed_provenance_mut(self.word(place)),
        }
    }

    fn type_at(&self, number: usize) -> usize {
        // SAFETY: the number is below `types` (every caller sees to it).
        unsafe { (self.twin.type_at)(number).addr() }
    }

    /// The areas of the heap, in the order of the list.
    pub fn areas(&self) -> Vec<AreaWords> {
        let mut found = Vec::new();
        loop {
            let mut area = std::mem::MaybeUninit::uninit();
            // SAFETY: the heap was made; env.c writes the area if there is one.
            if !unsafe { (self.twin.area)(found.len(), area.as_mut_ptr()) } {
                return found;
            }
            // SAFETY: it was written.
            found.push(unsafe { area.assume_init() });
        }
    }

    /// The state that C code may read.
    pub fn numbers(&self) -> Numbers {
        let mut numbers = Numbers::default();
        // SAFETY: env.c only reads the context.
        unsafe { (self.twin.numbers)(&mut numbers) };
        numbers
    }

    /// `gc_info`.
    pub fn info(&self) -> [usize; 8] {
        let mut info = [0; 8];
        self.asking.set(true);
        // SAFETY: the heap was made.
        unsafe { (self.twin.info)(&mut info) };
        self.asking.set(false);
        info
    }

    /// The text of `gc_dump_info` and `gc_dump_alloc_table`, addresses as places.
    pub fn dump(&self) -> String {
        let mut len = 0;
        self.asking.set(true);
        // SAFETY: the heap was made; the text is env.c's until the next dump.
        let text = unsafe {
            (self.twin.dump)(false);
            (self.twin.dump)(true);
            let text = (self.twin.take_text)(&mut len);
            String::from_utf8_lossy(std::slice::from_raw_parts(text, len)).into_owned()
        };
        self.asking.set(false);
        let mut shared = String::new();
        for (i, part) in text.split("from 0x").enumerate() {
            let digits = part.find(':').filter(|_| i > 0);
            let address = digits.and_then(|end| usize::from_str_radix(&part[..end], 16).ok());
            match (digits, address) {
                (Some(end), Some(address)) => {
                    shared += &format!("from {:?}{}", self.place(address), &part[end..]);
                }
                _ => shared += part,
            }
        }
        shared
    }

    /// What was counted, where it is compared.
    pub fn figures(&self) -> Option<Figures> {
        let ask = self.twin.figures?;
        let mut figures = Figures::default();
        // SAFETY: the heap was made; `figures` may be written.
        unsafe { ask(&mut figures) };
        Some(figures)
    }

    /// `mpgc_check`, where there is one.
    pub fn check(&self) -> Result<(), String> {
        let Some(check) = self.twin.check else {
            return Ok(());
        };
        let mut broken = std::mem::MaybeUninit::<BrokenWords>::uninit();
        // SAFETY: the heap was made; `broken` may be written.
        if unsafe { check(broken.as_mut_ptr()) } {
            return Ok(());
        }
        // SAFETY: it was written, and its text is valid for ever.
        let (broken, what) = unsafe {
            let broken = broken.assume_init();
            let what = std::slice::from_raw_parts(broken.what.cast::<u8>(), broken.what_len);
            (broken, String::from_utf8_lossy(what).into_owned())
        };
        Err(format!(
            "{what} (area {}, block {})",
            broken.area, broken.block as isize
        ))
    }

    pub(crate) fn tell(&mut self, kind: c_int, word: usize) {
        let place = self.place(word);
        self.log.push((kind, place));
    }

    /// The kind of the block at an address, as the table has it; `None` for what is no block.
    pub fn kind_at(&self, address: usize) -> Option<u8> {
        let bytes = self.twin.block_bytes as usize;
        self.areas().into_iter().find_map(|area| {
            let offset = address.wrapping_sub(area.pool.addr());
            let block = offset / bytes;
            if !offset.is_multiple_of(bytes) || block >= area.table_bytes * 4 {
                return None;
            }
            // SAFETY: the block is in the table.
            let byte = unsafe { area.alloc_table.add(block / 4).read() };
            Some(byte >> (2 * (block % 4)) & 3)
        })
    }
}
