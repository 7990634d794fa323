//! A series on its way through functions: evenly spaced values, as Graphite's functions see it.

use std::collections::BTreeMap;

use super::breath::{self, Pace, SERIES_WORK};
use super::error::QueryError;
use crate::index::tags::{NAME_KEY, OWN_NAME_KEY};
use crate::model::refusal::Reason;
use crate::model::series::SeriesName;

/// How several values become one: Graphite's consolidation functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// Mean of what is there.
    #[default]
    Average,
    /// Mean with nulls as zero.
    AverageZero,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// First that is there.
    First,
    /// Last that is there.
    Last,
    /// What no one knows how to do: fine as long as nothing has to be folded, see [`Series::fold_known`].
    Unknown,
}

impl Fold {
    /// Every name that `consolidateBy` takes, with what it means.
    pub const NAMES: [(&'static str, Fold); 8] = [
        ("average", Fold::Average),
        ("avg", Fold::Average),
        ("avg_zero", Fold::AverageZero),
        ("first", Fold::First),
        ("last", Fold::Last),
        ("max", Fold::Max),
        ("min", Fold::Min),
        ("sum", Fold::Sum),
    ];

    /// The fold that Graphite calls `name`.
    pub fn named(name: &str) -> Option<Fold> {
        Fold::NAMES
            .iter()
            .find(|known| known.0 == name)
            .map(|known| known.1)
    }

    /// Graphite's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Fold::Average => "average",
            Fold::AverageZero => "avg_zero",
            Fold::Sum => "sum",
            Fold::Min => "min",
            Fold::Max => "max",
            Fold::First => "first",
            Fold::Last => "last",
            Fold::Unknown => "unknown",
        }
    }

    /// Whether whole numbers become a whole number.
    pub fn keeps_integers(self) -> bool {
        !matches!(self, Fold::Average | Fold::AverageZero)
    }

    /// One value for a bucket that has room for `room` values, of which `values` were there to
    /// look at. NaN if all are null, or if the share of values in `room` is below `x_files_factor`.
    pub fn fold(self, values: &[f64], room: f64, x_files_factor: f64) -> f64 {
        let mut folding = Folding::new(self);
        folding.take(values);
        folding.finish(room, x_files_factor)
    }
}

/// A fold under way: it takes its values one stretch after the other.
#[derive(Clone, Copy, Debug)]
pub struct Folding {
    fold: Fold,
    looked_at: usize,
    present: usize,
    so_far: f64,
}

impl Folding {
    /// Nothing was looked at yet.
    pub fn new(fold: Fold) -> Folding {
        let so_far = match fold {
            Fold::Average | Fold::AverageZero | Fold::Sum => 0.0,
            Fold::Min => f64::INFINITY,
            Fold::Max => f64::NEG_INFINITY,
            Fold::First | Fold::Last | Fold::Unknown => f64::NAN,
        };
        Folding {
            fold,
            looked_at: 0,
            present: 0,
            so_far,
        }
    }

    /// Look at the next values; NaN is null.
    pub fn take(&mut self, values: &[f64]) {
        let present = values.iter().copied().filter(|value| !value.is_nan());
        let mut count = 0;
        let counted = present.inspect(|_| count += 1);
        let so_far = self.so_far;
        self.so_far = match self.fold {
            Fold::Average | Fold::AverageZero | Fold::Sum => counted.fold(so_far, |a, b| a + b),
            Fold::Min => counted.fold(so_far, f64::min),
            Fold::Max => counted.fold(so_far, f64::max),
            Fold::Last => counted.fold(so_far, |_, value| value),
            Fold::Unknown => counted.fold(so_far, |nothing, _| nothing),
            Fold::First => counted.fold(
                so_far,
                |first, value| {
                    if first.is_nan() { value } else { first }
                },
            ),
        };
        self.present += count;
        self.looked_at += values.len();
    }

    /// The one value, as [`Fold::fold`] says.
    pub fn finish(self, room: f64, x_files_factor: f64) -> f64 {
        let count = self.present as f64;
        if self.present == 0 || count / room < x_files_factor {
            return f64::NAN;
        }
        match self.fold {
            Fold::Average => self.so_far / count,
            Fold::AverageZero => self.so_far / self.looked_at as f64,
            Fold::Sum | Fold::Min | Fold::Max | Fold::First | Fold::Last | Fold::Unknown => {
                self.so_far
            }
        }
    }
}

