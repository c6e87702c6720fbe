//! The steps of the heap.

use crate::memory::{Memory, NULL, Place};
use crate::pair::{Outcome, Pair, WORD, same};
use crate::side::MAX_REGIONS;
use mpgc::heap::testing::{FinaliserAction, Op};
use mpgc::heap::{HAS_FINALISER, UNREAD};

impl Pair {
    pub(crate) fn heap_step(&mut self, op: Op) -> Outcome {
        match op {
            Op::Alloc { bytes, finaliser } => self.alloc(bytes, finaliser, 0)?,
            Op::AllocUnread { bytes, finaliser } => self.alloc(bytes, finaliser, UNREAD)?,
            Op::Free { chunk } => {
                let picked = self.pick(chunk);
                let place = picked.unwrap_or(NULL);
                // SAFETY: null or a live chunk, which the driver forgets below.
                self.both("gc_free", |pair, twin, i| unsafe {
                    (twin.free)(pair.side(i).address(place))
                })?;
                if picked.is_some() && self.locks == 0 {
                    let len = self.live.len();
                    self.live.swap_remove(chunk % len);
                    self.covered.frees += 1;
                }
            }
            Op::Realloc {
                chunk,
                bytes,
                may_move,
            } => self.realloc(chunk, bytes, may_move)?,
            Op::Link { from, word, to } => {
                if let (Some(from), Some(to)) = (self.pick(from), self.pick(to)) {
                    let words = self.program_bytes(from)? / WORD;
                    if words > 0 {
                        self.write(from, word % words, to);
                    }
                }
            }
            Op::Root { chunk, offset } => {
                if let Some(place) = self.pick(chunk) {
                    for i in 0..2 {
                        let side = self.side_mut(i);
                        let root = side.word(place) + offset;
                        side.roots.push(root);
                    }
                }
            }
            Op::NoRoots => (0..2).for_each(|i| self.side_mut(i).roots.clear()),
            // SAFETY: the driver looks anew at what is left.
            Op::Collect => self.both("gc_collect", |_, twin, _| unsafe { (twin.collect)() })?,
            Op::SweepAll => {
                // SAFETY: as above.
                self.both("gc_sweep_all", |_, twin, _| unsafe { (twin.sweep_all)() })?;
            }
            Op::Lock => {
                self.locks += 1;
                // SAFETY: the heap was made.
                self.both("gc_lock", |_, twin, _| unsafe { (twin.lock)() })?;
            }
            Op::Unlock => {
                if self.locks > 0 {
                    self.locks -= 1;
                    // SAFETY: it was locked.
                    self.both("gc_unlock", |_, twin, _| unsafe { (twin.unlock)() })?;
                }
            }
            Op::Threshold { blocks } => {
                let blocks = if blocks == 0 { usize::MAX } else { blocks };
                // SAFETY: a word that C code may write between calls.
                self.both("threshold", |_, twin, _| unsafe {
                    (twin.set_threshold)(blocks)
                })?;
            }
            Op::AutoCollect { on } => {
                // SAFETY: a word that C code may write between calls.
                self.both("auto", |_, twin, _| unsafe { (twin.set_auto_collect)(on) })?;
            }
            Op::AddArea { bytes } => self.add_area(bytes)?,
            Op::ChunkBytes { chunk, offset } => {
                // Into a block: docs/upstream.md, 18.
                let any = self.twin(0).release < 12900 || !self.twin(0).split;
                if let Some(Place::Heap(region, at)) = self.pick(chunk)
                    && at + offset <= self.side(0).regions[region].bytes
                    && (any || offset.is_multiple_of(self.twin(0).block_bytes as usize))
                {
                    self.chunk_bytes(Place::Heap(region, at + offset))?;
                }
            }
            Op::ResetFigures => {}
            Op::Info => {
                self.both("gc_info", |pair, _, i| pair.side(i).info())?;
            }
            Op::Finaliser { action } => (0..2).for_each(|i| self.side_mut(i).finaliser = action),
        }
        Ok(())
    }

    fn alloc(&mut self, bytes: usize, finaliser: bool, flags: u32) -> Outcome {
        let flags = flags | (HAS_FINALISER * u32::from(finaliser));
        // SAFETY: the heap was made.
        let chunk = self.both_place("gc_alloc", |pair, twin, i| unsafe {
            (twin.alloc)(pair.side(i).asked(bytes), flags)
        })?;
        if self.note_collects() {
            self.live.retain(|&place| place != chunk);
        }
        if chunk == NULL {
            self.covered.failed_allocations += 1;
            return Ok(());
        }
        self.covered.allocations += 1;
        self.covered.c_unread += u64::from(self.twin(0).selective && flags & UNREAD != 0);
        self.live.push(chunk);
        if self.is_hardened() {
            self.after_hardened_alloc(chunk, bytes, finaliser)?;
        } else {
            self.expect_same_bytes(chunk, bytes)?;
        }
        self.fill(chunk, 0, bytes);
        Ok(())
    }

