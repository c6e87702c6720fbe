//! Readable names: `cache['k3'][17]`, abbreviated values, and the place of a root.

use crate::graph::{Graph, Way};
use crate::kinds::{Family, Kind};
use crate::memory::RootsFrom;
use crate::python::Value;
use crate::roots::Origin;
use crate::view::View;

/// Characters of a string that are shown, and of a name of a chunk.
const SHOWN: usize = 40;

impl View<'_> {
    /// An abbreviated value: a number, the start of a string, or the type of an object.
    pub fn value(&self, value: u64) -> String {
        let Some(python) = &self.python else {
            return format!("{value:#x}");
        };
        match python.decode(value) {
            Value::SmallInt(_) | Value::Float(_) if self.redact => "...".into(),
            Value::SmallInt(number) => number.to_string(),
            Value::Float(number) => format!("{number:?}"),
            Value::Qstr(number) => match python.qstr(number) {
                Some(text) => self.quoted(text.as_bytes()),
                None => format!("qstr {number}"),
            },
            // The order of False, None and True differs between releases; only None is
            // distinguished safely.
            Value::Immediate(_) => "a constant".into(),
            Value::Pointer(address) => match self.heap.head(address) {
                Some(chunk) => self.short(chunk),
                None => self.static_object(address),
            },
        }
    }

    fn static_object(&self, address: u64) -> String {
        let Some(python) = &self.python else {
            return format!("{address:#x}");
        };
        let program = python.fields.program;
        match program.name(address.wrapping_sub(self.memory.bias)) {
            Some(name) => name.to_string(),
            None => format!("{address:#x}"),
        }
    }

    fn quoted(&self, bytes: &[u8]) -> String {
        if self.redact {
            return "'...'".into();
        }
        let text = String::from_utf8_lossy(bytes);
        let mut short: String = text
            .chars()
            .take(SHOWN)
            .flat_map(char::escape_debug)
            .collect();
        if text.chars().count() > SHOWN {
            short.push_str("...");
        }
        format!("'{}'", short.replace("\\\"", "\""))
    }

    fn field(&self, chunk: usize, structure: &str, path: &str) -> Option<u64> {
        let python = self.python.as_ref()?;
        python
            .fields
            .field(self.heap.chunks[chunk].address, structure, path)
            .ok()
    }

    /// The description of a chunk, with its length, name or value.
    pub fn short(&self, chunk: usize) -> String {
        let kind = self.kinds.get(chunk);
        match self.detail(chunk, kind) {
            Some(detail) => format!("{} {detail}", kind.name),
            None => kind.name.clone(),
        }
    }

    fn detail(&self, chunk: usize, kind: &Kind) -> Option<String> {
        if kind.family == Family::Stated {
            return self.label(chunk);
        }
        let python = self.python.as_ref()?;
        let length = |structure, path| Some(format!("of {}", self.field(chunk, structure, path)?));
        match kind.family {
            Family::List => length("mp_obj_list_t", "len"),
            Family::Tuple => length("mp_obj_tuple_t", "len"),
            Family::Dict => length("mp_obj_dict_t", "map.used"),
            Family::Set => length("mp_obj_set_t", "set.used"),
            Family::Array => length("mp_obj_array_t", "len"),
            Family::Text | Family::Bytes => {
                let count = self.field(chunk, "mp_obj_str_t", "len")?;
                let data = self.field(chunk, "mp_obj_str_t", "data")?;
                let bytes = self.memory.rest(data)?;
                let bytes = &bytes[..bytes
                    .len()
                    .min(4 * SHOWN + 4)
                    .min(usize::try_from(count).ok()?)];
                let prefix = if kind.family == Family::Bytes {
                    "b"
                } else {
                    ""
                };
                Some(format!("{prefix}{} of {count}", self.quoted(bytes)))
            }
            Family::Float if !self.redact => {
                let place = python
                    .fields
                    .program
                    .layouts
                    .place("mp_obj_float_t", "value")?;
                let value = python
                    .fields
                    .at(self.heap.chunks[chunk].address, &place)
                    .ok()?;
                let four = python.fields.program.layouts.size(&place.kind) == 4;
                Some(if four {
                    f32::from_bits(value as u32).to_string()
                } else {
                    f64::from_bits(value).to_string()
                })
            }
            Family::Function => {
                let code = self.field(chunk, "mp_obj_fun_bc_t", "bytecode")?;
                let context = self.field(chunk, "mp_obj_fun_bc_t", "context")?;
                python.function_name(code, context)
            }
            Family::Closure => self.python_name(self.field(chunk, "mp_obj_closure_t", "fun")?),
            Family::BoundMethod => {
                self.python_name(self.field(chunk, "mp_obj_bound_meth_t", "meth")?)
            }
            Family::Generator => {
                self.python_name(self.field(chunk, "mp_obj_gen_instance_t", "code_state.fun_bc")?)
            }
            Family::Class => python.type_name(self.heap.chunks[chunk].address),
            Family::Module => {
                let globals = self.field(chunk, "mp_obj_module_t", "globals")?;
                let map = python
                    .fields
                    .program
                    .layouts
                    .place("mp_obj_dict_t", "map")?
                    .offset as u64;
                let named = |&(key, _): &(u64, u64)| {
                    matches!(python.decode(key), Value::Qstr(number)
                        if python.qstr(number).as_deref() == Some("__name__"))
                };
                let (_, name) = python
                    .map(globals.wrapping_add(map))?
                    .into_iter()
                    .find(named)?;
                match python.decode(name) {
                    Value::Qstr(number) => python.qstr(number),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What a C program says of a chunk, apart from its type.
    fn label(&self, chunk: usize) -> Option<String> {
        let (_, label) = self
            .memory
            .stated
            .chunks
            .get(&self.heap.chunks[chunk].address)?;
        match label.as_str() {
            "" => None,
            _ if self.redact => Some("...".into()),
            label => Some(label.chars().take(SHOWN).collect()),
        }
    }

    /// The name of the function at this address, in the heap or frozen.
    fn python_name(&self, function: u64) -> Option<String> {
        let python = self.python.as_ref()?;
        let fields = &python.fields;
        let code = fields.field(function, "mp_obj_fun_bc_t", "bytecode").ok()?;
        let context = fields.field(function, "mp_obj_fun_bc_t", "context").ok()?;
        python.function_name(code, context)
    }

    /// What comes behind the name of `chunk` to name what the word at `offset` in it points at.
    pub fn step(&self, chunk: usize, offset: usize) -> String {
        let kind = self.kinds.get(chunk);
        let length = self.heap.chunks[chunk].bytes as usize;
        let Some((path, _)) = kind
            .plan
            .and_then(|plan| self.plans.slot_at(plan, length, offset))
        else {
            return match kind.family {
                Family::Stated => format!("+{offset:#x}"),
                _ => format!(".<word at +{offset:#x}>"),
            };
        };
        match (kind.family, path.path, path.index) {
            (Family::Table, part, Some(index)) => {
                self.table_step(chunk, kind, index, part == "key")
            }
            (Family::Items, _, Some(index)) => format!("[{index}]"),
            (Family::Tuple, _, Some(index)) => format!("[{index}]"),
            (Family::Set, "set.table", _) => String::new(),
            (Family::List | Family::Array, "items", _) => String::new(),
            (Family::Dict, "map.table", _)
            | (Family::Instance, "members.table", _)
            | (Family::Module, "module.globals", _) => String::new(),
            (Family::Text | Family::Bytes, "data", _) => String::new(),
            (Family::Cell, "obj", _) => String::new(),
            (Family::BoundMethod, "meth", _) => ".__func__".into(),
            (Family::BoundMethod, "self", _) => ".__self__".into(),
            (Family::Closure, "fun", _) => ".<function>".into(),
            (Family::Closure, _, Some(index)) => format!(".<closed over {index}>"),
            (Family::Function, "context", _) => ".<module>".into(),
            (Family::Function, _, Some(index)) if path.array == "extra_args" => {
                format!(".<default {index}>")
            }
            (Family::Instance, _, Some(index)) => format!(".<base {index}>"),
            (Family::Class, _, Some(index)) => self.class_step(chunk, index),
            (Family::Generator, _, Some(index)) => self.local_step(chunk, index),
            _ => format!(".{path}"),
        }
    }

    fn table_step(&self, chunk: usize, kind: &Kind, index: usize, is_key: bool) -> String {
        let Some(python) = &self.python else {
            return format!("[{index}]");
        };
        let at = self.heap.chunks[chunk].address + (index * 2 * python.object) as u64;
        let Some(bytes) = self.memory.bytes(at, 2 * python.object) else {
            return format!("[{index}]");
        };
        let key = python.pair(bytes).0;
        if is_key {
            return format!(".<key {index}>");
        }
        match python.decode(key) {
            Value::Qstr(number) if kind.names => {
                format!(".{}", python.qstr(number).unwrap_or_default())
            }
            Value::Pointer(address)
                if self
                    .heap
                    .head(address)
                    .is_some_and(|key| self.kinds.get(key).family == Family::Text) =>
            {
                let text = self
                    .heap
                    .head(address)
                    .and_then(|key| self.detail(key, self.kinds.get(key)))
                    .unwrap_or_default();
                format!(
                    "[{}]",
                    text.rsplit_once(" of ")
                        .map_or(text.as_str(), |(text, _)| text)
                )
            }
            _ => format!("[{}]", self.value(key)),
        }
    }

    /// The slots of a class are in an order of their own.
    fn class_step(&self, chunk: usize, index: usize) -> String {
        let is = |slot| self.field(chunk, "mp_obj_type_t", slot) == Some(index as u64 + 1);
        match () {
            () if is("slot_index_locals_dict") => String::new(),
            () if is("slot_index_parent") => ".<base>".into(),
            () => format!(".slots[{index}]"),
        }
    }

    /// Local variables lie from the end of the state backwards, and the stack of the bytecode
    /// before them.
    fn local_step(&self, chunk: usize, index: usize) -> String {
        let Some(python) = &self.python else {
            return format!(".state[{index}]");
        };
        let place = python
            .fields
            .program
            .layouts
            .place("mp_obj_gen_instance_t", "code_state.state");
        let start = place.map_or(0, |place| place.offset as u64) + self.heap.chunks[chunk].address;
        let at = start + (index * python.object) as u64;
        if self
            .field(chunk, "mp_obj_gen_instance_t", "code_state.sp")
            .is_some_and(|top| at <= top)
        {
            return format!(".<stack {index}>");
        }
        let count = self.field(chunk, "mp_obj_gen_instance_t", "code_state.n_state");
        match count.and_then(|count| count.checked_sub(1 + index as u64)) {
            Some(local) => format!(".<local {local}>"),
            None => format!(".state[{index}]"),
        }
    }

    /// What kind of root this is, in words.
    pub fn root(&self, origin: Origin) -> String {
        match origin {
            Origin::State(offset) => self.state_name(offset),
            Origin::Range(number, offset) => self.range_name(number, Some(offset)),
            Origin::Pystack(offset) => format!("<Python stack +{offset:#x}>"),
            Origin::Stack(number, address) => match self.frames.function(number, address) {
                Some(name) => format!("<C stack, frame of {name}>"),
                None => format!("<C stack at {address:#x}>"),
            },
            Origin::Register(_, register) => {
                format!("<register {}>", self.memory.machine.register_name(register))
            }
        }
    }

    /// A range of roots of a C program, and where in it.
    fn range_name(&self, number: usize, offset: Option<usize>) -> String {
        let range = &self.memory.stated.roots[number];
        let name = match (range.from, range.name.as_str()) {
            (RootsFrom::LifoStack, _) => "<LIFO stack>".to_string(),
            (RootsFrom::CStack, _) => "<C stack>".to_string(),
            (RootsFrom::Registered | RootsFrom::Callback, "") => {
                format!("<roots at {:#x}>", range.start)
            }
            (_, name) => name.to_string(),
        };
        match offset {
            // A variable is known by its name alone.
            Some(offset) if range.bytes > self.memory.machine.word as u64 => {
                format!("{name}+{offset:#x}")
            }
            _ => name,
        }
    }

    fn state_path(&self, offset: usize) -> Option<String> {
        let size = self.plans.get(self.kinds.state_plan).size;
        Some(
            self.plans
                .slot_at(self.kinds.state_plan, size, offset)?
                .0
                .to_string(),
        )
    }

    fn state_name(&self, offset: usize) -> String {
        let Some(path) = self.state_path(offset) else {
            return format!("<mp_state_ctx +{offset:#x}>");
        };
        match path.as_str() {
            "vm.dict_main.map.table" => "__main__".into(),
            "vm.mp_loaded_modules_dict.map.table" => "sys.modules".into(),
            path => match path.split_once('.') {
                Some(("vm", field)) => format!("MP_STATE_VM({field})"),
                Some(("thread", field)) => format!("MP_STATE_THREAD({field})"),
                _ => format!("mp_state_ctx.{path}"),
            },
        }
    }

    /// The part of the state that a root is in, to count roots by.
    pub fn root_group(&self, origin: Origin) -> String {
        match origin {
            Origin::Range(number, _) => self.range_name(number, None),
            Origin::Pystack(_) => "Python stack".into(),
            Origin::Stack(number, _) => {
                format!("C stack of thread {}", self.memory.threads[number].id)
            }
            Origin::Register(number, _) => {
                format!("registers of thread {}", self.memory.threads[number].id)
            }
            Origin::State(_) => self.root(origin),
        }
    }

    /// The whole name of a chunk, from its root on.
    pub fn name(&self, chunk: usize) -> String {
        let way = self.graph.way_to(chunk);
        let mut name = match self.graph.ways[way[0]] {
            Way::Root(root) => self.root(self.graph.roots[root as usize].origin),
            _ => return format!("<garbage at {:#x}>", self.heap.chunks[chunk].address),
        };
        let mut steps = way[1..]
            .iter()
            .map(|&chunk| self.way_step(&self.graph, chunk))
            .peekable();
        while let Some(step) = steps.next() {
            // A list of C, one by one, is as long as the list.
            let mut times = 1;
            while self.python.is_none() && steps.next_if_eq(&step).is_some() {
                times += 1;
            }
            name += &match times {
                1 => step,
                _ => format!("({step})*{times}"),
            };
        }
        // A module that is in sys.modules is known by its own name.
        match name
            .strip_prefix("sys.modules['")
            .and_then(|rest| rest.split_once("']"))
        {
            Some((module, rest)) if !module.contains('\'') => format!("{module}{rest}"),
            _ => name,
        }
    }

    pub fn way_step(&self, graph: &Graph, chunk: usize) -> String {
        match graph.ways[chunk] {
            Way::Chunk(from, edge) => self.step(from as usize, graph.edge(edge).offset as usize),
            _ => String::new(),
        }
    }
}
