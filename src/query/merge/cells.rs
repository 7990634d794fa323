//! The cells of all shards, group by group, beside the points that did not become cells.

use std::collections::{BTreeMap, HashSet};

use super::{MergedPoints, PointsMerge};
use crate::model::series::Identity;
use crate::query::error::QueryError;
use crate::query::kairos::cells::Cells;
use crate::query::kairos::tags::{self, Tags};
use crate::query::limits::Limits;
use crate::query::scan::FoundCells;

/// The groups of all shards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergedCells {
    /// By what the series of each share.
    pub groups: BTreeMap<Vec<String>, MergedGroup>,
    /// Points that became cells.
    pub folded: u64,
    /// Series whose points did not.
    pub rest: MergedPoints,
    /// A series became cells in two places: all of this says nothing, and points have to be asked for.
    pub torn: bool,
}

/// A group of series that were folded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergedGroup {
    /// Tags of those that had points.
    pub tags: Tags,
    /// What they come to, of each shard.
    pub parts: Vec<Cells>,
}

/// What the tags of a group cost to join, in points; and a look at an identity.
const GROUP_COST: usize = 50;
const IDENTITY_COST: usize = 4;

/// A merge under way.
pub(super) struct CellsMerge {
    rest: Box<PointsMerge>,
    shards: Vec<FoundCells>,
    seen: HashSet<Identity>,
    merged: MergedCells,
}

impl CellsMerge {
    /// Of what shards found, the series whose points did not become cells are in `rest`.
    pub(super) fn new(rest: Box<PointsMerge>, shards: Vec<FoundCells>) -> CellsMerge {
        CellsMerge {
            rest,
            shards,
            seen: HashSet::new(),
            merged: MergedCells::default(),
        }
    }

    /// Do a slice of about `budget` points.
    pub(super) fn slice(
        &mut self,
        limits: &Limits,
        budget: usize,
    ) -> Result<Option<MergedCells>, QueryError> {
        let mut left = budget.max(1);
        while let Some(shard) = self.shards.last_mut() {
            if let Some(identity) = shard.identities.pop() {
                self.merged.torn |= !self.seen.insert(identity);
                left = left.saturating_sub(IDENTITY_COST);
            } else if let Some(group) = shard.groups.pop() {
                let known = self.merged.groups.entry(group.values).or_default();
                if known.parts.is_empty() {
                    known.tags = group.tags;
                } else {
                    let values = group.tags.values().map(|values| values.len());
                    left = left.saturating_sub(values.sum());
                    tags::join(&mut known.tags, group.tags);
                }
                known.parts.push(group.cells);
                left = left.saturating_sub(GROUP_COST);
            } else {
                self.merged.folded += shard.folded;
                self.shards.pop();
            }
            if left == 0 {
                return Ok(None);
            }
        }
        let rest = self.rest.slice(limits, left)?;
        Ok(rest.map(|rest| MergedCells {
            rest,
            ..std::mem::take(&mut self.merged)
        }))
    }
}
