//! One shard's part of a plan.
//!
//! Takes a plan, and for each slice the shard's index and store. Gives one [`Partial`]. A slice does
//! about as much as it is told to, so that ingest goes on between slices. The ceilings of the plan
//! are checked against this shard alone: a scan does not know how many shards there are.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::error::QueryError;
use super::graphite::slots::Slotted;
use super::last_slot;
use super::limits::Limits;
use super::plan::{Plan, Purse, Selector, Slot, Want};
use super::result_cache::ResultCache;
use super::summary::Summary;
use crate::base::hash::Numbers;
use crate::base::time::{Millis, Stamp};
use crate::index::glob::Pattern;
use crate::index::tags::{NAME_KEY, SelectError, Selection, TagTest, own_key};
use crate::index::tree::{Finder, Node};
use crate::index::{Index, TooMany};
use crate::model::points::Points;
use crate::model::series::{Identity, SeriesId, SeriesName, TenantId, Values};
use crate::store::Store;
use crate::store::reading::Progress;
use cells::Folder;
pub use cells::{CellGroup, Folding, FoundCells};
use metrics::MetricsScan;
use nodes::NodesScan;
use reuse::Reuse;
use rows::Gatherer;
pub use rows::{FoundGroup, FoundRows};
use single::{Single, Spare, Wanted};
use tags::TagsScan;

mod cells;
mod direct;
mod metrics;
mod nodes;
mod reuse;
mod rows;
mod single;
mod tags;

/// Newest distinct times that a partial brings of each series: 64 gaps are enough to infer a step.
pub const NEWEST_TIMES_MAX: usize = 65;

/// What one shard found.
#[derive(Clone, Debug, PartialEq)]
pub enum Partial {
    /// To [`Want::Points`] and [`Want::Values`].
    Points(FoundPoints),
    /// To [`Want::Rows`].
    Rows(FoundRows),
    /// To [`Want::Cells`].
    Cells(FoundCells),
    /// To [`Want::Nodes`], in no order.
    Nodes(Vec<FoundNode>),
    /// To [`Want::Names`], [`Want::NamesOf`], [`Want::Metrics`] and [`Want::Tags`], in no order; each may be
    /// there twice.
    Names(Vec<String>),
    /// To [`TagPart::Counts`](super::plan::TagPart).
    Counts(FoundCounts),
    /// To [`Want::Series`] and [`Want::Shared`], each once.
    Series(Vec<Identity>),
}

/// Values of a tag, and the series that have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundCounts {
    /// The values.
    pub values: Vec<String>,
    /// Positions in `values`, and of each a series by the identity of its name. Another shard may have
    /// the same.
    pub series: Vec<(u32, Identity)>,
}

/// The series of all selectors, each once, and which selector matched which.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundPoints {
    /// Distinct series.
    pub series: Vec<FoundSeries>,
    /// For each selector of the plan, in its order.
    pub matches: Vec<Matches>,
    /// Points that were read for it.
    pub points_read: u64,
    /// Whether points are missing because a file is damaged.
    pub damaged: bool,
}

/// One series of one shard.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSeries {
    /// Canonical text.
    pub text: String,
    /// The same on every shard that holds the series, and for all series of one name and type of values,
    /// however long their points stay: together they are one.
    pub identity: Identity,
    /// What its values are: of [`Values::Long`] the points hold the bits of an `i64` each, of
    /// [`Values::Text`] the bits of a `u64`, a place in `texts`.
    pub values: Values,
    /// Its points in the plan's range and those that decide the last slot, sorted by (time,
    /// stamp), duplicates not yet settled.
    pub points: Points,
    /// Up to [`NEWEST_TIMES_MAX`] of its newest distinct times, in milliseconds, newest first, in
    /// the plan's range or not.
    pub newest_times: Vec<i64>,
    /// To [`Want::Values`], its values; then there are no points and no times.
    pub slotted: Option<Slotted>,
    /// Of a series of texts, those that its points stand for, each once.
    pub texts: Vec<Arc<str>>,
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

