//! The partials of all shards become one answer: the only arithmetic that joins results of shards.
//!
//! Takes the partials in shard order, gives whole series sorted by name. Works in slices, as a scan
//! does. Knows no time but that in the points, and nothing of functions or formats. What it gives
//! does not depend on how arrivals were spread over the shards: `tests` below split one sequence of
//! arrivals in many ways and compare bit for bit.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque, btree_map};
use std::ops::Range;
use std::sync::Arc;

use super::error::QueryError;
use super::graphite::slots::Slotted;
use super::last_slot::keep_last_arrivals;
use super::limits::Limits;
use super::plan::{Plan, Selector, Slot, TagPart, Want};
use super::scan::{FoundNode, FoundPoints, FoundSeries, Matches, NEWEST_TIMES_MAX, Partial};
use crate::base::time::Millis;
use crate::model::points::{Merging, Points};
use crate::model::series::{Identity, Values};
use cells::CellsMerge;
pub use cells::{MergedCells, MergedGroup};
use counts::CountsMerge;

mod cells;
mod counts;

mod rows;
pub use rows::MergedRows;
use rows::RowsMerge;

/// What all shards together hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Merged {
    /// Series with their points, or values.
    Points(MergedPoints),
    /// Series that were combined.
    Rows(MergedRows),
    /// Points that became cells, and others.
    Cells(MergedCells),
    /// Nodes of the tree, sorted by path, each once.
    Nodes(Vec<FoundNode>),
    /// Canonical texts, or keys or values of tags, sorted, each once.
    Names(Vec<String>),
    /// Values of a tag and how many series have each, sorted.
    Counts(Vec<(String, u64)>),
    /// Series by their identities, ascending, each once: all of them, or those that several shards hold.
    Series(Vec<Identity>),
}

/// The series of all selectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergedPoints {
    /// Distinct series, sorted by name.
    pub series: Vec<WholeSeries>,
    /// For each selector the positions of its series in `series`, ascending and so by name.
    pub matches: Vec<Vec<u32>>,
    /// Pairs of series with one identity and two names. They were kept apart; with a 128-bit
    /// identity this never happens by chance.
    pub clashes: u64,
    /// Points that the shards have read.
    pub points_read: u64,
    /// Whether points are missing because a file is damaged.
    pub damaged: bool,
}

/// One series with all that any shard holds of it.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeSeries {
    /// Canonical text.
    pub name: String,
    /// What its values are: of [`Values::Long`] the points hold the bits of an `i64` each, of
    /// [`Values::Text`] the bits of a `u64`, a place in `texts`. Always floats but for plans of
    /// [`Selector::Metric`].
    pub values: Values,
    /// Points in the plan's range and those that decide the last slot, by time, of each time the
    /// last arrival.
    pub points: Points,
    /// Up to [`NEWEST_TIMES_MAX`] of its newest distinct times, in milliseconds, newest first.
    pub newest_times: Vec<i64>,
    /// To [`Want::Values`]: its values, or, if there are none, several hold of it, and its points have to
    /// be asked for.
    pub slotted: Option<Slotted>,
    /// Of a series of texts, those that its points stand for; one may be there several times.
    pub texts: Vec<Arc<str>>,
}

/// A merge under way.
pub struct Merge {
    limits: Limits,
    work: Work,
}

enum Work {
    Points(Box<PointsMerge>),
    Rows(Box<RowsMerge>),
    Cells(Box<CellsMerge>),
    Nodes(ListMerge<FoundNode>),
    Names(ListMerge<String>),
    Counts(Box<CountsMerge>),
    Series(SeriesMerge),
}

impl PointsMerge {
    fn new(
        shards: VecDeque<ShardPart>,
        (damaged, points_read): (bool, u64),
        selectors: &[Selector],
        (until, last_slots): (Millis, Arc<[Slot]>),
    ) -> Box<PointsMerge> {
        Box::new(PointsMerge {
            shards,
            slots_of_selectors: vec![Vec::new(); selectors.len()],
            exact_of_selectors: vec![Vec::new(); selectors.len()],
            until,
            last_slots,
            merged: MergedPoints {
                damaged,
                points_read,
                ..MergedPoints::default()
            },
            apart: selectors.iter().any(is_metric),
            ..PointsMerge::default()
        })
    }
}

