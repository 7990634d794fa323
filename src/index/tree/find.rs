//! The search for all nodes that a pattern matches, in slices.
//!
//! Walks down the tree with the set of places in the pattern that the path so far can have
//! reached, so that every node is visited at most once, also under `**`. Where only plain labels
//! can follow they are looked up; else the children are gone through, and each distinct label is
//! matched once (as long as the memory of [`Memo`] reaches). Nodes added during the search may or
//! may not be found.

use super::super::TooMany;
use super::super::glob::{NodePattern, Pattern};
use super::order::Order;
use super::{NONE, Node, Tree};
use crate::model::series::{SeriesId, TenantId};

/// Entries of the memory of matched labels, a power of two; 8 bytes each.
const MEMO_SLOTS: usize = 1 << 14;
/// How much of matching costs as much of the budget as visiting a node: bytes of the label times
/// steps of the pattern.
const MATCH_WORK_PER_NODE: usize = 256;
/// How many places in the pattern cost as much of the budget as visiting a node.
const STATES_PER_NODE: usize = 16;

/// A search under way.
pub struct Finder {
    pattern: Pattern,
    tenant: TenantId,
    limit: usize,
    leaves_only: bool,
    begun: bool,
    /// The node whose children are being visited, and its ancestors.
    frames: Vec<Frame>,
    /// Places in the pattern of all frames, one frame after the other, ascending in each.
    states: Vec<u32>,
    /// The path of the last frame's node, and perhaps of one of its children.
    path: String,
    /// For each node of the pattern the labels of its literals, [`NONE`] where there is no such
    /// label, as of when there were `known_labels` labels.
    literals: Vec<Vec<u32>>,
    known_labels: Option<u32>,
    memo: Memo,
    found: Order,
}

struct Frame {
    node: u32,
    cursor: Cursor,
    first_state: usize,
    path_bytes: usize,
}

/// Which children are still to be visited.
#[derive(Clone, Copy)]
enum Cursor {
    /// Those that this place's literals name, from this one on.
    Lookup { state: u32, literal: usize },
    /// This one and the siblings after it.
    Scan { child: u32 },
}

impl Finder {
    /// A search that fails when it finds more than `limit` nodes.
    pub fn new(pattern: Pattern, tenant: TenantId, limit: usize) -> Finder {
        Finder {
            pattern,
            tenant,
            limit,
            leaves_only: false,
            begun: false,
            frames: Vec::new(),
            states: Vec::new(),
            path: String::new(),
            literals: Vec::new(),
            known_labels: None,
            memo: Memo::default(),
            found: Order::default(),
        }
    }

    /// Find (and count against the limit) only nodes that are series.
    #[must_use]
    pub fn leaves_only(mut self) -> Finder {
        self.leaves_only = true;
        self
    }

    /// Go on for about as much work as visiting `budget_nodes` nodes costs. `Some` when the search
    /// is over: the nodes in the order of their paths' bytes, or [`TooMany`] as soon as that is
    /// certain. To be called with the same tree until then, and not again after.
    pub fn step(&mut self, tree: &Tree, budget_nodes: usize) -> Option<Result<Vec<Node>, TooMany>> {
        if !self.begun {
            self.begin(tree);
        }
        self.resolve(tree);
        let mut left = budget_nodes.max(1);
        while let Some(child) = self.next_child(tree) {
            let Some(child) = child else {
                left = left.saturating_sub(1);
                if left == 0 {
                    return None;
                }
                continue;
            };
            let cost = match self.visit(tree, child) {
                Ok(cost) => cost,
                Err(too_many) => return Some(Err(too_many)),
            };
            left = left.saturating_sub(cost);
            if left == 0 {
                return None;
            }
        }
        self.found.merge(left).map(Ok)
    }

    fn begin(&mut self, tree: &Tree) {
        self.begun = true;
        let Some(&root) = tree.roots.get(&self.tenant) else {
            return;
        };
        if !self.pattern.nodes().is_empty() {
            self.enter(0, 0);
            self.push_frame(tree, root, 0);
        }
    }

    /// Labels that came since the last slice may be literals of the pattern.
    fn resolve(&mut self, tree: &Tree) {
        let labels = tree.labels.len();
        if self.known_labels == Some(labels) {
            return;
        }
        self.known_labels = Some(labels);
        let of_node = |node: &NodePattern| match node {
            NodePattern::One(one) => {
                let literals = one.literals.iter();
                literals
                    .map(|text| tree.labels.find(text).unwrap_or(NONE))
                    .collect()
            }
            NodePattern::Deep | NodePattern::Any => Vec::new(),
        };
        self.literals = self.pattern.nodes().iter().map(of_node).collect();
    }

