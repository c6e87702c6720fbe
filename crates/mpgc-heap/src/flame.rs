//! `export` for programs that show a tree of names: speedscope, and massif's ms_print and
//! visualizer.
//!
//! A live chunk lies where the best path from a root leads. What is reached by an index, or again
//! by the same step, is one node with its neighbours:
//!
//! ```text
//!   __main__              dict_main.table, 256 bytes
//!     .server             Server
//!       .listeners        list, list.items
//!         []              20 bound methods
//! ```

use std::collections::HashMap;
use std::io::Write;

use anyhow::Result;
use serde_json::json;

use crate::graph::Way;
use crate::view::View;

/// Names further down belong to the node at this depth.
const DEEPEST: u32 = 200;

struct Node {
    name: String,
    above: usize,
    depth: u32,
    /// Of the chunks here, and with all below.
    own: u64,
    whole: u64,
    below: Vec<usize>,
}

/// The live bytes by name.
pub struct Tree {
    /// The first stands for all roots. A node comes after the one above it.
    nodes: Vec<Node>,
}

/// A step as it is shared by neighbours.
fn general(step: &str) -> &str {
    if step.starts_with('[') { "[]" } else { step }
}

impl Tree {
    pub fn new(view: &View<'_>) -> Tree {
        let mut tree = Tree {
            nodes: vec![Node {
                name: String::new(),
                above: 0,
                depth: 0,
                own: 0,
                whole: 0,
                below: Vec::new(),
            }],
        };
        let mut known: HashMap<(usize, String), usize> = HashMap::new();
        let mut places = vec![usize::MAX; view.heap.chunks.len()];
        let mut waiting = Vec::new();
        for chunk in 0..places.len() {
            // Up to a chunk whose place is known, and down again.
            let mut at = chunk;
            let mut place = loop {
                if places[at] != usize::MAX {
                    break places[at];
                }
                match view.graph.ways[at] {
                    Way::None => break usize::MAX,
                    Way::Root(_) => {
                        waiting.push(at);
                        break 0;
                    }
                    Way::Chunk(from, _) => {
                        waiting.push(at);
                        at = from as usize;
                    }
                }
            };
            while let Some(at) = waiting.pop() {
                let step = match view.graph.ways[at] {
                    Way::Root(root) => view.root_group(view.graph.roots[root as usize].origin),
                    _ => general(&view.way_step(&view.graph, at)).to_string(),
                };
                place = tree.below(&mut known, place, step);
                places[at] = place;
                tree.nodes[place].own += view.heap.chunks[at].bytes;
            }
        }
        for node in (0..tree.nodes.len()).rev() {
            tree.nodes[node].whole += tree.nodes[node].own;
            if node > 0 {
                let (above, whole) = (tree.nodes[node].above, tree.nodes[node].whole);
                tree.nodes[above].whole += whole;
            }
        }
        tree
    }

    /// The node of this step below another.
    fn below(
        &mut self,
        known: &mut HashMap<(usize, String), usize>,
        above: usize,
        step: String,
    ) -> usize {
        let node = &self.nodes[above];
        if step.is_empty() || (above > 0 && step == node.name) || node.depth == DEEPEST {
            return above;
        }
        let depth = node.depth + 1;
        let next = self.nodes.len();
        let place = *known.entry((above, step.clone())).or_insert(next);
        if place == next {
            self.nodes.push(Node {
                name: step,
                above,
                depth,
                own: 0,
                whole: 0,
                below: Vec::new(),
            });
            self.nodes[above].below.push(next);
        }
        place
    }

    /// The names from a root to a node.
    fn path(&self, mut node: usize) -> Vec<usize> {
        let mut path = Vec::new();
        while node > 0 {
            path.push(node);
            node = self.nodes[node].above;
        }
        path.reverse();
        path
    }