impl Merge {
    /// Begin with what the shards said to `plan`, in shard order. Partials of another kind than the
    /// plan wants are ignored: no shard sends such.
    pub fn new(plan: &Plan, partials: Vec<Partial>) -> Merge {
        let (mut points, mut damaged, mut points_read) = (VecDeque::new(), false, 0);
        let (mut nodes, mut names, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut rows, mut series) = (Vec::new(), Vec::new());
        let mut cells = Vec::new();
        for partial in partials {
            match partial {
                Partial::Points(found) => {
                    damaged |= found.damaged;
                    points_read += found.points_read;
                    points.push_back(ShardPart::new(found));
                }
                Partial::Rows(found) => rows.push(found),
                Partial::Cells(mut found) => {
                    damaged |= found.rest.damaged;
                    points_read += found.rest.points_read;
                    points.push_back(ShardPart::new(std::mem::take(&mut found.rest)));
                    cells.push(found);
                }
                Partial::Nodes(found) => nodes.push(found),
                Partial::Names(found) => names.push(found),
                Partial::Counts(found) => counts.push(found),
                Partial::Series(found) => series.push(found),
            }
        }
        let work = match &plan.want {
            Want::Points {
                selectors,
                until,
                last_slots,
                ..
            } => Work::Points(PointsMerge::new(
                points,
                (damaged, points_read),
                selectors,
                (*until, Arc::clone(last_slots)),
            )),
            Want::Values { selectors, .. } => Work::Points(PointsMerge::new(
                points,
                (damaged, points_read),
                selectors,
                Default::default(),
            )),
            Want::Cells {
                selector, until, ..
            } => {
                let about = (damaged, points_read);
                let selectors = std::slice::from_ref(selector);
                let rest = PointsMerge::new(points, about, selectors, (*until, Arc::new([])));
                Work::Cells(Box::new(CellsMerge::new(rest, cells)))
            }
            Want::Rows { .. } => Work::Rows(Box::new(RowsMerge::new(rows))),
            Want::Nodes { .. } => Work::Nodes(ListMerge::new(nodes)),
            Want::Tags(query) if matches!(query.part, TagPart::Counts(_)) => {
                Work::Counts(Box::new(CountsMerge::new(counts)))
            }
            Want::Series { .. } | Want::Shared { .. } => Work::Series(SeriesMerge {
                lists: series,
                known: BTreeSet::new(),
                shared: matches!(plan.want, Want::Shared { .. }).then(BTreeSet::new),
            }),
            Want::Names | Want::NamesOf { .. } | Want::Metrics { .. } | Want::Tags(_) => {
                Work::Names(ListMerge::new(names))
            }
        };
        Merge {
            limits: plan.limits,
            work,
        }
    }

    /// Do a slice: join about `budget` points, series, nodes or names. `Some` when all is done.
    pub fn step(&mut self, budget: usize) -> Option<Result<Merged, QueryError>> {
        match &mut self.work {
            Work::Points(merge) => {
                let merged = merge.slice(&self.limits, budget).transpose()?;
                Some(merged.map(Merged::Points))
            }
            Work::Cells(merge) => {
                let merged = merge.slice(&self.limits, budget).transpose()?;
                Some(merged.map(Merged::Cells))
            }
            Work::Rows(merge) => merge.slice(budget).map(|rows| Ok(Merged::Rows(rows))),
            Work::Nodes(merge) => {
                let nodes = merge.slice(budget);
                if let Err(told) = self.limits.check_series(merge.known.len()) {
                    return Some(Err(told));
                }
                nodes.map(|nodes| Ok(Merged::Nodes(nodes)))
            }
            Work::Names(merge) => merge.slice(budget).map(|names| Ok(Merged::Names(names))),
            Work::Counts(merge) => merge.slice(budget).map(|counts| Ok(Merged::Counts(counts))),
            Work::Series(merge) => {
                let series = merge.slice(budget);
                if let Err(told) = self.limits.check_series(merge.known.len()) {
                    return Some(Err(told));
                }
                series.map(|series| Ok(Merged::Series(series)))
            }
        }
    }
}

/// Sets of series become one.
struct SeriesMerge {
    lists: Vec<Vec<Identity>>,
    known: BTreeSet<Identity>,
    /// Those that several have, where only they are wanted.
    shared: Option<BTreeSet<Identity>>,
}

