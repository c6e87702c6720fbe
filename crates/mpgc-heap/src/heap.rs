//! The heap according to its tables: areas, their blocks, and the chunks in them.

use anyhow::{Result, bail};

use crate::dwarf::{Place, Type};
use crate::memory::Memory;
use crate::program::Program;

/// What the C calls `mp_state_mem_area_t`.
pub struct Area {
    pub pool: u64,
    pub end: u64,
    pub block_bytes: u64,
    /// The chunk whose head each block is, or `NONE`.
    heads: Vec<u32>,
}

pub const NONE: u32 = u32::MAX;

pub struct Chunk {
    pub address: u64,
    pub bytes: u64,
    pub area: u32,
    /// A collection reads its words; with CircuitPython's selective collect some are not read.
    pub is_read: bool,
}

pub struct Heap {
    pub areas: Vec<Area>,
    /// In the order of areas and addresses.
    pub chunks: Vec<Chunk>,
}

const FREE: u8 = 0;
const HEAD: u8 = 1;
const TAIL: u8 = 2;
const MARK: u8 = 3;

/// More areas than any port has: a longer chain is a loop.
const MOST_AREAS: usize = 4096;

/// Reads fields of a structure in the snapshot.
pub struct Fields<'a> {
    pub memory: &'a Memory,
    pub program: &'a Program,
}

impl Fields<'_> {
    pub fn at(&self, base: u64, place: &Place) -> Result<u64> {
        let address = base.wrapping_add(place.offset as u64);
        let value = match place.bits {
            Some((first, length)) => self.bits(address, first, length),
            None => self
                .memory
                .value(address, self.program.layouts.size(&place.kind)),
        };
        match value {
            Some(value) => Ok(value),
            None => bail!("the snapshot does not hold the memory at {address:#x}"),
        }
    }

    fn bits(&self, base: u64, first: usize, length: usize) -> Option<u64> {
        let (from, to) = (first / 8, (first + length).div_ceil(8));
        let all = self
            .memory
            .value(base.wrapping_add(from as u64), to - from)?;
        let above = if self.memory.machine.big_endian {
            to * 8 - first - length
        } else {
            first % 8
        };
        let mask = if length >= 64 {
            u64::MAX
        } else {
            (1 << length) - 1
        };
        Some((all >> above) & mask)
    }

    pub fn field(&self, base: u64, structure: &str, path: &str) -> Result<u64> {
        self.at(base, &self.program.layouts.need(structure, path)?)
    }

    /// The same where a field may be missing from this configuration.
    pub fn option(&self, base: u64, structure: &str, path: &str) -> Result<Option<u64>> {
        self.program
            .layouts
            .place(structure, path)
            .map(|place| self.at(base, &place))
            .transpose()
    }
}

/// Where the fields of an area are.
struct AreaPlace {
    at: u64,
    structure: String,
    prefix: &'static str,
}

impl AreaPlace {
    fn field(&self, fields: &Fields<'_>, name: &str) -> Result<u64> {
        fields.field(self.at, &self.structure, &format!("{}{name}", self.prefix))
    }
}

fn places(fields: &Fields<'_>, state: u64) -> Result<Vec<AreaPlace>> {
    // Before 1.20 the fields of the one area lay in the state itself.
    let Some(first) = fields.program.layouts.place("mp_state_ctx_t", "mem.area") else {
        let structure = "mp_state_ctx_t".to_string();
        return Ok(vec![AreaPlace {
            at: state,
            structure,
            prefix: "mem.",
        }]);
    };
    let Type::Named(area) = first.kind else {
        bail!("the DWARF says that `mem.area` is no structure")
    };
    let mut found = Vec::new();
    let mut at = state.wrapping_add(first.offset as u64);
    while at != 0 {
        if found.len() == MOST_AREAS {
            bail!("the chain of areas is damaged: it does not end");
        }
        found.push(AreaPlace {
            at,
            structure: area.clone(),
            prefix: "",
        });
        at = fields.option(at, &area, "next")?.unwrap_or(0);
    }
    Ok(found)
}

