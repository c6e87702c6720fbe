//! `html`: one page with the map of the blocks, a treemap of retained sizes, a list and a search.
//! It needs no server and loads nothing.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use crate::export::Strings;
use crate::graph::{BY_CHANCE, Way};
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
        let area = &view.heap.areas[chunk.area as usize];
        nodes.push([
            i64::from(chunk.area),
            ((chunk.address - area.pool) / area.block_bytes) as i64,
            chunk.bytes as i64,
            strings.number(&kind.name) as i64,
            strings.number(detail) as i64,
            view.graph.retained[number] as i64,
            above,
            from,
            strings.number(&step) as i64,
            i64::from(view.graph.costs[number] >= u64::from(BY_CHANCE)),
        ]);
    }
    let area = |area: &crate::heap::Area| {
        let blocks = (area.end - area.pool) / area.block_bytes;
        json!([format!("{:#x}", area.pool), blocks, area.block_bytes])
    };
    let areas: Vec<_> = view.heap.areas.iter().map(area).collect();
    let texts = json!({ "title": title, "notes": view.notes, "strings": strings.list });
    // Within a script nothing may look like its end.
    let texts = serde_json::to_string(&texts)?
        .replace("</", "<\\/")
        .replace("<!--", "<\\u0021--");
    let (before, after) = PAGE.split_once("@DATA@").unwrap_or((PAGE, ""));
    // Piece by piece: with the numbers of a large heap the page is large.
    write!(
        out,
        "{before}{{\"texts\":{texts},\"areas\":{},\"nodes\":",
        json!(areas)
    )?;
    serde_json::to_writer(&mut *out, &nodes)?;
    write!(out, "}}{after}")?;
    Ok(())
}