impl SeriesMerge {
    fn slice(&mut self, budget: usize) -> Option<Vec<Identity>> {
        for _ in 0..budget.max(1) {
            let Some(list) = self.lists.last_mut() else {
                // As many as one query may match at most: about a slice's work.
                let wanted = self.shared.as_ref().unwrap_or(&self.known);
                return Some(wanted.iter().copied().collect());
            };
            match list.pop() {
                Some(series) if self.known.insert(series) => {}
                Some(series) => {
                    if let Some(shared) = &mut self.shared {
                        shared.insert(series);
                    }
                }
                None => drop(self.lists.pop()),
            }
        }
        None
    }
}

fn is_metric(selector: &Selector) -> bool {
    matches!(selector, Selector::Metric { .. })
}

/// What a sorted list without repeats is made of: a text, and what is known about it.
trait Entry: Sized {
    type About: Default;
    fn into_parts(self) -> (String, Self::About);
    fn from_parts(text: String, about: Self::About) -> Self;
    fn join(known: &mut Self::About, more: Self::About);
}

impl Entry for String {
    type About = ();
    fn into_parts(self) -> (String, ()) {
        (self, ())
    }
    fn from_parts(text: String, (): ()) -> String {
        text
    }
    fn join((): &mut (), (): ()) {}
}

impl Entry for FoundNode {
    /// Leaf, branch.
    type About = (bool, bool);
    fn into_parts(self) -> (String, (bool, bool)) {
        (self.path, (self.leaf, self.branch))
    }
    fn from_parts(path: String, (leaf, branch): (bool, bool)) -> FoundNode {
        FoundNode { path, leaf, branch }
    }
    fn join(known: &mut (bool, bool), more: (bool, bool)) {
        known.0 |= more.0;
        known.1 |= more.1;
    }
}

/// Sorts by inserting, because that can stop anywhere.
struct ListMerge<E: Entry> {
    lists: Vec<Vec<E>>,
    known: BTreeMap<String, E::About>,
    rest: Option<btree_map::IntoIter<String, E::About>>,
    sorted: Vec<E>,
}

impl<E: Entry> ListMerge<E> {
    fn new(lists: Vec<Vec<E>>) -> ListMerge<E> {
        ListMerge {
            lists,
            known: BTreeMap::new(),
            rest: None,
            sorted: Vec::new(),
        }
    }

    fn slice(&mut self, budget: usize) -> Option<Vec<E>> {
        for _ in 0..budget.max(1) {
            if let Some(list) = self.lists.last_mut() {
                match list.pop() {
                    Some(entry) => {
                        let (text, about) = entry.into_parts();
                        E::join(self.known.entry(text).or_default(), about);
                    }
                    None => drop(self.lists.pop()),
                }
                continue;
            }
            let known = &mut self.known;
            let rest = self
                .rest
                .get_or_insert_with(|| std::mem::take(known).into_iter());
            match rest.next() {
                Some((text, about)) => self.sorted.push(E::from_parts(text, about)),
                None => return Some(std::mem::take(&mut self.sorted)),
            }
        }
        None
    }
}

/// Series are gathered under (name, type of values): in the order of their names, and never two names in
/// one place. Graphite knows floats only: there, unless they are kept `apart`, whole numbers become
/// floats, and series of one name are one. `slot` is where a series is known by until the order is final.
#[derive(Default)]
struct PointsMerge {
    until: Millis,
    last_slots: Arc<[Slot]>,
    shards: VecDeque<ShardPart>,
    apart: bool,
    /// Of the shard whose series are being gathered.
    slots: Vec<u32>,
    gathered: BTreeMap<(String, Values), Gathered>,
    slots_of_selectors: Vec<Vec<u32>>,
    exact_of_selectors: Vec<Vec<u32>>,
    points: u64,
    joining: Option<btree_map::IntoIter<(String, Values), Gathered>>,
    join: Option<Join>,
    identities: HashSet<Identity>,
    ranks: Vec<u32>,
    merged: MergedPoints,
}

/// What is still to be taken of one shard's part.
struct ShardPart {
    series: std::vec::IntoIter<FoundSeries>,
    matches: std::iter::Enumerate<std::vec::IntoIter<Matches>>,
}

impl ShardPart {
    fn new(found: FoundPoints) -> ShardPart {
        ShardPart {
            series: found.series.into_iter(),
            matches: found.matches.into_iter().enumerate(),
        }
    }
}

/// A series whose points are being joined.
struct Join {
    name: String,
    values: Values,
    newest_times: Vec<i64>,
    slotted: Option<Slotted>,
    texts: Vec<Arc<str>>,
    stage: Joining,
}

