//! Values of a tag and their series, of all shards: each series counts once, wherever it lives.

use std::collections::{BTreeMap, HashSet, VecDeque, btree_map};

use crate::model::series::Identity;
use crate::query::scan::FoundCounts;

/// A merge of counts under way.
pub(super) struct CountsMerge {
    shards: VecDeque<Part>,
    /// By value, its place in `counts`.
    known: BTreeMap<String, u32>,
    counts: Vec<u64>,
    seen: HashSet<(u32, Identity)>,
    rest: Option<btree_map::IntoIter<String, u32>>,
    merged: Vec<(String, u64)>,
}

/// What is still to be taken of one shard's part, and the places of its values.
struct Part {
    values: std::vec::IntoIter<String>,
    places: Vec<u32>,
    series: std::vec::IntoIter<(u32, Identity)>,
}

impl CountsMerge {
    pub(super) fn new(found: Vec<FoundCounts>) -> CountsMerge {
        let parts = found.into_iter().map(|found| Part {
            places: Vec::with_capacity(found.values.len()),
            values: found.values.into_iter(),
            series: found.series.into_iter(),
        });
        CountsMerge {
            shards: parts.collect(),
            known: BTreeMap::new(),
            counts: Vec::new(),
            seen: HashSet::new(),
            rest: None,
            merged: Vec::new(),
        }
    }

    /// Join about `budget` values or series. `Some` when all is done.
    pub(super) fn slice(&mut self, budget: usize) -> Option<Vec<(String, u64)>> {
        for _ in 0..budget.max(1) {
            if let Some(part) = self.shards.front_mut() {
                if let Some(value) = part.values.next() {
                    let next = self.counts.len() as u32;
                    let place = *self.known.entry(value).or_insert(next);
                    if place == next {
                        self.counts.push(0);
                    }
                    part.places.push(place);
                } else if let Some((value, identity)) = part.series.next() {
                    let place = part.places.get(value as usize).copied();
                    if let Some(place) = place
                        && self.seen.insert((place, identity))
                        && let Some(count) = self.counts.get_mut(place as usize)
                    {
                        *count += 1;
                    }
                } else {
                    self.shards.pop_front();
                }
                continue;
            }
            let known = &mut self.known;
            let rest = self
                .rest
                .get_or_insert_with(|| std::mem::take(known).into_iter());
            match rest.next() {
                Some((value, place)) => {
                    let count = self.counts.get(place as usize).copied().unwrap_or(0);
                    self.merged.push((value, count));
                }
                None => return Some(std::mem::take(&mut self.merged)),
            }
        }
        None
    }
}
