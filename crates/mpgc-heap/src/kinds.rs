//! What each chunk is: an object of a type, or the table, items, bytes or structure that something
//! points at.
//!
//! Pointers whose C type is known are followed first, from the state on: what a `mp_map_t` names as
//! its table is one, whatever its bytes look like. What nothing names so is an object if its first
//! word is a type.

use std::collections::{HashMap, VecDeque};

use anyhow::{Result, bail};

use crate::heap::Heap;
use crate::memory::Memory;
use crate::plan::{Path, Plans, Target};
use crate::python::{Python, plain_name};

/// How the parts of an object are named in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Dict,
    List,
    Tuple,
    Set,
    Text,
    Bytes,
    Array,
    Int,
    Float,
    Function,
    Closure,
    BoundMethod,
    Cell,
    Generator,
    Module,
    Class,
    Instance,
    Exception,
    /// Another object.
    Object,
    /// Keys and values of a dict, or of another map.
    Table,
    /// The values that a list or the like points at.
    Items,
    /// Bytes without references that something points at.
    Data,
    Structure,
    /// A chunk of a C program, which names its type itself.
    Stated,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    pub name: String,
    pub family: Family,
    pub plan: Option<usize>,
    /// The keys are names: of globals, attributes, methods.
    pub names: bool,
    /// The address of the type, of an object.
    pub of: u64,
}

pub struct Kinds {
    pub list: Vec<Kind>,
    /// The kind of each chunk.
    pub of_chunk: Vec<u32>,
    pub state_plan: usize,
}

const NONE: u32 = u32::MAX;

/// Dictionaries of names, by the field that points at them.
const NAMESPACES: [&str; 5] = [
    "globals",
    "old_globals",
    "dict_globals",
    "dict_locals",
    "locals_dict",
];

impl Kinds {
    /// `roots` are the words of the state that name a chunk: their offset, and the chunk.
    pub fn find(
        python: &Python<'_>,
        heap: &Heap,
        plans: &mut Plans,
        roots: &[(usize, usize)],
    ) -> Result<Kinds> {
        let layouts = &python.fields.program.layouts;
        let state_plan = plans.of_struct(layouts, "mp_state_ctx_t");
        let element_plan = plans.of_struct(layouts, "mp_map_elem_t");
        let (Some(state_plan), Some(element_plan)) = (state_plan, element_plan) else {
            bail!("the DWARF has no structure `mp_state_ctx_t` or `mp_map_elem_t`");
        };
        let kinds = Kinds {
            list: Vec::new(),
            of_chunk: vec![NONE; heap.chunks.len()],
            state_plan,
        };
        let mut finder = Finder {
            python,
            heap,
            plans,
            kinds,
            element_plan,
            numbers: HashMap::new(),
            types: HashMap::new(),
            queue: VecDeque::new(),
        };
        finder.follow_state(roots);
        finder.look_for_types();
        Ok(finder.kinds)
    }

    /// A C program's description of its chunks.
    pub fn stated(memory: &Memory, heap: &Heap) -> Kinds {
        let mut kinds = Kinds {
            list: Vec::new(),
            of_chunk: Vec::with_capacity(heap.chunks.len()),
            state_plan: 0,
        };
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        for chunk in &heap.chunks {
            let name = memory.stated.chunks.get(&chunk.address);
            let name = name.map_or("", |(name, _)| name.as_str());
            let number = *numbers.entry(name).or_insert_with(|| {
                let unknown = name.is_empty();
                kinds.list.push(Kind {
                    name: if unknown { "unknown" } else { name }.into(),
                    family: if unknown {
                        Family::Unknown
                    } else {
                        Family::Stated
                    },
                    plan: None,
                    names: false,
                    of: 0,
                });
                kinds.list.len() as u32 - 1
            });
            kinds.of_chunk.push(number);
        }
        kinds
    }

    pub fn get(&self, chunk: usize) -> &Kind {
        &self.list[self.of_chunk[chunk] as usize]
    }
}

/// What a pointer says of the chunk that it names.
struct Claim<'a> {
    target: Target,
    /// The keys of the dict or table are names.
    names: bool,
    owner: &'a str,
    field: &'a str,
}

/// The state while the kinds are determined.
struct Finder<'a, 'p> {
    python: &'a Python<'p>,
    heap: &'a Heap,
    plans: &'a mut Plans,
    kinds: Kinds,
    element_plan: usize,
    numbers: HashMap<Kind, u32>,
    types: HashMap<u64, (String, Family, Option<usize>)>,
    /// Chunks whose kind is known and whose pointers were not yet followed.
    queue: VecDeque<usize>,
}

