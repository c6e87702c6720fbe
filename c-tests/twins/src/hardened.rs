//! The intended differences of a hardened mpgc. Everything else is compared as usual: every
//! address, answer, number, figure, dump and table, and every byte that a program has written.
//!
//! 1. **The slack table**, a byte a block, lies before the pool. So its regions begin that many
//!    bytes earlier than the C's, what it asks for by itself is that much more, and it hears of
//!    that much more. Pools of both have the same blocks.
//! 2. **Slack**, the bytes of a chunk that nobody asked for, holds the canary. In C it is zero
//!    after `gc_alloc` and what it was after `gc_realloc`, where it may keep a chunk alive; the
//!    driver zeroes it.
//! 3. **Bytes asked for and not written yet** hold poison, or are zero where a chunk was resized in
//!    place. In C they hold what was there. The driver writes them before anybody looks.
//! 4. **Free blocks** hold poison. In C they hold what was there.
//!
//! 5. **A guard**: a chunk has a byte of slack at least. So the C is asked for a byte more, and
//!    both chunks have the same blocks.
//! 6. **`gc_nbytes`** tells the bytes that were asked for, without the slack. In C it tells those
//!    of the blocks.
//!
//! Each of the values that mpgc has there is checked, to the byte.

use crate::memory::Place;
use crate::pair::{Difference, Outcome, Pair, WORD, same};
use crate::side::Side;
use crate::twin::{AreaWords, Twin};
use mpgc::heap::testing::{CANARY, GUARD, Layout, POISON, Tables};

/// Whether a twin is a hardened mpgc, by what it says of itself.
pub fn is_hardened(twin: &Twin) -> bool {
    let info = twin.build_info();
    info.is_some_and(|info| info.split(", ").any(|word| word == "hardened"))
}

/// What `gc_setup_area` makes of a region of `bytes` bytes, `offset` bytes behind an aligned
/// address: it ends at a block.
pub fn usable(twin: &Twin, offset: usize, bytes: usize) -> usize {
    ((offset + bytes) & !(twin.block_bytes as usize - 1)).saturating_sub(offset)
}

/// The bytes that a hardened area of as many blocks as one of `total` bytes in C needs more.
pub fn extra_bytes(twin: &Twin, total: usize) -> usize {
    let layout = Layout::new(
        total,
        twin.block_bytes as usize,
        Tables {
            finaliser: twin.finaliser,
            collect: twin.selective,
            ..Tables::default()
        },
    );
    layout.map_or(0, |plain| plain.blocks().0.next_multiple_of(WORD))
}

impl Side {
    /// The size that this side is given where a program requests `bytes`.
    pub fn asked(&self, bytes: usize) -> usize {
        if self.beside_hardened && !self.hardened && bytes > 0 {
            bytes + GUARD
        } else {
            bytes
        }
    }

    /// `gc_nbytes`, and the bytes of the chunk that nobody asked for.
    #[expect(
        clippy::not_unsafe_ptr_arg_deref,
        reason = "any address may be asked for: only its number is looked at"
    )]
    pub fn bytes_of_blocks(&self, chunk: *const u8) -> usize {
        // SAFETY: any address may be asked for.
        match unsafe { (self.twin.nbytes)(chunk) } {
            0 => 0,
            bytes => bytes + self.slack(chunk.addr()),
        }
    }

    /// [`extra_bytes`] of a region that begins with the fields of its area.
    pub fn extra_of_added(&self, offset: usize, bytes: usize) -> usize {
        if !self.hardened {
            return 0;
        }
        let total = usable(self.twin, offset, bytes);
        extra_bytes(
            self.twin,
            total.saturating_sub(self.twin.area_bytes as usize),
        )
    }

    /// The size of this side's request where the C requests `bytes`.
    pub fn with_extra(&self, bytes: usize) -> usize {
        bytes + self.extra_of_added(0, bytes)
    }

    /// The size of the C's request where this side requests `bytes`, and the rest.
    pub fn without_extra(&self, bytes: usize) -> (usize, usize) {
        let extra = (0..=bytes).step_by(WORD);
        let extra = extra
            .take_while(|_| self.hardened)
            .find(|&extra| self.extra_of_added(0, bytes - extra) == extra)
            .unwrap_or(0);
        (bytes - extra, extra)
    }

    /// The bytes of a chunk that nobody asked for, where that is known.
    pub fn slack(&self, chunk: usize) -> usize {
        if !self.hardened {
            return 0;
        }
        let areas = self.areas().into_iter();
        let area = areas.filter(|area| (area.pool.addr()..area.pool_end.addr()).contains(&chunk));
        area.map(|area| {
            slack_of(
                &area,
                (chunk - area.pool.addr()) / self.twin.block_bytes as usize,
            )
        })
        .sum()
    }

    /// A word of a live or dying chunk; bytes that nobody asked for are zero, as the driver keeps
    /// them in C.
    pub fn program_word(&self, chunk: *mut u8, word: usize) -> usize {
        // SAFETY: the callers ask for one of the two words that a block has at least.
        let value = unsafe { chunk.cast::<usize>().add(word).read() };
        if !self.hardened {
            return value;
        }
        let bytes = self.chunk_bytes_at(chunk.addr()) - self.slack(chunk.addr());
        value & mask(bytes.saturating_sub(word * WORD))
    }

    /// As `gc_nbytes`, of marked and dying chunks too.
    fn chunk_bytes_at(&self, chunk: usize) -> usize {
        let block = self.twin.block_bytes as usize;
        let tails = (1..).take_while(|i| self.kind_at(chunk + i * block) == Some(2));
        block * (1 + tails.count())
    }
}

