//! All tombstones there are, found by the series they touch.

use std::collections::{BTreeMap, HashMap};

use crate::model::series::{Identity, TenantId};

use super::{Mask, Span, Target, Tombstone};
use crate::store::info::SegmentInfo;

/// The tombstones of an appliance by their numbers, which are never given twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tombstones {
    next: u64,
    all: BTreeMap<u64, Tombstone>,
    by_series: HashMap<Identity, Vec<u64>>,
    by_metric: HashMap<TenantId, HashMap<String, Vec<u64>>>,
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
        }
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
