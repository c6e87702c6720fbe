//! The layouts of C types, from the DWARF of an ELF file.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use gimli::{
    AttributeValue, DW_AT_bit_offset, DW_AT_bit_size, DW_AT_byte_size, DW_AT_count,
    DW_AT_data_bit_offset,
};
use gimli::{
    DW_AT_data_member_location, DW_AT_declaration, DW_AT_name, DW_AT_type, DW_AT_upper_bound, DwTag,
};
use gimli::{DebuggingInformationEntry, Dwarf, EndianSlice, RunTimeEndian, Unit, UnitOffset};

type Reader<'a> = EndianSlice<'a, RunTimeEndian>;
type Entry<'a, 'u> = DebuggingInformationEntry<'u, 'u, Reader<'a>>;

#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A number of this many bytes.
    Scalar(usize),
    /// `mp_obj_t`: whatever its C type is, it holds an object.
    Object(usize),
    Pointer(Rc<Type>),
    /// A structure by its name; `Layouts::find` gives it.
    Named(String),
    Inline(Rc<Struct>),
    /// Elements and how many of them there are, if that is said.
    Array(Rc<Type>, Option<usize>),
    Function,
    Void,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub offset: usize,
    pub kind: Type,
    /// First bit and number of bits, counted from the start of the structure, where it is not of
    /// whole bytes.
    pub bits: Option<(usize, usize)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Struct {
    pub name: String,
    pub size: usize,
    pub union: bool,
    pub fields: Vec<Field>,
}

/// Where a field lies that was asked for by its path.
#[derive(Clone, Debug)]
pub struct Place {
    pub offset: usize,
    pub kind: Type,
    pub bits: Option<(usize, usize)>,
}

pub struct Layouts {
    structs: HashMap<String, Rc<Struct>>,
    /// The names that `typedef` gives to structures.
    aliases: HashMap<String, String>,
    pointer: usize,
}

/// How many typedefs, arrays and the like may lie within each other before a type is called broken.
const DEEPEST: usize = 24;

impl Layouts {
    pub fn find(&self, name: &str) -> Option<&Rc<Struct>> {
        self.structs
            .get(name)
            .or_else(|| self.structs.get(self.aliases.get(name)?))
    }

    pub fn get(&self, name: &str) -> Result<&Rc<Struct>> {
        self.find(name)
            .with_context(|| format!("the DWARF has no structure `{name}`"))
    }

    pub fn size(&self, kind: &Type) -> usize {
        match kind {
            Type::Scalar(size) | Type::Object(size) => *size,
            Type::Pointer(_) => self.pointer,
            Type::Named(name) => self.find(name).map_or(0, |found| found.size),
            Type::Inline(found) => found.size,
            Type::Array(element, count) => self.size(element).saturating_mul(count.unwrap_or(0)),
            Type::Function | Type::Void => 0,
        }
    }

    /// The structure that this type is, if it is one.
    pub fn structure<'a>(&'a self, kind: &'a Type) -> Option<&'a Rc<Struct>> {
        match kind {
            Type::Named(name) => self.find(name),
            Type::Inline(found) => Some(found),
            _ => None,
        }
    }

    /// Where the field `path` (with dots) of the structure `name` lies.
    pub fn place(&self, name: &str, path: &str) -> Option<Place> {
        let mut place = Place {
            offset: 0,
            kind: Type::Named(name.to_string()),
            bits: None,
        };
        for part in path.split('.') {
            let found = self
                .structure(&place.kind)?
                .fields
                .iter()
                .find(|field| field.name == part)?
                .clone();
            // Bits are counted from the start of the structure that has them.
            let offset = if found.bits.is_some() {
                0
            } else {
                found.offset
            };
            place = Place {
                offset: place.offset + offset,
                kind: found.kind,
                bits: found.bits,
            };
        }
        Some(place)
    }

    pub fn need(&self, name: &str, path: &str) -> Result<Place> {
        self.get(name)?;
        self.place(name, path)
            .with_context(|| format!("the DWARF has no field `{path}` in `{name}`"))
    }