    /// The next child of the last frame; `Some(None)` when it turned out not to exist or the frame
    /// was left, `None` when no frame is left.
    fn next_child(&mut self, tree: &Tree) -> Option<Option<u32>> {
        let frame = self.frames.last_mut()?;
        let child = match &mut frame.cursor {
            Cursor::Lookup { state, literal } => {
                let label = self.literals[*state as usize].get(*literal).copied();
                *literal += 1;
                match label {
                    None => NONE,
                    Some(NONE) => return Some(None),
                    Some(label) => return Some(tree.child(frame.node, label)),
                }
            }
            Cursor::Scan { child } => {
                let this = *child;
                if this != NONE {
                    *child = tree.nodes.get(this).next_sibling;
                }
                this
            }
        };
        if child == NONE {
            self.states.truncate(frame.first_state);
            self.frames.pop();
            return Some(None);
        }
        Some(Some(child))
    }

    /// Look at a child of the last frame; what it cost.
    fn visit(&mut self, tree: &Tree, child: u32) -> Result<usize, TooMany> {
        let Some(frame) = self.frames.last() else {
            return Ok(1);
        };
        let kept = tree.nodes.get(child);
        let (first, path_bytes) = (frame.first_state, frame.path_bytes);
        let next = self.states.len();
        let mut cost = 1 + (next - first) / STATES_PER_NODE;
        for at in first..next {
            let state = self.states[at];
            match self.takes(tree, state, kept.label, &mut cost) {
                Some(true) => self.enter(next, state),
                Some(false) => self.enter(next, state + 1),
                None => {}
            }
        }
        let whole = self.pattern.nodes().len() as u32;
        let matched = self.states.len() > next && self.states.last() == Some(&whole);
        if matched {
            self.states.pop();
        }
        let deeper = self.states.len() > next && kept.first_child != NONE;
        let wanted = matched && (!self.leaves_only || kept.series != NONE);
        if deeper || wanted {
            self.path.truncate(path_bytes);
            if !self.path.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(tree.labels.text(kept.label));
        }
        if wanted {
            if self.found.len() == self.limit {
                return Err(TooMany { limit: self.limit });
            }
            self.found.push(Node {
                path: self.path.clone(),
                leaf: (kept.series != NONE).then_some(SeriesId(kept.series)),
                branch: kept.first_child != NONE,
            });
        }
        if deeper {
            self.push_frame(tree, child, next);
        } else {
            self.states.truncate(next);
        }
        Ok(cost)
    }

    /// Whether the pattern at `state` takes a node of this label: `Some(true)` if it can take more
    /// nodes after it, `Some(false)` if only this one.
    fn takes(&mut self, tree: &Tree, state: u32, label: u32, cost: &mut usize) -> Option<bool> {
        let at = state as usize;
        let one = match &self.pattern.nodes()[at] {
            NodePattern::Deep => return Some(true),
            NodePattern::Any => return Some(false),
            NodePattern::One(one) => one,
        };
        if one.wilds.is_empty() && one.literals.len() == 1 {
            return (self.literals[at][0] == label).then_some(false);
        }
        let matched = self.memo.recall(state, label).unwrap_or_else(|| {
            let text = tree.labels.text(label);
            *cost += text.len() * one.steps() / MATCH_WORK_PER_NODE;
            let matched = one.matches(text);
            self.memo.keep(state, label, matched);
            matched
        });
        matched.then_some(false)
    }

    /// Add a place in the pattern to the states from `next` on. States come in ascending order,
    /// but each may lead to places that the two before it led to.
    fn enter(&mut self, next: usize, state: u32) {
        let mut add = |state: u32| {
            let tail = self.states[next..].iter().rev().take(3);
            if !tail.clone().any(|&known| known == state) {
                self.states.push(state);
            }
        };
        add(state);
        if self.pattern.nodes().get(state as usize) == Some(&NodePattern::Deep) {
            add(state + 1);
        }
    }