/// What a slice of a scan came to.
#[derive(Debug)]
pub enum Step {
    /// All is done.
    Done(Result<Partial, QueryError>),
    /// Another slice.
    More,
    /// Another slice, once the disk has brought what was asked of it.
    Waiting,
}

/// A scan under way.
pub struct Scan {
    about: About,
    work: Work,
}

/// What every part of a scan must know of its plan.
struct About {
    tenant: TenantId,
    limits: Limits,
    purse: Arc<Purse>,
    now: Stamp,
    damaged: Cell<bool>,
    /// What this scan has paid for.
    paid: Cell<u64>,
}

impl About {
    /// Pay for `bytes` about to be held until the question is answered.
    fn pay(&self, bytes: u64) -> Result<(), QueryError> {
        self.purse.pay(bytes)?;
        self.paid.set(self.paid.get().saturating_add(bytes));
        Ok(())
    }

    /// What was paid for is not held any more.
    fn give_back(&self, bytes: u64) {
        self.paid.set(self.paid.get().saturating_sub(bytes));
        self.purse.give_back(bytes);
    }

    /// Something that belongs to the answer could not be read, if so.
    fn note_damage(&self, damaged: bool) {
        self.damaged.set(self.damaged.get() || damaged);
    }
}

enum Work {
    Points(Box<PointsScan>),
    /// Of which only the series are found, by the identities of their names and types if so.
    Series(Box<PointsScan>, Vec<Identity>, bool),
    /// The same, by their texts.
    NamesOf(Box<PointsScan>, Vec<String>),
    Nodes(Box<NodesScan>),
    Names {
        next: u32,
        names: Vec<String>,
    },
    Metrics(Box<MetricsScan>),
    Tags(Box<TagsScan>),
}

impl Work {
    fn points(
        selectors: Arc<[Selector]>,
        (from, until): (Millis, Millis),
        last_slots: Arc<[Slot]>,
        spaced: Option<Spaced>,
    ) -> Work {
        let metric = |one: &Selector| matches!(one, Selector::Metric { .. });
        Work::Points(Box::new(PointsScan {
            numbers_only: !selectors.iter().any(metric),
            from,
            until,
            last_slots,
            spaced,
            ..PointsScan::new(selectors)
        }))
    }
}

impl Scan {
    /// Begin; `now` is the clock of arrivals when the question was asked: points that have expired by then
    /// are none.
    pub fn new(plan: Plan, now: Stamp) -> Scan {
        let work = match plan.want {
            Want::Points {
                selectors,
                from,
                until,
                last_slots,
            } => Work::points(selectors, (from, until), last_slots, None),
            Want::Values {
                selectors,
                from_s,
                until_s,
                summary,
            } => {
                let last_slots = last_slot::last_slots(from_s, until_s).into();
                let points = last_slot::points_of(from_s, until_s);
                let spaced = Spaced {
                    from_s,
                    until_s,
                    summary,
                };
                Work::points(selectors, points, last_slots, Some(spaced))
            }
            Want::Rows {
                selector,
                combine,
                from_s,
                until_s,
                summary,
                fresh,
            } => {
                let spaced = Spaced {
                    from_s,
                    until_s,
                    summary,
                };
                let reuse = Reuse::new(plan.tenant, &selector, &combine, spaced);
                let mut scan = PointsScan {
                    numbers_only: !matches!(selector, Selector::Metric { .. }),
                    gatherer: Some(Gatherer::new(combine, summary.is_some())),
                    reuse: reuse.filter(|_| !fresh),
                    ..PointsScan::new([selector].into())
                };
                scan.read_range(spaced);
                Work::Points(Box::new(scan))
            }
            Want::Cells {
                selector,
                folding,
                from,
                until,
            } => Work::Points(Box::new(PointsScan {
                from,
                until,
                folder: Some(Folder::new(folding)),
                ..PointsScan::new([selector].into())
            })),
            Want::Series { selectors } => {
                Work::Series(Box::new(PointsScan::new(selectors)), Vec::new(), false)
            }
            Want::Shared { selectors } => {
                Work::Series(Box::new(PointsScan::new(selectors)), Vec::new(), true)
            }
            Want::NamesOf { selectors } => {
                Work::NamesOf(Box::new(PointsScan::new(selectors)), Vec::new())
            }
            Want::Nodes { pattern } => Work::Nodes(Box::new(NodesScan::new(pattern))),
            Want::Names => Work::Names {
                next: 0,
                names: Vec::new(),
            },
            Want::Metrics { prefix } => Work::Metrics(Box::new(MetricsScan::new(prefix))),
            Want::Tags(query) => Work::Tags(Box::new(TagsScan::new(query))),
        };
        Scan {
            about: About {
                tenant: plan.tenant,
                limits: plan.limits,
                purse: plan.purse,
                now,
                damaged: Cell::new(false),
                paid: Cell::new(0),
            },
            work,
        }
    }

