//! One shard's part of a plan.
//!
//! Takes a plan, and for each slice the shard's index and head. Gives one [`Partial`]. A slice does
//! about as much as it is told to, so that ingest goes on between slices. The ceilings of the plan
//! are checked against this shard alone: a scan does not know how many shards there are.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::error::QueryError;
use super::last_slot::last_arrivals;
use super::limits::Limits;
use super::plan::{Plan, Selector, Slot, Want};
use crate::base::time::Millis;
use crate::index::glob::Pattern;
use crate::index::tags::TagTest;
use crate::index::tree::{Finder, Node};
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
    Points(Box<PointsScan>),
    Nodes(Box<NodesScan>),
    Names { next: u32, names: Vec<String> },
}

struct NodesScan {
    pattern: String,
    finder: Option<Finder>,
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
            } => Work::Points(Box::new(PointsScan {
                selectors,
                from,
                until,
                last_slots,
                found: FoundPoints::default(),
                positions: HashMap::new(),
                unread: VecDeque::new(),
                selecting: Selecting::Begin,
                points: 0,
                bytes: 0,
                after: Points::default(),
            })),
            Want::Nodes { pattern } => Work::Nodes(Box::new(NodesScan {
                pattern,
                finder: None,
            })),
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
        let (tenant, limits) = (self.tenant, &self.limits);
        match &mut self.work {
            Work::Points(scan) => {
                let mut left = budget.max(1);
                while left > 0 {
                    let spent = if scan.found.matches.len() < scan.selectors.len() {
                        scan.select(index, tenant, limits, left)?
                    } else if let Some(id) = scan.unread.pop_front() {
                        scan.read(index, head, id, limits)?
                    } else {
                        return Ok(Some(Partial::Points(std::mem::take(&mut scan.found))));
                    };
                    left = left.saturating_sub(spent);
                }
                Ok(None)
            }
            Work::Nodes(scan) => {
                let finder = match &mut scan.finder {
                    Some(finder) => finder,
                    none => none.insert(finder(&scan.pattern, tenant, limits)?),
                };
                let Some(nodes) = finder.step(index.tree(), budget) else {
                    return Ok(None);
                };
                let nodes = nodes.map_err(|TooMany { .. }| limits.too_many_series())?;
                let bytes = nodes.iter().map(|node| NODE_BYTES + node.path.len() as u64);
                limits.check_bytes(bytes.sum())?;
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
                    if index.tenant(id) == tenant {
                        let name = index.text(id).to_owned();
                        self.bytes += NODE_BYTES + name.len() as u64;
                        names.push(name);
                    }
                }
                limits.check_bytes(self.bytes)?;
                *next = end as u32;
                let done = end == index.len();
                Ok(done.then(|| Partial::Names(std::mem::take(names))))
            }
        }
    }
}

/// What one series costs besides its points, in points of the budget.
const SERIES_COST: usize = 20;
/// What queueing one series for reading costs, in points of the budget.
const TAKE_COST: usize = 4;
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

/// First the series of every selector are found, then each distinct one is read.
struct PointsScan {
    selectors: Arc<[Selector]>,
    from: Millis,
    until: Millis,
    last_slots: Arc<[Slot]>,
    found: FoundPoints,
    selecting: Selecting,
    positions: HashMap<SeriesId, u32>,
    unread: VecDeque<SeriesId>,
    points: u64,
    bytes: u64,
    /// Points after `until` of the series being read.
    after: Points,
}

/// How far the selector is whose matches are not yet in [`FoundPoints::matches`].
enum Selecting {
    Begin,
    InTree(Finder),
    Taking {
        ids: VecDeque<SeriesId>,
        matches: Matches,
    },
}

