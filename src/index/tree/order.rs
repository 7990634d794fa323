//! What a search found, put in order a slice at a time.
//!
//! Sorting a hundred thousand paths at once would hold its shard up for 15 ms. So short runs are
//! sorted while they come, and merged at the end in as many slices as the caller likes.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::vec::IntoIter;

use super::Node;

/// Nodes of a run: sorting one takes about as long as a slice of the search.
const RUN_NODES: usize = 1024;

/// Nodes in any order that become nodes in the order of their paths' bytes.
#[derive(Default)]
pub(super) struct Order {
    run: Vec<Node>,
    runs: Vec<IntoIter<Node>>,
    len: usize,
    merge: Option<Merge>,
}

/// The merge under way: the least node left of each run, and what is in its place already.
struct Merge {
    heads: BinaryHeap<Head>,
    done: Vec<Node>,
}

/// The least node left of a run; the greater of two heads is the one that comes first.
struct Head {
    node: Node,
    run: usize,
}

impl Order {
    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, node: Node) {
        self.run.push(node);
        self.len += 1;
        if self.run.len() == RUN_NODES {
            self.end_run();
        }
    }

    /// Put up to `count` more nodes in their place. All of them, in order, when that is done.
    pub(super) fn merge(&mut self, count: usize) -> Option<Vec<Node>> {
        if self.merge.is_none() {
            self.end_run();
        }
        let runs = &mut self.runs;
        let merge = self.merge.get_or_insert_with(|| Merge {
            heads: (0..runs.len())
                .filter_map(|run| Head::next(runs, run))
                .collect(),
            done: Vec::with_capacity(self.len),
        });
        for _ in 0..count {
            let Some(mut least) = merge.heads.peek_mut() else {
                return Some(std::mem::take(&mut merge.done));
            };
            let next = runs[least.run].next();
            let node = match next {
                Some(next) => std::mem::replace(&mut least.node, next),
                None => std::collections::binary_heap::PeekMut::pop(least).node,
            };
            merge.done.push(node);
        }
        None
    }

    fn end_run(&mut self) {
        if self.run.is_empty() {
            return;
        }
        let mut run = std::mem::replace(&mut self.run, Vec::with_capacity(RUN_NODES));
        run.sort_by(|a, b| a.path.cmp(&b.path));
        self.runs.push(run.into_iter());
    }
}

impl Head {
    fn next(runs: &mut [IntoIter<Node>], run: usize) -> Option<Head> {
        runs[run].next().map(|node| Head { node, run })
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        other.node.path.cmp(&self.node.path)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn sorts_in_slices() {
        let mut random = Random::new(5);
        for count in [0, 1, RUN_NODES, 3 * RUN_NODES + 7] {
            let mut paths: Vec<String> = (0..count).map(|i| format!("a.{i:06}")).collect();
            random.shuffle(&mut paths);
            let mut order = Order::default();
            for path in &paths {
                order.push(Node {
                    path: path.clone(),
                    leaf: None,
                    branch: true,
                });
            }
            assert_eq!(order.len(), count);
            let mut slices = 0;
            let sorted = std::iter::repeat_with(|| order.merge(100)).inspect(|_| slices += 1);
            let sorted = sorted.flatten().next().expect("it ends");
            paths.sort();
            let got: Vec<String> = sorted.into_iter().map(|node| node.path).collect();
            assert_eq!(got, paths);
            assert_eq!(slices, count / 100 + 1);
        }
    }
}
