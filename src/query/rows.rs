//! Rows: what series on one grid come to, moment by moment, so that shards send sums instead of series.
//!
//! A combining function of Graphite's may be given the combined series of each of its groups instead of
//! the series themselves where the law of its arithmetic allows that: the sum of sums is the sum. The law
//! is that of [`model::aggregate`](crate::model::aggregate): counts, sums (compensated, so that neither the
//! order of series nor the shards that they lie on change more than the last bit), least and greatest, and
//! the last in the order of names.

mod leaders;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use leaders::Leaders;

use super::breath::{CHUNK, Pace};
use super::error::QueryError;
use super::graphite::functions::{Literal, node_key};
use super::result_cache::Columns;
use super::series::{Fold, Look, Series};
use crate::simd::{Lanes, Scanner, Work};

/// What becomes of the values of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// Mean of what is there.
    Average,
    /// How many are there.
    Count,
    /// The last that is there, in the order of the names of series.
    Last,
    /// How many series there are, whatever is there.
    Members,
    /// Largest.
    Maximum,
    /// Smallest.
    Minimum,
    /// Sum.
    Sum,
}

impl Law {
    #[cfg(test)]
    pub(super) const ALL: [Law; 7] = [
        Law::Average,
        Law::Count,
        Law::Last,
        Law::Maximum,
        Law::Members,
        Law::Minimum,
        Law::Sum,
    ];

    /// Whether a row's count and total are all that it hangs on, whatever series and rows are beside it.
    pub fn is_told_by_rows(self) -> bool {
        match self {
            Law::Average | Law::Count | Law::Maximum | Law::Minimum | Law::Sum => true,
            Law::Last | Law::Members => false,
        }
    }

    /// Whether what comes out is whole numbers, `of_integers` if what goes in is.
    pub fn gives_integers(self, of_integers: bool) -> bool {
        match self {
            Law::Average => false,
            Law::Count | Law::Members => true,
            Law::Last | Law::Maximum | Law::Minimum | Law::Sum => of_integers,
        }
    }

    /// Bytes of one row, without the names that [`Law::Last`] keeps.
    pub fn row_bytes(self) -> u64 {
        match self {
            Law::Last => ROW_BYTES + leaders::ROW_BYTES,
            _ => ROW_BYTES,
        }
    }
}

/// What series have in common that are combined.
#[derive(Clone, Debug, PartialEq)]
pub enum By {
    /// Nothing: all are one group.
    All,
    /// These nodes and tags.
    Nodes(Vec<Literal>),
    /// All nodes of the name but those at these places, counted from 0.
    OtherNodes(BTreeSet<i64>),
    /// The values of these tags, or that they have none.
    Tags(Vec<String>),
}

impl By {
    /// What `series` shares with its group, and with no other.
    pub fn key(&self, series: &Series) -> String {
        match self {
            By::All => String::new(),
            By::Nodes(nodes) => node_key(series, nodes),
            By::OtherNodes(places) => other_nodes(&series.name, places),
            By::Tags(tags) => {
                let value = |tag: &String| series.tags.get(tag).map_or("", String::as_str);
                let values: Vec<&str> = tags.iter().map(value).collect();
                // No value has it.
                values.join(";")
            }
        }
    }
}

/// The nodes of `name` but those at `places`, counted from 0.
pub fn other_nodes(name: &str, places: &BTreeSet<i64>) -> String {
    let nodes = (0..).zip(name.split('.'));
    let kept: Vec<&str> = nodes
        .filter(|(place, _)| !places.contains(place))
        .map(|(_, node)| node)
        .collect();
    kept.join(".")
}

/// Which series are combined with each other, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Combine {
    /// What becomes of the values of one moment.
    pub law: Law,
    /// What they have in common.
    pub by: By,
    /// The share of series that must have a value.
    pub x_files_factor: f64,
}

