//! The meaning of MicroPython's values: `mp_obj_t`, qstrs, types, names of functions.

use anyhow::{Result, bail};

use crate::dwarf::Place;
use crate::heap::Fields;
use crate::memory::Memory;
use crate::program::Program;

/// `MICROPY_OBJ_REPR_x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Repr {
    A,
    B,
    C,
    D,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    SmallInt(i64),
    Qstr(u64),
    /// None, False, True.
    Immediate(u64),
    Float(f64),
    Pointer(u64),
}

impl Repr {
    pub fn decode(self, value: u64, word: usize) -> Value {
        let signed = |value: u64| {
            if word == 4 {
                i64::from(value as u32 as i32)
            } else {
                value as i64
            }
        };
        match self {
            Repr::A if value & 1 == 1 => Value::SmallInt(signed(value) >> 1),
            Repr::A if value & 7 == 2 => Value::Qstr(value >> 3),
            Repr::A if value & 7 == 6 => Value::Immediate(value >> 3),
            Repr::B if value & 3 == 1 => Value::SmallInt(signed(value) >> 2),
            Repr::B if value & 7 == 3 => Value::Qstr(value >> 3),
            Repr::B if value & 7 == 7 => Value::Immediate(value >> 3),
            Repr::C if value & 1 == 1 => Value::SmallInt(signed(value) >> 1),
            Repr::C if value & 0xff80_000f == 0x6 => Value::Qstr(value >> 4),
            Repr::C if value & 0xff80_000f == 0xe => Value::Immediate(value >> 4),
            Repr::C if value & 3 == 2 => {
                let bits = (value as u32).wrapping_sub(0x8080_0000) & !3;
                Value::Float(f32::from_bits(bits | bits >> 2 & 3).into())
            }
            Repr::D => match value >> 48 {
                0 => Value::Pointer(value),
                1 => Value::SmallInt(((value << 16) as i64) >> 17),
                2 => Value::Qstr(value >> 1 & 0xffff_ffff),
                3 => Value::Immediate(value >> 46 & 3),
                _ => Value::Float(f64::from_bits(value.wrapping_sub(0x8004_0000_0000_0000))),
            },
            _ => Value::Pointer(value),
        }
    }
}

pub struct Python<'a> {
    pub fields: Fields<'a>,
    pub repr: Repr,
    /// Bytes in an `mp_obj_t`.
    pub object: usize,
    /// From the newest to the oldest.
    pools: Vec<Pool>,
    pub type_type: Option<u64>,
    type_name: Option<Place>,
}

struct Pool {
    first: u64,
    count: u64,
    lengths: Option<(u64, usize)>,
    strings: u64,
}

const MOST_POOLS: usize = 100_000;

impl<'a> Python<'a> {
    pub fn new(memory: &'a Memory, program: &'a Program, state: u64) -> Result<Self> {
        let fields = Fields { memory, program };
        let pools = read_pools(&fields, state)?;
        let layouts = &program.layouts;
        let element = layouts.need("mp_map_elem_t", "key")?;
        let object = layouts.size(&element.kind);
        let mut python = Python {
            repr: Repr::A,
            object,
            pools,
            type_type: program
                .symbol("mp_type_type")
                .map(|address| address.wrapping_add(memory.bias)),
            type_name: layouts.place("mp_obj_type_t", "name"),
            fields,
        };
        python.repr = python.find_repr(state)?;
        Ok(python)
    }

