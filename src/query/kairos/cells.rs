//! Cells: what the points of a bucket come to, so that shards send these instead of points.
//!
//! Where the first aggregator of a query is one whose arithmetic allows it (the sum of sums is the sum), a
//! shard folds the points of each of its series into cells, the cells of all series and shards of one
//! group are joined, and what is left to do is little.
//!
//! A bucket is opened by its first point and takes all that follow up to its end, and that hangs on all
//! points together (see [`Runs`](mod@super::aggregate)); so cells are cut where buckets could be, and finer
//! where clocks change: the points of a cell are those of one bucket number, between two clock changes,
//! and on one side of the bucket's beginning. No bucket of a stream ends inside a cell, so
//! [`Cells::finish`] can go through cells as [`aggregate`](super::aggregate()) goes through points.
//!
//! It comes to the same as with points, but for the last digits of `sum`, `avg` and `dev`: here sums are
//! compensated, so that neither the order of series nor the shards they lie on matter, while KairosDB
//! adds in the order of its stream. `benches/kairos_query.rs` has what it saves.

use std::collections::BTreeMap;

use super::aggregate::{Moments, Stamp, greater, lesser};
use super::aggregator::{Aggregator, Deviation, Range};
use super::buckets::Buckets;
use super::context::Context;
use super::merge::{Column, SeriesPoints, ordered};
use super::stream::{Kind, Point, Stream, Value};
use crate::query::breath::Pace;
use crate::query::error::QueryError;

/// Milliseconds of the shortest buckets that are made into cells. Points are seldom nearer to each other, and
/// cells of one point are no gain.
const BUCKET_MS_MIN: i64 = 1_000;

/// How points become cells, and cells a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct CellPlan {
    law: Law,
    range: Range,
    buckets: Buckets,
}

/// What becomes of the points of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Law {
    Average,
    Count,
    Deviation { returned: Deviation, count: i64 },
    First,
    Last,
    Maximum,
    Minimum,
    Sum,
}

/// Where a cell is in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The clock change before it.
    change: i64,
    /// The number of its bucket.
    index: i64,
    /// Whether its points are not before the bucket's beginning: a clock change may have moved that.
    begun: bool,
}

/// What the points of a cell come to.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    count: u64,
    first_time: i64,
    last_time: i64,
    /// Sum and what it has lost by rounding; mean and squares; or one number.
    numbers: (f64, f64),
    /// The first or the last value, if that is what is asked for.
    value: Option<Value>,
}

/// The cells of the series of one group, as many as were folded or joined so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells(BTreeMap<Key, Cell>);

/// Bytes of memory that a cell takes, about.
pub const CELL_BYTES: u64 = (2 * (size_of::<Key>() + size_of::<Cell>())) as u64;

impl CellPlan {
    /// Whether the first aggregator of a query can be given cells, and how. The stream must come to it
    /// as merged: no limit cuts it and no grouper parts it.
    pub fn new(first: &Aggregator, kind: Kind, context: &Context<'_>) -> Option<CellPlan> {
        let is_number = kind == Kind::Number;
        let law = match first {
            Aggregator::Avg(_) => Law::Average,
            Aggregator::Count(_) => Law::Count,
            Aggregator::Dev {
                returned, count, ..
            } => Law::Deviation {
                returned: *returned,
                count: *count,
            },
            Aggregator::First(_) if is_number => Law::First,
            Aggregator::Last(_) if is_number => Law::Last,
            Aggregator::Max(_) => Law::Maximum,
            Aggregator::Min(_) => Law::Minimum,
            Aggregator::Sum(_) => Law::Sum,
            _ => return None,
        };
        let range = first.range()?;
        let buckets = Buckets::new(range, context.start).ok()?;
        let is_long_enough = BUCKET_MS_MIN <= buckets.millis_min();
        // Before the origin buckets overlap.
        let begins_early = buckets.origin() <= context.start;
        let fits = first.takes(kind) && is_long_enough && begins_early && !context.descending;
        fits.then(|| CellPlan {
            law,
            range: range.clone(),
            buckets,
        })
    }
}