/// Series of one grid, combined so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Seconds since the epoch of the first row.
    pub start: i64,
    /// Seconds from row to row.
    pub step: i64,
    law: Law,
    /// Series.
    members: u64,
    /// So many rows are in front that are whole without what is added; see [`Rows::behind`].
    front: usize,
    /// Of the series, those that have a value in each row behind these: as nearly all do, they are in no
    /// count.
    full: u32,
    /// Up to this row the series that was begun last has values of all behind the front, and they are in no
    /// count yet. `None` where it has nulls among them.
    covered: Option<usize>,
    /// Values of each row.
    counts: Vec<u32>,
    /// Their sum, or the least, or the greatest.
    totals: Vec<f64>,
    /// What the sums have lost by rounding.
    lost: Vec<f64>,
    /// Whose the last values are.
    leaders: Leaders,
}

/// In longer grids the values of a series are counted as they come: to count all at its end would take too
/// long at once.
const COUNTED_LATER_MAX: usize = 100_000;

/// Bytes of one row; see [`Law::row_bytes`].
const ROW_BYTES: u64 = (size_of::<u32>() + 2 * size_of::<f64>()) as u64;

impl Rows {
    /// No series yet.
    pub fn new(law: Law, start: i64, step: i64, rows: usize) -> Rows {
        let (total, lost) = match law {
            Law::Average | Law::Sum => (0.0, rows),
            Law::Count | Law::Last | Law::Members => (0.0, 0),
            Law::Maximum => (f64::NEG_INFINITY, 0),
            Law::Minimum => (f64::INFINITY, 0),
        };
        Rows {
            start,
            step,
            law,
            members: 0,
            front: 0,
            full: 0,
            covered: None,
            counts: vec![0; rows],
            totals: vec![total; rows],
            lost: vec![0.0; lost],
            leaders: Leaders::new(if law == Law::Last { rows } else { 0 }),
        }
    }

    /// No series yet, but the first rows are to come from others, by [`Rows::put_front`]: values are added
    /// behind them only.
    pub fn behind(self, front: usize) -> Rows {
        Rows { front, ..self }
    }

