//! Dominators of a graph: node `d` dominates `n` if each way from the first node to `n` leads
//! through `d`.
//!
//! Semi-NCA (Georgiadis): numbers in the order of a depth-first search, semidominators with path
//! compression, then the nearest common ancestor in the tree built so far.

const NONE: u32 = u32::MAX;

/// The nodes that node 0 reaches, each after its dominator, and the immediate dominator of each
/// (`u32::MAX`: not reached).
pub fn dominators(
    count: usize,
    successors: impl Fn(usize, &mut dyn FnMut(usize)),
) -> (Vec<u32>, Vec<u32>) {
    let search = Search::run(count, &successors);
    let reached = search.order.len();
    // From here on nodes have the numbers of the search.
    let mut semi: Vec<u32> = (0..reached as u32).collect();
    let mut label: Vec<u32> = semi.clone();
    let mut ancestor = vec![NONE; reached];
    let mut above = search.parent.clone();
    for node in (1..reached).rev() {
        let from = search.before_first[node] as usize..search.before_first[node + 1] as usize;
        for &before in &search.before[from] {
            let best = evaluate(before as usize, &mut ancestor, &mut label, &semi);
            semi[node] = semi[node].min(semi[best as usize]);
        }
        ancestor[node] = search.parent[node];
        label[node] = node as u32;
    }
    for node in 1..reached {
        let mut candidate = above[node];
        while candidate > semi[node] {
            candidate = above[candidate as usize];
        }
        above[node] = candidate;
    }
    let mut result = vec![NONE; count];
    for node in 1..reached {
        result[search.order[node] as usize] = search.order[above[node] as usize];
    }
    result[0] = 0;
    (search.order, result)
}

/// The node with the least semidominator on the path up to the root of its tree, which is made
/// shorter.
fn evaluate(node: usize, ancestor: &mut [u32], label: &mut [u32], semi: &[u32]) -> u32 {
    if ancestor[node] == NONE {
        return node as u32;
    }
    let mut path = vec![node];
    while let Some(&last) = path.last()
        && ancestor[ancestor[last] as usize] != NONE
    {
        path.push(ancestor[last] as usize);
    }
    for &node in path.iter().rev().skip(1) {
        let up = ancestor[node] as usize;
        if semi[label[up] as usize] < semi[label[node] as usize] {
            label[node] = label[up];
        }
        ancestor[node] = ancestor[up];
    }
    label[node]
}

struct Search {
    /// The node of each number.
    order: Vec<u32>,
    /// The number of the node that each number was found from.
    parent: Vec<u32>,
    /// The numbers of the nodes before each: `before[before_first[n]..before_first[n + 1]]`.
    before_first: Vec<u32>,
    before: Vec<u32>,
}

impl Search {
    fn run(count: usize, successors: &impl Fn(usize, &mut dyn FnMut(usize))) -> Search {
        let mut number = vec![NONE; count];
        let (mut order, mut parent) = (Vec::new(), Vec::new());
        let mut waiting = vec![(0usize, 0u32)];
        while let Some((node, from)) = waiting.pop() {
            if number[node] != NONE {
                continue;
            }
            let own = order.len() as u32;
            number[node] = own;
            order.push(node as u32);
            parent.push(from);
            successors(node, &mut |next| {
                if number[next] == NONE {
                    waiting.push((next, own));
                }
            });
        }
        let mut before_first = vec![0u32; order.len() + 1];
        for &node in &order {
            successors(node as usize, &mut |next| {
                before_first[number[next] as usize + 1] += 1
            });
        }
        for index in 1..before_first.len() {
            before_first[index] += before_first[index - 1];
        }
        let mut before = vec![0u32; before_first[order.len()] as usize];
        let mut filled = before_first.clone();
        for (own, &node) in order.iter().enumerate() {
            successors(node as usize, &mut |next| {
                let place = &mut filled[number[next] as usize];
                before[*place as usize] = own as u32;
                *place += 1;
            });
        }
        Search {
            order,
            parent,
            before_first,
            before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(graph: &[Vec<usize>], without: usize) -> Vec<bool> {
        let mut seen = vec![false; graph.len()];
        let mut waiting = vec![0];
        while let Some(node) = waiting.pop() {
            if node != without && !seen[node] {
                seen[node] = true;
                waiting.extend(&graph[node]);
            }
        }
        seen
    }

    /// The dominators of each node are those without which it is not reached; the immediate one is
    /// reached by all the others.
    fn naive(graph: &[Vec<usize>]) -> Vec<u32> {
        let all = reached(graph, usize::MAX);
        let without: Vec<_> = (0..graph.len()).map(|node| reached(graph, node)).collect();
        let dominates = |d: usize, n: usize| d != n && all[n] && all[d] && !without[d][n];
        let immediate = |n: usize| {
            if n == 0 {
                return 0;
            }
            let above: Vec<_> = (0..graph.len()).filter(|&d| dominates(d, n)).collect();
            let nearest = above
                .iter()
                .find(|&&d| above.iter().all(|&other| other == d || dominates(other, d)));
            nearest.map_or(NONE, |&d| d as u32)
        };
        (0..graph.len()).map(immediate).collect()
    }

    #[test]
    fn dominators_are_those_of_the_definition() {
        let mut seed = 1u64;
        let mut random = |limit: usize| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (seed >> 33) as usize % limit
        };
        for round in 0..3000 {
            let count = 1 + random(12);
            let mut graph = vec![Vec::new(); count];
            for _ in 0..random(3 * count + 1) {
                let from = random(count);
                graph[from].push(random(count));
            }
            let (order, found) = dominators(count, |node, call| {
                graph[node].iter().for_each(|&next| call(next))
            });
            assert_eq!(found, naive(&graph), "round {round}: {graph:?}");
            let place = |node: u32| order.iter().position(|&other| other == node).unwrap();
            for &node in &order[1..] {
                assert!(
                    place(found[node as usize]) < place(node),
                    "a dominator comes first"
                );
            }
        }
    }

    #[test]
    fn a_long_chain_needs_no_deep_recursion() {
        let count = 200_000;
        let (order, found) = dominators(count, |node, call| {
            if node + 1 < count {
                call(node + 1);
            }
        });
        assert_eq!(order.len(), count);
        assert!((1..count).all(|node| found[node] == node as u32 - 1));
    }
}
