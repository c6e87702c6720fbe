//! The naive model: an area is a sorted list of chunks.

use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

use super::counted::Counted;
use super::host::{Options, TestHost, may_be_object, raw_field};
use super::op::FinaliserAction;
use crate::heap::Pace;
use crate::heap::layout::{Layout, Tables};
use crate::heap::stats::Reason;
use core::marker::PhantomData;

/// A chunk as the model knows it.
#[derive(Clone, Copy, Debug)]
pub struct Chunk {
    /// Its length in blocks.
    pub blocks: usize,
    /// How many of its bytes are the program's: all of them, or in a hardened heap those that it
    /// requested.
    pub bytes: usize,
    /// Whether it is flagged to have a finaliser.
    pub finaliser: bool,
    /// Whether a collection leaves its words unread.
    pub unread: bool,
}

/// An area as the model knows it: a sorted list of chunks by their first block.
pub struct ModelArea {
    /// Its first block.
    pub pool: *mut u8,
    /// How many blocks it has.
    pub blocks: usize,
    /// Its chunks.
    pub chunks: BTreeMap<usize, Chunk>,
}

impl ModelArea {
    fn first_fit(&self, n: usize) -> Option<usize> {
        let mut free = 0;
        for (&start, chunk) in &self.chunks {
            if start - free >= n {
                return Some(free);
            }
            free = start + chunk.blocks;
        }
        (self.blocks - free >= n).then_some(free)
    }
}

/// Where a chunk is: the number of its area, and its first block.
pub type At = (usize, usize);

/// What a trace has covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "counters named for what they count")]
pub struct Seen {
    pub allocations: usize,
    pub failed: usize,
    /// Collections that were due, and postponed.
    pub waited: usize,
    pub moves: usize,
    pub grown_in_place: usize,
    pub collects: usize,
    pub freed_by_collect: usize,
    pub finalised: usize,
    /// Chunks that lived because an owner called them its data, and for nothing else.
    pub raw: usize,
    /// Chunks that a collection kept and did not read.
    pub unread: usize,
    pub areas: usize,
}

/// A heap as the model knows it.
pub struct Model<O: Options> {
    /// The areas, in the order of the list.
    pub areas: Vec<ModelArea>,
    /// Blocks allocated since the last collection.
    pub amount: usize,
    /// Blocks after which an allocation collects first.
    pub threshold: usize,
    /// The threshold that the heap set itself, and the blocks that were free then.
    pub paced: (usize, usize),
    /// Whether a failing allocation collects.
    pub auto: bool,
    /// How deep the heap is locked.
    pub locks: u16,
    /// What finalisers do.
    pub action: FinaliserAction,
    /// How often each interesting thing happened.
    pub seen: Seen,
    pub(super) counted: Counted,
    options: PhantomData<O>,
}

impl<O: Options> Default for Model<O> {
    fn default() -> Self {
        Model {
            areas: Vec::new(),
            amount: 0,
            threshold: usize::MAX,
            paced: (usize::MAX, 0),
            auto: true,
            locks: 0,
            action: FinaliserAction::Nothing,
            seen: Seen::default(),
            counted: Counted::default(),
            options: PhantomData,
        }
    }
}

/// What may be used of the free blocks before a collection: once the nth part, and an eighth of
/// that more for each sixteenth of the heap that is free beyond its quarter, up to eight; but a
/// sixth of what is in use where that is more.
fn part_of_free(free: usize, all: usize, n: usize) -> usize {
    let step = (all / 16).max(1);
    let eighths = (1..=8).filter(|i| free >= all / 4 + i * step).count();
    let share = (free + eighths * (free / 8)) / n;
    share.max((all - free) / 6).max(1)
}

impl<O: Options> Model<O> {
    /// Adds an area whose tables start at `start`; `end` is any address in or behind its last
    /// block.
    pub fn add_area(&mut self, start: *mut u8, end: *mut u8) {
        let end = end.addr() & !(O::BLOCK_BYTES - 1);
        let layout = Layout::new(
            end - start.addr(),
            O::BLOCK_BYTES,
            Tables::of::<TestHost<O>>(),
        )
        .expect("a region that is large enough");
        self.areas.push(ModelArea {
            pool: start.wrapping_add(layout.pool),
            blocks: layout.blocks().0,
            chunks: BTreeMap::new(),
        });
        self.seen.areas += 1;
        self.keep_pace();
    }

