//! The tree of untagged names, by tenant: a node for every prefix that ends at a dot.
//!
//! Takes canonical names (no empty nodes) with their ids; gives the nodes that a pattern matches.
//! Nodes are numbers in flat chunks and know their parent, first child and next sibling; labels
//! are kept once; a child is found by a hash of (parent, label). A new name starts where it parts
//! from the name before it, for new names come in runs with shared prefixes.
//!
//! Limits: [`NODES_MAX`]; a name has at most 2,048 nodes, and nothing here recurses.
//! Does not know the text or identity of a series. Names are never removed.
//! Test truth: in the tests of `tree::find`, every prefix of every name matched by itself.

mod below;
mod chunks;
mod find;
mod labels;
mod order;
mod prefixed;
mod table;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::TooMany;
use super::glob::Pattern;
use crate::model::refusal::Reason;
use crate::model::series::{NAME_BYTES_MAX, SeriesId, TenantId};
pub use below::Below;
use chunks::Chunks;
pub use find::Finder;
use labels::Labels;
pub use prefixed::Prefixed;
use table::Table;

/// Nodes of all tenants of a shard: about 1.9 GB. A name of 4 KiB can have 2,048 of them, so a
/// bound on series alone would not bound this.
pub const NODES_MAX: u32 = table::IDS_MAX;

/// No node, no label, no series.
const NONE: u32 = u32::MAX;

/// A node that a pattern matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its whole path, dots between the nodes.
    pub path: String,
    /// The series of that name, if there is one.
    pub leaf: Option<SeriesId>,
    /// Whether longer names go through it.
    pub branch: bool,
}

/// A node as it is kept. The root of a tenant has no parent and no label.
#[derive(Clone, Copy)]
struct Kept {
    parent: u32,
    label: u32,
    first_child: u32,
    next_sibling: u32,
    series: u32,
}

/// The names of one shard.
pub struct Tree {
    labels: Labels,
    nodes: Chunks<Kept>,
    nodes_max: u32,
    /// Nodes by (parent, label).
    children: Table,
    /// Where a node lies in `children` is not for a sender to choose.
    seed: u64,
    roots: HashMap<TenantId, u32>,
    last: Trail,
}

/// The name inserted last.
#[derive(Default)]
struct Trail {
    root: u32,
    name: String,
    /// Where each of its nodes ends in the name, and the node.
    nodes: Vec<(u32, u32)>,
}

impl Default for Tree {
    /// An empty tree. Its seed is random: only speed depends on it, no answer does.
    fn default() -> Self {
        Tree::with_nodes_max(NODES_MAX)
    }
}

impl Tree {
    /// An empty tree for at most so many nodes, [`NODES_MAX`] at the most.
    pub fn with_nodes_max(nodes_max: u32) -> Tree {
        let chance = RandomState::new();
        Tree {
            labels: Labels::new(chance.hash_one(0)),
            nodes: Chunks::default(),
            nodes_max: nodes_max.min(NODES_MAX),
            children: Table::default(),
            seed: chance.hash_one(1) | 1,
            roots: HashMap::new(),
            last: Trail::default(),
        }
    }

    /// Add a canonical name. A name that is there gets the new id.
    ///
    /// # Errors
    /// [`Reason::NameEmpty`], [`Reason::NameLong`]; [`Reason::SeriesFull`] when the nodes of one
    /// more name could pass the limit. Nothing is added then.
    pub fn insert(&mut self, tenant: TenantId, name: &str, id: SeriesId) -> Result<(), Reason> {
        if name.is_empty() {
            return Err(Reason::NameEmpty);
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(Reason::NameLong);
        }
        let more = name.len().div_ceil(2) as u32 + 1; // its nodes and the root of its tenant
        if self.nodes.len() + more > self.nodes_max || !self.labels.has_room(more) {
            return Err(Reason::SeriesFull);
        }
        let root = self.root(tenant);
        let (mut node, mut start) = self.last.rewind(root, name);
        while start < name.len() {
            let rest = &name[start..];
            let label = rest.split('.').next().unwrap_or(rest);
            let label_id = self.labels.intern(label).ok_or(Reason::SeriesFull)?;
            node = self.child_or_new(node, label_id);
            let end = start + label.len();
            self.last.nodes.push((end as u32, node));
            start = end + 1;
        }
        self.nodes.get_mut(node).series = id.0;
        Ok(())
    }

    /// Nodes that match, in the order of their paths' bytes, each once.
    ///
    /// # Errors
    /// [`TooMany`] beyond `limit` nodes.
    pub fn find(
        &self,
        tenant: TenantId,
        pattern: &Pattern,
        limit: usize,
    ) -> Result<Vec<Node>, TooMany> {
        let mut finder = Finder::new(pattern.clone(), tenant, limit);
        loop {
            if let Some(found) = finder.step(self, usize::MAX) {
                return found;
            }
        }
    }

    /// How many nodes there are, one root for each tenant among them.
    pub fn nodes(&self) -> usize {
        self.nodes.len() as usize
    }

    /// How many distinct labels there are.
    pub fn labels(&self) -> usize {
        self.labels.len() as usize
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        self.nodes.bytes() + self.children.bytes() + self.labels.bytes()
    }

    fn root(&mut self, tenant: TenantId) -> u32 {
        if let Some(&root) = self.roots.get(&tenant) {
            return root;
        }
        let root = self.nodes.push(Kept {
            parent: NONE,
            label: NONE,
            first_child: NONE,
            next_sibling: NONE,
            series: NONE,
        });
        self.roots.insert(tenant, root);
        root
    }