    /// What these rows of the front hold, taken from those of `columns` that begin at `first`.
    pub fn put_front(&mut self, rows: Range<usize>, columns: &Columns, first: usize) {
        fn put<T: Copy>(to: &mut [T], rows: &Range<usize>, from: &[T], first: usize) {
            let to = to.get_mut(rows.clone()).unwrap_or_default();
            let from = from.get(first..).unwrap_or_default();
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
        put(&mut self.counts, &rows, &columns.counts, first);
        put(&mut self.totals, &rows, &columns.totals, first);
        put(&mut self.lost, &rows, &columns.lost, first);
    }

    /// Room for what all rows hold.
    pub fn columns(&self) -> Columns {
        Columns {
            counts: Vec::with_capacity(self.len()),
            totals: Vec::with_capacity(self.len()),
            lost: Vec::with_capacity(self.lost.len()),
        }
    }

    /// Append what some rows hold to `columns`.
    pub fn copy_to(&self, rows: Range<usize>, columns: &mut Columns) {
        let counts = rows.clone().map(|row| self.count(row).unwrap_or(0));
        columns.counts.extend(counts);
        let totals = self.totals.get(rows.clone()).unwrap_or_default();
        columns.totals.extend_from_slice(totals);
        let lost = self.lost.get(rows).unwrap_or_default();
        columns.lost.extend_from_slice(lost);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.totals.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty()
    }

    /// Whether values of such a grid can be added.
    pub fn fits(&self, start: i64, step: i64, rows: usize) -> bool {
        (self.start, self.step, self.len()) == (start, step, rows)
    }

    /// One more series begins, called `name`; its values come with [`Rows::add`].
    pub fn begin_series(&mut self, name: &str) {
        if self.law == Law::Last {
            self.leaders.begin(name);
        }
        self.settle();
        self.members += 1;
        self.covered = (self.len() <= COUNTED_LATER_MAX).then_some(self.front);
    }

    /// Count the rows of the series that was begun last.
    fn settle(&mut self) {
        match self.covered.take() {
            Some(all) if all == self.len() => self.full += 1,
            Some(some) => {
                let counts = self.counts.get_mut(self.front..some).unwrap_or_default();
                counts.iter_mut().for_each(|count| *count += 1);
            }
            None => {}
        }
    }

    /// How many values a row has.
    fn count(&self, row: usize) -> Option<u32> {
        let count = *self.counts.get(row)?;
        if row < self.front {
            return Some(count);
        }
        let begun = self.covered.is_some_and(|covered| row < covered);
        Some(count + self.full + u32::from(begun))
    }

    /// Add values of one series, in which NaN is null, to as many rows from `first` on, behind the front.
    pub fn add(&mut self, first: usize, values: &[f64]) {
        Scanner::widest().run(Adding {
            rows: self,
            first,
            values,
        });
    }

    #[inline(always)]
    fn add_all(&mut self, first: usize, values: &[f64]) {
        // Most values are there: then nothing has to be looked at twice.
        let all = values.iter().fold(true, |all, value| all & !value.is_nan());
        if all && self.covered == Some(first) {
            self.covered = Some((first + values.len()).min(self.len()));
        } else {
            self.settle();
            let counts = self.counts.get_mut(first..).unwrap_or_default();
            let counted = counts.iter_mut().zip(values);
            counted.for_each(|(count, value)| *count += u32::from(!value.is_nan()));
        }
        let totals = self.totals.get_mut(first..).unwrap_or_default();
        match self.law {
            Law::Average | Law::Sum => {
                let lost = self.lost.get_mut(first..).unwrap_or_default();
                let sums = totals.iter_mut().zip(lost).zip(values);
                if all {
                    sums.for_each(|((total, lost), &value)| add(total, lost, value));
                } else {
                    sums.for_each(|((total, lost), &value)| {
                        add(total, lost, if value.is_nan() { 0.0 } else { value });
                    });
                }
            }
            Law::Count | Law::Members => {}
            Law::Last => self.leaders.add(first, values, &mut self.totals),
            Law::Maximum => {
                for (total, &value) in totals.iter_mut().zip(values) {
                    *total = if value > *total { value } else { *total };
                }
            }
            Law::Minimum => {
                for (total, &value) in totals.iter_mut().zip(values) {
                    *total = if value < *total { value } else { *total };
                }
            }
        }
    }

    /// Join some rows of another shard's, which are of the same grid and law; those of the first row bring
    /// the number of its series.
    pub fn join(&mut self, other: &Rows, rows: Range<usize>) {
        if rows.start == 0 {
            self.members += other.members;
        }
        for i in rows {
            let (Some(count), Some(total)) = (self.counts.get_mut(i), self.totals.get_mut(i))
            else {
                return;
            };
            let (Some(more), Some(&value)) = (other.count(i), other.totals.get(i)) else {
                return;
            };
            *count += more;
            match self.law {
                Law::Average | Law::Sum => {
                    if let (Some(lost), Some(others)) = (self.lost.get_mut(i), other.lost.get(i)) {
                        add(total, lost, value);
                        *lost += others;
                    }
                }
                Law::Count | Law::Members => {}
                Law::Last => self.leaders.join(&other.leaders, i, value, total),
                Law::Maximum => *total = total.max(value),
                Law::Minimum => *total = total.min(value),
            }
        }
    }

    /// The value of a row; NaN where too few series have one.
    pub fn value(&self, row: usize, x_files_factor: f64) -> f64 {
        let (Some(count), Some(&total)) = (self.count(row), self.totals.get(row)) else {
            return f64::NAN;
        };
        if self.law == Law::Members {
            return self.members as f64;
        }
        let count = f64::from(count);
        if count == 0.0 || count / (self.members as f64) < x_files_factor {
            return f64::NAN;
        }
        let lost = self.lost.get(row).copied().unwrap_or_default();
        match self.law {
            Law::Sum => total + lost,
            Law::Average => (total + lost) / count,
            Law::Count => count,
            Law::Last | Law::Maximum | Law::Minimum | Law::Members => total,
        }
    }
}

/// [`Rows::add`], on lanes.
struct Adding<'a> {
    rows: &'a mut Rows,
    first: usize,
    values: &'a [f64],
}

