//! `summary`: how full the heap is, what fills it, and what the roots hold.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;

use crate::graph::Way;
use crate::view::View;

/// Rows as aligned text: the first `numbers` columns to the right, the last as it is.
pub fn table(out: &mut dyn Write, head: &[&str], rows: &[Vec<String>]) -> Result<()> {
    let last = head.len() - 1;
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..last).map(width).collect();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| -> Result<()> {
        for (column, cell) in cells.enumerate() {
            match widths.get(column) {
                Some(width) => write!(out, "{cell:>width$}  ")?,
                None => writeln!(out, "{cell}")?,
            }
        }
        Ok(())
    };
    line(&mut head.iter().copied())?;
    for row in rows {
        line(&mut row.iter().map(String::as_str))?;
    }
    Ok(())
}

pub fn print(view: &View<'_>, top: usize, out: &mut dyn Write) -> Result<()> {
    let heap = &view.heap;
    let reached = |chunk: usize| view.graph.is_reached(chunk);
    let (mut bytes, mut garbage) = ((0, 0u64), (0, 0u64));
    for (number, chunk) in heap.chunks.iter().enumerate() {
        let sum = if reached(number) {
            &mut bytes
        } else {
            &mut garbage
        };
        *sum = (sum.0 + 1, sum.1 + chunk.bytes);
    }
    let runs = heap.free_runs();
    let free: u64 = runs.iter().map(|run| run.1).sum();
    let largest = runs.iter().map(|run| run.1).max().unwrap_or(0);
    writeln!(
        out,
        "heap     {:>9} bytes in {} area(s), blocks of {} bytes",
        heap.pool_bytes(),
        heap.areas.len(),
        heap.areas[0].block_bytes
    )?;
    writeln!(out, "live     {:>9} bytes in {} chunks", bytes.1, bytes.0)?;
    writeln!(
        out,
        "garbage  {:>9} bytes in {} chunks, free after the next collection",
        garbage.1, garbage.0
    )?;
    writeln!(
        out,
        "free     {free:>9} bytes in {} runs, the largest {largest}",
        runs.len()
    )?;
    let fragmented = if free == 0 {
        0.0
    } else {
        100.0 * (free - largest) as f64 / free as f64
    };
    writeln!(
        out,
        "of the free bytes {fragmented:.0} % lie outside the largest run"
    )?;
    for note in &view.notes {
        writeln!(out, "{note}")?;
    }
    writeln!(out, "\nLive bytes by type")?;
    let mut types: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (number, chunk) in heap
        .chunks
        .iter()
        .enumerate()
        .filter(|(number, _)| reached(*number))
    {
        let sum = types.entry(&view.kinds.get(number).name).or_default();
        *sum = (sum.0 + 1, sum.1 + chunk.bytes);
    }
    let mut rows: Vec<_> = types
        .into_iter()
        .map(|(name, (count, bytes))| (bytes, count, name))
        .collect();
    rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.cmp(b.2)));
    let rows: Vec<_> = rows
        .iter()
        .take(top)
        .map(|row| vec![row.1.to_string(), row.0.to_string(), row.2.to_string()])
        .collect();
    table(out, &["chunks", "bytes", "type"], &rows)?;
    print_largest(view, top, out)?;
    print_roots(view, top, out)
}

fn print_largest(view: &View<'_>, top: usize, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "\nWhat would free most if it were gone")?;
    // A table is a part of its dict: the dict alone is listed.
    let is_part = |chunk: usize| {
        matches!(view.graph.ways[chunk], Way::Chunk(..))
            && view.way_step(&view.graph, chunk).is_empty()
    };
    let mut chunks: Vec<_> = (0..view.heap.chunks.len())
        .filter(|&chunk| view.graph.is_reached(chunk) && !is_part(chunk))
        .collect();
    chunks.sort_by_key(|&chunk| (std::cmp::Reverse(view.graph.retained[chunk]), chunk));
    let row = |&chunk: &usize| {
        let own = &view.heap.chunks[chunk];
        let what = format!(
            "{:#x} {}: {}",
            own.address,
            view.short(chunk),
            view.name(chunk)
        );
        vec![
            view.graph.retained[chunk].to_string(),
            own.bytes.to_string(),
            what,
        ]
    };
    let rows: Vec<_> = chunks.iter().take(top).map(row).collect();
    table(out, &["retained", "bytes", "chunk"], &rows)
}

/// What each root is the first on the way to.
fn print_roots(view: &View<'_>, top: usize, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "\nLive bytes by the root on the best way to them")?;
    let mut groups: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut of_chunk: Vec<Option<u32>> = vec![None; view.heap.chunks.len()];
    for number in 0..view.heap.chunks.len() {
        let mut passed = Vec::new();
        let mut at = number;
        let root = loop {
            match (of_chunk[at], view.graph.ways[at]) {
                (Some(root), _) | (None, Way::Root(root)) => break Some(root),
                (None, Way::Chunk(from, _)) => {
                    passed.push(std::mem::replace(&mut at, from as usize))
                }
                (None, Way::None) => break None,
            }
        };
        let Some(root) = root else { continue };
        of_chunk[at] = Some(root);
        passed
            .into_iter()
            .for_each(|chunk| of_chunk[chunk] = Some(root));
        let group = view.root_group(view.graph.roots[root as usize].origin);
        let sum = groups.entry(group).or_default();
        *sum = (sum.0 + 1, sum.1 + view.heap.chunks[number].bytes);
    }
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_by(|a, b| b.1.1.cmp(&a.1.1).then(a.0.cmp(&b.0)));
    let rows: Vec<_> = rows
        .into_iter()
        .take(top)
        .map(|(name, sum)| vec![sum.0.to_string(), sum.1.to_string(), name])
        .collect();
    table(out, &["chunks", "bytes", "root"], &rows)
}
