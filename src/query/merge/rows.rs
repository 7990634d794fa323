//! What the series of all shards come to, group by group.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::model::series::Identity;
use crate::query::rows::Rows;
use crate::query::scan::{FoundGroup, FoundRows};

/// The groups of all shards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergedRows {
    /// By the names of their first series. `None` where combining would not give what the series give:
    /// some are held by several shards, or those of one group are of different grids. Then the series
    /// have to be asked for.
    pub groups: Option<Vec<FoundGroup>>,
    /// Points that the shards have read.
    pub points_read: u64,
    /// Whether points are missing because a file is damaged.
    pub damaged: bool,
}

/// Rows that are joined in one go.
const AT_ONCE: usize = 1_000;

/// A merge under way.
pub(super) struct RowsMerge {
    shards: std::vec::IntoIter<FoundRows>,
    shard: std::vec::IntoIter<FoundGroup>,
    identities: std::vec::IntoIter<Identity>,
    seen: HashSet<Identity>,
    places: HashMap<String, usize>,
    groups: Vec<FoundGroup>,
    /// Rows that are being joined to the group at this place, and how many were.
    joining: Option<(usize, Rows, usize)>,
    apart: bool,
    points_read: u64,
    damaged: bool,
}

impl RowsMerge {
    pub(super) fn new(mut found: Vec<FoundRows>) -> RowsMerge {
        let apart = found.iter().any(|shard| shard.apart);
        let damaged = found.iter().any(|shard| shard.damaged);
        let points_read = found.iter().map(|shard| shard.points_read).sum();
        // An exact name counts only where the tree of no shard has a match.
        let in_tree = |shard: &FoundRows| !shard.exact && !shard.identities.is_empty();
        if found.iter().any(in_tree) {
            found.retain(|shard| !shard.exact);
        }
        RowsMerge {
            shards: found.into_iter(),
            shard: Vec::new().into_iter(),
            identities: Vec::new().into_iter(),
            seen: HashSet::new(),
            places: HashMap::new(),
            groups: Vec::new(),
            joining: None,
            apart,
            points_read,
            damaged,
        }
    }

    /// Do a slice of about `budget` rows and identities.
    pub(super) fn slice(&mut self, budget: usize) -> Option<MergedRows> {
        let mut left = budget.max(1);
        while left > 0 {
            if self.apart {
                return Some(MergedRows {
                    groups: None,
                    points_read: self.points_read,
                    damaged: self.damaged,
                });
            }
            left = left.saturating_sub(1);
            if let Some((place, rows, done)) = &mut self.joining {
                let end = (*done + AT_ONCE).min(rows.len());
                if let Some(group) = self.groups.get_mut(*place) {
                    group.rows.join(rows, *done..end);
                }
                left = left.saturating_sub(end - *done);
                *done = end;
                if end == rows.len() {
                    self.joining = None;
                }
            } else if let Some(identity) = self.identities.next() {
                self.apart = !self.seen.insert(identity);
            } else if let Some(group) = self.shard.next() {
                self.take(group);
            } else if let Some(found) = self.shards.next() {
                self.identities = found.identities.into_iter();
                self.shard = found.groups.into_iter();
            } else {
                let by_name: BTreeMap<String, FoundGroup> = std::mem::take(&mut self.groups)
                    .into_iter()
                    .map(|group| (group.first.clone(), group))
                    .collect();
                return Some(MergedRows {
                    groups: Some(by_name.into_values().collect()),
                    points_read: self.points_read,
                    damaged: self.damaged,
                });
            }
        }
        None
    }

    fn take(&mut self, group: FoundGroup) {
        let Some(&place) = self.places.get(&group.key) else {
            self.places.insert(group.key.clone(), self.groups.len());
            self.groups.push(group);
            return;
        };
        let Some(known) = self.groups.get_mut(place) else {
            return;
        };
        let rows = &group.rows;
        if !known.rows.fits(rows.start, rows.step, rows.len()) {
            self.apart = true;
            return;
        }
        if group.first < known.first {
            known.first = group.first;
        }
        known
            .tags
            .retain(|key, value| group.tags.get(key) == Some(value));
        self.joining = Some((place, group.rows, 0));
    }
}
