//! The tree of untagged names.
use super::TooMany;
use super::glob::Pattern;
use crate::model::series::{SeriesId, TenantId};

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

/// The tree.
#[derive(Default)]
pub struct Tree {}

impl Tree {
    /// Add a name.
    pub fn insert(&mut self, _tenant: TenantId, _name: &str, _id: SeriesId) {}

    /// Nodes that match.
    ///
    /// # Errors
    /// Too many.
    pub fn find(
        &self,
        _tenant: TenantId,
        _pattern: &Pattern,
        _limit: usize,
    ) -> Result<Vec<Node>, TooMany> {
        Ok(Vec::new())
    }
}