    /// Go on with the children of a node; its states are those from `first_state` on.
    fn push_frame(&mut self, tree: &Tree, node: u32, first_state: usize) {
        let cursor = match self.states[first_state..] {
            [state] if self.is_plain(state) => Cursor::Lookup { state, literal: 0 },
            _ => Cursor::Scan {
                child: tree.nodes.get(node).first_child,
            },
        };
        self.frames.push(Frame {
            node,
            cursor,
            first_state,
            path_bytes: self.path.len(),
        });
    }

    /// Whether only plain labels can follow at this place.
    fn is_plain(&self, state: u32) -> bool {
        match &self.pattern.nodes()[state as usize] {
            NodePattern::One(one) => one.wilds.is_empty(),
            NodePattern::Deep | NodePattern::Any => false,
        }
    }
}

/// Which labels matched which nodes of the pattern: a direct-mapped table that forgets on clash,
/// so that it is bounded. Empty until first used.
#[derive(Default)]
struct Memo(Vec<u64>);

impl Memo {
    /// Pattern node (13 bits), label (26 bits), and a bit that says that the entry is one.
    fn key(state: u32, label: u32) -> u64 {
        1 << 63 | u64::from(state) << 32 | u64::from(label) << 1
    }

    fn slot(key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % MEMO_SLOTS
    }

    fn recall(&self, state: u32, label: u32) -> Option<bool> {
        let key = Memo::key(state, label);
        let entry = *self.0.get(Memo::slot(key))?;
        (entry & !1 == key).then_some(entry & 1 == 1)
    }