impl Work for Adding<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        self.rows.add_all(self.first, self.values);
    }
}

/// Series that were combined.
#[derive(Debug)]
pub struct Group {
    /// What they come to, called as the first of them.
    pub series: Series,
    /// The names of all of them, sorted, where each became something else before they were combined.
    pub names: Vec<String>,
}

/// Series of one leaf, combined where that can be done.
#[derive(Debug)]
pub enum Combined {
    /// One for each group, in the order of the names of their first series.
    Groups(Vec<Group>),
    /// The series themselves, by name: those of some group are not of one grid.
    Apart(Vec<Series>),
}

/// Combine whole series, which are sorted by name: for those that the shards could not combine because
/// several of them hold one. It comes to the same as if one shard had held all. `named_all` where the
/// names of all are wanted.
///
/// # Errors
/// As [`Pace::did`].
pub async fn combined(
    series: Vec<Series>,
    combine: &Combine,
    named_all: bool,
    pace: &Pace<'_>,
) -> Result<Combined, QueryError> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<(Group, Rows)> = Vec::new();
    for one in &series {
        let key = combine.by.key(one);
        pace.did_series(one.name.len()).await?;
        let next = groups.len();
        let place = *places.entry(key).or_insert(next);
        if place == next {
            let rows = Rows::new(combine.law, one.start, one.step, one.values.len());
            let series = named(one.name.clone(), one.tags.clone(), one.x_files_factor);
            let names = Vec::new();
            groups.push((Group { series, names }, rows));
        }
        let Some((group, rows)) = groups.get_mut(place) else {
            continue;
        };
        if !rows.fits(one.start, one.step, one.values.len()) {
            return Ok(Combined::Apart(series));
        }
        let tags = &mut group.series.tags;
        tags.retain(|key, value| one.tags.get(key) == Some(value));
        if named_all {
            group.names.push(one.name.clone());
        }
        rows.begin_series(&one.name);
        for (i, some) in one.values.chunks(CHUNK).enumerate() {
            rows.add(i * CHUNK, some);
            pace.did(some.len() / 2).await?;
        }
    }
    let mut finished = Vec::with_capacity(groups.len());
    for (mut group, rows) in groups {
        rows.finish(combine, &mut group.series, pace).await?;
        finished.push(group);
    }
    for one in series {
        one.free(pace).await?;
    }
    Ok(Combined::Groups(finished))
}

/// A group's series, without values.
pub fn named(name: String, tags: BTreeMap<String, String>, x_files_factor: f64) -> Series {
    Series {
        path_expression: name.clone(),
        name,
        start: 0,
        step: 1,
        values: Vec::new(),
        integers: false,
        over_s: 0,
        fold: Fold::Average,
        x_files_factor,
        tags,
        look: Look::default(),
    }
}

impl Rows {
    /// Give `series` the values of the rows, and their grid.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn finish(
        &self,
        combine: &Combine,
        series: &mut Series,
        pace: &Pace<'_>,
    ) -> Result<(), QueryError> {
        (series.start, series.step) = (self.start, self.step);
        series.values = Vec::with_capacity(self.len());
        while series.values.len() < self.len() {
            let end = (series.values.len() + CHUNK).min(self.len());
            let rows = series.values.len()..end;
            let values = rows.map(|row| self.value(row, combine.x_files_factor));
            series.values.extend(values);
            pace.did(CHUNK / 4).await?;
        }
        Ok(())
    }
}

/// Add `value` to a sum, and what rounding loses to `lost` (Knuth, The Art of Computer Programming 2,
/// 4.2.2, theorem B).
#[inline(always)]
fn add(total: &mut f64, lost: &mut f64, value: f64) {
    let sum = *total + value;
    let part = sum - *total;
    *lost += (*total - (sum - part)) + (value - part);
    *total = sum;
}

#[cfg(test)]
mod tests;
