//! What is compared on a period: the tables, the pools, the figures, the dump, and what mpgc
//! claims.

use crate::memory::Place;
use crate::pair::{Difference, Outcome, Pair, same};
use crate::twin::AreaWords;

impl Pair {
    /// The alloc table, its gap and the bit tables of every area, byte by byte.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn compare_tables(&mut self) -> Outcome {
        self.covered.tables_compared += 1;
        let areas = self.areas()?;
        for (number, [c, rust]) in areas.into_iter().enumerate() {
            same("bytes of the alloc table", c.table_bytes, rust.table_bytes)?;
            let pools = [0, 1].map(|i| self.side(i).place([c, rust][i].pool.addr()));
            let pool = same(
                &format!("where the pool of area {number} lies"),
                pools[0],
                pools[1],
            )?;
            let starts = [0, 1].map(|i| match pool {
                Place::Heap(region, _) => self.side(i).regions[region].start().addr(),
                _ => 0,
            });
            for (what, of) in [
                (
                    "alloc table",
                    (|a, start| a.alloc_table.addr().wrapping_sub(start))
                        as fn(AreaWords, usize) -> usize,
                ),
                ("finaliser table", |a, start| {
                    a.finaliser_table.addr().saturating_sub(start)
                }),
                ("collect table", |a, start| {
                    a.collect_table.addr().saturating_sub(start)
                }),
                ("end of the pool", |a, _| a.pool_end.addr() - a.pool.addr()),
            ] {
                let [c, rust] = [of(c, starts[0]), of(rust, starts[1])];
                same(&format!("where the {what} of area {number} lies"), c, rust)?;
            }
            let blocks = c.table_bytes * 4;
            let tables = [
                (
                    "alloc table and gap",
                    [c, rust].map(|a| a.alloc_table),
                    c.table_bytes + 1,
                ),
                (
                    "finaliser table",
                    [c, rust].map(|a| a.finaliser_table),
                    blocks.div_ceil(8),
                ),
                (
                    "collect table",
                    [c, rust].map(|a| a.collect_table),
                    blocks.div_ceil(8),
                ),
            ];
            for (what, [c, rust], len) in tables {
                if c.is_null() {
                    continue;
                }
                // SAFETY: both tables have that many bytes.
                let (c, rust) = unsafe {
                    (
                        std::slice::from_raw_parts(c, len),
                        std::slice::from_raw_parts(rust, len),
                    )
                };
                if c != rust {
                    let at = (0..len).find(|&i| c[i] != rust[i]).unwrap_or(0);
                    let shown = at.saturating_sub(4)..(at + 12).min(len);
                    let what = format!("{what} of area {number}, bytes {shown:?}");
                    let hex = |table: &[u8]| format!("{:02x?}", &table[shown.clone()]);
                    return Err(Difference {
                        what,
                        c: hex(c),
                        rust: hex(rust),
                    });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn areas(&self) -> Outcome<Vec<[AreaWords; 2]>> {
        let (c, rust) = (self.side(0).areas(), self.side(1).areas());
        same("number of areas", c.len(), rust.len())?;
        Ok(c.into_iter().zip(rust).map(|(c, rust)| [c, rust]).collect())
    }

    /// Every word of every pool, free blocks included.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn compare_pools(&mut self) -> Outcome {
        self.covered.pools_compared += 1;
        if self.is_hardened() {
            return self.compare_hardened_pools();
        }
        for (number, [c, rust]) in self.areas()?.into_iter().enumerate() {
            let words = (c.pool_end.addr() - c.pool.addr()) / size_of::<usize>();
            let (c, rust) = (c.pool.cast::<usize>(), rust.pool.cast::<usize>());
            for i in 0..words {
                // SAFETY: both pools have that many words.
                let (a, b) = unsafe { (c.add(i).read(), rust.add(i).read()) };
                if a != b {
                    let (a, b) = (self.side(0).place(a), self.side(1).place(b));
                    same(&format!("word {i} of the pool of area {number}"), a, b)?;
                }
            }
        }
        Ok(())
    }

    /// `gc_info`, and what `mpgc_check` finds.
    ///
    /// # Errors
    ///
    /// A difference, or a claim of mpgc that is false.
    pub fn compare_figures(&mut self) -> Outcome {
        self.covered.mpgc_checks += 1;
        self.both("gc_info", |pair, _, i| pair.side(i).info())?;
        same("mpgc_check", Ok(()), self.side(1).check()).map(drop)
    }

    /// The text of both dumps.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn compare_dumps(&mut self) -> Outcome {
        self.covered.dumps_compared += 1;
        self.both("dump", |pair, _, i| pair.side(i).dump())?;
        Ok(())
    }

    /// Everything at once; slow in a large heap.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn compare_all(&mut self) -> Outcome {
        self.compare_tables()?;
        self.compare_pools()?;
        self.compare_figures()?;
        self.compare_dumps()?;
        for i in 0..2 {
            let side = self.side(i);
            let mut memory = side.regions.iter().chain([&side.stack]);
            if !memory.all(|memory| memory.guards_are_whole()) {
                let text = |n| if i == n { "written" } else { "" }.into();
                return Err(Difference {
                    what: "memory beside a region".into(),
                    c: text(0),
                    rust: text(1),
                });
            }
        }
        Ok(())
    }
}