impl Finder<'_, '_> {
    /// Follow the pointers of the state.
    fn follow_state(&mut self, roots: &[(usize, usize)]) {
        let plan = self.kinds.state_plan;
        let size = self.plans.get(plan).size;
        for &(offset, chunk) in roots {
            let Some((path, target)) = self.plans.slot_at(plan, size, offset) else {
                continue;
            };
            let path = path.to_string();
            // The dict of __main__ is a part of the state, and its table alone is in the heap.
            let names = path == "vm.dict_main.map.table" || is_namespace(&path);
            let within = path.split_once('.').map_or("", |(_, within)| within);
            let owner = within.split(['.', '[']).next().unwrap_or("");
            let field = if within.contains('.') {
                last_part(within)
            } else {
                ""
            };
            self.claim(
                chunk,
                Claim {
                    target,
                    names,
                    owner,
                    field,
                },
            );
        }
        self.follow();
    }

    /// A chunk that no pointer of a known type leads to is an object if its first word is the
    /// address of a type.
    fn look_for_types(&mut self) {
        for chunk in 0..self.heap.chunks.len() {
            let claim = Claim {
                target: Target::Object,
                names: false,
                owner: "",
                field: "",
            };
            self.claim(chunk, claim);
            self.follow();
        }
        let (name, family) = ("unknown".into(), Family::Unknown);
        let unknown = self.number(Kind {
            name,
            family,
            plan: None,
            names: false,
            of: 0,
        });
        let kinds = self.kinds.of_chunk.iter_mut();
        kinds
            .filter(|kind| **kind == NONE)
            .for_each(|kind| *kind = unknown);
    }

    fn number(&mut self, kind: Kind) -> u32 {
        if let Some(&number) = self.numbers.get(&kind) {
            return number;
        }
        let number = self.kinds.list.len() as u32;
        self.kinds.list.push(kind.clone());
        self.numbers.insert(kind, number);
        number
    }

    fn follow(&mut self) {
        let memory = self.python.memory();
        let word = memory.machine.word;
        while let Some(from) = self.queue.pop_front() {
            let kind = self.kinds.get(from).clone();
            let Some(plan) = kind.plan else { continue };
            let chunk = &self.heap.chunks[from];
            let length = chunk.bytes as usize;
            // A pool was read whole when the areas were.
            let bytes = memory.bytes(chunk.address, length).unwrap_or(&[]);
            for (index, bytes) in bytes.chunks_exact(word).enumerate() {
                let named = self.heap.head(memory.machine.value(bytes));
                let Some(to) = named.filter(|&to| self.kinds.of_chunk[to] == NONE) else {
                    continue;
                };
                let Some((path, target)) = self.plans.slot_at(plan, length, index * word) else {
                    continue;
                };
                let (names, target) = self.refine(&kind, chunk.address, path, target);
                let array = !path.array.is_empty();
                let field = if array {
                    path.array
                } else {
                    last_part(path.path)
                }
                .to_string();
                self.claim(
                    to,
                    Claim {
                        target,
                        names,
                        owner: &kind.name,
                        field: &field,
                    },
                );
            }
        }
    }

    /// Whether the keys of what is pointed at are names, and what the C type of the pointer does
    /// not say.
    fn refine(&self, kind: &Kind, address: u64, path: Path<'_>, target: Target) -> (bool, Target) {
        match kind.family {
            Family::Class => {
                let slot = path.index.filter(|_| path.array == "slots");
                let fields = &self.python.fields;
                let locals = fields.option(address, "mp_obj_type_t", "slot_index_locals_dict");
                let locals = locals.ok().flatten();
                match slot {
                    Some(slot) if locals == Some(slot as u64 + 1) => (true, Target::Object),
                    _ => (is_namespace(path.path), target),
                }
            }
            Family::Instance => (path.path.starts_with("members"), target),
            Family::Dict => (kind.names, target),
            // What the C calls `void *` are the numbers of an array.
            Family::Array if path.path == "items" => (false, Target::Bytes),
            _ => (is_namespace(path.path), target),
        }
    }

