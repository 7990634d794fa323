//! One shard's part of a plan.
//!
//! Takes a plan, and for each slice the shard's index and head. Gives one [`Partial`]. A slice does
//! about as much as it is told to, so that ingest goes on between slices. The ceilings of the plan
//! are checked against this shard alone: a scan does not know how many shards there are.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::error::QueryError;
use super::limits::Limits;
use super::plan::{Plan, Selector, Slot, Want};
use crate::base::time::Millis;
use crate::index::glob::Pattern;
use crate::index::tags::TagTest;
use crate::index::{Index, TooMany};
use crate::model::points::Points;
use crate::model::series::{Identity, SeriesId, SeriesName, TenantId};
use crate::store::head::Head;

/// Newest distinct times that a partial brings of each series: 64 gaps are enough to infer a step.
pub const NEWEST_TIMES_MAX: usize = 65;

/// What one shard found.
#[derive(Clone, Debug, PartialEq)]
pub enum Partial {
    /// To [`Want::Points`].
    Points(FoundPoints),
    /// To [`Want::Nodes`], in no order.
    Nodes(Vec<FoundNode>),
    /// To [`Want::Names`], in no order.
    Names(Vec<String>),
}

/// The series of all selectors, each once, and which selector matched which.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundPoints {
    /// Distinct series.
    pub series: Vec<FoundSeries>,
    /// For each selector of the plan, in its order.
    pub matches: Vec<Matches>,
}

/// One series of one shard.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSeries {
    /// Canonical text.
    pub text: String,
    /// The same on every shard that holds the series.
    pub identity: Identity,
    /// Its points in the plan's range and those that decide the last slot, sorted by (time,
    /// stamp), duplicates not yet settled.
    pub points: Points,
    /// Up to [`NEWEST_TIMES_MAX`] of its newest distinct times, in milliseconds, newest first, in
    /// the plan's range or not.
    pub newest_times: Vec<i64>,
}

/// What one selector matched on one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Positions in [`FoundPoints::series`].
    pub series: Vec<u32>,
    /// The selector is a path, nothing in the tree matches it here, and `series` holds the series
    /// of exactly that name instead. It counts only if the tree of no shard has a match.
    pub exact: bool,
}

/// A node of the tree of untagged names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundNode {
    /// Its whole path.
    pub path: String,
    /// Whether a series has this name.
    pub leaf: bool,
    /// Whether longer names go through it.
    pub branch: bool,
}

/// A scan under way.
pub struct Scan {
    tenant: TenantId,
    limits: Limits,
    bytes: u64,
    work: Work,
}

enum Work {
    Points(PointsScan),
    Nodes { pattern: String },
    Names { next: u32, names: Vec<String> },
}

impl Scan {
    /// Begin.
    pub fn new(plan: Plan) -> Scan {
        let work = match plan.want {
            Want::Points {
                selectors,
                from,
                until,
                last_slots,
            } => Work::Points(PointsScan {
                selectors,
                from,
                until,
                last_slots,
                found: FoundPoints::default(),
                positions: HashMap::new(),
                unread: VecDeque::new(),
                points: 0,
                after: Points::default(),
            }),
            Want::Nodes { pattern } => Work::Nodes { pattern },
            Want::Names => Work::Names {
                next: 0,
                names: Vec::new(),
            },
        };
        Scan {
            tenant: plan.tenant,
            limits: plan.limits,
            bytes: 0,
            work,
        }
    }

    /// Do a slice: read or visit about `budget` points, series or nodes. `Some` when all is done.
    pub fn step(
        &mut self,
        index: &Index,
        head: &Head,
        budget: usize,
    ) -> Option<Result<Partial, QueryError>> {
        self.slice(index, head, budget).transpose()
    }

    fn slice(
        &mut self,
        index: &Index,
        head: &Head,
        budget: usize,
    ) -> Result<Option<Partial>, QueryError> {
        match &mut self.work {
            Work::Points(scan) => {
                let mut left = budget.max(1);
                while left > 0 {
                    if let Some(id) = scan.unread.pop_front() {
                        let found = scan.read(index, head, id);
                        left = left.saturating_sub(SERIES_COST + found.points.len());
                        scan.points += found.points.len() as u64;
                        self.limits.check_points_read(scan.points)?;
                        self.bytes += found.bytes();
                        self.limits.check_bytes(self.bytes)?;
                        scan.found.series.push(found);
                    } else if scan.found.matches.len() < scan.selectors.len() {
                        let looked_at = scan.select(index, self.tenant, &self.limits)?;
                        left = left.saturating_sub(looked_at);
                    } else {
                        return Ok(Some(Partial::Points(std::mem::take(&mut scan.found))));
                    }
                }
                Ok(None)
            }
            Work::Nodes { pattern } => {
                let nodes = find(index, self.tenant, pattern, &self.limits)?;
                self.bytes += nodes
                    .iter()
                    .map(|n| NODE_BYTES + n.path.len() as u64)
                    .sum::<u64>();
                self.limits.check_bytes(self.bytes)?;
                Ok(Some(Partial::Nodes(
                    nodes.into_iter().map(found_node).collect(),
                )))
            }
            Work::Names { next, names } => {
                let end = (*next as usize)
                    .saturating_add(budget.max(1))
                    .min(index.len());
                for id in *next as usize..end {
                    let id = SeriesId(id as u32);
                    if index.tenant(id) == self.tenant {
                        let name = index.text(id).to_owned();
                        self.bytes += NODE_BYTES + name.len() as u64;
                        names.push(name);
                    }
                }
                self.limits.check_bytes(self.bytes)?;
                *next = end as u32;
                let done = end == index.len();
                Ok(done.then(|| Partial::Names(std::mem::take(names))))
            }
        }
    }
}

