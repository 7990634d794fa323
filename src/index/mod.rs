//! Names become numbers: from what a peer sent to a [`SeriesId`], and from a pattern back to all
//! the series it means.
#![forbid(unsafe_code)]

pub mod glob;
pub mod tags;
pub mod tree;

use crate::model::series::{Identity, SeriesId, SeriesName, TenantId};
use glob::Pattern;
use tags::TagTest;
use tree::Node;

/// A search that would name more than its limit allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern matches more than {limit} series")]
pub struct TooMany {
    /// The limit.
    pub limit: usize,
}

/// All series of one shard.
#[derive(Default)]
pub struct Index {
    tree: tree::Tree,
    tags: tags::Tags,
}

impl Index {
    /// How many series there are.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Canonical text of a series.
    pub fn text(&self, _id: SeriesId) -> &str {
        ""
    }

    /// Identity of a series, equal on every shard that holds it.
    pub fn identity(&self, _id: SeriesId) -> Identity {
        Identity(0)
    }

    /// The series of exactly this name.
    pub fn lookup(&self, _tenant: TenantId, _name: &SeriesName) -> Option<SeriesId> {
        None
    }

    /// Nodes of the tree of untagged series that `pattern` matches, branches and leaves, in the
    /// order of their paths.
    ///
    /// # Errors
    /// [`TooMany`] beyond `limit` nodes.
    pub fn find(
        &self,
        tenant: TenantId,
        pattern: &Pattern,
        limit: usize,
    ) -> Result<Vec<Node>, TooMany> {
        self.tree.find(tenant, pattern, limit)
    }

    /// Tagged series that pass all `tests`, ascending by id.
    ///
    /// # Errors
    /// [`TooMany`] beyond `limit` series.
    pub fn select(
        &self,
        tenant: TenantId,
        tests: &[TagTest],
        limit: usize,
    ) -> Result<Vec<SeriesId>, TooMany> {
        self.tags.select(tenant, tests, limit)
    }
}