    /// Do a slice: read or visit about `budget` points, series or nodes. `cache` has the results of earlier
    /// scans of this store.
    pub fn step(
        &mut self,
        index: &Index,
        store: &mut Store,
        cache: &mut ResultCache,
        budget: usize,
    ) -> Step {
        match self.slice(index, store, cache, budget) {
            Ok(Some(partial)) => Step::Done(Ok(partial)),
            Ok(None) if self.is_waiting() => Step::Waiting,
            Ok(None) => Step::More,
            Err(told) => Step::Done(Err(told)),
        }
    }

    /// The disk has brought something: whatever waits may have it. To be called for every result, also
    /// between two slices that did not wait, or a series that was passed over in the first would be
    /// taken to wait in the second.
    pub fn wake(&mut self) {
        if let Work::Points(scan) = &mut self.work {
            scan.readings
                .iter_mut()
                .for_each(|(_, waits)| *waits = false);
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(&self.work, Work::Points(scan) if scan.waits)
    }

    fn slice(
        &mut self,
        index: &Index,
        store: &mut Store,
        cache: &mut ResultCache,
        budget: usize,
    ) -> Result<Option<Partial>, QueryError> {
        let about = &self.about;
        if about.purse.is_given_up() {
            return Err(QueryError::Busy);
        }
        let mut left = budget.max(1);
        match &mut self.work {
            Work::Points(scan) => {
                scan.waits = false;
                scan.mark(store, cache);
                about.note_damage(store.has_lost());
                while left > 0 && !scan.waits {
                    let spent = if scan.found.matches.len() < scan.selectors.len() {
                        scan.select(index, store, about, left)?
                    } else if scan.looks_for_result() {
                        scan.look_for_result(store, cache, about);
                        SERIES_COST
                    } else if let Some(gatherer) = scan.adding() {
                        gatherer.add(&mut left);
                        0
                    } else if let Some(folder) = scan.folding() {
                        if let Some(memory) = folder.fold(about, &mut left)? {
                            scan.spare.points = memory;
                        }
                        0
                    } else if scan.begins_next() {
                        scan.begin_next(index, store, about)?;
                        SERIES_COST
                    } else if scan.readings.is_empty() {
                        if !scan.settle_rows(cache, about, &mut left) {
                            continue;
                        }
                        let damaged = about.damaged.get();
                        if let Some(folder) = scan.folder.take() {
                            let cells = folder.finish(scan.points, damaged);
                            return Ok(Some(Partial::Cells(cells)));
                        }
                        if let Some(gatherer) = scan.gatherer.take() {
                            let exact = scan.found.matches.iter().any(|matches| matches.exact);
                            let rows = gatherer.finish(exact, scan.points, damaged);
                            return Ok(Some(Partial::Rows(rows)));
                        }
                        let mut found = std::mem::take(&mut scan.found);
                        found.damaged = damaged;
                        found.points_read = scan.points;
                        return Ok(Some(Partial::Points(found)));
                    } else {
                        scan.read(store, about, &mut left)?;
                        if scan.is_unfit() {
                            scan.begin_again(cache, about);
                        }
                        0
                    };
                    left = left.saturating_sub(spent);
                }
                Ok(None)
            }
            Work::Series(scan, series, by_type) => {
                while left > 0 {
                    if scan.found.matches.len() < scan.selectors.len() {
                        let spent = scan.select(index, store, about, left)?;
                        left = left.saturating_sub(spent);
                    } else if let Some(id) = scan.unread.pop_front() {
                        about.pay(SERIES_BYTES)?;
                        series.push(match by_type {
                            true => index.identity_of_type(id),
                            false => index.identity(id),
                        });
                        left -= 1;
                    } else {
                        return Ok(Some(Partial::Series(std::mem::take(series))));
                    }
                }
                Ok(None)
            }
            Work::NamesOf(scan, names) => {
                while left > 0 {
                    if scan.found.matches.len() < scan.selectors.len() {
                        let spent = scan.select(index, store, about, left)?;
                        left = left.saturating_sub(spent);
                    } else if let Some(id) = scan.unread.pop_front() {
                        let name = index.text(id).to_owned();
                        about.pay(NODE_BYTES + name.len() as u64)?;
                        names.push(name);
                        left = left.saturating_sub(TAKE_COST);
                    } else {
                        return Ok(Some(Partial::Names(std::mem::take(names))));
                    }
                }
                Ok(None)
            }
            Work::Nodes(scan) => scan.slice(index, store, about, left),
            Work::Metrics(scan) => scan.slice(index, store, about, left),
            Work::Tags(scan) => scan.slice(index, store, about, left),
            Work::Names { next, names } => {
                let end = (*next as usize).saturating_add(left).min(index.len());
                let mut bytes = 0;
                for id in *next as usize..end {
                    let id = SeriesId(id as u32);
                    if index.tenant(id) == about.tenant && !store.is_hidden(id) {
                        let name = index.text(id).to_owned();
                        bytes += NODE_BYTES + name.len() as u64;
                        names.push(name);
                    }
                }
                about.pay(bytes)?;
                *next = end as u32;
                let done = end == index.len();
                Ok(done.then(|| Partial::Names(std::mem::take(names))))
            }
        }
    }
}

impl Index {
    /// Whether the leaf of a tree and all its twins are hidden.
    fn is_all_hidden(&self, leaf: SeriesId, store: &Store) -> bool {
        store.has_deleted()
            && store.is_hidden(leaf)
            && self.twins(leaf).iter().all(|&twin| store.is_hidden(twin))
    }
}

/// What one series costs besides its points, in points of the budget.
const SERIES_COST: usize = 20;
/// Series of one scan that are read at the same time where the disk is slow.
const READINGS_MAX: usize = 16;
/// What queueing one series for reading costs, in points of the budget.
const TAKE_COST: usize = 4;
/// What reading one test of a tag costs: compiling a regular expression takes up to a slice.
const TEST_COST: usize = 2_000;
/// Bytes of one match of a selector, here and once more in the merge.
const MATCH_BYTES: u64 = 2 * size_of::<u32>() as u64;
/// What a series takes by its identity, here and once more in the merge.
const SERIES_BYTES: u64 = 2 * size_of::<Identity>() as u64;
/// Bytes that a name in a list takes besides its text.
const NODE_BYTES: u64 = size_of::<FoundNode>() as u64;

/// Evenly spaced values.
#[derive(Clone, Copy)]
struct Spaced {
    /// Seconds since the epoch, exclusive.
    from_s: i64,
    /// Seconds since the epoch, inclusive.
    until_s: i64,
    /// What becomes of those of each series.
    summary: Option<Summary>,
}

/// First the series of every selector are found, then each distinct one is read.
struct PointsScan {
    selectors: Arc<[Selector]>,
    from: Millis,
    until: Millis,
    last_slots: Arc<[Slot]>,
    /// For evenly spaced values, which.
    spaced: Option<Spaced>,
    /// For rows, who combines the series.
    gatherer: Option<Gatherer>,
    /// And what becomes of results, if anything does.
    reuse: Option<Reuse>,
    /// Whether how far apart the points of a series lie may hang on what is not read of the range.
    is_unsure: bool,
    /// For cells, who folds the points.
    folder: Option<Folder>,
    found: FoundPoints,
    selecting: Selecting,
    positions: HashMap<SeriesId, u32, Numbers>,
    unread: VecDeque<SeriesId>,
    points: u64,
    /// Series that are being read, in the order of their positions; the flag says that the disk has to
    /// bring something for it.
    readings: VecDeque<(Single, bool)>,
    /// Memory of what became something else, for the next.
    spare: Spare,
    /// Whether all of them wait for the disk.
    waits: bool,
    /// Whether series of texts are left out: Graphite has none.
    numbers_only: bool,
}

/// How far the selector is whose matches are not yet in [`FoundPoints::matches`].
enum Selecting {
    Begin,
    /// The tests that are read, one after the other: a regular expression takes its time.
    ReadingTests(Vec<TagTest>),
    ByTags(Box<Selection>),
    InTree(Finder),
    /// The series of each name that was looked up so far.
    ByNames(Arc<[String]>, Vec<Vec<SeriesId>>),
    Taking {
        ids: Ids,
        matches: Matches,
    },
}

/// Series that a selector matches and that are still to be taken.
enum Ids {
    Nodes(std::vec::IntoIter<Node>),
    List(std::vec::IntoIter<SeriesId>),
}

impl Iterator for Ids {
    type Item = SeriesId;