    pub fn speedscope(&self, title: &str, out: &mut dyn Write) -> Result<()> {
        let (mut frames, mut numbers) = (Vec::new(), HashMap::new());
        let (mut samples, mut weights) = (Vec::new(), Vec::new());
        for (number, node) in self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.own > 0)
        {
            let mut frame = |node: usize| {
                let name = self.nodes[node].name.as_str();
                *numbers.entry(name).or_insert_with(|| {
                    frames.push(json!({ "name": name }));
                    frames.len() - 1
                })
            };
            samples.push(
                self.path(number)
                    .into_iter()
                    .map(&mut frame)
                    .collect::<Vec<_>>(),
            );
            weights.push(node.own);
        }
        let file = json!({
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "exporter": format!("mpgc-heap {}", env!("CARGO_PKG_VERSION")),
            "name": title,
            "shared": { "frames": frames },
            "profiles": [{
                "type": "sampled", "name": "live bytes", "unit": "bytes",
                "startValue": 0, "endValue": self.nodes[0].whole,
                "samples": samples, "weights": weights,
            }],
        });
        serde_json::to_writer(&mut *out, &file)?;
        writeln!(out)?;
        Ok(())
    }

    /// A snapshot of massif's format, by its number.
    fn massif(&self, number: usize, out: &mut dyn Write) -> Result<()> {
        writeln!(
            out,
            "#-----------\nsnapshot={number}\n#-----------\ntime={number}"
        )?;
        writeln!(
            out,
            "mem_heap_B={}\nmem_heap_extra_B=0\nmem_stacks_B=0",
            self.nodes[0].whole
        )?;
        writeln!(out, "heap_tree=detailed")?;
        let mut waiting = vec![0];
        while let Some(at) = waiting.pop() {
            let node = &self.nodes[at];
            let mut below = node.below.clone();
            below.sort_by_key(|&node| self.nodes[node].whole);
            let (indent, name) = (" ".repeat(node.depth as usize), name_for_massif(&node.name));
            // Its own bytes need a line, so that the lines below add up.
            let rest = u64::from(node.own > 0 && !below.is_empty());
            let count = below.len() as u64 + rest;
            let address = if at == 0 {
                String::new()
            } else {
                format!("0x{at:X}: ")
            };
            writeln!(out, "{indent}n{count}: {} {address}{name}", node.whole)?;
            if rest > 0 {
                writeln!(out, "{indent} n0: {} 0x{at:X}: itself", node.own)?;
            }
            waiting.extend(below);
        }
        Ok(())
    }
}

/// What stands in parentheses at the end is for massif the file and the line.
fn name_for_massif(name: &str) -> String {
    match name {
        "" => "(live bytes by name)".to_string(),
        name => format!("{} (heap)", name.replace(['\n', '(', ')'], " ")),
    }
}

/// The first lines of massif's format.
pub fn massif(command: &str, trees: &[Tree], out: &mut dyn Write) -> Result<()> {
    writeln!(
        out,
        "desc: live bytes by name\ncmd: {command}\ntime_unit: i"
    )?;
    for (number, tree) in trees.iter().enumerate() {
        tree.massif(number, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::{Choice, Registers};
    use crate::testing::c_program;

    fn tree_of(nodes: u64) -> Tree {
        let memory = c_program(nodes);
        let choice = Choice {
            registers: Registers::All,
            stack_from: None,
        };
        Tree::new(&View::new(&memory, None, &choice, false).unwrap())
    }

    /// A list of 1999 nodes below the first, and two blocks that the stack holds.
    #[test]
    fn each_live_byte_is_in_one_node() {
        let tree = tree_of(2000);
        let rows: Vec<_> = tree
            .nodes
            .iter()
            .map(|node| (node.name.as_str(), node.own, node.whole))
            .collect();
        let list = 1999 * 16;
        assert_eq!(
            rows,
            [
                ("", 0, list + 16 + 32),
                ("first", 16, list + 16),
                ("+0x4", list, list),
                ("<C stack>", 32, 32),
            ]
        );
    }

    #[test]
    fn speedscope_gets_a_stack_for_each_node_with_bytes_of_its_own() {
        let mut out = Vec::new();
        tree_of(3).speedscope("a heap", &mut out).unwrap();
        let file: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let profile = &file["profiles"][0];
        assert_eq!(profile["samples"], json!([[0], [0, 1], [2]]));
        assert_eq!(profile["weights"], json!([16, 32, 32]));
        assert_eq!(profile["endValue"], 80);
        assert_eq!(file["shared"]["frames"][1]["name"], "+0x4");
    }

    #[test]
    fn the_lines_of_massif_add_up() {
        let mut out = Vec::new();
        massif("program", &[tree_of(3), tree_of(9)], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "heap_tree=detailed\n\
                        n2: 80 (live bytes by name)\n \
                        n2: 48 0x1: first (heap)\n  \
                        n0: 16 0x1: itself\n  \
                        n0: 32 0x2: +0x4 (heap)\n \
                        n0: 32 0x3: <C stack> (heap)\n";
        assert!(text.contains(expected), "{text}");
        assert!(
            text.contains("snapshot=1\n#-----------\ntime=1\nmem_heap_B=176\n"),
            "{text}"
        );
    }
}