/// The first `bytes` bytes of a word.
fn mask(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..WORD => usize::MAX >> (8 * (WORD - bytes)),
        _ => usize::MAX,
    }
}

/// The slack table's entry for a chunk.
fn slack_of(area: &AreaWords, head: usize) -> usize {
    let blocks = area.table_bytes * 4;
    // SAFETY: the table lies right before the pool, a byte for each block.
    let beyond_guard = unsafe { area.pool.wrapping_sub(blocks - head).read() };
    usize::from(beyond_guard) + GUARD
}

fn kind_of(area: &AreaWords, block: usize) -> u8 {
    // SAFETY: the caller has a block of the area, or the one behind its last, which the gap is for.
    unsafe { area.alloc_table.add(block / 4).read() >> (2 * (block % 4)) & 3 }
}

impl Pair {
    /// Whether the Rust is a hardened build.
    pub fn is_hardened(&self) -> bool {
        self.side(1).hardened
    }

    /// The bytes of a chunk that the program may use: all, but in a hardened build those that were
    /// asked for.
    pub(crate) fn program_bytes(&mut self, chunk: Place) -> Outcome<usize> {
        let rust = self.side(1);
        let slack = rust.slack(rust.word(chunk));
        Ok(self.chunk_bytes(chunk)? - slack)
    }

    /// A chunk has just been handed out.
    pub(crate) fn after_hardened_alloc(
        &mut self,
        chunk: Place,
        bytes: usize,
        finaliser: bool,
    ) -> Outcome {
        let first_word = if finaliser && self.twin(0).finaliser {
            WORD
        } else {
            0
        };
        let asked = self.program_bytes(chunk)?;
        same("bytes in use (C: asked for)", bytes.max(first_word), asked)?;
        let fresh = if self.twin(0).conservative_clear {
            0
        } else {
            POISON
        };
        self.expect_bytes("the first word", chunk, 0..first_word, 0)?;
        self.expect_bytes("fresh bytes", chunk, first_word..bytes, fresh)?;
        self.settle_slack(chunk, asked)
    }

    /// A chunk has just been resized. Returns how many of its bytes are in use.
    pub(crate) fn after_hardened_realloc(
        &mut self,
        chunk: Place,
        old: usize,
        bytes: usize,
        moved: bool,
    ) -> Outcome<usize> {
        let asked = self.program_bytes(chunk)?;
        // The first word of an object with a finaliser is in use, however short it is.
        if asked != bytes && (asked != WORD || bytes > WORD) {
            same("bytes in use (C: asked for)", bytes, asked)?;
        }
        let gained = if moved && !self.twin(0).conservative_clear {
            POISON
        } else {
            0
        };
        // What is left of a word may be half an address, until the driver fills it.
        self.expect_same_program_bytes(chunk, old.min(asked) / WORD * WORD)?;
        self.expect_bytes("gained bytes", chunk, old..bytes, gained)?;
        self.settle_slack(chunk, asked)?;
        Ok(asked)
    }

    /// In C the slack may hold addresses; in mpgc it holds the canary.
    fn settle_slack(&mut self, chunk: Place, asked: usize) -> Outcome {
        let all = self.chunk_bytes(chunk)?;
        let c = self.side(0).address(chunk);
        // SAFETY: the chunk is live, and nobody asked for these bytes of it.
        unsafe { c.add(asked).write_bytes(0, all - asked) }
        self.expect_bytes("slack", chunk, asked..all, CANARY)
    }

    fn expect_bytes(
        &self,
        what: &str,
        chunk: Place,
        range: std::ops::Range<usize>,
        expected: u8,
    ) -> Outcome {
        let start = self.side(1).address(chunk);
        for i in range {
            // SAFETY: the callers name bytes of a chunk or a block.
            let found = unsafe { start.add(i).read() };
            if found != expected {
                return Err(Difference {
                    what: format!("{what} of {chunk:?}, byte {i} (C: what is expected)"),
                    c: format!("{expected:#x}"),
                    rust: format!("{found:#x}"),
                });
            }
        }
        Ok(())
    }

    /// The bytes of a chunk that a program has written.
    fn expect_same_program_bytes(&self, chunk: Place, bytes: usize) -> Outcome {
        let starts = [0, 1].map(|i| self.side(i).address(chunk).cast::<usize>());
        for word in 0..bytes.div_ceil(WORD) {
            let mask = mask(bytes - word * WORD);
            // SAFETY: the chunk is live and has that many words on both sides.
            let [c, rust] = starts.map(|start| unsafe { start.add(word).read() } & mask);
            if c != rust {
                let (c, rust) = (self.side(0).place(c), self.side(1).place(rust));
                same(&format!("word {word} of the chunk at {chunk:?}"), c, rust)?;
            }
        }
        Ok(())
    }

    /// The pools: bytes in use like the C's, slack with the canary, free blocks with poison.
    pub(crate) fn compare_hardened_pools(&mut self) -> Outcome {
        let bytes = self.twin(0).block_bytes as usize;
        for [_, area] in self.areas()? {
            let blocks = area.table_bytes * 4;
            let mut block = 0;
            while block < blocks {
                let place = self.side(1).place(area.pool.addr() + block * bytes);
                let tails = (block + 1..blocks).take_while(|&b| kind_of(&area, b) == 2);
                match kind_of(&area, block) {
                    0 => {
                        self.expect_bytes("a free block", place, 0..bytes, POISON)?;
                        block += 1;
                    }
                    _ => {
                        let all = (1 + tails.count()) * bytes;
                        let asked = all - slack_of(&area, block);
                        self.expect_same_program_bytes(place, asked)?;
                        self.expect_bytes("slack", place, asked..all, CANARY)?;
                        block += all / bytes;
                    }
                }
            }
        }
        Ok(())
    }
}