impl Heap {
    /// Find the areas from `mp_state_ctx`, whose address this is, and read their tables.
    pub fn read(memory: &Memory, program: &Program, state: u64) -> Result<Heap> {
        let fields = Fields { memory, program };
        let mut heap = Heap {
            areas: Vec::new(),
            chunks: Vec::new(),
        };
        for area in places(&fields, state)? {
            heap.add_place(&fields, &area)?;
        }
        heap.check_overlap()?;
        Ok(heap)
    }

    /// The start and the end of each area, tables and pool.
    pub fn spans(fields: &Fields<'_>, state: u64) -> Result<Vec<(u64, u64)>> {
        let span = |place: &AreaPlace| -> Result<(u64, u64)> {
            Ok((
                place.field(fields, "gc_alloc_table_start")?,
                place.field(fields, "gc_pool_end")?,
            ))
        };
        places(fields, state)?.iter().map(span).collect()
    }

    fn check_overlap(&self) -> Result<()> {
        let mut spans: Vec<_> = self
            .areas
            .iter()
            .map(|area| (area.pool, area.end))
            .collect();
        spans.sort();
        match spans.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            Some(pair) => bail!(
                "the areas are damaged: the pools at {:#x} and {:#x} overlap",
                pair[0].0,
                pair[1].0
            ),
            None => Ok(()),
        }
    }

    /// The heap of a C program, whose snapshot says where the areas are.
    pub fn read_stated(memory: &Memory) -> Result<Heap> {
        let mut heap = Heap {
            areas: Vec::new(),
            chunks: Vec::new(),
        };
        for area in &memory.stated.areas {
            let Some(end) = area.pool.checked_add(area.pool_bytes) else {
                bail!("an area is damaged: its pool goes past the end of the memory");
            };
            heap.add_area(memory, (area.table, area.table_bytes), (area.pool, end))?;
            if heap.areas.last().map(|added| added.block_bytes) != Some(area.block_bytes) {
                bail!(
                    "an area is damaged: it has not the blocks of {} bytes that it names",
                    area.block_bytes
                );
            }
        }
        heap.check_overlap()?;
        Ok(heap)
    }

    fn add_place(&mut self, fields: &Fields<'_>, place: &AreaPlace) -> Result<()> {
        let field = |name: &str| place.field(fields, name);
        let table = field("gc_alloc_table_start")?;
        let table_bytes = field("gc_alloc_table_byte_len")?;
        let (pool, end) = (field("gc_pool_start")?, field("gc_pool_end")?);
        if table == 0 && pool == 0 {
            bail!("the heap was not yet initialised when the snapshot was taken");
        }
        let first = self.chunks.len();
        self.add_area(fields.memory, (table, table_bytes), (pool, end))?;
        let name = format!("{}gc_collect_table_start", place.prefix);
        match fields.option(place.at, &place.structure, &name)? {
            Some(bits) => self.mark_read(fields.memory, bits, first),
            None => Ok(()),
        }
    }

    /// The chunks from `first` on are those of an area with a bit for each block: that of a head
    /// says whether its chunk is read.
    fn mark_read(&mut self, memory: &Memory, bits: u64, first: usize) -> Result<()> {
        let Some(area) = self.areas.last() else {
            return Ok(());
        };
        let length = area.heads.len().div_ceil(8);
        let Some(bits) = memory.bytes(bits, length) else {
            bail!("the snapshot does not hold the collect table at {bits:#x}");
        };
        for chunk in &mut self.chunks[first..] {
            let block = ((chunk.address - area.pool) / area.block_bytes) as usize;
            chunk.is_read = bits[block / 8] >> (block % 8) & 1 == 1;
        }
        Ok(())
    }

    fn add_area(
        &mut self,
        memory: &Memory,
        (table, table_bytes): (u64, u64),
        (pool, end): (u64, u64),
    ) -> Result<()> {
        let blocks = table_bytes.saturating_mul(4);
        let bytes = end.wrapping_sub(pool);
        if blocks == 0 || end < pool || !bytes.is_multiple_of(blocks) || blocks >= u64::from(NONE) {
            bail!(
                "an area is damaged: a table of {table_bytes} bytes for the pool from {pool:#x} \
                 to {end:#x}"
            );
        }
        let block_bytes = bytes / blocks;
        if !block_bytes.is_power_of_two() || block_bytes < memory.machine.word as u64 {
            bail!("an area is damaged: {bytes} bytes in {blocks} blocks");
        }
        let Some(codes) = memory.bytes(table, table_bytes as usize) else {
            bail!("the snapshot does not hold the alloc table at {table:#x}");
        };
        if memory.bytes(pool, bytes as usize).is_none() {
            bail!("the snapshot does not hold the pool from {pool:#x} to {end:#x}");
        }
        let area = self.areas.len() as u32;
        let mut heads = vec![NONE; blocks as usize];
        let mut open = false;
        for (block, head) in heads.iter_mut().enumerate() {
            let address = pool + block as u64 * block_bytes;
            match codes[block / 4] >> (2 * (block % 4)) & 3 {
                FREE => open = false,
                TAIL if open => {
                    if let Some(chunk) = self.chunks.last_mut() {
                        chunk.bytes += block_bytes;
                    }
                }
                TAIL => bail!("the alloc table is damaged: the tail at {address:#x} has no head"),
                kind => {
                    // While a collection is under way what it has found has a code of its own.
                    debug_assert!(kind == HEAD || kind == MARK);
                    *head = self.chunks.len() as u32;
                    self.chunks.push(Chunk {
                        address,
                        bytes: block_bytes,
                        area,
                        is_read: true,
                    });
                    open = true;
                }
            }
        }
        self.areas.push(Area {
            pool,
            end,
            block_bytes,
            heads,
        });
        Ok(())
    }

    /// The chunk whose head is at exactly this address: what a collection takes for a reference.
    pub fn head(&self, address: u64) -> Option<usize> {
        let area = self
            .areas
            .iter()
            .find(|area| address >= area.pool && address < area.end)?;
        let offset = address - area.pool;
        if !offset.is_multiple_of(area.block_bytes) {
            return None;
        }
        let head = area.heads[(offset / area.block_bytes) as usize];
        (head != NONE).then_some(head as usize)
    }

    /// The chunk that holds this address, at its head or within it.
    pub fn holding(&self, address: u64) -> Option<usize> {
        let area = self
            .areas
            .iter()
            .find(|area| address >= area.pool && address < area.end)?;
        let block = ((address - area.pool) / area.block_bytes) as usize;
        let head = area.heads[..=block]
            .iter()
            .rev()
            .find(|&&head| head != NONE)?;
        let chunk = &self.chunks[*head as usize];
        (address < chunk.address + chunk.bytes).then_some(*head as usize)
    }

    pub fn pool_bytes(&self) -> u64 {
        self.areas.iter().map(|area| area.end - area.pool).sum()
    }

    /// The free runs, each its address and its bytes.
    pub fn free_runs(&self) -> Vec<(u64, u64)> {
        let mut runs = Vec::new();
        let mut chunks = self.chunks.iter().peekable();
        for (index, area) in self.areas.iter().enumerate() {
            let mut at = area.pool;
            while let Some(chunk) = chunks.next_if(|chunk| chunk.area == index as u32) {
                if chunk.address > at {
                    runs.push((at, chunk.address - at));
                }
                at = chunk.address + chunk.bytes;
            }
            if area.end > at {
                runs.push((at, area.end - at));
            }
        }
        runs
    }
}