    fn next(&mut self) -> Option<SeriesId> {
        match self {
            Ids::Nodes(nodes) => nodes.find_map(|node| node.leaf),
            Ids::List(ids) => ids.next(),
        }
    }
}

impl PointsScan {
    fn new(selectors: Arc<[Selector]>) -> PointsScan {
        PointsScan {
            selectors,
            from: Millis::MIN,
            until: Millis::MAX,
            last_slots: Arc::new([]),
            found: FoundPoints::default(),
            positions: HashMap::default(),
            unread: VecDeque::new(),
            selecting: Selecting::Begin,
            points: 0,
            readings: VecDeque::new(),
            spare: Spare::default(),
            spaced: None,
            gatherer: None,
            reuse: None,
            is_unsure: false,
            folder: None,
            waits: false,
            numbers_only: false,
        }
    }

    /// Go on finding the series of the next selector, and queue those not yet known for reading.
    /// Gives what was spent of the budget.
    fn select(
        &mut self,
        index: &Index,
        store: &Store,
        about: &About,
        budget: usize,
    ) -> Result<usize, QueryError> {
        let selectors = Arc::clone(&self.selectors);
        let selector = &selectors[self.found.matches.len()];
        match &mut self.selecting {
            Selecting::Begin => {
                self.selecting = match selector {
                    Selector::Path(path) => Selecting::InTree(finder(path, about)?.leaves_only()),
                    Selector::Names(names) => Selecting::ByNames(Arc::clone(names), Vec::new()),
                    Selector::Tags(_) | Selector::Metric { .. } => {
                        Selecting::ReadingTests(Vec::new())
                    }
                };
                Ok(SERIES_COST)
            }
            Selecting::ReadingTests(tests) => {
                TagTest::check_count(selector.tests()).map_err(invalid)?;
                if tests.len() < selector.tests() {
                    tests.push(test(selector, tests.len())?);
                    return Ok(TEST_COST);
                }
                let tests = std::mem::take(tests);
                TagTest::check_all(&tests).map_err(invalid)?;
                let selection = Selection::new(about.tenant, tests, about.limits.series_max);
                self.selecting = Selecting::ByTags(Box::new(selection));
                Ok(SERIES_COST)
            }
            Selecting::ByTags(selection) => {
                let mut left = budget;
                if let Some(ids) = selection.step(index.tags(), &mut left) {
                    let mut ids = ids.map_err(|error| unselected(error, about))?;
                    if let Selector::Metric { name, filters } = selector
                        && filters.is_empty()
                    {
                        ids.extend(untagged(index, about.tenant, name));
                    }
                    let ids = Ids::List(ids.into_iter());
                    self.selecting = Selecting::taking(ids, false);
                }
                Ok(budget - left)
            }
            Selecting::ByNames(names, found) => {
                let ids = found.len();
                match names.get(ids) {
                    Some(name) => found.push(by_name(index, about.tenant, name)),
                    None => {
                        let ids: Vec<SeriesId> = found.drain(..).flatten().collect();
                        self.selecting = Selecting::taking(Ids::List(ids.into_iter()), false);
                    }
                }
                Ok(SERIES_COST)
            }
            Selecting::InTree(finder) => {
                if let Some(nodes) = finder.step(index.tree(), budget) {
                    let nodes = nodes.map_err(|TooMany { .. }| about.limits.too_many_series())?;
                    self.selecting = match selector {
                        Selector::Path(path) if nodes.is_empty() => {
                            let named = by_name(index, about.tenant, path);
                            Selecting::taking(Ids::List(named.into_iter()), true)
                        }
                        _ => Selecting::taking(Ids::Nodes(nodes.into_iter()), false),
                    };
                }
                Ok(budget)
            }
            Selecting::Taking { ids, matches } => {
                let Some(id) = ids.next() else {
                    self.found.matches.push(std::mem::take(matches));
                    self.selecting = Selecting::Begin;
                    return Ok(1);
                };
                let twins = match ids {
                    Ids::Nodes(_) => index.twins(id),
                    Ids::List(_) => &[],
                };
                for &id in std::iter::once(&id).chain(twins) {
                    if store.has_deleted() && store.is_hidden(id) {
                        continue;
                    }
                    if self.numbers_only && index.values(id) == Values::Text {
                        continue;
                    }
                    let next = self.positions.len() as u32;
                    let position = *self.positions.entry(id).or_insert(next);
                    if position == next {
                        self.unread.push_back(id);
                        about.limits.check_series(self.positions.len())?;
                    }
                    // Many selectors that match everything make long lists of few series.
                    about.pay(MATCH_BYTES)?;
                    matches.series.push(position);
                }
                Ok(TAKE_COST)
            }
        }
    }

