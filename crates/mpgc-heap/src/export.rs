//! `export`: the live heap as a `.heapsnapshot`, which Chrome's DevTools and memlab open.

use std::collections::HashMap;
use std::io::Write;

use anyhow::Result;
use serde_json::json;

use crate::graph::Edge;
use crate::kinds::Family;
use crate::roots::Origin;
use crate::view::View;

const NODE_TYPES: [&str; 15] = [
    "hidden",
    "array",
    "string",
    "object",
    "code",
    "closure",
    "regexp",
    "number",
    "native",
    "synthetic",
    "concatenated string",
    "sliced string",
    "symbol",
    "bigint",
    "object shape",
];
const EDGE_TYPES: [&str; 7] = [
    "context", "element", "property", "internal", "hidden", "shortcut", "weak",
];
const NODE_FIELDS: usize = 7;
const ARRAY: u64 = 1;
const STRING: u64 = 2;
const OBJECT: u64 = 3;
const CODE: u64 = 4;
const CLOSURE: u64 = 5;
const NUMBER: u64 = 7;
const NATIVE: u64 = 8;
const SYNTHETIC: u64 = 9;
const ELEMENT: u64 = 1;
const PROPERTY: u64 = 2;
const INTERNAL: u64 = 3;

/// Strings, each once.
#[derive(Default)]
pub struct Strings {
    pub list: Vec<String>,
    numbers: HashMap<String, u64>,
}

impl Strings {
    pub fn number(&mut self, text: &str) -> u64 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.list.len() as u64;
        self.list.push(text.to_string());
        self.numbers.insert(text.to_string(), number);
        number
    }
}

fn node_type(family: Family) -> u64 {
    match family {
        Family::Table | Family::Items => ARRAY,
        Family::Text => STRING,
        Family::Function => CODE,
        Family::Closure | Family::BoundMethod | Family::Generator => CLOSURE,
        Family::Int | Family::Float => NUMBER,
        Family::Data | Family::Structure | Family::Stated | Family::Unknown => NATIVE,
        _ => OBJECT,
    }
}

#[derive(Default)]
struct Lists {
    nodes: Vec<u64>,
    edges: Vec<u64>,
    strings: Strings,
}

impl Lists {
    fn node(&mut self, kind: u64, name: &str, id: u64, size: u64, edges: usize) {
        let name = self.strings.number(name);
        self.nodes
            .extend([kind, name, id, size, edges as u64, 0, 0]);
    }

    fn edge(&mut self, kind: u64, name: u64, to: usize) {
        self.edges.extend([kind, name, (to * NODE_FIELDS) as u64]);
    }
}

pub fn heapsnapshot(view: &View<'_>, out: &mut dyn Write) -> Result<()> {
    let live: Vec<usize> = (0..view.heap.chunks.len())
        .filter(|&chunk| view.graph.is_reached(chunk))
        .collect();
    // Roots by the part of the state, those of stacks and registers below `(GC roots)`.
    let mut groups: Vec<(String, bool, Vec<u32>)> = Vec::new();
    for root in &view.graph.roots {
        let name = view.root_group(root.origin);
        let known = groups.iter_mut().find(|group| group.0 == name);
        match known {
            Some(group) => group.2.push(root.chunk),
            None => {
                groups.push((
                    name,
                    matches!(root.origin, Origin::State(_) | Origin::Range(..)),
                    vec![root.chunk],
                ));
            }
        }
    }
    let first_group = 2;
    let first_chunk = first_group + groups.len();
    let mut places = vec![usize::MAX; view.heap.chunks.len()];
    for (place, &chunk) in live.iter().enumerate() {
        places[chunk] = first_chunk + place;
    }
    let mut lists = Lists::default();
    let named = groups.iter().filter(|group| group.1).count();
    lists.node(SYNTHETIC, "", 1, 0, 1 + named);
    lists.edge(ELEMENT, 1, 1);
    for (number, group) in groups.iter().enumerate().filter(|(_, group)| group.1) {
        let name = lists.strings.number(&group.0);
        lists.edge(PROPERTY, name, first_group + number);
    }
    lists.node(SYNTHETIC, "(GC roots)", 3, 0, groups.len() - named);
    for (number, group) in groups.iter().enumerate().filter(|(_, group)| !group.1) {
        let name = lists.strings.number(&group.0);
        lists.edge(INTERNAL, name, first_group + number);
    }
    for (number, (name, is_state, chunks)) in groups.iter().enumerate() {
        let kind = if *is_state { OBJECT } else { SYNTHETIC };
        lists.node(kind, name, 5 + 2 * number as u64, 0, chunks.len());
        for (index, &chunk) in chunks.iter().enumerate() {
            lists.edge(ELEMENT, index as u64, places[chunk as usize]);
        }
    }
    for &chunk in &live {
        let kind = view.kinds.get(chunk);
        let short = view.short(chunk);
        let is_value = matches!(
            kind.family,
            Family::Text | Family::Function | Family::Closure
        );
        let edges = view.graph.edges(chunk);
        let id = 5 + 2 * (places[chunk] - first_group) as u64;
        let name = if is_value {
            short.as_str()
        } else {
            kind.name.as_str()
        };
        let size = view.heap.chunks[chunk].bytes;
        lists.node(node_type(kind.family), name, id, size, edges.len());
        for edge in edges {
            add_edge(view, &mut lists, chunk, edge, places[edge.to as usize]);
        }
    }
    let count = lists.nodes.len() / NODE_FIELDS;
    let meta = json!({
        "node_fields": ["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"],
        "node_types": [NODE_TYPES, "string", "number", "number", "number", "number", "number"],
        "edge_fields": ["type", "name_or_index", "to_node"],
        "edge_types": [EDGE_TYPES, "string_or_number", "node"],
        "trace_function_info_fields":
            ["function_id", "name", "script_name", "script_id", "line", "column"],
        "trace_node_fields": ["id", "function_info_index", "count", "size", "children"],
        "sample_fields": ["timestamp_us", "last_assigned_id"],
        "location_fields": ["object_index", "script_id", "line", "column"],
    });
    let about = json!({
        "meta": meta, "node_count": count, "edge_count": lists.edges.len() / 3,
        "trace_function_count": 0,
    });
    write!(out, "{{\"snapshot\":{about},\n\"nodes\":")?;
    serde_json::to_writer(&mut *out, &lists.nodes)?;
    write!(out, ",\n\"edges\":")?;
    serde_json::to_writer(&mut *out, &lists.edges)?;
    write!(
        out,
        ",\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n"
    )?;
    write!(out, "\"locations\":[],\n\"strings\":")?;
    serde_json::to_writer(&mut *out, &lists.strings.list)?;
    writeln!(out, "}}")?;
    Ok(())
}

fn add_edge(view: &View<'_>, lists: &mut Lists, chunk: usize, edge: &Edge, to: usize) {
    let step = view.step(chunk, edge.offset as usize);
    let index = step
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match index.and_then(|digits| digits.parse().ok()) {
        Some(index) => lists.edge(ELEMENT, index, to),
        None if step.is_empty() => {
            let name = lists.strings.number("its");
            lists.edge(INTERNAL, name, to);
        }
        None => {
            let name = lists.strings.number(step.trim_start_matches('.'));
            lists.edge(PROPERTY, name, to);
        }
    }
}
