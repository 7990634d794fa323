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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};
    use std::sync::Arc;

    use super::*;
    use crate::base::time::Millis;
    use crate::query::scan::CellGroup;

    fn merged(shards: Vec<FoundCells>, budget: usize) -> MergedCells {
        let range = (Millis(0), Arc::from([]));
        let rest = PointsMerge::new(VecDeque::new(), (false, 0), &[], range);
        let mut merge = CellsMerge::new(rest, shards);
        loop {
            let slice = merge.slice(&Limits::default(), budget);
            if let Some(merged) = slice.expect("no ceiling is near") {
                return merged;
            }
        }
    }

    #[test]
    fn a_series_that_is_folded_twice_spoils_all() {
        let found = |identity| FoundCells {
            identities: vec![Identity(identity)],
            folded: 3,
            ..FoundCells::default()
        };
        for budget in [1, 1_000] {
            let once = merged(vec![found(1), found(2)], budget);
            assert_eq!((once.torn, once.folded), (false, 6));
            assert!(merged(vec![found(1), found(2), found(1)], budget).torn);
        }
    }

    #[test]
    fn groups_of_shards_are_one_with_all_their_tags() {
        let found = |value: &str, host: &str| FoundCells {
            groups: vec![CellGroup {
                values: vec![value.to_owned()],
                tags: Tags::from([("host".to_owned(), BTreeSet::from([host.to_owned()]))]),
                cells: Cells::default(),
            }],
            ..FoundCells::default()
        };
        let shards = vec![found("x", "a"), found("y", "a"), found("x", "b")];
        let merged = merged(shards, 1);
        let shown = merged.groups.into_iter().map(|(values, group)| {
            let hosts = group.tags.into_values().flatten();
            (
                values.concat(),
                hosts.collect::<String>(),
                group.parts.len(),
            )
        });
        let shown: Vec<(String, String, usize)> = shown.collect();
        let want = [("x", "ab", 2), ("y", "a", 1)];
        assert_eq!(shown, want.map(|(v, h, n)| (v.to_owned(), h.to_owned(), n)));
    }
}