    #[inline]
    fn child(&self, parent: u32, label: u32) -> Option<u32> {
        self.children.find(mix(self.seed, parent, label), |node| {
            let kept = self.nodes.get(node);
            kept.parent == parent && kept.label == label
        })
    }

    fn child_or_new(&mut self, parent: u32, label: u32) -> u32 {
        if let Some(known) = self.child(parent, label) {
            return known;
        }
        let before = {
            let next = self.nodes.len();
            std::mem::replace(&mut self.nodes.get_mut(parent).first_child, next)
        };
        let node = self.nodes.push(Kept {
            parent,
            label,
            first_child: NONE,
            next_sibling: before,
            series: NONE,
        });
        let (seed, nodes) = (self.seed, &self.nodes);
        self.children
            .insert(node, mix(seed, parent, label), |node| {
                let kept = nodes.get(node);
                mix(seed, kept.parent, kept.label)
            });
        node
    }
}

impl Trail {
    /// Keep the nodes that `name` shares with the name before it and make `name` the last one:
    /// the deepest shared node, and where the labels below it begin.
    fn rewind(&mut self, root: u32, name: &str) -> (u32, usize) {
        let shared = if root == self.root {
            let pairs = self.name.bytes().zip(name.bytes());
            pairs.take_while(|(a, b)| a == b).count()
        } else {
            0
        };
        let kept = self.nodes.iter().take_while(|&&(end, _)| {
            let end = end as usize;
            end <= shared && matches!(name.as_bytes().get(end), None | Some(b'.'))
        });
        let kept = kept.count();
        self.nodes.truncate(kept);
        self.root = root;
        self.name.clear();
        self.name.push_str(name);
        match self.nodes.last() {
            Some(&(end, node)) => (node, end as usize + 1),
            None => (root, 0),
        }
    }
}

/// The hash of a child's key: both halves of a 64 by 64 bit product with a secret odd number.
#[inline]
fn mix(seed: u64, parent: u32, label: u32) -> u64 {
    let key = u64::from(parent) << 32 | u64::from(label);
    let product = u128::from(key ^ seed.rotate_left(32)) * u128::from(seed);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::super::glob::DEPTH_MAX;
    use super::*;

    #[test]
    fn a_full_tree_refuses_and_keeps_what_it_has() {
        let mut tree = Tree::with_nodes_max(8);
        let tenant = TenantId::DEFAULT;
        assert_eq!(tree.insert(tenant, "", SeriesId(0)), Err(Reason::NameEmpty));
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        assert_eq!(
            tree.insert(tenant, &long, SeriesId(0)),
            Err(Reason::NameLong)
        );
        assert_eq!(tree.insert(tenant, "a.b.c", SeriesId(1)), Ok(()));
        assert_eq!(
            tree.insert(tenant, "d.e.f.g", SeriesId(2)),
            Err(Reason::SeriesFull)
        );
        assert_eq!((tree.nodes(), tree.labels()), (4, 3));
        assert_eq!(tree.insert(tenant, "a.b.d", SeriesId(3)), Ok(()));
    }

    #[test]
    fn the_deepest_name_is_one_more_name() {
        let mut tree = Tree::default();
        let deep = vec!["a"; DEPTH_MAX].join(".");
        assert_eq!(tree.insert(TenantId::DEFAULT, &deep, SeriesId(7)), Ok(()));
        let pattern = Pattern::new(&format!("{}*", "a.".repeat(DEPTH_MAX - 1))).expect("a pattern");
        let found = tree.find(TenantId::DEFAULT, &pattern, 10).expect("one");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].leaf, found[0].branch), (Some(SeriesId(7)), false));
    }

    /// More nodes than a chunk holds and more labels than a block.
    #[test]
    fn a_large_tree_finds_every_name() {
        let mut tree = Tree::default();
        let tenant = TenantId::DEFAULT;
        let name = |i: u32| format!("dc{}.a-host-with-a-long-name-{i}", i % 3);
        for i in 0..70_000 {
            assert_eq!(tree.insert(tenant, &name(i), SeriesId(i)), Ok(()));
        }
        for i in 0..70_000 {
            let pattern = Pattern::new(&name(i)).expect("a pattern");
            let found = tree.find(tenant, &pattern, 2).expect("one");
            let leaves: Vec<Option<SeriesId>> = found.iter().map(|node| node.leaf).collect();
            assert_eq!(leaves, [Some(SeriesId(i))]);
        }
        let all = Pattern::new("*.*").expect("a pattern");
        assert_eq!(tree.find(tenant, &all, 70_000).map(|n| n.len()), Ok(70_000));
        assert_eq!(
            (tree.nodes(), tree.labels()),
            (70_004, 70_003),
            "every label and node once"
        );
    }

    #[test]
    fn names_in_any_order_make_the_same_tree() {
        let names = [
            "a.b.c", "a.b", "a.bc.d", "a", "a.b.cd", "ab.c", "a.b.c.d", "a.b.c",
        ];
        let show = |order: &[&str]| {
            let mut tree = Tree::default();
            for name in order {
                let id = SeriesId(name.len() as u32);
                tree.insert(TenantId::DEFAULT, name, id).expect("room");
            }
            let all = Pattern::new("**").expect("a pattern");
            (tree.nodes(), tree.find(TenantId::DEFAULT, &all, 99))
        };
        let want = show(&names);
        assert_eq!(
            want.0, 10,
            "a, b, c, d below it, cd, bc, d, ab, c and the root"
        );
        let mut order = names;
        for seed in 0..50 {
            crate::base::random::Random::new(seed).shuffle(&mut order);
            assert_eq!(show(&order), want, "order {order:?}");
        }
    }
}