    pub fn memory(&self) -> &'a Memory {
        self.fields.memory
    }

    /// Which representation objects have no table says; but the globals of `__main__` have the key
    /// `__name__`.
    fn find_repr(&self, state: u64) -> Result<Repr> {
        let word = self.memory().machine.word;
        let candidates: &[Repr] = if self.object > word {
            &[Repr::D]
        } else {
            &[Repr::A, Repr::B, Repr::C]
        };
        let map = self
            .fields
            .program
            .layouts
            .need("mp_state_ctx_t", "vm.dict_main.map")?;
        for &repr in candidates {
            for (key, _) in self
                .map(state.wrapping_add(map.offset as u64))
                .unwrap_or_default()
            {
                if matches!(repr.decode(key, word), Value::Qstr(number)
                    if self.qstr(number).as_deref() == Some("__name__"))
                {
                    return Ok(repr);
                }
            }
        }
        bail!(
            "the globals of `__main__` have no `__name__`: the snapshot is damaged, or is of \
             another build than the ELF file"
        )
    }

    /// Keys and values of the `mp_map_t` at this address.
    pub fn map(&self, address: u64) -> Option<Vec<(u64, u64)>> {
        let count = self.fields.field(address, "mp_map_t", "alloc").ok()?;
        let table = self.fields.field(address, "mp_map_t", "table").ok()?;
        let bytes = self.memory().rest(table)?;
        let pairs = bytes
            .chunks_exact(2 * self.object)
            .take(usize::try_from(count).ok()?);
        Some(
            pairs
                .map(|pair| self.pair(pair))
                .filter(|&(key, _)| key != 0)
                .collect(),
        )
    }

    pub fn pair(&self, bytes: &[u8]) -> (u64, u64) {
        let machine = &self.memory().machine;
        (
            machine.value(&bytes[..self.object]),
            machine.value(&bytes[self.object..2 * self.object]),
        )
    }

    pub fn decode(&self, value: u64) -> Value {
        self.repr.decode(value, self.memory().machine.word)
    }

    pub fn qstr(&self, number: u64) -> Option<String> {
        let pool = self
            .pools
            .iter()
            .find(|pool| pool.first <= number && number - pool.first < pool.count)?;
        let index = number - pool.first;
        let memory = self.memory();
        let string = memory.word(
            pool.strings
                .wrapping_add(index * memory.machine.word as u64),
        )?;
        let bytes = match pool.lengths {
            Some((lengths, size)) => {
                let length = memory.value(lengths.wrapping_add(index * size as u64), size)?;
                memory.bytes(string, usize::try_from(length).ok()?)?
            }
            // Before 1.20 a hash and a length stood before each string; their sizes are the
            // default's here.
            None => {
                let rest = memory.rest(string)?;
                let length = usize::from(*rest.get(2)?);
                rest.get(3..3 + length)?
            }
        };
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// Whether there is an `mp_obj_type_t` at this address.
    pub fn is_type(&self, address: u64) -> bool {
        let Some(type_type) = self.type_type else {
            return false;
        };
        address != 0 && self.memory().word(address) == Some(type_type)
    }

    /// The name of the type at this address: what Python calls it, or else its symbol.
    pub fn type_name(&self, address: u64) -> Option<String> {
        let place = self.type_name.as_ref()?;
        let name = self
            .qstr(self.fields.at(address, place).ok()?)
            .filter(|name| !name.is_empty());
        name.or_else(|| self.type_symbol(address).map(plain_name))
    }

    pub fn type_symbol(&self, address: u64) -> Option<&'a str> {
        self.fields
            .program
            .name(address.wrapping_sub(self.memory().bias))
    }

    /// A function slot of the type at this address (`make_new`, `parent`, ...).
    pub fn type_slot(&self, address: u64, slot: &str) -> Option<u64> {
        let layouts = &self.fields.program.layouts;
        if let Some(place) = layouts.place("mp_obj_type_t", &format!("slot_index_{slot}")) {
            let index = self
                .fields
                .at(address, &place)
                .ok()
                .filter(|&index| index > 0)?;
            let slots = layouts.place("mp_obj_type_t", "slots")?;
            let word = self.memory().machine.word as u64;
            return self
                .memory()
                .word(address.wrapping_add(slots.offset as u64 + (index - 1) * word));
        }
        // Before 1.20 each slot was a field.
        self.fields
            .option(address, "mp_obj_type_t", slot)
            .ok()?
            .filter(|&value| value != 0)
    }

    /// The name of the function whose bytecode this is, by the table of names of its module.
    pub fn function_name(&self, bytecode: u64, context: u64) -> Option<String> {
        let code = self.memory().rest(bytecode)?;
        let mut at = 0;
        let mut next = || {
            at += 1;
            code.get(at - 1).copied()
        };
        // The signature and the sizes go on while the highest bit is set; after them comes the
        // name.
        while next()? & 0x80 != 0 {}
        while next()? & 0x80 != 0 {}
        let mut index = 0u64;
        for _ in 0..4 {
            let byte = next()?;
            index = index << 7 | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let layouts = &self.fields.program.layouts;
        let Some(table) = layouts.place("mp_module_context_t", "constants.qstr_table") else {
            return self.qstr(index);
        };
        let table = self.fields.at(context, &table).ok()?;
        self.qstr(self.memory().value(table.wrapping_add(2 * index), 2)?)
    }
}