    /// Who combines series, if there are values to be added.
    fn adding(&mut self) -> Option<&mut Gatherer> {
        let gatherer = self.gatherer.as_mut();
        gatherer.filter(|gatherer| gatherer.is_adding())
    }

    /// Who folds points, if there are some to be folded.
    fn folding(&mut self) -> Option<&mut Folder> {
        let folder = self.folder.as_mut();
        folder.filter(|folder| folder.is_folding())
    }

    /// Whether another series should be begun: nothing is being read, or all that is waits for the disk,
    /// which can do several things at once.
    fn begins_next(&self) -> bool {
        !self.unread.is_empty()
            && self.readings.len() < READINGS_MAX
            && self.readings.iter().all(|(_, waits)| *waits)
    }

    fn begin_next(
        &mut self,
        index: &Index,
        store: &mut Store,
        about: &About,
    ) -> Result<(), QueryError> {
        if let Some(id) = self.unread.pop_front() {
            if store.expires(id)
                && let Some(reuse) = &mut self.reuse
            {
                reuse.keep_nothing();
            }
            let wanted = Wanted {
                range: (self.from, self.until),
                times: self.range_of_times(),
                spaced: self.spaced,
                // KairosDB's queries know no step.
                newest_times: self.numbers_only,
                next: std::array::from_fn(|place| self.unread.get(place).copied()),
            };
            let mut spare = std::mem::take(&mut self.spare);
            if let Some(gatherer) = &mut self.gatherer {
                spare.values = gatherer.take_memory();
            }
            let single = Single::new(index, store, id, wanted, spare, about)?;
            self.readings.push_back((single, false));
        }
        Ok(())
    }

