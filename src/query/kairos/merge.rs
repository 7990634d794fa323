//! The series of a group become one stream.

use super::joining::Joining;
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

    /// All points.
    pub fn points(&self) -> impl Iterator<Item = Point> {
        (0..self.len()).filter_map(|at| self.point(at))
    }

    /// One point.
    pub(super) fn point(&self, at: usize) -> Option<Point> {
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
    let wanted = count.min(points_max);
    let mut points = Vec::with_capacity(wanted);
    let mut joining = Joining::new(series.iter().copied(), descending);
    pace.did(series.len()).await?;
    while points.len() < wanted {
        let before = points.len();
        let is_last = joining.step(CHUNK.min(wanted - before), &mut points);
        pace.did(points.len() - before).await?;
        if is_last {
            break;
        }
    }
    points.truncate(wanted);
    Ok(Stream { kind, points })
}
