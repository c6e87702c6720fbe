//! `diff`: the chunks that were allocated between two snapshots of one run and stay, by type and by
//! what keeps them.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;

use anyhow::Result;

use crate::summary::table;
use crate::view::View;

/// The identity of a live chunk in a later snapshot: nothing moves.
pub type Known = HashSet<(u64, u64, String)>;

pub fn live(view: &View<'_>) -> Known {
    let chunks = view.heap.chunks.iter().enumerate();
    let reached = chunks.filter(|(number, _)| view.graph.is_reached(*number));
    reached
        .map(|(number, chunk)| {
            (
                chunk.address,
                chunk.bytes,
                view.kinds.get(number).name.clone(),
            )
        })
        .collect()
}

/// `view` is the second snapshot; `later` is what was live in a third, if there is one.
pub fn print(
    before: &Known,
    view: &View<'_>,
    later: Option<&Known>,
    top: usize,
    out: &mut dyn Write,
) -> Result<()> {
    let now = live(view);
    let stays = |known: &(u64, u64, String)| later.is_none_or(|later| later.contains(known));
    let mut types: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut holders: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut total = (0, 0);
    for (number, chunk) in view.heap.chunks.iter().enumerate() {
        let known = (
            chunk.address,
            chunk.bytes,
            view.kinds.get(number).name.clone(),
        );
        if !view.graph.is_reached(number) || before.contains(&known) || !stays(&known) {
            continue;
        }
        let name = general(&view.name(number));
        for sum in [
            types.entry(known.2).or_default(),
            holders.entry(name).or_default(),
            &mut total,
        ] {
            *sum = (sum.0 + 1, sum.1 + chunk.bytes);
        }
    }
    let gone = before.difference(&now);
    let (count, bytes) = gone.fold((0, 0), |sum, known| (sum.0 + 1, sum.1 + known.1));
    writeln!(
        out,
        "{} chunks, {} bytes were made in between and stay",
        total.0, total.1
    )?;
    writeln!(out, "{count} chunks, {bytes} bytes are gone")?;
    for (head, sums) in [("type", types), ("kept by", holders)] {
        let mut rows: Vec<_> = sums.into_iter().collect();
        rows.sort_by(|a, b| b.1.1.cmp(&a.1.1).then(a.0.cmp(&b.0)));
        let row =
            |(name, sum): (String, (u64, u64))| vec![sum.0.to_string(), sum.1.to_string(), name];
        let rows: Vec<_> = rows.into_iter().take(top).map(row).collect();
        writeln!(out)?;
        table(out, &["chunks", "bytes", head], &rows)?;
    }
    Ok(())
}

/// A name with `[*]` for each key and index: many things that one list keeps have one name.
fn general(name: &str) -> String {
    let mut result = String::new();
    let mut depth = 0;
    for letter in name.chars() {
        match letter {
            '[' => {
                depth += 1;
                if depth == 1 {
                    result.push_str("[*");
                }
            }
            ']' => depth = (depth - 1).max(0),
            _ => {}
        }
        if depth == 0 {
            result.push(letter);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_and_indices_are_left_out_of_a_general_name() {
        assert_eq!(
            super::general("__main__.cache['k3'][17].buf"),
            "__main__.cache[*][*].buf"
        );
        assert_eq!(super::general("a[b[1]].c"), "a[*].c");
        assert_eq!(super::general("odd].x"), "odd].x");
    }
}