    /// Go on with the first series that does not wait, and take those that are read.
    fn read(
        &mut self,
        store: &mut Store,
        about: &About,
        left: &mut usize,
    ) -> Result<(), QueryError> {
        let Some(at) = self.readings.iter().position(|(_, waits)| !waits) else {
            // Each may have got what it waits for since.
            self.readings
                .iter_mut()
                .for_each(|(_, waits)| *waits = false);
            self.waits = true;
            return Ok(());
        };
        let (single, waits) = &mut self.readings[at];
        let progress = single.step(store, &self.last_slots, about, left, &mut self.points)?;
        // One that is done but behind another stays until that is done too.
        *waits = progress == Progress::Waiting || (progress == Progress::Done && 0 < at);
        if progress == Progress::Done && at == 0 {
            if let Some((single, _)) = self.readings.pop_front() {
                self.is_unsure |= single.is_unsure();
                let (found, spare) = single.found();
                match (&mut self.gatherer, &mut self.folder) {
                    (Some(gatherer), _) => gatherer.take(found, about)?,
                    (None, Some(folder)) => folder.take(found, about)?,
                    (None, None) => self.found.series.push(found),
                }
                self.spare = spare;
            }
            self.readings
                .iter_mut()
                .for_each(|(_, waits)| *waits = false);
        }
        Ok(())
    }
}

impl Selecting {
    fn taking(ids: Ids, exact: bool) -> Selecting {
        let matches = Matches {
            series: Vec::new(),
            exact,
        };
        Selecting::Taking { ids, matches }
    }
}

fn invalid(error: impl std::fmt::Display) -> QueryError {
    QueryError::Invalid(error.to_string())
}

/// Why series cannot be found by their tags.
fn unselected(error: SelectError, about: &About) -> QueryError {
    match error {
        SelectError::TooMany(_) => about.limits.too_many_series(),
        SelectError::TooLong(error) => QueryError::Limit(error.to_string()),
    }
}

fn finder(pattern: &str, about: &About) -> Result<Finder, QueryError> {
    let pattern = Pattern::new(pattern).map_err(invalid)?;
    Ok(Finder::new(pattern, about.tenant, about.limits.series_max))
}

/// The series of exactly this canonical name, its tags in any order, of each type of values.
fn by_name(index: &Index, tenant: TenantId, text: &str) -> Vec<SeriesId> {
    let name = SeriesName::from_text(text);
    name.map_or_else(|_| Vec::new(), |name| index.all_of(tenant, &name))
}

/// The series of this metric name that have no tags. A name that breaks the rules has none.
fn untagged(index: &Index, tenant: TenantId, metric: &str) -> Vec<SeriesId> {
    let name = SeriesName::new(metric.to_owned(), Vec::new());
    name.map_or_else(|_| Vec::new(), |name| index.all_of(tenant, &name))
}

impl Selector {
    /// How many tests of tags it is.
    fn tests(&self) -> usize {
        match self {
            Selector::Path(_) | Selector::Names(_) => 0,
            Selector::Tags(texts) => texts.len(),
            Selector::Metric { filters, .. } => 1 + filters.len(),
        }
    }
}

/// The test at `place` of a selector that has so many.
fn test(selector: &Selector, place: usize) -> Result<TagTest, QueryError> {
    match selector {
        Selector::Tags(texts) => TagTest::parse(&texts[place]).map_err(invalid),
        Selector::Metric { filters, .. } if place > 0 => {
            let filter = &filters[place - 1];
            let key = own_key(&filter.key);
            TagTest::one_of(key, &filter.values, &filter.patterns).map_err(invalid)
        }
        Selector::Metric { name, .. } => Ok(TagTest::is(NAME_KEY, name)),
        Selector::Path(path) => Ok(TagTest::is(NAME_KEY, path)),
        Selector::Names(_) => Ok(TagTest::is(NAME_KEY, "")),
    }
}

#[cfg(test)]
mod tests;
