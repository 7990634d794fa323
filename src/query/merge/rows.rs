//! What the series of all shards come to, group by group.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, btree_set};

use crate::base::hash::Numbers;
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
    /// Rows that they had from earlier questions.
    pub rows_kept: u64,
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
    seen: HashSet<Identity, Numbers>,
    places: HashMap<String, usize>,
    groups: Vec<FoundGroup>,
    /// Rows that are being joined to the group at this place, and how many were.
    joining: Option<(usize, Rows, usize)>,
    /// Names of series that are being put in order, for the group at this place.
    naming: Option<Naming>,
    named: usize,
    apart: bool,
    points_read: u64,
    rows_kept: u64,
    damaged: bool,
}

impl RowsMerge {
    pub(super) fn new(mut found: Vec<FoundRows>) -> RowsMerge {
        let apart = found.iter().any(|shard| shard.apart);
        let damaged = found.iter().any(|shard| shard.damaged);
        let points_read = found.iter().map(|shard| shard.points_read).sum();
        let rows_kept = found.iter().map(|shard| shard.rows_kept).sum();
        // An exact name counts only where the tree of no shard has a match.
        let in_tree = |shard: &FoundRows| !shard.exact && !shard.identities.is_empty();
        if found.iter().any(in_tree) {
            found.retain(|shard| !shard.exact);
        }
        RowsMerge {
            shards: found.into_iter(),
            shard: Vec::new().into_iter(),
            identities: Vec::new().into_iter(),
            seen: HashSet::default(),
            places: HashMap::new(),
            groups: Vec::new(),
            joining: None,
            naming: None,
            named: 0,
            apart,
            points_read,
            rows_kept,
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
                    rows_kept: self.rows_kept,
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
            } else if let Some(naming) = &mut self.naming {
                left += 1;
                if let Some(names) = naming.step(&mut left) {
                    if let Some(group) = self.groups.get_mut(self.named) {
                        group.names = names;
                    }
                    self.naming = None;
                    self.named += 1;
                }
            } else if let Some(group) = self.groups.get_mut(self.named) {
                let names = std::mem::take(&mut group.names);
                self.naming = Some(Naming::new(names));
            } else {
                let by_name: BTreeMap<String, FoundGroup> = std::mem::take(&mut self.groups)
                    .into_iter()
                    .map(|group| (group.first.clone(), group))
                    .collect();
                return Some(MergedRows {
                    groups: Some(by_name.into_values().collect()),
                    points_read: self.points_read,
                    rows_kept: self.rows_kept,
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
        known.names.extend(group.names);
        self.joining = Some((place, group.rows, 0));
    }
}

/// Names are put in order: by looking whether they are, and else by inserting, because both can stop
/// anywhere.
struct Naming {
    names: Vec<String>,
    /// So many are in order.
    ordered: usize,
    unordered: Option<(std::vec::IntoIter<String>, BTreeSet<String>)>,
    rest: Option<btree_set::IntoIter<String>>,
}

impl Naming {
    fn new(names: Vec<String>) -> Naming {
        Naming {
            names,
            ordered: 1,
            unordered: None,
            rest: None,
        }
    }

    /// Do a slice of about `left` names, and take what was done from it.
    fn step(&mut self, left: &mut usize) -> Option<Vec<String>> {
        while *left > 0 {
            *left -= 1;
            if let Some(rest) = &mut self.rest {
                match rest.next() {
                    Some(name) => self.names.push(name),
                    None => return Some(std::mem::take(&mut self.names)),
                }
            } else if let Some((names, known)) = &mut self.unordered {
                match names.next() {
                    Some(name) => drop(known.insert(name)),
                    None => self.rest = Some(std::mem::take(known).into_iter()),
                }
            } else {
                match (
                    self.names.get(self.ordered - 1),
                    self.names.get(self.ordered),
                ) {
                    (Some(before), Some(name)) if before < name => self.ordered += 1,
                    (_, None) => return Some(std::mem::take(&mut self.names)),
                    _ => {
                        let names = std::mem::take(&mut self.names).into_iter();
                        self.unordered = Some((names, BTreeSet::new()));
                    }
                }
            }
        }
        None
    }
}