impl PointsScan {
    /// Go on finding the series of the next selector, and queue those not yet known for reading.
    /// Gives what was spent of the budget.
    fn select(
        &mut self,
        index: &Index,
        tenant: TenantId,
        limits: &Limits,
        budget: usize,
    ) -> Result<usize, QueryError> {
        let selectors = Arc::clone(&self.selectors);
        let selector = &selectors[self.found.matches.len()];
        match &mut self.selecting {
            Selecting::Begin => {
                self.selecting = match selector {
                    Selector::Path(path) => {
                        let finder = finder(path, tenant, limits)?;
                        Selecting::InTree(finder.leaves_only())
                    }
                    Selector::Tags(tests) => {
                        Selecting::taking(by_tags(index, tenant, tests, limits)?, false)
                    }
                };
                Ok(SERIES_COST)
            }
            Selecting::InTree(finder) => {
                if let Some(nodes) = finder.step(index.tree(), budget) {
                    let nodes = nodes.map_err(|TooMany { .. }| limits.too_many_series())?;
                    let mut ids: Vec<SeriesId> =
                        nodes.into_iter().filter_map(|node| node.leaf).collect();
                    let exact = ids.is_empty();
                    if let (true, Selector::Path(path)) = (exact, selector) {
                        ids.extend(by_name(index, tenant, path));
                    }
                    self.selecting = Selecting::taking(ids, exact);
                }
                Ok(budget)
            }
            Selecting::Taking { ids, matches } => {
                let Some(id) = ids.pop_front() else {
                    self.found.matches.push(std::mem::take(matches));
                    self.selecting = Selecting::Begin;
                    return Ok(1);
                };
                let next = self.positions.len() as u32;
                let position = *self.positions.entry(id).or_insert(next);
                if position == next {
                    self.unread.push_back(id);
                    limits.check_series(self.positions.len())?;
                }
                matches.series.push(position);
                Ok(TAKE_COST)
            }
        }
    }

    /// Read one series. Gives what was spent of the budget.
    fn read(
        &mut self,
        index: &Index,
        head: &Head,
        id: SeriesId,
        limits: &Limits,
    ) -> Result<usize, QueryError> {
        let mut found = FoundSeries {
            text: index.text(id).to_owned(),
            identity: index.identity(id),
            points: Points::default(),
            newest_times: Vec::new(),
        };
        head.read(id, self.from, self.until, &mut found.points);
        head.newest_times(id, NEWEST_TIMES_MAX, &mut found.newest_times);
        self.after.clear();
        let newest_ms = found.newest_times.first();
        if newest_ms.is_some_and(|&newest_ms| self.until.0 < newest_ms) {
            self.read_last_slots(head, id, &mut found.points);
        }
        let points = found.points.len();
        self.points += points as u64;
        limits.check_points_read(self.points)?;
        self.bytes += found.bytes();
        limits.check_bytes(self.bytes)?;
        self.found.series.push(found);
        Ok(SERIES_COST + points + self.after.len())
    }

    /// Append what decides the last slot. Of each slot one point at most is brought, not all.
    fn read_last_slots(&mut self, head: &Head, id: SeriesId, out: &mut Points) {
        let Some(end) = self.last_slots.iter().map(|slot| slot.end).max() else {
            return;
        };
        let (from, until) = (self.until.0.saturating_add(1), end.0.saturating_sub(1));
        head.read(id, Millis(from), Millis(until), &mut self.after);
        let after = &self.after;
        for i in last_arrivals(after, self.until, &self.last_slots) {
            out.push(after.times[i], after.stamps[i], after.values[i]);
        }
    }
}

impl Selecting {
    fn taking(ids: Vec<SeriesId>, exact: bool) -> Selecting {
        let matches = Matches {
            series: Vec::with_capacity(ids.len()),
            exact,
        };
        Selecting::Taking {
            ids: ids.into(),
            matches,
        }
    }
}

fn finder(pattern: &str, tenant: TenantId, limits: &Limits) -> Result<Finder, QueryError> {
    let pattern = Pattern::new(pattern).map_err(|told| QueryError::Invalid(told.to_string()))?;
    Ok(Finder::new(pattern, tenant, limits.series_max))
}

/// The series of exactly this canonical name, its tags in any order.
fn by_name(index: &Index, tenant: TenantId, text: &str) -> Option<SeriesId> {
    let name = SeriesName::from_text(text).ok()?;
    index.lookup(tenant, &name)
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
        .map_err(|TooMany { .. }| limits.too_many_series())
}

fn found_node(node: Node) -> FoundNode {
    FoundNode {
        path: node.path,
        leaf: node.leaf.is_some(),
        branch: node.branch,
    }
}

#[cfg(test)]
mod tests;