    fn keep(&mut self, state: u32, label: u32, matched: bool) {
        if self.0.is_empty() {
            self.0 = vec![0; MEMO_SLOTS];
        }
        let key = Memo::key(state, label);
        self.0[Memo::slot(key)] = key | u64::from(matched);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use std::collections::BTreeMap;

    const TENANT: TenantId = TenantId(3);

    fn tree_of(names: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for (id, name) in names.iter().enumerate() {
            tree.insert(TENANT, name, SeriesId(id as u32))
                .expect("there is room");
        }
        tree
    }

    fn show(nodes: &[Node]) -> String {
        let mark = |node: &Node| match (node.leaf.is_some(), node.branch) {
            (true, true) => "+",
            (true, false) => "",
            (false, _) => "/",
        };
        let texts: Vec<String> = nodes
            .iter()
            .map(|node| format!("{}{}", node.path, mark(node)))
            .collect();
        texts.join(" ")
    }

    #[track_caller]
    fn check(tree: &Tree, text: &str, want: &str) {
        let pattern = Pattern::new(text).expect("within the limits");
        let found = tree.find(TENANT, &pattern, 100).expect("within the limit");
        assert_eq!(show(&found), want, "pattern {text}");
    }

    /// The conformance cases B12 to B17 of graphite-web's globs. A branch is marked by `/`, a
    /// node that is both by `+`.
    #[test]
    fn a_small_tree() {
        let tree = tree_of(&["a.b.c", "a.b.d", "a.b.c2.leaf", "a.x.c", "top"]);
        check(&tree, "a.{b,x}.c", "a.b.c a.x.c");
        check(&tree, "a.{b.c,x.c}", "");
        check(&tree, "{a.b.c,top}", "");
        check(&tree, "a.b.*", "a.b.c a.b.c2/ a.b.d");
        check(&tree, "**.c", "a.b.c a.x.c");
        check(&tree, "a.**.c", "a.b.c a.x.c");
        check(&tree, "*.*", "a.b/ a.x/");
        check(&tree, "a.b.c.d", "");
        check(&tree, "A.b.c", "");
        check(&tree, "t*p", "top");
        check(&tree, "*", "a/ top");
        check(&tree, "a..b.c", "a.b.c");
        check(
            &tree,
            "a.**",
            "a.b/ a.b.c a.b.c2/ a.b.c2.leaf a.b.d a.x/ a.x.c",
        );
        check(&tree, "", "");
        check(&tree, "a.b.{d,c,nosuch}", "a.b.c a.b.d");
        check(&tree, "{a,t*}", "a/ top");
    }

    #[test]
    fn a_node_may_be_leaf_and_branch() {
        let tree = tree_of(&["a.b", "a.b.c", "a-b", "a"]);
        check(&tree, "a.*", "a.b+");
        check(&tree, "**", "a+ a-b a.b+ a.b.c");
    }

    #[test]
    fn tenants_do_not_see_each_other() {
        let mut tree = tree_of(&["a.b"]);
        tree.insert(TenantId(4), "a.c", SeriesId(9))
            .expect("there is room");
        check(&tree, "a.*", "a.b");
        let all = Pattern::new("**").expect("a pattern");
        assert_eq!(tree.find(TenantId(5), &all, 9), Ok(Vec::new()));
        assert_eq!(
            tree.find(TenantId(4), &all, 9).map(|n| show(&n)),
            Ok("a/ a.c".into())
        );
    }

    #[test]
    fn the_limit_counts_what_is_asked_for() {
        let tree = tree_of(&["a.b.c", "a.b.d", "a.e.f"]);
        let all = Pattern::new("**").expect("a pattern");
        assert_eq!(tree.find(TENANT, &all, 5), Err(TooMany { limit: 5 }));
        assert_eq!(tree.find(TENANT, &all, 6).map(|nodes| nodes.len()), Ok(6));
        let mut leaves = Finder::new(all, TENANT, 3).leaves_only();
        let found = leaves.step(&tree, 1_000).expect("it is over");
        assert_eq!(
            found.map(|nodes| show(&nodes)),
            Ok("a.b.c a.b.d a.e.f".into())
        );
    }

    #[test]
    fn a_search_goes_on_while_names_come() {
        let mut tree = tree_of(&["a.b.x", "a.c.x", "a.d.y"]);
        let pattern = Pattern::new("a.*.{x,late}").expect("a pattern");
        let mut finder = Finder::new(pattern, TENANT, 100);
        let mut steps = 0;
        let found = loop {
            if let Some(found) = finder.step(&tree, 1) {
                break found.expect("within the limit");
            }
            steps += 1;
            tree.insert(TENANT, &format!("a.b{steps}.late"), SeriesId(100 + steps))
                .expect("room");
            assert!(steps < 100, "it has to end");
        };
        assert!(steps > 3);
        let paths: Vec<&str> = found.iter().map(|node| node.path.as_str()).collect();
        assert!(
            paths.contains(&"a.b.x") && paths.contains(&"a.c.x"),
            "{paths:?}"
        );
    }

    fn random_path(random: &mut Random, labels: &[&str], longest: u64) -> String {
        let count = 1 + random.below(longest);
        let picked = (0..count).map(|_| labels[random.below(labels.len() as u64) as usize]);
        picked.collect::<Vec<&str>>().join(".")
    }

    /// Every prefix of every name, with the series it is and whether a name goes on.
    fn naive(names: &BTreeMap<String, SeriesId>, pattern: &Pattern) -> Vec<Node> {
        let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
        for name in names.keys() {
            let ends = name
                .match_indices('.')
                .map(|(at, _)| at)
                .chain([name.len()]);
            for path in ends
                .map(|end| &name[..end])
                .filter(|path| pattern.matches(path))
            {
                let node = nodes.entry(path.to_owned()).or_insert_with(|| Node {
                    path: path.to_owned(),
                    leaf: names.get(path).copied(),
                    branch: false,
                });
                node.branch |= path.len() < name.len();
            }
        }
        nodes.into_values().collect()
    }

    #[test]
    fn agrees_with_its_twin() {
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or(3);
        let mut random = Random::new(seed);
        let labels = ["a", "b", "ab", "a-b", "c", "é", "a+", "ba"];
        let signs = [
            "a", "*", "**", "a*", "{a,b}", "{a,*b}", "?", "[!a]*", "ab", "{**,a}", "c",
        ];
        let mut matched = 0;
        for round in 0..300 {
            let mut tree = Tree::default();
            let mut names = BTreeMap::new();
            for id in 0..random.below(60) {
                let name = random_path(&mut random, &labels, 5);
                tree.insert(TENANT, &name, SeriesId(id as u32))
                    .expect("there is room");
                names.insert(name, SeriesId(id as u32));
            }
            for _ in 0..40 {
                let text = random_path(&mut random, &signs, 5);
                let pattern = Pattern::new(&text).expect("within the limits");
                let want = naive(&names, &pattern);
                matched += want.len();
                let mut finder = Finder::new(pattern, TENANT, usize::MAX);
                let slice = 1 + random.below(20) as usize;
                let got = std::iter::repeat_with(|| finder.step(&tree, slice))
                    .flatten()
                    .next();
                assert_eq!(
                    got,
                    Some(Ok(want)),
                    "round {round}, {text}; replay with SEED={seed}"
                );
            }
        }
        assert!(
            matched > 10_000,
            "only {matched} nodes matched: the test says little"
        );
    }
}