/// What one series costs besides its points, in points of the budget.
const SERIES_COST: usize = 20;
/// Bytes that a name in a list takes besides its text.
const NODE_BYTES: u64 = size_of::<FoundNode>() as u64;

impl FoundSeries {
    /// Bytes of memory, about.
    fn bytes(&self) -> u64 {
        let point = size_of::<(i64, u64, f64)>();
        let times = self.newest_times.len() * size_of::<i64>();
        (size_of::<FoundSeries>() + self.text.len() + times + self.points.len() * point) as u64
    }
}

struct PointsScan {
    selectors: Arc<[Selector]>,
    from: Millis,
    until: Millis,
    last_slots: Arc<[Slot]>,
    found: FoundPoints,
    positions: HashMap<SeriesId, u32>,
    unread: VecDeque<SeriesId>,
    points: u64,
    /// Points after `until` of the series being read.
    after: Points,
}

impl PointsScan {
    /// Find the series of the next selector and queue those not yet known for reading. Gives how
    /// much was looked at.
    fn select(
        &mut self,
        index: &Index,
        tenant: TenantId,
        limits: &Limits,
    ) -> Result<usize, QueryError> {
        let selectors = Arc::clone(&self.selectors);
        let (ids, exact) = match &selectors[self.found.matches.len()] {
            Selector::Path(path) => by_path(index, tenant, path, limits)?,
            Selector::Tags(tests) => (by_tags(index, tenant, tests, limits)?, false),
        };
        let looked_at = ids.len() + SERIES_COST;
        let series = ids.into_iter().map(|id| self.position_of(id)).collect();
        self.found.matches.push(Matches { series, exact });
        limits.check_series(self.positions.len())?;
        Ok(looked_at)
    }

    fn position_of(&mut self, id: SeriesId) -> u32 {
        let next = self.positions.len() as u32;
        let position = *self.positions.entry(id).or_insert(next);
        if position == next {
            self.unread.push_back(id);
        }
        position
    }

    fn read(&mut self, index: &Index, head: &Head, id: SeriesId) -> FoundSeries {
        let mut found = FoundSeries {
            text: index.text(id).to_owned(),
            identity: index.identity(id),
            points: Points::default(),
            newest_times: Vec::new(),
        };
        head.read(id, self.from, self.until, &mut found.points);
        head.newest_times(id, NEWEST_TIMES_MAX, &mut found.newest_times);
        if found
            .newest_times
            .first()
            .is_some_and(|&newest_ms| self.until.0 < newest_ms)
        {
            self.read_last_slots(head, id, &mut found.points);
        }
        found
    }

    /// Append what decides the last slot. Of each slot one point at most is brought, not all.
    fn read_last_slots(&mut self, head: &Head, id: SeriesId, out: &mut Points) {
        let Some(end) = self.last_slots.iter().map(|slot| slot.end).max() else {
            return;
        };
        let (from, until) = (self.until.0.saturating_add(1), end.0.saturating_sub(1));
        self.after.clear();
        head.read(id, Millis(from), Millis(until), &mut self.after);
        let after = &self.after;
        let mut last: Vec<usize> = self
            .last_slots
            .iter()
            .filter_map(|slot| {
                let first = after.times.partition_point(|&time| time < slot.start.0);
                let end = after.times.partition_point(|&time| time < slot.end.0);
                // Of equal stamps the later time, of equal times too the later one: the order in
                // which a slot's last arrival is looked for.
                (first..end).max_by_key(|&i| after.stamps[i])
            })
            .collect();
        last.sort_unstable();
        last.dedup();
        for i in last {
            out.push(after.times[i], after.stamps[i], after.values[i]);
        }
    }
}

/// The series whose path matches; where there is none, the one of exactly this canonical name.
fn by_path(
    index: &Index,
    tenant: TenantId,
    path: &str,
    limits: &Limits,
) -> Result<(Vec<SeriesId>, bool), QueryError> {
    let nodes = find(index, tenant, path, limits)?;
    let ids: Vec<SeriesId> = nodes.into_iter().filter_map(|node| node.leaf).collect();
    if !ids.is_empty() {
        return Ok((ids, false));
    }
    let name = SeriesName::from_text(path).ok();
    let id = name.and_then(|name| index.lookup(tenant, &name));
    Ok((id.into_iter().collect(), true))
}

fn by_tags(
    index: &Index,
    tenant: TenantId,
    tests: &[String],
    limits: &Limits,
) -> Result<Vec<SeriesId>, QueryError> {
    let tests =
        TagTest::parse_all(tests).map_err(|error| QueryError::Invalid(error.to_string()))?;
    index
        .select(tenant, &tests, limits.series_max)
        .map_err(|too_many| too_many_series(too_many, limits))
}

fn find(
    index: &Index,
    tenant: TenantId,
    pattern: &str,
    limits: &Limits,
) -> Result<Vec<crate::index::tree::Node>, QueryError> {
    let pattern = Pattern::new(pattern).map_err(|error| QueryError::Invalid(error.to_string()))?;
    index
        .find(tenant, &pattern, limits.series_max)
        .map_err(|too_many| too_many_series(too_many, limits))
}

fn too_many_series(_: TooMany, limits: &Limits) -> QueryError {
    match limits.check_series(usize::MAX) {
        Err(told) => told,
        Ok(()) => QueryError::Busy,
    }
}

fn found_node(node: crate::index::tree::Node) -> FoundNode {
    FoundNode {
        path: node.path,
        leaf: node.leaf.is_some(),
        branch: node.branch,
    }
}