impl Cells {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fold points of one series, which are not before those that were folded of it already. In one go: a
    /// caller that has many comes with some at a time. Gives the work that it was, in values: where each
    /// point has a cell of its own, and the calendar of a zone tells which, a point is as much as 15.
    pub fn fold(&mut self, plan: &CellPlan, points: &SeriesPoints<'_>) -> usize {
        let mut work = points.len() / 8;
        let mut stretch = (i64::MAX, i64::MIN);
        let mut at = 0;
        let times = points.times.get(..points.len()).unwrap_or_default();
        while let Some(&time) = times.get(at) {
            if time < stretch.0 || stretch.1 <= time {
                stretch = plan.buckets.stretch(time);
            }
            let bucket = plan.buckets.of(time);
            let begun = bucket.begin <= time;
            let key = Key {
                change: stretch.0,
                index: bucket.index,
                begun,
            };
            let mut behind = plan.buckets.number_ends(bucket.index, time).min(stretch.1);
            if !begun {
                behind = behind.min(bucket.begin);
            }
            let rest = &times[at..];
            let count = 1 + first_not_before(&rest[1..], behind);
            if let Some(cell) = Cell::of(plan.law, points, at..at + count) {
                self.join_one(plan.law, key, cell);
            }
            at += count;
            work += plan.buckets.work() + 3;
        }
        work
    }

    fn join_one(&mut self, law: Law, key: Key, cell: Cell) {
        self.0
            .entry(key)
            .and_modify(|known| known.join(law, &cell))
            .or_insert(cell);
    }

    /// Join cells of other series of the group: what another shard has folded by the same plan.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn join(
        &mut self,
        plan: &CellPlan,
        other: Cells,
        pace: &Pace<'_>,
    ) -> Result<(), QueryError> {
        if self.0.is_empty() {
            self.0 = other.0;
            return Ok(());
        }
        for (key, cell) in other.0 {
            self.join_one(plan.law, key, cell);
            pace.did(5).await?;
        }
        Ok(())
    }

    /// The stream behind the aggregator.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn finish(self, plan: &CellPlan, pace: &Pace<'_>) -> Result<Stream, QueryError> {
        let stamp = match plan.law {
            Law::Last => Stamp::Last,
            _ => Stamp::First,
        };
        let told = |index: i64, cell: &Cell| {
            let bucket = plan.buckets.numbered(index, cell.first_time);
            let times = (cell.first_time, cell.last_time);
            Point {
                time: stamp.of(&plan.range, bucket, times),
                value: cell.told(plan.law),
            }
        };
        let mut points = Vec::with_capacity(self.0.len());
        let mut open: Option<(i64, i64, Cell)> = None;
        for (key, cell) in self.0 {
            match &mut open {
                Some((_, end, known)) if cell.first_time < *end => known.join(plan.law, &cell),
                _ => {
                    let bucket = plan.buckets.numbered(key.index, cell.first_time);
                    if let Some((index, _, known)) = open.replace((key.index, bucket.end, cell)) {
                        points.push(told(index, &known));
                    }
                }
            }
            pace.did(5).await?;
        }
        if let Some((index, _, known)) = open {
            points.push(told(index, &known));
        }
        Ok(Stream {
            kind: Kind::Number,
            points,
        })
    }
}

/// How many of ascending times are before an instant. Looks far ahead only if that is far.
fn first_not_before(times: &[i64], end: i64) -> usize {
    let mut begin = 0;
    let mut width = 8;
    while let Some(time) = times.get(begin + width) {
        if end <= *time {
            break;
        }
        begin += width;
        width *= 2;
    }
    let seen = times.get(begin..).unwrap_or_default();
    let seen = seen.get(..=width).unwrap_or(seen);
    begin + seen.partition_point(|time| *time < end)
}