    /// Read the layouts of all structures that have a name.
    pub fn read(dwarf: &Dwarf<Reader<'_>>, pointer: usize) -> Result<Layouts> {
        let mut units = Vec::new();
        let mut headers = dwarf.units();
        while let Some(header) = headers.next().context("the DWARF")? {
            units.push(dwarf.unit(header).context("a unit of the DWARF")?);
        }
        let layouts = Layouts {
            structs: HashMap::new(),
            aliases: HashMap::new(),
            pointer,
        };
        let mut walk = Walk {
            dwarf,
            units: &units,
            layouts,
        };
        for index in 0..units.len() {
            walk.unit(index)?;
        }
        if walk.layouts.structs.is_empty() {
            bail!("the DWARF names no structure");
        }
        Ok(walk.layouts)
    }
}

struct Walk<'a, 'u> {
    dwarf: &'u Dwarf<Reader<'a>>,
    units: &'u [Unit<Reader<'a>>],
    layouts: Layouts,
}

fn is_structure(tag: DwTag) -> bool {
    tag == gimli::DW_TAG_structure_type || tag == gimli::DW_TAG_union_type
}

impl<'a, 'u> Walk<'a, 'u> {
    /// Note the structures that the outermost level of a unit names.
    fn unit(&mut self, index: usize) -> Result<()> {
        let unit = &self.units[index];
        let mut tree = unit.entries_tree(None)?;
        let mut children = tree.root()?.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if is_structure(entry.tag()) {
                let Some(name) = self.name(unit, entry)? else {
                    continue;
                };
                if self.layouts.structs.contains_key(&name)
                    || entry.attr(DW_AT_declaration)?.is_some()
                {
                    continue;
                }
                let found = self.structure(index, entry.offset(), name.clone(), 0)?;
                self.layouts.structs.insert(name, Rc::new(found));
            } else if entry.tag() == gimli::DW_TAG_typedef {
                self.typedef(index, entry)?;
            }
        }
        Ok(())
    }

    fn typedef(&mut self, index: usize, entry: &Entry<'a, '_>) -> Result<()> {
        let Some(name) = self.name(&self.units[index], entry)? else {
            return Ok(());
        };
        if self.layouts.find(&name).is_some() {
            return Ok(());
        }
        let Some((index, offset)) = self.reference(index, entry)? else {
            return Ok(());
        };
        let target = self.units[index].entry(offset)?;
        if !is_structure(target.tag()) {
            return Ok(());
        }
        match self.name(&self.units[index], &target)? {
            Some(tag) => {
                self.layouts.aliases.insert(name, tag);
            }
            None => {
                let found = self.structure(index, offset, name.clone(), 0)?;
                self.layouts.structs.insert(name, Rc::new(found));
            }
        }
        Ok(())
    }

    fn name(&self, unit: &Unit<Reader<'a>>, entry: &Entry<'a, '_>) -> Result<Option<String>> {
        let Some(value) = entry.attr_value(DW_AT_name)? else {
            return Ok(None);
        };
        Ok(Some(
            self.dwarf
                .attr_string(unit, value)?
                .to_string_lossy()
                .into_owned(),
        ))
    }

    /// The unit and the place in it that the type of an entry is described at.
    fn reference(
        &self,
        index: usize,
        entry: &Entry<'a, '_>,
    ) -> Result<Option<(usize, UnitOffset)>> {
        Ok(match entry.attr_value(DW_AT_type)? {
            Some(AttributeValue::UnitRef(offset)) => Some((index, offset)),
            // Across units: link-time optimisation does so.
            Some(AttributeValue::DebugInfoRef(offset)) => {
                let within = |unit: &Unit<Reader<'a>>| offset.to_unit_offset(&unit.header);
                self.units
                    .iter()
                    .enumerate()
                    .find_map(|(index, unit)| Some((index, within(unit)?)))
            }
            _ => None,
        })
    }

    fn number(entry: &Entry<'a, '_>, name: gimli::DwAt) -> Result<Option<usize>> {
        let value = entry.attr_value(name)?;
        Ok(value
            .and_then(|value| value.udata_value())
            .and_then(|value| usize::try_from(value).ok()))
    }

    fn structure(
        &self,
        index: usize,
        offset: UnitOffset,
        name: String,
        depth: usize,
    ) -> Result<Struct> {
        let unit = &self.units[index];
        let mut tree = unit.entries_tree(Some(offset))?;
        let root = tree.root()?;
        let size = Self::number(root.entry(), DW_AT_byte_size)?.unwrap_or(0);
        let union = root.entry().tag() == gimli::DW_TAG_union_type;
        let mut fields = Vec::new();
        let mut children = root.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if entry.tag() == gimli::DW_TAG_member {
                fields.push(self.field(index, entry, depth)?);
            }
        }
        Ok(Struct {
            name,
            size,
            union,
            fields,
        })
    }

    fn field(&self, index: usize, entry: &Entry<'a, '_>, depth: usize) -> Result<Field> {
        let name = self.name(&self.units[index], entry)?.unwrap_or_default();
        let kind = self.type_of(index, entry, depth + 1)?;
        let offset = Self::number(entry, DW_AT_data_member_location)?.unwrap_or(0);
        let length = Self::number(entry, DW_AT_bit_size)?;
        let bits = match (
            length,
            Self::number(entry, DW_AT_data_bit_offset)?,
            Self::number(entry, DW_AT_bit_offset)?,
        ) {
            (Some(length), Some(first), _) => Some((first, length)),
            // DWARF 3 counts from the most significant bit of the unit that holds the field.
            (Some(length), None, Some(from_top)) => {
                let storage = Self::number(entry, DW_AT_byte_size)?
                    .unwrap_or_else(|| self.layouts.size(&kind));
                Some((
                    offset * 8 + (storage * 8).saturating_sub(from_top + length),
                    length,
                ))
            }
            _ => None,
        };
        Ok(Field {
            name,
            offset,
            kind,
            bits,
        })
    }

    fn type_of(&self, index: usize, entry: &Entry<'a, '_>, depth: usize) -> Result<Type> {
        match self.reference(index, entry)? {
            Some((index, offset)) => self.resolve(index, offset, depth),
            None => Ok(Type::Void),
        }
    }

    fn resolve(&self, index: usize, offset: UnitOffset, depth: usize) -> Result<Type> {
        if depth > DEEPEST {
            return Ok(Type::Void);
        }
        let unit = &self.units[index];
        let entry = unit.entry(offset)?;
        Ok(match entry.tag() {
            gimli::DW_TAG_typedef => {
                let name = self.name(unit, &entry)?.unwrap_or_default();
                let kind = self.type_of(index, &entry, depth + 1)?;
                match name.as_str() {
                    "mp_obj_t" | "mp_const_obj_t" | "mp_rom_obj_t" => {
                        Type::Object(self.layouts.size(&kind))
                    }
                    _ => match kind {
                        Type::Inline(found) if found.name.is_empty() => Type::Named(name),
                        kind => kind,
                    },
                }
            }
            gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
            | gimli::DW_TAG_restrict_type
            | gimli::DW_TAG_atomic_type => self.type_of(index, &entry, depth + 1)?,
            gimli::DW_TAG_pointer_type => {
                Type::Pointer(Rc::new(self.type_of(index, &entry, depth + 1)?))
            }
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type => {
                match self.name(unit, &entry)? {
                    Some(name) => Type::Named(name),
                    None => Type::Inline(Rc::new(self.structure(
                        index,
                        offset,
                        String::new(),
                        depth + 1,
                    )?)),
                }
            }
            gimli::DW_TAG_array_type => {
                let element = Rc::new(self.type_of(index, &entry, depth + 1)?);
                let mut tree = unit.entries_tree(Some(offset))?;
                let mut children = tree.root()?.children();
                let mut counts = Vec::new();
                while let Some(child) = children.next()? {
                    if child.entry().tag() == gimli::DW_TAG_subrange_type {
                        counts.push(Self::count(child.entry())?);
                    }
                }
                let total = counts
                    .into_iter()
                    .try_fold(1usize, |all, count| all.checked_mul(count?));
                Type::Array(element, total)
            }
            gimli::DW_TAG_subroutine_type => Type::Function,
            _ => Type::Scalar(Self::number(&entry, DW_AT_byte_size)?.unwrap_or(0)),
        })
    }

    /// How many elements an array has; none if the structure does not say (`items[]`).
    fn count(entry: &Entry<'a, '_>) -> Result<Option<usize>> {
        if let Some(count) = Self::number(entry, DW_AT_count)? {
            return Ok(Some(count).filter(|&count| count > 0));
        }
        let last = Self::number(entry, DW_AT_upper_bound)?;
        // `items[0]` has -1 for its last, in whatever size.
        Ok(last
            .filter(|&last| last < u32::MAX as usize)
            .map(|last| last + 1))
    }
}