    fn claim(&mut self, chunk: usize, claim: Claim<'_>) {
        if self.kinds.of_chunk[chunk] != NONE {
            return;
        }
        let Claim {
            target,
            names,
            owner,
            field,
        } = claim;
        let owned = || match field {
            "" => owner.to_string(),
            field => format!("{owner}.{field}"),
        };
        let kind = match target {
            Target::Unknown => return,
            Target::Object => {
                let first = self.python.memory().word(self.heap.chunks[chunk].address);
                let Some(of) = first.filter(|&word| self.python.is_type(word)) else {
                    return;
                };
                let (name, family, plan) = self.object(of);
                Kind {
                    name,
                    family,
                    plan,
                    names: names && family == Family::Dict,
                    of,
                }
            }
            Target::Bytes => Kind {
                name: owned(),
                family: Family::Data,
                plan: None,
                names: false,
                of: 0,
            },
            Target::Plan(plan) if plan == self.element_plan => Kind {
                name: owned(),
                family: Family::Table,
                plan: Some(plan),
                names,
                of: 0,
            },
            Target::Plan(plan) => {
                let name = self.plans.get(plan).name.clone();
                let family = if name.is_empty() {
                    Family::Items
                } else {
                    Family::Structure
                };
                let name = if name.is_empty() { owned() } else { name };
                Kind {
                    name,
                    family,
                    plan: Some(plan),
                    names: false,
                    of: 0,
                }
            }
        };
        self.kinds.of_chunk[chunk] = self.number(kind);
        self.queue.push_back(chunk);
    }

    /// Name, family and layout of the objects of the type at this address.
    fn object(&mut self, of: u64) -> (String, Family, Option<usize>) {
        let (python, plans) = (self.python, &mut *self.plans);
        if let Some(known) = self.types.get(&of) {
            return known.clone();
        }
        let program = python.fields.program;
        let name = python
            .type_name(of)
            .unwrap_or_else(|| format!("type at {of:#x}"));
        let symbol = python.type_symbol(of);
        // Python calls both a generator.
        let name = if symbol.is_some_and(|symbol| symbol.ends_with("gen_wrap")) {
            "generator function".into()
        } else {
            name
        };
        let made_by = python
            .type_slot(of, "make_new")
            .map(|address| address.wrapping_sub(python.memory().bias));
        let made_by = made_by.and_then(|address| program.function(address));
        let (family, structure) = match (symbol.map(plain_name).as_deref(), made_by) {
            (Some("dict" | "ordereddict"), _) => (Family::Dict, "mp_obj_dict_t"),
            (Some("list"), _) => (Family::List, "mp_obj_list_t"),
            (Some("tuple" | "attrtuple"), _) => (Family::Tuple, "mp_obj_tuple_t"),
            (Some("set" | "frozenset"), _) => (Family::Set, "mp_obj_set_t"),
            (Some("str"), _) => (Family::Text, "mp_obj_str_t"),
            (Some("bytes"), _) => (Family::Bytes, "mp_obj_str_t"),
            (Some("bytearray" | "array" | "memoryview"), _) => (Family::Array, "mp_obj_array_t"),
            (Some("int"), _) => (Family::Int, "mp_obj_int_t"),
            (Some("float"), _) => (Family::Float, "mp_obj_float_t"),
            (Some("fun_bc" | "gen_wrap" | "fun_native" | "native_gen_wrap" | "fun_viper"), _) => {
                (Family::Function, "mp_obj_fun_bc_t")
            }
            (Some("closure"), _) => (Family::Closure, "mp_obj_closure_t"),
            (Some("bound_meth"), _) => (Family::BoundMethod, "mp_obj_bound_meth_t"),
            (Some("cell"), _) => (Family::Cell, "mp_obj_cell_t"),
            (Some("gen_instance"), _) => (Family::Generator, "mp_obj_gen_instance_t"),
            (Some("module"), _) => (Family::Module, "mp_module_context_t"),
            (Some("type"), _) => (Family::Class, "mp_obj_type_t"),
            (_, Some("mp_obj_exception_make_new")) => (Family::Exception, "mp_obj_exception_t"),
            (_, Some("namedtuple_make_new")) => (Family::Tuple, "mp_obj_tuple_t"),
            // A class is made by Python: its type lies in memory that no symbol names.
            (None, _) => (Family::Instance, "mp_obj_instance_t"),
            (Some(_), _) => (Family::Object, ""),
        };
        let plan = match (structure, symbol) {
            ("", Some(symbol)) => {
                let plain = plain_name(symbol);
                let names = [
                    format!("_mp_obj_{plain}_t"),
                    format!("mp_obj_{plain}_t"),
                    format!("_{plain}_obj_t"),
                    format!("{plain}_obj_t"),
                ];
                names
                    .iter()
                    .find_map(|name| plans.of_struct(&program.layouts, name))
            }
            (structure, _) => plans.of_struct(&program.layouts, structure),
        };
        let found = (name, family, plan);
        self.types.insert(of, found.clone());
        found
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn is_namespace(path: &str) -> bool {
    NAMESPACES.contains(&last_part(path))
}