    /// All blocks, and those that are free.
    fn capacity(&self) -> (usize, usize) {
        let all: usize = self.areas.iter().map(|area| area.blocks).sum();
        let chunks = self.areas.iter().flat_map(|area| area.chunks.values());
        (all, all - chunks.map(|chunk| chunk.blocks).sum::<usize>())
    }

    /// Sets the threshold as the heap does, unless the program has set it.
    pub fn keep_pace(&mut self) {
        if self.threshold != self.paced.0 {
            return;
        }
        let (all, free) = self.capacity();
        self.paced = match O::PACE {
            Pace::Off => return,
            Pace::OfHeap(n) => ((all / n).max(1), 0),
            Pace::OfFree(n) => (self.amount + part_of_free(free, all, n), free),
        };
        self.threshold = self.paced.0;
    }

    /// Whether a collection that is due can wait for more to be used.
    fn can_wait(&mut self) -> bool {
        let Pace::OfFree(n) = O::PACE else {
            return false;
        };
        let (all, free) = self.capacity();
        let before = self.paced.1;
        let (part, used) = (part_of_free(before, all, n), before.saturating_sub(free));
        if self.threshold != self.paced.0 || used >= part {
            return false;
        }
        self.threshold = self.amount + (part - used).max(part / 4).max(all / 256);
        self.paced.0 = self.threshold;
        self.seen.waited += 1;
        true
    }

    /// The chunk at a place.
    pub fn chunk(&self, at: At) -> Chunk {
        self.areas[at.0].chunks[&at.1]
    }

    /// Puts a chunk at a place, or changes the one there.
    pub fn put(&mut self, at: At, chunk: Chunk) {
        let bytes = if O::HARDENED {
            chunk.bytes
        } else {
            chunk.blocks * O::BLOCK_BYTES
        };
        self.areas[at.0]
            .chunks
            .insert(at.1, Chunk { bytes, ..chunk });
    }

    /// Forgets the chunk at a place.
    pub fn remove(&mut self, at: At) {
        self.areas[at.0].chunks.remove(&at.1);
    }

    /// The bytes of the chunk at a place that are the program's.
    pub fn bytes(&self, at: At) -> usize {
        self.chunk(at).bytes
    }

    /// The blocks from a chunk's first up to the next chunk.
    pub fn space(&self, at: At) -> usize {
        let area = &self.areas[at.0];
        let next = area.chunks.range(at.1 + 1..).next();
        next.map_or(area.blocks, |(&b, _)| b) - at.1
    }

    /// The places of all chunks, in order.
    pub fn all(&self) -> Vec<At> {
        let areas = self.areas.iter().enumerate();
        areas
            .flat_map(|(i, a)| a.chunks.keys().map(move |&b| (i, b)))
            .collect()
    }

    /// A chunk for a number; the same one for the same number.
    pub fn pick(&self, chunk: usize) -> Option<At> {
        let all = self.all();
        (!all.is_empty()).then(|| all[chunk % all.len()])
    }

    /// The address of a place.
    pub fn address(&self, (area, block): At) -> *mut u8 {
        self.areas[area].pool.wrapping_add(block * O::BLOCK_BYTES)
    }

    /// The chunk that starts at exactly that address.
    pub fn find(&self, address: usize) -> Option<At> {
        self.areas.iter().enumerate().find_map(|(i, a)| {
            let offset = address.checked_sub(a.pool.addr())?;
            let block = offset / O::BLOCK_BYTES;
            (offset % O::BLOCK_BYTES == 0 && a.chunks.contains_key(&block)).then_some((i, block))
        })
    }

    /// What is in a chunk now.
    pub fn words(&self, at: At) -> Vec<usize> {
        let n = self.bytes(at) / size_of::<usize>();
        let p = self.address(at).cast::<usize>();
        // SAFETY: the chunk is live and has that many words.
        (0..n).map(|i| unsafe { p.add(i).read() }).collect()
    }

    fn first_word(&self, at: At) -> usize {
        // SAFETY: the chunk is live and has a block, whoever's its bytes are.
        unsafe { self.address(at).cast::<usize>().read() }
    }

