//! The series of a group become one stream.
//!
//! A tournament: each series stands with its next point at a leaf of a binary tree, the earlier of two
//! goes up, and at the root is the next point of the stream. So a point costs as many comparisons as the
//! number of series has binary digits, and nothing but the stream itself takes memory. A time and a value
//! are compared as one whole number.

use super::stream::{Kind, Point, Stream, Value};
use crate::query::breath::{CHUNK, Pace};
use crate::query::error::QueryError;

/// Points of one series, by time, of each time one.
#[derive(Clone, Copy, Debug)]
pub struct SeriesPoints<'a> {
    /// Milliseconds since the epoch, ascending.
    pub times: &'a [i64],
    /// As many values.
    pub values: Column<'a>,
}

/// Values of one series.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// The bits of an [`i64`] each.
    Long(&'a [f64]),
    /// Floats.
    Double(&'a [f64]),
    /// The bits of a [`u64`] each: the place of a text among those of the series.
    Text {
        /// Places.
        places: &'a [f64],
        /// The place of the series' first text among the [`Texts`](super::stream::Texts) of the query.
        first: u32,
    },
}

impl SeriesPoints<'_> {
    /// How many points.
    pub fn len(&self) -> usize {
        self.times.len().min(self.values.values().len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn point(&self, at: usize) -> Option<Point> {
        let time = *self.times.get(at)?;
        let value = self.values.value(at)?;
        Some(Point { time, value })
    }
}

impl<'a> Column<'a> {
    fn values(&self) -> &'a [f64] {
        match self {
            Column::Long(values) | Column::Double(values) => values,
            Column::Text { places, .. } => places,
        }
    }

    /// One value.
    pub(super) fn value(&self, at: usize) -> Option<Value> {
        let value = *self.values().get(at)?;
        Some(match self {
            Column::Long(_) => Value::Long(value.to_bits() as i64),
            Column::Double(_) => Value::Double(value),
            Column::Text { first, .. } => Value::Text(first.wrapping_add(value.to_bits() as u32)),
        })
    }
}

/// Floats as whole numbers of the same order; -0 is below 0, and NaN at the ends.
pub(super) fn ordered(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ (((bits as i64 >> 63) as u64) | 1 << 63)
}

/// What [`ordered`] was given.
pub(super) fn unordered(ordered: u64) -> f64 {
    let negative = (!(ordered as i64) >> 63) as u64;
    f64::from_bits(ordered ^ (negative | 1 << 63))
}

/// Where a point stands in a stream: by time, then by value. Texts of one time stand in the order of
/// their series.
fn place(point: Point, descending: bool) -> u128 {
    let value = match point.value {
        Value::Long(value) => ordered(value as f64),
        Value::Double(value) => ordered(value),
        Value::Text(_) | Value::Null => 0,
    };
    let time = point.time as u64 ^ 1 << 63;
    let place = u128::from(time) << 64 | u128::from(value);
    if descending { !place } else { place }
}

/// The next point of a series, and where it stands.
#[derive(Clone, Copy)]
struct Entry {
    place: u128,
    series: u32,
}

impl Entry {
    /// Behind every point.
    const NONE: Entry = Entry {
        place: u128::MAX,
        series: u32::MAX,
    };

    /// Whether this goes first. Where nothing else tells, it is the order of the series.
    fn beats(&self, other: &Entry) -> bool {
        (self.place, self.series) < (other.place, other.series)
    }
}

/// The next points of all series, and the first of each two of them.
struct Tournament<'a> {
    series: &'a [SeriesPoints<'a>],
    /// Points taken of each.
    taken: Vec<usize>,
    /// Node `i` is above `2i` and `2i + 1`; the last half are the series.
    tree: Vec<Entry>,
    descending: bool,
}

impl<'a> Tournament<'a> {
    fn new(series: &'a [SeriesPoints<'a>], descending: bool) -> Tournament<'a> {
        let leaves = series.len().next_power_of_two();
        let mut tournament = Tournament {
            series,
            taken: vec![0; series.len()],
            tree: vec![Entry::NONE; 2 * leaves],
            descending,
        };
        for i in 0..series.len() {
            tournament.tree[leaves + i] = tournament.entry(i);
        }
        for node in (1..leaves).rev() {
            tournament.decide(node);
        }
        tournament
    }

    /// The next point of a series.
    fn next_of(&self, series: usize) -> Option<Point> {
        let points = self.series.get(series)?;
        let taken = *self.taken.get(series)?;
        let at = if self.descending {
            points.len().checked_sub(taken + 1)?
        } else {
            taken
        };
        points.point(at)
    }

    fn entry(&self, series: usize) -> Entry {
        self.next_of(series).map_or(Entry::NONE, |point| Entry {
            place: place(point, self.descending),
            series: series as u32,
        })
    }

    fn decide(&mut self, node: usize) {
        let (left, right) = (self.tree[2 * node], self.tree[2 * node + 1]);
        self.tree[node] = if right.beats(&left) { right } else { left };
    }

    fn pop(&mut self) -> Option<Point> {
        let series = self.tree.get(1)?.series as usize;
        let point = self.next_of(series)?;
        self.taken[series] += 1;
        let mut node = self.tree.len() / 2 + series;
        self.tree[node] = self.entry(series);
        while node > 1 {
            node /= 2;
            self.decide(node);
        }
        Some(point)
    }
}

/// The points of all series, by time and those of one time by value, or, `descending`, the other way
/// round; at most so many. All series are of this kind.
///
/// Numbers of one time that are equal as floats stand in the order of their series, and so do texts;
/// KairosDB gives such in any order.
///
/// # Errors
/// As [`Pace::did`].
pub async fn merge(
    series: &[SeriesPoints<'_>],
    kind: Kind,
    descending: bool,
    points_max: usize,
    pace: &Pace<'_>,
) -> Result<Stream, QueryError> {
    let count: usize = series.iter().map(SeriesPoints::len).sum();
    let mut points = Vec::with_capacity(count.min(points_max));
    let mut tournament = match series {
        [only] => {
            take_all(only, descending, points_max, &mut points, pace).await?;
            return Ok(Stream { kind, points });
        }
        _ => Tournament::new(series, descending),
    };
    pace.did(series.len()).await?;
    while points.len() < points_max {
        let wanted = CHUNK.min(points_max - points.len());
        let before = points.len();
        points.extend(std::iter::from_fn(|| tournament.pop()).take(wanted));
        let came = points.len() - before;
        if came < wanted {
            break;
        }
        pace.did(came).await?;
    }
    Ok(Stream { kind, points })
}

async fn take_all(
    series: &SeriesPoints<'_>,
    descending: bool,
    points_max: usize,
    points: &mut Vec<Point>,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    let count = series.len();
    let wanted = count.min(points_max);
    while points.len() < wanted {
        let begin = points.len();
        let end = (begin + CHUNK).min(wanted);
        let some = begin..end;
        if descending {
            points.extend(some.filter_map(|i| series.point(count - 1 - i)));
        } else {
            points.extend(some.filter_map(|i| series.point(i)));
        }
        pace.did((end - begin) / 4).await?;
    }
    Ok(())
}
