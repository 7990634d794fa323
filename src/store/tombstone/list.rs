//! All tombstones there are, found by the series they touch.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::series::{Identity, TenantId};

use super::{Mask, SERIES_MAX, Span, Target, Tombstone};
use crate::store::info::SegmentInfo;

/// Names in tombstones that are looked at to find those that a new one covers; with more, some stay.
const COVERED_WORK_MAX: usize = 100_000;

/// Tombstones that are forgotten in one go.
const IDLE_MAX: usize = 1_000;

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
        let all = self.all.range(from..);
        let whole = all.filter(|(_, tombstone)| is_whole(tombstone));
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

    /// Those that nobody needs any more: no listed file and no log has what is older, and no list hides a
    /// series for them. `oldest_stamp` is that of the oldest arrival that some head or log still has, if
    /// there is one.
    pub fn idle<'a>(
        &self,
        listed: impl Iterator<Item = &'a SegmentInfo> + Clone,
        oldest_stamp: Option<u64>,
    ) -> Vec<u64> {
        let is_idle = |tombstone: &Tombstone| {
            oldest_stamp.is_none_or(|oldest| oldest >= tombstone.stamp)
                && !self.hides(tombstone)
                && !listed.clone().any(|info| {
                    // Also one that lies on both sides: it may have arrivals of its first one's age.
                    info.first_stamp < tombstone.stamp && overlaps(tombstone, info)
                })
        };
        let idle = self.all.iter().filter(|(_, tombstone)| is_idle(tombstone));
        idle.map(|(&number, _)| number).take(IDLE_MAX).collect()
    }

    /// Whether a list leaves out any series because of it.
    fn hides(&self, tombstone: &Tombstone) -> bool {
        let is_back = |one: &Identity| {
            let until = self.revived.get(one);
            until.is_some_and(|&until| tombstone.stamp <= until)
        };
        match &tombstone.target {
            Target::Series(series) if is_whole(tombstone) => !series.iter().all(is_back),
            _ => false,
        }
    }

    /// Those that mask nothing which `new` does not mask too: deletes that are told again and again, each
    /// with more time, must not pile up.
    pub fn covered_by(&self, new: &Tombstone) -> Vec<u64> {
        let mut named: HashMap<u64, usize> = HashMap::new();
        let mut work = 0;
        let mut count = |numbers: Option<&Vec<u64>>| {
            for &number in numbers.into_iter().flatten() {
                *named.entry(number).or_default() += 1;
                work += 1;
            }
            work < COVERED_WORK_MAX
        };
        match &new.target {
            Target::Series(series) => {
                // One may be named twice.
                let distinct: BTreeSet<Identity> = series.iter().copied().collect();
                let mut numbers = distinct.iter().map(|one| self.by_series.get(one));
                numbers.all(&mut count);
            }
            Target::Metric(metric) => {
                let of_tenant = self.by_metric.get(&new.tenant);
                count(of_tenant.and_then(|of_tenant| of_tenant.get(metric)));
            }
        }
        let is_covered = |&(&number, &count): &(&u64, &usize)| {
            self.all.get(&number).is_some_and(|old| {
                let all = match &old.target {
                    Target::Series(series) => series.len(),
                    Target::Metric(_) => 1,
                };
                all == count
                    && new.from_ms <= old.from_ms
                    && old.to_ms <= new.to_ms
                    && old.stamp <= new.stamp
            })
        };
        let covered = named.iter().filter(is_covered);
        let mut covered: Vec<u64> = covered.map(|(&number, _)| number).collect();
        covered.sort_unstable();
        covered
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
    info.last_stamp < tombstone.stamp && overlaps(tombstone, info)
}

/// Whether the times of `info` are in the range of `tombstone`.
fn overlaps(tombstone: &Tombstone, info: &SegmentInfo) -> bool {
    info.first_ms <= tombstone.to_ms && tombstone.from_ms <= info.last_ms
}

fn is_whole(tombstone: &Tombstone) -> bool {
    (tombstone.from_ms, tombstone.to_ms) == (i64::MIN, i64::MAX)
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
