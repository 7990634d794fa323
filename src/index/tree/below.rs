//! Whether any series below a node is of a kind, in slices: the node's tree is gone through until one is.

use super::{NONE, Tree};
use crate::model::series::{SeriesId, TenantId};

/// A walk under way.
#[derive(Debug)]
pub struct Below {
    top: u32,
    at: u32,
}

impl Below {
    /// A walk through all that is below the node with this path; `None` where there is no such node.
    pub fn new(tree: &Tree, tenant: TenantId, path: &str) -> Option<Below> {
        let mut node = *tree.roots.get(&tenant)?;
        for label in path.split('.') {
            node = tree.child(node, tree.labels.find(label)?)?;
        }
        Some(Below {
            top: node,
            at: node,
        })
    }

    /// Go on, and take what was done from `budget`. `Some` when it is known whether `is_one` says yes to
    /// any series. Nodes that were added meanwhile may be passed over.
    pub fn step(
        &mut self,
        tree: &Tree,
        budget: &mut usize,
        is_one: &dyn Fn(SeriesId) -> bool,
    ) -> Option<bool> {
        while *budget > 0 {
            *budget -= 1;
            let Some(next) = next(tree, self.top, self.at, true) else {
                return Some(false);
            };
            self.at = next;
            let series = tree.nodes.get(next).series;
            if series != NONE && is_one(SeriesId(series)) {
                return Some(true);
            }
        }
        None
    }
}

/// The node behind `at` on a walk below `top`: its first child, if the walk goes down there, or its next
/// sibling, or that of an ancestor.
pub(super) fn next(tree: &Tree, top: u32, mut at: u32, goes_down: bool) -> Option<u32> {
    let child = tree.nodes.get(at).first_child;
    if goes_down && child != NONE {
        return Some(child);
    }
    while at != top {
        let kept = tree.nodes.get(at);
        if kept.next_sibling != NONE {
            return Some(kept.next_sibling);
        }
        at = kept.parent;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn it_is_what_looking_at_all_names_gives() {
        let tenant = TenantId::DEFAULT;
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut tree = Tree::default();
            let mut names = Vec::new();
            for _ in 0..40 {
                let labels =
                    (0..1 + random.below(5)).map(|_| ["a", "b", "c"][random.below(3) as usize]);
                let name = labels.collect::<Vec<&str>>().join(".");
                if !names.contains(&name) {
                    let id = SeriesId(names.len() as u32);
                    tree.insert(tenant, &name, id).expect("room");
                    names.push(name);
                }
            }
            let kind = random.below(names.len() as u64) as u32;
            let is_one = |id: SeriesId| id.0 % 7 == kind % 7;
            let budget = 1 + random.below(9) as usize;
            for top in ["a", "b.c", "c.a.b", "a.a.a.a"] {
                let walk = Below::new(&tree, tenant, top);
                let is_node = names
                    .iter()
                    .any(|name| name == top || name.starts_with(&format!("{top}.")));
                assert_eq!(walk.is_some(), is_node, "seed {seed}: {top}");
                let Some(mut walk) = walk else { continue };
                let found = loop {
                    if let Some(found) = walk.step(&tree, &mut { budget }, &is_one) {
                        break found;
                    }
                };
                let want = names.iter().enumerate().any(|(id, name)| {
                    name.starts_with(&format!("{top}.")) && is_one(SeriesId(id as u32))
                });
                assert_eq!(found, want, "seed {seed}: {top}");
            }
        }
        assert!(Below::new(&Tree::default(), tenant, "a").is_none());
    }
}
