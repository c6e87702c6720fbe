//! `html`: one page with the map of the blocks, a treemap of what holds how much, a list and a
//! search. It needs no server and loads nothing.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use crate::export::Strings;
use crate::graph::Way;
use crate::view::View;

const PAGE: &str = include_str!("page.html");

pub fn print(view: &View<'_>, title: &str, out: &mut dyn Write) -> Result<()> {
    let mut strings = Strings::default();
    let mut nodes = Vec::with_capacity(view.heap.chunks.len());
    for (number, chunk) in view.heap.chunks.iter().enumerate() {
        let kind = view.kinds.get(number);
        let short = view.short(number);
        let detail = short.strip_prefix(kind.name.as_str()).unwrap_or("").trim();
        // From what the best way comes here: a chunk, or -1 for a root, or -2 for nothing.
        let (from, step) = match view.graph.ways[number] {
            Way::Root(root) => (-1, view.root(view.graph.roots[root as usize].origin)),
            Way::Chunk(from, _) => (i64::from(from), view.way_step(&view.graph, number)),
            Way::None => (-2, String::new()),
        };
        let dominator = view.graph.dominators[number];
        let above = if dominator as usize == number {
            -1
        } else {
            i64::from(dominator)
        };
        nodes.push(json!([
            chunk.area,
            (chunk.address - view.heap.areas[chunk.area as usize].pool)
                / view.heap.areas[chunk.area as usize].block_bytes,
            chunk.bytes,
            strings.number(&kind.name),
            strings.number(detail),
            view.graph.retained[number],
            above,
            from,
            strings.number(&step),
            u8::from(view.graph.costs[number] >= crate::graph::BY_CHANCE),
        ]));
    }
    let area = |area: &crate::heap::Area| {
        let blocks = (area.end - area.pool) / area.block_bytes;
        json!([format!("{:#x}", area.pool), blocks, area.block_bytes])
    };
    let areas: Vec<_> = view.heap.areas.iter().map(area).collect();
    let data = json!({
        "title": title, "areas": areas, "nodes": nodes, "strings": strings.list,
        "notes": view.notes,
    });
    // Within a script nothing may look like its end.
    let data = serde_json::to_string(&data)?
        .replace("</", "<\\/")
        .replace("<!--", "<\\u0021--");
    out.write_all(PAGE.replace("@DATA@", &data).as_bytes())?;
    Ok(())
}
