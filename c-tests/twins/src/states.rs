//! Every state of a heap of so many blocks.

/// A part of a state: so many blocks, a chunk or free ones.
pub type Part = (usize, Option<Used>);

/// A chunk of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Whether it is flagged to have a finaliser.
    pub finaliser: bool,
}

/// All states of `blocks` blocks: each block free, a head or a tail behind one of the two.
///
/// With `every_finaliser` each head may have a finaliser or not; otherwise all of a state have one
/// or none has.
pub fn states(blocks: usize, finaliser: bool, every_finaliser: bool) -> Vec<Vec<Part>> {
    let choices: &[&[bool]] = match (finaliser, every_finaliser) {
        (false, _) => &[&[false]],
        (true, true) => &[&[false, true]],
        (true, false) => &[&[false], &[true]],
    };
    let mut all = Vec::new();
    for heads in choices {
        extend(&mut Vec::new(), blocks, heads, &mut all);
    }
    all
}

fn extend(parts: &mut Vec<Part>, left: usize, heads: &[bool], all: &mut Vec<Vec<Part>>) {
    if left == 0 {
        all.push(parts.clone());
        return;
    }
    let after_free = parts.last().is_some_and(|part| part.1.is_none());
    for len in 1..=left {
        // Free blocks side by side are one part.
        let free = (!after_free).then_some(None);
        let used = heads.iter().map(|&finaliser| Some(Used { finaliser }));
        for kind in free.into_iter().chain(used) {
            parts.push((len, kind));
            extend(parts, left - len, heads, all);
            parts.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many words of free, head and tail there are in which no tail follows a free block.
    fn count(blocks: usize, heads: usize) -> usize {
        let (mut free, mut used) = (1, 0);
        for _ in 0..blocks {
            (free, used) = (free + used, heads * (free + used) + used);
        }
        free + used
    }

    #[test]
    fn there_are_as_many_states_as_words_of_the_table() {
        for blocks in 1..8 {
            assert_eq!(states(blocks, false, true).len(), count(blocks, 1));
            assert_eq!(states(blocks, true, true).len(), count(blocks, 2));
            assert_eq!(states(blocks, true, false).len(), 2 * count(blocks, 1));
        }
    }
}