enum Joining {
    /// The values of the second list are made like the others, those of its last part from the number on.
    Converting(Vec<Points>, Vec<Odd>, usize),
    Merging(Box<Merging>),
    /// Of the points up to the second number, the first are left that count.
    Settling(Points, usize, usize),
}

/// Points whose values are not yet like those of the whole.
#[derive(Debug)]
enum Odd {
    /// Bits of whole numbers, which become floats.
    Longs(Points),
    /// Places of texts, which are so many more in the list of the whole.
    Places(Points, u64),
}

impl Odd {
    fn len(&self) -> usize {
        match self {
            Odd::Longs(points) | Odd::Places(points, _) => points.len(),
        }
    }

    fn convert(&mut self, stretch: Range<usize>) {
        match self {
            Odd::Longs(points) => {
                for value in &mut points.values[stretch] {
                    *value = value.to_bits() as i64 as f64;
                }
            }
            Odd::Places(points, more) => {
                for value in &mut points.values[stretch] {
                    *value = f64::from_bits(value.to_bits().wrapping_add(*more));
                }
            }
        }
    }

    fn into_points(self) -> Points {
        match self {
            Odd::Longs(points) | Odd::Places(points, _) => points,
        }
    }
}

/// Points that are settled in one go.
const SETTLED: usize = 1_000;

impl Join {
    /// Do a slice of about `left` points and take what was done from it: merge what the shards
    /// hold, and of each time keep the last arrival.
    fn step(&mut self, left: &mut usize) -> Option<Points> {
        while *left > 0 {
            match &mut self.stage {
                Joining::Converting(whole, odd, at) => {
                    let Some(last) = odd.last_mut() else {
                        self.stage = Joining::begin(std::mem::take(whole));
                        continue;
                    };
                    let end = (*at + SETTLED).min(last.len());
                    last.convert(*at..end);
                    *left = left.saturating_sub(end - *at);
                    *at = end;
                    if end == last.len() {
                        whole.extend(odd.pop().map(Odd::into_points));
                        *at = 0;
                    }
                }
                Joining::Merging(merging) => {
                    let points = merging.step(left)?;
                    self.stage = Joining::Settling(points, 0, 0);
                }
                Joining::Settling(points, kept, at) => {
                    let end = (*at + SETTLED).min(points.len());
                    *kept = points.settle_stretch(*kept, *at..end);
                    *left = left.saturating_sub(end - *at);
                    *at = end;
                    if end == points.len() {
                        points.truncate(*kept);
                        return Some(std::mem::take(points));
                    }
                }
            }
        }
        None
    }
}

impl Joining {
    fn begin(mut parts: Vec<Points>) -> Joining {
        match parts.pop() {
            Some(only) if parts.is_empty() => Joining::Settling(only, 0, 0),
            last => Joining::Merging(Box::new(Merging::new(parts.into_iter().chain(last)))),
        }
    }
}

#[derive(Default)]
struct Gathered {
    slot: u32,
    identity: Option<Identity>,
    parts: Vec<Points>,
    /// Parts whose values are to be made like those.
    odd: Vec<Odd>,
    texts: Vec<Arc<str>>,
    newest_times: Vec<i64>,
    slotted: Option<Slotted>,
}

impl PointsMerge {
    fn slice(
        &mut self,
        limits: &Limits,
        budget: usize,
    ) -> Result<Option<MergedPoints>, QueryError> {
        let mut left = budget.max(1);
        while left > 0 {
            let spent = if let Some(shard) = self.shards.front_mut() {
                match shard.series.next() {
                    Some(series) => self.gather(series, limits)?,
                    None => self.gather_matches(),
                }
            } else if self.join.is_some() {
                self.go_on_joining(&mut left);
                0
            } else if let Some(joining) = &mut self.joining {
                match joining.next() {
                    Some((key, gathered)) => self.begin_join(key, gathered),
                    None => match self.rank_matches() {
                        Some(spent) => spent,
                        None => return Ok(Some(std::mem::take(&mut self.merged))),
                    },
                }
            } else {
                self.ranks = vec![0; self.gathered.len()];
                self.joining = Some(std::mem::take(&mut self.gathered).into_iter());
                1
            };
            left = left.saturating_sub(spent);
        }
        Ok(None)
    }

