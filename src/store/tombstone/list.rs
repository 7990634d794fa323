//! All tombstones there are, found by the series they touch.

use std::collections::{BTreeMap, HashMap};

use crate::model::series::{Identity, TenantId};

use super::{Mask, SERIES_MAX, Span, Target, Tombstone};
use crate::store::info::SegmentInfo;

/// The tombstones of an appliance by their numbers, which are never given twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tombstones {
    next: u64,
    all: BTreeMap<u64, Tombstone>,
    by_series: HashMap<Identity, Vec<u64>>,
    by_metric: HashMap<TenantId, HashMap<String, Vec<u64>>>,
    /// Series that have points again, and up to which stamp that is so.
    revived: HashMap<Identity, u64>,
}

impl Tombstones {
    /// The number of the next one: all with lower numbers are known here, or have gone.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Them by number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Tombstone)> {
        self.all
            .iter()
            .map(|(&number, tombstone)| (number, tombstone))
    }

    /// That of a number.
    pub fn get(&self, number: u64) -> Option<&Tombstone> {
        self.all.get(&number)
    }

    /// What is masked of a series.
    #[inline]
    pub fn mask(&self, tenant: TenantId, identity: Identity, metric: &str) -> Mask {
        if self.all.is_empty() {
            return Mask::default();
        }
        let of_metric = self.by_metric.get(&tenant).and_then(|all| all.get(metric));
        let numbers = self.by_series.get(&identity).into_iter().chain(of_metric);
        let tombstones = numbers.flatten().filter_map(|number| self.all.get(number));
        let spans = tombstones.map(|tombstone| Span {
            from_ms: tombstone.from_ms,
            to_ms: tombstone.to_ms,
            stamp: tombstone.stamp,
        });
        Mask {
            spans: spans.collect(),
            ..Mask::default()
        }
    }

    /// Series that were deleted as a whole by a tombstone with number `from` or above, with its stamp, but
    /// for those that are known to have points behind it.
    pub fn deleted(&self, from: u64) -> impl Iterator<Item = (Identity, u64)> {
        let whole = self
            .all
            .range(from..)
            .filter(|(_, tombstone)| (tombstone.from_ms, tombstone.to_ms) == (i64::MIN, i64::MAX));
        whole.flat_map(move |(_, tombstone)| {
            let series = match &tombstone.target {
                Target::Series(series) => series.as_slice(),
                Target::Metric(_) => &[],
            };
            let stamp = tombstone.stamp;
            let dead = move |identity: &Identity| {
                self.revived
                    .get(identity)
                    .is_none_or(|&until| until < stamp)
            };
            let dead = series.iter().copied().filter(move |series| dead(series));
            dead.map(move |identity| (identity, stamp))
        })
    }

    /// A series has points that arrived at `stamp` at the latest; one that no tombstone names is passed
    /// over.
    pub(crate) fn revive(&mut self, series: Identity, stamp: u64) {
        if self.by_series.contains_key(&series) {
            let until = self.revived.entry(series).or_default();
            *until = stamp.max(*until);
        }
    }

    /// Series that have points again, together with up to which stamp: [`SERIES_MAX`] at most at a time.
    pub(crate) fn revived(&self) -> Vec<(u64, Vec<Identity>)> {
        let mut all: Vec<(u64, Identity)> = self
            .revived
            .iter()
            .map(|(&series, &stamp)| (stamp, series))
            .collect();
        all.sort_unstable();
        let same = all.chunk_by(|a, b| a.0 == b.0);
        let some = same.flat_map(|same| same.chunks(SERIES_MAX));
        some.filter_map(|some| {
            let series = some.iter().map(|&(_, series)| series);
            Some((some.first()?.0, series.collect()))
        })
        .collect()
    }

    /// Whether one of them can touch a file: only then need a reader or a merge look up its series.
    pub fn touches(&self, info: &SegmentInfo) -> bool {
        self.all.values().any(|tombstone| masks_in(tombstone, info))
    }

    /// Those that mask nothing any more: no listed file and no log has what is older. `oldest_stamp` is
    /// that of the oldest arrival that some head or log still has, if there is one.
    pub fn idle<'a>(
        &self,
        listed: impl Iterator<Item = &'a SegmentInfo> + Clone,
        oldest_stamp: Option<u64>,
    ) -> Vec<u64> {
        let is_idle = |tombstone: &Tombstone| {
            oldest_stamp.is_none_or(|oldest| oldest >= tombstone.stamp)
                && !listed.clone().any(|info| masks_in(tombstone, info))
        };
        let idle = self.all.iter().filter(|(_, tombstone)| is_idle(tombstone));
        idle.map(|(&number, _)| number).collect()
    }

    /// Add one under a number, which becomes the highest so far.
    pub(crate) fn add(&mut self, number: u64, tombstone: Tombstone) {
        match &tombstone.target {
            Target::Series(identities) => {
                for &identity in identities {
                    let numbers = self.by_series.entry(identity).or_default();
                    // One may be named twice.
                    if numbers.last() != Some(&number) {
                        numbers.push(number);
                    }
                }
            }
            Target::Metric(metric) => {
                let of_tenant = self.by_metric.entry(tombstone.tenant).or_default();
                of_tenant.entry(metric.clone()).or_default().push(number);
            }
        }
        self.next = self.next.max(number.saturating_add(1));
        self.all.insert(number, tombstone);
    }

    /// Numbers below `next` are not given again.
    pub(crate) fn raise(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    /// Forget one.
    pub(crate) fn forget(&mut self, number: u64) -> Option<Tombstone> {
        let tombstone = self.all.remove(&number)?;
        match &tombstone.target {
            Target::Series(identities) => {
                for identity in identities {
                    forget_in(&mut self.by_series, identity, number);
                    if !self.by_series.contains_key(identity) {
                        self.revived.remove(identity);
                    }
                }
            }
            Target::Metric(metric) => {
                if let Some(of_tenant) = self.by_metric.get_mut(&tombstone.tenant) {
                    forget_in(of_tenant, metric, number);
                    if of_tenant.is_empty() {
                        self.by_metric.remove(&tombstone.tenant);
                    }
                }
            }
        }
        Some(tombstone)
    }
}

/// Whether `info` can have points that `tombstone` masks: all of it arrived before. A file that lies on
/// both sides was merged, and its points were masked then.
fn masks_in(tombstone: &Tombstone, info: &SegmentInfo) -> bool {
    info.last_stamp < tombstone.stamp
        && info.first_ms <= tombstone.to_ms
        && tombstone.from_ms <= info.last_ms
}

fn forget_in<K: std::hash::Hash + Eq + Clone>(
    numbers: &mut HashMap<K, Vec<u64>>,
    key: &K,
    number: u64,
) {
    if let Some(of_key) = numbers.get_mut(key) {
        of_key.retain(|&other| other != number);
        if of_key.is_empty() {
            numbers.remove(key);
        }
    }
}