    fn realloc(&mut self, chunk: usize, bytes: usize, may_move: bool) -> Outcome {
        let Some(place) = self.pick(chunk) else {
            return Ok(());
        };
        let old = self.chunk_bytes(place)?;
        let old_asked = self.program_bytes(place)?;
        // The old chunk must live through the collection that the move may start.
        for i in 0..2 {
            let side = self.side_mut(i);
            let root = side.word(place);
            side.roots.push(root);
        }
        // Nor may a finaliser free it.
        let action = self.side(0).finaliser;
        if action == FinaliserAction::FreesLinked {
            (0..2).for_each(|i| self.side_mut(i).finaliser = FinaliserAction::Nothing);
        }
        // SAFETY: the chunk is live, and the driver follows it to where it goes.
        let to = self.both_place("gc_realloc", |pair, twin, i| unsafe {
            let side = pair.side(i);
            (twin.realloc)(side.address(place), side.asked(bytes), may_move)
        });
        for i in 0..2 {
            let side = self.side_mut(i);
            side.roots.pop();
            side.finaliser = action;
        }
        let to = to?;
        let collected = self.note_collects();
        if bytes == 0 && self.locks == 0 {
            self.live.retain(|&p| p != place);
        } else if to != NULL {
            self.covered.moves += u64::from(to != place);
            let new = self.chunk_bytes(to)?;
            self.covered.grown_in_place += u64::from(to == place && new > old);
            self.covered.shrunk += u64::from(new < old);
            if !collected && to != place {
                let at = chunk % self.live.len();
                self.live[at] = to;
            }
            // What is left of a word must not be the same half of two addresses.
            if self.is_hardened() {
                let asked = self.after_hardened_realloc(to, old_asked, bytes, to != place)?;
                self.fill(to, asked.min(old_asked) / WORD * WORD, asked);
            } else {
                self.expect_same_bytes(to, bytes)?;
                self.fill(to, bytes / WORD * WORD, bytes);
            }
        } else {
            self.covered.failed_allocations += u64::from(may_move);
        }
        Ok(())
    }

    fn add_area(&mut self, bytes: usize) -> Outcome {
        let number = self.side(0).regions.len();
        if self.twin(0).add.is_none() || number >= MAX_REGIONS {
            return Ok(());
        }
        for i in 0..2 {
            let side = self.side_mut(i);
            let offset = bytes % 16 * WORD;
            let extra = side.extra_of_added(offset, bytes);
            let region = Memory::new(bytes, offset, extra, side.fill);
            side.regions.push(region);
        }
        self.both("gc_add", |pair, twin, i| {
            let region = &pair.side(i).regions[number];
            if let Some(add) = twin.add {
                // SAFETY: the region is new, and aligned for pointers.
                unsafe { add(region.start(), region.end()) }
            }
        })?;
        self.covered.areas_added += 1;
        Ok(())
    }

    fn words_of(&self, i: usize, chunk: Place) -> (*mut usize, usize) {
        let address = self.side(i).address(chunk);
        // SAFETY: any address may be asked for.
        let bytes = unsafe { (self.twin(i).nbytes)(address) };
        (address.cast(), bytes / WORD)
    }

    /// Compares a chunk of which `bytes` bytes were asked for.
    fn expect_same_bytes(&mut self, chunk: Place, bytes: usize) -> Outcome {
        let (c, words) = self.words_of(0, chunk);
        let (rust, rust_words) = self.words_of(1, chunk);
        same("length of the chunk in words", words, rust_words)?;
        for i in 0..words {
            // SAFETY: both chunks are live and have that many words.
            let (a, b) = unsafe { (c.add(i).read(), rust.add(i).read()) };
            if a != b {
                let (a_place, b_place) = (self.side(0).place(a), self.side(1).place(b));
                // The bytes of the last word that were asked for are what is left of an old
                // address.
                let asked = bytes.wrapping_sub(i * WORD);
                let asked_only = asked < WORD && (a ^ b) >> (8 * asked) == 0;
                if !asked_only {
                    same(
                        &format!("word {i} of the chunk at {chunk:?}"),
                        a_place,
                        b_place,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Fills the bytes `from..to` with numbers that are no addresses.
    fn fill(&mut self, chunk: Place, from: usize, to: usize) {
        self.serial += 1;
        for i in 0..2 {
            let start = self.side(i).address(chunk);
            for word in from / WORD..to.div_ceil(WORD) {
                // The last word's bytes that were not asked for are zero, as after gc_alloc.
                let asked = WORD.min(to - word * WORD);
                let cut = 8 * (WORD - asked);
                let value = ((self.serial + word) << 4 | 1) << cut >> cut;
                let bytes = if self.side(i).hardened { asked } else { WORD };
                // SAFETY: the chunk is live and has that many bytes.
                unsafe {
                    let at = start.cast::<usize>().add(word).cast::<u8>();
                    at.copy_from_nonoverlapping(value.to_le_bytes().as_ptr(), bytes);
                }
            }
        }
    }
}
