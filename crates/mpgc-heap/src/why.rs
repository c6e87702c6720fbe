//! `why`: the best path from a root to a chunk, step by step.

use std::io::Write;

use anyhow::{Result, bail};

use crate::graph::{BY_CHANCE, Way};
use crate::memory::RootsFrom;
use crate::roots::Origin;
use crate::view::View;

/// Of a longer way the steps at both ends are shown.
const MOST_STEPS: usize = 60;

/// The chunks that a query names: an address, the name of a type, or a name in Python.
pub fn find(view: &View<'_>, question: &str) -> Result<Vec<usize>> {
    if let Some(digits) = question.strip_prefix("0x")
        && let Ok(address) = u64::from_str_radix(digits, 16)
    {
        return match view.heap.holding(address) {
            Some(chunk) => Ok(vec![chunk]),
            None if view
                .heap
                .areas
                .iter()
                .any(|area| (area.pool..area.end).contains(&address)) =>
            {
                bail!("the block at {address:#x} is free")
            }
            None => bail!("{address:#x} is not in the heap"),
        };
    }
    let all = 0..view.heap.chunks.len();
    let mut found: Vec<_> = all
        .clone()
        .filter(|&chunk| view.kinds.get(chunk).name == question)
        .collect();
    if found.is_empty() {
        let main = format!("__main__.{question}");
        let is_named = |chunk: &usize| {
            let name = view.name(*chunk);
            name == question || name == main
        };
        // A hidden step has the name of its owner: the first of a name is the one that is meant.
        let named = all
            .clone()
            .filter(|&chunk| view.graph.is_reached(chunk))
            .filter(is_named);
        found = named
            .min_by_key(|&chunk| view.graph.costs[chunk])
            .into_iter()
            .collect();
    }
    if found.is_empty() {
        found = all
            .filter(|&chunk| is_called(&view.short(chunk), question))
            .collect();
    }
    if found.is_empty() {
        bail!(
            "`{question}` is no address, no type and no name in this snapshot; `summary` lists \
             types"
        );
    }
    found.sort_by_key(|&chunk| {
        (
            !view.graph.is_reached(chunk),
            std::cmp::Reverse(view.graph.retained[chunk]),
            chunk,
        )
    });
    Ok(found)
}

pub fn print(view: &View<'_>, question: &str, top: usize, out: &mut dyn Write) -> Result<()> {
    let found = find(view, question)?;
    if found.len() > top {
        writeln!(
            out,
            "{} chunks; those that hold most are shown:",
            found.len()
        )?;
    }
    for &chunk in found.iter().take(top) {
        print_one(view, chunk, out)?;
    }
    Ok(())
}

fn print_one(view: &View<'_>, chunk: usize, out: &mut dyn Write) -> Result<()> {
    let own = &view.heap.chunks[chunk];
    writeln!(
        out,
        "{:#x} {}, {} bytes, retains {}",
        own.address,
        view.short(chunk),
        own.bytes,
        view.graph.retained[chunk]
    )?;
    if !view.graph.is_reached(chunk) {
        writeln!(out, "  nothing holds it: it is garbage")?;
        return Ok(());
    }
    writeln!(out, "  {}", view.name(chunk))?;
    let way = view.graph.way_to(chunk);
    let middle = if way.len() > MOST_STEPS {
        MOST_STEPS / 2..way.len() - MOST_STEPS / 2
    } else {
        0..0
    };
    for (number, &at) in way.iter().enumerate() {
        if middle.contains(&number) {
            if number == middle.start {
                writeln!(out, "    ... {} steps more ...", middle.len())?;
            }
            continue;
        }
        let by = match view.graph.ways[at] {
            Way::Root(root) => {
                let origin = view.graph.roots[root as usize].origin;
                format!("{} ({})", view.root(origin), root_kind(view, origin))
            }
            _ => match view.way_step(&view.graph, at) {
                step if step.is_empty() => "its".into(),
                step => step,
            },
        };
        writeln!(
            out,
            "    {by} -> {:#x} {}",
            view.heap.chunks[at].address,
            view.short(at)
        )?;
    }
    if view.graph.costs[chunk] >= u64::from(BY_CHANCE) {
        writeln!(out, "  held by no name: only by {}", doubt(view, &way))?;
    }
    Ok(())
}

fn root_kind(view: &View<'_>, origin: Origin) -> &'static str {
    match origin {
        Origin::State(_) => "root pointer",
        Origin::Range(number, _) => match view.memory.stated.roots[number].from {
            RootsFrom::Registered => "roots",
            RootsFrom::Callback => "roots that the callback marks",
            RootsFrom::LifoStack => "LIFO stack",
            RootsFrom::CStack => "C stack",
        },
        Origin::Pystack(_) => "Python stack",
        Origin::Stack(..) => "C stack",
        Origin::Register(..) => "register",
    }
}

/// Which step of a way is a word that may be stale, or be an address by chance.
fn doubt(view: &View<'_>, way: &[usize]) -> String {
    match view.graph.ways[way[0]] {
        Way::Root(root) if !matches!(view.graph.roots[root as usize].origin, Origin::State(_)) => {
            let origin = view.graph.roots[root as usize].origin;
            format!(
                "a word of the {}, which may be in use, stale or chance",
                root_kind(view, origin)
            )
        }
        _ => "a word whose meaning no type tells, which may be stale or chance".into(),
    }
}

/// Whether this is what stands behind the type, or its first word.
fn is_called(short: &str, question: &str) -> bool {
    let detail = short.split_once(' ').map(|(_, detail)| detail);
    detail.is_some_and(|detail| detail == question || detail.split(' ').next() == Some(question))
}
