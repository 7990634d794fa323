//! The nodes of the tree that match a pattern, and have series that are not deleted.

use super::{About, FoundNode, NODE_BYTES, Partial, finder};
use crate::index::tree::{Below, Finder, Node};
use crate::index::{Index, TooMany};
use crate::model::series::SeriesId;
use crate::query::error::QueryError;
use crate::store::Store;

/// A scan for them under way.
pub(super) struct NodesScan {
    pattern: String,
    finder: Option<Finder>,
    nodes: Option<std::vec::IntoIter<Node>>,
    /// A branch of which it is being found out whether any series below it is left.
    looking: Option<(FoundNode, Below)>,
    found: Vec<FoundNode>,
}

impl NodesScan {
    /// Begin.
    pub(super) fn new(pattern: String) -> NodesScan {
        NodesScan {
            pattern,
            finder: None,
            nodes: None,
            looking: None,
            found: Vec::new(),
        }
    }

    /// Visit about `budget` nodes; done when there is a partial.
    pub(super) fn slice(
        &mut self,
        index: &Index,
        store: &Store,
        about: &About,
        budget: usize,
    ) -> Result<Option<Partial>, QueryError> {
        let Some(nodes) = &mut self.nodes else {
            let finder = match &mut self.finder {
                Some(finder) => finder,
                none => none.insert(finder(&self.pattern, about)?),
            };
            if let Some(nodes) = finder.step(index.tree(), budget) {
                let nodes = nodes.map_err(|TooMany { .. }| about.limits.too_many_series())?;
                self.found.reserve(nodes.len());
                self.nodes = Some(nodes.into_iter());
            }
            return Ok(None);
        };
        let (mut bytes, mut left) = (0, budget);
        while left > 0 {
            let node = match self.looking.take() {
                Some((node, mut below)) => {
                    let shown = |id: SeriesId| !index.is_all_hidden(id, store);
                    match below.step(index.tree(), &mut left, &shown) {
                        None => {
                            self.looking = Some((node, below));
                            break;
                        }
                        Some(branch) => FoundNode { branch, ..node },
                    }
                }
                None => {
                    let Some(node) = nodes.next() else {
                        break;
                    };
                    left -= 1;
                    let hidden = node.leaf.is_some_and(|id| index.is_all_hidden(id, store));
                    let mut node = found_node(node);
                    node.leaf &= !hidden;
                    if node.branch && store.has_deleted() {
                        // Perhaps nothing below it is left.
                        let below = Below::new(index.tree(), about.tenant, &node.path);
                        self.looking = below.map(|below| (node, below));
                        continue;
                    }
                    node
                }
            };
            if node.leaf || node.branch {
                bytes += NODE_BYTES + node.path.len() as u64;
                self.found.push(node);
            }
        }
        about.pay(bytes)?;
        let done = nodes.len() == 0 && self.looking.is_none();
        Ok(done.then(|| Partial::Nodes(std::mem::take(&mut self.found))))
    }
}

fn found_node(node: Node) -> FoundNode {
    FoundNode {
        path: node.path,
        leaf: node.leaf.is_some(),
        branch: node.branch,
    }
}