    fn gather(&mut self, series: FoundSeries, limits: &Limits) -> Result<usize, QueryError> {
        let next = self.gathered.len() as u32;
        let values = if self.apart {
            series.values
        } else {
            Values::Double
        };
        let gathered = self
            .gathered
            .entry((series.text, values))
            .or_insert_with(|| Gathered {
                slot: next,
                identity: Some(series.identity),
                ..Gathered::default()
            });
        self.slots.push(gathered.slot);
        self.points += series.points.len() as u64;
        let alone = gathered.parts.is_empty() && gathered.odd.is_empty();
        // What several hold has no values: their points decide them together.
        gathered.slotted = series.slotted.filter(|_| alone);
        match series.values {
            Values::Text if values == Values::Text && !gathered.texts.is_empty() => {
                let more = gathered.texts.len() as u64;
                gathered.odd.push(Odd::Places(series.points, more));
            }
            same if same == values => gathered.parts.push(series.points),
            Values::Long => gathered.odd.push(Odd::Longs(series.points)),
            // Texts are no numbers.
            _ => gathered.parts.push(Points::default()),
        }
        gathered.texts.extend(series.texts);
        gathered.newest_times.extend(series.newest_times);
        limits.check_series(self.gathered.len())?;
        limits.check_points_read(self.points)?;
        Ok(SERIES_COST)
    }

    /// The shard's series are all gathered: translate what its next selector matched.
    fn gather_matches(&mut self) -> usize {
        let matches = self
            .shards
            .front_mut()
            .and_then(|shard| shard.matches.next());
        let Some((selector, Matches { series, exact })) = matches else {
            self.shards.pop_front();
            self.slots.clear();
            return 1;
        };
        let slots = series
            .iter()
            .filter_map(|&position| self.slots.get(position as usize).copied());
        let lists = if exact {
            &mut self.exact_of_selectors
        } else {
            &mut self.slots_of_selectors
        };
        if let Some(list) = lists.get_mut(selector) {
            list.extend(slots);
        }
        1 + series.len() / 4
    }

    fn begin_join(&mut self, (name, values): (String, Values), gathered: Gathered) -> usize {
        let new = |identity| self.identities.insert(identity);
        if !gathered.identity.is_none_or(new) {
            self.merged.clashes += 1;
        }
        if let Some(rank) = self.ranks.get_mut(gathered.slot as usize) {
            *rank = self.merged.series.len() as u32;
        }
        let mut newest_times = gathered.newest_times;
        newest_times.sort_unstable_by(|a, b| b.cmp(a));
        newest_times.dedup();
        newest_times.truncate(NEWEST_TIMES_MAX);
        let stage = if gathered.odd.is_empty() {
            Joining::begin(gathered.parts)
        } else {
            // Taken from the end, they come in shard order.
            let odd = gathered.odd.into_iter().rev().collect();
            Joining::Converting(gathered.parts, odd, 0)
        };
        self.join = Some(Join {
            name,
            values,
            newest_times,
            slotted: gathered.slotted,
            texts: gathered.texts,
            stage,
        });
        SERIES_COST
    }

    fn go_on_joining(&mut self, left: &mut usize) {
        let Some(mut join) = self.join.take() else {
            return;
        };
        let Some(mut points) = join.step(left) else {
            self.join = Some(join);
            return;
        };
        keep_last_arrivals(&mut points, self.until, &self.last_slots);
        self.merged.series.push(WholeSeries {
            name: join.name,
            values: join.values,
            points,
            newest_times: join.newest_times,
            slotted: join.slotted,
            texts: join.texts,
        });
    }

    /// Turn the slots of the next selector into positions; `None` when no selector is left.
    fn rank_matches(&mut self) -> Option<usize> {
        let selector = self.merged.matches.len();
        let mut slots = std::mem::take(self.slots_of_selectors.get_mut(selector)?);
        if slots.is_empty() {
            slots = std::mem::take(&mut self.exact_of_selectors[selector]);
        }
        let mut matched = vec![false; self.ranks.len()];
        for slot in slots {
            matched[self.ranks[slot as usize] as usize] = true;
        }
        let positions = (0..matched.len() as u32).filter(|&i| matched[i as usize]);
        self.merged.matches.push(positions.collect());
        Some(1 + self.ranks.len() / 8)
    }
}

/// What one series costs besides its points, in points of the budget.
const SERIES_COST: usize = 20;

#[cfg(test)]
mod tests;