    /// Which word of a chunk points at data, and where that is.
    fn raw_data(&self, owner: At) -> Option<(usize, At)> {
        if self.chunk(owner).unread {
            return None;
        }
        let words = self.words(owner);
        let field = match words.get(..2) {
            Some(&[first, second]) if O::NOSCAN => raw_field(first, second)?,
            _ => return None,
        };
        Some((field, self.find(*words.get(field)?)?))
    }

    fn is_raw(&self, data: At) -> bool {
        !self.chunk(data).finaliser && !may_be_object(self.first_word(data))
    }

    /// Collects: what the roots do not reach is gone. Returns whose finalisers run.
    pub fn collect(&mut self, roots: &[usize], reason: Reason) -> Vec<usize> {
        let mut live: Vec<At> = roots.iter().filter_map(|&r| self.find(r)).collect();
        let mut seen = BTreeSet::new();
        while let Some(at) = live.pop() {
            if seen.insert(at) {
                let raw = self.raw_data(at).filter(|&(_, data)| self.is_raw(data));
                let words = if self.chunk(at).unread {
                    self.seen.unread += 1;
                    Vec::new()
                } else {
                    self.words(at)
                };
                for (i, word) in words.into_iter().enumerate() {
                    if raw.is_none_or(|(field, _)| i != field) {
                        live.extend(self.find(word));
                    }
                }
            }
        }
        for at in self.all() {
            if seen.contains(&at)
                && let Some((_, data)) = self.raw_data(at)
            {
                self.seen.raw += usize::from(seen.insert(data));
            }
        }
        let dying = self.all().into_iter().filter(|at| !seen.contains(at));
        let dying: Vec<At> = dying.collect();
        let mut finalised = Vec::new();
        for &at in &dying {
            // an earlier finaliser may have freed it
            let chunk = self.areas[at.0].chunks.get(&at.1);
            if chunk.is_some_and(|chunk| chunk.finaliser) && self.first_word(at) != 0 {
                finalised.push(self.address(at).addr());
                if self.action == FinaliserAction::FreesItself
                    && O::FINALISER_PASS
                    && self.locks == 0
                {
                    self.remove(at);
                    continue;
                }
                // before 1.25 a collection locks the heap for its finalisers too
                if self.action == FinaliserAction::FreesLinked
                    && O::FINALISER_PASS
                    && self.locks == 0
                    && let Some(&linked) = self.words(at).get(1)
                    && let Some(linked) = self.find(linked)
                {
                    self.remove(linked);
                }
            }
        }
        let mut died = (0, 0);
        for at in dying {
            if let Some(chunk) = self.areas[at.0].chunks.remove(&at.1) {
                died = (died.0 + 1, died.1 + chunk.blocks);
            }
            self.seen.freed_by_collect += 1;
        }
        self.amount = 0;
        self.keep_pace();
        self.counted.finalised += finalised.len() as u32;
        if self.action == FinaliserAction::Allocates {
            finalised.iter().for_each(|_| self.count_failure(1));
        }
        self.count_collection(reason, died);
        self.seen.collects += 1;
        finalised
    }

    /// Allocates `n` blocks. Returns where, and whose finalisers ran on the way.
    pub fn alloc(
        &mut self,
        n: usize,
        finaliser: bool,
        unread: bool,
        roots: &[usize],
    ) -> (Option<At>, Vec<usize>) {
        let mut finalised = Vec::new();
        if n == 0 || self.locks > 0 {
            if n > 0 {
                self.count_failure(n);
            }
            return (None, finalised);
        }
        let mut may_collect = self.auto;
        if self.auto && self.amount >= self.threshold && !self.can_wait() {
            finalised = self.collect(roots, Reason::Threshold);
            may_collect = false;
        }
        let fit =
            |w: &Self| (0..w.areas.len()).find_map(|i| w.areas[i].first_fit(n).map(|b| (i, b)));
        let mut found = fit(self);
        if found.is_none() && may_collect {
            finalised = self.collect(roots, Reason::Full);
            found = fit(self);
        }
        if found.is_none() {
            self.count_failure(n);
        }
        if let Some((area, block)) = found {
            self.put(
                (area, block),
                Chunk {
                    blocks: n,
                    bytes: n * O::BLOCK_BYTES,
                    finaliser: finaliser && O::FINALISER,
                    unread: unread && O::SELECTIVE_COLLECT,
                },
            );
            self.amount += n;
            self.counted.allocations += 1;
            self.counted.handed_out += n;
        }
        (found, finalised)
    }
}
