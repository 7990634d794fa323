//! The series whose names begin with a text, in slices: a walk through what is below one node.

use super::{NONE, Tree, below};
use crate::model::series::{SeriesId, TenantId};

/// A walk under way.
#[derive(Debug)]
pub struct Prefixed {
    top: u32,
    at: u32,
    /// How the label of a child of the top begins.
    label: String,
}

impl Prefixed {
    /// A walk through all names of a tenant that begin with `prefix`; `None` where there are none.
    pub fn new(tree: &Tree, tenant: TenantId, prefix: &str) -> Option<Prefixed> {
        let mut top = *tree.roots.get(&tenant)?;
        let (path, label) = match prefix.rsplit_once('.') {
            None => (None, prefix),
            Some((path, label)) => (Some(path), label),
        };
        for label in path.into_iter().flat_map(|path| path.split('.')) {
            top = tree.child(top, tree.labels.find(label)?)?;
        }
        Some(Prefixed {
            top,
            at: top,
            label: label.to_owned(),
        })
    }

    /// Go on, and take what was done from `budget`. `Some` with the next leaf, or with `None` when there are
    /// no more. Nodes that were added meanwhile may be passed over.
    pub fn step(&mut self, tree: &Tree, budget: &mut usize) -> Option<Option<SeriesId>> {
        while *budget > 0 {
            *budget -= 1;
            let goes_down = self.at == self.top || self.is_inside(tree, self.at);
            let Some(next) = below::next(tree, self.top, self.at, goes_down) else {
                return Some(None);
            };
            self.at = next;
            let series = tree.nodes.get(next).series;
            if series != NONE && self.is_inside(tree, next) {
                return Some(Some(SeriesId(series)));
            }
        }
        None
    }

    /// Whether the labels fit. Only below such nodes the walk goes down.
    fn is_inside(&self, tree: &Tree, node: u32) -> bool {
        let kept = tree.nodes.get(node);
        kept.parent != self.top || tree.labels.text(kept.label).starts_with(&self.label)
    }
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
            let mut names: Vec<String> = Vec::new();
            for _ in 0..40 {
                let labels = (0..1 + random.below(4))
                    .map(|_| ["a", "ab", "b", "ba"][random.below(4) as usize]);
                let name = labels.collect::<Vec<&str>>().join(".");
                if !names.contains(&name) {
                    let id = SeriesId(names.len() as u32);
                    tree.insert(tenant, &name, id).expect("room");
                    names.push(name);
                }
            }
            let budget = 1 + random.below(9) as usize;
            for prefix in [
                "", "a", "ab", "a.", "a.b", "b.a.a", "ab.ba.a", "c", "c.", ".",
            ] {
                let mut found = Vec::new();
                if let Some(mut walk) = Prefixed::new(&tree, tenant, prefix) {
                    loop {
                        match walk.step(&tree, &mut { budget }) {
                            None => {}
                            Some(None) => break,
                            Some(Some(id)) => found.push(names[id.0 as usize].clone()),
                        }
                    }
                }
                let mut want: Vec<String> = names.clone();
                want.retain(|name| name.starts_with(prefix));
                want.sort_unstable();
                found.sort_unstable();
                assert_eq!(found, want, "seed {seed}: {prefix}");
            }
        }
        let tree = Tree::default();
        assert!(Prefixed::new(&tree, tenant, "").is_none());
    }
}