impl Cell {
    /// What some points of a series come to; `None` if these are none.
    fn of(law: Law, points: &SeriesPoints<'_>, stretch: std::ops::Range<usize>) -> Option<Cell> {
        let times = points.times.get(stretch.clone())?;
        let mut cell = Cell {
            count: times.len() as u64,
            first_time: *times.first()?,
            last_time: *times.last()?,
            numbers: (0.0, 0.0),
            value: None,
        };
        match law {
            Law::Count => {}
            Law::First => cell.value = points.values.value(stretch.start),
            Law::Last => cell.value = points.values.value(stretch.end - 1),
            Law::Average | Law::Sum => {
                let add = |sum, value| compensated(sum, (value, 0.0));
                cell.numbers = folded(&points.values, stretch, (0.0, 0.0), add)?;
            }
            Law::Maximum => {
                cell.numbers.0 = folded(&points.values, stretch, f64::NEG_INFINITY, greater)?;
            }
            Law::Minimum => {
                cell.numbers.0 = folded(&points.values, stretch, f64::INFINITY, lesser)?;
            }
            Law::Deviation { .. } => {
                let push = |mut moments: Moments, value| {
                    moments.push(value);
                    moments
                };
                let moments = folded(&points.values, stretch, Moments::default(), push)?;
                cell.numbers = (moments.mean, moments.squares);
            }
        }
        Some(cell)
    }

    fn moments(&self) -> Moments {
        let (mean, squares) = self.numbers;
        Moments {
            count: self.count,
            mean,
            squares,
        }
    }

    /// Both together.
    fn join(&mut self, law: Law, other: &Cell) {
        match law {
            Law::Average | Law::Sum => self.numbers = compensated(self.numbers, other.numbers),
            Law::Count => {}
            Law::Deviation { .. } => {
                let moments = self.moments().joined(other.moments());
                self.numbers = (moments.mean, moments.squares);
            }
            Law::First => {
                let place = |cell: &Cell| (cell.first_time, rank(cell.value));
                if place(other) < place(self) {
                    self.value = other.value;
                }
            }
            Law::Last => {
                let place = |cell: &Cell| (cell.last_time, rank(cell.value));
                if place(self) < place(other) {
                    self.value = other.value;
                }
            }
            Law::Maximum => self.numbers.0 = greater(self.numbers.0, other.numbers.0),
            Law::Minimum => self.numbers.0 = lesser(self.numbers.0, other.numbers.0),
        }
        self.count += other.count;
        self.first_time = self.first_time.min(other.first_time);
        self.last_time = self.last_time.max(other.last_time);
    }

    fn told(&self, law: Law) -> Value {
        match law {
            Law::Average => Value::Double((self.numbers.0 + self.numbers.1) / self.count as f64),
            Law::Sum => Value::Double(self.numbers.0 + self.numbers.1),
            Law::Maximum | Law::Minimum => Value::Double(self.numbers.0),
            Law::Count => Value::Long(self.count as i64),
            Law::First | Law::Last => self.value.unwrap_or(Value::Null),
            Law::Deviation { returned, count } => {
                Value::Double(self.moments().told(returned, count))
            }
        }
    }
}

/// The order of values of one time: that of floats, and where that does not tell, any that does.
fn rank(value: Option<Value>) -> (u64, bool, i64) {
    match value {
        Some(Value::Double(value)) => (ordered(value), false, 0),
        Some(Value::Long(value)) => (ordered(value as f64), true, value),
        Some(Value::Text(_) | Value::Null) | None => (0, false, 0),
    }
}

/// Add a sum to another, each with what it has lost by rounding (Neumaier 1974).
#[inline]
fn compensated((sum, lost): (f64, f64), (more, more_lost): (f64, f64)) -> (f64, f64) {
    let total = sum + more;
    let rounded = if sum.abs() >= more.abs() {
        (sum - total) + more
    } else {
        (more - total) + sum
    };
    (total, lost + rounded + more_lost)
}

/// What some numbers of a series come to.
fn folded<T>(
    values: &Column<'_>,
    stretch: std::ops::Range<usize>,
    empty: T,
    push: impl Fn(T, f64) -> T,
) -> Option<T> {
    match values {
        Column::Double(values) => Some(values.get(stretch)?.iter().copied().fold(empty, push)),
        Column::Long(values) => {
            let longs = values.get(stretch)?.iter();
            let longs = longs.map(|bits| bits.to_bits() as i64 as f64);
            Some(longs.fold(empty, push))
        }
        Column::Text { .. } => None,
    }
}