/// `mp_type_cell` is known as `cell`.
pub fn plain_name(symbol: &str) -> String {
    let plain = symbol.strip_prefix("mp_type_").unwrap_or(symbol);
    plain.strip_suffix("_type").unwrap_or(plain).to_string()
}

fn read_pools(fields: &Fields<'_>, state: u64) -> Result<Vec<Pool>> {
    let layouts = &fields.program.layouts;
    let mut at = fields.field(state, "mp_state_ctx_t", "vm.last_pool")?;
    let strings = layouts.need("qstr_pool_t", "qstrs")?.offset as u64;
    let length_size = match layouts
        .place("qstr_pool_t", "lengths")
        .map(|place| place.kind)
    {
        Some(crate::dwarf::Type::Pointer(to)) => Some(layouts.size(&to)),
        _ => None,
    };
    let mut pools: Vec<Pool> = Vec::new();
    while at != 0 {
        let first = fields.field(at, "qstr_pool_t", "total_prev_len")?;
        let count = fields.field(at, "qstr_pool_t", "len")?;
        let lengths = match length_size {
            Some(size) => Some((fields.field(at, "qstr_pool_t", "lengths")?, size)),
            None => None,
        };
        if pools.len() == MOST_POOLS || pools.last().is_some_and(|newer| newer.first < first) {
            bail!("the chain of qstr pools is damaged at {at:#x}");
        }
        pools.push(Pool {
            first,
            count,
            lengths,
            strings: at.wrapping_add(strings),
        });
        at = fields.field(at, "qstr_pool_t", "prev")?;
    }
    Ok(pools)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_representation_is_decoded() {
        assert_eq!(
            Repr::A.decode((-5i64 as u64) << 1 | 1, 8),
            Value::SmallInt(-5)
        );
        assert_eq!(
            Repr::A.decode(u64::from((-5i32 as u32) << 1 | 1), 4),
            Value::SmallInt(-5)
        );
        assert_eq!(Repr::A.decode(77 << 3 | 2, 4), Value::Qstr(77));
        assert_eq!(Repr::A.decode(3 << 3 | 6, 4), Value::Immediate(3));
        assert_eq!(Repr::A.decode(0x2000_1000, 4), Value::Pointer(0x2000_1000));
        assert_eq!(Repr::B.decode(77 << 3 | 3, 4), Value::Qstr(77));
        assert_eq!(Repr::B.decode(9 << 2 | 1, 4), Value::SmallInt(9));
        assert_eq!(Repr::C.decode(77 << 4 | 6, 4), Value::Qstr(77));
        // As MP_OBJ_NEW_CONST_FLOAT makes it.
        let float = u64::from((1.5f32.to_bits() & !3 | 2).wrapping_add(0x8080_0000));
        assert_eq!(Repr::C.decode(float, 4), Value::Float(1.5));
        assert_eq!(
            Repr::D.decode(0x0002_0000_0000_0001 | 77 << 1, 4),
            Value::Qstr(77)
        );
        assert_eq!(
            Repr::D.decode(1.5f64.to_bits().wrapping_add(0x8004_0000_0000_0000), 4),
            Value::Float(1.5)
        );
        assert_eq!(
            Repr::D.decode(
                (-5i64 as u64 & 0x7fff_ffff_ffff) << 1 | 0x0001_0000_0000_0001,
                4
            ),
            Value::SmallInt(-5)
        );
    }
}