/// One series. `values[i]` belongs to `start + i * step`; NaN means null.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend says.
    pub name: String,
    /// The text of the target that produced it; combining functions print this.
    pub path_expression: String,
    /// Seconds since the epoch of the first value.
    pub start: i64,
    /// Seconds from value to value, at least 1.
    pub step: i64,
    /// The values; NaN where there is none.
    pub values: Vec<f64>,
    /// Whether all values are whole numbers, counts mostly, that are told without a point: `4`, not `4.0`.
    pub integers: bool,
    /// By how many seconds the last values lie behind the end of the range that they are of. Lines of
    /// constants and averages that look back have such values; `maxDataPoints` counts without them.
    pub over_s: i64,
    /// How maxDataPoints and step normalisation fold it.
    pub fold: Fold,
    /// Share of values that must be there for a fold to give one, 0 to 1.
    pub x_files_factor: f64,
    /// Tags, `name` among them.
    pub tags: BTreeMap<String, String>,
    /// How a picture shows it.
    pub look: Look,
}

/// How a picture shows a series: what the functions of the group "Graph" say. The default says nothing,
/// and the picture decides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// How opaque its line or area is, 0 to 1.
    pub alpha: Option<f64>,
    /// A name of a colour, or its red, green, blue (and opacity) in hexadecimal digits.
    pub color: Option<String>,
    /// Length of the dashes of its line, in pixels.
    pub dashed: Option<f64>,
    /// Width of its line, in pixels.
    pub line_width: Option<f64>,
    /// It belongs to the axis on the right.
    pub second_y_axis: bool,
    /// Every value that is not null or zero is a line from bottom to top.
    pub draw_as_infinite: bool,
    /// It is drawn as an area that reaches down to the series before it.
    pub stacked: bool,
    /// Its line is not drawn, only what other series take from it.
    pub invisible: bool,
}

/// The tags of a series, with its metric as `name`. A tag of that name, which only KairosDB can send, is
/// `name_`, as in searches, unless there is one.
pub fn tags_of(name: &SeriesName) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = name.tags().iter().cloned().collect();
    if let Some(own) = tags.insert(NAME_KEY.to_owned(), name.metric().to_owned()) {
        tags.entry(OWN_NAME_KEY.to_owned()).or_insert(own);
    }
    tags
}

impl Series {
    /// A stored series as a leaf of a target. `name` is its canonical text; `values` come from
    /// [`slot`](super::graphite::slots::slot).
    ///
    /// # Errors
    /// Where `name` is no canonical text of a series.
    pub fn leaf(
        name: String,
        start: i64,
        step: i64,
        values: Vec<f64>,
        x_files_factor: f64,
    ) -> Result<Series, Reason> {
        let parsed = SeriesName::from_text(&name)?;
        Ok(Series {
            path_expression: name.clone(),
            name,
            start,
            step: step.max(1),
            values,
            integers: false,
            over_s: 0,
            fold: Fold::Average,
            x_files_factor,
            tags: tags_of(&parsed),
            look: Look::default(),
        })
    }

    /// Give back its memory, in pieces where that is much.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn free(self, pace: &Pace<'_>) -> Result<(), QueryError> {
        breath::free(self.values, pace).await?;
        pace.did(SERIES_WORK).await
    }

    /// Seconds since the epoch just behind the last value.
    pub fn end(&self) -> i64 {
        let width = self.step.saturating_mul(self.values.len() as i64);
        self.start.saturating_add(width)
    }

    /// Seconds since the epoch at which the range ends that its values are of.
    pub fn range_end(&self) -> i64 {
        self.end().saturating_sub(self.over_s)
    }

    /// The same values, of a range that ends at `end`, in seconds since the epoch.
    pub fn of_range_to(mut self, end: i64) -> Series {
        self.over_s = self.end().saturating_sub(end);
        self
    }

    /// How its values are folded, as whoever asked for it has written it.
    pub fn fold_name(&self) -> &str {
        let written = self.tags.get("consolidateBy").map(String::as_str);
        match self.fold {
            Fold::Unknown => written.unwrap_or_default(),
            known => known.name(),
        }
    }

    /// Asked before its values are folded.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] where no one knows how, as graphite-web says it.
    pub fn fold_known(&self) -> Result<(), QueryError> {
        match self.fold {
            Fold::Unknown => Err(QueryError::Invalid(format!(
                "Invalid consolidation function: '{}'",
                self.fold_name()
            ))),
            _ => Ok(()),
        }
    }

    /// Every value with its time in seconds; NaN where there is none.
    pub fn points(&self) -> impl Iterator<Item = (i64, f64)> + '_ {
        let time = |i: usize| {
            self.start
                .saturating_add(self.step.saturating_mul(i as i64))
        };
        self.values
            .iter()
            .enumerate()
            .map(move |(i, &value)| (time(i), value))
    }

    /// Only the values that are there, with their times in seconds.
    pub fn present_points(&self) -> impl Iterator<Item = (i64, f64)> + '_ {
        self.points().filter(|point| !point.1.is_nan())
    }

    /// Whether every value is there.
    pub fn is_full(&self) -> bool {
        !self.values.iter().any(|value| value.is_nan())
    }

    /// Whether no value is there at all.
    pub fn is_all_null(&self) -> bool {
        self.values.iter().all(|value| value.is_nan())
    }
}
